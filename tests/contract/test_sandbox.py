"""The suite of the Sandbox port, over every adapter."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.sandboxes import (
    BubblewrapSandbox,
    ContainerSandbox,
    ProcessSandbox,
    choose_sandbox,
    diagnose,
    try_python,
)
from bot.adapters.sandboxes.bubblewrap import remedy_for
from bot.adapters.sandboxes.left_over import OWNER, owner
from bot.domain.config import Limits
from bot.domain.errors import SandboxProblem
from bot.domain.suite import Ended
from bot.ports import Command, Completed, Sandbox
from tests.fakes.container_image import a_container

PYTHON = os.path.realpath(sys.executable)
READ_ONLY = (Path(sys.base_prefix), Path(sys.prefix))
MB = 1_000_000


@pytest.fixture(params=[pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
                        pytest.param("container", marks=pytest.mark.container), "process"])
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    if request.param == "process":
        return ProcessSandbox()
    if request.param == "container":
        return a_container(tmp_path_factory.mktemp("container"))
    walled = BubblewrapSandbox()
    found = walled.diagnose(tmp_path_factory.mktemp("trial"))
    if not found.works:
        pytest.skip(f"bubblewrap does not work here: {found.sentence}")
    return walled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def run(sandbox: Sandbox, folder: Path, code: str, limits: Limits | None = None, **env: str) -> Completed:
    return sandbox.run(Command(argv=(PYTHON, "-B", "-c", code), folder=folder, read_only=READ_ONLY,
                               env=env, limits=limits or Limits(seconds=20)))


def alive(marker: str) -> list[int]:
    """The processes whose command line holds `marker`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def gone(marker: str, within: float = 3.0) -> bool:
    until = time.monotonic() + within
    while alive(marker):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_exit_code_output_and_duration(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, "import sys, time; print('to out', flush=True); print('to err', file=sys.stderr);"
               "time.sleep(0.2); sys.exit(3)")
    assert (done.ended, done.exit_code) == (Ended.EXITED, 3)
    assert done.output == "to out\nto err\n"
    assert 0.2 <= done.duration_s < 5


def test_death_by_signal_is_no_success(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert done.ended is Ended.EXITED
    assert done.exit_code not in {0, None}


def test_environment_is_exactly_what_was_given(sandbox: Sandbox, folder: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_BOT", "hunter2")
    done = run(sandbox, folder, "import os, json; print(json.dumps(dict(os.environ)))", GREETING="hello world")
    seen = eval(done.output)
    # PWD comes from bubblewrap, LC_CTYPE from Python itself.
    assert {name: value for name, value in seen.items() if name not in {"PWD", "LC_CTYPE"}} == {
        "GREETING": "hello world"}


def test_folder_is_the_working_directory_and_writable(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, "import os; print(os.getcwd()); open('made', 'w').write('here')")
    assert done.output.strip() == str(folder)
    assert (folder / "made").read_text() == "here"


def test_standard_input_is_empty(sandbox: Sandbox, folder: Path) -> None:
    assert run(sandbox, folder, "import sys; print(repr(sys.stdin.read()))").output == "''\n"


def test_loopback_works_inside(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname(), 2)
server.accept()[0].sendall(b"hello")
print(client.recv(5).decode(), socket.gethostbyname("localhost"))
""")
    assert done.output == "hello 127.0.0.1\n"


def test_wall_time(sandbox: Sandbox, folder: Path) -> None:
    began = time.monotonic()
    done = run(sandbox, folder, "import time; print('started', flush=True); time.sleep(60)", Limits(seconds=0.7))
    assert (done.ended, done.exit_code) == (Ended.TIMEOUT, None)
    assert done.output == "started\n"
    assert 0.7 <= time.monotonic() - began < 5


def test_sigterm_comes_first_and_sigkill_after(sandbox: Sandbox, folder: Path) -> None:
    polite = run(sandbox, folder, """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("tidied", flush=True), sys.exit(0)))
time.sleep(60)
""", Limits(seconds=0.7))
    assert (polite.ended, polite.output) == (Ended.TIMEOUT, "tidied\n")
    began = time.monotonic()
    rude = run(sandbox, folder, """
import signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
print("deaf", flush=True)
while True: time.sleep(60)
""", Limits(seconds=0.7))
    assert (rude.ended, rude.output) == (Ended.TIMEOUT, "deaf\n")
    assert time.monotonic() - began < 6


def test_output_is_limited_and_keeps_head_and_tail(sandbox: Sandbox, folder: Path) -> None:
    began = time.monotonic()
    done = run(sandbox, folder, """
import sys
sys.stdout.write("the head\\n")
line = "x" * 999 + "\\n"
for number in range(1_000_000): sys.stdout.write(line)
""", Limits(seconds=30, output_bytes=MB))
    assert (done.ended, done.exit_code) == (Ended.OUTPUT_LIMIT, None)
    assert done.output.startswith("the head\n")
    assert MB <= len(done.output) < MB + 200
    left_out = re.search(r"\n\[\.\.\. (\d+) bytes left out \.\.\.\]\n", done.output)
    assert left_out
    assert int(left_out[1]) < 10 * MB
    assert time.monotonic() - began < 10


def test_output_below_the_limit_is_whole(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, f"import sys; sys.stdout.write('y' * {MB})", Limits(seconds=20, output_bytes=MB))
    assert (done.ended, done.exit_code) == (Ended.EXITED, 0)
    assert done.output == "y" * MB


def test_number_of_processes(sandbox: Sandbox, folder: Path) -> None:
    # Bounded, whatever the sandbox does: at most 200 children that sleep.
    done = run(sandbox, folder, """
import os, time
for number in range(200):
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
time.sleep(30)
""", Limits(seconds=20, processes=40))
    assert (done.ended, done.exit_code) == (Ended.PROCESS_LIMIT, None)
    assert done.duration_s < 5


def test_fork_tree_is_ended(sandbox: Sandbox, folder: Path) -> None:
    # Doubles eight times and then stays: 256 processes, each in a session of its own.
    done = run(sandbox, folder, """
import os, time
for generation in range(8):
    os.fork()
    try: os.setsid()
    except OSError: pass
time.sleep(30)  # whybot-fork-tree
""", Limits(seconds=20, processes=40))
    assert done.ended is Ended.PROCESS_LIMIT
    assert gone("whybot-fork-tree")


def test_as_many_processes_as_allowed(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, """
import os, time
children = []
for number in range(19):
    child = os.fork()
    if child == 0:
        time.sleep(0.3)
        os._exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
print("done")
""", Limits(seconds=20, processes=20))
    assert (done.ended, done.exit_code, done.output) == (Ended.EXITED, 0, "done\n")


def test_memory(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, """
import time
blocks = []
for number in range(60):
    blocks.append(bytearray(b"x") * 10_000_000)
    time.sleep(0.005)
time.sleep(20)
""", Limits(seconds=20, memory_bytes=150 * MB))
    assert (done.ended, done.exit_code) == (Ended.MEMORY_LIMIT, None)
    assert done.duration_s < 8


def test_memory_of_the_whole_tree(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, """
import os, time
for number in range(4):
    if os.fork() == 0:
        block = bytearray(os.urandom(1000)) * 60_000
        time.sleep(20)
        os._exit(0)
time.sleep(20)
""", Limits(seconds=20, memory_bytes=180 * MB))
    assert done.ended is Ended.MEMORY_LIMIT


def test_shared_memory_counts_once(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, """
import os, time
block = bytearray(b"x") * 60_000_000
children = []
for number in range(5):
    child = os.fork()
    if child == 0:
        time.sleep(0.5)
        os._exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
print(len(block))
""", Limits(seconds=20, memory_bytes=180 * MB))
    assert (done.ended, done.output) == (Ended.EXITED, "60000000\n")


@pytest.mark.parametrize("how", ["one file", "many files", "unlinked", "memfd", "after the end"])
def test_disk(sandbox: Sandbox, folder: Path, how: str) -> None:
    (folder / "there before").write_bytes(bytes(30 * MB))
    code = {
        "one file": "f = open('big', 'wb')\nfor n in range(100): f.write(bytes(MB)); f.flush()\ntime.sleep(20)",
        "many files": "for n in range(100): open(f'f{n}', 'wb').write(bytes(MB))\ntime.sleep(20)",
        "unlinked": "f = open('big', 'wb'); os.unlink('big')\nfor n in range(30): f.write(bytes(MB)); f.flush()\n"
                    "time.sleep(20)",
        "memfd": "fds = [os.memfd_create('x') for _ in range(8)]\n"
                 "for n in range(40): os.write(fds[n % 8], bytes(MB))\ntime.sleep(20)",
        "after the end": "open('big', 'wb').write(bytes(30 * MB))",
    }[how]
    done = run(sandbox, folder, f"import os, time\nMB = {MB}\n{code}", Limits(seconds=10, disk_bytes=20 * MB))
    assert (done.ended, done.exit_code) == (Ended.DISK_LIMIT, None)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 150 * MB


def test_a_file_larger_than_allowed_cannot_be_made(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, "open('big', 'wb').truncate(10_000_000_000)", Limits(seconds=20, disk_bytes=20 * MB))
    assert "File too large" in done.output


def test_what_is_in_the_folder_before_does_not_count(sandbox: Sandbox, folder: Path) -> None:
    (folder / "data").write_bytes(os.urandom(30 * MB))
    done = run(sandbox, folder, "open('more', 'wb').write(bytes(1000))", Limits(seconds=20, disk_bytes=10 * MB))
    assert (done.ended, done.exit_code) == (Ended.EXITED, 0)


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {quiet}
        {work}
        time.sleep(60)  # {marker}
    os._exit(0)
os.wait()
time.sleep({stay})
print("parent done")
"""


@pytest.mark.parametrize("quiet", ["pass", "[os.dup2(os.open('/dev/null', 2), fd) for fd in (0, 1, 2)]"])
def test_a_daemon_left_behind_is_gone(sandbox: Sandbox, folder: Path, quiet: str) -> None:
    marker = f"whybot-daemon-{os.getpid()}"
    done = run(sandbox, folder, DAEMON.format(quiet=quiet, work="pass", marker=marker, stay=0.1))
    assert (done.ended, done.exit_code, done.output) == (Ended.EXITED, 0, "parent done\n")
    assert not alive(marker)
    assert done.duration_s < 5


def test_a_daemon_is_gone_after_a_timeout_too(sandbox: Sandbox, folder: Path) -> None:
    marker = f"whybot-late-daemon-{os.getpid()}"
    code = DAEMON.format(quiet="pass", marker=marker, stay=60,
                         work="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    assert run(sandbox, folder, code, Limits(seconds=0.7)).ended is Ended.TIMEOUT
    assert not alive(marker)


BOT = """
import sys
from pathlib import Path
from bot.adapters.sandboxes import BubblewrapSandbox, ContainerSandbox, ProcessSandbox
from bot.ports import Command
kind, folder, code, *container = sys.argv[1:]
sandbox = {"bubblewrap": BubblewrapSandbox, "container": ContainerSandbox, "process": ProcessSandbox}[kind](*container)
sandbox.run(Command(argv=(sys.executable, "-c", code), folder=Path(folder),
                    read_only=(Path(sys.base_prefix), Path(sys.prefix))))
"""


@pytest.fixture
def bot_running(sandbox: Sandbox, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process of its own that runs a deaf daemon in the sandbox, which reports by making a file."""
    marker = f"whybot-orphan-{os.getpid()}-{time.monotonic_ns()}"
    code = DAEMON.format(quiet="pass", marker=marker, stay=60,
                         work="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w')")
    container: tuple[str, ...] = ()
    env = dict(os.environ)
    if isinstance(sandbox, ContainerSandbox):
        container, env = (sandbox.image, sandbox.engine), env | sandbox.client_env
    bot = subprocess.Popen((sys.executable, "-c", BOT, sandbox.name, str(folder), code, *container), env=env,
                           cwd=Path(__file__).parents[2])
    try:
        yield bot, marker
    finally:
        bot.kill()
        bot.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_bot_dies(bot_running: tuple[subprocess.Popen[bytes], str], folder: Path,
                                           number: signal.Signals) -> None:
    bot, marker = bot_running
    until = time.monotonic() + 15
    while not (folder / "up").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    assert alive(marker)
    bot.send_signal(number)
    bot.wait(15)
    assert gone(marker)


@pytest.mark.parametrize("after", [0.18, 0.21, 0.24, 0.27, 0.30, 0.35, 1.2])
def test_nothing_is_left_when_the_bot_dies_while_it_starts(bot_running: tuple[subprocess.Popen[bytes], str],
                                                           after: float) -> None:
    bot, marker = bot_running
    time.sleep(after)
    bot.kill()
    bot.wait(15)
    time.sleep(0.3)
    # An engine takes its time; what it began before the bot died is removed all the same.
    assert gone(marker, within=3.0 if after < 1 else 15.0)


def test_two_runs_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    folders = [tmp_path / name for name in ("a", "b", "c")]
    for each in folders:
        each.mkdir()
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda each: run(sandbox, each, "import os, time; time.sleep(.2); print(os.getcwd())"),
                             folders))
    assert [each.output.strip() for each in done] == [str(each) for each in folders]


def test_a_program_that_is_missing(sandbox: Sandbox, folder: Path) -> None:
    with pytest.raises(SandboxProblem, match="could not be"):
        sandbox.run(Command(argv=("no-such-program-anywhere",), folder=folder, env={"PATH": "/usr/bin"}))


def test_a_folder_that_is_missing(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SandboxProblem, match="does not exist"):
        sandbox.run(Command(argv=("true",), folder=tmp_path / "nowhere", env={"PATH": "/usr/bin"}))


def test_undecodable_output(sandbox: Sandbox, folder: Path) -> None:
    done = run(sandbox, folder, r"import sys; sys.stdout.buffer.write(b'a\xff\x00b')")
    assert done.output == "a\N{REPLACEMENT CHARACTER}\x00b"


def test_the_plain_process_says_what_it_cannot_prevent() -> None:
    assert "not in a sandbox" in ProcessSandbox().warning
    assert BubblewrapSandbox().warning == ""


class TestChoice:
    def test_a_plain_process_is_refused_in_actions(self) -> None:
        with pytest.raises(SandboxProblem, match="GitHub Actions"):
            choose_sandbox("process", True, {"GITHUB_ACTIONS": "true"})
        assert choose_sandbox("process", False, {}).name == "process"

    def test_without_bubblewrap_only_the_demo_runs_plain(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("bot.adapters.sandboxes.bubblewrap.FALLBACK", str(tmp_path / "bwrap"))
        with pytest.raises(SandboxProblem, match="not installed") as problem:
            choose_sandbox("auto", False, {})
        assert "apt install bubblewrap" in problem.value.remedy
        assert choose_sandbox("auto", True, {}).name == "process"
        with pytest.raises(SandboxProblem, match="not installed"):
            choose_sandbox("auto", True, {"GITHUB_ACTIONS": "true"})
        with pytest.raises(SandboxProblem, match="not installed"):
            choose_sandbox("bubblewrap", True, {})

    def test_a_bubblewrap_that_may_not(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        refused = tmp_path / "bwrap"
        refused.write_text("#!/bin/sh\n"
                           "[ $1 = --help ] && echo --size --json-status-fd --clearenv --remount-ro --args && exit 0\n"
                           "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1\n")
        refused.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        found, _, plain = diagnose({})
        assert not found.works
        assert "Permission denied" in found.sentence
        assert "AppArmor" in found.remedy
        assert plain.works
        with pytest.raises(SandboxProblem, match="Permission denied"):
            choose_sandbox("auto", False, {})

    def test_an_old_bubblewrap(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        old = tmp_path / "bwrap"
        old.write_text("#!/bin/sh\necho --clearenv --json-status-fd --remount-ro\n")
        old.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        assert "too old" in diagnose({})[0].sentence

    @pytest.mark.bubblewrap
    def test_bubblewrap_is_taken_where_it_works(self) -> None:
        if not diagnose({})[0].works:
            pytest.skip("bubblewrap does not work here")
        assert choose_sandbox("auto", False, {}).name == "bubblewrap"
        assert choose_sandbox("auto", True, {"GITHUB_ACTIONS": "true"}).name == "bubblewrap"

    def test_apparmors_remedy_names_the_program(self, tmp_path: Path) -> None:
        (tmp_path / "kernel").mkdir()
        (tmp_path / "user").mkdir()
        setting = tmp_path / "kernel" / "apparmor_restrict_unprivileged_userns"
        setting.write_text("0\n")
        assert "probably" in remedy_for("/usr/bin/bwrap", tmp_path)
        setting.write_text("1\n")
        said = remedy_for("/opt/bin/bwrap", tmp_path)
        assert "profile bwrap /opt/bin/bwrap flags=(unconfined) { userns, }" in said
        assert "apparmor_parser -r /etc/apparmor.d/bwrap" in said
        assert "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in said
        (tmp_path / "user" / "max_user_namespaces").write_text("0\n")
        assert "user.max_user_namespaces" in remedy_for("bwrap", tmp_path)

    def test_a_container_needs_an_image_and_an_engine(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with pytest.raises(SandboxProblem, match="No image is named"):
            choose_sandbox("container", True, {})
        with pytest.raises(SandboxProblem, match="Neither podman nor docker"):
            choose_sandbox("container", True, {"PATH": str(tmp_path)}, "image")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("bot.adapters.sandboxes.bubblewrap.FALLBACK", str(tmp_path / "bwrap"))
        with pytest.raises(SandboxProblem, match=r"bwrap.*not installed.*Neither podman nor docker"):
            choose_sandbox("auto", False, {"PATH": str(tmp_path)}, "image")

    def test_an_engine_without_its_service(self, tmp_path: Path) -> None:
        docker = tmp_path / "docker"
        docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///x.' >&2; exit 1\n")
        docker.chmod(0o755)
        with pytest.raises(SandboxProblem, match="cannot reach its service") as problem:
            choose_sandbox("container", True, {"PATH": str(tmp_path)}, "image")
        assert "Start the service" in problem.value.remedy


class TestContainer:
    """What only an engine has to do."""

    pytestmark = pytest.mark.container

    @pytest.fixture
    def box(self, tmp_path_factory: pytest.TempPathFactory) -> ContainerSandbox:
        return a_container(tmp_path_factory.mktemp("container"))

    def test_it_is_found_and_tried(self, box: ContainerSandbox) -> None:
        found = choose_sandbox("container", False, box.client_env, box.image)
        assert found.name == "container"
        assert try_python(found) is None

    def test_an_image_that_is_not_there(self, box: ContainerSandbox, folder: Path) -> None:
        with pytest.raises(SandboxProblem, match="has no image") as problem:
            run(ContainerSandbox("localhost/whybot-no-such:1", box.engine, box.client_env), folder, "")
        assert "pull" in problem.value.remedy

    def test_what_a_dead_bot_left_is_removed(self, box: ContainerSandbox, folder: Path) -> None:
        def engine(*arguments: str) -> str:
            return subprocess.run((box.engine, *arguments), env=box.client_env, check=True, capture_output=True,
                                  text=True).stdout.strip()

        mine, elsewhere = owner(), "another-machine/1/2/3"
        gone = f"{mine.rpartition('/')[0]}/1"
        names = {label: f"whybot-test-{os.getpid()}-{number}" for number, label in enumerate((mine, elsewhere, gone))}
        try:
            for label, name in names.items():
                engine("create", "--name", name, "--label", f"{OWNER}={label}", "--network", "none", box.image, "true")
            assert run(box, folder, "").exit_code == 0
            left = engine("ps", "-a", "--format", "{{.Names}}").splitlines()
            assert {label for label, name in names.items() if name in left} == {mine, elsewhere}
        finally:
            for name in names.values():
                subprocess.run((box.engine, "rm", "-f", "-t", "0", name), env=box.client_env, check=False,
                               capture_output=True)
