"""A missing server is taken for the defect, or for the expected behaviour."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import handler_names, is_check, loads_of, raises_names
from bot.audit.definitions import last_name
from bot.audit.network import INFRASTRUCTURE_ERRORS, addresses, has_server, opens_network, raised_on_purpose
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.rules.either_outcome_passes import fails
from bot.audit.view import View


def _reaches_out(context: Context, view: View) -> str:
    """The server the test needs and does not start: its address, or the client call; empty when none."""
    if has_server(view):
        return ""
    declared = {service.address for service in context.plan.services} if context.plan else set()
    for address in addresses(view):
        if str(address) not in declared:
            return str(address)
    call = opens_network(view)
    return said(call) if call is not None else ""


def _counted(view: View, handler: ast.ExceptHandler) -> str:
    """The counter or list that a handler fills and that a later assertion wants to be filled."""
    for node in [item for statement in handler.body for item in ast.walk(statement)]:
        name = ""
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"append", "add"}
            and isinstance(node.func.value, ast.Name)
        ):
            name = node.func.value.id
        for load in loads_of(view.node, name) if name else []:
            check = next((item for item in view.above(load) if isinstance(item, ast.Assert)), None)
            if check is not None and _wants_some(check.test, name):
                return name
    return ""


def _wants_some(test: ast.expr, name: str) -> bool:
    if isinstance(test, ast.Name):
        return test.id == name
    if isinstance(test, ast.Call):
        return last_name(test) == "any"
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    zero = isinstance(test.comparators[0], ast.Constant) and not test.comparators[0].value
    return (
        isinstance(test.ops[0], ast.Gt | ast.GtE)
        or (isinstance(test.ops[0], ast.Eq) and not zero)
        or (isinstance(test.ops[0], ast.NotEq) and zero)
    )


def _expected(view: View) -> Iterator[tuple[ast.AST, str, str]]:
    """Where an error of infrastructure is expected, caught quietly or counted: node, its name, what becomes of it."""
    for node in view.nodes:
        if isinstance(node, ast.With | ast.AsyncWith):
            for manager in node.items:
                for name in sorted(raises_names(manager.context_expr) & INFRASTRUCTURE_ERRORS):
                    yield manager.context_expr, name, "is what the test expects"
        elif isinstance(node, ast.Try):
            for handler in node.handlers:
                caught = sorted(handler_names(handler) & (INFRASTRUCTURE_ERRORS | {"Exception", "BaseException"}))
                infra = [name for name in caught if name in INFRASTRUCTURE_ERRORS]
                if caught and (counter := _counted(view, handler)):
                    yield handler, caught[0], f"is counted in `{counter}`, which a later assertion wants to be filled"
                elif infra and not fails(handler.body) and not _checked_after(view, node, handler):
                    yield handler, infra[0], "is caught and the test passes"


def _checked_after(view: View, node: ast.Try, handler: ast.ExceptHandler) -> bool:
    last = node.end_lineno or node.lineno
    leaves = any(isinstance(item, ast.Return) for statement in handler.body for item in ast.walk(statement))
    return not leaves and any(is_check(item) and getattr(item, "lineno", 0) > last for item in view.checks)


def _look(context: Context, view: View) -> Iterator[Found]:
    found = list(_expected(view))
    if not found or context.predicts(view, *INFRASTRUCTURE_ERRORS):
        return
    missing = _reaches_out(context, view)
    if not missing:
        return
    for node, name, becomes in found:
        if name in {"Exception", "BaseException"} or not raised_on_purpose(view, name):
            yield (
                node,
                (
                    f"{name} {becomes}, but the test needs a server ({missing}) that it does not start and the "
                    "plan does not "
                    "declare: a missing server is no reproduction"
                ),
            )


RULE = Rule(
    id="infra-as-repro",
    defect_class="infra-as-repro",
    title="A missing server counts as the result",
    rationale="A refused connection says that nothing listens there. It would say the same about correct code.",
    hint="Start the server in the test on a free port, or declare it in the plan; let its absence fail the test.",
    check=per_test(_look),
    good=Example(
        test="""\
import asyncio
import pytest
from product.service import Link


@pytest.mark.asyncio
async def test_closed_link():
    server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    with pytest.raises(ConnectionError):
        await Link('127.0.0.1', port).open()
""",
        implementation="""\
import asyncio


class Link:
    def __init__(self, host, port):
        self.at = host, port

    async def open(self):
        await asyncio.open_connection(*self.at)
""",
    ),
    bad=Example(
        test="""\
import pytest
from product.service import Link


@pytest.mark.asyncio
async def test_race():
    with pytest.raises(ConnectionRefusedError):
        await Link('127.0.0.1', 6379).open()
""",
        implementation="""\
import asyncio


class Link:
    def __init__(self, host, port):
        self.at = host, port

    async def open(self):
        await asyncio.open_connection(*self.at)
""",
    ),
)
