"""A local server that speaks the Messages API as far as the Claude adapter uses it: real sockets, real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API_VERSION = "2026-10-21"
KEY = "sk-test-key"
_REFUSED = ("oneOf", "discriminator", "pattern", "maxLength", "minLength", "maxItems", "minimum", "maximum")


@dataclass(frozen=True)
class Planned:
    """What the server does with one request. `drip_s` sends the body byte by byte with that pause."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    drip_s: float = 0.0
    cut: bool = False


@dataclass
class MessagesServer:
    """`plan` answers the n-th request (from 0); `seen` are the bodies, `wrong` what no client may send."""

    plan: Callable[[int, dict[str, object]], Planned]
    seen: list[dict[str, object]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    url: str = ""


def message(text: str, *, model: str = "claude-opus-5-5", stop: str = "end_turn", used: dict[str, int] | None = None,
            before: tuple[dict[str, object], ...] = ()) -> Planned:
    """A successful response. `before` are content blocks ahead of the text."""
    usage = {"input_tokens": 1000, "output_tokens": 200, "cache_read_input_tokens": 0,
             "cache_creation_input_tokens": 0, **(used or {})}
    document = {
        "id": "msg_01", "type": "message", "role": "assistant", "model": model, "stop_reason": stop,
        "stop_sequence": None, "content": [*before, {"type": "text", "text": text}], "usage": usage,
    }
    return Planned(body=json.dumps(document).encode())


def error(status: int, kind: str, text: str, **headers: str) -> Planned:
    """An error response as the API forms it."""
    document = {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_01"}
    return Planned(status=status, body=json.dumps(document).encode(),
                   headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def _faults(handler: BaseHTTPRequestHandler, body: dict[str, object]) -> Iterator[str]:
    if handler.path != "/v1/messages":
        yield f"path {handler.path}"
    if handler.headers.get("anthropic-version") != API_VERSION:
        yield f"anthropic-version {handler.headers.get('anthropic-version')}"
    if not (handler.headers.get("content-type") or "").startswith("application/json"):
        yield "content-type"
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model"
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:  # type: ignore[operator]
        yield "max_tokens"
    for forbidden in ("temperature", "top_p", "top_k", "stream"):
        if body.get(forbidden):
            yield forbidden
    yield from _message_faults(body.get("messages"))
    output = body.get("output_config")
    if not isinstance(output, dict) or output.get("effort") not in ("low", "medium", "high", "xhigh", "max"):
        yield "output_config.effort"
    elif output.get("format", {}).get("type") != "json_schema":
        yield "output_config.format"
    else:
        yield from _schema_faults(output["format"].get("schema"), "schema")


def _message_faults(messages: object) -> Iterator[str]:
    if not isinstance(messages, list) or not messages:
        yield "messages"
        return
    for number, item in enumerate(messages):
        if item.get("role") != ("user", "assistant")[number % 2]:
            yield f"messages.{number}.role"
        if not item.get("content"):
            yield f"messages.{number}.content is empty"
    if messages[-1]["role"] != "user":
        yield "the last message is not the user's"


def _schema_faults(schema: object, where: str) -> Iterator[str]:
    """Keywords that structured outputs refuse, and objects that are left open."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from _schema_faults(item, f"{where}.{number}")
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield f"{where}: open object"
    for name, value in schema.items():
        if name in _REFUSED and not where.endswith("properties"):
            yield f"{where}.{name}"
        if name not in ("description", "title", "enum", "const", "required"):
            yield from _schema_faults(value, f"{where}.{name}")


@contextmanager
def messages_server(plan: Callable[[int, dict[str, object]], Planned]) -> Iterator[MessagesServer]:
    """Run the server on a free port of the loopback interface."""
    state = MessagesServer(plan)
    lock = threading.Lock()
    ending = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                number = len(state.seen)
                state.seen.append(body)
                state.wrong.extend(_faults(self, body))
            planned = plan(number, body)
            if self.headers.get("authorization") != f"Bearer {KEY}":
                planned = error(401, "authentication_error", "invalid bearer token")
            ending.wait(planned.delay_s)
            try:
                self._send(planned)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _send(self, planned: Planned) -> None:
            self.send_response(planned.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(planned.body)))
            self.send_header("request-id", "req_01")
            for name, value in planned.headers:
                self.send_header(name, value)
            self.end_headers()
            if planned.cut:
                self.wfile.write(planned.body[:len(planned.body) // 2])
                self.wfile.flush()
                self.close_connection = True
                return
            if not planned.drip_s:
                self.wfile.write(planned.body)
                return
            for place in range(len(planned.body)):
                if ending.is_set():
                    self.close_connection = True
                    return
                self.wfile.write(planned.body[place:place + 1])
                self.wfile.flush()
                time.sleep(planned.drip_s)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        ending.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
