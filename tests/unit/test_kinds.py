"""Failure kinds, from real pytest runs over real little tests: one run, one table."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from bot.adapters.sandboxes import ProcessSandbox
from bot.audit.kinds import classify, function_name, merge_reruns, outcomes_of
from bot.domain.config import Limits, TargetConfig
from bot.domain.evidence import Suspect
from bot.domain.logs import Frame
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, ServiceNeed
from bot.domain.suite import Ended, FailureKind, Observation, Outcome, RaisedException
from bot.ports import Completed
from bot.probe.launch import product_globs, run_tests
from bot.probe.seen import Seen, SeenTest, TestRun

TARGET = TargetConfig(python=sys.executable, code=("app/**/*.py",), tests=("tests",), pythonpath=(".",),
                      pytest_args=("-p", "no:hypothesispytest"))
PRODUCT = product_globs(TARGET)
SERVICES = (ServiceNeed(name="redis", address="127.0.0.1:6399"),)

APP = '''
import asyncio, json, os, socket, urllib.request

class Broker:
    def __init__(self):
        self.connected = True
        self.subscribed = False
    async def is_ready(self):
        await asyncio.sleep(0)
        return self.connected
    def timeout(self):
        return 10.0
    def route(self, message, *, user):
        if not self.subscribed:
            raise LookupError("no route to subscriber for " + user)
        return message
    def parse(self, text):
        return json.loads(text)
    def load_plugin(self):
        import app.absent_plugin
    def ping(self):
        with socket.create_connection(("127.0.0.1", 6399), 1): pass
    def wrapped_ping(self):
        try:
            self.ping()
        except OSError as error:
            raise RuntimeError("cache unavailable") from error
    def key(self):
        return os.environ["ROUTER_API_KEY"]
    async def forgets(self):
        asyncio.sleep(1)
        return False
    async def relay(self, sink):
        await sink.send("x")
    async def stuck(self):
        await asyncio.sleep(30)

def connect(url, *, headers=None):
    return Broker()

def check_config(value):
    assert value > 0, "config must be positive"
'''

HELPERS = '''
class AuthError(Exception): pass
def login(user):
    raise AuthError("401 Unauthorized: no token for " + user)
def make_broker():
    raise RuntimeError("helper is broken")
'''

# name -> (kind, expectation or None, words of the reason, source)
A, X = "assertion", "exception"
READY = "Broker.is_ready"
ROWS: dict[str, tuple[FailureKind, tuple[str, str, str, str] | None, str, str]] = {}


def row(name: str, kind: FailureKind, reason: str, source: str,
        expect: tuple[str, str, str, str] | None = None) -> None:
    ROWS[name] = (kind, expect, reason, textwrap.dedent(source).strip())


K = FailureKind
row("test_passes", K.PASSED, "It passed.", "def test_passes(): assert Broker().timeout() == 10.0")
row("test_predicted_assertion", K.AS_PREDICTED, "As the plan predicted",
    '''def test_predicted_assertion():
    broker = Broker()
    assert asyncio.run(broker.is_ready()) == broker.subscribed, "ready before subscribed"''',
    (A, "", "ready before subscribed", READY))
row("test_predicted_async", K.AS_PREDICTED, "As the plan predicted",
    '''@pytest.mark.asyncio
async def test_predicted_async():
    broker = Broker()
    assert not await broker.is_ready(), "ready too early"''', (A, "", "too early", READY))
row("test_predicted_in_thread", K.AS_PREDICTED, "app/core.py::Broker.timeout",
    '''def test_predicted_in_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(Broker().timeout()))
    thread.start(); thread.join()
    assert seen == [60.0]''', (A, "", r"\[10\.0\]", "Broker.timeout"))
row("test_predicted_pytest_fail", K.AS_PREDICTED, "As the plan predicted",
    '''def test_predicted_pytest_fail():
    if Broker().timeout() < 60: pytest.fail("the timeout is too short")''', (A, "", "too short", "Broker.timeout"))
row("test_predicted_exception", K.AS_PREDICTED, "no route to subscriber",
    'def test_predicted_exception(): Broker().route("m", user="ann")', (X, "LookupError", "no route", "Broker.route"))
row("test_predicted_base_class", K.AS_PREDICTED, "As the plan predicted",
    'def test_predicted_base_class(): Broker().parse("{")', (X, "ValueError", "Expecting property", "Broker.parse"))
row("test_predicted_qualified", K.AS_PREDICTED, "As the plan predicted",
    'def test_predicted_qualified(): Broker().parse("{")',
    (X, "json.decoder.JSONDecodeError", "Expecting property", "Broker.parse"))
row("test_predicted_import_error", K.AS_PREDICTED, "ModuleNotFoundError",
    "def test_predicted_import_error(): Broker().load_plugin()",
    (X, "ModuleNotFoundError", "absent_plugin", "Broker.load_plugin"))
row("test_predicted_outage", K.AS_PREDICTED, "ConnectionRefusedError",
    "def test_predicted_outage(): Broker().ping()", (X, "ConnectionRefusedError", "refused", "Broker.ping"))
row("test_predicted_product_assertion", K.AS_PREDICTED, "config must be positive",
    "def test_predicted_product_assertion(): check_config(-1)", (X, "AssertionError", "positive", "check_config"))
row("test_predicted_parametrised", K.AS_PREDICTED, "As the plan predicted",
    '''@pytest.mark.parametrize("user", ["ann", "a b"])
def test_predicted_parametrised(user): Broker().route("m", user=user)''',
    (X, "LookupError", "no route", "Broker.route"))
row("test_wrong_message", K.OTHER_FAILURE, "does not match /ready too early/",
    "def test_wrong_message(): assert Broker().timeout() == 60.0", (A, "", "ready too early", "Broker.timeout"))
row("test_never_reaches", K.OTHER_FAILURE, "never entered `app/core.py::Broker.is_ready`",
    'def test_never_reaches(): assert Broker().subscribed, "ready too early"', (A, "", "ready too early", READY))
row("test_other_exception", K.OTHER_FAILURE, "LookupError was predicted",
    'def test_other_exception(): Broker().parse("{")', (X, "LookupError", "x", "Broker.parse"))
row("test_product_error_unplanned", K.OTHER_FAILURE, "raised in product code at app/core.py",
    'def test_product_error_unplanned(): Broker().route("m", user="ann")')
row("test_assertion_for_exception", K.OTHER_FAILURE, "was predicted",
    "def test_assertion_for_exception(): assert Broker().timeout() == 1", (X, "LookupError", "x", "Broker.timeout"))
row("test_exception_for_assertion", K.OTHER_FAILURE, "an assertion should have failed",
    'def test_exception_for_assertion(): Broker().route("m", user="x")', (A, "", "x", "Broker.route"))
row("test_product_assertion_not_predicted", K.OTHER_FAILURE, "the product's own",
    "def test_product_assertion_not_predicted(): check_config(-1)", (A, "", "positive", "check_config"))
row("test_waits_in_vain", K.TIMEOUT, "gave up waiting at tests/test_rows.py:",
    '''@pytest.mark.asyncio
async def test_waits_in_vain(): await asyncio.wait_for(Broker().stuck(), 0.05)''')

row("test_redis_missing", K.ENVIRONMENT, "service `redis` does not answer",
    '''def test_redis_missing():
    Broker()
    socket.create_connection(("127.0.0.1", 6399), 1)''', (A, "", "ready", READY))
row("test_redis_missing_in_product", K.ENVIRONMENT, "`redis` does not answer: `ConnectionRefusedError",
    "def test_redis_missing_in_product(): Broker().ping()", (A, "", "ready", READY))
row("test_refused_behind_error", K.ENVIRONMENT, "behind `RuntimeError: cache unavailable`",
    "def test_refused_behind_error(): Broker().wrapped_ping()")
row("test_refused_behind_assertion", K.ENVIRONMENT, "behind `AssertionError: race reproduced`",
    '''def test_refused_behind_assertion():
    Broker().timeout()
    try: socket.create_connection(("127.0.0.1", 6399), 1)
    except OSError: assert False, "race reproduced"''', (A, "", "race reproduced", "Broker.timeout"))
row("test_refused_behind_from_none", K.ENVIRONMENT, "does not answer",
    '''def test_refused_behind_from_none():
    try: Broker().ping()
    except OSError: raise ValueError("opaque") from None''')
row("test_refused_behind_skip", K.ENVIRONMENT, "behind a skip",
    '''def test_refused_behind_skip():
    try: Broker().ping()
    except OSError: pytest.skip("try again later")''')
row("test_skip_names_service", K.ENVIRONMENT, "skipped itself because the service `redis` is missing",
    'def test_skip_names_service(): pytest.skip("Redis not available")')
row("test_skip_names_variable", K.ENVIRONMENT, "STAGING_API_KEY",
    'def test_skip_names_variable(): pytest.skip("STAGING_API_KEY not set")')
row("test_importorskip", K.ENVIRONMENT, "not installed",
    'def test_importorskip(): pytest.importorskip("no_such_client_library")')
row("test_dns", K.ENVIRONMENT, "gaierror",
    'def test_dns(): socket.getaddrinfo("no-such-host.invalid", 80)')
row("test_url_refused", K.ENVIRONMENT, "URLError",
    'def test_url_refused(): urllib.request.urlopen("http://127.0.0.1:6399/health", timeout=1)')
row("test_variable_missing", K.ENVIRONMENT, "environment variable is missing",
    "def test_variable_missing(): Broker().key()")
row("test_variable_in_words", K.ENVIRONMENT, "environment variable is missing",
    '''def test_variable_in_words():
    raise RuntimeError("ROUTER_API_KEY is not set")''')
row("test_library_missing", K.ENVIRONMENT, "`no_such_client_library` is not installed",
    "def test_library_missing(): import no_such_client_library")
row("test_permission", K.ENVIRONMENT, "PermissionError",
    '''def test_permission():
    raise PermissionError(13, "Permission denied", "/var/run/x")''')
row("test_counts_refusals", K.ENVIRONMENT, "AssertionError",
    '''def test_counts_refusals():
    errors = []
    for _ in range(10):
        try: socket.create_connection(("127.0.0.1", 6399), 1)
        except OSError as error: errors.append(str(error))
    assert not errors, "10/10 connections failed"''', (A, "", "10/10", READY))

row("test_unexpected_keyword", K.HARNESS, "arguments that the signature does not have",
    '''def test_unexpected_keyword(): connect("ws://x", extra_headers={"a": "b"})''', (A, "", "10/10", "connect"))
row("test_unexpected_keyword_hidden", K.HARNESS, "extra_headers",
    '''def test_unexpected_keyword_hidden():
    Broker().timeout()
    try: connect("ws://x", extra_headers={})
    except Exception as error: pytest.fail("connection rejected: race reproduced")''',
    (A, "", "race reproduced", "Broker.timeout"))
row("test_missing_argument", K.HARNESS, "signature", 'def test_missing_argument(): Broker().route("m")')
row("test_too_many", K.HARNESS, "signature", "def test_too_many(): Broker().timeout(1, 2)")
row("test_await_on_sync", K.HARNESS, "awaits what cannot be awaited",
    '''@pytest.mark.asyncio
async def test_await_on_sync(): assert await Broker().timeout() == 10''')
row("test_unawaited", K.HARNESS, "never awaited the coroutine `Broker.is_ready`",
    '''def test_unawaited():
    result = Broker().is_ready()
    assert result is False''', (A, "", "is False", READY))
row("test_unawaited_attribute", K.HARNESS, "`Broker.is_ready`",
    "def test_unawaited_attribute(): assert Broker().is_ready().ok")
row("test_after_the_unawaited", K.PASSED, "It passed.", "def test_after_the_unawaited(): pass")
row("test_unawaited_but_green", K.PASSED, "was never awaited, so that code did not run",
    "def test_unawaited_but_green(): assert Broker().is_ready()")
row("test_unawaited_in_cycle", K.PASSED, "`Broker.is_ready`",
    '''def test_unawaited_in_cycle():
    loop = []
    loop += [loop, Broker().is_ready()]''')
row("test_product_forgets_to_await", K.AS_PREDICTED, "As the plan predicted",
    '''def test_product_forgets_to_await(): assert asyncio.run(Broker().forgets()), "did not wait"''',
    (A, "", "did not wait", "Broker.forgets"))
row("test_unknown_attribute", K.HARNESS, "attribute that does not exist",
    "def test_unknown_attribute(): assert Broker().grace_period == 0.5", (A, "", "grace", READY))
row("test_unknown_name", K.HARNESS, "unknown name", "def test_unknown_name(): assert broker.connected")
row("test_unknown_import", K.HARNESS, "imports a name",
    "def test_unknown_import(): from app.core import GracePeriod")
row("test_unknown_own_module", K.HARNESS, "ModuleNotFoundError", "def test_unknown_own_module(): import app.readiness")
row("test_no_fixture", K.HARNESS, "setup phase", "def test_no_fixture(redis_client): pass")
row("test_fixture_fails", K.HARNESS, "RuntimeError: fixture broke",
    '''@pytest.fixture
def broken(): raise RuntimeError("fixture broke")
def test_fixture_fails(broken): pass''')
row("test_fixture_needs_redis", K.ENVIRONMENT, "redis",
    '''@pytest.fixture
def redis(): return socket.create_connection(("127.0.0.1", 6399), 1)
def test_fixture_needs_redis(redis): pass''')
row("test_teardown_fails", K.HARNESS, "teardown phase",
    '''@pytest.fixture
def untidy():
    yield
    raise RuntimeError("cannot tidy")
def test_teardown_fails(untidy): pass''')
row("test_auth_helper", K.HARNESS, "401 Unauthorized",
    '''def test_auth_helper():
    Broker().timeout()
    login("ann")''', (A, "", "ready", "Broker.timeout"))
row("test_dies_in_helper", K.HARNESS, "tests/helpers.py",
    '''def test_dies_in_helper():
    asyncio.run(Broker().is_ready())
    make_broker()''', (X, "RuntimeError", "helper is broken", READY))
row("test_mock_is_not_async", K.HARNESS, "Mock",
    "def test_mock_is_not_async(): asyncio.run(Broker().relay(mock.MagicMock()))")
row("test_skipped", K.SKIPPED, "only on Windows",
    '''@pytest.mark.skip(reason="only on Windows")
def test_skipped(): pass''')
row("test_skipped_for_version", K.SKIPPED, "requires Python 4",
    '''@pytest.mark.skipif(True, reason="requires Python 4")
def test_skipped_for_version(): pass''')
row("test_xfailed", K.SKIPPED, "xfail mark allows",
    '''@pytest.mark.xfail(reason="known bug")
def test_xfailed(): assert Broker().subscribed''', (A, "", "subscribed", "Broker.__init__"))
row("test_xpassed", K.PASSED, "marked xfail",
    '''@pytest.mark.xfail(reason="known bug", strict=False)
def test_xpassed(): pass''')
row("test_strict_xpass", K.OTHER_FAILURE, "strict xfail",
    '''@pytest.mark.xfail(reason="known bug", strict=True)
def test_strict_xpass(): pass''')
row("test_expected_60", K.OTHER_FAILURE, "10.0",
    "def test_expected_60(): assert Broker().timeout() == 60.0")
row("test_did_not_raise", K.OTHER_FAILURE, "DID NOT RAISE",
    '''def test_did_not_raise():
    with pytest.raises(ValueError): Broker().timeout()''')

UNITTEST = '''
class TestOld(unittest.TestCase):
    def test_old_predicted(self):
        self.assertEqual(Broker().timeout(), 60.0, "too short")
    def test_old_harness(self):
        Broker().timeout(minutes=1)
class TestOldAsync(unittest.IsolatedAsyncioTestCase):
    async def test_old_async(self):
        self.assertFalse(await Broker().is_ready(), "ready too early")
'''
IN_CLASSES: dict[str, tuple[FailureKind, tuple[str, str, str, str] | None, str]] = {
    "test_old_predicted": (K.AS_PREDICTED, (A, "", "too short", "Broker.timeout"), "As the plan predicted"),
    "test_old_harness": (K.HARNESS, None, "signature"),
    "test_old_async": (K.AS_PREDICTED, (A, "", "ready too early", READY), "As the plan predicted"),
}
IMPORTS = ("import asyncio, os, socket, threading, unittest, urllib.request\nfrom unittest import mock\nimport pytest\n"
           "from app.core import Broker, check_config, connect\nfrom helpers import login, make_broker\n\n")


def planned(name: str, expect: tuple[str, str, str, str], path: str = "tests/test_rows.py") -> PlannedTest:
    failure, exception, message, function = expect
    return PlannedTest(
        name=name, path=path, level=Level.UNIT, difficulty=Difficulty.NORMAL, purpose="as named",
        expectation=Expectation.model_validate({
            "failure": failure, "exception": exception, "message": message,
            "reaches": Suspect(path="app/core.py", function=function)}))


def tree_with(folder: Path, **files: str) -> Path:
    tree = folder / "tree"
    for name in ("app", "tests"):
        (tree / name).mkdir(parents=True)
    (tree / "app" / "__init__.py").write_text("")
    (tree / "app" / "core.py").write_text(APP)
    (tree / "tests" / "helpers.py").write_text(HELPERS)
    for name, text in files.items():
        (tree / "tests" / f"{name}.py").write_text(text)
    (folder / "scratch").mkdir()
    return tree


def run_in(folder: Path, tree: Path, paths: tuple[str, ...] = ("tests",), limits: Limits | None = None) -> TestRun:
    return run_tests(ProcessSandbox(), tree, TARGET, sys.executable, paths, limits or Limits(seconds=60), "base",
                     folder / "scratch")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Outcome]]:
    folder = tmp_path_factory.mktemp("kinds")
    body = "\n\n".join(source for _, _, _, source in ROWS.values())
    tree = tree_with(folder, test_rows=IMPORTS + body + "\n" + UNITTEST,
                     test_lost="import nowhere_to_be_found\ndef test_in_lost_file(): pass\n",
                     test_lost_name="from app.core import Nothing\ndef test_in_lost_file(): pass\n")
    plans = [planned(name, expect) for name, (_, expect, _, _) in ROWS.items() if expect]
    plans += [planned(name, expect) for name, (_, expect, _) in IN_CLASSES.items() if expect]
    plans += [planned("test_in_lost_file", (A, "", "x", READY), "tests/test_lost.py"),
              planned("test_never_written", (A, "", "x", READY))]
    run = run_in(folder, tree)
    assert run.completed.ended is Ended.EXITED, run.completed.output[-2000:]
    assert not run.damaged
    assert run.junit is not None
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes_of(run, plans, PRODUCT, SERVICES):
        found.setdefault(function_name(outcome.test) or outcome.test, []).append(outcome)
    return found


@pytest.mark.parametrize("name", list(ROWS))
def test_row(outcomes: dict[str, list[Outcome]], name: str) -> None:
    kind, _, words, _ = ROWS[name]
    for outcome in outcomes[name]:
        assert (outcome.kind, words in outcome.reason) == (kind, True), outcome.reason
        assert outcome.reason.endswith(".")


@pytest.mark.parametrize("name", list(IN_CLASSES))
def test_unittest_style(outcomes: dict[str, list[Outcome]], name: str) -> None:
    kind, _, words = IN_CLASSES[name]
    (outcome,) = outcomes[name]
    assert (outcome.kind, words in outcome.reason) == (kind, True), outcome.reason


def test_a_file_that_cannot_be_imported(outcomes: dict[str, list[Outcome]]) -> None:
    (lost,) = outcomes["tests/test_lost.py"]
    assert lost.kind is K.ENVIRONMENT
    assert "nowhere_to_be_found" in lost.reason
    (name,) = outcomes["tests/test_lost_name.py"]
    assert name.kind is K.HARNESS
    (planned_there,) = outcomes["test_in_lost_file"]
    assert planned_there.kind is K.NOT_RUN
    assert "could not be collected" in planned_there.reason


def test_a_planned_test_that_was_never_written(outcomes: dict[str, list[Outcome]]) -> None:
    (outcome,) = outcomes["test_never_written"]
    assert outcome.kind is K.NOT_RUN
    assert "found no such test" in outcome.reason


def test_every_parameter_set_has_its_outcome(outcomes: dict[str, list[Outcome]]) -> None:
    assert len(outcomes["test_predicted_parametrised"]) == 2


THREE = '''
import time
def test_first(): pass
def test_second():
    {}
def test_third(): pass
'''


@pytest.mark.parametrize(("body", "limits", "kind", "words"), [
    ("time.sleep(60)", Limits(seconds=2.5), K.TIMEOUT, "at tests/test_three.py:5 in `test_second`"),
    ("print('x' * 30_000_000)", Limits(seconds=20), K.HARNESS, "printed more than allowed"),
    ("import os; os._exit(3)", Limits(seconds=20), K.HARNESS, "exit code 3"),
    ("import os; os.kill(os.getpid(), 9)", Limits(seconds=20), K.HARNESS, "died while it ran"),
])
def test_the_test_that_ran_when_it_ended(tmp_path: Path, body: str, limits: Limits, kind: FailureKind,
                                         words: str) -> None:
    tree = tree_with(tmp_path, test_three=THREE.format(body))
    run = run_in(tmp_path, tree, ("tests/test_three.py",), limits)
    first, second, third = outcomes_of(run, (), PRODUCT, ())
    assert [first.kind, second.kind, third.kind] == [K.PASSED, kind, K.NOT_RUN]
    assert words in second.reason
    assert not run.damaged


def out(test: str, kind: FailureKind) -> Outcome:
    return Outcome(test=test, kind=kind, reason=f"{kind}.")


def test_reruns_that_agree_and_disagree() -> None:
    merged = {outcome.test: outcome for outcome in merge_reruns([
        (out("a", K.AS_PREDICTED), out("b", K.AS_PREDICTED), out("c", K.PASSED)),
        (out("a", K.AS_PREDICTED), out("b", K.PASSED), out("c", K.PASSED)),
        (out("a", K.AS_PREDICTED), out("b", K.AS_PREDICTED)),
    ])}
    assert [merged[name].kind for name in "abc"] == [K.AS_PREDICTED, K.FLAKY, K.FLAKY]
    assert "as_predicted in 2, passed in 1" in merged["b"].reason
    assert "not_run in 1" in merged["c"].reason
    assert merge_reruns([]) == ()


def observed(*raised: RaisedException, reached: tuple[str, ...] = ()) -> Observation:
    return Observation(test="tests/test_x.py::test_x", path="tests/test_x.py", status="failed", phase="call",
                       exceptions=raised, reached=reached)


def test_a_group_counts_by_its_members() -> None:
    inside = Frame(path="app/core.py", line=3, function="Broker.route")
    group = RaisedException(type="ExceptionGroup", message="errors", bases=("ExceptionGroup", "BaseExceptionGroup"))
    member = RaisedException(type="LookupError", message="no route", bases=("LookupError",), frames=(inside,))
    expectation = planned("test_x_y", (X, "LookupError", "no route", "Broker.route")).expectation
    assert classify(observed(group, member), expectation, PRODUCT, ()).kind is K.AS_PREDICTED
    assert classify(observed(member, group), None, PRODUCT, ()).kind is K.OTHER_FAILURE


def test_everything_matches_is_not_the_tests() -> None:
    # The default for `code` is every Python file: test files and folders are still no product code.
    in_test = Frame(path="tests/test_x.py", line=3, function="test_x")
    in_helper = Frame(path="tests/tools.py", line=3, function="make")
    raised = RaisedException(type="ValueError", message="no", bases=("ValueError",), frames=(in_test, in_helper))
    expectation = planned("test_x_y", (X, "ValueError", "no", "Broker.route")).expectation
    everything = product_globs(TargetConfig())
    outcome = classify(observed(raised, reached=("app/core.py::Broker.route",)), expectation, everything, ())
    assert outcome.kind is K.HARNESS


def test_no_observation_at_all() -> None:
    completed = Completed(ended=Ended.EXITED, exit_code=4, output="ERROR: found no collectors\n", duration_s=0.1)
    run = TestRun(label="base", command="pytest", completed=completed, seen=Seen(began=True))
    (outcome,) = outcomes_of(run, [planned("test_planned", (A, "", "x", READY))], PRODUCT, ())
    assert outcome.kind is K.NOT_RUN
    assert "found no collectors" in outcome.reason
    waiting = SeenTest(test="tests/test_x.py::test_x", path="tests/test_x.py")
    cut = run.model_copy(update={"completed": completed.model_copy(update={"ended": Ended.MEMORY_LIMIT}),
                                 "seen": Seen(began=True, collected=(waiting,), running=(waiting,))})
    assert "more memory than allowed" in outcomes_of(cut, (), PRODUCT, ())[0].reason


IN_CODE = Frame(path="app/core.py", line=3, function="Broker.route", source="raise PermissionError('no')", in_app=True)
IN_TEST = Frame(path="tests/test_x.py", line=9, function="test_x", source="Broker().route()", in_app=True)


@pytest.mark.parametrize(("name", "message", "source", "kind"), [
    ("PermissionError", "ann may not read it", "raise PermissionError(f'{user} may not read it')", K.OTHER_FAILURE),
    ("PermissionError", "[Errno 13] Permission denied: '/x'", "open('/x')", K.ENVIRONMENT),
    ("ConnectionRefusedError", "the room is closed", "raise ConnectionRefusedError('the room is closed')",
     K.OTHER_FAILURE),
    ("ConnectionRefusedError", "[Errno 111] Connection refused", "raise error", K.ENVIRONMENT),
    ("ConnectionRefusedError", "", "sock.connect(address)", K.ENVIRONMENT),
    ("TimeoutError", "no answer within 3 rounds", "raise TimeoutError('no answer within 3 rounds')", K.OTHER_FAILURE),
    ("RuntimeError", "pika must be installed to use this broker", "raise RuntimeError('pika must be')", K.ENVIRONMENT),
    ("RuntimeError", "the part is to be removed", "raise RuntimeError('the part is to be removed')", K.OTHER_FAILURE),
], ids=["own-permission", "permission", "own-refusal", "refusal-told", "refusal", "own-timeout", "install", "plain"])
def test_what_the_products_own_raise_says_is_no_environment(
        name: str, message: str, source: str, kind: FailureKind) -> None:
    bases = (name, "OSError") if name.endswith("nError") or name == "TimeoutError" else (name,)
    bases = ("RuntimeError",) if name == "RuntimeError" else bases
    raised = RaisedException(type=name, message=message, bases=bases,
                             frames=(IN_TEST, IN_CODE.model_copy(update={"source": source})))
    assert classify(observed(raised), None, PRODUCT, ()).kind is kind


@pytest.mark.parametrize(("module", "kind"), [("app.gone", K.HARNESS), ("elsewhere.gone", K.ENVIRONMENT)])
def test_a_module_missing_below_a_package_of_the_repository_is_its_own(module: str, kind: FailureKind) -> None:
    raised = RaisedException(type="ModuleNotFoundError", message=f"No module named '{module}'",
                             bases=("ModuleNotFoundError", "ImportError"), frames=(IN_TEST,))
    assert classify(observed(raised), None, ("**/*.py",), (), modules=frozenset({"app"})).kind is kind
