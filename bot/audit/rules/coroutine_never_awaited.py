"""The run warned that a coroutine made by the test was never awaited."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.audit.rule import WARNING, Context, Example, Hit, Rule, without_parameters
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
            yield Hit(
                seen.path,
                warning.line if here else context.line_of(test),
                test,
                f"during the run: {match[0]}; its body did not run",
                warning.message,
                None if _product_coroutine(context, match[1]) else WARNING,
            )


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
