"""Running a project's tests without a record: what is copied, which Python runs, and what is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.domain.config import BotConfig, Limits, ServiceConfig, TargetConfig
from bot.domain.errors import SandboxProblem, TargetSetupFailed, UsageProblem
from bot.domain.suite import FailureKind
from bot.standalone.copying import WorkingCopy, files_of
from bot.standalone.interpreter import editable, find_python
from bot.standalone.running import Project, open_project, run_project, target_for

CODE = "def add(a, b):\n    return a + b\n"
TESTS = "from app import add\n\ndef test_add():\n    assert add(1, 2) == 3\n\ndef test_one(): assert add(1, 0) == 1\n"
ENVIRON = {"VIRTUAL_ENV": sys.prefix, "PATH": os.environ.get("PATH", "")}


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def content(root: Path) -> dict[str, bytes | str]:
    return {str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
            for path in sorted(root.rglob("*")) if path.is_symlink() or path.is_file()}


def git(root: Path, *arguments: str) -> None:
    subprocess.run(("git", "-c", "user.name=a", "-c", "user.email=a@b.invalid", *arguments), cwd=root, check=True,
                   capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "project", {"src/app.py": CODE, "tests/test_add.py": TESTS})


@pytest.fixture
def opened(project: Path) -> Iterator[Project]:
    with open_project(project, ("tests",), sandbox="process", environ=ENVIRON) as found:
        yield found


class TestFiles:
    FILES = {"app.py": "", "tests/test_x.py": "", ".venv/lib/x.py": "", ".venv/pyvenv.cfg": "", "env/pyvenv.cfg": "",
             "env/bin/x": "", "src/venv/mod.py": "", "node_modules/a.js": "", "__pycache__/app.pyc": "",
             "ignored.py": "", ".gitignore": "ignored.py\nbuild/\n", "build/tests/test_made.py": ""}
    PLAIN = (".gitignore", "app.py", "src/venv/mod.py", "tests/test_x.py")

    def test_without_git_all_that_is_the_projects(self, tmp_path: Path) -> None:
        assert files_of(write(tmp_path, self.FILES)) == tuple(
            sorted((*self.PLAIN, "ignored.py", "build/tests/test_made.py")))

    def test_with_git_what_is_tracked_or_not_ignored(self, tmp_path: Path) -> None:
        write(tmp_path, self.FILES)
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", "app.py")
        assert files_of(tmp_path) == self.PLAIN
        assert files_of(tmp_path, ("build/tests",)) == tuple(sorted((*self.PLAIN, "build/tests/test_made.py")))
        assert files_of(tmp_path, ("ignored.py",)) == tuple(sorted((*self.PLAIN, "ignored.py")))
        assert files_of(tmp_path / "src") == ("venv/mod.py",)
        # A folder that the repository around it ignores is a project of its own.
        assert files_of(tmp_path / "build") == ("tests/test_made.py",)

    def test_no_program_of_the_repository_is_run(self, tmp_path: Path) -> None:
        write(tmp_path, {"app.py": "", "watch.sh": f"#!/bin/sh\ntouch {tmp_path}/ran\n"})
        (tmp_path / "watch.sh").chmod(0o755)
        git(tmp_path, "init", "-q")
        git(tmp_path, "config", "core.fsmonitor", str(tmp_path / "watch.sh"))
        assert files_of(tmp_path) == ("app.py", "watch.sh")
        assert not (tmp_path / "ran").exists()

    def test_names_that_are_no_text(self, tmp_path: Path) -> None:
        (tmp_path / os.fsdecode(b"a\xff\n b.py")).write_text("x")
        git(tmp_path, "init", "-q")
        with WorkingCopy(tmp_path) as copy:
            assert content(copy.tree) == {os.fsdecode(b"a\xff\n b.py"): b"x"}


class TestCopy:
    def test_links_lead_nowhere_else(self, tmp_path: Path) -> None:
        root = write(tmp_path / "project", {"app.py": "x", "data/a.txt": "a"})
        write(tmp_path, {"secret/key": "s"})
        (root / "inside").symlink_to("data")
        (root / "data" / "absolute").symlink_to(root / "app.py")
        (root / "outside").symlink_to("../secret")
        (root / "file").symlink_to(tmp_path / "secret" / "key")
        os.mkfifo(root / "pipe")
        with WorkingCopy(root) as copy:
            assert content(copy.tree) == {
                "app.py": b"x", "data/a.txt": b"a", "inside": "data", "data/absolute": "../app.py"}
            assert (copy.tree / "data" / "absolute").read_text() == "x"
            base = copy.tree.parent.parent
        assert not base.exists()

    def test_it_is_put_right_after_anything(self, tmp_path: Path) -> None:
        root = write(tmp_path, {"app.py": "x", "pkg/mod.py": "y", "pkg/sub/deep.py": "z", "run.sh": "#!"})
        (root / "run.sh").chmod(0o755)
        with WorkingCopy(root) as copy:
            before = content(copy.tree)
            with copy.changed({"app.py": b"mutant", "new/file.py": b"new"}) as tree:
                assert (tree / "app.py").read_bytes() == b"mutant"
                assert (tree / "new" / "file.py").read_bytes() == b"new"
                times = (tree / "pkg" / "mod.py").stat()
                (tree / "pkg" / "mod.py").write_text("!")
                os.utime(tree / "pkg" / "mod.py", ns=(times.st_atime_ns, times.st_mtime_ns))
                shutil.rmtree(tree / "pkg" / "sub")
                (tree / "pkg" / "sub").symlink_to("/etc")
                (tree / "run.sh").chmod(0o600)
                (tree / "left").mkdir()
                (tree / "left" / "over").write_text("")
            assert content(copy.tree) == before
            assert os.access(copy.tree / "run.sh", os.X_OK)
            assert sorted(path.name for path in copy.tree.iterdir()) == ["app.py", "pkg", "run.sh"]
            with copy.changed({}) as tree:
                shutil.rmtree(tree)
            assert content(copy.tree) == before

    @pytest.mark.parametrize("path", ["../out.py", "/etc/out.py", "a/../../out.py", "link/out.py", ""])
    def test_an_overlay_stays_inside(self, tmp_path: Path, path: str) -> None:
        with WorkingCopy(write(tmp_path / "project", {"app.py": ""})) as copy:
            (copy.tree / "link").symlink_to(tmp_path)
            with pytest.raises(ValueError, match=r".+"), copy.changed({path: b""}):
                pass
        assert not (tmp_path / "out.py").exists()


class TestPython:
    def test_none_has_pytest(self, tmp_path: Path) -> None:
        with pytest.raises(TargetSetupFailed, match="No Python with pytest") as problem:
            find_python(tmp_path, {"PATH": str(tmp_path)})
        assert "bot.toml" in problem.value.remedy

    def test_the_projects_own_is_taken_and_not_run(self, tmp_path: Path) -> None:
        environment = write(tmp_path, {
            "project/.venv/lib/python3.11/site-packages/pytest/__init__.py": "",
            "project/.venv/pyvenv.cfg": f"home = {Path(sys.base_prefix) / 'bin'}\n",
            "project/.venv/bin/python": f"#!/bin/sh\ntouch {tmp_path}/ran\n"}) / "project"
        (environment / ".venv" / "bin" / "python").chmod(0o755)
        found = find_python(environment, ENVIRON)
        assert found.program == environment / ".venv" / "bin" / "python"
        assert not (tmp_path / "ran").exists()

    def test_the_active_environment_and_the_path(self, tmp_path: Path) -> None:
        own = os.path.realpath(sys.executable)
        assert os.path.realpath(find_python(tmp_path, {"VIRTUAL_ENV": sys.prefix}).program) == own
        folder = str(Path(sys.executable).parent)
        assert os.path.realpath(find_python(tmp_path, {"PATH": f".:{folder}"}).program) == own
        # A python3 that the project brings along is none that the path offers.
        with pytest.raises(TargetSetupFailed):
            find_python(Path(sys.prefix), {"PATH": folder})

    def test_editable_installations(self, tmp_path: Path) -> None:
        packages = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
        write(tmp_path, {"lib/one/__init__.py": "", "packages/two/src/two/__init__.py": "", "other/three.py": ""})
        write(packages, {
            "plain.pth": f"{tmp_path}/lib\n/usr/lib\nimport os\nrelative\n",
            "__editable___two_finder.py":
                f"import sys\nMAPPING: dict[str, str] = {{'two': '{tmp_path}/packages/two/src/two', 'x.y': '/'}}\n",
            "__editable___three_finder.py": f"MAPPING = {{'three': '{tmp_path}/other/three.py'}}\n",
            "__editable___bad_finder.py": "MAPPING = {open('/etc/passwd')}\n",
        })
        interpreter = find_python(tmp_path, ENVIRON).model_copy(
            update={"program": tmp_path / ".venv" / "bin" / "python"})
        assert editable(interpreter, tmp_path) == ("lib", "other", "packages/two/src")


class TestRunning:
    def test_a_strange_project_is_run_and_left_alone(self, project: Path) -> None:
        write(project, {"tests/test_spoils.py": "from pathlib import Path\ndef test_spoils():\n"
                                                "    Path('src/app.py').write_text('broken')\n"
                                                "    Path('left.txt').write_text('')\n"})
        before, notes = content(project), list[str]()
        ran = run_project(project, ("tests",), sandbox="process", watch=True, environ=ENVIRON, note=notes.append)
        assert {each.test.rpartition("::")[2]: each.kind for each in ran.outcomes} == dict.fromkeys(
            ("test_add", "test_one", "test_spoils"), FailureKind.PASSED)
        (seen,) = (each for each in ran.run.observations if each.test.endswith("test_add"))
        assert seen.reached == ("src/app.py::add",)
        assert {file.path: file.lines for file in seen.lines} == {"src/app.py": (2,), "tests/test_add.py": (4,)}
        assert (ran.doubts, ran.sandbox) == ((), "process")
        assert "plain process" in ran.warning
        assert ran.run.seconds == 120
        assert notes[0].startswith("3 files copied; Python is ")
        assert content(project) == before

    def test_changes_are_of_one_run(self, opened: Project) -> None:
        changed = opened.run(("tests",), overlay={"src/app.py": CODE.replace("+", "-").encode()}, label="mutant 1")
        assert [each.kind for each in changed.outcomes] == [FailureKind.OTHER_FAILURE, FailureKind.PASSED]
        again = opened.run(("tests/test_add.py::test_add",))
        assert [(each.test, each.kind) for each in again.outcomes] == [
            ("tests/test_add.py::test_add", FailureKind.PASSED)]

    def test_a_new_test_in_a_file_that_is_not_there(self, opened: Project) -> None:
        ran = opened.run(("tests/test_new.py",), overlay={"tests/test_new.py": b"def test_new(): assert 0\n"})
        assert [each.kind for each in ran.outcomes] == [FailureKind.OTHER_FAILURE]
        with pytest.raises(UsageProblem, match=r"There is no tests/test_new\.py"):
            opened.run(("tests/test_new.py",))

    def test_the_time_limit(self, opened: Project) -> None:
        slow = {"tests/test_add.py": b"import time\ndef test_slow(): time.sleep(60)\n"}
        ran = opened.run(("tests",), overlay=slow, limits=Limits(seconds=2))
        assert [each.kind for each in ran.outcomes] == [FailureKind.TIMEOUT]

    def test_services_are_those_of_bot_toml(self, project: Path) -> None:
        config = BotConfig(service={"redis": ServiceConfig(address="no-such-host.invalid:6379", tests=("tests/**",))})
        notes: list[str] = []
        ran = run_project(project, ("tests",), config, sandbox="process", environ=ENVIRON, note=notes.append)
        assert {each.kind for each in ran.outcomes} == {FailureKind.NOT_RUN}
        assert ran.doubts == ()
        assert notes[-1] == "redis does not answer at no-such-host.invalid:6379: tests that need it are not run."

    def test_a_target_says_how(self, tmp_path: Path) -> None:
        root = write(tmp_path, {"services/a/lib/app.py": CODE, "services/a/tests/test_add.py": TESTS})
        config = BotConfig(target={"a": TargetConfig(root="services/a", python=sys.executable, code=("lib",),
                                                     pythonpath=("lib",))})
        ran = run_project(root, ("services/a/tests",), config, sandbox="process", environ={})
        assert [each.kind for each in ran.outcomes] == [FailureKind.PASSED] * 2
        assert ran.run.observations[0].reached == ("services/a/lib/app.py::add",)
        assert ran.product == ("services/a/lib", "!services/a/tests")

    def test_the_innermost_target_is_taken(self) -> None:
        config = BotConfig(target={"all": TargetConfig(), "a": TargetConfig(root="services/a"),
                                   "ab": TargetConfig(root="services/ab")})
        def root_of(*paths: str) -> str | None:
            found = target_for(config, paths)
            return found.root if found else None

        assert root_of("services/a/tests") == "services/a"
        assert root_of("services/ab/tests/test_x.py") == "services/ab"
        assert root_of("services/a/tests", "services/ab/tests") == "."
        assert target_for(BotConfig(), ("tests",)) is None

    def test_no_sandbox_is_said_with_the_way_out(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.adapters.sandboxes.bubblewrap.FALLBACK", "/nonexistent/bwrap")
        monkeypatch.setenv("PATH", "/nonexistent")
        for environ, offered in (({}, True), ({"GITHUB_ACTIONS": "true"}, False)):
            with pytest.raises(SandboxProblem, match="bubblewrap") as problem:
                run_project(project, ("tests",), environ=environ)
            assert ("--sandbox process" in problem.value.remedy) == offered

    @pytest.mark.bubblewrap
    def test_in_the_sandbox(self, project: Path) -> None:
        write(project, {"tests/test_walls.py": "import os\ndef test_walls():\n"
                                               f"    assert not os.path.exists({str(project)!r})\n"})
        ran = run_project(project, ("tests",), sandbox="bubblewrap", environ=ENVIRON, watch=True)
        assert {each.kind for each in ran.outcomes} == {FailureKind.PASSED}
        assert (ran.sandbox, ran.warning) == ("bubblewrap", "")
