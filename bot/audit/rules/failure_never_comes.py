"""A test that lets something fail around the code under test, and the failure never comes."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.rules.fails_as_written import awaits_by_itself
from bot.audit.surroundings.happening import never_happens
from bot.audit.surroundings.idle import unused_fixtures
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    if not context.program.product_modules or context.planned(view.case) is not None:
        return
    found = never_happens(view, auto=awaits_by_itself(context))
    if found is not None:
        yield found
    else:
        yield from unused_fixtures(view)


_GOOD = """\
from product.service import fetch


class Flaky:
    def __init__(self, failures):
        self.failures = failures
        self.calls = 0

    def get(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise ConnectionError
        return 'value'


def test_fetch_recovers_from_failures():
    assert fetch(Flaky(failures=2)) == 'value'
"""
_CODE = """\
def fetch(source):
    for _ in range(3):
        try:
            return source.get()
        except ConnectionError:
            continue
    return None
"""

RULE = Rule(
    id="failure-never-comes",
    defect_class="unwired-double",
    title="The failure that the test prepares never comes",
    rationale=(
        "Followed step by step, the test passes and no double ever raises what it was made to raise: the code that is "
        "to deal with the failure is not asked to, and may be removed unseen."
    ),
    hint="Bring the double to where the code under test calls it, let it fail at that call, and assert the call.",
    check=per_test(_look),
    good=Example(_GOOD, _CODE),
    bad=Example(_GOOD.replace("<= self.failures", "> self.failures"), _CODE),
)
