"""One JSON LogEntry to one typed entry, whatever stands in its fields."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from bot.domain.logs import HttpRequest, LogEntry, Severity
from bot.domain.moments import parse_nanoseconds
from bot.logs.severity import given, infer, of_status

_MOST_NS = 2**63
_MOST_TEXT = 200_000
_MOST_DIGITS = 300
_MESSAGES = ("message", "msg", "event")
_STACKS = ("exc_info", "exc_text", "exception", "stack_trace", "stacktrace", "stack", "traceback")
_LOGGERS = ("logger", "logger_name", "name")
_STATED = ("severity", "level", "levelname")
_INSTANCE_LABELS = ("instanceId", "instance_id")
STACK_SIGN = "Traceback (most recent call last)"
"""What a field must hold to be taken for a stack."""


class _Resource(msgspec.Struct):
    type: str = ""
    labels: dict[str, str] = {}


class _Wire(msgspec.Struct, rename="camel"):
    """The fields of a LogEntry that are read, as Cloud Logging writes them."""

    insert_id: str = ""
    timestamp: str = ""
    receive_timestamp: str = ""
    severity: str | int = ""
    log_name: str = ""
    trace: str = ""
    text_payload: str | None = None
    json_payload: dict[str, Any] | None = None
    proto_payload: dict[str, Any] | None = None
    http_request: dict[str, Any] | None = None
    resource: _Resource | None = None
    labels: dict[str, str] = {}


_WIRE = msgspec.json.Decoder(_Wire)
_ANYTHING = msgspec.json.Decoder()


def entry_from_json(raw: bytes) -> LogEntry:
    """Read one LogEntry.

    A field of an unexpected type is read as far as it makes sense and never makes the entry unreadable.
    Raises ValueError with a short reason for what is no LogEntry.
    """
    try:
        return _entry(_WIRE.decode(raw), raw)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raw = _mended(raw)
    try:
        value = _ANYTHING.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raw = _mended(raw)
        value = _ANYTHING.decode(raw)
    return _entry(_lenient(value), raw)


def _mended(raw: bytes) -> bytes:
    """The JSON with what is no Unicode replaced and numbers beyond all bounds as text. Raises ValueError.

    One stray byte, or one `1e999`, must not cost an entry.
    """
    try:
        text = raw.decode("utf-8", "replace")
        value = json.loads(text, parse_float=_bounded, parse_int=_bounded, parse_constant=str)
        mended = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        _ANYTHING.decode(mended)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}"[:200]) from None
    return mended


def _bounded(number: str) -> float | int | str:
    if len(number) > _MOST_DIGITS:
        return number
    value = float(number) if set(number) & set(".eE") else int(number)
    return number if isinstance(value, float) and not math.isfinite(value) else value


def _lenient(value: object) -> _Wire:
    """The fields of an object whose types may be anything. Raises ValueError when it is no object."""
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what callers are told to expect
    resource = value.get("resource")
    severity = value.get("severity")
    text = value.get("textPayload")
    return _Wire(
        insert_id=_string(value.get("insertId")),
        timestamp=_string(value.get("timestamp")),
        receive_timestamp=_string(value.get("receiveTimestamp")),
        severity=severity if isinstance(severity, str | int) else "",
        log_name=_string(value.get("logName")),
        trace=_string(value.get("trace")),
        text_payload=None if text is None else _printed(text),
        json_payload=_object(value.get("jsonPayload")),
        proto_payload=_object(value.get("protoPayload")),
        http_request=_object(value.get("httpRequest")),
        resource=_Resource(_string(resource.get("type")), _strings(resource.get("labels")))
        if isinstance(resource, dict) else None,
        labels=_strings(value.get("labels")),
    )


def _entry(wire: _Wire, raw: bytes) -> LogEntry:
    kinds = (wire.text_payload, wire.json_payload, wire.proto_payload, wire.http_request, wire.resource)
    if all(kind is None for kind in kinds) and not wire.insert_id and not wire.log_name:
        raise ValueError("a JSON object, but not a LogEntry")
    time_ns = _time(wire.timestamp or wire.receive_timestamp)
    resource = wire.resource.labels if wire.resource is not None else {}
    payload = wire.json_payload
    request = _request(wire.http_request)
    text = _text(wire, request)
    severity = given(wire.severity)
    if severity is Severity.DEFAULT and payload is not None:
        stated = (given(payload.get(key)) for key in _STATED)
        severity = next((level for level in stated if level is not Severity.DEFAULT), severity)
    if severity is Severity.DEFAULT and request is not None and request.status:
        severity = of_status(request.status)
    inferred = severity is Severity.DEFAULT
    if inferred:
        severity = infer(text)
    labels = wire.labels
    return LogEntry(
        insert_id=wire.insert_id or _derived_id(raw),
        time_ns=time_ns,
        severity=severity,
        inferred=inferred,
        text=text,
        project=resource.get("project_id") or _project(wire.log_name),
        service=resource.get("service_name") or resource.get("configuration_name") or resource.get("job_name")
        or resource.get("container_name") or resource.get("module_id") or "",
        revision=resource.get("revision_name") or resource.get("version_id") or "",
        instance=labels.get("instanceId") or labels.get("instance_id") or resource.get("instance_id")
        or resource.get("pod_name") or "",
        log_name=wire.log_name,
        logger=_first(payload, _LOGGERS) or labels.get("python_logger", ""),
        trace=wire.trace,
        request=request,
        labels=tuple(pair for pair in labels.items() if pair[0] not in _INSTANCE_LABELS),
        raw=raw,
    )


def _text(wire: _Wire, request: HttpRequest | None) -> str:
    text = wire.text_payload
    if text is None and wire.json_payload is not None:
        text = _payload_text(wire.json_payload)
    if text is None and wire.proto_payload is not None:
        text = _audit_text(wire.proto_payload)
    if request is not None:
        text = request_line(request.method, request.url, request.status, text or "")
    return (text or "")[:_MOST_TEXT]


def request_line(method: str, url: str, status: int, text: str) -> str:
    """The text of a request entry: what was asked, how it ended (0: not known) and what else the entry says."""
    line = f"{method} {url} -> {status or '?'}"
    return f"{line}: {text}" if text else line


def _payload_text(payload: dict[str, Any]) -> str:
    """The message of a structured entry and, where it is not in it yet, the traceback from its own field."""
    message = next((_printed(payload[key]) for key in _MESSAGES if payload.get(key) is not None), None)
    stack = stack_of(payload) or stack_of(payload.get("error"))
    if message is None:
        return stack or _printed(payload)
    return f"{message}\n{stack}" if stack and STACK_SIGN not in message else message


def stack_of(payload: object) -> str:
    """The traceback in a field of a payload that is meant for one; empty where there is none."""
    if not isinstance(payload, dict):
        return ""
    return next((value for key in _STACKS if (value := _stack(payload.get(key)))), "")


def _stack(value: object) -> str:
    return value if isinstance(value, str) and STACK_SIGN in value and "\n" in value else ""


def _audit_text(payload: dict[str, Any]) -> str:
    """One line for an audit record: what was done to what, and how it ended."""
    status = payload.get("status")
    ended = _string(status.get("message")) if isinstance(status, dict) else ""
    parts = (_string(payload.get("methodName")), _string(payload.get("resourceName")), ended)
    return " ".join(part for part in parts if part) or _string(payload.get("@type")) or _printed(payload)


def _request(value: dict[str, Any] | None) -> HttpRequest | None:
    if value is None:
        return None
    status = value.get("status")
    if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) <= 4:
        status = int(status)
    known = isinstance(status, int | float) and not isinstance(status, bool) and 0 <= status < 1000
    return HttpRequest(
        method=_string(value.get("requestMethod")) or "?",
        url=_string(value.get("requestUrl")) or "?",
        status=int(status) if known and status is not None else 0,
    )


def _time(text: str) -> int:
    if not text:
        raise ValueError("no timestamp")
    fraction = text[20:-1]
    if text[19:20] == "." and text.endswith("Z") and fraction.isascii() and fraction.isdigit() and len(fraction) <= 9:
        moment = _second(text[:19]) + int(fraction.ljust(9, "0"))
    else:
        moment = parse_nanoseconds(text)
    if not 0 <= moment < _MOST_NS:
        raise ValueError(f"{text[:40]!r} is not a time of a log entry")
    return moment


@lru_cache(maxsize=4_096)
def _second(text: str) -> int:
    return parse_nanoseconds(f"{text}Z")


def _derived_id(raw: bytes) -> str:
    """An id from the entry's content, the same however the JSON is spaced or ordered."""
    canonical = msgspec.json.encode(_ANYTHING.decode(raw), order="deterministic")
    return "derived-" + blake2b(canonical, digest_size=8).hexdigest()


def _project(log_name: str) -> str:
    return log_name[9:].partition("/")[0] if log_name.startswith("projects/") else ""


def _first(payload: dict[str, Any] | None, keys: tuple[str, ...]) -> str:
    if payload is None:
        return ""
    return next((value for key in keys if isinstance(value := payload.get(key), str) and value), "")


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _printed(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="deterministic").decode()


def _object(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _strings(value: object) -> dict[str, str]:
    return {key: _printed(item) for key, item in value.items()} if isinstance(value, dict) else {}
