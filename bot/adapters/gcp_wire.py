"""A LogEntry protocol buffer as a line of the JSON that Google exports: nanoseconds kept, whole numbers whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bot.domain.logs import SEVERITIES
from bot.domain.moments import rfc3339
from bot.logs.redact import redact

_WHOLE_BELOW = 2.0**53
_MOST_DEPTH = 200
_SEVERITY = {index * 100: name for index, name in enumerate(SEVERITIES)}


def entry_line(message: Any) -> bytes:
    """One entry as a line of JSON. What JSON cannot say (NaN, infinity) is said in words.

    An entry that cannot be said at all gives a line without a time, which is counted as damaged.
    """
    try:
        return msgspec.json.encode(entry_json(message))
    except (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        reason = redact(str(error).split("\n", 1)[0])[:200]
        return msgspec.json.encode({"insertId": message.insert_id, "unreadable": reason})


def entry_json(message: Any) -> dict[str, Any]:
    """The fields that are set, by their JSON names. Raises ValueError or TypeError for what JSON cannot say.

    Written out for the fields that most entries have: the general conversion costs more and refuses NaN.
    """
    value: dict[str, Any] = {}
    for field, item in message.ListFields():
        convert = _FIELDS.get(field.name)
        value[field.json_name] = _general(field, item) if convert is None else convert(item)
    return value


def nanoseconds(timestamp: Any) -> int:
    """Nanoseconds since 1970 of a Timestamp."""
    return int(timestamp.seconds) * 1_000_000_000 + int(timestamp.nanos)


def _time(timestamp: Any) -> str:
    return rfc3339(nanoseconds(timestamp))


def _resource(resource: Any) -> dict[str, Any]:
    return {"type": resource.type, "labels": dict(resource.labels)}


def _request(request: Any) -> dict[str, Any]:
    return {field.json_name: _general(field, item) for field, item in request.ListFields()}


def _as_is(item: Any) -> Any:
    return item


def _struct(struct: Any, depth: int = 0) -> dict[str, Any]:
    return {key: _json_value(item, depth + 1) for key, item in struct.fields.items()}


def _json_value(value: Any, depth: int) -> Any:
    if depth > _MOST_DEPTH:
        raise ValueError("nested too deeply")
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return _struct(value.struct_value, depth)
    if kind == "list_value":
        return [_json_value(item, depth + 1) for item in value.list_value.values]
    return None


def _number(number: float) -> int | float | str:
    """Protocol buffers keep JSON numbers as doubles: 500 comes back as 500.0, and there is NaN."""
    if abs(number) < _WHOLE_BELOW:
        return int(number) if number.is_integer() else number
    return number if number - number == 0 else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(number)]


def _proto_payload(payload: Any) -> dict[str, Any]:
    """An audit record. Of one whose type this client does not know, everything but its content can be read."""
    from google.protobuf import json_format  # type: ignore[import-untyped]

    try:
        value: dict[str, Any] = json_format.MessageToDict(payload)
    except (TypeError, json_format.SerializeToJsonError):
        return {"@type": payload.type_url}
    return {key: _whole(item) for key, item in value.items()}


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _general(field: Any, item: Any) -> Any:
    """A field that few entries have, by the general conversion. JSON has 64-bit numbers as text."""
    from google.protobuf import json_format

    if field.message_type is None:
        return str(item) if field.cpp_type in {field.CPPTYPE_INT64, field.CPPTYPE_UINT64} else item
    if field.is_repeated:
        return [json_format.MessageToDict(one) for one in item]
    return json_format.MessageToDict(item)


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "insert_id": _as_is, "log_name": _as_is, "text_payload": _as_is, "trace": _as_is, "span_id": _as_is,
    "trace_sampled": _as_is, "timestamp": _time, "receive_timestamp": _time, "labels": dict, "resource": _resource,
    "severity": lambda number: _SEVERITY.get(number, number), "json_payload": _struct,
    "proto_payload": _proto_payload, "http_request": _request,
}
