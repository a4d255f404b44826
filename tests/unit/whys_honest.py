"""Answers that a competent engineer gives to the incidents of `whys_scenes`: all of them are to be believed."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.evidence import Citation, Suspect
from bot.domain.proposals import ProposedRootCause, ProposedRuledOut, ProposedWhy, ProposedWhys
from tests.unit.whys_scenes import Scene, crash_scene, demo_scene, pool_scene

INVOICES, POOL = "services/orders/orders/invoices.py", "services/orders/orders/pool.py"


def why(statement: str, *citations: Citation, ruled_out: tuple[ProposedRuledOut, ...] = ()) -> ProposedWhy:
    """One why."""
    return ProposedWhy(statement=statement, citations=citations, ruled_out=ruled_out)


def no(hypothesis: str, against: str, *citations: Citation) -> ProposedRuledOut:
    """A hypothesis that is ruled out, and what speaks against it."""
    return ProposedRuledOut(hypothesis=hypothesis, against=against, citations=citations)


def cause(statement: str, mechanism: str, trigger: str, *suspects: str, not_caught: str = "") -> ProposedRootCause:
    """A root cause; suspects as `path::function`."""
    found = tuple(Suspect(path=path, function=function) for path, _, function in
                  (suspect.partition("::") for suspect in suspects))
    return ProposedRootCause(statement=statement, mechanism=mechanism, trigger=trigger, suspects=found,
                             not_caught=not_caught)


def answer(*whys: ProposedWhy, root: ProposedRootCause | None = None,
           ruled_out: tuple[ProposedRuledOut, ...] = ()) -> ProposedWhys:
    """A whole answer."""
    return ProposedWhys(whys=whys, root_cause=root, ruled_out=ruled_out)


READY_TOO_EARLY = cause(
    "Readiness takes an open broker connection for a running subscriber.",
    "ReadinessValidator.validate waits for the event that BrokerConnection.connect sets before its background "
    "subscriber has been acknowledged, so traffic is let in while no route can be added.",
    "A cold start in which the first client arrives before the broker has acknowledged the subscription.",
    "router/readiness.py::ReadinessValidator.validate", "router/broker.py::BrokerConnection.connect",
    not_caught="tests/unit/test_readiness.py only checks that a connected broker counts as ready; no test withholds "
               "the acknowledgement.",
)


def demo_as_scripted(s: Scene) -> ProposedWhys:
    """Five whys, mostly on code."""
    return answer(
        why("Clients are closed with 1011 because the handler that serves them fails when it adds the route of their "
            "room, so their messages are lost.",
            s.log("closing the client with 1011"),
            s.code("router/session.py", "self._broker.add_route(self._room, self._outbox.put)")),
        why("The route is refused because the subscriber is not running at that moment, although the broker is "
            "connected.",
            s.log("connected to the broker, but the subscriber is not running"),
            s.code("router/broker.py", "raise SubscriberNotRunning(")),
        why("Clients reach an instance without a running subscriber because the server lets them in as soon as the "
            "readiness report says ready.",
            s.code("router/server.py", "if report.ready:"), s.code("router/server.py", "self.ready.set()")),
        why("The report says ready too early because validation waits for the connection to the broker and for nothing "
            "else.",
            s.code("router/readiness.py", "await self._broker.connected.wait()")),
        why("Connected does not imply subscribed: connecting only schedules the subscriber task and then marks the "
            "connection, while the subscriber counts as running no earlier than the broker's acknowledgement.",
            s.code("router/broker.py", "self._subscriber = asyncio.create_task("),
            s.code("router/broker.py", "self.connected.set()"),
            s.code("router/broker.py", 'if verb == "SUBSCRIBED":')),
        root=READY_TOO_EARLY,
        ruled_out=(
            no("The broker cannot be reached from the instances.",
               "The failing sessions are connected to the broker; what is not running is the subscriber.",
               s.log("connected to the broker, but the subscriber is not running")),
            no("The readiness timeout is too short.",
               "Then `failed` would name the broker, and no client would be let in: the server asks for "
               "`report.ready`.",
               s.code("router/readiness.py", 'failed = ("broker",)'), s.code("router/server.py", "if report.ready:")),
        ),
    )


def demo_with_times(s: Scene) -> ProposedWhys:
    """The order of one instance's start, by its log; the subscriber's line is later than the failure."""
    instance = s.entry("closing the client with 1011").instance
    return answer(
        why("At 10:30:37.918 the first client of the instance was closed with 1011.",
            s.log("closing the client with 1011", instance=instance)),
        why("The session could not add its route: SubscriberNotRunning was raised in `add_route`.",
            s.log("in add_route", instance=instance),
            s.log("router.broker.SubscriberNotRunning: cannot add a route for room 'harbour'", instance=instance)),
        why("The instance had declared itself ready at 10:30:36.713, but its subscriber was running only at "
            "10:30:39.115.",
            s.log("ready, letting clients in", instance=instance), s.log("subscriber running", instance=instance)),
        why("`connect` sets the connected event right after it has created the subscriber task, and readiness waits "
            "for that event alone.",
            s.code("router/broker.py", "self.connected.set()"),
            s.code("router/readiness.py", "await self._broker.connected.wait()")),
        root=READY_TOO_EARLY,
    )


def demo_absence(s: Scene) -> ProposedWhys:
    """What is missing is shown by its coming later."""
    instance = s.entry("closing the client with 1011").instance
    return answer(
        why("Clients are closed with 1011 since their route cannot be added.",
            s.log("closing the client with 1011", instance=instance),
            s.log("cannot add a route for room 'harbour'", instance=instance)),
        why("The subscriber was not yet running when they came; it started only later.",
            s.log("subscriber running", instance=instance)),
    )


def demo_one_why(s: Scene) -> ProposedWhys:
    """A single why, from the failing line to the flag that it reads, and a root cause."""
    return answer(
        why("add_route raises SubscriberNotRunning because `_subscriber_running` is still false while the broker is "
            "already connected.",
            s.log("router.broker.SubscriberNotRunning: cannot add a route for room 'harbour': connected to the broker"),
            s.code("router/broker.py", "if not self._subscriber_running:")),
        root=cause("A route can be asked for before the subscriber runs.",
                   "`connect` returns once the task is created; `_subscriber_running` becomes true in "
                   "`_run_subscriber` when SUBSCRIBED is read.",
                   "A client in the gap between connected and SUBSCRIBED.",
                   "router/broker.py::BrokerConnection.connect", "router/broker.py::BrokerConnection.add_route"),
    )


def demo_no_culprit(s: Scene) -> ProposedWhys:
    """Nothing claimed, something ruled out."""
    return answer(ruled_out=(
        no("The broker was unreachable when clients were closed.", "The failing sessions were connected to the broker.",
           s.log("connected to the broker, but the subscriber")),
    ))


def demo_nothing(s: Scene) -> ProposedWhys:
    """No culprit, no more."""
    return answer()


def demo_open_end(s: Scene) -> ProposedWhys:
    """Two whys and no root cause."""
    return answer(
        why("WebSocket clients get close code 1011 after `_handle` caught an exception of the session.",
            s.log("closing the client with 1011"), s.log('File "/app/router/server.py", line 132, in _handle'),
            s.code("router/server.py", "await connection.close(CloseCode.INTERNAL_ERROR")),
        why("The exception is SubscriberNotRunning from broker.py, line 80.",
            s.log('File "/app/router/broker.py", line 80, in add_route'),
            s.log("router.broker.SubscriberNotRunning: cannot add a route")),
    )


def demo_code_heavy(s: Scene) -> ProposedWhys:
    """Places named as path:line, with an alternative ruled out at a why."""
    wait, connected = (s.code("router/readiness.py", "await self._broker.connected.wait()"),
                       s.code("router/broker.py", "self.connected.set()"))
    return answer(
        why("The server answers an exception of the session with close code 1011 and logs it.",
            s.log("closing the client with 1011"),
            s.code("router/server.py", 'log.exception("closing the client with 1011"')),
        why("ClientSession.serve begins with add_route, which raises when no subscriber runs.",
            s.code("router/session.py", "self._broker.add_route(self._room, self._outbox.put)"),
            s.code("router/broker.py", "raise SubscriberNotRunning("),
            ruled_out=(no("The outbox of a slow client was full and closed it.",
                          "For a slow consumer the outbox drops its oldest messages, and closes nobody.",
                          s.code("router/outbox.py", "slow consumer, dropping its oldest messages")),)),
        why(f"The connection is marked at router/broker.py:{connected.line}, before the task that subscribes has run, "
            f"and router/readiness.py:{wait.line} waits for nothing but this mark.",
            connected, wait, s.code("router/broker.py", "asyncio.create_task(self._run_subscriber(")),
        root=READY_TOO_EARLY,
    )


def demo_outside_the_pack(s: Scene) -> ProposedWhys:
    """Another instance, of the other revision, that a tool has shown: it recurs."""
    shown = {item.ref for item in s.ground.pack.items}
    other = next(entry for entry in s.ground.entries
                 if "SubscriberNotRunning" in entry.text and entry.insert_id not in shown
                 and entry.revision == "message-router-00041-qib")
    return answer(
        why("Revision message-router-00041-qib refuses routes as well: `add_route` finds no running subscriber.",
            s.log("the subscriber is not running", instance=other.instance)),
        why(f"The instance {other.instance[:12]} had let clients in before, as soon as it was ready.",
            s.log("ready, letting clients in", instance=other.instance)),
        why("It is ready once the broker is connected: the validator waits for `connected` only.",
            s.code("router/readiness.py", "await self._broker.connected.wait()")),
        root=READY_TOO_EARLY,
        ruled_out=(no("It came with the newest revision only.",
                      "On revision message-router-00041-qib the subscriber is not running, either.",
                      s.log("the subscriber is not running", instance=other.instance)),),
    )


MISSING = cause(
    "The image does not hold the package `backend.services.monitoring`, which the middleware imports at start.",
    "`_add_auth_context` imports AuthContext, whose module imports `backend.services.monitoring.gcp_reporter`; "
    "`**/monitoring` in .dockerignore keeps that package out of the image, and setup_middleware turns the import error "
    "into a RuntimeError that ends the worker.",
    "Every start of revision backend-00734-fnj.",
    "backend/core/middleware_setup.py::_add_auth_context",
    not_caught="tests/test_middleware.py runs in the working tree, where the package is there.",
)


def crash_five(s: Scene) -> ProposedWhys:
    """From the container's exit down to the ignore file."""
    return answer(
        why("The container exits with code 3 because its only gunicorn worker failed to boot.",
            s.log("Container called exit(3)."), s.log("[ERROR] Reason: Worker failed to boot.")),
        why("The worker died when `create_app` called `setup_middleware`, which raised RuntimeError.",
            s.log("RuntimeError: failed to set up middleware: No module named 'backend.services.monitoring'"),
            s.code("backend/main.py", "setup_middleware(app, settings)")),
        why("setup_middleware fails because the import in `_add_auth_context` ends in ModuleNotFoundError.",
            s.log("ModuleNotFoundError: No module named 'backend.services.monitoring'"),
            s.code("backend/core/middleware_setup.py", "from backend.middleware.auth_context import AuthContext")),
        why("auth_context.py imports the monitoring package at its first line, so it must be in the image.",
            s.code("backend/middleware/auth_context.py",
                   "from backend.services.monitoring.gcp_reporter import set_request_context")),
        why("The package is in the repository but .dockerignore leaves every folder called monitoring out of what is "
            "copied to the image.",
            s.code(".dockerignore", "**/monitoring"), s.code("Dockerfile", "COPY backend backend")),
        root=MISSING,
    )


def crash_short(s: Scene) -> ProposedWhys:
    """Two whys; the log's message comes before the traceback about it."""
    return answer(
        why("Middleware setup fails with \"No module named 'backend.services.monitoring'\".",
            s.log("CRITICAL: middleware setup failed: No module named 'backend.services.monitoring'")),
        why("The name is imported by backend/middleware/auth_context.py, line 1, and cannot be found.",
            s.log('File "/app/backend/middleware/auth_context.py", line 1, in <module>'),
            s.log("from backend.services.monitoring.gcp_reporter import set_request_context")),
        root=MISSING.model_copy(update={
            "mechanism": "The import of `backend.services.monitoring.gcp_reporter` in `_add_auth_context`'s chain ends "
                         "in ModuleNotFoundError, and setup_middleware re-raises it.",
            "trigger": "Any start of the service."}),
    )


def crash_deployment(s: Scene) -> ProposedWhys:
    """The deployment before it, from an audit entry without an instance."""
    return answer(
        why("Workers exit with code 3 while they boot.", s.log("exited with code 3"), s.log("Worker failed to boot")),
        why("They boot into a missing module: ModuleNotFoundError for 'backend.services.monitoring'.",
            s.log("ModuleNotFoundError: No module named 'backend.services.monitoring'")),
        why("The service had been replaced at 07:13:02 on 2026-03-02; the failing revision backend-00734-fnj started "
            "after that.",
            s.log("google.cloud.run.v1.Services.ReplaceService"), s.log("starting worker, python 3.11.9", 1)),
    )


def crash_other_instance(s: Scene) -> ProposedWhys:
    """Effect and cause from different instances of a recurring incident."""
    instances = sorted({entry.instance for entry in s.ground.entries if "exit(3)" in entry.text})
    return answer(
        why("The start-up probe on port 8080 fails because the container is gone by then: it called exit(3).",
            s.log("Default STARTUP TCP probe failed 1 time consecutively for container \"backend-1\" on port 8080.",
                  instance=instances[2]),
            s.log("Container called exit(3).", instance=instances[7])),
        why("It exits because gunicorn shuts down after \"Worker failed to boot\".",
            s.log("Reason: Worker failed to boot.", instance=instances[5])),
        why("Booting fails in setup_middleware, which raises RuntimeError from the ModuleNotFoundError.",
            s.log("RuntimeError: failed to set up middleware", instance=instances[3]),
            s.log("ModuleNotFoundError: No module named", instance=instances[3]),
            s.code("backend/core/middleware_setup.py", 'raise RuntimeError(f"failed to set up middleware: {error}")')),
        root=MISSING.model_copy(update={
            "mechanism": "`_add_auth_context` imports AuthContext; that import ends in ModuleNotFoundError for "
                         "`backend.services.monitoring`, and setup_middleware makes a RuntimeError of it."}),
    )


def crash_no_cause(s: Scene) -> ProposedWhys:
    """No culprit, and two suspicions that the log refutes."""
    return answer(ruled_out=(
        no("The WebSocket exclusion is switched off.", "The flags say websocket_exclusion=on.",
           s.log("flags: websocket_exclusion=on")),
        no("Only one instance is broken.", "Two instances ended with exit(3).",
           s.log("Container called exit(3).", 0), s.log("Container called exit(3).", 1)),
        no("Python could not start at all.", "A worker was starting, with python 3.11.9.",
           s.log("starting worker, python 3.11.9", 1)),
    ))


def crash_pid(s: Scene) -> ProposedWhys:
    """Numbers with their meaning: pid, exit code, port."""
    return answer(
        why("Worker 14 exited with code 3, and the probe on port 8080 then failed 1 time.",
            s.log("Worker (pid:14) exited with code 3"),
            s.log("TCP probe failed 1 time consecutively for container \"backend-1\" on port 8080")),
        why("An exception in the worker process had ended it: middleware could not be set up.",
            s.log("[14] [ERROR] Exception in worker process"), s.log("RuntimeError: failed to set up middleware")),
        why("Beneath it lies a ModuleNotFoundError for backend.services.monitoring, raised when auth_context is "
            "imported.",
            s.log("ModuleNotFoundError: No module named 'backend.services.monitoring'"),
            s.log("from backend.middleware.auth_context import AuthContext"),
            ruled_out=(no("The missing Sentry SDK stops the start.",
                          "That the Sentry SDK is not available is a warning, and the start goes on after it.",
                          s.log("Sentry SDK not available")),)),
        root=MISSING.model_copy(update={
            "mechanism": "setup_middleware calls `_add_auth_context`; its import fails and the error is raised again.",
            "not_caught": ""}),
    )


def crash_single(s: Scene) -> ProposedWhys:
    """A single why on one multi-line traceback."""
    return answer(
        why("No instance starts: importing backend.services.monitoring.gcp_reporter raises ModuleNotFoundError.",
            s.log("    from backend.services.monitoring.gcp_reporter import set_request_context\n"
                  "ModuleNotFoundError: No module named 'backend.services.monitoring'")),
    )


def crash_image(s: Scene) -> ProposedWhys:
    """Code only, after the log has said what is missing."""
    return answer(
        why("The service crashes since Python finds no module named backend.services.monitoring.",
            s.log("ModuleNotFoundError: No module named 'backend.services.monitoring'")),
        why("The module exists at this commit: gcp_reporter.py defines `set_request_context`.",
            s.code("backend/services/monitoring/gcp_reporter.py", "def set_request_context(scope):")),
        why("The image lacks it because of the pattern `**/monitoring` in .dockerignore.",
            s.code(".dockerignore", "**/monitoring")),
        root=MISSING.model_copy(update={
            "mechanism": "setup_middleware lets `_add_auth_context` import a module that `**/monitoring` keeps out of "
                         "the image.",
            "trigger": "Any start of the image."}),
    )


LEAK = cause(
    "render_invoice keeps its connection when the order does not exist.",
    "After `pool.acquire()` the function raises OrderNotFound without reaching `pool.release(connection)`, so each "
    "such request takes one connection out of the pool for good.",
    "Requests for invoices of orders that are not there.",
    "services/orders/orders/invoices.py::render_invoice",
    not_caught="services/orders/tests/test_invoices.py renders invoices of existing orders only.",
)


def pool_three(s: Scene) -> ProposedWhys:
    """Timeout, empty pool, leak."""
    return answer(
        why("get_order fails because no connection came free within 10 s: the pool limit of size 5 is reached.",
            s.log("request failed: get_order"),
            s.log("pool limit of size 5 reached, connection timed out, timeout 10.00 s")),
        why("All 5 of 5 connections were in use although hardly any request was being served.",
            s.log("5 of 5 connections in use")),
        why("Each invoice request for a missing order took a connection for good: `render_invoice` raises "
            "OrderNotFound before it releases.",
            s.log("order 70411 not found, no invoice"),
            s.code("services/orders/orders/invoices.py", "raise OrderNotFound(order_id)"),
            s.code("services/orders/orders/invoices.py", "pool.release(connection)")),
        root=LEAK,
    )


def pool_counts(s: Scene) -> ProposedWhys:
    """The count that climbs, each step quoted."""
    return answer(
        why("The request ended as 500 at 10:04:50 since acquiring a connection timed out after 10 s.",
            s.log("GET https://orders.acme.example/orders/90301 -> 500"),
            s.log("connection timed out, timeout 10.00 s")),
        why("Connections were used up one after the other: 1 of 5, then 3 of 5, then 5 of 5 in use.",
            s.log("1 of 5 connections in use"), s.log("3 of 5 connections in use"), s.log("5 of 5 connections in use")),
        why("Every step follows an invoice that was refused with 404, as for order 70411.",
            s.log("order 70411 not found, no invoice"), s.log("/orders/70411/invoice -> 404")),
        why("render_invoice acquires before it looks for the order, and a missing order leaves by an exception.",
            s.code("services/orders/orders/invoices.py", "connection = pool.acquire()"),
            s.code("services/orders/orders/invoices.py", "if order is None:")),
        root=LEAK,
    )


def pool_recurring(s: Scene) -> ProposedWhys:
    """The cause on an instance that began to leak after another had failed already."""
    return answer(
        why("Reads time out with PoolTimeout.",
            s.log("orders.pool.PoolTimeout: pool limit of size 5 reached")),
        why("Invoices of orders that are not found precede it on every instance, on this one at 10:42:00.",
            s.log("order 70411 not found, no invoice", 2)),
        why("The exception for a missing order skips the release of the connection.",
            s.code("services/orders/orders/invoices.py", "raise OrderNotFound(order_id)"),
            s.code("services/orders/orders/invoices.py", "pool.release(connection)")),
        root=LEAK,
    )


def pool_units(s: Scene) -> ProposedWhys:
    """Units converted, a decimal comma next to it."""
    return answer(
        why("A caller had waited 9981 ms for a connection before others gave up after 10 seconds.",
            s.log("waited 9.981 s for a connection"), s.log("connection timed out, timeout 10.00 s")),
        why("`ACQUIRE_TIMEOUT_SECONDS` gives up after 10 s, and POOL_SIZE allows 5 connections.",
            s.code("services/orders/orders/pool.py", "ACQUIRE_TIMEOUT_SECONDS = 10.0"),
            s.code("services/orders/orders/pool.py", "POOL_SIZE = 5")),
    )


def pool_unicode(s: Scene) -> ProposedWhys:
    """A customer's name beyond ASCII."""
    return answer(
        why("The pool could not lend: 'pool limit of size 5 reached'.",
            s.log("pool limit of size 5 reached, connection timed out")),
        why("It was not so from the start: order 90017 für Müller & Söhne was loaded before, with 12,50 € open, so the "
            "connections went later.",
            s.log("order 90017 für Müller & Söhne geladen, 12,50 € offen"), s.log("5 of 5 connections in use")),
    )


def pool_deploy(s: Scene) -> ProposedWhys:
    """Deployment before, a later one ruled out."""
    return answer(
        why("Requests fail in ConnectionPool.acquire with PoolTimeout.",
            s.log("orders.pool.PoolTimeout: pool limit of size 5 reached"),
            s.code("services/orders/orders/pool.py", "raise PoolTimeout(")),
        why("Nothing gives a connection back once OrderNotFound is raised in render_invoice.",
            s.code("services/orders/orders/invoices.py", "raise OrderNotFound(order_id)")),
        root=LEAK.model_copy(update={"not_caught": ""}),
        ruled_out=(
            no("The database is down.", "Then no pool would be ready, and it is, with 5 connections.",
               s.log("pool ready, 5 connections")),
            no("The garbage collection starves the service.",
               "The garbage collection ran once, at 10:31:00, long after the first failures.",
               s.log("garbage collection took 512 MiB down to 210 MiB")),
            no("Reads leak.", "`lent` gives the connection back in every case, by `pool.release`.",
               s.code("services/orders/orders/api.py", "pool.release(connection)")),
        ),
    )


def pool_contrast(s: Scene) -> ProposedWhys:
    """What the one function does and the other does not."""
    return answer(
        why("A read waits in `lent` for a free connection until PoolTimeout is raised.",
            s.log('File "/app/orders/api.py", line 15, in lent'), s.log("raise PoolTimeout(")),
        why("Reads give their connection back in a finally block, so they are not what drains the pool.",
            s.code("services/orders/orders/api.py", "pool.release(connection)")),
        why("Invoices do not: render_invoice calls release only after the document is stored, and OrderNotFound leaves "
            "earlier.",
            s.code("services/orders/orders/invoices.py", "pool.release(connection)"),
            s.code("services/orders/orders/invoices.py", "store_document(connection, order_id, document)"),
            s.code("services/orders/orders/invoices.py", "raise OrderNotFound(order_id)")),
        root=LEAK,
    )


def pool_single(s: Scene) -> ProposedWhys:
    """One why and no more: what the log alone carries."""
    return answer(
        why("Orders cannot be read because the connection pool is exhausted; the requests time out in `acquire`.",
            s.log("line 32, in acquire"),
            s.log("orders.pool.PoolTimeout: pool limit of size 5 reached, connection timed out, timeout 10.00 s")),
        ruled_out=(no("A single slow query blocks everyone.",
                      "What is waited for is a connection, 9.981 s long, and no query.",
                      s.log("waited 9.981 s for a connection")),),
    )


def pool_because(s: Scene) -> ProposedWhys:
    """Two times around "because", in the right order."""
    return answer(
        why("The request logged at 10:05:00 failed because the last connection was taken at 10:04:00, when order 70415 "
            "was not found.",
            s.log("request failed: get_order"), s.log("order 70415 not found, no invoice")),
        why("`get_invoice` turns OrderNotFound into a 404, so the lost connection shows nowhere.",
            s.code("services/orders/orders/api.py", "except OrderNotFound:"),
            s.code("services/orders/orders/api.py", 'return 404, b""')),
        root=LEAK,
    )


def pool_counted(s: Scene) -> ProposedWhys:
    """What is cited is counted; a name with a capital letter; the order of the code; what did not happen."""
    return answer(
        why("Reads failed twice on this instance, and on two more instances: the Pool was at its limit of size 5.",
            s.log("request failed: get_order"), s.log("request failed: get_order", 1),
            s.log("pool limit of size 5 reached", 2), s.log("pool limit of size 5 reached", 4)),
        why("Three orders were not found, and their connections not given back: `raise OrderNotFound` comes before "
            "`pool.release`.",
            s.log("order 70411 not found, no invoice"), s.log("order 70412 not found, no invoice"),
            s.log("order 70413 not found, no invoice"), s.code(INVOICES, "raise OrderNotFound(order_id)"),
            s.code(INVOICES, "pool.release(connection)")),
        root=LEAK.model_copy(update={
            "mechanism": "render_invoice calls `pool.acquire` before `load_order`, and where an order is not found it "
                         "never reaches `pool.release`. It should check before `pool.acquire`."}),
        ruled_out=(no("The Database lost its orders.", "Before, order 90017 was loaded for Müller & Söhne.",
                      s.log("order 90017 für Müller & Söhne geladen")),),
    )


def demo_handshake(s: Scene) -> ProposedWhys:
    """From the handshake to the flag that nobody waits for."""
    return answer(
        why("The WebSocket handshake succeeds with 101, then the server closes the socket with 1011.",
            s.log("/rooms/harbour -> 101"), s.log("closing the client with 1011")),
        why("session.serve lets SubscriberNotRunning escape from add_route.",
            s.log("    self._broker.add_route(self._room, self._outbox.put)"), s.log("raise SubscriberNotRunning(")),
        why("The flag `_subscriber_running` only turns true when the broker answers SUBSCRIBED.",
            s.code("router/broker.py", "self._subscriber_running = True"),
            s.code("router/broker.py", 'if verb == "SUBSCRIBED":')),
        why("Nobody waits for that flag: validate() looks at `connected` alone.",
            s.code("router/readiness.py", "await self._broker.connected.wait()")),
        root=READY_TOO_EARLY,
    )


def demo_race(s: Scene) -> ProposedWhys:
    """The order of two lines, quoted."""
    return answer(
        why("Messages of the room are lost for clients that connect in the first second, since they are disconnected "
            "with 1011.", s.log("closing the client with 1011")),
        why("This is a startup race: \"ready, letting clients in\" is logged before \"subscriber running\".",
            s.log("ready, letting clients in"), s.log("subscriber running")),
        why("A background task does the subscribing, and nothing awaits it.",
            s.code("router/broker.py",
                   "self._subscriber = asyncio.create_task(self._run_subscriber(reader, self._writer))")),
    )


def demo_scheduled(s: Scene) -> ProposedWhys:
    """A task that is created first and runs last: the order of the lines is not that of the run."""
    return answer(
        why("Clients get 1011 because their route is refused.", s.log("closing the client with 1011"),
            s.log("cannot add a route for room 'harbour'")),
        why("`self.connected.set` is called before `_run_subscriber` has read SUBSCRIBED, since its task is only "
            "created.",
            s.code("router/broker.py", "self.connected.set()"),
            s.code("router/broker.py", "self._subscriber = asyncio.create_task(self._run_subscriber("),
            s.code("router/broker.py", 'if verb == "SUBSCRIBED":')),
        root=READY_TOO_EARLY,
    )


def crash_import_time(s: Scene) -> ProposedWhys:
    """What runs at import."""
    return answer(
        why("gunicorn gives up with 'Worker failed to boot'.", s.log("[1] [ERROR] Reason: Worker failed to boot.")),
        why("The app module cannot be loaded, because create_app() runs at import time and setup_middleware throws.",
            s.log('File "/app/backend/main.py", line 15, in <module>'),
            s.code("backend/main.py", "app = create_app()")),
        why("The exception handler there rethrows everything as RuntimeError.",
            s.code("backend/core/middleware_setup.py",
                   'raise RuntimeError(f"failed to set up middleware: {error}") from error')),
        why("Docker builds the image without backend/services/monitoring, as **/monitoring is ignored.",
            s.code(".dockerignore", "**/monitoring")),
    )


def crash_probe(s: Scene) -> ProposedWhys:
    """From what Cloud Run says."""
    return answer(
        why("The health probe never succeeds, so Cloud Run does not start the instance.",
            s.log("The instance was not started."), s.log("STARTUP TCP probe failed 1 time")),
        why("Nothing listens because the container has exited: Container called exit(3).",
            s.log("Container called exit(3).")),
        why("The Python process dies on ModuleNotFoundError.",
            s.log("ModuleNotFoundError: No module named 'backend.services.monitoring'")),
    )


def pool_users(s: Scene) -> ProposedWhys:
    """From what users see; a number in words."""
    return answer(
        why("Users see HTTP 500 on /orders/90301.", s.log("/orders/90301 -> 500")),
        why("The handler waits ten seconds in acquire() and then PoolTimeout is raised.",
            s.log("connection timed out, timeout 10.00 s"),
            s.code(POOL, "connection = self._free.get(timeout=timeout)")),
        why("The queue of free connections is empty: someone borrows and does not return.",
            s.code(POOL, "except queue.Empty:"), s.log("5 of 5 connections in use")),
        why("It is render_invoice: on a missing order it raises and never reaches pool.release.",
            s.code(INVOICES, "raise OrderNotFound(order_id)"), s.code(INVOICES, "pool.release(connection)")),
        root=LEAK,
    )


def pool_climbs(s: Scene) -> ProposedWhys:
    """Two whys on counts and code."""
    return answer(
        why("Connection leak: the number in use climbs and never falls.",
            s.log("1 of 5 connections in use"), s.log("4 of 5 connections in use")),
        why("Each 404 on an invoice leaks one, because the release is not in a finally block.",
            s.log("/orders/70411/invoice -> 404"), s.code(INVOICES, "pool.release(connection)")),
        root=LEAK,
        ruled_out=(no("The timeout is too short.", "With a timeout of 10.00 s the connection still timed out.",
                      s.log("connection timed out, timeout 10.00 s")),),
    )


Honest = Callable[[Scene], ProposedWhys]

HONEST: dict[str, tuple[Callable[[], Scene], Honest]] = {
    **{case.__name__: (demo_scene, case) for case in (
        demo_as_scripted, demo_with_times, demo_absence, demo_one_why, demo_no_culprit, demo_nothing, demo_open_end,
        demo_code_heavy, demo_outside_the_pack, demo_handshake, demo_race,
        demo_scheduled)},
    **{case.__name__: (crash_scene, case) for case in (
        crash_five, crash_short, crash_deployment, crash_other_instance, crash_no_cause, crash_pid, crash_single,
        crash_image, crash_import_time, crash_probe)},
    **{case.__name__: (pool_scene, case) for case in (
        pool_three, pool_counts, pool_recurring, pool_units, pool_unicode, pool_deploy, pool_contrast, pool_single,
        pool_because, pool_users, pool_climbs, pool_counted)},
}
