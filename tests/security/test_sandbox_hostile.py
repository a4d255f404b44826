"""Hostile tests, run by real pytest under the probe: none succeeds in bubblewrap, none outlives its run anywhere."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.adapters.sandboxes import BubblewrapSandbox, ProcessSandbox
from bot.audit.kinds import outcomes_of
from bot.domain.config import Limits, TargetConfig
from bot.domain.errors import SandboxProblem
from bot.domain.suite import Ended, FailureKind
from bot.ports import Command, Sandbox
from bot.probe.launch import run_tests
from bot.probe.seen import TestRun
from tests.fakes.container_image import a_container

MB = 1_000_000
DEVICES = ("null", "zero", "full", "random", "urandom")


@pytest.fixture(scope="module", params=[pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
                                        pytest.param("container", marks=pytest.mark.container)])
def walled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    if request.param == "container":
        return a_container(tmp_path_factory.mktemp("container"))
    sandbox = BubblewrapSandbox()
    found = sandbox.diagnose(tmp_path_factory.mktemp("trial"))
    if not found.works:
        pytest.skip(f"bubblewrap does not work here: {found.sentence}")
    return sandbox


@pytest.fixture(params=[pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
                        pytest.param("container", marks=pytest.mark.container), "process"])
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    if request.param == "container":
        return a_container(tmp_path_factory.mktemp("container"))
    return ProcessSandbox() if request.param == "process" else BubblewrapSandbox()


def run(sandbox: Sandbox, tmp_path: Path, source: str, limits: Limits | None = None,
        others: Mapping[str, str] = {}, **files: str) -> TestRun:
    tree = tmp_path / "run" / "tree"
    (tree / "tests").mkdir(parents=True)
    (tree / "tests" / "test_hostile.py").write_text(source)
    for name, text in files.items():
        (tree / f"{name}.py").write_text(text)
    for name, text in others.items():
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(text)
    (tmp_path / "run" / "scratch").mkdir()
    return run_tests(sandbox, tree, TargetConfig(), sys.executable, ("tests",), limits or Limits(seconds=30), "hostile",
                     tmp_path / "run" / "scratch", read_only=(Path(sys.prefix),))


def alive(marker: str) -> bool:
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize(("body", "limits", "ended", "kind"), [
    ("while True: time.sleep(1)", Limits(seconds=3), Ended.TIMEOUT, FailureKind.TIMEOUT),
    ("signal.signal(15, signal.SIG_IGN)\n    while True: time.sleep(1)", Limits(seconds=3), Ended.TIMEOUT,
     FailureKind.TIMEOUT),
    ("for n in range(250): os.fork() or (os.setsid(), time.sleep(30), os._exit(0))\n    time.sleep(30)",
     Limits(seconds=20, processes=50), Ended.PROCESS_LIMIT, FailureKind.HARNESS),
    ("for n in range(1000): begin(threading.Thread(target=time.sleep, args=(30,), daemon=True))\n    time.sleep(30)",
     Limits(seconds=20, processes=8), Ended.PROCESS_LIMIT, FailureKind.HARNESS),
    ("x = []\n    for n in range(80): x.append(bytearray(b'x') * 10_000_000); time.sleep(.01)\n    time.sleep(20)",
     Limits(seconds=20, memory_bytes=300 * MB), Ended.MEMORY_LIMIT, FailureKind.HARNESS),
    ("for n in range(100): open(f'big{n}', 'wb').write(bytes(1_000_000))\n    time.sleep(20)",
     Limits(seconds=20, disk_bytes=20 * MB), Ended.DISK_LIMIT, FailureKind.HARNESS),
    ("for n in range(100_000): open(f'empty{n}', 'w').close()\n    time.sleep(20)",
     Limits(seconds=20, disk_bytes=20 * MB), Ended.DISK_LIMIT, FailureKind.HARNESS),
    ("for n in range(100): print('x' * 1_000_000)\n    time.sleep(20)", Limits(seconds=20), Ended.OUTPUT_LIMIT,
     FailureKind.HARNESS),
    ("line = 'x' * 1_000_000\n    for n in range(1_000): sys.stderr.write(line)", Limits(seconds=20),
     Ended.OUTPUT_LIMIT, FailureKind.HARNESS),
    ("os.kill(os.getppid(), 19); os.kill(os.getpid(), 9)", Limits(seconds=20), Ended.EXITED, FailureKind.HARNESS),
], ids=["hangs", "ignores SIGTERM", "forks", "threads", "memory", "disk", "empty files", "100 MB",
        "1 GB on stderr", "kills itself"])
def test_every_limit_gives_its_own_end(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path, body: str,
                                       limits: Limits, ended: Ended, kind: FailureKind) -> None:
    if "getppid" in body and sandbox.name == "process":
        pytest.skip("a plain process can stop its own supervisor, as its warning says")
    began = time.monotonic()
    done = run(sandbox, tmp_path, "import os, signal, sys, threading, time\n"
               "def begin(thread):\n    try: thread.start()\n    except RuntimeError: pass\n"
               "def test_before(): pass\n"
               f"def test_hostile():\n    {body}\ndef test_after(): pass\n", limits)
    assert done.completed.ended is ended, done.completed.output[-1000:]
    assert [outcome.kind for outcome in outcomes_of(done, (), ("**",), ())] == [
        FailureKind.PASSED, kind, FailureKind.NOT_RUN]
    assert len(done.completed.output) < limits.output_bytes + 1000
    assert time.monotonic() - began < 40


def test_a_daemon_does_not_outlive_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    marker = f"whybot-left-behind-{os.getpid()}-{sandbox.name}"
    done = run(sandbox, tmp_path, f'''
import subprocess, sys
def test_leave():
    code = "import os, signal, time; signal.signal(15, signal.SIG_IGN); os.fork(); time.sleep(60) # {marker}"
    subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    subprocess.Popen(["setsid", "nohup", sys.executable, "-c", code])
''')
    assert [seen.status for seen in done.observations] == ["passed"]
    assert done.completed.ended is Ended.EXITED
    assert not alive(marker)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A server of this very process on 127.0.0.1, and what it received."""
    server = socket.create_server(("127.0.0.1", 0))
    received: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                received.append(connection.recv(100))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], received
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


class TestWalls:
    """What bubblewrap and containers prevent."""

    def statuses(self, done: TestRun) -> dict[str, str]:
        return {seen.test.rpartition("::")[2]: seen.status for seen in done.observations}

    def test_secrets(self, walled: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        secret = f"hunter2-{os.getpid()}"
        monkeypatch.setenv("SECRET_OF_THE_BOT", secret)
        home = tmp_path / "home"
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh" / "id_ed25519").write_text(secret)
        (tmp_path / "parents-file").write_text(secret)
        for name in (".git-credentials", ".gitconfig", ".netrc"):
            (home / name).write_text(f"https://x:{secret}@github.com")
        (tmp_path / ".git").mkdir()
        (tmp_path / ".git" / "config").write_text(f"[credential]\n  helper = !echo password={secret}\n")
        monkeypatch.setenv("GIT_ASKPASS", f"echo {secret}")
        monkeypatch.setenv("GITHUB_TOKEN", secret)
        done = run(walled, tmp_path, f'''
import glob, os, pathlib, pwd
SECRET = {secret[:7]!r} + {secret[7:]!r}
def contents(pattern):
    for name in glob.glob(pattern, recursive=True):
        try: yield name, pathlib.Path(name).read_bytes()
        except OSError: pass
def test_own_environment(): assert SECRET not in repr(dict(os.environ))
def test_other_environments():
    assert not [name for name, text in contents("/proc/[0-9]*/environ") if SECRET.encode() in text]
def test_other_processes():
    assert len(glob.glob("/proc/[0-9]*")) < 10
    assert not [name for name, text in contents("/proc/[0-9]*/cmdline") if b"tests/security" in text]
def test_roots_of_others(): assert not glob.glob("/proc/[0-9]*/root/home/*")
def test_homes():
    homes = [os.path.expanduser("~"), pwd.getpwuid(os.getuid()).pw_dir, "/root", "/home", {str(home)!r}]
    for home in homes[1:]:
        assert not [name for name in glob.glob(home + "/*") + glob.glob(home + "/.[a-z]*")
                    if not {sys.base_prefix!r}.startswith(name) and not {sys.prefix!r}.startswith(name)
                    and not os.path.realpath(name).startswith({str(tmp_path / "run")!r})]
def test_git_credentials():
    above = pathlib.Path.cwd()
    for folder in (above, *above.parents): assert not (folder / ".git").exists()
    for name in (".git-credentials", ".gitconfig", ".netrc", ".ssh", ".config/gh", ".docker", ".config/gcloud"):
        for home in (os.path.expanduser("~"), {str(home)!r}, "/root"): assert not os.path.exists(home + "/" + name)
    assert not [name for name in os.environ if name.startswith(("GIT", "SSH_"))]
def test_parents_file():
    assert not os.path.exists({str(tmp_path / "parents-file")!r})
    assert os.listdir({str(tmp_path)!r}) == ["run"]
def test_accounts(): assert len(open("/etc/passwd").readlines()) <= 2
def test_no_shadow(): assert not os.path.exists("/etc/shadow")
def test_no_keys():
    # A container's engine brings its own first process there.
    found = glob.glob("/etc/ssl/private/*") + glob.glob("/run/*") + glob.glob("/var/*")
    assert set(found) <= {{"/run/podman-init"}}
def test_kernel_memory():
    for name in ("/proc/kcore", "/proc/kmsg", "/dev/mem", "/dev/kmsg"):
        try: handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError: continue
        assert os.read(handle, 10) == b""
def test_symlink_out(tmp_path):
    (tmp_path / "link").symlink_to({str(tmp_path / "parents-file")!r})
    assert not (tmp_path / "link").exists()
def test_dot_dot(): assert not os.path.exists("../../../parents-file")
''')
        assert set(self.statuses(done).values()) == {"passed"}, done.completed.output
        assert len(self.statuses(done)) == 13
        assert secret not in done.completed.output

    def test_the_machine_cannot_be_changed(self, walled: Sandbox, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "file").write_text("as it was")
        devices = [Path("/dev", name).stat().st_mode for name in DEVICES]
        done = run(walled, tmp_path, f'''
import ctypes, os, signal, subprocess, sys
import pytest
OUTSIDE = {str(outside)!r}
@pytest.mark.parametrize("name", ["/", "/usr/", "/usr/lib/", "/etc/", "/var/", "/root/", "/home/", "/run/",
                                  {sys.prefix!r} + "/", {sys.base_prefix!r} + "/"])
def test_write(name):
    with pytest.raises(OSError): open(name + "planted", "w")
def test_write_outside():
    with pytest.raises(OSError): open(OUTSIDE + "/file", "w")
@pytest.mark.parametrize("name", ["sys/kernel/core_pattern", "sys/kernel/hostname", "sys/vm/drop_caches",
                                  "sys/kernel/pid_max", "sysrq-trigger", "sys/kernel/modprobe"])
def test_kernel_settings(name):
    with pytest.raises(OSError): os.close(os.open("/proc/" + name, os.O_WRONLY))
@pytest.mark.skipif({walled.name == "container"}, reason="an engine gives a container a /dev of its own")
def test_dev():
    with pytest.raises(OSError): open("/dev/planted", "w")
    for name in {DEVICES}:
        with pytest.raises(OSError): os.chmod("/dev/" + name, 0o600)
        with pytest.raises(OSError): os.unlink("/dev/" + name)
@pytest.mark.skipif({walled.name != "container"}, reason="must not be done to the devices of the machine")
def test_own_dev():
    for name in {DEVICES[1:]}:
        try: os.chmod("/dev/" + name, 0o600)
        except OSError: pass
def test_null(): open("/dev/null", "w").write("x")
def test_the_interpreter():
    with pytest.raises(OSError): os.chmod(os.path.realpath(sys.executable), 0o600)
def test_capabilities():
    status = dict(line.split(":", 1) for line in open("/proc/self/status") if line.startswith(("Cap", "NoNew")))
    assert {{int(value, 16) for name, value in status.items() if name.startswith("Cap")}} == {{0}}
    assert status["NoNewPrivs"].strip() == "1"
def test_mount():
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == -1
    assert libc.umount(b"/proc/sys") == -1
    assert libc.unshare(0x20000) == -1
def test_new_user_namespace():
    if sys.version_info < (3, 12): assert subprocess.run(["unshare", "-Ur", "true"], capture_output=True).returncode
    else:
        with pytest.raises(OSError): os.unshare(os.CLONE_NEWUSER)
def test_signals():
    for pid in ({os.getpid()}, {os.getppid()}):
        try: os.kill(pid, 0)
        except ProcessLookupError: continue
        # The number may be one of the sandbox's own processes.
        assert os.path.exists("/proc/%d" % pid)
def test_terminal():
    with pytest.raises(OSError): os.open("/dev/tty", os.O_RDWR)
def test_what_is_inherited():
    handles = [os.readlink("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd") if int(name) > 2
               and os.path.exists("/proc/self/fd/" + name)]
    output = os.readlink("/proc/self/fd/1")
    assert not [name for name in handles if name.startswith(("pipe", "socket", "/memfd")) and name != output]
''')
        assert set(self.statuses(done).values()) == {"passed", "skipped"}, done.completed.output
        assert (outside / "file").read_text() == "as it was"
        assert [path.name for path in outside.iterdir()] == ["file"]
        assert not Path("/dev/planted").exists()
        assert [Path("/dev", name).stat().st_mode for name in DEVICES] == devices

    def test_network(self, walled: Sandbox, tmp_path: Path, listener: tuple[int, list[bytes]]) -> None:
        port, received = listener
        more = {}
        for key, family, address in (("ipv6", socket.AF_INET6, ("::1", 0)), ("udp", socket.AF_INET, ("127.0.0.1", 0)),
                                     ("path", socket.AF_UNIX, f"/tmp/whybot-{os.getpid()}.socket"),
                                     ("abstract", socket.AF_UNIX, f"\0whybot-{os.getpid()}")):
            more[key] = socket.socket(family, socket.SOCK_DGRAM)
            more[key].bind(address)
            more[key].setblocking(False)
        with contextlib.ExitStack() as stack:
            stack.callback(Path(f"/tmp/whybot-{os.getpid()}.socket").unlink)
            for each in more.values():
                stack.enter_context(each)
            self.try_network(walled, tmp_path, port, received, more)

    def try_network(self, walled: Sandbox, tmp_path: Path, port: int, received: list[bytes],
                    more: dict[str, socket.socket]) -> None:
        names = {key: each.getsockname() for key, each in more.items()}
        for key, each in more.items():
            with socket.socket(each.family, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"it does listen", names[key])
            assert each.recv(100) == b"it does listen"
        with socket.create_connection(("127.0.0.1", port)) as checked:
            checked.sendall(b"it does listen")
        done = run(walled, tmp_path, f'''
import os, socket, pytest
def test_the_bots_own_server():
    with pytest.raises(OSError): socket.create_connection(("127.0.0.1", {port}), 2).sendall(b"leak")
@pytest.mark.parametrize(("family", "address"), {[(int(each.family), names[key]) for key, each in more.items()]})
def test_other_sockets_of_the_bot(family, address):
    sender = socket.socket(family, socket.SOCK_DGRAM)
    try: sender.sendto(b"leak", address)
    except OSError: pass  # What counts is what arrives.
@pytest.mark.parametrize("address", ["8.8.8.8", "169.254.169.254", "10.0.0.1"])
def test_away(address):
    with pytest.raises(OSError): socket.create_connection((address, 80), 2)
def test_names():
    with pytest.raises(OSError): socket.getaddrinfo("example.com", 80)
def test_interfaces(): assert [name for _, name in socket.if_nameindex()] == ["lo"]
def test_own_server_works():
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname(), 2).close()
def test_abstract_sockets(): assert len(open("/proc/net/unix").readlines()) == 1
''')
        assert set(self.statuses(done).values()) == {"passed"}, done.completed.output
        assert received == [b"it does listen"]
        for each in more.values():
            with pytest.raises(BlockingIOError):
                each.recv(100)

    def test_memory_file_systems_have_a_size(self, walled: Sandbox, tmp_path: Path) -> None:
        done = run(walled, tmp_path, '''
import pytest, time
@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_fill(folder):
    try:
        for n in range(200): open(f"{folder}/{n}", "wb").write(bytes(1_000_000))
    except OSError: pass
    time.sleep(10)
''', Limits(seconds=25, disk_bytes=20 * MB))
        assert done.completed.ended is Ended.DISK_LIMIT
        assert done.completed.duration_s < 9

    def test_files_that_python_runs_by_itself(self, walled: Sandbox, tmp_path: Path) -> None:
        planted = tmp_path / "planted"
        escape = (f"import os\ntry: open({str(planted)!r}, 'w').write('out')\nexcept OSError: pass\n"
                  f"print('RAN', {{!r}}, os.path.exists('/etc/shadow'), flush=True)\n")
        done = run(walled, tmp_path, "def test_x(): pass\n", sitecustomize=escape.format("site"),
                   conftest=escape.format("conftest"), usercustomize=escape.format("user"),
                   by_ini=escape.format("ini"), by_entry_point=escape.format("entry"), others={
                       "pytest.ini": "[pytest]\naddopts = -p by_ini --rootdir=/ --basetemp=/usr/planted\n",
                       "evil-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1\n",
                       "evil-1.dist-info/entry_points.txt": "[pytest11]\nevil = by_entry_point\n"})
        ran = set(re.findall(r"^RAN (\w+) False$", done.completed.output, re.MULTILINE))
        # What comes with the code under test does run: inside.
        assert {"site", "conftest", "ini", "entry"} <= ran
        assert not re.search(r"^RAN \w+ True$", done.completed.output, re.MULTILINE)
        assert not Path("/usr/planted").exists()
        assert not planted.exists()

    def test_network_only_when_asked(self, walled: Sandbox, tmp_path: Path,
                                     listener: tuple[int, list[bytes]]) -> None:
        port, received = listener
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2).sendall(b'hello')"
        command = Command(argv=(os.path.realpath(sys.executable), "-c", code), folder=tmp_path,
                          read_only=(Path(sys.base_prefix),))
        assert walled.run(command).exit_code == 1
        if walled.name == "container":
            # A network of its own, by the engine: never the machine's loopback.
            seen = ("-c", "import socket; print(len(socket.if_nameindex()))")
            command = command.model_copy(update={"argv": (command.argv[0], *seen)})
            try:
                alone, together = (walled.run(command.model_copy(update={"network": value})) for value in (False, True))
            except SandboxProblem as problem:
                if "cni" not in problem.what and "netavark" not in problem.what:
                    raise
                pytest.skip("the engine here cannot make a network")
            assert (alone.output, together.output) == ("1\n", "2\n")
            return
        assert walled.run(command.model_copy(update={"network": True})).exit_code == 0
        assert received == [b"hello"]


def test_what_is_put_in_the_place_of_the_runs_files(sandbox: Sandbox, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "probe.ndjson").write_text("secret of the parent")
    (outside / "junit.xml").write_text("<secret-of-the-parent/>")
    done = run(sandbox, tmp_path, f'''
import atexit, os, pathlib, shutil
OUTSIDE = {str(outside)!r}
BASE = pathlib.Path(os.environ["WHYBOT_PROBE_OUT"]).parent.parent
def swap():
    for name in ("junit.xml", "probe.ndjson"):
        try: os.unlink(BASE / "out" / name)
        except OSError: pass
        os.symlink(OUTSIDE + "/" + name, BASE / "out" / name)
    os.mkfifo(BASE / "out" / "probe.ndjson.pipe")
    os.rename(BASE / "tmp", BASE / "moved"); os.symlink(OUTSIDE, BASE / "tmp")
    os.rename(BASE / "home", BASE / "moved-too"); os.symlink(OUTSIDE, BASE / "home")
    os.rename(BASE / "out", BASE / "moved-as-well"); os.symlink(OUTSIDE, BASE / "out")
    os.mkdir("closed"); open("closed/file", "w").close(); os.chmod("closed", 0)
    os.symlink("/", "everything"); os.symlink("loop", "loop")
def test_trick(): atexit.register(swap)
''')
    assert done.completed.ended is Ended.EXITED
    assert b"secret" not in (done.junit or b"")
    assert "secret" not in repr(done.seen)
    # Cleaning up went through none of the links.
    assert sorted(path.name for path in outside.iterdir()) == ["junit.xml", "probe.ndjson"]
    assert not os.path.lexists(tmp_path / "run" / "scratch" / "run-hostile")


@pytest.mark.parametrize("where", ["tree", "scratch"])
def test_folders_too_deep_to_count_or_remove(sandbox: Sandbox, tmp_path: Path, where: str) -> None:
    place = "os.getcwd()" if where == "tree" else "os.environ['TMPDIR']"
    done = run(sandbox, tmp_path, f'''
import os, time
def test_deep():
    os.chdir({place})
    for number in range(1500):
        os.mkdir("d" * 9); os.chdir("d" * 9)
    open("hidden", "wb").write(bytes(30_000_000))
    time.sleep(20)
''', Limits(seconds=25, disk_bytes=20 * MB))
    assert done.completed.ended is Ended.DISK_LIMIT
    shutil.rmtree(tmp_path / "run")


ATTACKS = """
import os, pathlib, socket, sys
outside, port, pid, secret = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
def read_files(): return secret in pathlib.Path(outside, "file").read_text()
def read_environments(): return secret.encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
def write(): return pathlib.Path(outside, "planted").write_text("x")
def connect(): return not socket.create_connection(("127.0.0.1", port), 2).close()
def send_signals(): return os.kill(pid, 15) or True
for attack in (read_files, read_environments, write, connect, send_signals):
    try: done = attack()
    except OSError: done = False
    if done: print(attack.__name__)
"""
IN_WORDS = {
    "read_files": "read this account's files", "read_environments": "other processes' environments",
    "write": "write outside their folder", "connect": "use the network", "send_signals": "signal other processes",
}


def test_what_succeeds_is_what_the_warning_says(sandbox: Sandbox, tmp_path: Path,
                                                listener: tuple[int, list[bytes]]) -> None:
    secret = f"hunter2-{os.getpid()}"
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text(secret)
    (tmp_path / "run").mkdir()
    other = subprocess.Popen(("sleep", "60"), env={"PATH": os.environ["PATH"], "SECRET": secret})
    try:
        done = sandbox.run(Command(
            argv=(os.path.realpath(sys.executable), "-I", "-S", "-c", ATTACKS, str(tmp_path / "outside"),
                  str(listener[0]), str(other.pid), secret),
            folder=tmp_path / "run", read_only=(Path(sys.base_prefix),)))
    finally:
        other.kill()
        other.wait()
    assert done.exit_code == 0, done.output
    assert {IN_WORDS[name] for name in done.output.split()} == {
        words for words in IN_WORDS.values() if words in sandbox.warning}
    if sandbox.name != "process":
        assert done.output == ""
        assert not (tmp_path / "outside" / "planted").exists()
