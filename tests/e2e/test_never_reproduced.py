"""What must never count as a reproduction, however it dresses up, and what must: real tests under the real probe."""

from __future__ import annotations

import socket
import sys
import textwrap
from pathlib import Path

import pytest

from bot.adapters.sandboxes import ProcessSandbox
from bot.audit.kinds import function_name, merge_reruns, outcomes_of
from bot.domain.config import Limits, TargetConfig
from bot.domain.evidence import Suspect
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, ServiceNeed
from bot.domain.suite import Ended, FailureKind, Outcome, SuiteResult
from bot.probe.launch import NeededService, product_globs, run_tests
from bot.probe.seen import TestRun
from bot.steps.believing import doubts_about
from bot.steps.run_tests import concluded

K = FailureKind
TARGET = TargetConfig(python=sys.executable, code=("app/**/*.py",), tests=("tests",), pythonpath=(".",),
                      pytest_args=("-p", "no:hypothesispytest"))
DEFECT = "ready before it is subscribed"
"""What the plan predicts of every test here that does not say otherwise: an assertion with this message."""

APP = '''
import asyncio, socket, subprocess, sys, threading

class Broker:
    def __init__(self, port=0):
        self.port, self.connected, self.subscribed = port, True, False
    def ready(self):
        return self.connected
    async def aready(self):
        await asyncio.sleep(0)
        return self.connected
    async def stuck(self):
        await asyncio.sleep(30)
    def deliver(self, user):
        raise LookupError("no subscriber for " + user)
    def cached(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False
    def found(self, host):
        try:
            return bool(socket.getaddrinfo(host, 80))
        except OSError:
            return False
    def start(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1)
        except OSError as error:
            raise RuntimeError("ready before it is subscribed") from error
    def launch(self):
        return subprocess.run([sys.executable, "-c", "print('early')"], capture_output=True, text=True).stdout.strip()

def connect(url, *, headers=None):
    return Broker()

if __name__ == "__main__":
    Broker().deliver(sys.argv[1])
'''

HELPERS = '''
class Denied(Exception): pass
def login(user): raise Denied("401 Unauthorized for " + user)
def auth_header(status): assert status == 200, "ready before it is subscribed (401 Unauthorized)"
def make_broker(): raise RuntimeError("cannot make it")
'''

Row = tuple[FailureKind, str, str]
NEVER: dict[str, Row] = {}
COUNTS: dict[str, tuple[Expectation, str]] = {}


def expecting(function: str = "Broker.ready", message: str = DEFECT, exception: str = "") -> Expectation:
    return Expectation(failure="exception" if exception else "assertion", exception=exception, message=message,
                       reaches=Suspect(path="app/core.py", function=function))


def never(name: str, kind: FailureKind, words: str, source: str) -> None:
    NEVER[name] = (kind, words, textwrap.dedent(source).strip())


def counts(name: str, expectation: Expectation, source: str) -> None:
    COUNTS[name] = (expectation, textwrap.dedent(source).strip())


never("test_redis_absent", K.ENVIRONMENT, "service `redis` does not answer",
      '''def test_redis_absent():
    Broker().ready()
    socket.create_connection(("127.0.0.1", PORT), 1)''')
never("test_redis_absent_and_hidden_by_product", K.ENVIRONMENT, "redis at 127.0.0.1:",
      f'''def test_redis_absent_and_hidden_by_product():
    broker = Broker(PORT)
    broker.ready()
    assert broker.cached(), "{DEFECT}"''')
never("test_redis_absent_and_wrapped", K.ENVIRONMENT, "service `redis` does not answer",
      '''def test_redis_absent_and_wrapped():
    broker = Broker(PORT)
    broker.ready()
    broker.start()''')
never("test_redis_absent_and_counted", K.ENVIRONMENT, "redis",
      f'''def test_redis_absent_and_counted():
    Broker().ready()
    failed = 0
    for _ in range(10):
        try: socket.create_connection(("127.0.0.1", PORT), 1)
        except OSError: failed += 1
    assert failed == 0, f"{{failed}}/10 connections failed: {DEFECT}"''')
never("test_redis_absent_and_skipped", K.ENVIRONMENT, "It was skipped, but redis at",
      '''def test_redis_absent_and_skipped():
    if not Broker(PORT).cached(): pytest.skip("not today")''')
never("test_redis_absent_and_returned", K.ENVIRONMENT, "It passed, but redis at",
      '''def test_redis_absent_and_returned():
    if not Broker(PORT).cached(): return
    assert Broker().ready() is False''')
never("test_redis_absent_in_thread", K.ENVIRONMENT, "redis",
      f'''def test_redis_absent_in_thread():
    got = []
    thread = threading.Thread(target=lambda: got.append(socket.create_connection(("127.0.0.1", PORT), 1)))
    thread.start(); thread.join()
    Broker().ready()
    assert got, "{DEFECT}"''')
never("test_dns", K.ENVIRONMENT, "gaierror",
      f'''def test_dns():
    Broker().ready()
    try: socket.getaddrinfo("no-such-host.invalid", 80)
    except OSError as error: pytest.fail("{DEFECT}")''')
never("test_dns_hidden_by_product", K.OTHER_FAILURE, "no-such-host.invalid is not known",
      f'''def test_dns_hidden_by_product():
    Broker().ready()
    assert Broker().found("no-such-host.invalid"), "{DEFECT}"''')
never("test_auth_helper", K.HARNESS, "401 Unauthorized",
      '''def test_auth_helper():
    Broker().ready()
    login("ann")''')
never("test_auth_helper_hidden", K.HARNESS, "401 Unauthorized",
      f'''def test_auth_helper_hidden():
    Broker().ready()
    try: login("ann")
    except Exception: pytest.fail("{DEFECT}")''')
never("test_auth_helper_asserts", K.HARNESS, "401 Unauthorized",
      '''def test_auth_helper_asserts():
    Broker().ready()
    auth_header(401)''')
never("test_keyword", K.HARNESS, "unexpected keyword",
      '''def test_keyword():
    Broker().ready()
    connect("ws://x", extra_headers={})''')
never("test_keyword_gathered", K.HARNESS, "extra_headers",
      f'''@pytest.mark.asyncio
async def test_keyword_gathered():
    Broker().ready()
    async def one(): return connect("ws://x", extra_headers={{}})
    results = await asyncio.gather(*(one() for _ in range(10)), return_exceptions=True)
    failures = [each for each in results if isinstance(each, Exception)]
    assert failures == [], f"10/10 connections failed, so the race is reproduced: {DEFECT}"''')
never("test_keyword_in_group", K.HARNESS, "extra_headers",
      f'''def test_keyword_in_group():
    Broker().ready()
    errors = []
    for _ in range(10):
        try: connect("ws://x", extra_headers={{}})
        except TypeError as error: errors.append(error)
    group = ValueError("{DEFECT}")
    group.exceptions = tuple(errors)
    try: raise group
    except ValueError: assert False, "{DEFECT}"''')
never("test_keyword_in_thread", K.HARNESS, "in a thread",
      f'''def test_keyword_in_thread():
    Broker().ready()
    got = []
    threads = [threading.Thread(target=lambda: got.append(connect("ws://x", extra_headers={{}}))) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert got, "{DEFECT}"''')
never("test_keyword_in_process", K.HARNESS, "in another process",
      f'''def test_keyword_in_process():
    Broker().ready()
    code = "from app.core import connect; connect('ws://x', extra_headers={{}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, "{DEFECT}: " + done.stderr''')
never("test_import", K.HARNESS, "imports a name",
      '''def test_import():
    Broker().ready()
    from app.core import Nothing''')
never("test_fixture", K.HARNESS, "setup phase",
      f'''@pytest.fixture
def broken():
    Broker().ready()
    assert False, "{DEFECT}"
def test_fixture(broken): pass''')
never("test_timeout", K.TIMEOUT, "gave up waiting",
      '''@pytest.mark.asyncio
async def test_timeout():
    Broker().ready()
    await asyncio.wait_for(Broker().stuck(), 0.05)''')
never("test_xfail", K.SKIPPED, "xfail",
      f'''@pytest.mark.xfail(reason="known")
def test_xfail(): assert not Broker().ready(), "{DEFECT}"''')
never("test_other_assertion", K.OTHER_FAILURE, "does not match",
      '''def test_other_assertion(): assert Broker().ready() == 3, "three of them"''')
never("test_dies_in_helper", K.HARNESS, "cannot make it",
      '''def test_dies_in_helper():
    Broker().ready()
    make_broker()''')
never("test_dies_in_helper_hidden", K.HARNESS, "A helper of the test failed",
      f'''def test_dies_in_helper_hidden():
    Broker().ready()
    try: make_broker()
    except Exception: pytest.fail("{DEFECT}")''')
never("test_never_enters", K.OTHER_FAILURE, "never entered",
      f'''def test_never_enters(): assert not Broker().connected, "{DEFECT}"''')
never("test_passes", K.PASSED, "It passed.", "def test_passes(): Broker().ready()")
never("test_own_server_is_gone", K.PASSED, "It passed.",
      '''def test_own_server_is_gone():
    with socket.create_server(("127.0.0.1", 0)) as server: port = server.getsockname()[1]
    assert Broker(port).cached() is False''')
never("test_needs_queue", K.NOT_RUN, "It was not begun: queue does not answer at 127.0.0.1:",
      f'''@pytest.mark.queue
def test_needs_queue(): assert not Broker().ready(), "{DEFECT}"''')

counts("test_sync", expecting(), f'''def test_sync(): assert not Broker().ready(), "{DEFECT}"''')
counts("test_exception", expecting("Broker.deliver", "no subscriber", "LookupError"),
       '''def test_exception(): Broker().deliver("ann")''')
counts("test_async", expecting("Broker.aready"),
       f'''@pytest.mark.asyncio
async def test_async(): assert not await Broker().aready(), "{DEFECT}"''')
counts("test_anyio", expecting("Broker.aready"),
       f'''@pytest.mark.anyio
async def test_anyio(): assert not await Broker().aready(), "{DEFECT}"''')
counts("test_gathered", expecting("Broker.aready"),
       f'''@pytest.mark.asyncio
async def test_gathered():
    results = await asyncio.gather(*(Broker().aready() for _ in range(3)))
    assert not any(results), "{DEFECT}"''')
counts("test_hangs", expecting("Broker.stuck", "never became ready"),
       '''@pytest.mark.asyncio
async def test_hangs():
    try: await asyncio.wait_for(Broker().stuck(), 0.05)
    except asyncio.TimeoutError: pytest.fail("the broker never became ready")''')
counts("test_threaded", expecting(),
       f'''def test_threaded():
    got = []
    threads = [threading.Thread(target=lambda: got.append(Broker().ready())) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert not any(got), "{DEFECT}"''')
counts("test_pool", expecting("Broker.deliver", "no subscriber", "LookupError"),
       '''def test_pool():
    with concurrent.futures.ThreadPoolExecutor() as pool: pool.submit(Broker().deliver, "ann").result()''')
counts("test_process_of_the_product", expecting("Broker.launch", "told too early"),
       '''def test_process_of_the_product(): assert Broker().launch() != "early", "told too early"''')
counts("test_process", expecting("Broker.deliver", "no subscriber for ann"),
       '''def test_process():
    done = subprocess.run([sys.executable, "-m", "app.core", "ann"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr''')
counts("test_planned_outage", expecting("Broker.cached", "ready while the cache is unreachable"),
       '''def test_planned_outage():
    assert Broker(PORT).cached(), "ready while the cache is unreachable"''')

HEAD = ("import asyncio, concurrent.futures, socket, subprocess, sys, threading\nimport pytest\n"
        "from app.core import Broker, connect\nfrom helpers import auth_header, login, make_broker\n\nPORT = {port}\n\n"
        "@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n\n")
LOST = ("from app.core import Broker, Nothing\n"
        f"def test_lost(): assert not Broker().ready(), '{DEFECT}'\n")
FLAKY = f'''
from pathlib import Path
from app.core import Broker
def test_flaky():
    count = Path(__file__).with_name("count.txt")
    count.write_text((count.read_text() if count.exists() else "") + "x")
    assert Broker().ready() != (len(count.read_text()) % 5 == 3), "{DEFECT}"
'''
KILLED = '''
import os
from app.core import Broker
def test_killed():
    Broker().ready()
    os.kill(os.getpid(), 9)
def test_after(): pass
'''


def planned(name: str, expectation: Expectation, path: str = "tests/test_rows.py") -> PlannedTest:
    return PlannedTest(name=name, path=path, level=Level.UNIT, difficulty=Difficulty.NORMAL, purpose="as named",
                       expectation=expectation)


class Project:
    """A little project and its runs."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.scratch = folder / "tree", folder / "scratch"
        for name in (self.tree / "app", self.tree / "tests", self.scratch):
            name.mkdir(parents=True)
        socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.queue = (sock.getsockname()[1] for sock in socks)
        for sock in socks:
            sock.close()
        self.write("app/__init__.py", "")
        self.write("app/core.py", APP)
        self.write("tests/helpers.py", HELPERS)
        self.write("pytest.ini", "[pytest]\nmarkers = queue\n")
        self.services = (ServiceNeed(name="redis", address=f"127.0.0.1:{self.port}"),)

    def write(self, path: str, text: str) -> None:
        (self.tree / path).write_text(text)

    def run(self, *paths: str, args: tuple[str, ...] = ()) -> TestRun:
        queue = NeededService(name="queue", address=f"127.0.0.1:{self.queue}", markers=("queue",))
        return run_tests(ProcessSandbox(), self.tree, TARGET, sys.executable, paths, Limits(seconds=60), "base",
                         self.scratch, extra_args=args, services=(queue,))

    def outcomes(self, run: TestRun, plans: list[PlannedTest]) -> tuple[Outcome, ...]:
        return outcomes_of(run, plans, product_globs(TARGET), self.services)


def result(run: TestRun, outcomes: tuple[Outcome, ...]) -> SuiteResult:
    return SuiteResult(label=run.label, tree="a" * 40, command=run.command, ended=run.completed.ended,
                       exit_code=run.completed.exit_code, outcomes=outcomes, duration_s=1.0,
                       doubts=tuple(doubts_about(run)))


OWN = SuiteResult(label="own", tree="a" * 40, command="", ended=Ended.EXITED, exit_code=None, outcomes=(),
                  duration_s=0.0, ran=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("never"))
    sources = [source for *_, source in (*NEVER.values(), *COUNTS.values())]
    project.write("tests/test_rows.py", HEAD.format(port=project.port) + "\n\n".join(sources) + "\n")
    project.write("tests/test_lost.py", LOST)
    project.write("tests/test_flaky.py", FLAKY)
    project.write("tests/test_killed.py", KILLED)
    return project


@pytest.fixture(scope="module")
def outcomes(project: Project) -> dict[str, Outcome]:
    plans = [planned(name, expecting()) for name in NEVER]
    plans += [planned(name, expectation) for name, (expectation, _) in COUNTS.items()]
    plans.append(planned("test_lost", expecting(), "tests/test_lost.py"))
    run = project.run("tests/test_rows.py", "tests/test_lost.py")
    assert list(doubts_about(run)) == [], run.completed.output[-3000:]
    return {function_name(each.test) or each.test: each for each in project.outcomes(run, plans)}


@pytest.mark.parametrize("name", list(NEVER))
def test_it_never_counts(outcomes: dict[str, Outcome], name: str) -> None:
    kind, words, _ = NEVER[name]
    outcome = outcomes[name]
    assert (outcome.kind, words in outcome.reason) == (kind, True), f"{outcome.kind}: {outcome.reason}"


def test_a_file_that_cannot_be_collected_never_counts(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["tests/test_lost.py"].kind is K.HARNESS
    assert outcomes["test_lost"].kind is K.NOT_RUN


@pytest.mark.parametrize("name", list(COUNTS))
def test_it_counts(outcomes: dict[str, Outcome], name: str) -> None:
    assert outcomes[name].kind is K.AS_PREDICTED, outcomes[name].reason


def test_the_step_believes_none_of_them(project: Project, outcomes: dict[str, Outcome]) -> None:
    run = project.run("tests/test_rows.py::test_passes")
    of_never = tuple(outcome for name, outcome in outcomes.items() if name not in COUNTS)
    said = concluded((result(run, of_never),) * 3, OWN)
    assert not said.result.reproduced  # type: ignore[union-attr]
    assert said.said.startswith(f"not reproduced: queue does not answer at 127.0.0.1:{project.queue} (")


def test_one_failure_in_five_runs_never_counts(project: Project) -> None:
    plans = [planned("test_flaky", expecting(), "tests/test_flaky.py")]
    runs = [project.run("tests/test_flaky.py") for _ in range(5)]
    each = [project.outcomes(run, plans) for run in runs]
    assert [one.kind for (one,) in each].count(K.AS_PREDICTED) == 1
    (merged,) = merge_reruns(each)
    assert merged.kind is K.FLAKY
    said = concluded(tuple(map(result, runs, each)), OWN)
    assert not said.result.reproduced  # type: ignore[union-attr]


def test_a_killed_worker_never_counts(project: Project) -> None:
    plans = [planned("test_killed", expecting(), "tests/test_killed.py")]
    run = project.run("tests/test_killed.py", args=("-n", "1"))
    outcomes = {function_name(each.test): each for each in project.outcomes(run, plans)}
    assert outcomes["test_killed"].kind is K.HARNESS
    assert "died while it ran" in outcomes["test_killed"].reason
    assert outcomes["test_after"].kind is K.PASSED
    assert not concluded((result(run, tuple(outcomes.values())),), OWN).result.reproduced  # type: ignore[union-attr]
