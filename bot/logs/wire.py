"""The few fields of a LogEntry that decide what becomes of it, decoded as fast as can be.

A scan decodes each line to a `Line` and nothing more. What is rarely asked for is decoded again when it is asked for.
`entries` reads the whole entry, and both must say the same.
"""

from __future__ import annotations

import msgspec

from bot.logs.entries import STACK_SIGN, entry_from_json, stack_of
from bot.logs.severity import RANK, given, of_status

NONE = msgspec.Raw()


class Payload(msgspec.Struct, gc=False):
    """Of a structured payload."""

    message: msgspec.Raw = NONE


class Request(msgspec.Struct, gc=False, rename="camel"):
    """Of an HTTP request."""

    request_method: str
    request_url: msgspec.Raw
    status: int


class Line(msgspec.Struct, gc=False, rename="camel"):
    """Of an entry. What has another type here than Cloud Logging gives it does not decode."""

    insert_id: str
    timestamp: str
    resource: msgspec.Raw
    severity: str = ""
    log_name: msgspec.Raw = NONE
    trace: msgspec.Raw = NONE
    labels: msgspec.Raw = NONE
    text_payload: msgspec.Raw = NONE
    json_payload: Payload | None = None
    proto_payload: msgspec.Raw = NONE
    http_request: Request | None = None


class _Names(msgspec.Struct, gc=False):
    logger: msgspec.Raw = NONE
    logger_name: msgspec.Raw = NONE
    name: msgspec.Raw = NONE


class _Named(msgspec.Struct, gc=False, rename="camel"):
    json_payload: _Names | None = None


class _Levels(msgspec.Struct, gc=False):
    severity: msgspec.Raw = NONE
    level: msgspec.Raw = NONE
    levelname: msgspec.Raw = NONE


class _Leveled(msgspec.Struct, gc=False, rename="camel"):
    json_payload: _Levels | None = None


class _Stacks(msgspec.Struct, gc=False):
    exc_info: msgspec.Raw = NONE
    exc_text: msgspec.Raw = NONE
    exception: msgspec.Raw = NONE
    stack_trace: msgspec.Raw = NONE
    stacktrace: msgspec.Raw = NONE
    stack: msgspec.Raw = NONE
    traceback: msgspec.Raw = NONE
    error: msgspec.Raw = NONE


class _Stacked(msgspec.Struct, gc=False, rename="camel"):
    json_payload: _Stacks | None = None


decode_line = msgspec.json.Decoder(Line).decode
decode_text = msgspec.json.Decoder(str).decode
_decode_named = msgspec.json.Decoder(_Named).decode
_decode_leveled = msgspec.json.Decoder(_Leveled).decode
_decode_stacked = msgspec.json.Decoder(_Stacked).decode


def text_with_stack(line: bytes, message: bytes) -> str:
    """The text of a structured payload: its message, as JSON, and the traceback from a field of its own."""
    text = decode_text(message)
    stacks = _decode_stacked(line).json_payload
    if stacks is None or STACK_SIGN in text:
        return text
    for field in (stacks.exc_info, stacks.exc_text, stacks.exception, stacks.stack_trace, stacks.stacktrace,
                  stacks.stack, stacks.traceback):
        raw = bytes(field)
        if raw[:1] == b'"' and b"call last)" in raw:
            stack = decode_text(raw)
            if STACK_SIGN in stack and "\n" in stack:
                return f"{text}\n{stack}"
    nested = bytes(stacks.error)
    stack = stack_of(msgspec.json.decode(nested)) if b"call last)" in nested else ""
    return f"{text}\n{stack}" if stack else text


def logger_of(line: bytes) -> str:
    """The logger that a structured payload names; empty where there is none."""
    try:
        names = _decode_named(line).json_payload
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return entry_from_json(line).logger
    if names is not None:
        for field in (names.logger, names.logger_name, names.name):
            raw = bytes(field)
            if len(raw) > 2 and raw[:1] == b'"':
                try:
                    return decode_text(raw)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    return entry_from_json(line).logger
    return ""


def name_of(field: msgspec.Raw) -> bytes:
    """A name as JSON in one form, however it is escaped; of what is no text, the empty one."""
    raw = bytes(field)
    if raw[:1] != b'"':
        return b'""'
    if raw.isascii() and b"\\" not in raw:
        return raw
    try:
        return msgspec.json.encode(decode_text(raw))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return raw


def level_of(line: bytes, wire: Line) -> int:
    """The rank of the severity that the entry states, else its payload, else its HTTP status; 0 for none."""
    level = RANK[given(wire.severity)]
    if not level and wire.json_payload is not None:
        levels = _decode_leveled(line).json_payload
        for field in (levels.severity, levels.level, levels.levelname) if levels is not None else ():
            if not level and field:
                level = RANK[given(msgspec.json.decode(field))]
    if not level and wire.http_request is not None and wire.http_request.status:
        level = RANK[of_status(wire.http_request.status)]
    return level
