"""What a run takes from cycles elsewhere before it begins, and leaves for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.local_forge import LocalForge
from bot.app import App, Options
from bot.commands import run_cycle
from bot.domain.errors import BotError, ConfigProblem, RecordDamaged, UsageProblem
from bot.domain.past import LEDGER, Ledger
from bot.domain.publication import Publication
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, Settings
from bot.engine.keeping import Keeping, workflow_run
from bot.engine.ledger import ledger_bytes, read_ledger
from bot.engine.workflow import load_workflow
from bot.resources import resource_folder
from bot.steps import STEPS
from tests.e2e.test_clear_outcomes import entry
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import make_repository
from tests.unit import records
from tests.unit.test_ledger import entry as past

ACTIONS = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77"}
BRANCH = "whybot-state"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a log of two incidents."""
    monkeypatch.chdir(tmp_path)
    make_repository(tmp_path / "shop", {"app.py": b"1\n"})
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "retrieve.1.json").write_text("{}")
    lines = [entry(number, "ERROR", "payment failed: no such account") for number in range(5)]
    lines += [entry(30 + number, "ERROR", "the cache is not there") for number in range(3)]
    (tmp_path / "log.ndjson").write_text("\n".join(lines))
    (tmp_path / "bot.toml").write_text('[repository]\nname = "acme/shop"\npath = "shop"\n')
    return tmp_path


def run(folder: Path, state: str, environ: Mapping[str, str], publish_to: str | None = None) -> CycleRecord:
    """`bot cycle --until retrieve`, in this process."""
    options = Options(
        focus="errors", logs=f"file:{folder / 'log.ndjson'}", model=f"script:{folder / 'script'}",
        until="retrieve", state=folder / state, publish_to=Path(publish_to) if publish_to else None,
    )
    app = App.open(options)
    app.environ = environ
    assert run_cycle(app, options, json=False) == 0
    return app.runs.newest(None)


def forge_of(folder: Path, state: str) -> LocalForge:
    DirectoryStore(folder / state).prepare()
    return LocalForge(folder / state / "forge", GitWorkspace(folder / "shop"))


def test_what_the_ledger_says_is_in_work_is_not_chosen(folder: Path) -> None:
    first = run(folder, "one", {}, "one.json")
    assert first.incident is not None
    assert "no such account" in first.incident.root.message
    in_work = past(names=(first.incident.fingerprint,), forge="local")
    forge_of(folder, "two").put_state(LEDGER, ledger_bytes(Ledger(cycles=(in_work,))), None)
    second = run(folder, "two", {}, "two.json")
    assert second.incident is not None
    assert "the cache" in second.incident.root.message
    # On a laptop the folder is all there is.
    forge_of(folder, "three").put_state(LEDGER, ledger_bytes(Ledger(cycles=(in_work,))), None)
    assert run(folder, "three", {}).fingerprint == first.fingerprint


def test_without_a_ledger_that_can_be_read_no_cycle_starts(folder: Path) -> None:
    forge_of(folder, "state").put_state(LEDGER, b"{", None)
    with pytest.raises(RecordDamaged, match="it is not known what is in work") as raised:
        run(folder, "state", {}, "x.json")
    assert "delete it there" in raised.value.remedy
    assert DirectoryStore(folder / "state").cycles() == ()
    assert not (folder / "x.json").exists()


def test_in_actions_a_run_that_publishes_at_once_keeps_the_ledger_itself(folder: Path) -> None:
    forge = forge_of(folder, "state")
    store = DirectoryStore(folder / "state")
    made = store.create(records.record(records.step("retrieve"), forge="github"))
    kept = keeping(ACTIONS, store=store)
    kept.remember(made.ref.run, made.settings, lambda: forge)
    (found,) = read_ledger(forge, BRANCH).cycles
    assert (found.ref, found.status, found.workflow_run, found.issue) == (made.ref, CycleStatus.RUNNING, 77, None)
    kept.recall(made.settings, lambda: forge)
    assert kept.ledger.cycles == (found,)


def test_what_is_kept_for_later_leaves_the_ledger_to_the_job_that_publishes(folder: Path) -> None:
    made = run(folder, "state", ACTIONS, "x.json")
    assert forge_of(folder, "state").state(LEDGER) is None
    kept = Publication.model_validate_json((folder / "x.json").read_bytes())
    assert (kept.scope.run, kept.scope.fingerprint) == (made.ref.run, made.fingerprint)
    assert kept.past is not None
    assert (kept.past.workflow_run, kept.past.version) == (77, made.version)


def test_a_place_that_cannot_be_written_is_said_before_anything_is_asked(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(ConfigProblem, match="cannot be written"):
        run(folder, "state", {}, "file/x.json")


# The rules

WORKFLOW = load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)


def keeping(environ: Mapping[str, str], publish_to: Path | None = None, branch: str = BRANCH,
            store: DirectoryStore | None = None) -> Keeping:
    return Keeping(store or DirectoryStore(Path("nowhere")), InstantClock(), branch, environ, publish_to)


@pytest.mark.parametrize(("environ", "branch", "settings", "has"), [
    ({}, BRANCH, {"publish": "later"}, True),
    (ACTIONS, BRANCH, {"publish": "now", "forge": "github"}, True),
    (ACTIONS, BRANCH, {"publish": "now", "forge": "local"}, False),
    ({}, BRANCH, {"publish": "now", "forge": "github"}, False),
    ({}, BRANCH, {"publish": "now"}, False),
    (ACTIONS, BRANCH, {"publish": "never"}, False),
    (ACTIONS, BRANCH, {"publish": "later", "demo": True}, False),
    (ACTIONS, "", {"publish": "later"}, False),
])
def test_who_needs_to_know_of_others(
    environ: Mapping[str, str], branch: str, settings: dict[str, object], has: bool
) -> None:
    assert keeping(environ, branch=branch).has_ledger(records.settings(**settings)) is has


@pytest.mark.parametrize(("publish", "publish_to", "why"), [
    ("later", None, "keeps what it publishes for later"), ("now", Path("x"), "publishes at once"),
    ("never", Path("x"), "publishes nothing"), ("later", Path("x"), ""), ("now", None, ""), ("never", None, ""),
])
def test_a_run_goes_on_as_it_was_begun(publish: str, publish_to: Path | None, why: str) -> None:
    settings: Settings = records.settings(publish=publish)
    if not why:
        keeping({}, publish_to).check(settings)
    else:
        with pytest.raises(UsageProblem, match=why):
            keeping({}, publish_to).check(settings)


@pytest.mark.parametrize(("environ", "number"), [
    (ACTIONS, 77), ({**ACTIONS, "GITHUB_RUN_ID": "7x"}, None), ({**ACTIONS, "GITHUB_RUN_ID": "٣"}, None),
    ({**ACTIONS, "GITHUB_RUN_ID": "9" * 40}, None), ({"GITHUB_RUN_ID": "77"}, None), ({"GITHUB_ACTIONS": "true"}, None),
])
def test_the_run_of_actions(environ: Mapping[str, str], number: int | None) -> None:
    assert workflow_run(environ) == number


def test_all_cycles_of_a_run_are_in_its_publication(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "state")
    first = records.record(records.step("retrieve", result=records.retrieved(records.incident())), publish="later")
    for number in (1, 2, 3):
        ref = first.ref.model_copy(update={"number": number})
        store.create(first.model_copy(update={"ref": ref, "status": CycleStatus.ENDED, "end": CycleEnd.NO_CAUSE}))
    other = first.ref.model_copy(update={"run": "20251107T091500Z-0a1b2c"})
    store.create(first.model_copy(update={"ref": other}))
    keeping({}, tmp_path / "x.json", store=store).keep(first.ref.run, None, WORKFLOW)
    made = Publication.model_validate_json((tmp_path / "x.json").read_bytes())
    assert [part.scope.cycle for part in made.parts] == [1, 2, 3]
    assert made.scope.run == first.ref.run


def test_what_cannot_be_remembered_hides_no_failure(tmp_path: Path) -> None:
    def no_forge() -> LocalForge:
        raise ConfigProblem("No token.", "Set one.")

    settings = records.settings(forge="github")
    store = DirectoryStore(tmp_path / "state")
    keeping(ACTIONS, store=store).remember_anyway("x", settings, no_forge)
    with pytest.raises(BotError, match="No token"):
        keeping(ACTIONS, store=store).remember("x", settings, no_forge)
