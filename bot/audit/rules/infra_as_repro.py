"""A missing server is taken for the defect, or for the expected behaviour."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.surroundings.network import (
    INFRASTRUCTURE_ERRORS,
    connecting,
    fixed_place,
    outage_errors,
    raised_on_purpose,
    served,
)
from bot.audit.surroundings.tallies import BROAD, claims_reproduction, plans_outage, tallies, title
from bot.audit.view import View
from bot.domain.audit import FindingSeverity

_TIMEOUTS = frozenset({"TimeoutError", "ReadTimeout", "TimeoutException", "timeout", "ConnectTimeout"})
_SPECIAL = re.compile(
    r"(\b|_)([1-5]\d\d|race|load|storm|reproduc\w*|stress|confirmed|proven|proves)(\b|_)|concurren|cold[ _-]?start|"
    r"expected behaviou?r",
    re.IGNORECASE,
)
_RAISES = {"raises", "assertRaises", "assertRaisesRegex"}


_EXCUSED = re.compile(r"cold[ _-]?start|expected behaviou?r|\bconfirm(s|ed)\b|\bproves?\b", re.IGNORECASE)
"""What is said of an outage that is to pass for a finding."""


def _wants_absence(view: View) -> Iterator[tuple[ast.AST, ast.expr]]:
    """Assertions that something asked over the network is not so: the check, and what was asked."""
    for check in view.asserts:
        test = check.test
        asked: ast.expr | None = None
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            asked = test.operand
        elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Is | ast.Eq):
            right = test.comparators[0]
            asked = test.left if isinstance(right, ast.Constant) and right.value is False else None
        if asked is None:
            continue
        yield check, asked
        for name in every(asked, ast.Name):
            for kind, value in view.bare_scope.bound(view.node).get(name.id, []):
                if kind == "value" and isinstance(value, ast.expr):
                    yield check, value


def _of_absence(context: Context, view: View) -> Iterator[Found]:
    """A reproduction that is no more than that nothing answered."""
    if not view.asserts or not claims_reproduction(view) or plans_outage(view) or served(view):
        return
    for check, asked in _wants_absence(view):
        if server := _needed(context, view, (asked,)):
            yield (
                check,
                (
                    f"`{said(check)}` holds where nothing answers, and the code needs a server ({server}) that the "
                    "test does not start and the plan does not declare: a missing server is no reproduction"
                ),
            )
            return


def _needed(context: Context, view: View, nodes: tuple[ast.AST, ...]) -> str:
    """The server that some code of a test needs and that is not there by its doing: its address, or the call."""
    call = connecting(view, nodes)
    if call is None:
        return ""
    declared = {service.address for service in context.services}
    place = fixed_place(view, declared)
    if place:
        return place
    if any(True for _ in _declared(context, view, declared)):
        return ""
    return f"`{said(call)}`"


def _declared(context: Context, view: View, declared: set[str]) -> Iterator[str]:
    """The services that the plan gives this test, or bot.toml all of them."""
    planned = context.planned(view.case)
    if planned is not None:
        yield from planned.services
    elif declared:
        yield from declared


def _expected(view: View) -> Iterator[tuple[ast.AST, frozenset[str], tuple[ast.AST, ...]]]:
    """Where the test expects exceptions: the manager or call, their names, and the code that should raise them."""
    for node in view.withs:
        for manager in node.items:
            names = raises_names(manager.context_expr)
            if names and last_name(manager.context_expr) in _RAISES:
                yield manager.context_expr, names, tuple(node.body)
    for call in view.calls:
        if len(call.args) > 1 and last_name(call.func) in _RAISES:
            yield call, raises_names(call), (ast.copy_location(ast.Call(call.args[1], [], []), call),)


def _look(context: Context, view: View) -> Iterator[Found]:
    if not (view.withs or view.trys or view.calls) or context.predicts(view, *INFRASTRUCTURE_ERRORS):
        return
    yield from _of_absence(context, view)
    expected, counted = list(_expected(view)), tallies(view)
    if not expected and not counted:
        return
    wrapped = _with_bases(view, outage_errors(view.program))
    certain = INFRASTRUCTURE_ERRORS | wrapped
    if not any(names & (certain | BROAD | _TIMEOUTS) for _, names, _ in expected) and not counted:
        return
    if served(view):
        return
    for tally in counted:
        if not tally.caught & (certain | BROAD | _TIMEOUTS) or (plans_outage(view) and tally.looked_at):
            continue
        if server := _needed(context, view, tally.body):
            name = "/".join(sorted(tally.caught))
            message = (
                f"{name} is counted in `{tally.name}`, which line {getattr(tally.check, 'lineno', 0)} wants to be "
                f"filled, but the code needs a server ({server}) that the test does not start and the plan does "
                "not declare: a missing server is no reproduction"
            )
            yield tally.node, message
    for node, names, body in expected:
        found = names & (certain | BROAD | _TIMEOUTS)
        if not found or _on_purpose(view, names - wrapped) or not (server := _needed(context, view, body)):
            continue
        message = (
            f"{'/'.join(sorted(found))} is what the test expects, but the test needs a server ({server}) that it does "
            "not start and the plan does not declare: a missing server is no reproduction"
        )
        yield node, message, _severity(view, names, wrapped)


def _with_bases(view: View, names: frozenset[str]) -> frozenset[str]:
    """Exceptions with the product's own classes that they are derived from: who expects those gets these."""
    classes = [cls for cls in view.program.classes if cls.module.product and cls.node.name in names]
    return names | {item.node.name for cls in classes for item in cls.order if item.module.product}


def _on_purpose(view: View, names: frozenset[str]) -> bool:
    return any(raised_on_purpose(view, name) for name in names)


def _severity(view: View, names: frozenset[str], wrapped: frozenset[str]) -> FindingSeverity:
    """How bad an expected outage is: what the product makes of a server that is not there may well be tested."""
    if claims_reproduction(view) or _EXCUSED.search(title(view)):
        return ERROR
    if plans_outage(view):
        return WARNING
    if names <= wrapped:
        return ERROR if _SPECIAL.search(title(view)) else WARNING
    return ERROR


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
