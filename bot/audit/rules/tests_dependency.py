"""Only the language or its library is exercised."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.basis import Rest, basis
from bot.audit.dataflow.flow import runs_product
from bot.audit.reading.program import External
from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.surroundings.steered import steered
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    found = basis(view)
    if found is not None and found.rest is Rest.LIBRARY and not steered(view) and not _listens(view):
        yield (
            found.first.node,
            "nothing of the implementation has a part in what is asserted: it checks only Python and its library",
        )


def _listens(view: View) -> bool:
    """Whether the test puts a function of its own in a module of the library, for the product to call."""
    return runs_product(view) and any(
        not isinstance(item.ctx, ast.Load) and isinstance(view.bare_scope.resolve(item.value), External)
        for item in view.attributes
    )


RULE = Rule(
    id="tests-dependency",
    defect_class="tests-dependency",
    title="Only the language or its library is tested",
    rationale="asyncio, json and dict work. A test that exercises nothing else cannot fail because of the product.",
    hint="Call the product code whose behaviour the test's name speaks of.",
    check=per_test(_look),
    good=Example(
        test="""\
import json
from product.service import encode


def test_encode():
    assert json.loads(encode(1)) == 1
""",
        implementation="""\
import json


def encode(value):
    return json.dumps(value)
""",
    ),
    bad=Example(
        test="""\
import asyncio


def test_event():
    event = asyncio.Event()
    assert not event.is_set()
    event.set()
    assert event.is_set()
""",
        implementation="""\
def encode(value):
    return str(value)
""",
    ),
)
