"""Failures that never come, variables set too late, echoes, empty bounds: found in many styles; look-alikes are not."""

from __future__ import annotations

import textwrap

import pytest

from bot.audit.examine import examine
from bot.domain.audit import FindingSeverity

PATH = "tests/unit/test_it.py"
PRODUCT = {
    "product/__init__.py": "",
    "product/clock.py": "import time\n\n\ndef now():\n    return time.time()\n",
    "product/settings.py": textwrap.dedent("""
        import os
        from dataclasses import dataclass, field

        LIMIT = int(os.environ.get("APP_LIMIT", "10"))


        @dataclass
        class Settings:
            url: str = ""
            retries: int = 3
            tags: list = field(default_factory=list)

            @classmethod
            def from_env(cls):
                return cls(url=os.environ.get("APP_URL", ""))


        settings = Settings.from_env()
    """),
    "product/service.py": textwrap.dedent("""
        from enum import Enum
        from product.clock import now
        from product.settings import LIMIT, settings


        class State(Enum):
            NEW = "new"
            SENT = "sent"
            FAILED = "failed"


        def post(url, event):
            raise NotImplementedError


        class Order:
            def __init__(self, name, state=State.NEW):
                self.name = name
                self.state = state


        class Shop:
            def __init__(self, store, mailer=None, limit=LIMIT):
                self.store = store
                self.mailer = mailer
                self.limit = limit
                self.at = None

            def send(self, order):
                if order.state is State.SENT:
                    return order
                for _ in range(3):
                    try:
                        self.store.put(order.name)
                    except ConnectionError:
                        continue
                    order.state = State.SENT
                    self.at = now()
                    if self.mailer:
                        self.mailer.mail(order.name)
                    return order
                order.state = State.FAILED
                return order

            def close(self):
                if settings.url:
                    post(settings.url, "closed")
                return True

            def count(self, orders):
                sent = 0
                for order in orders:
                    if order.state is State.SENT:
                        sent += 1
                return sent
    """),
}
HEAD = """\
import asyncio
import os
import unittest
from unittest.mock import Mock, patch
import pytest
from product import service
from product.service import LIMIT, Order, Shop, State
from product.settings import Settings


class Store:
    def __init__(self, fail_after=None):
        self.kept = []
        self.fail_after = fail_after

    def put(self, name):
        if self.fail_after is not None and len(self.kept) >= self.fail_after:
            raise ConnectionError('full')
        self.kept.append(name)


@pytest.fixture
def broken_store():
    store = Mock()
    store.put.side_effect = ConnectionError('down')
    return store


@pytest.fixture
def late_clock():
    with patch('product.clock.now', return_value=9e9):
        yield


"""

NEVER = {
    "a mock that is given to nothing": """
        def test_mail_failure_is_survived():
            mailer = Mock()
            mailer.mail.side_effect = OSError('down')
            assert Shop(Store()).send(Order('a')).state is State.SENT
    """,
    "a mock told under a name that nobody calls": """
        def test_store_outage():
            store = Mock()
            store.save.side_effect = ConnectionError
            assert Shop(store).send(Order('a')).state is State.SENT
    """,
    "a patch behind a flag that is off": """
        def test_close_survives_timeout():
            with patch('product.service.post', side_effect=TimeoutError):
                assert Shop(Store()).close() is True
    """,
    "a decorator behind a flag that is off": """
        @patch('product.service.post', side_effect=TimeoutError)
        def test_close_survives_timeout(post):
            assert Shop(Store()).close() is True
    """,
    "a fake that fails later than it is asked": """
        def test_recovers_from_failures():
            assert Shop(Store(fail_after=5)).send(Order('a')).state is State.SENT
    """,
    "a class inside the test that fails later": """
        def test_retries_transient_errors():
            class Flaky:
                calls = 0

                def put(self, name):
                    self.calls += 1
                    if self.calls > 3:
                        raise ConnectionError
            assert Shop(Flaky()).send(Order('a')).state is State.SENT
    """,
    "an error that is last in a list": """
        def test_lost_connection():
            store = Mock()
            store.put.side_effect = [None, None, ConnectionError()]
            assert Shop(store).send(Order('a')).state is State.SENT
    """,
    "a double of the set-up": """
        class TestOutage(unittest.TestCase):
            def setUp(self):
                self.mailer = Mock()
                self.shop = Shop(Store())

            def test_mail_outage(self):
                self.mailer.mail.side_effect = OSError('down')
                self.assertIs(self.shop.send(Order('a')).state, State.SENT)
    """,
    "a fixture that is asked for and not used": """
        def test_outage(broken_store):
            assert Shop(Store()).send(Order('a')).state is State.SENT
    """,
}
COMES = {
    "it is called": """
        def test_mail_failure_is_raised():
            mailer = Mock()
            mailer.mail.side_effect = OSError('down')
            with pytest.raises(OSError):
                Shop(Store(), mailer).send(Order('a'))
    """,
    "it comes at the first call": """
        def test_recovers_from_lost_connection():
            store = Mock()
            store.put.side_effect = [ConnectionError(), None]
            assert Shop(store).send(Order('a')).state is State.SENT
    """,
    "the fake is full": """
        def test_full_store_fails():
            assert Shop(Store(fail_after=0)).send(Order('a')).state is State.FAILED
    """,
    "the fixture is used": """
        def test_outage(broken_store):
            assert Shop(broken_store).send(Order('a')).state is State.FAILED
    """,
    "the code leaves it alone in this state": """
        def test_sent_order_survives_outage():
            store = Mock()
            store.put.side_effect = ConnectionError('down')
            order = Order('a', State.SENT)
            assert Shop(store).send(order) is order
    """,
    "it forbids the call": """
        def test_failed_order_is_mailed_to_nobody():
            mailer = Mock()
            mailer.mail.side_effect = RuntimeError('must not be called')
            assert Shop(Store(fail_after=0), mailer).send(Order('a')).state is State.FAILED
    """,
    "another double fails": """
        def test_failed_order_sends_no_mail():
            mailer = Mock()
            mailer.mail.side_effect = OSError('down')
            assert Shop(Store(fail_after=0), mailer).send(Order('a')).state is State.FAILED
    """,
    "the test asks whether it was called": """
        def test_outage_of_mail():
            mailer = Mock()
            mailer.mail.side_effect = OSError('down')
            assert Shop(Store()).send(Order('a')).state is State.SENT
            mailer.mail.assert_not_called()
    """,
    "the name claims no failure": """
        def test_order_is_sent():
            mailer = Mock(mail=Mock(side_effect=OSError('down')))
            assert Shop(Store(), None).send(Order('a')).state is State.SENT
    """,
}
LATE = {
    "read at import": """
        def test_limit_from_environment(monkeypatch):
            monkeypatch.setenv('APP_LIMIT', '2')
            assert Shop(Store()).limit >= 2
    """,
    "read by a function that does not run": """
        def test_close_with_url():
            with patch.dict(os.environ, {'APP_URL': 'http://hook'}):
                assert Shop(Store()).close()
    """,
    "patched where it was defined": """
        def test_time_of_sending():
            with patch('product.clock.now', return_value=5):
                shop = Shop(Store())
                shop.send(Order('a'))
            assert shop.at is not None
    """,
    "patched by a fixture where it was defined": """
        def test_time_of_sending(late_clock):
            shop = Shop(Store())
            shop.send(Order('a'))
            assert shop.at is not None
    """,
}
IN_TIME = {
    "read by the function that runs": """
        def test_url_from_environment(monkeypatch):
            monkeypatch.setenv('APP_URL', 'http://hook')
            assert Settings.from_env().url == 'http://hook'
    """,
    "the constructor does not look": """
        def test_constructor_ignores_environment(monkeypatch):
            monkeypatch.setenv('APP_URL', 'http://hook')
            assert Settings().url == ''
    """,
    "imported anew": """
        def test_limit_from_environment(monkeypatch):
            import importlib
            from product import settings
            monkeypatch.setenv('APP_LIMIT', '2')
            assert importlib.reload(settings).LIMIT == 2
    """,
    "the test is about something else": """
        def test_order_is_sent(monkeypatch):
            monkeypatch.setenv('APP_LIMIT', '2')
            assert Shop(Store()).send(Order('a')).state is State.SENT
    """,
    "patched where it is looked up": """
        def test_time_of_sending():
            with patch('product.service.now', return_value=5):
                shop = Shop(Store())
                shop.send(Order('a'))
            assert shop.at == 5
    """,
}
EMPTY = {
    "a dataclass gives back its arguments": """
        def test_settings():
            tags = ['a', 'b']
            made = Settings(url='u', tags=tags)
            assert made.url == 'u'
            assert made.tags is tags
    """,
    "arguments from a dict": """
        def test_settings():
            given = {'url': 'u', 'retries': 9}
            made = Settings(**given)
            assert made.url == given['url']
            assert made.retries == 9
    """,
    "what the test adds": """
        class TestSettings(unittest.TestCase):
            def test_tags(self):
                made = Settings()
                made.tags.append('x')
                self.assertIn('x', made.tags)
                self.assertEqual(len(made.tags), 1)
    """,
    "what the test sets to true": """
        def test_flag():
            order = Shop(Store()).send(Order('a'))
            order.state = True
            assert order.state
    """,
    "no more than are written": """
        def test_unique():
            shop = Shop(Store())
            names = {shop.send(Order('a')).name, shop.send(Order('b')).name}
            assert len(names) <= 2
    """,
    "a count that is never negative": """
        def test_count():
            sent = Shop(Store()).count([Order('a')])
            assert sent >= 0
    """,
    "a difference as large as the number": """
        def test_limits():
            one, two = Shop(Store()).count([]), Shop(Store()).limit
            assert abs(one - two) <= two
    """,
    "empty or not": """
        def test_name():
            name = Shop(Store()).send(Order('a')).name
            assert len(name) > 0 or name == ''
    """,
    "any member of the enumeration": """
        def test_state():
            assert Shop(Store()).send(Order('a')).state in list(State)
    """,
    "the value of any member": """
        def test_state():
            assert Shop(Store()).send(Order('a')).state.value in [item.value for item in State]
    """,
}
FULL = {
    "a default": """
        def test_settings():
            assert Settings().retries == 3
            assert Settings(url='u').tags == []
    """,
    "objects share nothing": """
        def test_tags_are_not_shared():
            one, two = Settings(), Settings()
            one.tags.append('x')
            assert two.tags == []
    """,
    "the code changes what was given": """
        def test_sent():
            order = Order('a', State.NEW)
            Shop(Store()).send(order)
            assert order.state is State.SENT
    """,
    "a count": """
        def test_count():
            assert Shop(Store()).count([Order('a', State.SENT), Order('b')]) == 1
    """,
    "fewer than are written": """
        def test_unique():
            shop = Shop(Store())
            names = {shop.send(Order('a')).name, shop.send(Order('a')).name}
            assert len(names) <= 1
    """,
    "some of the members": """
        def test_state():
            assert Shop(Store()).send(Order('a')).state in (State.SENT, State.FAILED)
    """,
}
MISTAKES = {
    "a double that lacks a method": """
        def test_lost_orders():
            \"\"\"Reproduces the loss of orders.\"\"\"
            with pytest.raises(AttributeError):
                Shop(object()).send(Order('a'))
    """,
    "None in the place of an object": """
        def test_crash():
            \"\"\"Reproduction of the crash.\"\"\"
            crashed = False
            try:
                Shop(Store()).send(None)
            except AttributeError:
                crashed = True
            assert crashed, 'reproduced'
    """,
}

DECIDING = {
    "a double that tries again by itself": """
        def test_recovers():
            class Patient:
                tries = 0

                def put(self, name):
                    while True:
                        self.tries += 1
                        if self.tries > 2:
                            return None
            store = Patient()
            assert Shop(store).send(Order('a')).state is State.SENT
            assert store.tries == 3
    """,
    "a clock that is ahead when it starts": """
        def test_cold_start():
            import time

            class Warming:
                started = None

                def put(self, name):
                    if self.started is None:
                        self.started = time.monotonic() - 5
                    if time.monotonic() - self.started < 5:
                        raise ConnectionError
            assert Shop(Warming()).send(Order('a')).state is State.SENT
    """,
}


def _errors(test: str) -> list[str]:
    report = examine({PATH: HEAD + textwrap.dedent(test)}, PRODUCT)
    assert len(report.tests) == 1
    return [item.rule for item in report.findings if item.severity is FindingSeverity.ERROR]


def _cases(tests: dict[str, str]) -> list[object]:
    return [pytest.param(test, id=name.replace(" ", "-")) for name, test in tests.items()]


@pytest.mark.parametrize("test", _cases(NEVER))
def test_a_failure_that_never_comes_is_found(test: str) -> None:
    assert {"failure-never-comes", "unwired-double"} & set(_errors(test))


@pytest.mark.parametrize("test", _cases(COMES))
def test_a_failure_that_comes_or_is_to_be_spared_is_none(test: str) -> None:
    assert not {"failure-never-comes", "double-decides"} & set(_errors(test))


@pytest.mark.parametrize("test", _cases(LATE))
def test_what_is_replaced_or_set_too_late_is_found(test: str) -> None:
    assert "unwired-double" in _errors(test)


@pytest.mark.parametrize("test", _cases(IN_TIME))
def test_what_is_replaced_or_set_in_time_is_none(test: str) -> None:
    assert _errors(test) == []


@pytest.mark.parametrize("test", _cases(EMPTY))
def test_an_assertion_that_cannot_fail_is_found(test: str) -> None:
    assert {"tautology", "either-outcome-passes"} & set(_errors(test))


@pytest.mark.parametrize("test", _cases(FULL))
def test_an_assertion_that_can_fail_is_none(test: str) -> None:
    assert _errors(test) == []


@pytest.mark.parametrize("test", _cases(MISTAKES))
def test_a_mistake_that_counts_as_reproduction_is_found(test: str) -> None:
    assert "harness-as-repro" in _errors(test)


@pytest.mark.parametrize("test", _cases(DECIDING))
def test_a_double_that_decides_is_found(test: str) -> None:
    assert "double-decides" in _errors(test)


def test_an_empty_answer_may_be_the_mistake_of_code_that_says_what_it_does() -> None:
    code = """
        def token(header):
            \"\"\"The token of a header. The scheme is compared without regard to case.\"\"\"
            scheme, _, value = header.partition(' ')
            return value if scheme == 'Bearer' else ''
    """
    test = """
        from product.service import token


        def test_scheme_is_case_insensitive():
            assert token('bearer abc') == 'abc'
    """
    product = {"product/__init__.py": "", "product/service.py": textwrap.dedent(code)}
    report = examine({PATH: textwrap.dedent(test)}, product)
    assert report.defects == ()
