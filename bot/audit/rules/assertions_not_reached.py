"""A test passed and none of its assertions ran."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.flow import Asserted, Kind
from bot.audit.observed.recorded import Recorded, recorded
from bot.audit.outcomes.hidden import missed
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.rule import Context, Example, Hit, Rule
from bot.domain.suite import FileLines, Observation

_MAY_BE_PRODUCT = {Kind.PRODUCT, Kind.CONSTANT, Kind.UNKNOWN, Kind.AMBIENT}


def _forbids(item: Asserted) -> bool:
    """Whether an assertion stands where the test must not come: a `fail`, or a condition that is always false."""
    if item.style == "fail":
        return True
    if isinstance(item.node, ast.Call):
        return last_name(item.node.func).lower() in {"fail", "assert_not_reached", "assert_never", "xfail"}
    test = item.node.test if isinstance(item.node, ast.Assert) else None
    return isinstance(test, ast.Constant) and not test.value


def _check(context: Context) -> Iterator[Hit]:
    for test in recorded(context):
        if not (test.passed and test.watched):
            continue
        if test.asserted_something:
            yield from _beside_the_product(test)
        elif not test.body_ran:
            yield from _not_run(test)
        elif test.asserted and not any(_forbids(item) for item in test.asserted):
            if any(missed(item.connections, context.services) for item in test.seen):
                continue  # that a service was missing is the reason, and another rule's to tell
            first = next((item for item in test.asserted if item.own), test.asserted[0])
            yield test.hit(f"it passed, and none of its {len(test.asserted)} assertions ran"
                           if len(test.asserted) > 1 else "it passed, and its assertion did not run",
                           at=first.node, of_class=_why(test, first))


def _not_run(test: Recorded) -> Iterator[Hit]:
    if isinstance(test.view.node, ast.AsyncFunctionDef):
        yield test.hit("it passed, and no statement of its body ran: nothing awaited it", of_class="async-test-not-run")
    elif any(True for item in every(test.view.node, ast.Yield) if item):
        yield test.hit("it passed, and no statement of its body ran: it is a generator that nothing went through",
                       of_class="not-collected")


def _beside_the_product(test: Recorded) -> Iterator[Hit]:
    """What ran of the assertions cannot depend on the product, and those that do were left out."""
    ran = [item for item in test.asserted if test.ran(item.node)]
    left = [item for item in test.asserted if item.own and item not in ran and not _forbids(item)]
    on_product = [item for item in left if Kind.PRODUCT in item.kinds and item.style in {"assert", "call"}]
    mocks = any(mock.checked for item in test.seen for mock in item.mocks)
    if ran and on_product and not mocks and not any(item.kinds & _MAY_BE_PRODUCT for item in ran):
        yield test.hit("it passed, and none of its assertions on what the product gives ran", at=on_product[0].node,
                       of_class=_why(test, on_product[0]))


def _why(test: Recorded, first: Asserted) -> str:
    """The class: what kept the first assertion from running."""
    for item in test.view.source.above(first.node):
        if item is test.view.node:
            break
        if isinstance(item, ast.Try) and not any(part is first.node for part in item.finalbody):
            return "swallowed-failure"
        if isinstance(item, ast.If | ast.For | ast.AsyncFor | ast.While):
            return "conditional-assert"
    return "conditional-assert"


_ID = "tests/unit/test_example.py::test_one"
_TEST = """\
from product.service import find


def test_one():
    found = find('a')
    for item in found:
        assert item == 'a'
"""


def _seen(*lines: int) -> tuple[Observation, ...]:
    path = "tests/unit/test_example.py"
    ran = (FileLines(path="product/service.py", lines=(2,)), FileLines(path=path, lines=lines))
    return (Observation(test=_ID, path=path, line=4, status="passed", reached=("product/service.py::find",),
                        watched=True, lines=ran),)


RULE = Rule(
    id="assertions-not-reached",
    defect_class="conditional-assert",
    title="The test passed without coming to an assertion",
    rationale=(
        "In the run every assertion was skipped by a condition, an early return, an empty loop or a handler: the test "
        "would have passed whatever the product did."
    ),
    hint="Assert on the way that the test always takes; first that there is something to look at.",
    check=_check,
    needs_run=True,
    good=Example(_TEST.replace("    for", "    assert found\n    for"), "def find(name):\n    return [name]\n",
                 observations=_seen(5, 6, 7, 8)),
    bad=Example(_TEST, "def find(name):\n    return []\n", observations=_seen(5, 6)),
)
