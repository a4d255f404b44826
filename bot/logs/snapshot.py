"""The entries of a record as redacted NDJSON, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from bot.domain.logs import LogEntry, Severity
from bot.domain.moments import rfc3339
from bot.logs.entries import entry_from_json
from bot.logs.redact import Redactor

_IDENTITY = ("insertId", "timestamp", "logName", "resource", "trace", "spanId")
"""Fields that Cloud Logging makes, without a user's text: citations and identities rest on them."""
_STRICT = Redactor()


def snapshot_lines(entries: Iterable[LogEntry], redactor: Redactor = _STRICT) -> bytes:
    """One LogEntry a line, redacted, in time order. Every line has an insertId, a derived one if need be."""
    ordered = sorted(entries, key=lambda entry: (entry.time_ns, entry.insert_id, entry.project))
    return b"".join(msgspec.json.encode(_redacted(entry, redactor)) + b"\n" for entry in ordered)


def redacted_line(line: bytes, redactor: Redactor = _STRICT) -> bytes:
    """One JSON LogEntry, redacted; what is none, redacted as text."""
    try:
        entry = entry_from_json(line)
    except ValueError:
        return redactor.text(line.decode("utf-8", "replace")).encode()
    return msgspec.json.encode(_redacted(entry, redactor))


def parse_snapshot(content: bytes) -> tuple[LogEntry, ...]:
    """The entries of a snapshot, in its order. Raises ValueError, naming the line, when one is damaged."""
    entries: list[LogEntry] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            try:
                entries.append(entry_from_json(line))
            except ValueError as error:
                raise ValueError(f"line {number} of the log snapshot: {error}") from None
    return tuple(entries)


def _redacted(entry: LogEntry, redactor: Redactor) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.json.decode(entry.raw, type=dict[str, Any]) if entry.raw else _minimal(entry)
    clean: dict[str, Any] = {}
    for key, item in value.items():
        clean.update({key: item} if key in _IDENTITY and _is_plain(item) else redactor.object({key: item}))
    clean["insertId"] = entry.insert_id
    return clean


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 512 and "@" not in value


def _minimal(entry: LogEntry) -> dict[str, Any]:
    """A LogEntry in JSON for an entry that was not read from one."""
    value: dict[str, Any] = {
        "insertId": entry.insert_id,
        "timestamp": rfc3339(entry.time_ns),
        "logName": entry.log_name,
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"project_id": entry.project, "service_name": entry.service, "revision_name": entry.revision},
        },
        "labels": {**dict(entry.labels), "instanceId": entry.instance},
    }
    if entry.severity is not Severity.DEFAULT:
        value["severity"] = entry.severity.value
    if entry.trace:
        value["trace"] = entry.trace
    if entry.request is not None:
        value["httpRequest"] = {
            "requestMethod": entry.request.method, "requestUrl": entry.request.url, "status": entry.request.status,
        }
    elif entry.logger:
        value["jsonPayload"] = {"message": entry.text, "logger": entry.logger}
    else:
        value["textPayload"] = entry.text
    return value
