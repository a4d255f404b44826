"""`bot audit --mutate` on real projects: which green tests notice a small change of the code that they run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bot.audit.observed.aimed import Aimed
from bot.domain.config import BotConfig
from bot.standalone.mutating import Mutated, mutate, table_of
from bot.standalone.observed import ground_of
from bot.standalone.project import find_project
from tests.e2e.command import bot, environment

SHOP = """\
class Cart:
    def __init__(self, limit=10):
        self.limit = limit
        self.items = []

    def add(self, price, count=1):
        if count < 1 or count > self.limit:
            raise ValueError("count")
        self.items.append(price * count)

    def total(self):
        return round(sum(self.items), 2)

    def find(self, price):
        if price in self.items:
            return price
        return None
"""
TESTS = """\
import pytest

from shop import Cart


@pytest.fixture
def cart():
    return Cart()


def test_total_is_the_sum(cart):
    cart.add(2)
    cart.add(3, count=2)
    assert cart.total() == 8


@pytest.mark.parametrize("count", [0, 11])
def test_wrong_counts_are_refused(cart, count):
    with pytest.raises(ValueError):
        cart.add(1, count)


def test_what_is_not_there_is_not_found(cart):
    cart.add(2)
    assert cart.find(3) is None


def test_total_is_computed(cart):
    total = cart.total()
    results = {"total": 42}
    results.update(seen=str(total))
    assert results["total"] == 42


def test_red(cart):
    assert cart.total() == 1


def test_known_to_be_wrong(cart):
    assert cart.total() == 0


def test_runs_nothing():
    assert len("abc") == 3
"""

COMPUTED = """\
from shop import Cart


def test_total():
    cart = Cart()
    cart.add(2)
    assert cart.total() == 2


def test_computed():
    results = {'total': 42, 'seen': str(Cart().total())}
    assert results["total"] == 42 or results["seen"] == "4"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project with tests that notice changes and tests that do not."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "tests/test_shop.py").write_text(TESTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIRTUAL_ENV", str(Path(sys.executable).parent.parent))
    return tmp_path


def _mutate(**asked: object) -> tuple[Mutated, list[str]]:
    said: list[str] = []
    project = find_project(("tests",))
    ground = ground_of(project, BotConfig(), None, ())
    options: dict[str, object] = {"sandbox": "process", "plan": None, "note": said.append, **asked}
    return mutate(ground, **options), said  # type: ignore[arg-type]


def _verdicts(done: Mutated) -> dict[str, tuple[int, bool]]:
    tests = {one.test for one in done.tried}
    return {
        test.partition("::")[2]: (
            sum(one.test == test for one in done.tried), any(one.noticed for one in done.tried if one.test == test))
        for test in tests
    }


def test_good_tests_notice_and_fake_ones_do_not(shop: Path) -> None:
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    done, said = _mutate(skip=lambda seen: frozenset({"tests/test_shop.py::test_known_to_be_wrong"}))
    verdicts = _verdicts(done)
    assert verdicts == {
        "test_total_is_the_sum": (1, True), "test_wrong_counts_are_refused": (1, True),
        # That nothing is found holds for two changes more that take everything away.
        "test_what_is_not_there_is_not_found": (3, True), "test_total_is_computed": (3, False),
    }
    assert {outcome.kind.value for outcome in done.observed.outcomes} == {"passed", "other_failure"}
    assert any("`Cart.total` does nothing and returns None" in line for line in said)
    assert {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()} == before
    assert {one.path for one in done.tried} == {"shop.py"}
    rows = table_of(done.tried)
    assert ("tests/test_shop.py::test_total_is_computed", str(verdicts["test_total_is_computed"][0]), "none") in rows


def test_what_there_was_no_time_for_is_not_judged(shop: Path) -> None:
    done, _ = _mutate(most=1)
    assert done.runs == 1
    assert not any(tried < 3 and not noticed for tried, noticed in _verdicts(done).values())
    (note,) = [note for note in done.notes if note.startswith("Changes were tried in 1 run")]
    assert "too few to be judged by" in note
    again, _ = _mutate(most=1)
    assert (again.tried, again.notes) == (done.tried, done.notes)


def test_a_test_that_is_not_steady_is_left_out(tmp_path: Path, shop: Path) -> None:
    # A plain process may write outside its copy: the second run finds what the first one left.
    mark = tmp_path.parent / f"{tmp_path.name}-mark"
    (shop / "tests/test_shop.py").write_text(
        "import pathlib\nfrom shop import Cart\n\n\ndef test_once():\n"
        f"    mark = pathlib.Path({str(mark)!r})\n    seen = mark.exists()\n    mark.write_text('x')\n"
        "    assert Cart().total() == (1 if seen else 0)\n")
    try:
        done, _ = _mutate()
    finally:
        mark.unlink(missing_ok=True)
    assert (done.tried, done.runs) == ((), 0)
    assert [outcome.kind.value for outcome in done.observed.outcomes] == ["flaky"]


def test_the_command_says_which_tests_notice_nothing(shop: Path) -> None:
    (shop / "tests/test_shop.py").write_text(COMPUTED)
    said = bot("audit", "tests", "--mutate", "--sandbox", "process", cwd=shop,
               env=environment(VIRTUAL_ENV=os.environ["VIRTUAL_ENV"]))
    assert said.code == 1, said.everything
    assert "error[non-discriminating]" in said.out
    assert "test_total 1 `Cart.total` does nothing and returns None" in said.everything
    assert "test_computed 4 none" in said.everything
    assert "of at most 40" in said.err


SCAN = """\
def scan(files, limit=10):
    found = []
    for name, size in files:
        if size > limit:
            continue
        found.append(name)
    return found
"""
SCANNED = """\
from scanner import scan


def test_large_files_are_excluded():
    assert scan([("a", 1), ("b", 2)]) == ["a", "b"]


class TestScan:
    def test_files_that_are_too_large_are_skipped(self):
        assert scan([("a", 1), ("b", 20)]) == ["a"]

    def test_files_within_the_limit_are_kept(self):
        assert scan([("a", 10)]) == ["a"]
"""


def test_a_test_in_which_what_its_name_says_never_happens(shop: Path) -> None:
    (shop / "scanner.py").write_text(SCAN)
    (shop / "tests/test_shop.py").write_text(SCANNED)
    done, said = _mutate()
    aimed = {one.test.partition("::")[2]: one for one in done.tried if isinstance(one, Aimed)}
    silent = aimed.pop("test_large_files_are_excluded")
    assert (silent.change, silent.path, silent.line) == ("`if size > limit` became `if False`", "scanner.py", 4)
    assert (silent.noticed, silent.certain) == (False, True)
    assert {test: one.noticed for test, one in aimed.items()} == {
        "TestScan::test_files_that_are_too_large_are_skipped": True}
    assert any("2 tests without what their titles name" in line for line in said)
    # A title that names what is not to happen is tried with other changes.
    assert ("tests/test_shop.py::TestScan::test_files_within_the_limit_are_kept", True) in {
        (one.test, one.noticed) for one in done.tried if not isinstance(one, Aimed)}
