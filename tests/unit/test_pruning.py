"""`bot prune`: what goes and what stays, and that later cycles know the same, whenever it is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import atomic, directory_store, state_holdings
from bot.adapters.directory_store import DirectoryStore
from bot.domain.asking import Charge, Usage
from bot.domain.config import NotifyConfig
from bot.domain.effects import KEPT, Artifact, BranchPush, Receipt, RecordedEffect
from bot.domain.errors import ConfigProblem, RecordDamaged, UsageProblem
from bot.domain.pruning import Holding, Item, Wish
from bot.domain.record import CycleEnd, CycleRef, CycleStatus, FixedMark, Retry
from bot.domain.workflow import Workflow
from bot.engine.ledger import remembered
from bot.engine.noticing import notices
from bot.engine.pruning import PAGES_LAST_S, Pruner, RunFacts, chosen
from bot.engine.runs import Runs
from bot.engine.workflow import load_workflow
from bot.prune_command import age_of, size_in_words, size_of
from bot.resources import resource_folder
from bot.steps import STEPS
from tests.fakes.instant_clock import InstantClock
from tests.unit import records

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = Wish(older_than=timedelta(days=30))
ALL = Wish(older_than=timedelta(0))
OTHER = "v1-fedcba9876543210"


# The choice, pure

def facts(number: int, size: int, age: int, focus: str, kept: bool) -> RunFacts:
    run = f"20260101T00000{number % 10}Z-{number:06x}"
    holding = Holding(kind="run", path=f"{focus}/{run}", size=size, used_at=NOW,
                      cycles=(CycleRef(focus=focus, run=run, number=1),))
    return RunFacts(holding, focus, NOW - timedelta(days=age), "it has not ended" if kept else "")


runs = st.lists(
    st.tuples(st.integers(0, 50), st.integers(-1, 60), st.sampled_from(["errors", "startup"]), st.booleans()),
    max_size=12,
).map(lambda found: [facts(number, *one) for number, one in enumerate(found)])
wishes = st.builds(
    Wish, older_than=st.none() | st.integers(0, 60).map(lambda days: timedelta(days=days)),
    keep=st.none() | st.integers(0, 300), focus=st.none() | st.sampled_from(["errors", "startup"]),
    snapshots=st.booleans(),
)


def going(items: tuple[Item, ...]) -> set[str]:
    return {item.holding.path for item in items if item.goes}


@given(runs, wishes)
def test_every_run_is_named_and_only_what_is_wished_goes(found: list[RunFacts], wish: Wish) -> None:
    items = chosen(found, wish, NOW)
    assert {item.holding.path for item in items} == {run.holding.path for run in found}
    assert all(item.why for item in items)
    assert [item.holding.used_at for item in items] == sorted((run.ended_at for run in found), reverse=True)
    gone = going(items)
    for run in found:
        path, age = run.holding.path, NOW - run.ended_at
        if run.kept_because or wish.focus not in {None, run.focus}:
            assert path not in gone
        elif wish.older_than is not None and age > wish.older_than:
            assert path in gone
        elif wish.keep is None:
            assert (path in gone) == (wish.older_than is None and wish.snapshots)


@given(runs, wishes.filter(lambda wish: wish.keep is not None))
def test_the_newest_are_kept_until_their_sum(found: list[RunFacts], wish: Wish) -> None:
    gone, keep = going(chosen(found, wish, NOW)), wish.keep or 0
    meant = [run for run in found if wish.focus in {None, run.focus}]
    stuck = sum(run.holding.size for run in meant if run.kept_because)
    stays = [run for run in meant if run.holding.path not in gone]
    assert sum(run.holding.size for run in stays) <= max(keep, stuck)
    # By size, nothing goes that is newer than what stays, and nothing that fits.
    young = [run for run in meant if not run.kept_because
             and (wish.older_than is None or NOW - run.ended_at <= wish.older_than)]
    young.sort(key=lambda run: (run.ended_at, run.holding.path), reverse=True)
    fates = [run.holding.path in gone for run in young]
    assert fates == sorted(fates)
    if True in fates:
        first = fates.index(True)
        assert stuck + sum(run.holding.size for run in young[: first + 1]) > keep


@given(runs, wishes, st.integers(0, 300), st.integers(0, 60))
def test_who_wants_to_keep_more_loses_no_more(found: list[RunFacts], wish: Wish, more: int, days: int) -> None:
    wider = wish.model_copy(update={
        "keep": None if wish.keep is None else wish.keep + more,
        "older_than": None if wish.older_than is None else wish.older_than + timedelta(days=days)})
    if wish.keep is None or days == 0:
        assert going(chosen(found, wider, NOW)) <= going(chosen(found, wish, NOW))


# On a state

@pytest.fixture
def workflow() -> Workflow:
    return load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)


class Scene:
    def __init__(self, folder: Path, workflow: Workflow) -> None:
        self.state = folder / "state"
        self.store = DirectoryStore(self.state)
        self.clock = InstantClock(NOW)
        self.workflow = workflow

    def add(self, number: int, age: int = 40, cycles: int = 1, **changes: Any) -> list[CycleRef]:
        """A run that ended so many days ago, on an incident that has an issue, unless the changes say otherwise."""
        found = []
        for cycle in range(1, cycles + 1):
            began = NOW - timedelta(days=age)
            run = f"{began:%Y%m%dT%H%M%SZ}-{number:06x}"
            ref = CycleRef(focus=changes.get("focus", "startup"), run=run, number=cycle)
            name = changes.get("fingerprint", records.FINGERPRINT)
            effects = changes.get("effects", (records.issue_effect(Receipt(did="created", number=number)),))
            steps = (
                records.step("retrieve", result=records.retrieved(records.incident(fingerprint=name), "ab" * 20)),
                records.step("file_issue", effects=effects),
            )
            steps = tuple(step.model_copy(update={"started_at": began, "ended_at": began}) for step in steps)
            made = records.record(*steps, **changes.get("settings", {})).model_copy(update={
                "ref": ref, "created_at": began, "status": CycleStatus.ENDED, "end": CycleEnd.FIX_PROPOSED,
                **changes.get("record", {})})
            self.store.create(made)
            self.store.put_artifact(ref, "logs.ndjson", b"x" * 1_000)
            found.append(ref)
        return found

    def pay(self, ref: CycleRef, usd: str, at: datetime) -> None:
        usage = Usage(input_tokens=1, output_tokens=1, cost_usd=Decimal(usd))
        self.store.put_lost(ref, Charge(digest="ab" * 32, lost="1", usage=usage, paid_at=at))

    def prune(self, wish: Wish = ALL) -> dict[str, Item]:
        with DirectoryStore(self.state).lock("bot prune", 0):
            return {item.holding.path: item for item in Pruner(DirectoryStore(self.state), self.clock).prune(wish)}

    def plan(self, wish: Wish = ALL) -> dict[str, Item]:
        return {item.holding.path: item for item in Pruner(self.store, self.clock).plan(wish)}

    def known(self) -> tuple[object, ...]:
        """What a later cycle knows."""
        store = DirectoryStore(self.state)
        runs = Runs(store, self.clock, self.workflow)
        asks = records.settings()
        new = runs.begin(asks)
        told = runs.findings(asks)(new, (records.FINGERPRINT, OTHER))
        seen = runs.history(asks)(new)
        (self.state / new.focus / new.run / "cycle-01" / "record.json").unlink()
        (self.state / new.focus / new.run / "cycle-01").rmdir()
        (self.state / new.focus / new.run).rmdir()
        return dict(seen), told, runs.spent_today_usd()

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.state.rglob("*") if path.is_file() and path.name != "lock")
        return {str(path.relative_to(self.state)): path.read_bytes() for path in found}


@pytest.fixture
def scene(tmp_path: Path, workflow: Workflow) -> Scene:
    return Scene(tmp_path, workflow)


FATES: Mapping[str, dict[str, Any]] = {
    "known": {"record": {"end": CycleEnd.NOT_REPRODUCED}},
    "in work": {"effects": (records.issue_effect(Receipt(did="created", number=7)), RecordedEffect(
        effect=BranchPush(
            key=records.record().key("branch", records.issue_effect().effect.key),  # type: ignore[arg-type]
            branch="whybot/x", base="a" * 40, head="f" * 40, paths=("shop/app.py",)),
        receipt=Receipt(did="created")))},
    "fixed": {"record": {"fixed": FixedMark(at=NOW - timedelta(days=5), how="gone from staging")}},
    "of another forge": {"settings": {"forge": "github"}},
    "looked at": {"effects": ()},
}


@pytest.mark.parametrize("name", FATES)
def test_an_incident_of_a_run_that_went_stands_as_before(scene: Scene, name: str) -> None:
    (ref,) = scene.add(7, **FATES[name])
    scene.pay(ref, "1.25", NOW - timedelta(hours=3))
    scene.pay(scene.add(8, age=3, fingerprint=OTHER)[0], "2.50", NOW - timedelta(hours=13))
    before = scene.known()
    assert before[2] == Decimal("1.25")
    plan = scene.plan(OLD)
    items = scene.prune(OLD)
    assert plan == items
    assert [item.goes for item in items.values()] == [False, True]
    assert ref not in scene.store.cycles()
    assert not (scene.state / "startup" / ref.run).exists()
    assert scene.known() == before
    (entry,) = remembered(scene.store).cycles
    assert (entry.ref, entry.repository) == (ref, "acme/shop")
    # A run that is begun in the same second gets another name.
    assert scene.plan(OLD).keys() == {f"startup/{one.run}" for one in scene.store.cycles()}


def test_where_all_went_the_state_is_as_good_as_new_and_remembers(scene: Scene) -> None:
    scene.add(1, cycles=3, settings={"cycles": 3})
    scene.add(2, focus="errors")
    before = scene.known()
    scene.prune()
    assert sorted(path.name for path in scene.state.iterdir()) == [".gitignore", "ledger.json", "lock"]
    assert scene.known() == before
    assert len(remembered(scene.store).cycles) == 4
    # What is remembered is added to.
    scene.add(3, age=2)
    before = scene.known()
    scene.prune()
    assert len(remembered(scene.store).cycles) == 5
    assert scene.known() == before


UNFINISHED: Mapping[str, dict[str, Any]] = {
    "running": {"record": {"status": CycleStatus.RUNNING, "end": None}},
    "paused": {"record": {"status": CycleStatus.PAUSED, "end": None}},
    "with a cycle to come": {"settings": {"cycles": 2}},
    "with an issue whose number is not known": {
        "effects": (records.issue_effect(KEPT),), "settings": {"publish": "later"}},
}


@pytest.mark.parametrize("name", UNFINISHED)
def test_what_is_unfinished_or_could_not_be_remembered_stays(scene: Scene, name: str) -> None:
    scene.add(7, **UNFINISHED[name])
    before = scene.files()
    for wish in (ALL, Wish(keep=0)):
        (item,) = scene.prune(wish).values()
        assert not item.goes
        assert item.why
    assert scene.files() == before


@pytest.mark.parametrize(("age", "did", "goes"), [
    (2, "not delivered", False), (2, "created", True), (8, "not delivered", True)])
def test_a_run_waits_a_week_for_those_who_were_not_told(scene: Scene, age: int, did: str, goes: bool) -> None:
    somebody = {"team": NotifyConfig(events=("cycle-ended",))}
    (made,) = notices(records.record(records.step("retrieve")), ("cycle-ended",), somebody, scene.workflow)
    told = RecordedEffect(effect=made, receipt=Receipt.model_validate({"did": did, "note": "503"}))
    scene.add(7, age=age, effects=(records.issue_effect(Receipt(did="created", number=7)), told))
    (item,) = scene.prune().values()
    assert item.goes is goes
    assert goes or "not told" in item.why


def test_a_damaged_record_and_its_run_stay(scene: Scene) -> None:
    first, _second = scene.add(7, cycles=2)
    (Path(scene.store.folder(first)) / "record.json").write_text("{")
    (item,) = scene.prune().values()
    assert (item.goes, item.why) == (False, "a record in it is damaged")
    assert len(scene.store.cycles()) == 2


def test_without_a_wish_no_record_goes(scene: Scene) -> None:
    scene.add(7, age=4_000)
    (item,) = scene.prune(Wish()).values()
    assert not item.goes


def test_a_ledger_that_cannot_be_believed_stops_it(scene: Scene) -> None:
    scene.add(7)
    scene.state.joinpath("ledger.json").write_text("{")
    with pytest.raises(RecordDamaged):
        scene.prune()
    with pytest.raises(RecordDamaged):
        scene.known()
    assert len(scene.store.cycles()) == 1


# Log entries alone

def test_log_entries_go_and_the_record_stays(scene: Scene) -> None:
    (old,), (young,), (paused,) = scene.add(1), scene.add(2, age=1), scene.add(
        3, record={"status": CycleStatus.PAUSED, "end": None})
    # A cycle that was gone over again from its first step keeps what that had read, too.
    record = scene.store.load(young)
    copy = Artifact(name="before-retry-1/record.json", sha256="0" * 64, size=1)
    aside = Retry(at=NOW, step="retrieve", kept=0, record=copy, attempts={"retrieve": 1})
    scene.store.save(record.model_copy(update={"retries": (aside,)}), record.version)
    scene.store.put_artifact(young, "before-retry-1/logs.ndjson", b"x" * 500)
    before = scene.known()
    items = scene.prune(OLD.model_copy(update={"snapshots": True}))
    assert [(item.holding.kind, item.holding.size) for item in items.values()] == [
        ("snapshots", 1_500), *[("snapshots", 1_000)] * 2]
    left = [scene.store.artifact_size(ref, "logs.ndjson") for ref in (old, young, paused)]
    assert left == [0, 1_000, 1_000]
    assert scene.store.load(old).status is CycleStatus.ENDED
    assert scene.known() == before
    assert not (scene.state / "ledger.json").exists()
    assert {item.holding.path for item in scene.prune(Wish(snapshots=True)).values() if item.goes} == {
        f"startup/{young.run}"}
    assert not list((scene.state / "startup" / young.run).rglob("logs.ndjson"))


# Killed

class Killed(BaseException):
    pass


def operations(monkeypatch: pytest.MonkeyPatch, fatal: int) -> Iterator[int]:
    """Let the process die at one of the writes, renames and removals; yields how many there were."""
    count = 0

    def step(real: Any) -> Any:
        def done(*given: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == fatal:
                raise Killed
            return real(*given, **named)
        return done

    with monkeypatch.context() as patched:
        for place, name in ((os, "unlink"), (os, "rmdir"), (os, "rename"), (Path, "rename"), (Path, "replace"),
                            (Path, "unlink"), (Path, "mkdir"), (Path, "rmdir")):
            patched.setattr(place, name, step(getattr(place, name)))
        for module in (directory_store, atomic):
            patched.setattr(module, "write_atomically", step(module.write_atomically))
        yield count
        yield count


def test_killed_at_any_step_later_cycles_know_the_same(
    tmp_path: Path, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a power failure may lose is other tests' matter.
    monkeypatch.setattr(os, "fsync", lambda file: None)
    first = Scene(tmp_path / "first", workflow)
    (paid,) = first.add(1, **FATES["fixed"])
    first.pay(paid, "1.25", NOW)
    first.add(2, age=50, fingerprint=OTHER, cycles=2)
    _run(first.state / "environments" / "root-0123456789ab-01234567")
    before = first.known()
    fatal, survived = 0, False
    while not survived:
        fatal += 1
        scene = Scene(tmp_path / str(fatal), workflow)
        shutil.copytree(first.state, scene.state)
        steps = operations(monkeypatch, fatal)
        next(steps)
        try:
            scene.prune()
            survived = True
        except Killed:
            pass
        next(steps)
        steps.close()  # type: ignore[attr-defined]
        assert scene.known() == before, f"killed at operation {fatal}"
        for ref in scene.store.cycles():
            scene.store.load(ref)
            assert scene.store.artifact_size(ref, "logs.ndjson") == 1_000, "whole or gone"
        scene.prune()
        assert scene.known() == before
        assert scene.store.cycles() == ()
        assert not (scene.state / ".trash").exists()
        assert not list((scene.state / "environments").iterdir())
    assert fatal > 15


# What is no record

def _run(folder: Path, age: timedelta = timedelta(days=100)) -> Path:
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"x" * 10)
    stamp = (NOW - age).timestamp()
    for path in (folder / "file", folder):
        os.utime(path, (stamp, stamp))
    return folder


def test_what_nobody_needs_goes_without_being_asked_for(scene: Scene) -> None:
    scene.add(1, record={"status": CycleStatus.PAUSED, "end": None})
    needed = _run(scene.state / "environments" / f"root-{'ab' * 6}-01234567")
    unused = _run(scene.state / "environments" / "root-0123456789ab-01234567")
    scratch = _run(scene.state / "scratch" / "run-1")
    (scratch / "closed").mkdir()
    (scratch / "closed" / "x").write_text("x")
    (scratch / "closed").chmod(0)
    left = _run(scene.state / ".trash" / "x" / "y")
    pages = [_run(scene.state / "spool" / name, timedelta(seconds=age)) for name, age in
             (("a" * 32, PAGES_LAST_S + 60), ("b" * 32, PAGES_LAST_S - 60))]
    kept = [_run(scene.state / name / "x") for name in ("forge", "demo", "report", "prove")]
    assert not any(item.goes for item in scene.prune(Wish(focus="startup")).values())
    items = scene.prune(Wish())
    assert {item.holding.path: item.goes for item in items.values() if item.holding.kind != "run"} == {
        needed.relative_to(scene.state).as_posix(): False, "environments/root-0123456789ab-01234567": True,
        "scratch": True, ".trash": True, "spool/" + "a" * 32: True, "spool/" + "b" * 32: False, "prove/x": False}
    there = [path.exists() for path in (needed, unused, scratch, left, *pages)]
    assert there == [True, False, False, False, False, True]
    assert all(path.exists() for path in kept)
    assert scene.prune(OLD)["prove/x"].goes
    assert not (scene.state / "prove" / "x").exists()


def test_what_another_process_holds_stays(scene: Scene, tmp_path: Path) -> None:
    scene.store.prepare()
    environment = _run(scene.state / "environments" / "root-0123456789ab-01234567")
    pages = _run(scene.state / "spool" / ("a" * 32))
    holding = "\n".join((
        "import sys", "from pathlib import Path", "from bot.adapters.gcp_spool_folder import hold",
        "from bot.standalone.proof_folder import open_folder", "state = Path(sys.argv[1])", "held = hold(state)",
        "with open_folder(state, ('x',), again=False):", "    print('held', flush=True)", "    sys.stdin.read()"))
    with subprocess.Popen([sys.executable, "-c", holding, str(scene.state)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert "held" in other.stdout.readline()
        items = scene.prune()
        assert not any(item.goes for item in items.values())
        assert environment.exists()
        assert pages.exists()
        assert {item.why for item in items.values()} == {
            "another process works with it", "another process needs it by now, or has removed it"}
        other.communicate()
    for path in (scene.state / "prove").rglob("*"):
        os.utime(path, (0, 0))
    assert all(item.goes for item in scene.prune(Wish(older_than=timedelta(0))).values())
    assert not list((scene.state / "prove").iterdir())


def test_what_leads_outside_is_neither_measured_nor_touched(scene: Scene, tmp_path: Path) -> None:
    outside = _run(tmp_path / "outside" / "files")
    (ref,) = scene.add(1)
    (other,) = scene.add(2, focus="errors")
    (third,) = scene.add(3, focus="slow")
    # A focus and a run that are elsewhere, and other folders; links within a run go with it.
    (scene.state / "startup").rename(tmp_path / "outside" / "startup")
    (scene.state / "startup").symlink_to(tmp_path / "outside" / "startup")
    run = scene.state / "errors" / other.run
    run.rename(tmp_path / "outside" / "run")
    run.symlink_to(tmp_path / "outside" / "run")
    for name in ("environments", "scratch", "spool"):
        (scene.state / name).symlink_to(tmp_path / "outside")
    cycle = scene.state / "slow" / third.run / "cycle-01"
    (cycle / "reports").symlink_to(outside)
    (cycle / "file").symlink_to(outside / "file")
    before = {path: path.read_bytes() for path in (tmp_path / "outside").rglob("*") if path.is_file()}
    items = scene.prune()
    assert {item.holding.path for item in items.values() if item.goes} == {f"slow/{third.run}"}
    assert {item.why for item in items.values() if not item.goes} == {"it leads outside of the state"}
    assert {path: path.read_bytes() for path in (tmp_path / "outside").rglob("*") if path.is_file()} == before
    assert {one.ref for one in remembered(scene.store).cycles} == {third}
    assert {ref, other} <= set(scene.store.cycles())


def test_a_trash_that_leads_outside_is_not_used(scene: Scene, tmp_path: Path) -> None:
    outside = _run(tmp_path / "outside")
    scene.add(1)
    (scene.state / ".trash").symlink_to(outside)
    with pytest.raises(ConfigProblem, match="outside"):
        scene.prune()
    assert (outside / "file").exists()
    assert len(scene.store.cycles()) == 1


def test_another_file_system_is_left_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.add(1)
    scene.store.prepare()
    real = Path.lstat

    def elsewhere(path: Path) -> os.stat_result:
        found = real(path)
        return os.stat_result((*found[:2], found.st_dev + 1, *found[3:])) if path.name == "logs.ndjson" else found

    monkeypatch.setattr(Path, "lstat", elsewhere)
    (item,) = scene.plan().values()
    assert (item.goes, item.why) == (False, "it is on another file system")


def test_what_cannot_be_removed_is_said_and_removed_the_next_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.add(1)
    before = scene.known()

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(state_holdings.shutil, "rmtree", refuse)
        with pytest.raises(ConfigProblem, match="Permission denied") as raised:
            scene.prune()
    assert "bot prune" in raised.value.remedy
    assert scene.known() == before
    assert scene.prune(Wish())[".trash"].goes
    assert not (scene.state / ".trash").exists()


# Ages and sizes in words

@pytest.mark.parametrize(("text", "hours"), [("12h", 12), ("30d", 720), ("8w", 1_344), ("0d", 0)])
def test_ages(text: str, hours: int) -> None:
    assert age_of(text) == timedelta(hours=hours)


@pytest.mark.parametrize(("text", "size"), [
    ("2GB", 2_000_000_000), ("500 MB", 500_000_000), ("1.5GiB", 1_610_612_736), ("10k", 10_000), ("0", 0), ("7b", 7),
])
def test_sizes(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 days", "1e3d", "999999999w", "٣d"])
def test_no_ages(text: str) -> None:
    with pytest.raises(UsageProblem):
        age_of(text)


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "2 gigabytes", "1e9", "nan", "inf", "2PB", "1,5GB"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(UsageProblem):
        size_of(text)


@pytest.mark.parametrize(("size", "words"), [
    (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_000, "1.0 kB"), (123_456, "123 kB"), (99_960, "100 kB"),
    (999_949, "1.0 MB"), (2_000_000_000, "2.0 GB"), (5 * 10**15, "5000 TB"),
])
def test_sizes_for_people(size: int, words: str) -> None:
    assert size_in_words(size) == words
