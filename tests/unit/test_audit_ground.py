"""Where the tests of an audit are run, and how what a run showed is told from the current folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.config import BotConfig, TargetConfig
from bot.domain.evidence import Suspect
from bot.domain.logs import Frame
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, TestPlan
from bot.domain.suite import FailureKind, FileLines, Observation, Outcome, RaisedException, SeenMock
from bot.standalone.observed import ground_of
from bot.standalone.plan_file import plan_from, plan_from_here
from bot.standalone.project import find_project
from bot.standalone.rebasing import observation_from_here, outcome_from_here, paths_of, place_in


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project `root` beside the current folder `else`."""
    for name, text in (
        ("root/tests/test_a.py", "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n"), ("root/pyproject.toml", ""),
        ("root/tests/test_c.py", "def test_c():\n    pass\n"), ("root/app/__init__.py", ""), ("root/app/core.py", ""),
        ("code/lib/pkg/__init__.py", ""), ("code/lib/pkg/mod.py", ""), ("else/x.txt", ""),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path / "else")
    return tmp_path / "root"


def test_tests_are_run_from_the_root_of_their_project(root: Path) -> None:
    ground = ground_of(find_project(["../root/tests"]), BotConfig(), None, ())
    assert (ground.root, ground.paths, ground.implementation) == (root, ("tests/test_a.py", "tests/test_c.py"), ())
    assert ground.config.target == {}


def test_of_a_narrowed_file_only_the_tests_that_were_named_are_run(root: Path) -> None:
    project = find_project(["../root/tests/test_a.py::test_b", "../root/tests/test_c.py"])
    assert ground_of(project, BotConfig(), None, ()).paths == ("tests/test_a.py::test_b", "tests/test_c.py")


def test_code_that_lies_apart_is_copied_and_imported_from_where_its_packages_lie(root: Path) -> None:
    given = ["../code/lib/pkg/mod.py", "../root/app"]
    ground = ground_of(find_project(["../root/tests"], given), BotConfig(), None, given)
    assert ground.root == root.parent
    assert ground.paths == ("root/tests/test_a.py", "root/tests/test_c.py")
    assert ground.implementation == ("code/lib/pkg/mod.py", "root/app")
    assert ground.config.target["audit"].pythonpath == (".", "code/lib", "root")


def test_the_targets_of_bot_toml_stay(root: Path) -> None:
    config = BotConfig(target={"app": TargetConfig(python="python3.12")})
    project = find_project(["../root/tests"], ["../root/app"])
    assert ground_of(project, config, root, ["../root/app"]).config == config
    assert ground_of(project, config, root / "app", ["../root/app"]).config.target["audit"].python == "python3"


def test_what_a_run_showed_is_told_from_the_current_folder(root: Path) -> None:
    frames = (
        Frame(path="tests/test_a.py", line=2, function="test_a"), Frame(path="app/core.py", line=1, function="f"),
        Frame(path="lib/json.py", line=1, function="g", in_app=False),
    )
    seen = Observation(
        test="tests/test_a.py::test_a[a/b.py]", path="tests/test_a.py", status="failed", phase="call",
        exceptions=(RaisedException(type="ValueError", message="app/core.py", frames=frames),),
        reached=("app/core.py::f",), lines=(FileLines(path="app/core.py", lines=(1,)),),
        mocks=(SeenMock(path="tests/test_a.py", line=2, target="app.core.f"),),
    )
    place = place_in(root)
    told = observation_from_here(seen, place)
    assert (told.test, told.path) == ("../root/tests/test_a.py::test_a[a/b.py]", "../root/tests/test_a.py")
    assert [frame.path for frame in told.exceptions[0].frames] == [
        "../root/tests/test_a.py", "../root/app/core.py", "lib/json.py"
    ]
    assert told.exceptions[0].message == "app/core.py"
    assert told.reached == ("../root/app/core.py::f",)
    assert (told.lines[0].path, told.mocks[0].path) == ("../root/app/core.py", "../root/tests/test_a.py")
    outcome = Outcome(
        test=seen.test, kind=FailureKind.HARNESS, frame=frames[0],
        reason="It failed at tests/test_a.py:2, entered `app/core.py::f`, not/app/core.py or lib/json.py.",
    )
    heard = outcome_from_here(outcome, place, paths_of(seen))
    assert heard.reason == ("It failed at ../root/tests/test_a.py:2, entered `../root/app/core.py::f`, "
                            "not/app/core.py or lib/json.py.")
    assert heard.frame is not None
    assert heard.frame.path == "../root/tests/test_a.py"


def test_a_plan_goes_with_the_folder(root: Path) -> None:
    plan = TestPlan(summary="p", tests=(PlannedTest(
        name="test_all", path="tests/test_a.py", level=Level.UNIT, difficulty=Difficulty.NORMAL, purpose="p",
        expectation=Expectation(failure="assertion", message="x", reaches=Suspect(path="app/core.py", function="f")),
    ),))
    assert plan_from(plan, root, root) == plan
    above = plan_from(plan, root, root.parent).tests[0]
    assert (above.path, above.expectation.reaches.path) == ("root/tests/test_a.py", "root/app/core.py")
    assert plan_from_here(plan, root).tests[0].path == "../root/tests/test_a.py"
