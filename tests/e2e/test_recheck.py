"""`bot recheck` on the record of the demo: it holds, and every change of one thing in it is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.audit_report_command import ReportOptions, audit_report
from bot.cli import main
from bot.domain.workflow import Workflow
from bot.engine.workflow import load_workflow
from bot.recheck import CHECKS, recheck, recheck_content
from bot.recheck.folder import Content, read_folder
from bot.recheck.material import read_material
from bot.recheck.statement import Found, Recheck
from bot.resources import resource_folder
from bot.steps import STEPS
from tests.e2e.command import bot, environment
from tests.e2e.mutations import Forged, Mutation, mutations, older
from tests.once import once
from tests.unit.test_recheck_folder import as_nobody

pytestmark = pytest.mark.slow
MUTATIONS = tuple(mutations())
BLIND = frozenset({"output of a run"})
"""Changes that a forger who seals the record anew gets away with: nothing that is kept contradicts them."""


@pytest.fixture(scope="module")
def cycle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record folder of a demo cycle, alone: no state, no repository, no configuration around it."""
    return once(tmp_path_factory, "recheck", demo_cycle) / "copied"


def demo_cycle(folder: Path) -> None:
    place = folder / "place"
    place.mkdir()
    (place / "bot.toml").write_text("[proof]\nreruns = 2\nmutants = 3\n")
    said = bot("cycle", "--focus", "message-routing", "--demo", cwd=place)
    assert said.code == 0, said.everything
    (made,) = place.glob(".bot/*/*/cycle-01")
    made.rename(folder / "copied")
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def workflow() -> Workflow:
    return load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)


@pytest.fixture(scope="module")
def content(cycle: Path) -> Content:
    return read_folder(cycle)


def failures(found: Recheck) -> list[str]:
    return [f"{one.check}: {one.what}: {one.why}" for one in found.of(Found.FAILS)]


def test_the_record_of_the_demo_holds(cycle: Path, workflow: Workflow) -> None:
    found = recheck(cycle, workflow)
    assert failures(found) == []
    silent = {name for name in CHECKS if not any(one.check == name for one in found.statements)}
    assert silent <= {"investigations", "notices"}, "a check that says nothing checks nothing"
    quotes = found.of(Found.HOLDS, "citations")
    assert len(quotes) >= 8
    assert not found.of(Found.NOTE, "citations")
    assert not found.of(Found.NOTE, "whys")
    assert not found.of(Found.NOTE, "proof again"), "the course of the proof was not gone through again"


def test_a_record_of_the_schema_before_can_be_checked(content: Content, workflow: Workflow) -> None:
    found = recheck_content(older(Forged(content.files)), workflow)
    assert failures(found) == []
    assert found.of(Found.HOLDS, "proof")
    assert {one.what for one in found.of(Found.NOTE, "documents")} >= {"status.md", "proof.md"}


def test_the_documents_of_the_proof_say_what_it_rests_on(cycle: Path) -> None:
    text = (cycle / "proof.md").read_text()
    assert "red without the fix in 2 of 2 runs" in text.lower()
    assert "is **not needed**" in text
    assert "Those that nothing noticed:" in text
    assert "| 2 | seed 2" in text
    assert text.count("```") % 2 == 0
    runs = json.loads((cycle / "record.json").read_text())["record"]["steps"][10]["result"]["proof"]["runs"]
    assert all(f"| {one['result']['label']} | `" in text for one in runs)


def test_the_report_of_the_runs_is_borne_out_by_their_results(cycle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `bot audit-report` judges any team's report; and one number changed in it is contradicted."""
    results = (cycle / "junit" / "base-1.xml",)
    assert audit_report(ReportOptions((cycle / "execution.md",), results)) == 0
    assert " 0 contradicted, " in capsys.readouterr().out
    with TemporaryDirectory() as folder:
        lie = Path(folder) / "execution.md"
        text = (cycle / "execution.md").read_text()
        lie.write_text(text.replace("| unit | 2 | 0 | 2 |", "| unit | 2 | 2 | 0 |"))
        assert audit_report(ReportOptions((lie,), results)) == 1
        assert "| unit | 2 | 0 | 2 |" in text


def test_a_cycle_is_killed_in_the_middle_of_the_proof_and_its_record_holds(cycle: Path, workflow: Workflow) -> None:
    """As a resumed step has it: it began anew, and its runs are older."""
    forged = Forged(read_folder(cycle).files)
    forged.step("prove")["started_at"] = forged.step("prove")["ended_at"]
    forged.record["version"] += 1
    found = recheck_content(forged.content(seal=True), workflow)
    assert found.of(Found.FAILS, "durations") == ()
    assert [one.what for one in found.of(Found.NOTE, "durations")] == ["step 11 took as long as its runs"]


def test_the_command_says_so_and_changes_nothing(cycle: Path, tmp_path: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in cycle.rglob("*")}

    before = state()
    said = bot("recheck", str(cycle), cwd=tmp_path, env=environment(HOME=str(tmp_path)))
    assert (said.code, said.err) == (0, "")
    assert " 0 do not." in said.out
    assert "Does not hold" not in said.out
    document = bot("recheck", str(cycle), "--json", cwd=tmp_path).json()
    assert document["schema"] == "whybot/recheck/1"
    assert document["holds"] is True
    assert state() == before
    assert list(tmp_path.iterdir()) == []


def test_the_command_names_what_does_not_hold(cycle: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    shutil.copytree(cycle, forged)
    status = (forged / "status.md").read_text()
    (forged / "status.md").write_text(status.replace("84 log entries", "8 log entries"))
    said = bot("recheck", str(forged), cwd=tmp_path)
    assert said.code == 1
    assert "documents: status.md, line" in said.out
    assert "8 log entries" in said.out
    document = bot("recheck", str(forged), "--json", cwd=tmp_path)
    assert document.code == 1
    (failure,) = [one for one in json.loads(document.out)["statements"] if one["found"] == "fails"]
    assert failure["check"] == "documents"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"record": 1}', '{"record": {"schema_version": 99}}', "[" * 50_000])
def test_what_is_no_record_ends_in_7(text: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(text)
    said = bot("recheck", str(tmp_path), cwd=tmp_path)
    assert (said.code, said.out) == (7, "")
    assert len(said.err.splitlines()) == 2, said.err


@pytest.mark.parametrize("folder", ["/", "/proc", "/dev", "nowhere", ""], ids=["root", "proc", "dev", "none", "empty"])
def test_any_other_folder_ends_in_7(folder: str, tmp_path: Path) -> None:
    said = bot("recheck", folder, "--json", cwd=tmp_path, timeout=60)
    assert said.code == 7
    assert len(said.err.splitlines()) == 2, said.err
    assert said.json()["family"] == "record"


def test_a_folder_that_may_not_be_read_is_no_misuse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "cycle-01"
        folder.mkdir()
        Path(name).chmod(0o755)
        folder.chmod(0)
        monkeypatch.setattr("sys.argv", ["bot", "recheck", str(folder), "--json"])
        with as_nobody():
            try:
                list(resource_folder("workflows").iterdir())
            except PermissionError:
                pytest.skip("the code cannot be read without root's rights")
            with pytest.raises(SystemExit) as ended:
                main()
        folder.chmod(0o700)
    said = capsys.readouterr()
    assert ended.value.code == 7
    assert json.loads(said.out)["remedy"].startswith("Mend its permissions")


def test_mutations_are_many_and_differ() -> None:
    assert len(MUTATIONS) >= 40
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS)
    assert {one.name for one in MUTATIONS if not one.sealed} == BLIND


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name.replace(" ", "-"))
def test_a_change_is_named(mutation: Mutation, content: Content, workflow: Workflow) -> None:
    forged = Forged(content.files)
    mutation.change(forged)
    changed = forged.content(seal=False)
    if mutation.plain.startswith("part "):
        # Named by its checksum alone, which need not be sought among all that contradicts the change.
        said = tuple(CHECKS["checksums"](read_material(changed, workflow)))
        found = failures(Recheck(cycle="", statements=said))
    else:
        found = failures(recheck_content(changed, workflow))
    assert any(one.startswith(mutation.plain) for one in _places(mutation.plain, found)), found


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name.replace(" ", "-"))
def test_a_change_under_a_new_seal_is_named_where_something_contradicts_it(
    mutation: Mutation, content: Content, workflow: Workflow
) -> None:
    forged = Forged(content.files)
    mutation.change(forged)
    found = recheck_content(forged.content(seal=True), workflow)
    assert found.of(Found.FAILS, "checksums") == (), "the seal is not the forger's"
    assert found.of(Found.FAILS, "files") == () or mutation.plain == mutation.sealed
    if not mutation.sealed:
        assert failures(found) == [], "it is noticed now: say so in BLIND and in the package's docstring"
    else:
        assert any(one.startswith(mutation.sealed) for one in failures(found)), failures(found)


def _places(plain: str, found: list[str]) -> list[str]:
    """The failures, without the name of their check where `plain` names a part alone."""
    return found if ": " in plain else [one.partition(": ")[2] for one in found]
