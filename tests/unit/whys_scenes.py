"""Incidents to ask "why?" about: a log, a small repository, and what code knows of both. Test data, no tests.

`demo` is the bundled incident with its real log. `crash` is a service that does not start, shaped like real Cloud Run
crash loops: a chain of tracebacks in pieces, lines without severity, many instances. `pool` is a database pool that
runs dry hours after the requests that drained it.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import Any, NamedTuple

from bot import demo
from bot.config import PRESETS
from bot.demo.repository import HEAD_SHA, HISTORY
from bot.domain.evidence import CodeCitation, LogCitation
from bot.domain.logs import Focus, Incident, LogEntry
from bot.domain.moments import parse_nanoseconds, rfc3339
from bot.evidence.code import CodeAt
from bot.evidence.ground import Ground
from bot.evidence.pack import build_pack
from bot.logs.entries import entry_from_json
from bot.logs.ranking import rank
from bot.logs.snapshot import parse_snapshot, snapshot_lines
from tests.fakes.log_lines import analysed


class Scene(NamedTuple):
    """A ground, and short ways to cite from it as somebody would who read it."""

    ground: Ground
    files: dict[str, str]

    def entry(self, text: str, number: int = 0, *, instance: str = "") -> LogEntry:
        """The entry, in time order, that contains a text."""
        found = [entry for entry in sorted(self.ground.entries, key=lambda entry: (entry.time_ns, entry.insert_id))
                 if text in entry.text and instance in entry.instance]
        return found[number]

    def log(self, text: str, number: int = 0, *, instance: str = "") -> LogCitation:
        """A citation of that entry."""
        return LogCitation(insert_id=self.entry(text, number, instance=instance).insert_id, quote=text)

    def code(self, path: str, text: str, number: int = 0) -> CodeCitation:
        """A citation of the line of a file that contains a text."""
        lines = [at for at, line in enumerate(self.files[path].split("\n"), 1) if text in line]
        code = self.ground.code
        assert code is not None
        return CodeCitation(path=path, line=lines[number], commit=code.commit, quote=text)


def _scene(entries: list[LogEntry], focus: Focus, sha: str, files: dict[str, str], product: tuple[str, ...],
           tests: tuple[str, ...]) -> Scene:
    analysis = analysed(entries, focus)
    winner = rank(analysis.incidents, {}).winner
    assert winner is not None
    incident: Incident = winner.incident
    members = analysis.entries_of(incident)
    shown = (*members, *analysis.context_of(members, 40))
    code = CodeAt(sha, files.get, tuple(sorted(files)), lambda text: text)
    pack = build_pack(incident, members, shown, code, product, 60_000)
    snapshot = parse_snapshot(snapshot_lines(entries))
    return Scene(Ground(incident, pack, snapshot, code, product, tests), files)


@cache
def demo_scene() -> Scene:
    """The message router whose readiness believes a connection."""
    entries = list(map(entry_from_json, gzip.decompress(demo.logs_path().read_bytes()).splitlines()))
    paths = sorted(path for commit in HISTORY for path in commit.adds)
    files = {path: (demo.service_path() / path).read_text() for path in paths}
    return _scene(entries, PRESETS["message-routing"], HEAD_SHA, files, ("router/**",), ("tests",))


def _line(name: str, service: str, revision: str, instance: str, at: str, text: str = "", *, severity: str = "",
          log: str = "stderr", logger: str = "", **more: Any) -> LogEntry:
    value: dict[str, Any] = {
        "insertId": name, "timestamp": at, "logName": f"projects/acme-staging/logs/run.googleapis.com%2F{log}",
        "resource": {"type": "cloud_run_revision", "labels": {
            "project_id": "acme-staging", "service_name": service, "revision_name": revision}},
        "labels": {"instanceId": instance} if instance else {}, **more,
    }
    if severity:
        value["severity"] = severity
    if logger:
        value["jsonPayload"] = {"message": text, "logger": logger}
    elif text:
        value["textPayload"] = text
    return entry_from_json(json.dumps(value).encode())


def _deployed(name: str, service: str, at: str, principal: str = "ci@acme-staging.example") -> LogEntry:
    return _line(name, service, "", "", at, severity="NOTICE", log="cloudaudit", protoPayload={
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "methodName": "google.cloud.run.v1.Services.ReplaceService",
        "resourceName": f"namespaces/acme-staging/services/{service}",
        "authenticationInfo": {"principalEmail": principal},
    })


def _later(start: str, seconds: float) -> str:
    return rfc3339(parse_nanoseconds(start) + int(seconds * 1_000_000) * 1_000)


# --- a service that does not start -----------------------------------------------------------------------------------

CRASH_SHA = "c" * 40
CRASH_FILES = {
    "backend/main.py": '''"""Entry point for gunicorn."""
from fastapi import FastAPI

from backend.core.middleware_setup import setup_middleware
from backend.core.settings import load_settings


def create_app() -> FastAPI:
    settings = load_settings()
    app = FastAPI(title=settings.title)
    setup_middleware(app, settings)
    return app


app = create_app()
''',
    "backend/core/settings.py": '''import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    title: str
    websocket_exclusion: bool


def load_settings() -> Settings:
    return Settings(
        title="backend",
        websocket_exclusion=os.environ.get("WEBSOCKET_EXCLUSION", "on") == "on",
    )
''',
    "backend/core/middleware_setup.py": '''"""Middleware, in the order in which it must stand."""
import logging

logger = logging.getLogger(__name__)


def setup_middleware(app, settings):
    """Add all middleware. A service without it must not start."""
    try:
        if settings.websocket_exclusion:
            _add_websocket_exclusion(app)
        _add_auth_context(app)
    except Exception as error:
        logger.error("CRITICAL: middleware setup failed: %s", error)
        raise RuntimeError(f"failed to set up middleware: {error}") from error


def _add_websocket_exclusion(app):
    from backend.middleware.websocket_exclusion import WebsocketExclusion

    app.add_middleware(WebsocketExclusion)


def _add_auth_context(app):
    from backend.middleware.auth_context import AuthContext

    app.add_middleware(AuthContext)
''',
    "backend/middleware/auth_context.py": '''from backend.services.monitoring.gcp_reporter import set_request_context


class AuthContext:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        # Redis keeps the sessions, and a slow Redis makes everything fail here.
        set_request_context(scope)
        await self.app(scope, receive, send)
''',
    "backend/middleware/websocket_exclusion.py": '''class WebsocketExclusion:
    """Lets WebSocket scopes pass."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
''',
    "backend/services/monitoring/__init__.py": "",
    "backend/services/monitoring/gcp_reporter.py": '''import contextvars

_context = contextvars.ContextVar("request")


def set_request_context(scope):
    _context.set(scope.get("path", ""))
''',
    "backend/vendor/gunicorn_shim.py": '''def spawn_worker(worker):
    worker.init_process()
''',
    ".dockerignore": '''.git
**/tests
**/__pycache__
**/monitoring
docs
''',
    "Dockerfile": '''FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY backend backend
CMD ["gunicorn", "-w", "1", "-k", "uvicorn.workers.UvicornWorker", "backend.main:app"]
''',
    "requirements.txt": "fastapi==0.116.1\ngunicorn==23.0.0\nuvicorn==0.35.0\n",
    "tests/test_middleware.py": '''from backend.core.middleware_setup import setup_middleware


def test_middleware_is_added(app, settings):
    setup_middleware(app, settings)
    assert app.middleware
''',
    "README.md": "# backend\n\nThe middleware fails when Redis is slow, because sessions time out after 30 seconds.\n",
    "docs/history.rst": "The crash loop of March came from a slow Redis: sessions time out.\n",
}
_CAUSE = '''Traceback (most recent call last):
  File "/app/backend/core/middleware_setup.py", line 12, in setup_middleware
    _add_auth_context(app)
  File "/app/backend/core/middleware_setup.py", line 25, in _add_auth_context
    from backend.middleware.auth_context import AuthContext
  File "/app/backend/middleware/auth_context.py", line 1, in <module>
    from backend.services.monitoring.gcp_reporter import set_request_context
ModuleNotFoundError: No module named 'backend.services.monitoring\''''
_WRAP = '''Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/gunicorn/arbiter.py", line 608, in spawn_worker
    worker.init_process()
  File "/usr/local/lib/python3.11/importlib/__init__.py", line 126, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
  File "/app/backend/main.py", line 15, in <module>
    app = create_app()
          ^^^^^^^^^^^^
  File "/app/backend/main.py", line 11, in create_app
    setup_middleware(app, settings)
  File "/app/backend/core/middleware_setup.py", line 15, in setup_middleware
    raise RuntimeError(f"failed to set up middleware: {error}") from error
RuntimeError: failed to set up middleware: No module named 'backend.services.monitoring\''''


@cache
def crash_scene() -> Scene:
    """A package that the image does not hold."""
    service, old, new = "backend", "backend-00731-kab", "backend-00734-fnj"
    entries = [
        _line("ok-1", service, old, "0a1f" * 16, "2026-03-02T06:58:00.100Z", "starting worker, python 3.11.9",
              severity="INFO"),
        _line("ok-2", service, old, "0a1f" * 16, "2026-03-02T06:58:01.400Z", "application startup complete",
              severity="INFO"),
        _deployed("deploy-1", service, "2026-03-02T07:13:02.551Z"),
    ]
    for number in range(9):
        instance = f"{number:04x}7c0a" * 8
        start = _later("2026-03-02T07:13:40Z", 11.7 * number)
        pid = 14 + number
        stamp = start[:19].replace("T", " ")

        def say(tag: str, after: float, text: str, *, severity: str = "", log: str = "stderr", logger: str = "",
                number: int = number, instance: str = instance, start: str = start) -> LogEntry:
            return _line(f"i{number}-{tag}", service, new, instance, _later(start, after), text, severity=severity,
                         log=log, logger=logger)

        entries += [
            say("start", 0, "starting worker, python 3.11.9", severity="INFO"),
            say("flags", 1.204, "flags: websocket_exclusion=on", severity="INFO", log="stdout",
                logger="backend.core.settings"),
            say("sentry", 1.301, "Sentry SDK not available - install sentry-sdk[fastapi]", severity="WARNING"),
            say("crit", 2.081881, "CRITICAL: middleware setup failed: No module named 'backend.services.monitoring'",
                severity="ERROR", log="stdout", logger="backend.core.middleware_setup"),
            say("exc", 2.084505, f"[{stamp} +0000] [{pid}] [ERROR] Exception in worker process"),
            say("tb1", 2.084535, _CAUSE, severity="ERROR"),
            say("glue", 2.084546, "The above exception was the direct cause of the following exception:"),
            say("tb2", 2.084614, _WRAP, severity="ERROR"),
            say("exit", 2.084619, f"[{stamp} +0000] [{pid}] [INFO] Worker exiting (pid: {pid})"),
            say("code3", 2.465897, f"[{stamp} +0000] [1] [ERROR] Worker (pid:{pid}) exited with code 3"),
            say("boot", 2.466715, f"[{stamp} +0000] [1] [ERROR] Reason: Worker failed to boot."),
            say("exit3", 2.548530, "Container called exit(3).", severity="WARNING", log="varlog%2Fsystem"),
            say("probe", 2.9, "Default STARTUP TCP probe failed 1 time consecutively for container \"backend-1\" "
                "on port 8080. The instance was not started.", severity="ERROR", log="varlog%2Fsystem"),
        ]
    entries.append(_deployed("deploy-2", service, "2026-03-02T07:41:17.020Z"))
    entries.append(_line("redis", service, new, "ffff" * 16, "2026-03-02T07:44:09Z",
                         "redis: connection reset, sessions are slow", severity="WARNING"))
    focus = Focus(name="start", title="Start", impact="Nobody is served.", services=(service,),
                  terms=("ModuleNotFoundError", "middleware"))
    return _scene(entries, focus, CRASH_SHA, CRASH_FILES, ("backend/**",), ("tests",))


# --- a pool that runs dry --------------------------------------------------------------------------------------------

POOL_SHA = "d" * 40
POOL_FILES = {
    "services/orders/orders/pool.py": '''"""A small pool of database connections."""
from __future__ import annotations

import logging
import queue
import time

logger = logging.getLogger("orders.pool")

POOL_SIZE = 5
ACQUIRE_TIMEOUT_SECONDS = 10.0


class PoolTimeout(Exception):
    """No connection became free in time."""


class ConnectionPool:
    """Connections that are lent out and come back."""

    def __init__(self, connect, size=POOL_SIZE):
        self._free = queue.LifoQueue(size)
        self._size = size
        for _ in range(size):
            self._free.put(connect())

    def acquire(self, timeout=ACQUIRE_TIMEOUT_SECONDS):
        started = time.monotonic()
        try:
            connection = self._free.get(timeout=timeout)
        except queue.Empty:
            raise PoolTimeout(
                f"pool limit of size {self._size} reached, connection timed out, timeout {timeout:.2f} s"
            ) from None
        waited = time.monotonic() - started
        if waited > 1:
            logger.warning("waited %.3f s for a connection", waited)
        return connection

    def release(self, connection):
        self._free.put(connection)

    @property
    def in_use(self):
        return self._size - self._free.qsize()
''',
    "services/orders/orders/invoices.py": '''"""Invoices as PDF."""
import logging

from orders.store import OrderNotFound, load_order, store_document

logger = logging.getLogger("orders.invoices")


def render_invoice(pool, pdf, order_id):
    """Render and keep the invoice of an order."""
    connection = pool.acquire()
    order = load_order(connection, order_id)
    if order is None:
        logger.warning("order %s not found, no invoice", order_id)
        raise OrderNotFound(order_id)
    document = pdf.render(order)
    store_document(connection, order_id, document)
    pool.release(connection)
    return document
''',
    "services/orders/orders/store.py": '''class OrderNotFound(Exception):
    pass


def load_order(connection, order_id):
    return connection.execute("select * from orders where id = %s", (order_id,)).fetchone()


def store_document(connection, order_id, document):
    connection.execute("update orders set document = %s where id = %s", (document, order_id))
''',
    "services/orders/orders/api.py": '''"""HTTP."""
from __future__ import annotations

import logging
from contextlib import contextmanager

from orders.invoices import render_invoice
from orders.store import OrderNotFound, load_order

logger = logging.getLogger("orders.api")


@contextmanager
def lent(pool):
    connection = pool.acquire()
    try:
        yield connection
    finally:
        pool.release(connection)


class OrdersApi:
    def __init__(self, pool, pdf):
        self.pool = pool
        self.pdf = pdf

    def get_order(self, order_id):
        with lent(self.pool) as connection:
            return load_order(connection, order_id)

    def get_invoice(self, order_id):
        try:
            return 200, render_invoice(self.pool, self.pdf, order_id)
        except OrderNotFound:
            return 404, b""

    def handle(self, request):
        try:
            return self._routes[request.route](request.order_id)
        except Exception:
            logger.exception("request failed: %s", request.route)
            return 500, b""
''',
    "services/orders/tests/test_invoices.py": '''from orders.invoices import render_invoice


def test_an_invoice_is_rendered(pool, pdf):
    assert render_invoice(pool, pdf, 1) == b"%PDF"


def test_the_connection_comes_back(pool, pdf):
    render_invoice(pool, pdf, 1)
    assert pool.in_use == 0
''',
    "services/orders/README.md": "# orders\n\nThe pool has 5 connections because the database allows no more.\n",
}
_POOL_TRACEBACK = '''Traceback (most recent call last):
  File "/app/orders/api.py", line 39, in handle
    return self._routes[request.route](request.order_id)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/app/orders/api.py", line 28, in get_order
    with lent(self.pool) as connection:
  File "/usr/local/lib/python3.12/contextlib.py", line 137, in __enter__
    return next(self.gen)
  File "/app/orders/api.py", line 15, in lent
    connection = pool.acquire()
  File "/app/orders/pool.py", line 32, in acquire
    raise PoolTimeout(
orders.pool.PoolTimeout: pool limit of size 5 reached, connection timed out, timeout 10.00 s'''


@cache
def pool_scene() -> Scene:
    """Connections that an early way out never gives back."""
    service, revision = "orders", "orders-00118-xal"
    entries = [_deployed("dep-orders", service, "2026-05-11T09:58:12.004Z")]
    # The second instance begins to leak after the first one has failed: a recurring incident.
    for number, start in enumerate(("2026-05-11T10:00:00Z", "2026-05-11T10:09:30Z", "2026-05-11T10:41:00Z")):
        instance = f"00c{number}" * 16

        def say(tag: str, after: float, text: str = "", *, severity: str = "", log: str = "stdout", logger: str = "",
                number: int = number, instance: str = instance, start: str = start, **more: Any) -> LogEntry:
            return _line(f"p{number}-{tag}", service, revision, instance, _later(start, after), text, severity=severity,
                         log=log, logger=logger, **more)

        def request(tag: str, after: float, path: str, status: int, number: int = number, instance: str = instance,
                    start: str = start) -> LogEntry:
            return _line(f"p{number}-{tag}", service, revision, instance, _later(start, after), log="requests",
                         severity="ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO",
                         httpRequest={"requestMethod": "GET", "requestUrl": f"https://orders.acme.example{path}",
                                      "status": status, "latency": "10.004s" if status >= 500 else "0.02s"})

        entries += [
            say("up", 0, "pool ready, 5 connections", severity="INFO", logger="orders.pool"),
            request("get", 3, "/orders/90017", 200),
            say("kunde", 3.2, "order 90017 für Müller & Söhne geladen, 12,50 € offen", severity="INFO",
                logger="orders.api"),
        ]
        for leak in range(5):
            entries += [
                say(f"nf{leak}", 60 + 45 * leak, f"order {70411 + leak} not found, no invoice", severity="WARNING",
                    logger="orders.invoices"),
                request(f"nf{leak}r", 60.01 + 45 * leak, f"/orders/{70411 + leak}/invoice", 404),
                say(f"use{leak}", 65 + 45 * leak, f"{leak + 1} of 5 connections in use", severity="INFO",
                    logger="orders.pool"),
            ]
        entries += [
            say("slow", 251.3, "waited 9.981 s for a connection", severity="WARNING", logger="orders.pool"),
            say("fail", 300.000100, "request failed: get_order", severity="ERROR", logger="orders.api"),
            say("tb", 300.000450, _POOL_TRACEBACK, severity="ERROR", log="stderr"),
            request("r500", 290.001, "/orders/90301", 500),
            say("fail2", 311.2, "request failed: get_order", severity="ERROR", logger="orders.api"),
            say("tb2", 311.2004, _POOL_TRACEBACK, severity="ERROR", log="stderr"),
            request("r500b", 301.2, "/orders/90302", 500),
            say("full", 320, "5 of 5 connections in use", severity="INFO", logger="orders.pool"),
        ]
    entries.append(_line("gc", service, revision, "00c0" * 16, "2026-05-11T10:31:00Z",
                         "garbage collection took 512 MiB down to 210 MiB", severity="WARNING"))
    entries.append(_deployed("dep-late", service, "2026-05-11T12:30:00Z"))
    focus = Focus(name="orders", title="Orders", impact="Orders cannot be read.", services=(service,),
                  terms=("PoolTimeout", "request failed"))
    return _scene(entries, focus, POOL_SHA, POOL_FILES, ("services/orders/orders/**",), ("services/orders/tests",))
