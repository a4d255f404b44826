"""Runs the target's pytest in a sandbox with the probe in it, and brings back what was seen."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from bot.domain.base import Frozen, slug
from bot.domain.config import Limits, ServiceConfig, TargetConfig
from bot.domain.errors import TargetSetupFailed
from bot.domain.logs import Frame
from bot.domain.plan import TestPlan
from bot.domain.suite import Ended
from bot.ports import Command, Completed, Sandbox
from bot.probe.seen import SeenTest, TestRun, read_plain, read_seen, read_stacks

PROBE = tuple(sorted(Path(__file__).parent.glob("whybot_*.py")))
"""The files of the plugin, each of which stands alone with the others."""

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_CHECK = "Check `python`, `setup` and `pytest_args` of the target in bot.toml, and that its tests run by hand."


class Interpreter(Frozen):
    """The target's Python: the program to call, and the folders that it needs to read."""

    program: Path
    read_only: tuple[Path, ...]


class NeededService(Frozen):
    """A service as the probe is told of it: `[service.NAME]` of bot.toml, and the planned tests that need it.

    `needed_by` are node ids relative to the repository, without parameters and, if one likes, without the class, or
    names of test functions alone.
    """

    name: str
    address: str
    start: str = ""
    seconds: float = 20.0
    tests: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    needed_by: tuple[str, ...] = ()


def needed_services(declared: Mapping[str, ServiceConfig], plan: TestPlan | None = None) -> tuple[NeededService, ...]:
    """The services of bot.toml and of a plan, by name. What bot.toml says goes before what the plan says."""
    planned: dict[str, list[str]] = {}
    for test in plan.tests if plan else ():
        for name in test.services:
            planned.setdefault(name, []).append(f"{test.path}::{test.name}")
    found = {name: NeededService(name=name, needed_by=tuple(planned.get(name, ())), **service.model_dump())
             for name, service in declared.items()}
    for need in plan.services if plan else ():
        if need.name not in found and need.name in planned:
            found[need.name] = NeededService(name=need.name, address=need.address, needed_by=tuple(planned[need.name]))
    return tuple(found.values())


def product_globs(target: TargetConfig) -> tuple[str, ...]:
    """What is product code, relative to the repository; `!` marks what is not although it matches."""
    return (*_in_repository(target, target.code), *(f"!{path}" for path in _in_repository(target, target.tests)))


def _in_repository(target: TargetConfig, globs: tuple[str, ...]) -> tuple[str, ...]:
    return globs if target.root == "." else tuple(f"{target.root}/{glob}" for glob in globs)


def find_interpreter(python: str, root: Path, untrusted: Path) -> Interpreter:
    """Find the target's Python. `python` is a name to look up, absolute, or relative to the target's `root`.

    One that lies in the `untrusted` folder is never run outside the sandbox: its folders are told by its path.
    Raises TargetSetupFailed when there is none.
    """
    found = str(root / python) if "/" in python else shutil.which(python)
    if found is None or not Path(found).is_file() or not os.access(found, os.X_OK):
        raise TargetSetupFailed(f"There is no Python interpreter `{python}` for the target.", _CHECK)
    program = Path(os.path.normpath(Path(found).absolute()))
    folders: list[Path] = []
    home = _virtual_environment(program)
    if home is not None:
        folders.append(program.parent.parent)
    if program.is_relative_to(untrusted):
        base = (home or Path(os.path.realpath(program)).parent).parent
    else:
        base = _ask(program)
    real = Path(os.path.realpath(program))
    if not _is_installation(base):
        raise TargetSetupFailed(f"`{python}` belongs to no Python installation in {base}.", _CHECK)
    # What a version manager's launcher lies in is no installation, and not needed.
    for folder in (base, real.parent.parent):
        if folder not in folders and folder != Path("/usr") and _is_installation(folder):
            folders.append(folder)
    if home is None and not program.is_relative_to(base):
        # A launcher of a version manager: use what it launches.
        program = real if real.is_relative_to(base) else base / "bin" / "python3"
    return Interpreter(program=program, read_only=tuple(folders))


def _is_installation(folder: Path) -> bool:
    return any(True for name in ("lib", "lib64") for _ in (folder / name).glob("python3*"))


def _virtual_environment(program: Path) -> Path | None:
    """The folder of the interpreter from which a virtual environment was made; None when it is not in one."""
    try:
        text = (program.parent.parent / "pyvenv.cfg").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    home = re.search(r"^home\s*=\s*(.+)$", text, re.MULTILINE)
    return Path(os.path.realpath(home[1].strip())) if home else None


def _ask(program: Path) -> Path:
    # -I and -S: no code of the target's runs.
    try:
        said = subprocess.run((str(program), "-I", "-S", "-c", "import json, sys; print(json.dumps(sys.base_prefix))"),
                              capture_output=True, text=True, timeout=30, check=True)
        return Path(json.loads(said.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise TargetSetupFailed(f"`{program}` does not run as a Python interpreter ({error}).", _CHECK) from error


def run_tests(sandbox: Sandbox, tree: Path, target: TargetConfig, python: str | Interpreter, paths: tuple[str, ...],
              limits: Limits, label: str, scratch: Path, read_only: tuple[Path, ...] = (),
              extra_args: tuple[str, ...] = (), *, watch: bool = False,
              services: tuple[NeededService, ...] = (), seed: int | None = None, pressure: bool = False,
              stops: bool = False) -> TestRun:
    """Run pytest on `paths` (files, folders or node ids, relative to the repository) and watch it.

    `tree` holds the repository's files, `scratch` is a folder beside it, in it or around it; the run may write to
    both. `read_only` are further folders it needs. Each run has its own home and temporary folder, removed after.
    `watch` asks for executed lines and mocks, which makes it slower before Python 3.12. Tests that need one of the
    `services` that does not answer are not begun; starting them is part of the run and of its time.
    A `seed` draws the order of the tests, and sets `random` and the hashes; without one they are the same each time.
    `pressure` keeps all processors busy meanwhile; `stops` ends the run at the first test that fails.
    Raises TargetSetupFailed when the interpreter or pytest is missing, SandboxProblem from the sandbox.
    """
    tree, scratch = Path(os.path.realpath(tree)), Path(os.path.realpath(scratch))
    folder = Path(os.path.commonpath((tree, scratch)))
    if folder not in {tree, scratch} and not folder == tree.parent == scratch.parent:
        raise ValueError(f"{scratch} does not lie beside {tree}")
    root = tree if target.root == "." else tree / target.root
    interpreter = python if isinstance(python, Interpreter) else find_interpreter(python, root, folder)
    python = str(interpreter.program) if isinstance(python, Interpreter) else python
    run = _Run(tree, root, scratch / f"run-{slug(label)}", target)
    run.prepare()
    out = os.open(run.out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        local = tuple(within_root(target, path) for path in paths)
        shared = ("--color=no", *target.pytest_args, *extra_args, "--maxfail=1" if stops else "--maxfail=0",
                  "--continue-on-collection-errors")
        completed = sandbox.run(Command(
            argv=(str(interpreter.program), "-B", "-m", "pytest", "-p", "whybot_probe", "-p", "no:cacheprovider",
                  "--capture=no", f"--junitxml={run.out / 'junit.xml'}", "-o", "junit_family=xunit2",
                  "-o", "junit_duration_report=total",
                  f"--rootdir={root}", f"--confcutdir={tree}", *run.configuration(local), *shared, *local),
            folder=folder, cwd=root, read_only=(*interpreter.read_only, *read_only),
            env={**run.environment(interpreter), **_asked(watch, services), **_drawn(seed, pressure)}, limits=limits))
        killed = completed.ended is not Ended.EXITED
        names = sorted(name for name in os.listdir(out) if re.fullmatch(r"probe\.ndjson(\.\w+)?", name))  # noqa: PTH208
        names = [name for name in names if not name.endswith(".stacks")]
        texts = [read_plain(out, name) for name in names[:64]]
        seen = read_seen([text for text in texts if text is not None], killed, unreadable=texts.count(None))
        stacks = (read_plain(out, "probe.ndjson.stacks", 1_000_000) or b"").decode(errors="replace")
        junit = read_plain(out, "junit.xml")
    finally:
        os.close(out)
        shutil.rmtree(run.base, ignore_errors=True)
    if not seen.began and not killed and not names:
        raise TargetSetupFailed(_why_not(completed, python), _CHECK)
    return TestRun(
        label=label, command=shlex.join(("python", "-m", "pytest", *shared, *local)), completed=completed, seen=seen,
        seconds=limits.seconds, junit=junit, stopped_at=_stopped_at(completed, stacks, tree, seen.running))


def _asked(watch: bool, services: tuple[NeededService, ...]) -> dict[str, str]:
    asked = {"WHYBOT_PROBE_SERVICES": json.dumps([service.model_dump(mode="json") for service in services])}
    return {**asked, "WHYBOT_PROBE_WATCH": "1"} if watch else asked


def _drawn(seed: int | None, pressure: bool) -> dict[str, str]:
    drawn = {} if seed is None else {"WHYBOT_PROBE_SEED": str(seed), "PYTHONHASHSEED": str(seed)}
    return {**drawn, "WHYBOT_PROBE_PRESSURE": str(os.cpu_count() or 1)} if pressure else drawn


def _stopped_at(completed: Completed, stacks: str, tree: Path, running: tuple[SeenTest, ...]) -> tuple[Frame, ...]:
    if completed.ended is not Ended.TIMEOUT or not running:
        return ()
    return read_stacks(stacks, str(tree), running[0].path)


def _why_not(completed: Completed, python: str) -> str:
    last = [line.strip() for line in completed.output.splitlines() if line.strip()]
    if any(re.search(r"No module named '?pytest'?", line) for line in last):
        return f"pytest is not installed for the target's Python (`{python}`)."
    return f"pytest did not start: {last[-1][:300] if last else f'exit code {completed.exit_code}'}."


def within_root(target: TargetConfig, path: str) -> str:
    """A path relative to the repository as one relative to the target's root."""
    if target.root == ".":
        return path
    file, separator, rest = path.partition("::")
    return os.path.relpath(file, target.root) + separator + rest


class _Run:
    """The folders and settings of one run."""

    def __init__(self, tree: Path, root: Path, base: Path, target: TargetConfig) -> None:
        self.tree, self.root, self.base, self.target = tree, root, base, target
        self.out = base / "out"

    def prepare(self) -> None:
        shutil.rmtree(self.base, ignore_errors=True)
        for name in ("out", "home", "tmp", "probe"):
            (self.base / name).mkdir(parents=True)
        for file in PROBE:
            shutil.copyfile(file, self.base / "probe" / file.name)
        (self.base / "empty.ini").write_text("[pytest]\n")

    def environment(self, interpreter: Interpreter) -> dict[str, str]:
        bin_folder = interpreter.program.parent
        pythonpath = [str(self.base / "probe"), *(str(self.root / path) for path in self.target.pythonpath)]
        env = {
            "PATH": f"{bin_folder}:{SYSTEM_PATH}", "HOME": str(self.base / "home"), "TMPDIR": str(self.base / "tmp"),
            "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(os.path.normpath(path) for path in pythonpath),
            "WHYBOT_PROBE_OUT": str(self.out / "probe.ndjson"), "WHYBOT_PROBE_ROOT": str(self.tree),
            "WHYBOT_PROBE_CODE": os.pathsep.join(_in_repository(self.target, self.target.code)),
            "WHYBOT_PROBE_TESTS": os.pathsep.join(_in_repository(self.target, self.target.tests)),
        }
        if (bin_folder.parent / "pyvenv.cfg").is_file():
            env["VIRTUAL_ENV"] = str(bin_folder.parent)
        return env

    def configuration(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """An empty configuration for a target that has none, so that pytest looks for none above the tree."""
        starts = {self.root, *((self.root / path.partition("::")[0]) for path in paths)}
        for start in starts:
            for folder in (start, *start.parents):
                if folder.is_relative_to(self.tree) and _configures_pytest(folder):
                    return ()
        return ("-c", str(self.base / "empty.ini"))


def _configures_pytest(folder: Path) -> bool:
    """Whether pytest takes its configuration from this folder (its documented order of files)."""
    if any((folder / name).is_file() for name in ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")):
        return True
    try:
        if "pytest" in tomllib.loads((folder / "pyproject.toml").read_text("utf-8")).get("tool", {}):
            return True
    except (OSError, ValueError):
        pass
    for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string((folder / name).read_text("utf-8"))
        except (OSError, ValueError, configparser.Error):
            continue
        if parser.has_section(section):
            return True
    return False
