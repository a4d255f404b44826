"""With the server missing, the test ends green without an assertion."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.controlflow.paths import Path, Paths, paths_in
from bot.audit.reading.bindings import fixture_name
from bot.audit.reading.checks import handler_names
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, walk
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.surroundings.levels import level_of
from bot.audit.surroundings.network import INFRASTRUCTURE_ERRORS, connecting, outage_errors, served
from bot.audit.surroundings.tallies import BROAD
from bot.audit.vacuity.vacuous import vacuous
from bot.audit.view import View
from bot.domain.plan import Level

_TIMEOUTS = frozenset({"TimeoutError", "timeout", "TimeoutException", "HTTPError", "RequestException"})
_ASKS = re.compile(
    r"(is|are|has|have|can|check|ping|wait)?_?(\w+_)?(available|reachable|running|connectable|listening|responding|"
    r"alive|is_up|can_connect|port_open|open_port|health(y|_check)?|online)(_\w+)?$",
    re.IGNORECASE,
)
_SERVICE = re.compile(
    r"redis|postgres|mysql|mongo|rabbit|kafka|broker|database|server|service|docker|backend|staging|"
    r"gateway|elastic|minio|localstack|(^|_)db(_|$)|port|host|network|internet",
    re.IGNORECASE,
)
_SKIPS = {"skip", "skipTest", "SkipTest"}
_ABSENT_SERVER = {502, 503, 504}


def _skip(body: list[ast.stmt]) -> bool:
    return any(last_name(call.func) in _SKIPS for part in body for call in every(part, ast.Call))


def _quiet(body: list[ast.stmt]) -> bool:
    """Whether statements end the test green, or in a skip."""
    for part in body:
        if isinstance(part, ast.Return) and (part.value is None or isinstance(part.value, ast.Constant)):
            return True
        if isinstance(part, ast.Assert) and isinstance(part.test, ast.Constant) and part.test.value:
            return True
    return _skip(body)


def _of_try(view: View, paths: Paths) -> Iterator[Found]:
    errors = INFRASTRUCTURE_ERRORS | outage_errors(view.program) | BROAD | _TIMEOUTS
    for node in view.trys:
        relevant = [handler for handler in node.handlers if handler_names(handler) & errors]
        if not relevant or (call := connecting(view, node.body)) is None:
            continue
        for handler in relevant:
            names = "/".join(sorted(handler_names(handler) & errors))
            if _skip(handler.body) and not any(True for part in handler.body for _ in every(part, ast.If)):
                yield handler, f"when `{said(call)}` finds no server ({names}), the test is skipped: nothing is checked"
            elif any(_through(path, handler) and _says_nothing(view, path) for path in paths.green):
                yield handler, f"when `{said(call)}` finds no server ({names}), the test passes with nothing checked"


def _through(path: Path, handler: ast.ExceptHandler) -> bool:
    return any(turn.node is handler for turn in path.turns) and all(
        turn.taken for turn in path.turns if turn.kind == "loop"
    )


def _says_nothing(view: View, path: Path) -> bool:
    """Whether all that a path asserts holds without a result: nothing, or `taken is None or ...`."""
    return all(check in vacuous(view) or _accepts_none(check) for check in path.checks)


def _accepts_none(check: ast.AST) -> bool:
    test = predicate(check)
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.Or):
        return False
    return any(
        (
            isinstance(item, ast.Compare)
            and isinstance(item.ops[0], ast.Is)
            and isinstance(item.comparators[0], ast.Constant)
            and item.comparators[0].value is None
        )
        or (isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.Not))
        for item in test.values
    )


def _asks(view: View, test: ast.expr, depth: int = 0) -> str:
    """The question in a condition whether a server is there; "" when it asks something else."""
    for call in every(test, ast.Call):
        name = last_name(call.func)
        if name == "connect_ex" or (_ASKS.match(name) and (_SERVICE.search(name) or connecting(view, [call]))):
            return said(call)
        if _ASKS.match(name) and any(
            isinstance(item.value, str) and _SERVICE.search(item.value) for item in every(call, ast.Constant)
        ):
            return said(call)
    for name_node in every(test, ast.Name):
        if (flag := name_node.id) and depth < 2:
            for kind, value in view.bare_scope.bound(view.node).get(flag, []):
                if kind == "value" and isinstance(value, ast.expr) and (found := _asks(view, value, depth + 1)):
                    return found
            if _SERVICE.search(flag) and _ASKS.match(flag) and flag in view.module.bindings:
                return flag
    return ""


def _of_if(view: View) -> Iterator[Found]:
    for node in view.every(ast.If):
        asked = _asks(view, node.test)
        if not asked and (absent := _left_empty(view, node.test)):
            asked = absent
        if not asked:
            continue
        if _quiet(node.body) or _quiet(node.orelse) or _all_inside(view, node):
            yield node, f"without the server (`{asked}`) the test ends with nothing checked"


def _of_status(view: View) -> Iterator[Found]:
    """Answers of a server behind the server that is missing."""
    for node in view.every(ast.If):
        if (status := _absent_status(node.test)) and _quiet(node.body):
            inside = {item for part in node.body for item in walk(part)}
            if not any(check in inside and check not in vacuous(view) for check in view.checks):
                yield (
                    node,
                    f"when the answer is {status} (a server behind is missing), the test ends with nothing checked",
                )


def _absent_status(test: ast.expr) -> str:
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq | ast.In | ast.GtE):
        return ""
    if not last_name(test.left).startswith("status"):
        return ""
    numbers = {item.value for item in every(test.comparators[0], ast.Constant) if isinstance(item.value, int)}
    return "/".join(str(item) for item in sorted(numbers & _ABSENT_SERVER))


def _left_empty(view: View, test: ast.expr) -> str:
    """The name in `x is None` or `not x` that a handler, here or in its fixture, leaves empty without a server."""
    operand = _emptiness(test)
    if operand is None:
        return ""
    errors = INFRASTRUCTURE_ERRORS | outage_errors(view.program) | BROAD
    fixture = view.bare_scope.fixture(operand.id) if isinstance(operand, ast.Name) else None
    if fixture is not None and any(_gives_none(handler) for handler in _catching(fixture.node, errors)):
        return f"{last_name(operand)} is None"
    wanted = last_name(operand)
    for body in (view.node, *(helper.node for helper in view.helpers)):
        for node in every(body, ast.Try):
            if connecting(view, node.body) and any(_empties(item, wanted) for item in _catching(node, errors)):
                return f"{wanted} is None"
    return ""


def _emptiness(test: ast.expr) -> ast.expr | None:
    """What a condition asks to be None or false."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.IsNot):
        last = test.comparators[0]
        return test.left if isinstance(last, ast.Constant) and last.value is None else None
    return None


def _catching(node: ast.AST, errors: frozenset[str]) -> list[ast.ExceptHandler]:
    return [item for item in every(node, ast.ExceptHandler) if handler_names(item) & errors]


def _gives_none(handler: ast.ExceptHandler) -> bool:
    gives = [item.value for part in handler.body for item in every(part, ast.Return)]
    gives += [item.value for part in handler.body for item in every(part, ast.Yield)]
    return any(_is_none(item) for item in gives)


def _empties(handler: ast.ExceptHandler, name: str) -> bool:
    sets = [item for part in handler.body for item in every(part, ast.Assign)]
    return any(_is_none(item.value) and any(last_name(target) == name for target in item.targets) for item in sets)


def _is_none(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and not node.value)


def _all_inside(view: View, node: ast.If) -> bool:
    """Whether all that the test asserts stands in one branch and the other asserts nothing."""
    checks = [check for check in view.checks if check not in vacuous(view)]
    for branch in (node.body, node.orelse):
        inside = {item for part in branch for item in walk(part)}
        if checks and all(check in inside for check in checks):
            return True
    return False


def _around(context: Context, view: View) -> Iterator[Found]:
    """Skips in fixtures and marks: honest in a test of several parts together, not in a unit test."""
    severity = ERROR if level_of(context, view.case) is Level.UNIT else WARNING
    errors = INFRASTRUCTURE_ERRORS | outage_errors(view.program) | BROAD
    for body in view.helpers:
        if not (fixture_name(body.node) or body.node.name in {"setUp", "asyncSetUp", "setup_method", "setUpClass"}):
            continue
        for node in every(body.node, ast.Try):
            for handler in node.handlers:
                if handler_names(handler) & errors and _skip(handler.body) and connecting(view, node.body):
                    here = handler if body.source is view.source else view.node
                    yield here, f"`{body.node.name}` skips the test when a server is not there", severity


def _look(context: Context, view: View) -> Iterator[Found]:
    yield from _of_status(view)
    ifs = list(_of_if(view))
    if ifs or view.trys or view.helpers:
        if served(view):
            return
        yield from ifs
        if view.trys:
            paths = paths_in(view)
            yield from _of_try(view, paths)
        yield from _around(context, view)


RULE = Rule(
    id="infra-as-pass",
    defect_class="infra-as-pass",
    title="A missing server makes the test pass",
    rationale="Where the server is missing nothing is checked, and the report still counts one test more that passed.",
    hint="Start the server in a fixture, or declare it; let its absence fail the test.",
    check=per_test(_look),
    good=Example(
        test="""\
import asyncio
import pytest
from product.service import Link


@pytest.mark.asyncio
async def test_link():
    server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)
    try:
        link = Link('127.0.0.1', server.sockets[0].getsockname()[1])
        assert await link.open() == b''
    finally:
        server.close()
""",
        implementation="""\
import asyncio


class Link:
    def __init__(self, host, port):
        self.at = host, port

    async def open(self):
        reader, _ = await asyncio.open_connection(*self.at)
        return await reader.read()
""",
    ),
    bad=Example(
        test="""\
import pytest
from product.service import Link


@pytest.mark.asyncio
async def test_link():
    link = Link('127.0.0.1', 6379)
    try:
        answer = await link.open()
    except ConnectionError:
        print('no server here')
        return
    assert answer == b''
""",
        implementation="""\
import asyncio


class Link:
    def __init__(self, host, port):
        self.at = host, port

    async def open(self):
        reader, _ = await asyncio.open_connection(*self.at)
        return await reader.read()
""",
    ),
)
