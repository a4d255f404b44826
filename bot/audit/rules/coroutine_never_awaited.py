"""The run warned that a coroutine made by the test was never awaited, or shows that its body did not run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.observed.recorded import Recorded, recorded
from bot.audit.reading.definitions import FunctionInfo, last_name
from bot.audit.reading.references import Bound
from bot.audit.rule import WARNING, Context, Example, Hit, Rule, said, without_parameters
from bot.domain.suite import Observation

_WARNING = re.compile(r"coroutine '([^']+)' was never awaited")


def _product_coroutine(context: Context, name: str) -> bool:
    """Whether a qualified name is that of an `async def` of the implementation, and not of a mock."""
    last = name.rpartition(".")[2]
    return any(f"async def {last}(" in module.source.text for module in context.program.product_modules)


def _check(context: Context) -> Iterator[Hit]:
    reported: set[tuple[str, str]] = set()
    for seen in context.observations:
        for warning in seen.warnings:
            match = _WARNING.search(warning.message)
            test = without_parameters(seen.test)
            if match is None or (test, match[1]) in reported:
                continue
            reported.add((test, match[1]))
            here = warning.path == seen.path and warning.line > 0
            made = context.program.by_path.get(warning.path)
            # What the product made, and handed to something that the test replaced, is no call of the test's.
            by_test = made is None or not made.product
            yield Hit(
                seen.path,
                warning.line if here else context.line_of(test),
                test,
                f"during the run: {match[0]}; its body did not run",
                warning.message,
                None if by_test and _product_coroutine(context, match[1]) else WARNING,
            )
    for ran in recorded(context):
        if ran.view.case.id not in {test for test, _ in reported} and ran.passed and ran.watched:
            yield from _not_begun(ran)


def _not_begun(test: Recorded) -> Iterator[Hit]:
    """Calls that made a coroutine of the product which was then closed or dropped without a warning."""
    view = test.view
    if any(last_name(call.func) in {"iscoroutine", "isawaitable", "iscoroutinefunction"} for call in view.calls):
        return
    statements: list[ast.Assign | ast.Expr] = [*view.every(ast.Assign), *view.every(ast.Expr)]
    for statement in statements:
        call = statement.value
        if not isinstance(call, ast.Call) or not test.ran(call) or view.under_raises(call, "TypeError"):
            continue
        called = view.scope.resolve(call.func)
        function = called.function if isinstance(called, Bound) else called
        if not isinstance(function, FunctionInfo) or not isinstance(function.node, ast.AsyncFunctionDef):
            continue
        if function.module.product and not function.decorators and not _is_generator(function.node) and not any(
                test.ran(item) for item in function.node.body):
            yield test.hit(f"`{said(call)}` made a coroutine, and in the run no line of `{function.node.name}` was "
                           "executed", at=call)


def _is_generator(node: ast.AsyncFunctionDef) -> bool:
    return any(isinstance(item, ast.Yield) for item in ast.walk(node))


_ID = "tests/unit/test_example.py::test_one"


def _seen(*, warned: bool) -> tuple[Observation, ...]:
    from bot.domain.suite import SeenWarning

    warnings = (SeenWarning(category="RuntimeWarning", message="coroutine 'one' was never awaited"),) if warned else ()
    return (Observation(test=_ID, path="tests/unit/test_example.py", line=4, status="passed", warnings=warnings),)


_TEST = """\
import asyncio
from product.service import one


def test_one():
    assert asyncio.run(one()) == 1
"""

RULE = Rule(
    id="coroutine-never-awaited",
    defect_class="unawaited-coroutine",
    title="A coroutine was made and not awaited, in the run",
    rationale=(
        "Python says so itself when the coroutine object is thrown away. For a coroutine of the product it "
        "means that "
        "the code under test did not run."
    ),
    hint="Await the call.",
    check=_check,
    needs_run=True,
    good=Example(
        _TEST,
        """\
async def one():
    return 1
""",
        observations=_seen(warned=False),
    ),
    bad=Example(
        _TEST,
        """\
async def one():
    return 1
""",
        observations=_seen(warned=True),
    ),
)
