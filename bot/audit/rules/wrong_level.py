"""A unit test that needs a server, or an integration test in which nothing real is put together."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.flow import on_mock
from bot.audit.reading.checks import MOCKS
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.references import is_product
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Hit, Rule, per_test, said
from bot.audit.surroundings.levels import level_of
from bot.audit.surroundings.network import addresses, connecting, fixed_place, has_server, served
from bot.audit.view import View
from bot.domain.plan import Level, ServiceNeed
from bot.domain.suite import Observation

_REAL = {
    "TestClient",
    "AsyncClient",
    "Client",
    "APIClient",
    "run",
    "Popen",
    "invoke",
    "tmp_path",
    "tmpdir",
    "connect",
    "create_engine",
    "ASGITransport",
    "check_output",
    "live_server",
    "sqlite3",
}


def _needs_server(context: Context, view: View) -> str:
    """The server that a test needs: at a declared address, or where the product's own settings say."""
    if served(view) or (call := connecting(view, view.node.body)) is None:
        return ""
    if fixed_place(view, {service.address for service in context.services}):
        return ""  # undeclared, which is a finding of its own
    return next((str(item) for item in addresses(view)), f"`{said(call)}`")


def _only_mocks(view: View) -> tuple[ast.Call, int] | None:
    """The product object that is given mocks only, where the test has nothing else that is real."""
    names = {item.arg for item in view.node.args.args} | {last_name(call.func) for call in view.calls}
    if (
        names & _REAL
        or has_server(view)
        or not any(
            last_name(call.func) in MOCKS for body in (view.body, *view.helpers) for call in body.every(ast.Call)
        )
    ):
        return None
    made: list[tuple[ast.Call, int]] = []
    for call in view.calls:
        found = view.bare_scope.resolve(call.func)
        if not isinstance(found, ClassInfo) or not is_product(found):
            continue
        given = [*call.args, *(word.value for word in call.keywords)]
        mocks = sum(on_mock(view, item) for item in given)
        if not mocks and given:
            return None
        if mocks and mocks < len([item for item in given if not isinstance(item, ast.Constant)]):
            return None
        if mocks:
            made.append((call, mocks))
    return made[0] if len(made) == 1 else None


def _look(context: Context, view: View) -> Iterator[Found]:
    planned = context.planned(view.case)
    level = planned.level if planned is not None else level_of(context, view.case)
    if level is Level.UNIT:
        if server := _needs_server(context, view):
            yield view.node, f"a unit test needs a server ({server})"
    elif level in {Level.INTEGRATION, Level.E2E} and (found := _only_mocks(view)) is not None:
        call, mocks = found
        severity = ERROR if planned is not None and planned.services else WARNING
        yield (
            call,
            f"an {level.value} test in which `{last_name(call.func)}` is given nothing but mocks ({mocks})",
            severity,
        )


def _seen(context: Context) -> Iterator[Hit]:
    """Connections that a unit test made in the run, to something that it had not started."""
    for view in context.views:
        planned = context.planned(view.case)
        level = planned.level if planned is not None else level_of(context, view.case)
        if level is not Level.UNIT:
            continue
        for seen in context.observations_of(view.case.id):
            if place := _outside(seen):
                severity = WARNING if has_server(view) else ERROR
                yield Hit(
                    view.source.path,
                    view.node.lineno,
                    view.case.id,
                    f"a unit test connected to {place}, which it had not started",
                    view.source.line(view.node.lineno),
                    severity,
                )
                break


def _outside(seen: Observation) -> str:
    """Where something answered that the test had not started; a port that it only keeps closed does not answer."""
    return next((item.address for item in seen.connections if not item.own and not item.error), "")


def _check(context: Context) -> Iterator[Hit]:
    yield from per_test(_look)(context)
    yield from _seen(context)


RULE = Rule(
    id="wrong-level",
    defect_class="wrong-level",
    title="A test that stands at the wrong level",
    rationale="Unit tests are run everywhere and often, without servers; an integration test with nothing real in it "
    "tells no more than a unit test.",
    hint="Move it to the folder of its level, or give it what its level asks for.",
    check=_check,
    good=Example(
        test="""\
from unittest.mock import Mock
from product.service import Shop


def test_order():
    store = Mock()
    Shop(store).order('tea')
    store.save.assert_called_once_with('tea')
""",
        implementation="""\
class Shop:
    def __init__(self, store):
        self.store = store

    def order(self, name):
        self.store.save(name)
""",
    ),
    bad=Example(
        test="""\
import socket
from product.service import parse


def test_ping():
    with socket.create_connection(('localhost', 6379)) as link:
        link.sendall(b'PING')
        assert parse(link.recv(10)) == 'PONG'
""",
        implementation="""\
def parse(data):
    return data.decode().strip('+')
""",
        services=(ServiceNeed(name="redis", address="localhost:6379"),),
    ),
)
