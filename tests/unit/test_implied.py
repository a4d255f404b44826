"""Which failures a fix foretells: those that come of what it changes, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.logs import Frame
from bot.domain.suite import FailureKind, Observation, Outcome, Phase, RaisedException
from bot.proof.implied import FixedCode, implied

SHOP = "shop/pages.py"
BEFORE = b'''"""Pages."""
import math
SIZE = 10
DOUBLE = SIZE * 2


class Shelf:
    """A shelf."""
    depth = 3

    def first(self):
        return self.depth

    @property
    def width(self):
        return 1

    @width.setter
    def width(self, value):
        pass


def count(items):
    """How many."""
    def inner(one):
        return one
    return len(items) // SIZE


def other(items):
    return items[0]


def doubled():
    return DOUBLE
'''
TEST = b"from shop import pages\n\ndef test_it():\n    assert pages.count([1]) == 1\n"


def code(change: tuple[bytes, bytes], *more: tuple[str, bytes]) -> FixedCode:
    assert change[0] in BEFORE
    files = {SHOP: BEFORE, "tests/test_pages.py": TEST, **dict(more)}
    return FixedCode({SHOP: BEFORE}, {SHOP: BEFORE.replace(*change, 1)}, files.get)


SILENT = ("tests/test_pages.py", b"def test_it():\n    assert run() == 1\n")
"""A test whose text names nothing of the product."""
COUNT = (b"// SIZE", b"// SIZE + 1")


def seen(*reached: str, phase: Phase = "call", path: str = "tests/test_pages.py",
         raised: str = "AssertionError") -> Observation:
    return Observation(
        test=f"{path}::test_it" if phase != "collect" else path, path=path, status="failed", phase=phase,
        exceptions=(RaisedException(type=raised, message="assert 0 == 1"),), reached=reached)


def kind(of: FixedCode, observation: Observation, given: FailureKind = FailureKind.OTHER_FAILURE,
         frame: str = "tests/test_pages.py") -> FailureKind:
    outcome = Outcome(test=observation.test, kind=given, reason="It failed.",
                      frame=Frame(path=frame, line=4, function="test_it"))
    (held,) = implied(of, (outcome,), (observation,))
    assert (held.kind is given) == (held is outcome)
    return held.kind


@pytest.mark.parametrize(("change", "reached"), [
    (COUNT, "count"),
    (COUNT, "count.<locals>.inner"),
    ((b"return one", b"return -one"), "count.<locals>.inner"),
    ((b"SIZE = 10", b"SIZE = 20"), "count"),
    ((b"SIZE = 10", b"SIZE = 20"), "doubled"),
    ((b"depth = 3", b"depth = 4"), "Shelf.first"),
    ((b"class Shelf:", b"class Shelf(dict):"), "Shelf.first"),
    ((b"        return 1\n", b"        return 2\n"), "Shelf.width"),
    ((b"    def first(self):", b"    def __len__(self):\n        return 1\n\n    def first(self):"), "Shelf.first"),
    ((b"def other(items):\n    return items[0]\n", b""), "other"),
    ((b"import math", b"import math\nmath.init()"), "other"),
    ((b"def other(", b"@math.register\ndef added():\n    pass\n\n\ndef other("), "other"),
], ids=["function", "inner", "of the inner", "constant", "made of it", "attribute", "base class", "getter",
        "method added", "gone", "statement", "registered"])
def test_an_assertion_after_changed_code_ran_is_foretold(change: tuple[bytes, bytes], reached: str) -> None:
    assert kind(code(change, SILENT), seen(f"{SHOP}::{reached}")) is FailureKind.AS_PREDICTED


@pytest.mark.parametrize(("change", "reached"), [
    (COUNT, (f"{SHOP}::other",)),
    (COUNT, (f"{SHOP}::Shelf.first",)),
    (COUNT, ("other/pages.py::count",)),
    (COUNT, ()),
    ((b"SIZE = 10", b"SIZE = 20"), (f"{SHOP}::other",)),
    ((b"depth = 3", b"depth = 4"), (f"{SHOP}::other",)),
    ((b'"""How many."""', b'"""How many there are."""'), (f"{SHOP}::count",)),
    ((b"return one", b"return (one)"), (f"{SHOP}::count",)),
    ((b"def other(", b"def added():\n    pass\n\n\ndef other("), (f"{SHOP}::other",)),
], ids=["another function", "another class", "another file", "nothing", "constant", "attribute", "docstring", "layout",
        "added and used by nobody"])
def test_a_failure_apart_from_what_changes_is_not(change: tuple[bytes, bytes], reached: tuple[str, ...]) -> None:
    assert kind(code(change, SILENT), seen(*reached)) is FailureKind.OTHER_FAILURE


@pytest.mark.parametrize(("given", "phase"), [
    (FailureKind.HARNESS, "call"), (FailureKind.HARNESS, "setup"), (FailureKind.ENVIRONMENT, "call"),
    (FailureKind.TIMEOUT, "call"), (FailureKind.FLAKY, "call"), (FailureKind.SKIPPED, "call"),
    (FailureKind.PASSED, "call"), (FailureKind.OTHER_FAILURE, "setup"), (FailureKind.OTHER_FAILURE, "teardown"),
    (FailureKind.HARNESS, "collect"), (FailureKind.ENVIRONMENT, "collect"), (FailureKind.NOT_RUN, "call"),
])
def test_a_mistake_or_an_outage_is_not_though_changed_code_ran(given: FailureKind, phase: Phase) -> None:
    assert kind(code(COUNT), seen(f"{SHOP}::count", phase=phase), given) is given


def test_an_exception_out_of_a_changed_file_is() -> None:
    assert kind(code(COUNT), seen(f"{SHOP}::other", raised="IndexError"), frame=SHOP) is FailureKind.AS_PREDICTED
    assert kind(code(COUNT), seen("shop/x.py::y", raised="IndexError"), frame="shop/x.py") is FailureKind.OTHER_FAILURE


def test_an_error_at_import_is_when_it_is_in_a_changed_file() -> None:
    broken = seen(phase="collect", raised="ImportError")
    assert kind(code(COUNT), broken, FailureKind.HARNESS, SHOP) is FailureKind.AS_PREDICTED
    assert kind(code(COUNT), broken, FailureKind.HARNESS, "shop/other.py") is FailureKind.HARNESS
    # A package that is not installed is missing with every fix.
    assert kind(code(COUNT), broken, FailureKind.ENVIRONMENT, SHOP) is FailureKind.ENVIRONMENT


@pytest.mark.parametrize("phase", ["call", "setup", "teardown"])
def test_a_mistake_of_the_test_is_not_wherever_it_ends(phase: Phase) -> None:
    assert kind(code(COUNT), seen(f"{SHOP}::count", phase=phase), FailureKind.HARNESS, SHOP) is FailureKind.HARNESS


def test_what_runs_at_import_is_reached_by_importing_it() -> None:
    changed = (b"import math", b"import math\nmath.init()")
    assert kind(code(changed), seen()) is FailureKind.AS_PREDICTED
    assert kind(code(changed, SILENT), seen()) is FailureKind.OTHER_FAILURE


def test_a_wait_that_was_given_up_within_a_changed_file_is() -> None:
    waited = seen(f"{SHOP}::count", raised="TimeoutError")
    assert kind(code(COUNT), waited, FailureKind.TIMEOUT, SHOP) is FailureKind.AS_PREDICTED
    assert kind(code(COUNT), waited, FailureKind.TIMEOUT) is FailureKind.TIMEOUT
    limited = seen(f"{SHOP}::count", raised="Failed")
    assert kind(code(COUNT), limited, FailureKind.TIMEOUT, SHOP) is FailureKind.TIMEOUT


def test_a_constant_that_a_test_reads_itself_is_enough() -> None:
    changed = (b"SIZE = 10", b"SIZE = 20")
    reads = ("tests/test_pages.py", b"from shop.pages import SIZE\n\ndef test_it():\n    assert SIZE == 20\n")
    assert kind(code(changed, reads), seen()) is FailureKind.AS_PREDICTED
    other = ("tests/test_pages.py", b"from shop.pages import doubled\n\ndef test_it():\n    assert 1 == 20\n")
    assert kind(code(changed, other), seen()) is FailureKind.OTHER_FAILURE


def test_data_counts_where_the_code_that_ran_names_it() -> None:
    files = {"shop/texts.py": b'def load():\n    return open("texts.json")\n', "tests/test_pages.py": TEST}
    fixed = FixedCode({"shop/texts.json": b"{}"}, {"shop/texts.json": b"[]"}, files.get)
    assert kind(fixed, seen("shop/texts.py::load")) is FailureKind.AS_PREDICTED
    assert kind(fixed, seen(f"{SHOP}::count")) is FailureKind.OTHER_FAILURE


TEXTS = st.one_of(st.binary(max_size=60), st.sampled_from([
    b"x = 1\n", b"def f(): pass\n", b"class A:\n  def f(self): pass\n", b"import a.b as c\n", b"(" * 300, b"\xff\x00",
    b"x = " + b"-" * 3000 + b"1\n", b"from . import *\n", b"if 1:\n def f(): pass\n"]))


@given(st.one_of(st.none(), TEXTS), st.one_of(st.none(), TEXTS), TEXTS, st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_it(before: bytes | None, after: bytes | None, test: bytes, reached: str) -> None:
    fixed = FixedCode({SHOP: before}, {SHOP: after}, {"tests/test_pages.py": test, SHOP: before}.get)
    assert fixed.why(seen(reached, f"{SHOP}::f")) in {"", fixed.why(seen(reached, f"{SHOP}::f"))}
