"""Jobs, pipelines, retries and rate limits on top of anyio."""
