"""A local server that speaks the Messages API as far as the Claude adapters use it: real sockets, real HTTP.

Anthropic's own API, Vertex AI's and Bedrock's are told apart by their paths; what comes after that is one.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote

from tests.fakes.messages_rules import faults
from tests.fakes.prompt_cache import PromptCache

API_VERSION = "2026-10-21"
OLD_BEDROCK_VERSION = "bedrock-2023-05-31"
KEY = "sk-test-key"
TOKENS = ("user-token", "sts-token", "impersonated-token")
"""What Vertex AI takes: the tokens that the local token endpoint gives."""
_VERTEX = re.compile(r"/projects/([^/]+)/locations/([^/]+)/publishers/anthropic/models/([^/:]+):streamRawPredict")
_BEDROCK = re.compile(r"/model/([^/]+)/invoke-with-response-stream")
_AMAZON = {
    "overloaded_error": "serviceUnavailableException", "rate_limit_error": "throttlingException",
    "api_error": "internalServerException", "invalid_request_error": "validationException",
}
"""What Bedrock calls the same errors in a stream."""
_PIECE = 24
Break = Literal["", "cut", "error", "end", "silence"]


@dataclass(frozen=True)
class Planned:
    """What the server does with one request: it sends `body` as it is, or streams the content `blocks`.

    `drip_s` sends byte by byte with that pause. `breaks` says how a stream ends after `after` events: the connection
    is cut, an error event (`cause`) comes, it ends as if all were well, or nothing comes any more.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    drip_s: float = 0.0
    blocks: tuple[dict[str, Any], ...] | None = None
    model: str = ""
    stop: str = "end_turn"
    used: dict[str, int] | None = None
    breaks: Break = ""
    after: int = 0
    cause: tuple[str, str] = ("overloaded_error", "Overloaded")


Plan = Callable[[int, dict[str, Any]], Planned]


@dataclass
class MessagesServer:
    """`plan` answers the n-th request (from 0); `seen` are the bodies, with `model`, `wrong` what no client may send.

    `paths` and `headers` are those of the requests, `billed` the usage of each answer that was begun.
    """

    plan: Plan
    seen: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    billed: list[dict[str, int]] = field(default_factory=list)
    url: str = ""
    cache: PromptCache = field(default_factory=PromptCache)
    turns: list[list[dict[str, Any]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ending: threading.Event = field(default_factory=threading.Event)


def message(text: str, *, model: str = "", stop: str = "end_turn", used: dict[str, int] | None = None,
            before: tuple[dict[str, Any], ...] = ()) -> Planned:
    """An answer in text. `before` are content blocks ahead of it; without `used` the tokens are counted."""
    return Planned(blocks=(*before, {"type": "text", "text": text}), model=model, stop=stop, used=used)


def tool_use(*calls: tuple[str, dict[str, Any]], text: str = "", before: tuple[dict[str, Any], ...] = (),
             used: dict[str, int] | None = None) -> Planned:
    """An answer that wants tools called, each by its name and its input."""
    said = ({"type": "text", "text": text},) if text else ()
    uses = tuple(
        {"type": "tool_use", "id": f"toolu_{time.monotonic_ns():x}{number}", "name": name, "input": given}
        for number, (name, given) in enumerate(calls)
    )
    return Planned(blocks=(*before, *said, *uses), stop="tool_use", used=used)


def broken(planned: Planned, how: Break, after: int = 4, cause: tuple[str, str] = ("overloaded_error", "Overloaded"),
           ) -> Planned:
    """The same answer, that breaks after a number of events; the first is message_start, the second a ping."""
    return replace(planned, breaks=how, after=after, cause=cause)


def error(status: int, kind: str, text: str, **headers: str) -> Planned:
    """An error response as the API forms it."""
    document = {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_01"}
    return Planned(status=status, body=json.dumps(document).encode(),
                   headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def results(body: dict[str, Any]) -> dict[str, str]:
    """The results that a request brings for the last calls, by the tool's name: for plans that answer to them."""
    named = {
        block["id"]: block["name"] for item in body["messages"] if item["role"] == "assistant"
        for block in item["content"] if block["type"] == "tool_use"
    }
    return {
        named[block["tool_use_id"]]: str(block["content"]) for block in body["messages"][-1]["content"]
        if block["type"] == "tool_result"
    }


def _events(planned: Planned, model: str, usage: dict[str, int]) -> Iterator[dict[str, Any]]:
    """The events of a whole answer, in the order and the forms of the API."""
    begun = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": {
        "id": "msg_01", "type": "message", "role": "assistant", "model": planned.model or model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": begun,
    }}
    yield {"type": "ping"}
    for index, block in enumerate(planned.blocks or ()):
        empty, deltas = _deltas(block)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": planned.stop, "stop_sequence": None}, "usage": usage}
    yield {"type": "message_stop"}


def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block begins, and the parts that follow."""
    match block["type"]:
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": part} for part in _parts(block["text"])]
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": part} for part in _parts(block["thinking"])]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*deltas, signed]
        case "tool_use":
            text = block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in ["", *_parts(text)]]
            return {**block, "input": {}}, deltas
    return block, []


def _parts(text: str) -> list[str]:
    return [text[place:place + _PIECE] for place in range(0, len(text), _PIECE)]


@dataclass(frozen=True)
class _Asked:
    """A request, whichever provider it is meant for."""

    kind: Literal["api", "vertex", "bedrock", "unknown"]
    body: dict[str, Any]

    @classmethod
    def read(cls, path: str, body: dict[str, Any]) -> _Asked:
        if path == "/v1/messages":
            return cls("api", body)
        if match := _VERTEX.fullmatch(path):
            return cls("vertex", {**body, "model": unquote(match.group(3))})
        if match := _BEDROCK.fullmatch(path):
            return cls("bedrock", {**body, "model": unquote(match.group(1)), "stream": True})
        return cls("unknown", body)

    def wrong(self, headers: dict[str, str]) -> Iterator[str]:
        if self.kind == "unknown":
            yield "path"
        if not headers.get("content-type", "").startswith("application/json"):
            yield "content-type"
        in_header, in_body = headers.get("anthropic-version"), self.body.get("anthropic_version")
        old = self.kind == "bedrock" and re.search(r"-v\d+(:\d+)?$", self.body["model"])
        wanted = OLD_BEDROCK_VERSION if old else API_VERSION
        if (in_header if self.kind == "api" else in_body) != wanted:
            yield f"anthropic-version {in_header} {in_body}"
        if self.body.get("stream") is not True:
            yield "stream"
        yield from faults(self.body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: MessagesServer

    def handle(self) -> None:
        # A client that gave up closes its connection as it likes.
        with suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        with suppress(ConnectionError):
            super().finish()

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        state = self.state
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = _Asked.read(self.path, json.loads(raw))
        with state.lock:
            number = len(state.seen)
            state.seen.append(asked.body)
            state.paths.append(self.path)
            state.headers.append(headers)
            state.wrong.extend(f"request {number}: {line}" for line in asked.wrong(headers))
            state.wrong.extend(f"request {number}: {line}" for line in _thoughts_changed(state, asked.body))
        planned = state.plan(number, asked.body)
        if not self._authorized(asked, headers, raw):
            planned = error(401, "authentication_error", "invalid bearer token")
        state.ending.wait(planned.delay_s)
        try:
            if planned.blocks is None:
                self._send_body(planned)
            else:
                self._stream(planned, asked)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _authorized(self, asked: _Asked, headers: dict[str, str], raw: bytes) -> bool:
        if asked.kind == "bedrock":
            from tests.fakes.amazon import signed

            return signed("POST", f"{self.state.url}{self.path}", headers, raw)
        allowed = TOKENS if asked.kind == "vertex" else (KEY,)
        return headers.get("authorization") in {f"Bearer {token}" for token in allowed}

    def _begin(self, planned: Planned, content_type: str) -> None:
        self.send_response(planned.status)
        self.send_header("content-type", content_type)
        self.send_header("request-id", "req_01")
        for name, value in planned.headers:
            self.send_header(name, value)

    def _send_body(self, planned: Planned) -> None:
        self._begin(planned, "application/json" if planned.status != 200 else "text/event-stream")
        self.send_header("content-length", str(len(planned.body)))
        self.end_headers()
        if planned.breaks == "cut":
            self.wfile.write(planned.body[:len(planned.body) // 2])
            self.close_connection = True
            return
        self.wfile.write(planned.body)

    def _stream(self, planned: Planned, asked: _Asked) -> None:
        usage = _usage(self.state, planned, asked.body)
        events = list(_events(planned, asked.body["model"], usage))
        if planned.breaks:
            events = events[:planned.after]
        self._begin(planned, "application/vnd.amazon.eventstream" if asked.kind == "bedrock"
                    else "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            if not self._write(_encoded(asked.kind, event), planned.drip_s):
                return
        if planned.breaks == "error":
            self._write(_error_event(asked.kind, *planned.cause), 0)
        elif planned.breaks == "silence":
            self.state.ending.wait(60)
        if planned.breaks in ("cut", "silence"):
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _write(self, data: bytes, drip_s: float) -> bool:
        """Send as a chunk, or byte by byte; False when the server ends before that."""
        for part in [data] if not drip_s else [data[place:place + 1] for place in range(len(data))]:
            if self.state.ending.is_set():
                self.close_connection = True
                return False
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            if drip_s:
                time.sleep(drip_s)
        return True


@contextmanager
def messages_server(plan: Plan) -> Iterator[MessagesServer]:
    """Run the server on a free port of the loopback interface."""
    state = MessagesServer(plan)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        state.ending.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def _encoded(kind: str, event: dict[str, Any]) -> bytes:
    if kind == "bedrock":
        from tests.fakes.amazon import chunk

        return chunk(event)
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _error_event(kind: str, name: str, text: str) -> bytes:
    if kind == "bedrock":
        from tests.fakes.amazon import exception

        return exception(_AMAZON.get(name, name), text)
    return _encoded(kind, {"type": "error", "error": {"type": name, "message": text}})


def _usage(state: MessagesServer, planned: Planned, body: dict[str, Any]) -> dict[str, int]:
    output = -(-len(json.dumps(planned.blocks)) // 4)
    with state.lock:
        usage = {**state.cache.usage(body), "output_tokens": output}
        if planned.used is not None:
            usage = {name: planned.used.get(name, 0) for name in usage}
        state.billed.append(usage)
        state.turns.append(list(planned.blocks or ()))
    return usage


def _thoughts_changed(state: MessagesServer, body: dict[str, Any]) -> Iterator[str]:
    """Thinking must come back as it was sent, and a turn that called tools in the order that it had."""
    sent = [block for turn in state.turns for block in turn]
    given = [
        item["content"] for item in body.get("messages", ())
        if item.get("role") == "assistant" and isinstance(item.get("content"), list)
    ]
    yield from (
        f"thinking was changed: {block}" for turn in given for block in turn
        if _is_thinking(block) and block not in sent
    )
    last = _order(given[-1]) if given else []
    calls = [item for item in last if item[0] == "tool_use"]
    same = [_order(turn) for turn in state.turns]
    same = [turn for turn in same if calls and calls == [item for item in turn if item[0] == "tool_use"]]
    if same and last not in same:
        yield f"a turn came back as {last}, not as {same[-1]}"


def _is_thinking(block: dict[str, Any]) -> bool:
    return str(block.get("type")).endswith("thinking")


def _order(turn: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The blocks in their order: a call by its name and input, since its id may be another's; that there is text."""
    found = []
    for block in turn:
        if block["type"] == "tool_use":
            found.append(("tool_use", f"{block['name']} {json.dumps(block['input'])}"))
        elif block["type"] != "text":
            found.append((block["type"], str(block.get("signature", block.get("data")))))
        elif block["text"].strip():
            found.append(("text", ""))
    return found
