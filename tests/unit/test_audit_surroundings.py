"""Rules about surroundings, levels, chance, order and clocks: many ways to be wrong, and honest tests beside."""

from __future__ import annotations

import ast
import textwrap

import pytest

from bot.audit.examine import examine
from bot.audit.rule import example_plan
from bot.domain.audit import Finding, FindingSeverity, Recommendation, Tried
from bot.domain.config import AuditConfig, LevelConfig
from bot.domain.plan import Level, ServiceNeed, TestPlan
from bot.domain.suite import Connection, FailureKind, FileLines, Observation, Outcome

CLIENT = '''
import asyncio, os, socket, time
import httpx


class Unavailable(Exception):
    """Nobody there."""


class Link:
    def __init__(self, host="127.0.0.1", port=6379, clock=time.monotonic):
        self.at = host, port
        self.clock = clock

    async def open(self):
        try:
            return await asyncio.open_connection(*self.at)
        except OSError as error:
            raise Unavailable(str(error)) from error

    def push(self, text):
        with socket.create_connection(self.at) as link:
            link.sendall(text)


class Pool:
    def __init__(self, size=1):
        self.size = size

    def take(self):
        if not self.size:
            raise OverflowError("the pool is full")
        self.size -= 1
        return self.size


def workers():
    return os.cpu_count() * 2


def platform():
    return "cloud" if os.environ.get("K_SERVICE") else "local"


def total(values):
    return sum(values)


def verify_token(token):
    return "ada" if token == "secret" else None


def read(token):
    return verify_token(token)
'''
HEAD = """
import asyncio, os, random, socket, threading, time, unittest
from pathlib import Path
from unittest.mock import AsyncMock, MagicMock, Mock, patch
import httpx
import pytest
import redis
import requests
import websockets
from product import service
from product.service import Link, Pool, Unavailable, platform, read, total, workers
"""


def findings(test: str, rule: str, path: str = "tests/unit/test_example.py", **more: object) -> list[Finding]:
    text = HEAD + textwrap.dedent(test)
    ast.parse(text)
    report = examine({path: text}, {"product/__init__.py": "", "product/service.py": CLIENT}, **more)  # type: ignore[arg-type]
    return [item for item in report.findings if item.rule == rule]


def errors(test: str, rule: str, path: str = "tests/unit/test_example.py") -> list[str]:
    return [item.message for item in findings(test, rule, path) if item.severity is FindingSeverity.ERROR]


BAD = {
    "repro-raises": (
        "infra-as-repro",
        """
        @pytest.mark.asyncio
        async def test_startup_race():
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection('localhost', 8000)
    """,
    ),
    "repro-raises-exception": (
        "infra-as-repro",
        """
        def test_race_condition():
            with pytest.raises(Exception):
                requests.get('http://localhost:8000/health')
    """,
    ),
    "repro-unittest-counter": (
        "infra-as-repro",
        """
        class TestLoad(unittest.TestCase):
            def test_load_breaks_links(self):
                failed = 0
                for _ in range(5):
                    try:
                        Link('127.0.0.1', 6399).push(b'x')
                    except OSError:
                        failed += 1
                self.assertGreater(failed, 0)
    """,
    ),
    "repro-gather": (
        "infra-as-repro",
        """
        async def connect(number):
            async with websockets.connect('ws://localhost:8765/ws') as ws:
                await ws.send(str(number))

        @pytest.mark.asyncio
        async def test_concurrent_connections_reproduce_race():
            results = await asyncio.gather(*[connect(n) for n in range(5)], return_exceptions=True)
            failures = [r for r in results if isinstance(r, Exception)]
            assert len(failures) > 0
    """,
    ),
    "repro-tuples": (
        "infra-as-repro",
        """
        @pytest.mark.asyncio
        async def test_race():
            async def attempt(n):
                try:
                    async with websockets.connect('ws://localhost:8765/ws') as ws:
                        await ws.recv()
                    return True
                except Exception as e:
                    return False
            results = await asyncio.gather(*[attempt(n) for n in range(5)])
            rate = sum(1 for r in results if not r) / len(results)
            assert rate > 0.2
    """,
    ),
    "repro-flag": (
        "infra-as-repro",
        """
        def test_redis_bug_reproduced():
            reproduced = False
            try:
                redis.Redis(host='localhost', port=6379).ping()
            except redis.ConnectionError:
                reproduced = True
            assert reproduced, 'not reproduced'
    """,
    ),
    "repro-threads": (
        "infra-as-repro",
        """
        def test_storm():
            errors = []
            def worker():
                try:
                    Link(port=6399).push(b'x')
                except Exception as error:
                    errors.append(error)
            threads = [threading.Thread(target=worker) for _ in range(4)]
            for t in threads: t.start()
            for t in threads: t.join()
            assert errors
    """,
    ),
    "repro-dict": (
        "infra-as-repro",
        """
        @pytest.mark.asyncio
        async def test_cascade_is_reproduced():
            stats = {'ok': 0, 'failed': 0}
            for _ in range(3):
                try:
                    await Link(port=6399).open()
                    stats['ok'] += 1
                except Unavailable:
                    stats['failed'] += 1
            assert stats['failed'] > 0
    """,
    ),
    "pass-return": (
        "infra-as-pass",
        """
        def test_ping():
            try:
                client = redis.Redis(host='localhost', port=6379)
                client.ping()
            except redis.ConnectionError:
                print('no redis')
                return
            assert client.get('x') is None
    """,
    ),
    "pass-available": (
        "infra-as-pass",
        """
        def redis_available():
            try:
                redis.Redis(host='localhost').ping()
                return True
            except Exception:
                return False

        def test_ping():
            if not redis_available():
                return
            assert redis.Redis(host='localhost').ping()
    """,
    ),
    "pass-server-available": (
        "infra-as-pass",
        """
        def server_available():
            with socket.socket() as probe:
                return probe.connect_ex(('localhost', 8000)) == 0

        def test_push():
            if not server_available():
                pytest.skip('no server')
            Link('localhost', 8000).push(b'x')
            assert total([1]) == 1
    """,
    ),
    "pass-skip": (
        "infra-as-pass",
        """
        def test_health():
            try:
                answer = httpx.get('http://localhost:8000/health')
            except httpx.ConnectError:
                pytest.skip('server not running')
            assert answer.status_code == 200
    """,
    ),
    "pass-503": (
        "infra-as-pass",
        """
        def test_health(client):
            answer = client.get('/health')
            if answer.status_code == 503:
                return
            assert answer.json() == {'ok': True}
    """,
    ),
    "pass-assert-true": (
        "infra-as-pass",
        """
        @pytest.mark.asyncio
        async def test_open():
            try:
                reader, writer = await Link(port=6399).open()
                assert reader is not None
            except Unavailable:
                assert True
    """,
    ),
    "pass-none-fixture": (
        "infra-as-pass",
        """
        @pytest.fixture
        def store():
            try:
                client = redis.Redis(host='localhost')
                client.ping()
                return client
            except Exception:
                return None

        def test_store(store):
            if store is None:
                return
            assert store.get('x') is None
    """,
    ),
    "harness-keyword": (
        "harness-as-repro",
        """
        def test_pool_race():
            errors = []
            for n in range(3):
                try:
                    Pool(size=1, workers=n).take()
                except TypeError as error:
                    errors.append(error)
            assert len(errors) == 3
    """,
    ),
    "harness-helper": (
        "harness-as-repro",
        """
        class TestPool(unittest.TestCase):
            def test_oversold(self):
                oversold = False
                try:
                    Pool().take()
                    self.login_as_staff()
                except Exception:
                    oversold = True
                self.assertTrue(oversold)
    """,
    ),
    "harness-401": (
        "harness-as-repro",
        """
        def test_auth_race_is_reproduced(client):
            failures = 0
            for _ in range(10):
                answer = client.post('/orders', headers={'Authorization': 'token x'})
                if answer.status_code == 401:
                    failures += 1
            assert failures >= 2
    """,
    ),
    "harness-any": (
        "harness-as-repro",
        """
        def test_race_reproduced():
            failures = []
            for _ in range(3):
                try:
                    total([1])
                except Exception as error:
                    failures.append(str(error))
            assert len(failures) > 0, 'race not reproduced'
    """,
    ),
    "harness-raises": (
        "harness-as-repro",
        """
        def test_startup_race_reproduced():
            with pytest.raises(TypeError):
                Pool(size=1, workers=2)
    """,
    ),
    "sleep-ratio": (
        "sleep-timing",
        """
        def test_second_is_faster():
            a = time.perf_counter(); total([1]); first = time.perf_counter() - a
            b = time.perf_counter(); total([1]); second = time.perf_counter() - b
            assert second < first
    """,
    ),
    "sleep-tight": (
        "sleep-timing",
        """
        def test_total():
            start = time.time()
            assert total([1]) == 1
            assert time.time() - start < 0.01
    """,
    ),
    "sleep-budget": (
        "sleep-timing",
        """
        class TestSpeed(unittest.TestCase):
            def test_performance(self):
                start = time.monotonic()
                total(range(1000))
                elapsed = time.monotonic() - start
                self.assertLess(elapsed, 1.0)
    """,
    ),
    "sleep-race": (
        "sleep-timing",
        """
        def test_background():
            done = []
            def work():
                time.sleep(0.1)
                done.append(total([1]))
            threading.Thread(target=work).start()
            time.sleep(0.2)
            assert done == [1]
    """,
    ),
    "repro-helper-list": (
        "infra-as-repro",
        """
        class TestRace:
            def setup_method(self):
                self.errors = []

            def connect(self):
                try:
                    redis.Redis(host='localhost', port=6379).ping()
                except Exception as error:
                    self.errors.append(error)

            def test_race_reproduced(self):
                for _ in range(3):
                    self.connect()
                assert len(self.errors) > 0
    """,
    ),
    "repro-helper-dict": (
        "infra-as-repro",
        """
        async def attempt(n):
            try:
                async with websockets.connect('ws://localhost:8000/ws') as ws:
                    await ws.recv()
                return {'success': True}
            except Exception as error:
                return {'success': False, 'error': str(error)}

        @pytest.mark.asyncio
        async def test_concurrent_handshake_race():
            results = await asyncio.gather(*[attempt(i) for i in range(5)])
            failed = [r for r in results if not r['success']]
            assert len(failed) >= 1
    """,
    ),
    "sleep-thread": (
        "sleep-timing",
        """
        def test_worker_updates():
            state = {}
            def worker():
                state['x'] = total([1])
            threading.Thread(target=worker).start()
            time.sleep(0.05)
            assert state['x'] == 1
    """,
    ),
    "sleep-window": (
        "sleep-timing",
        """
        @pytest.mark.asyncio
        async def test_delay_is_exact():
            start = time.monotonic()
            await asyncio.sleep(0.1)
            assert 0.09 < time.monotonic() - start < 0.12
    """,
    ),
    "host-cpu": (
        "host-dependent",
        """
        def test_workers():
            assert workers() == 8
    """,
    ),
    "host-env": (
        "host-dependent",
        """
        def test_platform():
            assert platform() == 'local'
    """,
    ),
    "host-docker": (
        "host-dependent",
        """
        def test_in_container():
            if os.path.exists('/.dockerenv'):
                assert total([1]) == 1
            else:
                assert total([2]) == 2
    """,
    ),
    "host-name": (
        "host-dependent",
        """
        def test_host():
            assert socket.gethostname() == 'web-1'
    """,
    ),
    "host-cwd": (
        "host-dependent",
        """
        def test_config_is_there():
            assert (Path.cwd() / 'bot.toml').exists()
    """,
    ),
    "random-chance": (
        "unseeded-random",
        """
        def test_some_fail():
            failed = sum(1 for _ in range(3))
            value = random.random()
            assert value < 0.9
    """,
    ),
    "random-branch": (
        "unseeded-random",
        """
        def test_failure_rate():
            failures = []
            for n in range(10):
                if random.random() < 0.3:
                    failures.append(n)
                total([n])
            assert len(failures) > 0
    """,
    ),
    "order-global": (
        "order-dependent",
        """
        TOKEN = None

        def test_a_login():
            global TOKEN
            TOKEN = read('secret')
            assert TOKEN == 'ada'

        def test_b_read():
            assert total([len(TOKEN)]) == 3
    """,
    ),
    "order-class": (
        "order-dependent",
        """
        class TestFlow:
            def test_1(self):
                TestFlow.pool = Pool(2)
                assert TestFlow.pool.size == 2

            def test_2(self):
                assert self.pool.take() == 1
    """,
    ),
    "order-file": (
        "order-dependent",
        """
        def test_1_write():
            Path('out.txt').write_text(str(total([1])))
            assert total([1]) == 1

        def test_2_read():
            assert Path('out.txt').read_text() == '1'
    """,
    ),
    "auth-patch": (
        "auth-bypassed",
        """
        def test_token_is_required():
            with patch('product.service.verify_token', return_value='ada'):
                assert read('x') == 'ada'
    """,
    ),
    "auth-switch": (
        "auth-bypassed",
        """
        def test_auth_accepts(monkeypatch):
            monkeypatch.setenv('AUTH_DISABLED', '1')
            assert read('secret') == 'ada'
    """,
    ),
    "network-far": (
        "real-network",
        """
        def test_name():
            assert total([len(requests.get('https://api.github.com/users').text)]) > 0
    """,
    ),
    "threads-joined": (
        "non-discriminating",
        """
        def test_concurrent_take():
            pool = Pool(5)
            for _ in range(5):
                t = threading.Thread(target=pool.take)
                t.start()
                t.join()
            assert pool.size == 0
    """,
    ),
}

GOOD = {
    "closed-port": """
        @pytest.mark.asyncio
        async def test_refused_is_unavailable():
            with socket.socket() as probe:
                probe.bind(('127.0.0.1', 0))
                port = probe.getsockname()[1]
            with pytest.raises(Unavailable):
                await Link('127.0.0.1', port).open()
    """,
    "mock-transport": """
        def test_connect_error():
            def refuse(request):
                raise httpx.ConnectError('down')
            client = httpx.Client(transport=httpx.MockTransport(refuse))
            with pytest.raises(httpx.ConnectError):
                client.get('http://service/')
            assert total([1]) == 1
    """,
    "patched-client": """
        @pytest.mark.asyncio
        async def test_outage():
            with patch('asyncio.open_connection', side_effect=ConnectionRefusedError('down')):
                with pytest.raises(Unavailable, match='down'):
                    await Link().open()
    """,
    "own-server": """
        @pytest.mark.asyncio
        async def test_open():
            server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)
            port = server.sockets[0].getsockname()[1]
            try:
                reader, _ = await Link('127.0.0.1', port).open()
                assert await reader.read() == b''
            finally:
                server.close()
    """,
    "counted-product-error": """
        def test_full_pool_refuses():
            pool, refused = Pool(1), []
            for _ in range(3):
                try:
                    pool.take()
                except OverflowError as error:
                    refused.append(str(error))
            assert refused == ['the pool is full'] * 2
    """,
    "no-errors-wanted": """
        def test_threads():
            pool, errors = Pool(4), []
            def work():
                try:
                    pool.take()
                except Exception as error:
                    errors.append(error)
            threads = [threading.Thread(target=work) for _ in range(4)]
            for t in threads: t.start()
            for t in threads: t.join()
            assert errors == []
            assert pool.size == 0
    """,
    "keyword-refused": """
        def test_unknown_keyword_is_refused():
            with pytest.raises(TypeError, match='unexpected'):
                Pool(size=1, workers=2)
    """,
    "unauthorized": """
        def test_wrong_token_is_401(client):
            assert client.get('/orders', headers={'Authorization': 'x'}).status_code == 401
    """,
    "hang-guard": """
        @pytest.mark.asyncio
        async def test_timeout_does_not_hang():
            start = time.monotonic()
            assert total([1]) == 1
            assert time.monotonic() - start < 5
    """,
    "lower-bound": """
        def test_sleep_really_waits():
            start = time.monotonic()
            time.sleep(0.1)
            assert time.monotonic() - start >= 0.09
            assert total([1]) == 1
    """,
    "faked-clock": """
        def test_clock(monkeypatch):
            now = [0.0]
            link = Link(clock=lambda: now[0])
            now[0] = 5.0
            assert link.clock() == 5.0
    """,
    "cpu-set": """
        def test_workers(monkeypatch):
            monkeypatch.setattr(os, 'cpu_count', lambda: 4)
            assert workers() == 8
    """,
    "cpu-same": """
        def test_workers():
            assert workers() == os.cpu_count() * 2
    """,
    "env-set": """
        @pytest.mark.parametrize('name,want', [('web', 'cloud'), ('', 'local')])
        def test_platform(monkeypatch, name, want):
            monkeypatch.setenv('K_SERVICE', name)
            assert platform() == want
    """,
    "env-dict": """
        @patch.dict(os.environ, {'K_SERVICE': 'web'})
        def test_platform():
            assert platform() == 'cloud'
    """,
    "tmp-cwd": """
        def test_file(tmp_path, monkeypatch):
            monkeypatch.chdir(tmp_path)
            Path('x.txt').write_text(str(total([1])))
            assert (Path.cwd() / 'x.txt').exists()
    """,
    "seeded": """
        def test_total():
            draw = random.Random(3)
            values = [draw.random() for _ in range(5)]
            assert total(values) == sum(values)
    """,
    "constant-state": """
        SIZES = [1, 2]

        def test_one():
            assert Pool(SIZES[0]).take() == 0

        def test_two():
            assert Pool(SIZES[1]).take() == 1
    """,
    "reset-state": """
        calls = []

        @pytest.fixture(autouse=True)
        def fresh():
            calls.clear()

        def test_one():
            calls.append(total([1]))
            assert calls == [1]

        def test_two():
            calls.append(total([2]))
            assert calls == [2]
    """,
    "class-constants": """
        class TestFlow:
            size = 2

            def test_1(self):
                assert Pool(self.size).take() == 1

            def test_2(self):
                assert Pool(self.size).size == 2
    """,
    "real-token": """
        def test_token_is_checked():
            assert read('secret') == 'ada'
            assert read('forged') is None
    """,
    "auth-replaced-elsewhere": """
        def test_totals_for_a_user():
            with patch('product.service.verify_token', return_value='ada'):
                assert total([len(read('x'))]) == 3
    """,
    "threads-together": """
        def test_concurrent_take():
            pool = Pool(5)
            threads = [threading.Thread(target=pool.take) for _ in range(5)]
            for t in threads: t.start()
            for t in threads: t.join()
            assert pool.size == 0
    """,
    "traceback": """
        def test_traceback_is_kept(client):
            answer = client.get('/x')
            assert answer.status_code != 200
            assert total([1]) == 1
    """,
}
OURS = {
    "infra-as-repro",
    "infra-as-pass",
    "harness-as-repro",
    "sleep-timing",
    "host-dependent",
    "unseeded-random",
    "order-dependent",
    "auth-bypassed",
    "real-network",
    "wrong-level",
    "undeclared-service",
    "non-discriminating",
    "contradicts-plan",
    "conventions",
}


@pytest.mark.parametrize(("rule", "test"), BAD.values(), ids=BAD.keys())
def test_bad_tests_are_found(rule: str, test: str) -> None:
    assert errors(test, rule)


@pytest.mark.parametrize("test", GOOD.values(), ids=GOOD.keys())
def test_good_tests_have_no_error_of_these_rules(test: str) -> None:
    text = HEAD + textwrap.dedent(test)
    report = examine({"tests/unit/test_example.py": text}, {"product/__init__.py": "", "product/service.py": CLIENT})
    found = [item for item in report.findings if item.rule in OURS and item.severity is FindingSeverity.ERROR]
    assert [(item.rule, item.message) for item in found] == []


CONNECTS = """
def test_ping():
    assert redis.Redis(host='localhost', port=6379).ping()
"""
REDIS = (ServiceNeed(name="redis", address="localhost:6379"),)


def test_an_undeclared_service_is_an_error_in_unit_tests_and_a_warning_in_a_project_that_declares_nothing() -> None:
    unit = findings(CONNECTS, "undeclared-service")
    assert [item.severity for item in unit] == [FindingSeverity.ERROR]
    integration = findings(CONNECTS, "undeclared-service", "tests/integration/test_example.py")
    assert [item.severity for item in integration] == [FindingSeverity.WARNING]
    other = (ServiceNeed(name="db", address="localhost:5432"),)
    declared = findings(CONNECTS, "undeclared-service", "tests/integration/test_example.py", services=other)
    assert [item.severity for item in declared] == [FindingSeverity.ERROR]
    assert findings(CONNECTS, "undeclared-service", "tests/integration/test_example.py", services=REDIS) == []


def test_a_declared_service_in_a_unit_test_is_at_the_wrong_level() -> None:
    assert findings(CONNECTS, "wrong-level", services=REDIS)
    assert findings(CONNECTS, "wrong-level", "tests/integration/test_example.py", services=REDIS) == []


def test_an_integration_test_of_mocks_only_is_a_warning() -> None:
    test = """
        def test_order():
            store = Mock()
            pool = Pool(store)
            assert pool.size is store
    """
    found = findings(test, "wrong-level", "tests/integration/test_example.py")
    assert [item.severity for item in found] == [FindingSeverity.WARNING]


ID = "tests/unit/test_example.py::test_total"
TOTAL = """
def test_total():
    assert total([1]) == 1
"""


def seen(*connections: Connection) -> tuple[Observation, ...]:
    return (Observation(test=ID, path="tests/unit/test_example.py", status="passed", connections=connections),)


def test_the_run_shows_connections_of_unit_tests() -> None:
    answered = Connection(address="127.0.0.1:6379")
    assert findings(TOTAL, "wrong-level", observations=seen(answered), depth="run")
    own = Connection(address="127.0.0.1:6379", own=True)
    refused = Connection(address="127.0.0.1:4711", error="refused")
    assert findings(TOTAL, "wrong-level", observations=seen(own, refused), depth="run") == []
    far = Connection(address="93.184.216.34:443", error="timed out")
    assert findings(TOTAL, "real-network", observations=seen(far), depth="run")
    assert findings(TOTAL, "real-network", observations=seen(own, refused), depth="run") == []


def test_a_failure_of_the_tests_own_is_a_finding_without_a_plan() -> None:
    broken = (Outcome(test=f"{ID}[1]", kind=FailureKind.HARNESS, reason="TypeError in the test"),)
    assert findings(TOTAL, "harness-as-repro", outcomes=broken, depth="run")
    honest = (Outcome(test=ID, kind=FailureKind.OTHER_FAILURE, reason="an assertion failed"),)
    assert findings(TOTAL, "harness-as-repro", outcomes=honest, depth="run") == []


def tries(*noticed: bool) -> tuple[Tried, ...]:
    return tuple(
        Tried(test=ID, path="product/service.py", line=1, change=f"{at} became 0", noticed=item)
        for at, item in enumerate(noticed)
    )


@pytest.mark.parametrize(
    ("noticed", "kind", "found"),
    [
        ((False, False, False), FailureKind.PASSED, True),
        ((False, False), FailureKind.PASSED, False),
        ((False, True, False), FailureKind.PASSED, False),
        ((False, False, False), FailureKind.OTHER_FAILURE, False),
    ],
)
def test_a_green_test_that_notices_none_of_three_changes(
    noticed: tuple[bool, ...], kind: FailureKind, found: bool
) -> None:
    outcomes = (Outcome(test=ID, kind=kind, reason="said"),)
    said = findings(TOTAL, "non-discriminating", outcomes=outcomes, tried=tries(*noticed), depth="mutate")
    assert bool(said) is found


def planned(**changes: object) -> TestPlan:
    plan = example_plan("tests/unit/test_example.py")
    test = plan.tests[0]
    reaches = test.expectation.reaches.model_copy(update={"function": "total"})
    expectation = test.expectation.model_copy(update={"reaches": reaches, **changes.pop("expectation", {})})  # type: ignore[dict-item]
    return plan.model_copy(update={"tests": (test.model_copy(update={"expectation": expectation, **changes}),)})


def test_what_a_plan_says_is_held_against_the_test() -> None:
    test = "def test_one():\n    assert total([1]) == 1\n"
    assert findings(test, "contradicts-plan", plan=planned()) == []
    raising = planned(expectation={"failure": "exception", "exception": "OverflowError"})
    assert findings(test, "contradicts-plan", plan=raising) == []
    expecting = "def test_one():\n    with pytest.raises(OverflowError):\n        total([1])\n"
    assert findings(expecting, "contradicts-plan", plan=raising)
    assert findings(test, "contradicts-plan", plan=planned(level=Level.E2E))
    assert findings(test, "contradicts-plan", plan=planned(services=("redis",)))
    assert findings(test, "contradicts-plan", plan=planned(auth="a bearer token"))
    assert findings("def test_one():\n    assert Pool(1).take() == 1\n", "contradicts-plan", plan=planned())


def test_the_projects_own_conventions() -> None:
    said = AuditConfig(
        test_name=r"test_[a-z]+_\w+", level={"unit": LevelConfig(markers=("unit",), base_classes=("Base",))}
    )
    messages = [item.message for item in findings(TOTAL, "conventions", conventions=said)]
    assert len(messages) == 3
    assert findings("@pytest.mark.slow\ndef test_total():\n    assert total([1]) == 1\n", "conventions") == []
    text = HEAD + "@pytest.mark.slow\ndef test_total():\n    assert total([1]) == 1\n"
    files = {"tests/unit/test_example.py": text}
    for listed, found in (("quick: fast ones", 1), ("slow: long ones", 0)):
        report = examine(files, {"product/service.py": CLIENT, "pytest.ini": f"[pytest]\nmarkers =\n    {listed}\n"})
        assert len([item for item in report.findings if item.rule == "conventions"]) == found


def test_conventions_are_learnt_from_ten_tests_that_agree() -> None:
    habit = "\n".join(f"    def test_{at}(self):\n        assert total([{at}]) == {at}" for at in range(10))
    other = "\ndef test_alone():\n    assert total([1]) == 1\n"
    found = findings(f"class TestTotal(unittest.TestCase):\n{habit}\n{other}", "conventions")
    assert [item.test.rpartition("::")[2] for item in found] == ["test_alone"]


def test_marks_count_the_suspects_lines_that_ran() -> None:
    test = "def test_one():\n    assert total([1]) == 2\n"
    one = "tests/unit/test_example.py::test_one"
    line = CLIENT.split("\n").index("    return sum(values)") + 1
    outcome = (Outcome(test=one, kind=FailureKind.AS_PREDICTED, reason="said"),)
    for lines, mark in (((line,), 10.0), ((1,), 5.0)):
        ran = (
            Observation(
                test=one,
                path="tests/unit/test_example.py",
                status="failed",
                phase="call",
                watched=True,
                reached=("product/service.py::total",),
                lines=(FileLines(path="product/service.py", lines=lines),),
            ),
        )
        report = examine(
            {"tests/unit/test_example.py": HEAD + test}, {"product/service.py": CLIENT}, planned(), ran, outcome, "run"
        )
        assert {item.name: item.value for item in report.scores}["impact coverage"] == mark


def test_hold_exactly_where_something_is_wrong() -> None:
    assert examine({}, {}).recommendation is Recommendation.HOLD
    report = examine({"tests/test_x.py": HEAD + TOTAL}, {"product/__init__.py": "", "product/service.py": CLIENT})
    assert report.recommendation is (Recommendation.HOLD if report.defects else Recommendation.GO)
