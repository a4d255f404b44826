"""Structured logs: one JSON object a line on stdout, tracebacks as plain text on stderr."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

NOTICE = 25
trace: ContextVar[str] = ContextVar("trace", default="")


class JsonFormatter(logging.Formatter):
    """The fields that Cloud Logging knows (severity, message, time, trace), then those of the record."""

    def __init__(self, project: str = "") -> None:
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
        }
        line.update(getattr(record, "fields", {}))
        if self._project and (trace_id := trace.get()):
            line["logging.googleapis.com/trace"] = f"projects/{self._project}/traces/{trace_id}"
        return json.dumps(line)


class TracebackFormatter(logging.Formatter):
    """Only the traceback, as Error Reporting wants it."""

    def format(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


def configure(project: str = "") -> None:
    """Send records to stdout as JSON, and the tracebacks of those that have one to stderr."""
    logging.addLevelName(NOTICE, "NOTICE")
    lines = logging.StreamHandler(sys.stdout)
    lines.setFormatter(JsonFormatter(project))
    tracebacks = logging.StreamHandler(sys.stderr)
    tracebacks.setFormatter(TracebackFormatter())
    tracebacks.addFilter(lambda record: bool(record.exc_info))
    logging.basicConfig(level=logging.INFO, handlers=[lines, tracebacks], force=True)
    logging.getLogger("websockets").setLevel(logging.WARNING)
