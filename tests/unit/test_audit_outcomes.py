"""Control flow and what assertions say: fake tests that must be found, honest look-alikes that must not be."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit.controlflow.paths import Paths, paths_in
from bot.audit.reading.program import Program
from bot.audit.rule import Context
from bot.audit.rules import RULES
from bot.domain.audit import Finding, FindingSeverity

SERVICE = '''
import asyncio
import json
import os
from dataclasses import dataclass, field


class Refused(Exception):
    """Refused."""


@dataclass
class Settings:
    timeout: float = 10.0
    retries: int = 3
    url: str = "redis://localhost"


class Checked:
    def __init__(self, port):
        if port < 1:
            raise ValueError("port")
        self.port = int(port)


class Ranged:
    def __init__(self, level):
        if level > 9:
            raise ValueError("level")
        self.level = level


class Session:
    def __init__(self, user, store=None):
        self.user = user
        self.store = store
        self.state = "new"
        self.items = []

    @property
    def name(self):
        return self.user.title()

    def start(self):
        self.state = "running"
        return self

    async def connect(self, token=None):
        if not token:
            raise Refused("no token")
        self.state = "connected"
        return {"status": "ok", "user": self.user}

    def check_health(self):
        return self.state == "running"

    def verify_token(self, token):
        return token == "secret"

    def add(self, item):
        self.items.append(item)
        return len(self.items)

    def find(self, key):
        return next((item for item in self.items if item == key), None)

    def publish(self, message):
        if self.store is None:
            raise ConnectionError("not connected")
        self.store.send(json.dumps(message))


async def fetch(key):
    await asyncio.sleep(0)
    return {"key": key}


def parse(text):
    name, _, value = text.partition("=")
    if not value:
        raise ValueError(f"no value in {text!r}")
    return name, value


def events():
    return [{"kind": "a"}, {"kind": "b"}]


class Answer:
    def __init__(self, status_code, body=None):
        self.status_code = status_code
        self.body = body

    def json(self):
        return self.body


class App:
    def get(self, path, headers=None):
        return Answer(200 if headers else 401, {"path": path})


app = App()
'''
PRODUCT = {
    "product/__init__.py": "",
    "product/service.py": SERVICE,
    "product/fast.py": "import numpy\n\n\ndef mean(values):\n    return numpy.mean(values)\n",
}
OURS = (
    "tautology",
    "no-assert",
    "unsatisfiable-assert",
    "swallowed-failure",
    "either-outcome-passes",
    "conditional-assert",
    "conditional-skip",
    "print-claim",
    "assert-on-object",
    "mock-assertion-asserts-nothing",
)
IMPORTS = """
import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import AsyncMock, MagicMock, Mock, patch

import pytest
from product import service
from product.service import Answer, Checked, Ranged, Refused, Session, Settings, app, events, fetch, parse

logger = logging.getLogger(__name__)
"""


def found_in(text: str) -> list[Finding]:
    """What the rules of this file say about a test."""
    files = {"tests/unit/test_it.py": IMPORTS + textwrap.dedent(text)}
    context = Context(Program.build(PRODUCT, files), files)
    assert context.cases, "no test was collected"
    return [item for rule in OURS for item in RULES[rule].findings(context)]


def errors_in(text: str) -> set[str]:
    return {item.rule for item in found_in(text) if item.severity is FindingSeverity.ERROR}


BAD: dict[str, dict[str, str]] = {
    "tautology": {
        "plain argument of a constructor that checks it": """
            def test_level():
                ranged = Ranged(3)
                assert ranged.level == 3
            """,
        "constant": """
            def test_start():
                Session("a").start()
                assert True
            """,
        "constant with a message": """
            def test_start():
                Session("a").start()
                assert True, "started"
            """,
        "unittest constant": """
            class StartTest(unittest.TestCase):
                def test_start(self):
                    Session("a").start()
                    self.assertTrue(True)
            """,
        "unittest equal constants": """
            class StartTest(unittest.TestCase):
                def test_start(self):
                    Session("a").start()
                    self.assertEqual(1, 1)
            """,
        "itself": """
            def test_parse():
                result = parse("a=1")
                assert result == result
            """,
        "length": """
            def test_events():
                found = events()
                assert len(found) >= 0
            """,
        "length above minus one": """
            def test_events():
                assert len(events()) > -1
            """,
        "unittest length": """
            class EventsTest(unittest.TestCase):
                def test_events(self):
                    self.assertGreaterEqual(len(events()), 0)
            """,
        "or its opposite": """
            def test_find():
                found = Session("a").find("x")
                assert found is None or found is not None
            """,
        "or not": """
            def test_health():
                ok = Session("a").check_health()
                assert ok or not ok
            """,
        "or True": """
            def test_health():
                assert Session("a").check_health() or True
            """,
        "numbers that leave out nothing": """
            def test_add():
                count = Session("a").add(1)
                assert count > 0 or count <= 0
            """,
        "assigned before": """
            def test_start():
                Session("a").start()
                success = True
                assert success
            """,
        "assigned before, compared": """
            def test_start():
                expected = "running"
                Session("a").start()
                state = "running"
                assert state == expected
            """,
        "assigned on every path": """
            def test_start():
                ok = True
                try:
                    Session("a").start()
                except ValueError:
                    ok = True
                assert ok
            """,
        "attribute set by the test": """
            def test_state():
                session = Session("a")
                session.state = "connected"
                assert session.state == "connected"
            """,
        "constructor's argument": """
            def test_settings():
                settings = Settings(timeout=5.0, retries=2)
                assert settings.timeout == 5.0
                assert settings.retries == 2
            """,
        "constructor's argument, unittest": """
            class SessionTest(unittest.TestCase):
                def test_user(self):
                    session = Session("alice")
                    self.assertEqual(session.user, "alice")
            """,
        "class of what was just made": """
            def test_session():
                session = Session("a")
                assert isinstance(session, Session)
            """,
        "not None right after the constructor": """
            def test_session():
                session = Session("a")
                assert session is not None
            """,
        "fixture is not None": """
            @pytest.fixture
            def session():
                return Session("a")

            def test_session(session):
                assert session is not None
            """,
        "unittest is not None": """
            class SessionTest(unittest.TestCase):
                def test_session(self):
                    session = Session("a")
                    self.assertIsNotNone(session)
                    self.assertIsInstance(session, Session)
            """,
        "callable": """
            def test_parse_exists():
                assert callable(parse)
            """,
        "hasattr": """
            def test_session_has_start():
                assert hasattr(Session, "start")
                assert hasattr(service, "parse")
            """,
        "imported": """
            def test_imports():
                assert parse is not None
                assert Session
            """,
        "generous bound": """
            def test_parse_is_fast():
                start = time.time()
                parse("a=1")
                elapsed = time.time() - start
                assert elapsed < 1000
            """,
        "duration is not negative": """
            def test_parse_takes_time():
                start = time.perf_counter()
                parse("a=1")
                assert time.perf_counter() - start >= 0
            """,
        "margin of the value": """
            def test_add():
                count = Session("a").add(1)
                assert abs(count - 100) <= 100
            """,
        "approx of the value": """
            def test_add():
                assert Session("a").add(1) == pytest.approx(50, abs=60)
            """,
        "helper that asserts nothing real": """
            def verify(result):
                assert True

            def test_parse():
                verify(parse("a=1"))
                assert True
            """,
        "mock is not None": """
            def test_publish():
                store = Mock()
                Session("a", store).publish({})
                assert store is not None
            """,
    },
    "no-assert": {
        "prints": """
            def test_parse():
                result = parse("a=1")
                print("result", result)
            """,
        "logs": """
            def test_parse():
                logger.info("parsed %s", parse("a=1"))
            """,
        "comment": """
            def test_start_returns_session():
                session = Session("a")
                session.start()
                # the session should now be running
            """,
        "after a return": """
            def test_parse():
                result = parse("a=1")
                return
                assert result == ("a", "1")
            """,
        "nested and never called": """
            def test_parse():
                result = parse("a=1")

                def check():
                    assert result == ("a", "1")
            """,
        "loop over nothing": """
            def test_parse():
                for text in []:
                    assert parse(text) == ("a", "1")
            """,
        "loop over an empty list that nothing fills": """
            def test_parse():
                results = []
                parse("a=1")
                for result in results:
                    assert result == ("a", "1")
            """,
        "while that never runs": """
            def test_parse():
                while False:
                    assert parse("a=1") == ("a", "1")
            """,
        "if that never holds": """
            def test_parse():
                debug = False
                result = parse("a=1")
                if debug:
                    assert result == ("a", "1")
            """,
        "returns a comparison": """
            def test_parse():
                print("comparing")
                return parse("a=1") == ("a", "1")
            """,
        "comparison that is not asserted": """
            def test_session_rejects_empty_tokens():
                session = Session("a")
                session.verify_token("") == False
            """,
        "product's own check": """
            def test_session_verifies_token():
                session = Session("a")
                session.verify_token("secret")
                session.check_health()
            """,
        "helper without assertion": """
            def verify_session(session):
                print("verified", session)

            def test_session():
                session = Session("a")
                verify_session(session)
                print("done")
            """,
        "pass": """
            def test_reconnect():
                pass
            """,
        "docstring only": '''
            def test_reconnect():
                """Reconnects after a drop."""
            ''',
        "async": """
            @pytest.mark.asyncio
            async def test_connect_returns_status():
                session = Session("a")
                await session.connect("t")
            """,
        "unittest": """
            class ParseTest(unittest.TestCase):
                def test_parse_returns_pair(self):
                    parse("a=1")
            """,
        "subprocess whose result nobody reads": """
            def test_cli_rejects_bad_input():
                result = subprocess.run([sys.executable, "-m", "product.service"], capture_output=True)
                print(result.stdout)
            """,
    },
    "unsatisfiable-assert": {
        "upper-case in lower": """
            def test_parse():
                assert "ERROR" in parse("a=1")[0].lower()
            """,
        "lower-case equal upper": """
            def test_parse():
                assert parse("a=1")[0].upper() == "a"
            """,
        "unittest in lower": """
            class ParseTest(unittest.TestCase):
                def test_parse(self):
                    self.assertIn("Timeout", str(parse("a=1")).lower())
            """,
        "fails at the end": """
            def test_parse():
                parse("a=1")
                pytest.fail("BUG REPRODUCED")
            """,
        "asserts False at the end": """
            def test_parse():
                result = parse("a=1")
                assert result
                assert False, "race condition"
            """,
        "fails on both branches": """
            def test_parse():
                if parse("a=1"):
                    pytest.fail("parsed")
                else:
                    pytest.fail("not parsed")
            """,
        "fails after either outcome": """
            def test_parse():
                try:
                    parse("a")
                except ValueError:
                    pytest.fail("raised")
                pytest.fail("did not raise")
            """,
        "unittest fail": """
            class ParseTest(unittest.TestCase):
                def test_parse(self):
                    parse("a=1")
                    self.fail("not implemented")
            """,
        "contradicting values": """
            def test_add():
                count = Session("a").add(1)
                assert count == 1
                assert count == 2
            """,
        "parts that exclude each other": """
            def test_add():
                count = Session("a").add(1)
                assert count == 1 and count == 2
            """,
        "negative length": """
            def test_events():
                assert len(events()) < 0
            """,
        "flag that nothing sets": """
            def test_parse():
                reproduced = False
                parse("a=1")
                assert reproduced
            """,
        "asserts what a mock's assertion gives": """
            def test_publish():
                store = Mock()
                Session("a", store).publish({})
                assert store.send.assert_called_once()
            """,
    },
    "swallowed-failure": {
        "printed": """
            def test_parse():
                try:
                    assert parse("a=1") == ("a", "2")
                except Exception as error:
                    print("ignored", error)
            """,
        "passed over": """
            def test_parse():
                try:
                    assert parse("a=1") == ("a", "2")
                except AssertionError:
                    pass
            """,
        "bare": """
            def test_parse():
                try:
                    result = parse("a=1")
                    assert result == ("a", "2")
                except:
                    pass
            """,
        "returned from": """
            def test_parse():
                try:
                    result = parse("a=1")
                    assert result == ("a", "2")
                    return True
                except Exception:
                    return False
            """,
        "logged, and something small asserted": """
            def test_parse():
                try:
                    assert parse("a=1") == ("a", "2")
                except Exception as error:
                    logger.warning("expected: %s", error)
                assert parse is not None
            """,
        "suppressed": """
            def test_parse():
                with contextlib.suppress(Exception):
                    assert parse("a=1") == ("a", "2")
            """,
        "suppressed AssertionError": """
            from contextlib import suppress

            def test_parse():
                with suppress(AssertionError):
                    assert parse("a=1") == ("a", "2")
            """,
        "unittest": """
            class ParseTest(unittest.TestCase):
                def test_parse(self):
                    try:
                        self.assertEqual(parse("a=1"), ("a", "2"))
                    except Exception as e:
                        print(f"Known issue: {e}")
            """,
        "async": """
            @pytest.mark.asyncio
            async def test_connect():
                try:
                    answer = await Session("a").connect()
                    assert answer["status"] == "ok"
                except Exception as e:
                    logger.error(f"connect failed: {e}")
            """,
        "call dropped": """
            def test_start():
                try:
                    Session("a").publish({})
                except Exception:
                    pass
            """,
        "collected and not read": """
            def test_many():
                results = []
                for text in ("a=1", "b"):
                    try:
                        value = parse(text)
                        assert value[1] == "1"
                        results.append({"success": True})
                    except Exception as error:
                        results.append({"success": False, "error": str(error)})
                print(results)
            """,
        "retry that gives up silently": """
            def test_health():
                session = Session("a")
                for _ in range(3):
                    try:
                        assert session.check_health()
                        break
                    except AssertionError:
                        time.sleep(0)
            """,
        "asserted in a thread": """
            def test_threads():
                session = Session("a")

                def work():
                    assert session.add(1) == 1

                threads = [threading.Thread(target=work) for _ in range(3)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            """,
        "return in finally": """
            def test_parse():
                try:
                    assert parse("a=1") == ("a", "2")
                finally:
                    return
            """,
        "self.fail caught": """
            class ParseTest(unittest.TestCase):
                def test_parse(self):
                    try:
                        parse("a=1")
                        self.fail("should have raised")
                    except Exception:
                        pass
            """,
    },
    "either-outcome-passes": {
        "asserted on both ways": """
            def test_parse():
                try:
                    assert parse("a=1") == ("a", "1")
                except ValueError as error:
                    assert "no value" in str(error)
            """,
        "else": """
            def test_parse():
                try:
                    result = parse("a")
                except ValueError as error:
                    assert "no value" in str(error)
                else:
                    assert result is not None
            """,
        "narrow and silent": """
            def test_publish():
                try:
                    Session("a").publish({})
                except ConnectionError:
                    pass
            """,
        "async": """
            @pytest.mark.asyncio
            async def test_connect():
                session = Session("a")
                try:
                    answer = await session.connect()
                    assert answer["status"] == "ok"
                except Refused as error:
                    assert "token" in str(error)
            """,
        "suppress": """
            def test_publish():
                with contextlib.suppress(ConnectionError):
                    Session("a").publish({})
            """,
        "true or false": """
            def test_health():
                assert Session("a").check_health() in (True, False)
            """,
        "unittest true or false": """
            class HealthTest(unittest.TestCase):
                def test_health(self):
                    self.assertIn(Session("a").check_health(), [True, False])
            """,
        "every status": """
            def test_get():
                response = app.get("/")
                assert response.status_code in (200, 400, 401, 403, 404, 500)
            """,
        "success or refusal": """
            def test_get_without_login():
                response = app.get("/private")
                assert response.status_code in [200, 401]
            """,
        "statuses joined by or": """
            def test_get():
                response = app.get("/")
                assert response.status_code == 200 or response.status_code == 500
            """,
        "status range": """
            def test_get():
                response = app.get("/")
                assert 200 <= response.status_code < 600
            """,
        "branches by status": """
            def test_get():
                response = app.get("/")
                if response.status_code == 200:
                    assert response.json()["path"] == "/"
                else:
                    assert response.status_code in (401, 403, 500)
            """,
        "result or error": """
            def test_parse():
                result = error = None
                try:
                    result = parse("a=1")
                except Exception as exc:
                    error = exc
                assert result is not None or error is not None
            """,
        "success or error": """
            def test_parse():
                success, error = False, None
                try:
                    parse("a=1")
                    success = True
                except ValueError as exc:
                    error = str(exc)
                assert success or error
            """,
        "value or exception": """
            @pytest.mark.asyncio
            async def test_gather():
                results = await asyncio.gather(fetch("a"), return_exceptions=True)
                assert isinstance(results[0], (dict, Exception))
            """,
        "parts that sum up to all": """
            @pytest.mark.asyncio
            async def test_gather():
                results = await asyncio.gather(*(fetch(str(n)) for n in range(10)), return_exceptions=True)
                good = [r for r in results if not isinstance(r, Exception)]
                bad = [r for r in results if isinstance(r, Exception)]
                assert len(good) + len(bad) == 10
            """,
        "counters that sum up to all": """
            def test_many():
                passed = failed = 0
                for text in ("a=1", "b", "c"):
                    try:
                        parse(text)
                        passed += 1
                    except ValueError:
                        failed += 1
                assert passed + failed == 3
            """,
    },
    "conditional-assert": {
        "if found": """
            def test_find():
                found = Session("a").find("x")
                if found:
                    assert found == "x"
            """,
        "if not found: return": """
            def test_find():
                found = Session("a").find("x")
                if not found:
                    return
                assert found == "x"
            """,
        "if the status is good": """
            def test_get():
                response = app.get("/")
                if response.status_code == 200:
                    assert response.json()["path"] == "/"
            """,
        "else prints": """
            def test_get():
                response = app.get("/")
                if response.status_code == 200:
                    assert response.json() == {"path": "/"}
                else:
                    print("server answered", response.status_code)
            """,
        "if the call says so": """
            def test_health():
                session = Session("a")
                if session.check_health():
                    assert session.state == "running"
            """,
        "if an attribute says so": """
            def test_items():
                session = Session("a").start()
                if session.items:
                    assert session.items[0] == 1
            """,
        "unittest": """
            class FindTest(unittest.TestCase):
                def test_find(self):
                    found = Session("a").find("x")
                    if found is not None:
                        self.assertEqual(found, "x")
            """,
        "async": """
            @pytest.mark.asyncio
            async def test_fetch():
                answer = await fetch("a")
                if "key" in answer:
                    assert answer["key"] == "a"
            """,
        "while": """
            def test_items():
                session = Session("a")
                while session.items:
                    assert session.items.pop() == 1
            """,
        "if no errors": """
            @pytest.mark.asyncio
            async def test_gather():
                results = await asyncio.gather(fetch("a"), fetch("b"), return_exceptions=True)
                errors = [r for r in results if isinstance(r, Exception)]
                if not errors:
                    assert results[0] == {"key": "a"}
            """,
        "nested": """
            def test_get():
                response = app.get("/")
                if response:
                    if response.json():
                        assert response.json()["path"] == "/"
            """,
        "match": """
            def test_get():
                match app.get("/").status_code:
                    case 200:
                        assert app.get("/").json() == {"path": "/"}
                    case _:
                        pass
            """,
        "with a tautology beside it": """
            def test_get():
                response = app.get("/")
                assert True
                if response.status_code == 200:
                    assert response.json() == {"path": "/"}
            """,
    },
    "conditional-skip": {
        "hasattr": """
            def test_parse():
                if not hasattr(service, "parse_all"):
                    pytest.skip("not there")
                assert service.parse_all("a") == []
            """,
        "hasattr, return": """
            def test_session():
                session = Session("a")
                if not hasattr(session, "close"):
                    return
                assert session.close() is None
            """,
        "hasattr around all": """
            def test_session():
                session = Session("a")
                if hasattr(session, "close"):
                    assert session.close() is None
            """,
        "import": """
            def test_parse():
                try:
                    from product.service import parse_all
                except ImportError:
                    pytest.skip("not there")
                assert parse_all("a=1") == [("a", "1")]
            """,
        "flag and skipif": """
            try:
                from product.service import parse as parse_it
                HAS_PARSE = True
            except ImportError:
                HAS_PARSE = False

            @pytest.mark.skipif(not HAS_PARSE, reason="not there")
            def test_parse():
                assert parse_it("a=1") == ("a", "1")
            """,
        "None and skipif": """
            try:
                from product.handlers import Handler
            except ImportError:
                Handler = None

            @pytest.mark.skipif(Handler is None, reason="not there")
            class TestHandler:
                def test_handle(self):
                    assert Handler().handle() == 1
            """,
        "flag asked in the test": """
            try:
                from product.service import parse as parse_it
            except Exception:
                parse_it = None

            def test_parse():
                if parse_it is None:
                    pytest.skip("not there")
                assert parse_it("a=1") == ("a", "1")
            """,
        "pytestmark": """
            try:
                import product.service as it
                READY = True
            except ImportError:
                READY = False

            pytestmark = pytest.mark.skipif(not READY, reason="not there")

            def test_parse():
                assert it.parse("a=1") == ("a", "1")
            """,
        "unittest": """
            try:
                from product.service import parse as parse_it
                OK = True
            except ImportError:
                OK = False

            @unittest.skipUnless(OK, "not there")
            class ParseTest(unittest.TestCase):
                def test_parse(self):
                    self.assertEqual(parse_it("a=1"), ("a", "1"))
            """,
        "importorskip": """
            def test_parse():
                module = pytest.importorskip("product.service")
                assert module.parse("a=1") == ("a", "1")
            """,
        "importorskip at the top": """
            it = pytest.importorskip("product.service")

            def test_parse():
                assert it.parse("a=1") == ("a", "1")
            """,
        "whole module": """
            try:
                from product.service import parse as parse_it
            except ImportError:
                pytest.skip("not there", allow_module_level=True)

            def test_parse():
                assert parse_it("a=1") == ("a", "1")
            """,
        "call that fails": """
            def test_publish():
                session = Session("a")
                try:
                    result = session.publish({})
                except Exception as error:
                    pytest.skip(f"not ready: {error}")
                assert result is None
            """,
        "skipTest": """
            class SessionTest(unittest.TestCase):
                def test_close(self):
                    if not hasattr(Session, "close"):
                        self.skipTest("not there")
                    self.assertIsNone(Session("a").close())
            """,
    },
    "print-claim": {
        "tick": """
            def test_parse():
                parse("a=1")
                print("\u2705 parse works")
            """,
        "passed": """
            def test_parse():
                if parse("a=1") == ("a", "1"):
                    print("PASSED")
                else:
                    print("FAILED")
            """,
        "reproduced": """
            def test_race():
                session = Session("a")
                if session.add(1) != 2:
                    print("RACE CONDITION REPRODUCED")
            """,
        "in a handler": """
            def test_publish():
                try:
                    Session("a").publish({})
                except ConnectionError as error:
                    print(f"Bug confirmed: {error}")
            """,
        "logged": """
            @pytest.mark.asyncio
            async def test_fetch():
                answer = await fetch("a")
                logger.info("SUCCESS: %s", answer)
            """,
        "beside a tautology": """
            def test_parse():
                parse("a=1")
                print("\u2713 VALIDATED")
                assert True
            """,
        "under a condition": """
            def test_get():
                response = app.get("/")
                if response.status_code == 401:
                    print("\u2705 refused as expected")
                else:
                    print("\u26a0 open")
            """,
    },
    "assert-on-object": {
        "tuple": """
            def test_parse():
                assert (parse("a=1") == ("a", "2"), "wrong")
            """,
        "generator": """
            def test_events():
                assert (event["kind"] == "z" for event in events())
            """,
        "lambda": """
            def test_parse():
                assert lambda: parse("a=1") == ("b", "2")
            """,
        "method": """
            def test_health():
                session = Session("a")
                assert session.check_health
            """,
        "coroutine": """
            async def answer():
                return await fetch("a")

            def test_fetch():
                assert answer()
            """,
        "coroutine in a local": """
            async def answer():
                return await fetch("a")

            def test_fetch():
                found = answer()
                assert found
            """,
        "unittest coroutine": """
            class FetchTest(unittest.TestCase):
                async def answer(self):
                    return await fetch("a")

                def test_fetch(self):
                    self.assertTrue(self.answer())
            """,
        "coroutine is not None": """
            def test_fetch():
                async def answer():
                    return await fetch("a")

                assert answer() is not None
            """,
        "function in unittest": """
            class ParseTest(unittest.TestCase):
                def test_parse(self):
                    self.assertTrue(parse, "parsed")
            """,
    },
    "mock-assertion-asserts-nothing": {
        "called_once": """
            def test_publish():
                store = Mock()
                Session("a", store).publish({})
                assert store.send.called_once
            """,
        "called_once_with": """
            def test_publish():
                store = MagicMock()
                Session("a", store).publish({})
                store.send.called_once_with("{}")
            """,
        "has_calls": """
            def test_publish():
                store = Mock()
                Session("a", store).publish({})
                assert store.send.has_calls([1])
            """,
        "not called": """
            def test_publish():
                store = Mock()
                Session("a", store).publish({})
                store.send.assert_called_once
            """,
        "asserted and not called": """
            def test_publish():
                store = Mock()
                Session("a", store).publish({})
                assert store.send.assert_called_once_with
            """,
        "called_with in unittest": """
            class PublishTest(unittest.TestCase):
                def test_publish(self):
                    store = Mock()
                    Session("a", store).publish({})
                    self.assertTrue(store.send.called_with("{}"))
            """,
        "patched": """
            @patch("product.service.json")
            def test_publish(json):
                Session("a", Mock()).publish({})
                json.dumps.called_once_with({})
            """,
        "awaited": """
            @pytest.mark.asyncio
            async def test_fetch():
                getter = AsyncMock()
                await getter("x")
                assert getter.awaited_once_with("x")
            """,
        "called without an assertion": """
            def test_publish():
                store = Mock()
                Session("a", store).publish({})
                store.send.called
            """,
    },
}

GOOD = {
    "equality": """
        def test_parse():
            assert parse("a=1") == ("a", "1")
        """,
    "length of at least one": """
        def test_events():
            assert len(events()) >= 1
        """,
    "no error expected and flag read": """
        def test_parse():
            failed = False
            try:
                parse("a")
            except ValueError:
                failed = True
            assert failed
        """,
    "caught and asserted": """
        def test_parse():
            caught = None
            try:
                parse("a")
            except ValueError as error:
                caught = error
            assert caught is not None
            assert "no value" in str(caught)
        """,
    "fails if nothing is raised": """
        def test_parse():
            try:
                parse("a")
            except ValueError as error:
                assert "no value" in str(error)
            else:
                pytest.fail("accepted")
        """,
    "fails inside the try": """
        def test_parse():
            try:
                parse("a")
                pytest.fail("accepted")
            except ValueError:
                pass
        """,
    "raises AssertionError after the try": """
        def test_parse():
            try:
                parse("a")
            except ValueError:
                return
            raise AssertionError("accepted")
        """,
    "fails when something is raised": """
        def test_parse():
            try:
                parse("a=1")
            except ValueError as error:
                pytest.fail(f"refused: {error}")
        """,
    "errors of threads collected": """
        def test_threads():
            session, errors = Session("a"), []

            def work():
                try:
                    session.add(1)
                except Exception as error:
                    errors.append(error)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not errors
            assert len(session.items) == 4
        """,
    "assertions in a pool whose results are read": """
        def test_pool():
            session = Session("a")

            def work(number):
                assert session.add(number) >= 1

            with ThreadPoolExecutor() as pool:
                list(pool.map(work, range(3)))
        """,
    "retry that fails in the end": """
        def test_health():
            session = Session("a").start()
            for attempt in range(3):
                try:
                    assert session.check_health()
                    break
                except AssertionError:
                    if attempt == 2:
                        raise
                    time.sleep(0)
        """,
    "retry with else": """
        def test_health():
            session = Session("a").start()
            for _ in range(3):
                try:
                    session.publish({})
                    break
                except ConnectionError:
                    time.sleep(0)
            else:
                pytest.fail("never")
        """,
    "polling": """
        def test_health():
            session = Session("a").start()
            deadline = time.monotonic() + 1
            while not session.check_health() and time.monotonic() < deadline:
                time.sleep(0.01)
            assert session.check_health()
        """,
    "polling helper": """
        def wait_for(condition):
            for _ in range(50):
                if condition():
                    return
                time.sleep(0.01)
            raise AssertionError("it never held")

        def test_health():
            session = Session("a").start()
            wait_for(session.check_health)
        """,
    "helper asserts": """
        def same(text, pair):
            assert parse(text) == pair

        def test_parse():
            same("a=1", ("a", "1"))
        """,
    "helper of a class asserts": """
        class TestParse:
            def same(self, text, pair):
                assert parse(text) == pair

            def test_parse(self):
                self.same("a=1", ("a", "1"))
        """,
    "inner coroutine asserts": """
        def test_fetch():
            async def main():
                assert await fetch("a") == {"key": "a"}

            asyncio.run(main())
        """,
    "fixture asserts": """
        @pytest.fixture
        def checked():
            session = Session("a")
            yield session
            assert session.items == [1]

        def test_add(checked):
            checked.add(1)
        """,
    "double asserts": """
        def test_publish():
            class Store:
                def send(self, text):
                    assert text == "{}"

            Session("a", Store()).publish({})
        """,
    "parametrised both ways": """
        @pytest.mark.parametrize("text, good", [("a=1", True), ("a", False)])
        def test_parse(text, good):
            if good:
                assert parse(text) == ("a", "1")
            else:
                with pytest.raises(ValueError):
                    parse(text)
        """,
    "parametrised try": """
        @pytest.mark.parametrize("text, good", [("a=1", True), ("a", False)])
        def test_parse(text, good):
            try:
                parse(text)
            except ValueError:
                assert not good
            else:
                assert good
        """,
    "parametrised expectation": """
        @pytest.mark.parametrize("text, expectation", [
            ("a=1", contextlib.nullcontext()), ("a", pytest.raises(ValueError)),
        ])
        def test_parse(text, expectation):
            with expectation:
                parse(text)
        """,
    "parametrised condition without else": """
        @pytest.mark.parametrize("text, value", [("a=1", "1"), ("b=2", None)])
        def test_parse(text, value):
            result = parse(text)
            if value is not None:
                assert result[1] == value
        """,
    "platform": """
        def test_parse():
            if sys.platform == "win32":
                return
            assert parse("a=1") == ("a", "1")
        """,
    "version": """
        def test_parse():
            if sys.version_info >= (3, 12):
                assert parse("a=1") == ("a", "1")
            else:
                assert parse("b=1") == ("b", "1")
        """,
    "skip on a platform": """
        @pytest.mark.skipif(sys.platform == "win32", reason="no fork")
        def test_parse():
            assert parse("a=1") == ("a", "1")
        """,
    "optional dependency": """
        try:
            import uvloop
        except ImportError:
            uvloop = None

        @pytest.mark.skipif(uvloop is None, reason="needs uvloop")
        def test_parse():
            assert parse("a=1") == ("a", "1")
        """,
    "importorskip of a dependency": """
        def test_parse():
            pytest.importorskip("numpy")
            assert parse("a=1") == ("a", "1")
        """,
    "condition asserted first": """
        def test_find():
            session = Session("a")
            session.add("x")
            found = session.find("x")
            assert found is not None
            if found:
                assert found == "x"
            assert session.items == ["x"]
        """,
    "count asserted before the loop": """
        def test_events():
            found = events()
            assert len(found) == 2
            for event in found:
                assert event["kind"] in ("a", "b")
        """,
    "loop over literals": """
        def test_parse():
            for text, value in [("a=1", "1"), ("b=2", "2")]:
                assert parse(text)[1] == value
        """,
    "loop over a range": """
        def test_add():
            session = Session("a")
            for number in range(3):
                assert session.add(number) == number + 1
        """,
    "seen flag": """
        def test_events():
            seen = False
            for event in events():
                if event["kind"] == "b":
                    seen = True
            assert seen
        """,
    "if it is wrong, fail": """
        def test_events():
            if len(events()) != 2:
                pytest.fail("wrong number")
        """,
    "if it is wrong, raise": """
        def test_events():
            found = events()
            if len(found) != 2:
                raise AssertionError(found)
        """,
    "status of one kind": """
        def test_get():
            assert app.get("/").status_code in (401, 403)
            assert app.get("/", {"a": "b"}).status_code in {200, 204}
        """,
    "partition with a count": """
        @pytest.mark.asyncio
        async def test_gather():
            results = await asyncio.gather(fetch("a"), fetch("b"), return_exceptions=True)
            bad = [r for r in results if isinstance(r, Exception)]
            good = [r for r in results if not isinstance(r, Exception)]
            assert len(good) == 2
            assert not bad
        """,
    "clean-up in a try": """
        def test_start():
            session = Session("a").start()
            assert session.state == "running"
            try:
                session.publish({})
            except Exception:
                pass
        """,
    "suppress in clean-up": """
        def test_start():
            session = Session("a")
            with contextlib.suppress(ConnectionError):
                session.publish({})
            assert session.state == "new"
        """,
    "cancelled": """
        @pytest.mark.asyncio
        async def test_cancel():
            task = asyncio.create_task(fetch("a"))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
        """,
    "printed beside an assertion": """
        def test_parse():
            result = parse("a=1")
            assert result == ("a", "1")
            print("\u2705 PASSED")
        """,
    "mock's own assertions": """
        def test_publish():
            store = Mock()
            Session("a", store).publish({})
            store.send.assert_called_once_with("{}")
            assert store.send.called
            assert store.send.call_count == 1
        """,
    "product's own called_once": """
        class Recorder:
            def __init__(self):
                self.texts = []

            def send(self, text):
                self.texts.append(text)

            def called_once(self):
                return len(self.texts) == 1

        def test_publish():
            recorder = Recorder()
            Session("a", recorder).publish({})
            assert recorder.called_once()
        """,
    "constructor that checks": """
        def test_port():
            checked = Checked("5432" and 5432)
            assert checked.port == 5432
        """,
    "constructor's argument among others": """
        def test_session():
            session = Session("alice")
            assert session.user == "alice"
            assert session.name == "Alice"
        """,
    "default": """
        def test_settings():
            assert Settings().timeout == 10.0
        """,
    "set by the test, changed by the product": """
        def test_state():
            session = Session("a")
            session.state = "stale"
            session.start()
            assert session.state == "running"
        """,
    "class of what a function gives": """
        def test_start():
            assert isinstance(Session("a").start(), Session)
        """,
    "smoke": """
        def test_parse_does_not_raise():
            parse("a=1")
        """,
    "smoke with a comment": """
        def test_publish():
            # must not raise
            Session("a", Mock()).publish({})
        """,
    "subprocess checked": """
        def test_module_runs():
            result = subprocess.run([sys.executable, "-c", "import product.service"], check=False)
            assert result.returncode == 0
        """,
    "upper-case in upper": """
        def test_parse():
            assert "A" in parse("a=1")[0].upper()
        """,
    "tight bound": """
        def test_parse_is_fast():
            start = time.perf_counter()
            parse("a=1")
            assert time.perf_counter() - start < 2
        """,
    "approx": """
        def test_timeout():
            assert Settings().timeout == pytest.approx(10, abs=0.1)
        """,
    "warned": """
        def test_parse_warns():
            with pytest.warns(DeprecationWarning):
                parse("a=1")
        """,
    "logged": """
        class LogTest(unittest.TestCase):
            def test_log(self):
                with self.assertLogs("product"):
                    parse("a=1")
        """,
    "subtests": """
        class ParseTest(unittest.TestCase):
            def test_parse(self):
                for text in ("a=1", "b=1"):
                    with self.subTest(text=text):
                        self.assertEqual(parse(text)[1], "1")
        """,
    "raises, and the state after": """
        def test_publish():
            session = Session("a")
            with pytest.raises(ConnectionError):
                session.publish({})
            assert session.state == "new"
        """,
    "hasattr on the host": """
        def test_parse():
            if not hasattr(os, "fork"):
                pytest.skip("no fork")
            assert parse("a=1") == ("a", "1")
        """,
    "infinite loop with a way out": """
        def test_events():
            left = list(events())
            while True:
                if not left:
                    break
                assert left.pop()["kind"] in ("a", "b")
            assert left == []
        """,
    "queue from a thread": """
        import queue

        def test_thread():
            answers = queue.Queue()

            def work():
                try:
                    answers.put(parse("a"))
                except Exception as error:
                    answers.put(error)

            threading.Thread(target=work).start()
            assert isinstance(answers.get(timeout=1), ValueError)
        """,
    "any of the results": """
        @pytest.mark.asyncio
        async def test_race():
            done, pending = await asyncio.wait([asyncio.ensure_future(fetch("a"))])
            assert not pending
            for task in done:
                assert task.result() == {"key": "a"}
        """,
}


BY_ANY_RULE = {
    "words that the product is only shown": """
        def test_token():
            expected = "rejected"
            actual = "rejected"
            Session("a").verify_token(expected)
            assert actual == expected
        """,
    "a word for the error is accepted": """
        def test_parse():
            outcome = None
            try:
                outcome = parse("a")[0]
            except ValueError:
                outcome = "rejected"
            assert outcome in ("a", "rejected")
        """,
    "nothing is accepted": """
        def test_parse():
            taken = None
            try:
                taken = parse("a")
            except ValueError:
                print("no parser in this environment")
            assert taken is None or taken == ("a", "1")
        """,
    "a factory asserts, the test does not": """
        @pytest.fixture
        def place():
            def make(user):
                session = Session(user)
                assert session.add(1) == 1
                return session
            return make

        def test_find(place):
            session = place("a")
            found = session.find(2)
            if found is None:
                return
            assert found == 2
        """,
    "a handler that only raises again": """
        def test_parse_returns_pair():
            try:
                parse("a=1")
            except ValueError:
                logger.error("it failed")
                raise
        """,
    "startup race": '''
        @pytest.mark.asyncio
        async def test_race_condition_reproduced():
            """Reproduces the startup race."""
            errors = []
            successes = 0
            for i in range(10):
                try:
                    await Session("a").connect()
                    successes += 1
                except Exception as e:
                    errors.append(e)
            success_rate = successes / 10
            print(f"success rate {success_rate}")
            if errors:
                print("✅ RACE CONDITION REPRODUCED")
            assert len(errors) >= 0
        ''',
    "gather of all": """
        @pytest.mark.asyncio
        async def test_all_connections():
            tasks = [Session(str(i)).connect("t") for i in range(5)]
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert len(results) == 5
        """,
    "auth failure": """
        @pytest.mark.asyncio
        async def test_auth_failure():
            session = Session("a")
            try:
                result = await session.connect(None)
                assert result is None or result.get("status") != "ok"
            except Exception as e:
                assert e is not None
        """,
    "health endpoint": """
        def test_health_endpoint():
            response = app.get("/health")
            assert response.status_code in [200, 404, 503], f"unexpected {response.status_code}"
        """,
    "auth may be disabled": """
        def test_auth_required():
            response = app.get("/private")
            if response.status_code == 401:
                assert True
            else:
                pytest.skip("auth disabled")
        """,
    "list of phases": '''
        class TestStartup:
            def test_startup_sequence(self):
                """Startup runs phases in order."""
                phases = []
                for phase in ("init", "deps", "ready"):
                    phases.append(phase)
                assert len(phases) == 3
                assert phases[0] == "init"
        ''',
    "flag in a dict": """
        def test_metrics():
            session = Session("a")
            results = {"success": False}
            try:
                session.publish({})
                results["success"] = True
            except Exception as e:
                results["error"] = str(e)
            assert "success" in results
        """,
    "raised or not": """
        def test_error_handling():
            error_raised = False
            try:
                Session("a").publish({})
            except Exception:
                error_raised = True
            assert error_raised or not error_raised
        """,
    "an hour": """
        def test_timing():
            start = time.time()
            parse("a=1")
            duration = time.time() - start
            assert duration < 3600, "too slow"
        """,
    "timeout as expected": """
        @pytest.mark.asyncio
        async def test_timeout():
            try:
                await asyncio.wait_for(Session("a").connect("t"), timeout=1)
            except asyncio.TimeoutError:
                print("timeout as expected")
        """,
    "assertTrue(True) in a handler": """
        class TestX(unittest.TestCase):
            def test_flow(self):
                try:
                    s = Session("a")
                    s.start()
                    self.assertTrue(s.check_health())
                except Exception as e:
                    self.assertTrue(True, f"expected failure {e}")
        """,
    "error is an Exception": """
        class TestX(unittest.TestCase):
            def test_flow(self):
                try:
                    s = Session("a")
                    s.publish({})
                except Exception as e:
                    self.assertIsInstance(e, Exception)
        """,
    "both collected": """
        def test_collect():
            results = []
            for t in ["a=1", "b"]:
                try:
                    parse(t)
                    results.append(True)
                except Exception:
                    results.append(False)
            assert len(results) == 2
        """,
    "issues printed": """
        def test_issue():
            issues = []
            session = Session("a")
            if session.state != "running":
                issues.append("not running")
            if issues:
                print("ISSUES FOUND", issues)
            else:
                print("✅ no issues")
        """,
    "threads whose results are printed": """
        def test_threads():
            results = []
            def worker():
                try:
                    Session("a").publish({})
                    results.append("ok")
                except Exception as e:
                    results.append(str(e))
            ts = [threading.Thread(target=worker) for _ in range(3)]
            for t in ts: t.start()
            for t in ts: t.join()
            print("done", results)
        """,
    "exit status": """
        def test_subprocess():
            r = subprocess.run([sys.executable, "-m", "product.service"])
            assert r.returncode in (0, 1)
        """,
    "returns a truth value": """
        def test_returns_bool():
            session = Session("a")
            if session.check_health():
                return True
            else:
                return False
        """,
    "logged either way": """
        def test_log():
            try:
                parse("a")
            except ValueError as e:
                logger.error("FAILED: %s", e)
                return
            logger.info("✅ PASSED")
        """,
    "None, value or error": """
        @pytest.mark.asyncio
        async def test_either():
            result = await fetch("a")
            assert result is None or isinstance(result, dict) or isinstance(result, Exception)
        """,
    "made, has, callable": """
        def test_isinst():
            s = Session("a")
            assert isinstance(s, Session)
            assert hasattr(s, "start")
            assert callable(s.start)
            assert s.user is not None
        """,
    "expected and actual": """
        def test_const_expected():
            expected_behavior = "token rejected"
            actual_behavior = "token rejected"
            Session("a").verify_token("x")
            assert actual_behavior == expected_behavior
        """,
    "dict of flags": """
        def test_dict_flags():
            checks = {"redis": True, "auth": True}
            Session("a").check_health()
            assert all(checks.values())
        """,
    "mock attribute": """
        def test_mock_called():
            store = MagicMock()
            s = Session("a", store)
            s.publish({"a": 1})
            assert store.send.called_once_with('{"a": 1}')
            assert store
        """,
    "retry and nothing": """
        def test_for_else_try():
            for attempt in range(3):
                try:
                    parse("a=1")
                    break
                except ValueError:
                    continue
        """,
    "early return by status": """
        @pytest.fixture
        def client():
            yield app

        def test_private(client):
            r = client.get("/x")
            if r.status_code != 200:
                return
            assert r.json()["path"] == "/x"
        """,
    "flag set either way": """
        def test_status_ok():
            ok = False
            r = app.get("/")
            if r.status_code == 200:
                ok = True
            elif r.status_code == 401:
                ok = True
            assert ok is not None
        """,
    "word set either way": """
        def test_status_ok2():
            r = app.get("/")
            if r.status_code == 200:
                result = "ok"
            else:
                result = "refused"
            assert result in ["ok", "refused"]
        """,
    "number of results": """
        def test_result_len():
            results = [parse(t) for t in ("a=1", "b=2")]
            assert len(results) == 2
        """,
    "skipIf hasattr": """
        @unittest.skipIf(not hasattr(service, "parse_all"), "missing")
        class TestY(unittest.TestCase):
            def test_y(self):
                self.assertEqual(service.parse_all("a"), [])
        """,
}
"""Fakes in the manner of eager agents; several rules may find each."""

MORE_GOOD = {
    "list that the product empties": """
        def test_items():
            texts = [1, 2]
            session = Session("a")
            session.items = texts
            session.add(3)
            assert len(texts) == 3
        """,
    "list that is handed to the product": """
        def test_items():
            texts = []
            Session("a", texts).add(texts)
            assert texts == []
        """,
    "flag set by an inner function": """
        def test_publish():
            sent = False

            class Store:
                def send(self, text):
                    nonlocal sent
                    sent = True

            Session("a", Store()).publish({})
            assert sent
        """,
    "product module with a dependency of its own": """
        def test_mean():
            fast = pytest.importorskip("product.fast")
            assert fast.mean([1, 3]) == 2
        """,
    "condition on the length of a parameter": """
        @pytest.mark.parametrize("text", ["a=1", "bb=1"])
        def test_parse(text):
            if len(text) == 3:
                assert parse(text) == ("a", "1")
        """,
    "raised again unless it is the right one": """
        def test_parse():
            try:
                parse("a")
                raised = False
            except ValueError as error:
                if "no value" not in str(error):
                    raise
                raised = True
            assert raised
        """,
    "fails for all but one error": """
        def test_publish():
            with pytest.raises(ConnectionError):
                try:
                    Session("a").publish({})
                except ValueError:
                    pytest.fail("the wrong error")
        """,
    "two results": """
        def test_two():
            results = [parse(t) for t in ("a=1", "b=2")]
            assert len(results) == 2
            assert results[0] == ("a", "1")
        """,
    "only one wins": """
        @pytest.mark.asyncio
        async def test_only_one_wins():
            async def attempt(token):
                try:
                    await Session("a").connect(token)
                    return True
                except Refused:
                    return False
            results = await asyncio.gather(*(attempt(t) for t in ("x", None)))
            assert results.count(True) == 1
        """,
    "refused, then accepted": """
        def test_refused_then_ok():
            session = Session("a")
            try:
                asyncio.run(session.connect())
            except Refused:
                refused = True
            else:
                refused = False
            assert refused
            assert asyncio.run(session.connect("t"))["status"] == "ok"
        """,
    "no error kept": """
        def test_no_error():
            error = None
            try:
                parse("a=1")
            except ValueError as e:
                error = e
            assert error is None
        """,
    "threads' results read": """
        def test_threads():
            results = []
            def worker():
                try:
                    parse("a=1")
                    results.append(None)
                except Exception as e:
                    results.append(e)
            ts = [threading.Thread(target=worker) for _ in range(3)]
            for t in ts: t.start()
            for t in ts: t.join()
            assert results == [None, None, None]
        """,
    "refusals counted": """
        def test_count_of_refused():
            refused = 0
            for t in ("a=1", "b", "c"):
                try:
                    parse(t)
                except ValueError:
                    refused += 1
            assert refused == 2
        """,
    "healthy in the end": """
        def test_eventually():
            s = Session("a").start()
            for _ in range(10):
                if s.check_health():
                    break
                time.sleep(0.01)
            else:
                raise AssertionError("never healthy")
        """,
    "waits and fails": """
        def test_wait():
            s = Session("a").start()
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline:
                if s.check_health():
                    return
                time.sleep(0.01)
            pytest.fail("never healthy")
        """,
    "parametrised early return": """
        @pytest.mark.parametrize("token", ["t", None])
        def test_token(token):
            session = Session("a")
            if token is None:
                with pytest.raises(Refused):
                    asyncio.run(session.connect(token))
                assert session.state == "new"
                return
            assert asyncio.run(session.connect(token))["user"] == "a"
        """,
    "version after raises": """
        def test_expected_message():
            with pytest.raises(ValueError) as caught:
                parse("a")
            if sys.version_info < (3, 12):
                assert "no value" in str(caught.value)
        """,
    "call_args": """
        def test_mock_result():
            store = Mock()
            store.send.return_value = None
            Session("a", store).publish({"b": 2})
            (text,), _ = store.send.call_args
            assert text == '{"b": 2}'
        """,
    "kinds in order": """
        def test_iter():
            kinds = []
            for event in events():
                kinds.append(event["kind"])
            assert kinds == ["a", "b"]
        """,
    "made, and its state": """
        def test_isinstance_ok():
            s = Session("a").start()
            assert s is not None
            assert s.state == "running"
        """,
    "unittest try and fail": """
        class TestZ(unittest.TestCase):
            def test_err(self):
                try:
                    parse("a")
                except ValueError as e:
                    self.assertIn("no value", str(e))
                    return
                self.fail("no error")
        """,
    "records of caplog": """
        def test_log(caplog):
            with caplog.at_level("INFO"):
                parse("a=1")
            for record in caplog.records:
                assert record.levelname != "ERROR"
            assert not caplog.records
        """,
    "helper gives a truth value": """
        def test_rate():
            passed = sum(1 for t in ("a=1", "b") if _ok(t))
            assert passed == 1

        def _ok(t):
            try:
                parse(t)
            except ValueError:
                return False
            return True
        """,
    "suppress in finally": """
        def test_teardown_suppressed():
            session = Session("a")
            try:
                session.start()
                assert session.check_health()
            finally:
                with contextlib.suppress(Exception):
                    session.publish({})
        """,
    "success statuses": """
        def test_status_204():
            r = app.get("/", {"x": "y"})
            assert r.status_code in (200, 201, 204)
        """,
    "client errors": """
        def test_client_error():
            r = app.get("/")
            assert 400 <= r.status_code < 500
        """,
    "only on CI": """
        @pytest.mark.skipif(os.environ.get("CI") is None, reason="only on CI")
        def test_ci():
            assert parse("a=1") == ("a", "1")
        """,
    "product's list": """
        def test_lengths():
            session = Session("a")
            for n in range(3):
                session.add(n)
            assert len(session.items) == 3
        """,
    "unique kinds": """
        def test_events_unique():
            seen = set()
            for event in events():
                assert event["kind"] not in seen
                seen.add(event["kind"])
            assert len(seen) == 2
        """,
    "gathered results": """
        @pytest.mark.asyncio
        async def test_results_of_gather():
            results = await asyncio.gather(fetch("a"), fetch("b"))
            assert len(results) == 2
            assert all(r["key"] in "ab" for r in results)
        """,
}


BAD_CASES = [(rule, name, text) for rule, texts in BAD.items() for name, text in texts.items()]


@pytest.mark.parametrize(
    ("rule", "text"), [(a, c) for a, _, c in BAD_CASES], ids=[f"{a}: {b}" for a, b, _ in BAD_CASES]
)
def test_a_fake_is_found(rule: str, text: str) -> None:
    found = errors_in(text)
    assert found, "no error of any rule"
    assert rule in found


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_an_honest_look_alike_is_not(text: str) -> None:
    assert [
        (item.rule, item.line, item.message) for item in found_in(text) if item.severity is FindingSeverity.ERROR
    ] == []


@pytest.mark.parametrize("text", BY_ANY_RULE.values(), ids=BY_ANY_RULE.keys())
def test_a_fake_is_found_by_some_rule(text: str) -> None:
    assert errors_in(text), found_in(text)


@pytest.mark.parametrize("text", MORE_GOOD.values(), ids=MORE_GOOD.keys())
def test_more_honest_look_alikes_are_not(text: str) -> None:
    errors = [item for item in found_in(text) if item.severity is FindingSeverity.ERROR]
    assert [(item.rule, item.line, item.message) for item in errors] == []


def test_failing_unless_something_is_raised_is_an_assertion() -> None:
    assert found_in(GOOD["fails inside the try"]) == []
    assert found_in(GOOD["fails if nothing is raised"]) == []


WARNED = {
    "a tautology beside a real assertion": (
        "tautology",
        """
        def test_parse():
            assert parse("a=1") == ("a", "1")
            assert True
        """,
    ),
    "a smoke test": (
        "no-assert",
        """
        def test_start():
            Session("a").start()
        """,
    ),
    "a loop that may not run": (
        "conditional-assert",
        """
        def test_events():
            for event in events():
                assert event["kind"] in ("a", "b")
        """,
    ),
    "a filter in a loop": (
        "conditional-assert",
        """
        def test_events():
            for event in events():
                if event["kind"] == "a":
                    assert len(event) == 1
        """,
    ),
    "success or refusal, and the body": (
        "either-outcome-passes",
        """
        def test_get():
            response = app.get("/")
            assert response.status_code in (200, 401)
            assert response.json() == {"path": "/"}
        """,
    ),
    "claimed before it is asserted": (
        "print-claim",
        """
        def test_parse():
            result = parse("a=1")
            print("PASSED")
            assert result == ("a", "1")
        """,
    ),
    "a thread's assertion beside the test's own": (
        "swallowed-failure",
        """
        def test_thread():
            session = Session("a")

            def work():
                assert session.add(1) == 1

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            assert session.items == [1]
        """,
    ),
}


@pytest.mark.parametrize(("rule", "text"), WARNED.values(), ids=WARNED.keys())
def test_what_maintainers_do_on_purpose_is_a_warning(rule: str, text: str) -> None:
    found = found_in(text)
    assert {(item.rule, item.severity) for item in found} == {(rule, FindingSeverity.WARNING)}


def paths(text: str) -> Paths:
    files = {"tests/unit/test_it.py": IMPORTS + textwrap.dedent(text)}
    return paths_in(Context(Program.build(PRODUCT, files), files).views[0])


def test_a_path_for_each_way_that_an_assertion_tells_apart() -> None:
    found = paths("""
        def test_find():
            found = Session("a").find("x")
            if found:
                assert found == "x"
        """)
    assert sorted(len(path.checks) for path in found.green) == [0, 1]
    assert {turn.taken for path in found.green for turn in path.turns} == {True, False}


def test_branches_that_do_the_same_come_together() -> None:
    found = paths("""
        def test_find():
            session = Session("a")
            if session.items:
                session.start()
            else:
                session.add(1)
            assert session.items == [1]
        """)
    assert len(found.green) == 1
    assert not found.green[0].turns


def test_a_condition_is_taken_the_same_way_twice() -> None:
    found = paths("""
        def test_find():
            found = Session("a").find("x")
            if found is None:
                assert Session("b")
            if found is not None:
                assert found == "x"
        """)
    assert [len(path.checks) for path in found.green] == [1, 1]


def test_too_many_paths_are_given_up() -> None:
    branches = "".join(f"    if events()[{n}]:\n        assert parse('{n}=1')\n" for n in range(12))
    found = paths(f"def test_many():\n{branches}")
    assert not found.complete
    assert found.green == ()


def test_the_helpers_of_a_helper_count() -> None:
    assert not errors_in("""
        def inner(value):
            assert value == ("a", "1")

        def outer(text):
            inner(parse(text))

        def test_parse():
            outer("a=1")
        """)


def test_a_helper_that_calls_itself_ends() -> None:
    assert "no-assert" in errors_in("""
        def again(n):
            print(n)
            return again(n - 1) if n else 0

        def test_parse():
            again(3)
            print("done")
        """)


PIECES = st.sampled_from(
    [
        "try:\n    {}\nexcept Exception as e:\n    {}\nfinally:\n    {}",
        "try:\n    {}\nexcept (ValueError, KeyError):\n    {}\nelse:\n    {}",
        "while x:\n    {}\n    break\nelse:\n    {}",
        "for x in y:\n    {}\n    continue\nelse:\n    {}",
        "if x:\n    {}\nelif y is None:\n    {}\nelse:\n    {}",
        "with pytest.raises(ValueError):\n    {}",
        "with suppress(Exception), z as (a, *b):\n    {}",
        "match x:\n    case [1, *r]:\n        {}\n    case {{'k': v}} if v:\n        {}\n    case _:\n        {}",
        "def inner(x):\n    {}\ninner(x)",
        "class Inner:\n    def run(self):\n        {}\nInner().run()",
    ]
)
LEAVES = st.sampled_from(
    [
        "assert x",
        "assert (x, 'y')",
        "return",
        "raise",
        "raise ValueError(x) from None",
        "pytest.fail('x')",
        "x = y = 1",
        "x, y = y, x",
        "x += len(y)",
        "del x",
        "pass",
        "assert x == x or not x",
        "self.assertEqual(x, 1)",
        "print('\u2705', x)",
        "nonlocal_ = lambda: (yield)",
        "assert 200 <= x.status_code < 600",
        "x.y = 3",
        "assert x.y == 3",
        "global x",
        "assert m.called_once_with(1)",
        "yield x",
        "assert len(x) + len(y) == 2",
        "await_ = [i for i in x if i]",
    ]
)


def _placed(template: str, parts: list[str]) -> str:
    lines = template.split("\n")
    filled = iter(parts)
    out = []
    for line in lines:
        if line.strip() == "{}":
            out.append(textwrap.indent(next(filled), line[: len(line) - 2]))
        else:
            out.append(line.replace("{{", "{").replace("}}", "}"))
    return "\n".join(out)


BODIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda *parts: "\n".join(parts), inner, inner),
        st.builds(lambda template, a, b, c: _placed(template, [a, b, c]), PIECES, inner, inner, inner),
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(BODIES)
def test_no_body_breaks_a_rule(body: str) -> None:
    text = f"def test_it(x, y, z, m, self):\n{textwrap.indent(body, '    ')}\n"
    files = {"tests/unit/test_it.py": text}
    context = Context(Program.build(PRODUCT, files), files)
    again = Context(Program.build(PRODUCT, files), files)
    for rule in OURS:
        found = list(RULES[rule].findings(context))
        assert found == list(RULES[rule].findings(again))
        assert all(item.line >= 1 and item.message for item in found)
