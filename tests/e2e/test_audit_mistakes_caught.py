"""What tests caught in a real run: mistakes of their own that they count or ignore, and what is caught on purpose."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bot.audit.examine import examine
from bot.domain.audit import FindingSeverity
from bot.standalone.running import run_project

pytestmark = pytest.mark.slow

CODE = '''\
"""A stock."""

import asyncio


class Empty(Exception):
    """There is none left."""


class Stock:
    """Counts pieces."""

    def __init__(self, pieces=3):
        self.pieces = pieces

    def take(self, count=1):
        """Take pieces out; `Empty` when there are not enough."""
        if count > self.pieces:
            raise Empty(f"{self.pieces} left")
        self.pieces -= count
        return self.pieces

    async def reserve(self, count=1):
        """Take pieces out, later."""
        await asyncio.sleep(0)
        return self.take(count)
'''
TESTS = '''\
import asyncio
import contextlib
import threading
import unittest

import pytest

from app.core import Empty, Stock


# Bad: what they caught was their own mistake.

def test_bad_hidden_in_print():
    try:
        assert Stock().take(pieces=1) == 2
    except Exception as error:
        print(error)


def test_bad_bare_except():
    stock = Stock()
    try:
        left = stock.take(amount=1)
        assert left == 2
    except:
        pass


def test_bad_oversell_is_reproduced():
    errors = []
    for _ in range(3):
        try:
            Stock(size=3).take()
        except Exception as error:
            errors.append(error)
    assert len(errors) == 3


def test_bad_counter_of_failures():
    failed = 0
    for _ in range(3):
        try:
            Stock().reserve_all()
        except Exception:
            failed += 1
    assert failed > 0


def test_bad_race_in_threads_reproduced():
    failed = []

    def work(stock):
        try:
            stock.take(1, 2, 3)
        except Exception as error:
            failed.append(error)

    stock = Stock()
    threads = [threading.Thread(target=work, args=(stock,)) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed, "race condition reproduced"


def test_bad_race_gathered_reproduced():
    async def main():
        stock = Stock()

        async def one():
            return await stock.reserve(pieces=1)

        return await asyncio.gather(*(one() for _ in range(3)), return_exceptions=True)

    failed = [item for item in asyncio.run(main()) if isinstance(item, Exception)]
    assert len(failed) >= 1


def test_bad_unknown_name():
    try:
        assert take_all(Stock()) == 0
    except Exception as error:
        print("not there yet", error)


class StockTests(unittest.TestCase):
    def test_bad_missing_helper(self):
        try:
            stock = self.make_stock()
            self.assertEqual(stock.take(), 2)
        except Exception as error:
            print(f"could not run: {error}")

    def test_bad_await_of_plain_call(self):
        async def main():
            try:
                assert await Stock().take() == 2
            except Exception as error:
                print(error)

        asyncio.run(main())

    def test_good_assert_raises(self):
        with self.assertRaises(TypeError):
            Stock().take(pieces=1)


def helper(stock):
    try:
        return stock.take(quantity=1)
    except Exception:
        return None


def test_bad_helper_swallows():
    left = helper(Stock())
    if left is not None:
        assert left == 2


@pytest.mark.parametrize("count", [1, 2])
def test_bad_parametrised(count):
    try:
        assert Stock().take(count, wait=True) == 3 - count
    except Exception:
        return


def test_bad_known_bug_reproduced():
    seen = None
    try:
        Stock().take(strict=True)
    except TypeError as error:
        seen = error
    assert seen is not None, "bug reproduced"


# Good: what they caught they meant to, or the product told them.

def test_good_keyword_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword"):
        Stock().take(pieces=1)


def test_good_raises_as_call():
    pytest.raises(TypeError, lambda: Stock().take(1, 2, 3))


def test_good_try_and_fail():
    try:
        Stock().take(pieces=1)
    except TypeError:
        pass
    else:
        pytest.fail("it took an unknown keyword")


def test_good_product_error():
    try:
        Stock(0).take()
    except Empty as error:
        assert str(error) == "0 left"
    else:
        pytest.fail("it gave what it does not have")


def test_good_counts_product_errors():
    stock, refused = Stock(2), 0
    for _ in range(5):
        try:
            stock.take()
        except Empty:
            refused += 1
    assert refused == 3
    assert stock.pieces == 0


def test_good_gathered():
    async def main():
        stock = Stock(1)
        return await asyncio.gather(*(stock.reserve() for _ in range(3)), return_exceptions=True)

    found = asyncio.run(main())
    assert sum(isinstance(item, Empty) for item in found) == 2


def test_good_clean_up_by_hand():
    stock = Stock()
    try:
        assert stock.take() == 2
    finally:
        with contextlib.suppress(AttributeError):
            stock.close()


class Fake:
    def __getattr__(self, name):
        raise AttributeError(name)


def test_good_double_without_the_attribute():
    fake = Fake()
    assert getattr(fake, "pieces", None) is None
    assert Stock().take() == 2


def test_good_older_and_newer_name():
    stock = Stock()
    try:
        left = stock.take_one()
    except AttributeError:
        left = stock.take()
    assert left == 2


def test_good_immutable():
    with pytest.raises(AttributeError):
        Stock().take().pieces = 3


def test_good_suppress():
    stock = Stock(1)
    for _ in range(3):
        with contextlib.suppress(Empty):
            stock.take()
    assert stock.pieces == 0


def test_good_text_of_the_error():
    with pytest.raises(Exception) as caught:
        Stock().take(pieces=1)
    assert "pieces" in str(caught.value)
'''


def test_a_mistake_that_a_test_caught_in_the_run_is_found_and_an_exception_that_it_wants_is_not(tmp_path: Path) -> None:
    files = {"app/__init__.py": "", "app/core.py": CODE, "tests/test_stock.py": TESTS}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    environ = {"VIRTUAL_ENV": sys.prefix, "PATH": os.environ.get("PATH", "")}
    ran = run_project(tmp_path, ("tests",), sandbox="process", watch=True, environ=environ)
    assert {item.status for item in ran.run.observations} == {"passed"}
    tests, code = {"tests/test_stock.py": TESTS}, {name: files[name] for name in ("app/__init__.py", "app/core.py")}
    report = examine(tests, code, None, ran.run.observations, ran.outcomes, "run")
    found = {item.test.rpartition("::")[2] for item in report.findings
             if item.rule == "mistake-caught" and item.severity is FindingSeverity.ERROR}
    names = {test.rpartition("::")[2] for test in report.tests}
    assert found == {name for name in names if name.startswith("test_bad_")}
