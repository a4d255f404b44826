"""When somebody elsewhere is told of a cycle: once of each thing, whatever is killed, and never at a cycle's cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.local_forge import LocalForge
from bot.adapters.webhook_notifier import WebhookNotifier
from bot.app import App, Options
from bot.commands import resume_cycle, run_cycle
from bot.domain.asking import Usage
from bot.domain.config import BotConfig, NotifyConfig, PolicyConfig
from bot.domain.effects import NoticeSend, RecordedEffect
from bot.domain.errors import BotError, BudgetSpent, ForgeProblem, ModelProblem, UsageProblem
from bot.domain.logs import Novelty
from bot.domain.notices import EVENTS, NoticeEvent
from bot.domain.record import CycleEnd, CycleRecord, CycleRef, CycleStatus, Decision, Settings, StepStatus
from bot.domain.results import Planned
from bot.engine.machinery import Machinery
from bot.engine.noticing import MOST_NOTICES, events_after, notices
from bot.engine.publisher import Publisher
from bot.engine.publishing.notices import NoticeDesk
from bot.engine.retrying import set_back
from bot.engine.runner import Runner
from bot.engine.runs import Runs
from bot.engine.telling import as_it_will_stand
from bot.ports import Forge, LogSource, Sandbox
from bot.progress import PlainProgress
from bot.recheck.material import read_material
from bot.recheck.notices import notices as rechecked
from bot.recheck.record import course
from bot.recheck.said import comments, outcomes
from bot.recheck.statement import Found
from bot.reports.summary import plan_of
from bot.steps.context import Step, StepContext, StepOutcome
from tests.engine.test_telling import cycles
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import make_repository
from tests.fakes.webhook_receiver import SECRET, Receiver, receiving, status
from tests.unit import whole_records as made
from tests.unit.recheck_records import WORKFLOW, content_of
from tests.unit.records import settings
from tests.unit.whole_records import plainly

ALL = NotifyConfig(events=tuple(EVENTS))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


class Killed(BaseException):
    """The process dies here."""


class World:
    """A state, a folder forge, a receiver of notices, and runners over them."""

    def __init__(self, at: Path, receiver: Receiver, notify: Mapping[str, NotifyConfig] | None = None) -> None:
        if not (at / "shop").exists():
            make_repository(at / "shop", {"a.py": b"x = 1\n"})
        self.at = at
        self.workspace = GitWorkspace(at / "shop")
        self.forge = LocalForge(at / "forge", self.workspace)
        self.open_forge: Callable[[], Forge] = lambda: self.forge
        self.store = DirectoryStore(at / "state")
        self.clock = InstantClock()
        self.notify = {"team": ALL} if notify is None else dict(notify)
        environ = {"WHYBOT_NOTIFY_URL": receiver.url, "WHYBOT_NOTIFY_SECRET": SECRET}
        self.notifier = WebhookNotifier(self.notify, environ, self.clock, 2.0)
        self.runs = Runs(self.store, self.clock, WORKFLOW)

    def runner(self, steps: Mapping[str, Step]) -> Runner:
        desk = NoticeDesk(self.notify, self.notifier, "https://ci.example/runs/7")
        return Runner(Machinery(
            workflow=WORKFLOW, steps=steps, config=BotConfig(notify=self.notify), logs=cast("LogSource", None),
            open_model=lambda step: pytest.fail("no model is asked"), workspace=self.workspace,
            sandbox=cast("Sandbox", None),
            publisher=Publisher(self.open_forge, PolicyConfig(), self.workspace, "", desk),
            store=self.store, clock=self.clock, progress=PlainProgress(), scratch=self.at / "scratch",
            environments=self.at / "environments", setup_env={}, history=lambda ref: {}, findings=lambda ref, names: (),
            spent=lambda ref: Usage(), spent_today_usd=lambda: Decimal(0),
        ))

    def begin(self, asked: Settings | None = None) -> CycleRef:
        return self.runs.begin(asked or settings())

    def run(self, ref: CycleRef, steps: Mapping[str, Step] | None = None) -> CycleRecord:
        return self.runner(steps or cycles(clean_from=9)).run(ref)

    def failing(self, ref: CycleRef, steps: Mapping[str, Step] | None = None) -> CycleRecord:
        with pytest.raises(BotError):
            self.run(ref, steps)
        return self.store.load(ref)

    def resume(self, ref: CycleRef, steps: Mapping[str, Step] | None = None) -> CycleRecord:
        self.runs.reopen(self.store.load(ref), None, "process")
        return self.run(ref, steps)


def receipts(record: CycleRecord) -> list[tuple[str, str]]:
    return [(item.effect.key.event, item.receipt.did if item.receipt else "none") for item in record.effects()
            if isinstance(item.effect, NoticeSend)]


def failing_with(*problems: BotError) -> dict[str, Step]:
    """The steps of a cycle, of which the plan fails as often as there are problems."""
    left = list(problems)

    def plan(ctx: StepContext) -> StepOutcome:
        if left:
            raise left.pop(0)
        return StepOutcome(Planned(plan=made.plan(plainly)), "planned")

    steps = cycles(clean_from=9)
    return {**steps, "plan": Step("plan", steps["plan"].takes, steps["plan"].gives, plan)}


def wrong(record: CycleRecord) -> list[str]:
    """What `bot recheck` has against the record's steps and effects."""
    material = read_material(content_of(record), WORKFLOW)
    said = [*rechecked(material), *outcomes(material), *comments(material), *course(material)]
    return [f"{one.what}: {one.why}" for one in said if one.found is Found.FAILS
            and any(word in one.what for word in ("notice", "effects", "whole", "how often", "follows", "stands"))]


# When

def test_each_thing_is_told_once_and_the_record_says_so(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver)
    record = world.run(world.begin())
    assert receiver.events == ["incident-found", "issue-filed", "not-reproduced"]
    assert receipts(record) == [(event, "delivered") for event in receiver.events]
    assert all(one.verified() for one in receiver.taken)
    assert len({one.id for one in receiver.taken}) == 3
    found, filed, ended = (one.document for one in receiver.taken)
    assert found["links"] == {"issue": None, "pull_request": None, "record": "https://ci.example/runs/7"}
    # A folder is no page that others could open.
    assert filed["links"]["issue"] == {"number": 1, "url": ""}
    assert ended["state"] == "ended: not reproduced"
    assert ended["verdicts"]["reproduced"] is False
    assert world.run(record.ref) == record
    assert len(receiver.taken) == 3
    assert wrong(record) == []


def test_a_destination_is_told_of_the_first_that_it_asks_for(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver, {
        "ends": NotifyConfig(events=("cycle-ended",)), "nights": NotifyConfig(events=("cycle-ended", "not-reproduced")),
        "elsewhere": NotifyConfig(events=tuple(EVENTS), focus=("errors",)),
        "urgent": NotifyConfig(events=("incident-found",), least_priority="P0"),
    })
    record = world.run(world.begin())
    told = [(one.effect.key.destination, one.effect.key.event) for one in record.effects()
            if isinstance(one.effect, NoticeSend)]
    assert told == [("ends", "cycle-ended"), ("nights", "not-reproduced")]


def test_a_log_that_is_clean_is_told_only_to_whom_asks(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver)
    record = world.run(world.begin(), cycles(clean_from=1))
    assert receiver.events == ["cycle-ended"]
    assert receiver.taken[0].document["incident"] is None
    assert receiver.taken[0].document["title"] == "Cycle ended: Startup in acme/shop"
    assert wrong(record) == []


def happened(novelty: Novelty, end: CycleEnd | None = None) -> dict[str, tuple[NoticeEvent, ...]]:
    """What happens at each step of a cycle that comes to its end; `end` is how its last step ends it otherwise."""
    whole = made.whole(novelty=novelty)
    found = {}
    for count in range(1, len(whole.steps) + 1):
        steps = [*whole.steps[:count]]
        if end is not None and count == len(whole.steps):
            steps[-1] = steps[-1].model_copy(update={"decision": Decision.END, "end": end})
        before = whole.model_copy(update={"steps": tuple(steps), "status": CycleStatus.RUNNING, "end": None})
        if events := events_after(as_it_will_stand(before, WORKFLOW)):
            found[steps[-1].step] = events
    return found


def test_what_happens_at_which_step() -> None:
    assert happened(Novelty.NEW) == {
        "retrieve": ("incident-found",), "file_issue": ("issue-filed",), "run_tests": ("reproduced",),
        "commit": ("fix-proposed", "cycle-ended"),
    }
    assert happened(Novelty.REGRESSED)["retrieve"] == ("regression", "incident-found")
    for end in CycleEnd:
        event = end.value.replace(" ", "-")
        assert happened(Novelty.NEW, end)["commit"] == ((event, "cycle-ended") if event in EVENTS else ("cycle-ended",))


def test_a_proven_fix_says_what_was_proven() -> None:
    whole = made.whole(novelty=Novelty.REGRESSED)
    (sent,) = notices(whole, events_after(whole), {"team": ALL}, WORKFLOW)
    told = sent.notice
    assert told.title == "P1: Fix proposed: the type: the message"
    assert told.incident is not None
    assert (told.incident.entries, told.incident.instances, told.incident.regressed) == (12, 2, True)
    assert told.cause is not None
    assert (told.cause.statement, told.cause.support, told.cause.proven) == ("the root cause", "cited", True)
    assert (told.verdicts.audit, told.verdicts.reproduced, told.verdicts.proof) == ("GO", True, "proven")
    assert told.verdicts.runs == "3 of 4 runs hold"
    assert told.at == whole.steps[-1].ended_at
    assert told.next.startswith("a person reviews the draft pull request")


# Pauses

def test_a_pause_is_told_each_time_and_a_spent_budget_by_its_name(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver, {"team": ALL, "pauses": NotifyConfig(events=("cycle-paused",))})
    steps = failing_with(BudgetSpent("The budget is spent.", "Raise it."), ModelProblem("No answer.", "Wait."),
                         ModelProblem("No answer.", "Wait."))
    ref = world.begin()
    paused = world.failing(ref, steps)
    assert receiver.events == ["incident-found", "budget-spent", "cycle-paused"]
    assert receiver.taken[1].document["state"] == "paused: The budget is spent."
    assert receiver.taken[1].document["next"].startswith("Raise it.")
    assert receipts(paused)[1:] == [("budget-spent", "delivered"), ("cycle-paused", "delivered")]
    for _ in range(2):
        with pytest.raises(ModelProblem):
            world.resume(ref, steps)
    assert receiver.events[3:] == ["cycle-paused"] * 4
    done = world.resume(ref, steps)
    assert receiver.events[7:] == ["issue-filed", "not-reproduced"]
    assert len({one.id for one in receiver.taken}) == len(receiver.taken)
    assert wrong(paused) == []
    assert wrong(done) == []


def test_a_pause_that_was_asked_for_is_told_to_nobody(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver)
    world.run(world.begin(settings(until="retrieve")))
    assert receiver.events == ["incident-found"]


def test_trouble_with_the_forge_is_told_and_what_it_kept_back_comes_after_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    world = World(tmp_path, receiver)

    def down() -> Forge:
        raise ForgeProblem("The forge is down.", "Wait.")

    world.open_forge = down
    ref = world.begin()
    paused = world.failing(ref)
    assert receiver.events == ["incident-found", "cycle-paused"]
    assert receiver.taken[1].document["state"] == "paused: The forge is down."
    assert receipts(paused)[1:] == [("issue-filed", "none"), ("cycle-paused", "delivered")]
    with pytest.raises(ForgeProblem):
        world.resume(ref)
    assert len(receiver.events) == 2, "the same trouble at the same step"
    world.open_forge = lambda: world.forge
    done = world.resume(ref)
    assert receiver.events[2:] == ["issue-filed", "not-reproduced"]
    assert wrong(done) == []


# Exactly once, as far as that goes

@pytest.mark.parametrize("event", ["incident-found", "issue-filed", "not-reproduced"])
def test_killed_before_it_was_recorded_it_comes_again_under_the_same_id(
    tmp_path: Path, receiver: Receiver, event: str
) -> None:
    world = World(tmp_path, receiver)
    ref = world.begin()
    save = world.store.save

    def killed(record: CycleRecord, expected_version: int) -> CycleRecord:
        if (event, "delivered") in receipts(record):
            raise Killed
        return save(record, expected_version)

    world.store.save = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.run(ref)
    again = World(tmp_path, receiver)
    again.run(ref)
    told = [one for one in receiver.taken if one.document["event"] == event]
    assert len(told) == 2
    assert len({(one.id, one.body) for one in told}) == 1
    assert len(receiver.taken) == 4


def test_killed_between_a_pause_and_its_notice_it_is_told_when_the_cycle_goes_on(
    tmp_path: Path, receiver: Receiver
) -> None:
    world = World(tmp_path, receiver)
    ref = world.begin()
    send = world.notifier.send

    def killed(destination: str, notice: object) -> object:
        if notice.event == "cycle-paused":  # type: ignore[attr-defined]
            raise Killed
        return send(destination, notice)  # type: ignore[arg-type]

    world.notifier.send = killed  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        world.run(ref, failing_with(ModelProblem("No answer.", "Wait.")))
    assert receipts(world.store.load(ref))[-1] == ("cycle-paused", "none")
    again = World(tmp_path, receiver)
    again.resume(ref)
    assert receiver.events == ["incident-found", "cycle-paused", "issue-filed", "not-reproduced"]


def test_what_is_set_back_and_happens_again_is_told_again(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver)
    ref = world.begin()
    record = world.run(ref)
    back = set_back(record, "run_tests", WORKFLOW, world.store, world.clock.now())
    assert [one.effect for one in back.retries[0].published].count("notice") == 1
    done = world.run(ref)
    assert receiver.events == ["incident-found", "issue-filed", "not-reproduced", "not-reproduced"]
    assert len({one.id for one in receiver.taken}) == 4
    assert wrong(done) == []


def test_a_notice_does_not_keep_a_cycle_from_choosing_anew(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver)
    ref = world.begin(settings(until="retrieve"))
    record = world.run(ref)
    assert receipts(record) == [("incident-found", "delivered")]
    assert set_back(record, "retrieve", WORKFLOW, world.store, world.clock.now()).steps == ()


# At no cost

def test_a_webhook_that_fails_is_a_receipt_and_is_tried_again_by_going_on(
    tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.will(status(500))
    world = World(tmp_path, receiver)
    record = world.run(world.begin())
    assert record.end is CycleEnd.NOT_REPRODUCED
    happened = ("incident-found", "issue-filed", "not-reproduced")
    assert receipts(record) == [(event, "not delivered") for event in happened]
    # The first tries for long, and those that follow do not.
    assert len(receiver.taken) == 6
    assert "notice not delivered: team: it answered with status 500 (4 tries)." in capsys.readouterr().err
    assert wrong(record) == []
    receiver.will(status(200))
    receiver.taken.clear()
    found = world.runs.resumable(None)
    assert found.ref == record.ref
    done = World(tmp_path, receiver).run(found.ref)
    assert receiver.events == list(happened)
    assert [did for _, did in receipts(done)] == ["delivered"] * 3
    assert done.end is CycleEnd.NOT_REPRODUCED
    with pytest.raises(UsageProblem, match="has ended"):
        world.runs.resumable(record.ref.run)


def test_what_an_earlier_cycle_of_the_run_could_not_deliver_goes_before(tmp_path: Path, receiver: Receiver) -> None:
    receiver.will(status(500))
    world = World(tmp_path, receiver)
    asked = settings(cycles=2)
    first = world.run(world.begin(asked))
    receiver.will(status(200))
    receiver.taken.clear()
    second = World(tmp_path, receiver)
    second.run(second.runs.begin(asked, 2, first.ref.run), cycles(clean_from=2))
    assert [(one.document["cycle"], one.document["event"]) for one in receiver.taken] == [
        (1, "incident-found"), (1, "issue-filed"), (1, "not-reproduced"), (2, "cycle-ended")]
    assert [did for _, did in receipts(world.store.load(first.ref))] == ["delivered"] * 3


def test_a_destination_that_is_gone_is_left_alone(tmp_path: Path, receiver: Receiver) -> None:
    receiver.will(status(500))
    world = World(tmp_path, receiver)
    record = world.run(world.begin())
    other = World(tmp_path, receiver, {"others": NotifyConfig(events=("cycle-ended",))})
    done = other.run(record.ref)
    notes = {item.receipt.note for item in done.effects() if isinstance(item.effect, NoticeSend) and item.receipt}
    assert notes == {"bot.toml has no [notify.team]."}
    with pytest.raises(UsageProblem):
        other.runs.resumable(None)


def test_a_dry_run_tells_nobody_and_shows_what_it_would(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver)
    record = world.run(world.begin(settings(publish="never")))
    assert not receiver.taken
    assert [did for _, did in receipts(record)] == ["not published"] * 3
    planned = [(one.what, one.title) for one in plan_of(item.effect for item in record.effects())]
    assert ("notice", "incident-found to team") in planned
    assert ("notice", "not-reproduced to team") in planned


def test_what_is_kept_for_later_is_kept_with_its_pause(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver)
    paused = world.failing(world.begin(settings(publish="later")), failing_with(ModelProblem("No answer.", "Wait.")))
    assert not receiver.taken
    assert receipts(paused) == [("incident-found", "kept for later"), ("cycle-paused", "kept for later")]
    assert wrong(paused) == []


def test_a_cycle_falls_silent_in_the_end() -> None:
    whole = made.whole()
    (one,) = notices(whole, ("cycle-paused",), {"team": ALL}, WORKFLOW)
    many = tuple(RecordedEffect(effect=one.model_copy(update={"key": one.key.model_copy(update={"step": step})}))
                 for step in range(1, MOST_NOTICES))
    steps = (*whole.steps[:-1], whole.steps[-1].model_copy(update={"effects": many}))
    record = whole.model_copy(update={"steps": steps, "retries": ()})
    wide = {"a": ALL, "b": ALL}
    assert [sent.key.destination for sent in notices(record, ("cycle-ended",), wide, WORKFLOW)] == ["a"]


# Rechecked

@pytest.mark.parametrize(
    ("changes", "why"),
    [({"title": "P0: All is lost"}, "title"), ({"cycle": 2}, "cycle"), ({"event": "fix-proposed"}, "event")],
)
def test_recheck_finds_a_notice_that_says_another_thing(
    tmp_path: Path, receiver: Receiver, changes: dict[str, object], why: str
) -> None:
    world = World(tmp_path, receiver)
    record = world.run(world.begin())
    index = next(at for at, step in enumerate(record.steps) if step.step == "file_issue")
    step = record.steps[index]
    effects = tuple(
        item.model_copy(update={"effect": item.effect.model_copy(
            update={"notice": item.effect.notice.model_copy(update=changes)})})
        if isinstance(item.effect, NoticeSend) else item for item in step.effects
    )
    forged = record.replaced(index, step.model_copy(update={"effects": effects}))
    (problem,) = wrong(forged)
    assert f"its notice issue-filed to team, what it says, {why}" in problem


def test_recheck_finds_a_notice_of_what_did_not_happen(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path, receiver)
    record = world.run(world.begin())
    step = record.steps[0]
    assert step.status is StepStatus.DONE
    (item,) = step.effects
    assert isinstance(item.effect, NoticeSend)
    lie = item.model_copy(update={"effect": item.effect.model_copy(update={
        "key": item.effect.key.model_copy(update={"event": "fix-proposed", "step": 4}),
        "notice": item.effect.notice.model_copy(update={"event": "fix-proposed"})})})
    found = " ".join(wrong(record.replaced(0, step.model_copy(update={"effects": (lie,)}))))
    assert "that did not happen then" in found
    assert "its key is that of another step" in found


# By the commands

def test_the_commands_tell_and_tell_again(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_repository(tmp_path / "shop", {"a.py": b"x = 1\n"})
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "retrieve.1.json").write_text("{}")
    (tmp_path / "log.ndjson").write_text(json.dumps({
        "insertId": "e1", "timestamp": "2026-03-04T05:00:00Z", "severity": "INFO", "textPayload": "all is well"}))
    (tmp_path / "bot.toml").write_text(
        '[repository]\nname = "acme/shop"\npath = "shop"\n[notify.team]\nevents = ["cycle-ended"]\n')
    monkeypatch.setenv("WHYBOT_NOTIFY_URL", receiver.url)
    monkeypatch.setenv("WHYBOT_NOTIFY_SECRET", SECRET)
    options = Options(
        focus="errors", logs=f"file:{tmp_path / 'log.ndjson'}", model=f"script:{tmp_path / 'script'}",
        state=tmp_path / "state", config=tmp_path / "bot.toml",
    )
    receiver.will(status(403))
    app = App.open(options)
    assert run_cycle(app, options, json=False) == 0
    told = capsys.readouterr()
    assert "notice not delivered: team: it answered with status 403 (1 try)." in told.err
    assert "not delivered team: it answered with status 403" in " ".join(told.out.split())
    receiver.will(status(200))
    assert resume_cycle(options, None, json=False) == 0
    assert receiver.events == ["cycle-ended"] * 2
    assert len({one.id for one in receiver.taken}) == 1
    assert receipts(app.runs.newest(None)) == [("cycle-ended", "delivered")]
    with pytest.raises(UsageProblem, match="no cycle to go on with"):
        resume_cycle(options, None, json=False)
