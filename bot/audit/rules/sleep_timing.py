"""The verdict depends on the wall clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import is_check
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.view import View

_CLOCKS = {
    "time.time",
    "time.monotonic",
    "time.perf_counter",
    "time.time_ns",
    "time.monotonic_ns",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
}
_SLEEPS = {"time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep"}


def _reads_clock(view: View, node: ast.AST) -> bool:
    return any(isinstance(item, ast.Call) and view.scope.dotted(item.func) in _CLOCKS for item in ast.walk(node))


def _elapsed(view: View) -> set[str]:
    """The local names that hold a difference of clock readings."""
    names: set[str] = set()
    for name, bindings in view.scope.bound(view.node).items():
        for kind, value in bindings:
            if kind == "value" and any(
                isinstance(item, ast.BinOp) and isinstance(item.op, ast.Sub) and _reads_clock(view, item)
                for item in ast.walk(value)
            ):
                names.add(name)
    return names


def _look(context: Context, view: View) -> Iterator[Found]:
    elapsed = _elapsed(view)
    for node in view.nodes:
        if isinstance(node, ast.Call) and node.args and view.scope.dotted(node.func) in _SLEEPS:
            length = node.args[0]
            if isinstance(length, ast.Constant) and isinstance(length.value, int | float) and length.value > 0:
                yield (
                    node,
                    f"`{said(node)}` waits for real time: whether {length.value} s are enough depends on the machine",
                )
        elif isinstance(node, ast.Compare) and any(is_check(item) for item in view.above(node)):
            names = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
            if names & elapsed or _reads_clock(view, node):
                yield node, f"`{said(node)}` compares elapsed real time, which depends on the machine"


RULE = Rule(
    id="sleep-timing",
    defect_class="sleep-timing",
    title="The verdict depends on the wall clock",
    rationale=(
        "Sleeping as synchronisation and comparing elapsed times make a test fail on a busy machine and "
        "pass on an "
        "idle one. Where the time is the specified behaviour it is all right, so this is a warning."
    ),
    hint="Wait for an event that the code sets, or give it a clock that the test moves.",
    check=per_test(_look),
    severity=WARNING,
    good=Example(
        test="""\
import asyncio
import pytest
from product.service import work


@pytest.mark.asyncio
async def test_work():
    done = asyncio.Event()
    await work(done)
    await asyncio.sleep(0)
    assert done.is_set()
""",
        implementation="""\
async def work(done):
    done.set()
""",
    ),
    bad=Example(
        test="""\
import time
from product.service import work


def test_work():
    begun = time.monotonic()
    work()
    elapsed = time.monotonic() - begun
    assert elapsed < 0.5
""",
        implementation="""\
def work():
    pass
""",
    ),
)
