"""A local Cloud Logging: answers ListLogEntries over gRPC with pages, tokens and the errors it is told to give.

It understands the part of the Logging query language that the filter of a focus uses, and refuses the rest.
"""

from __future__ import annotations

import json
import re
import threading
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.api import monitored_resource_pb2
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import LoggingServiceV2GrpcTransport
from google.cloud.logging_v2.types import ListLogEntriesRequest, ListLogEntriesResponse
from google.cloud.logging_v2.types import LogEntry as WireEntry
from google.protobuf import json_format

from bot.domain.moments import parse_nanoseconds

assert monitored_resource_pb2  # its descriptors are what json_format looks for

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
Json = dict[str, Any]

_TOKEN = re.compile(r'\s*(\(|\)|>=|<=|=~|[=<>:]|"(?:[^"\\]|\\.)*"|[A-Za-z0-9_.-]+)')


class FilterNotUnderstood(Exception):
    """The filter is not in the part of the language that is understood here."""


def selects(text: str, entry: Json) -> bool:
    """Whether a filter selects an entry in its JSON form."""
    if not text.strip():
        return True
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterNotUnderstood(text[position:])
        tokens.append(match[1])
        position = match.end()
    parser = _Parser(tokens, entry)
    result = parser.either()
    if parser.tokens:
        raise FilterNotUnderstood(" ".join(parser.tokens))
    return result


class _Parser:
    def __init__(self, tokens: list[str], entry: Json) -> None:
        self.tokens = list(tokens)
        self.entry = entry

    def either(self) -> bool:
        result = self.both()
        while self.tokens and self.tokens[0] == "OR":
            self.tokens.pop(0)
            result = self.both() or result
        return result

    def both(self) -> bool:
        result = self.one()
        while self.tokens and self.tokens[0] == "AND":
            self.tokens.pop(0)
            result = self.one() and result
        return result

    def one(self) -> bool:
        token = self.tokens.pop(0)
        if token == "NOT":
            return not self.one()
        if token == "(":
            result = self.either()
            if self.tokens.pop(0) != ")":
                raise FilterNotUnderstood("a parenthesis is not closed")
            return result
        operator, literal = self.tokens.pop(0), self.tokens.pop(0)
        value = json.loads(literal) if literal.startswith('"') else literal
        return _compare(token, operator, value, self.entry)


def _compare(path: str, operator: str, value: str, entry: Json) -> bool:
    if path == "severity":
        return _ordered(SEVERITIES.index(entry.get("severity") or "DEFAULT"), operator, SEVERITIES.index(value))
    actual: Any = entry
    for name in path.split("."):
        actual = actual.get(name) if isinstance(actual, dict) else None
    if actual is None:
        return False
    if path == "timestamp":
        return _ordered(parse_nanoseconds(actual), operator, parse_nanoseconds(value))
    if operator == ":":
        return value.lower() in str(actual).lower()
    if operator == "=" and isinstance(actual, str):
        return actual.lower() == value.lower()
    return _ordered(float(actual), operator, float(value))


def _ordered(left: float, operator: str, right: float) -> bool:
    if operator == "=":
        return left == right
    return {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[operator]


@dataclass
class CloudLogging:
    """The server's state: what it holds, what it shall do wrong, what it was asked.

    `failures` are taken one a request: a status to fail with, `silent` to never answer, None to answer.
    """

    entries: list[Json]
    page_cap: int = 1000
    failures: list[grpc.StatusCode | str | None] = field(default_factory=list)
    details: str = "as told"
    requests: list[Any] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    bad_entries: list[Any] = field(default_factory=list)

    def list_log_entries(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        failure = self.failures.pop(0) if self.failures else None
        if failure == "silent":
            self.released.wait(30)
        elif isinstance(failure, grpc.StatusCode):
            context.abort(failure, self.details)
        try:
            chosen = [entry for entry in self.entries if selects(request.filter, entry)]
        except FilterNotUnderstood as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"filter: {error}")
        newest_first = request.order_by == "timestamp desc"
        chosen.sort(key=lambda entry: (parse_nanoseconds(entry["timestamp"]), entry["insertId"]), reverse=newest_first)
        start = int(request.page_token or "0")
        size = min(request.page_size or 50, self.page_cap)
        response = ListLogEntriesResponse.pb()()
        response.entries.extend(wire_entry(entry) for entry in chosen[start : start + size])
        if not start:
            response.entries.extend(self.bad_entries)
        if start + size < len(chosen):
            response.next_page_token = str(start + size)
        return response


def wire_entry(entry: Json) -> Any:
    """A protocol buffer from a LogEntry's JSON; Google's own grouping is not in the API's type."""
    message = WireEntry.pb()()
    json_format.ParseDict({key: value for key, value in entry.items() if key != "errorGroups"}, message)
    return message


class CloudLoggingServer:
    """The state behind a real gRPC port; a context manager that gives the unmodified client."""

    def __init__(self, state: CloudLogging) -> None:
        self.state = state
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        handler = grpc.unary_unary_rpc_method_handler(
            state.list_log_entries,
            request_deserializer=ListLogEntriesRequest.pb().FromString,
            response_serializer=ListLogEntriesResponse.pb().SerializeToString,
        )
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("google.logging.v2.LoggingServiceV2", {"ListLogEntries": handler}),)
        )
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.channel: grpc.Channel | None = None

    def __enter__(self) -> LoggingServiceV2Client:
        self.server.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=self.channel))

    def __exit__(self, *_: object) -> None:
        self.state.released.set()
        if self.channel is not None:
            self.channel.close()
        self.server.stop(grace=None).wait(5)
