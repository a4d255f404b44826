"""The only place where vendor SDKs are imported. One module an implementation of a port.

What the command line can name stands here: to add one, write its module with an `open_…` function and add
its line. Modules are named as text, since some of their SDKs take a second to import.
"""

from __future__ import annotations

from collections.abc import Mapping

LOG_SOURCES: Mapping[str, str] = {
    "file": "bot.adapters.file_logs",
    "gcp": "bot.adapters.gcp_logs",
}
"""--logs NAME[:REST]; the module has `open_log_source(rest, surroundings) -> LogSource`."""

MODELS: Mapping[str, str] = {
    "script": "bot.adapters.scripted_model",
    "replay": "bot.adapters.replayed_model",
    "claude": "bot.adapters.claude",
    "vertex": "bot.adapters.claude_vertex",
    "bedrock": "bot.adapters.claude_bedrock",
}
"""--model NAME:REST, or a Claude model's id alone; `open_model(rest, surroundings) -> Model`."""

FORGES: Mapping[str, str] = {
    "local": "bot.adapters.local_forge",
    "github": "bot.adapters.github_forge",
}
"""--forge NAME; `open_forge(repository, surroundings) -> Forge`."""
