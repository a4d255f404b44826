"""Only the language or its library is exercised."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.dataflow.basis import Rest, basis
from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.surroundings.steered import steered
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    found = basis(view)
    if found is not None and found.rest is Rest.LIBRARY and not steered(view):
        yield (
            found.first.node,
            "nothing of the implementation has a part in what is asserted: it checks only Python and its library",
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
