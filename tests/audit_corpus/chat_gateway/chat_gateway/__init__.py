"""A small websocket gateway: readiness, connections, routing."""
