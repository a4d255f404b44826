"""Whether staging's log says that an incident is gone: `judging.judge`."""
