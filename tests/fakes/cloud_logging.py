"""A local Cloud Logging: answers ListLogEntries over gRPC with pages, tokens and the errors it is told to give.

It really filters, orders and pages. Tokens are bound to their filter, as Google's are.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import grpc
from google.api import monitored_resource_pb2
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import LoggingServiceV2GrpcTransport
from google.cloud.logging_v2.types import ListLogEntriesRequest, ListLogEntriesResponse
from google.cloud.logging_v2.types import LogEntry as WireEntry
from google.protobuf import any_pb2, json_format
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from bot.adapters.gcp_logs import GcpLogs
from bot.domain.moments import parse_nanoseconds
from bot.ports import LogSource
from tests.fakes.instant_clock import InstantClock
from tests.fakes.query_language import FilterNotUnderstood, compiled, selects

__all__ = ["CloudLogging", "CloudLoggingServer", "CuttingProxy", "Refusal", "make_gcp", "selects", "wire_entry"]
assert monitored_resource_pb2  # its descriptors are what json_format looks for

Json = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """An error to give. `retry_s` is what the server asks to wait, as a RetryInfo."""

    code: grpc.StatusCode
    message: str = "as told"
    retry_s: float = 0.0
    reason: str = ""

    def abort(self, context: grpc.ServicerContext) -> None:
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        if self.retry_s:
            info = error_details_pb2.RetryInfo()
            info.retry_delay.FromNanoseconds(int(self.retry_s * 1e9))
            packed = any_pb2.Any()
            packed.Pack(info)
            status.details.append(packed)
        if self.reason:
            packed = any_pb2.Any()
            packed.Pack(error_details_pb2.ErrorInfo(reason=self.reason, domain="googleapis.com"))
            status.details.append(packed)
        context.abort_with_status(rpc_status.to_status(status))


@dataclass
class CloudLogging:
    """The server's state: what it holds, what it shall do wrong, what it was asked.

    `failures` are taken one a request: an error to give, `silent` to never answer, `empty` for a page without
    entries that has a next one, None to answer. `epoch` is part of every token: raise it, and all are unknown.
    """

    entries: list[Json]
    page_cap: int = 1000
    failures: list[Refusal | grpc.StatusCode | str | None] = field(default_factory=list)
    details: str = "as told"
    epoch: int = 0
    requests: list[Any] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    bad_entries: list[Any] = field(default_factory=list)

    def list_log_entries(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        self.authorizations.append(str(dict(context.invocation_metadata()).get("authorization", "")))
        failure = self.failures.pop(0) if self.failures else None
        if failure == "silent":
            self.released.wait(30)
        elif isinstance(failure, grpc.StatusCode):
            context.abort(failure, self.details)
        elif isinstance(failure, Refusal):
            failure.abort(context)
        try:
            test = compiled(request.filter)
        except FilterNotUnderstood as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"filter: {error}")
        chosen = [entry for entry in self.entries if test(entry)]
        newest_first = request.order_by == "timestamp desc"
        chosen.sort(key=lambda entry: (parse_nanoseconds(entry["timestamp"]), entry["insertId"]), reverse=newest_first)
        start = self._start(request, context)
        size = 0 if failure == "empty" else min(request.page_size or 50, self.page_cap)
        response = ListLogEntriesResponse.pb()()
        response.entries.extend(wire_entry(entry) for entry in chosen[start : start + size])
        if not start:
            response.entries.extend(self.bad_entries)
            self.bad_entries = []
        if start + size < len(chosen) or not size:
            response.next_page_token = f"{self.epoch}.{_bound_to(request)}.{len(self.requests)}.{start + size}"
        return response

    def _start(self, request: Any, context: grpc.ServicerContext) -> int:
        if not request.page_token:
            return 0
        epoch, bound_to, _, start = request.page_token.split(".")
        if int(epoch) != self.epoch or bound_to != _bound_to(request):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "page_token doesn't match arguments from the request")
        return int(start)


def _bound_to(request: Any) -> str:
    asked = f"{list(request.resource_names)}{request.filter}{request.order_by}"
    return blake2b(asked.encode(), digest_size=4).hexdigest()


def wire_entry(entry: Json) -> Any:
    """A protocol buffer from a LogEntry's JSON; Google's own grouping is not in the API's type."""
    message = WireEntry.pb()()
    json_format.ParseDict({key: value for key, value in entry.items() if key != "errorGroups"}, message)
    return message


class CloudLoggingServer:
    """The state behind a real gRPC port; a context manager that gives the unmodified client.

    With `credentials` the port speaks TLS, and is for a client that somebody else makes.
    """

    def __init__(self, state: CloudLogging, credentials: grpc.ServerCredentials | None = None, port: int = 0) -> None:
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
        address = f"127.0.0.1:{port}"
        if credentials is None:
            self.port = self.server.add_insecure_port(address)
        else:
            self.port = self.server.add_secure_port(address, credentials)
        self.channels: list[grpc.Channel] = []

    def client(self, port: int = 0) -> LoggingServiceV2Client:
        """An unmodified client, for this server's port or another one in between."""
        options = [("grpc.max_receive_message_length", -1)]
        self.channels.append(grpc.insecure_channel(f"127.0.0.1:{port or self.port}", options))
        return LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=self.channels[-1]))

    def __enter__(self) -> LoggingServiceV2Client:
        self.server.start()
        return self.client()

    def __exit__(self, *_: object) -> None:
        self.state.released.set()
        for channel in self.channels:
            channel.close()
        self.server.stop(grace=None).wait(5)


@contextmanager
def make_gcp(entries: list[Json], page_cap: int = 1000) -> Iterator[LogSource]:
    """A source over a local server that holds some entries; its clock does not wait."""
    with CloudLoggingServer(CloudLogging(list(entries), page_cap=page_cap)) as client:
        yield GcpLogs("harbour-dev", InstantClock(), client, deadline_s=10)


class CuttingProxy:
    """A TCP proxy that breaks a connection off in the middle of an answer: `cuts` says after how many bytes.

    Each number is for one connection, in their order; later connections are left alone.
    """

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._port = port
        self._cuts = cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.broken = 0

    def __enter__(self) -> CuttingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                most = self._cuts.pop(0) if self._cuts else -1
                threading.Thread(target=self._pump, args=(client, server, -1), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, most), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, most: int) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(4096):
                if 0 <= most < passed + len(data):
                    self.broken += 1
                    target.sendall(data[: most - passed])
                    break
                target.sendall(data)
                passed += len(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
