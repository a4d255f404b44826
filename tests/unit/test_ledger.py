from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.directory_store import DirectoryStore
from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.local_forge import LocalForge
from bot.domain.asking import Charge, Usage
from bot.domain.earlier import EarlierFinding
from bot.domain.effects import Artifact, BranchPush, PullRequestUpsert, Receipt, RecordedEffect
from bot.domain.errors import ForgeProblem, RecordDamaged
from bot.domain.logs import Novelty
from bot.domain.past import LEDGER, Ledger, PastCycle
from bot.domain.record import CycleEnd, CycleRecord, CycleRef, CycleStatus, Retry, SetAside
from bot.domain.workflow import Workflow
from bot.engine.history import findings, standings
from bot.engine.ledger import ledger_bytes, merged, parse_ledger, past_cycle, read_ledger, remember
from bot.engine.runs import Runs
from bot.engine.workflow import load_workflow
from bot.ports import ForgeFile
from bot.resources import resource_folder
from bot.steps import STEPS
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import make_repository
from tests.unit import records

RUNS = ("20251101T000000Z-000001", "20251102T000000Z-000002", "20251103T000000Z-000003")
BRANCH = "whybot-state"


def entry(run: int = 0, **changes: object) -> PastCycle:
    given: dict[str, object] = {
        "ref": CycleRef(focus="startup", run=RUNS[run], number=1), "version": 3, "repository": "acme/shop",
        "forge": "github", "created_at": records.START, "status": CycleStatus.ENDED, "ended_at": records.START,
        "end": CycleEnd.FIX_PROPOSED, "names": (records.FINGERPRINT,), "issue": 7,
    }
    return PastCycle.model_validate({**given, **changes})


# Merging

refs = st.builds(
    CycleRef, focus=st.sampled_from(["startup", "errors"]), run=st.sampled_from(RUNS), number=st.integers(1, 2)
)
numbers = st.none() | st.integers(1, 3)
entries = st.builds(
    entry, ref=refs, version=st.integers(0, 3), issue=numbers, pull=numbers, fix=st.none() | st.just("f" * 40),
    step=st.sampled_from(["plan", "prove"]),
    finding=st.none() | st.builds(EarlierFinding, cycle=st.just("x"), ended=st.sampled_from(["a", "b"])),
    spent_usd=st.dictionaries(st.sampled_from(["2025-11-01", "2025-11-02"]), st.integers(0, 2)),
)
ledgers = st.builds(lambda cycles: Ledger(cycles=tuple(cycles)), st.lists(entries, max_size=6))


@given(ledgers, ledgers, ledgers, st.integers(1, 6), st.integers(0, 4))
def test_merging_is_the_same_in_any_order_and_as_often_as_one_likes(
    one: Ledger, two: Ledger, three: Ledger, most: int, silent: int
) -> None:
    def both(*given: Ledger) -> Ledger:
        return merged(*given, most=most, findings=silent)

    whole = both(one, two, three)
    assert whole == both(three, one, two) == both(both(one, two), three) == both(one, both(three, two))
    assert whole == both(whole) == both(whole, one) == both(both(whole, whole), three)
    assert len(whole.cycles) == min(most, len({item.ref for item in (*one.cycles, *two.cycles, *three.cycles)}))
    assert sum(item.finding is not None for item in whole.cycles) <= silent
    assert [item.ref.run for item in whole.cycles] == sorted(item.ref.run for item in whole.cycles)


def test_of_a_cycle_the_later_record_counts_and_known_numbers_stay() -> None:
    before = entry(version=3, end=None, status=CycleStatus.PAUSED, issue=7)
    after = entry(version=9, issue=None, pull=8)
    (found,) = merged(Ledger(cycles=(after,)), Ledger(cycles=(before,))).cycles
    assert (found.version, found.status, found.issue, found.pull) == (9, CycleStatus.ENDED, 7, 8)


def test_the_oldest_give_way() -> None:
    (found,) = merged(Ledger(cycles=tuple(entry(run) for run in range(3))), most=1).cycles
    assert found.ref.run == RUNS[2]


# The file

@given(ledgers)
def test_what_is_written_is_read_again(ledger: Ledger) -> None:
    ledger = merged(ledger)
    assert parse_ledger(ledger_bytes(ledger), "a file") == ledger


TWICE = Ledger(cycles=(entry(), entry()))


@pytest.mark.parametrize(("content", "why"), [
    (b"", "Invalid JSON"), (b"[]", "is damaged"), (b"{", "Invalid JSON"), (ledger_bytes(TWICE), "a cycle twice"),
    (b" " * 4_000_001, "4,000,001 bytes"), (b"[" * 100_000, "is damaged"),
    (ledger_bytes(Ledger(cycles=(entry(),))).replace(b'"issue": 7', b'"issue": "<b>"'), r"cycles\.0\.issue"),
    (ledger_bytes(Ledger(cycles=(entry(spent_usd={"2025-11-07": 1}),))).replace(b'"1"', b'"-5"'), "spent_usd"),
    (ledger_bytes(Ledger()).replace(b"ledger/1", b"ledger/2"), "another version of whybot"),
])
def test_a_damaged_ledger_is_named_and_never_taken_for_an_empty_one(content: bytes, why: str) -> None:
    with pytest.raises(RecordDamaged, match=why):
        parse_ledger(content, "the branch whybot-state")


# On a forge

@pytest.fixture
def forge(tmp_path: Path) -> LocalForge:
    make_repository(tmp_path / "shop", {"a.py": b"1\n"})
    return LocalForge(tmp_path / "forge", GitWorkspace(tmp_path / "shop"))


def test_remembering_twice_writes_once(forge: LocalForge) -> None:
    assert read_ledger(forge, BRANCH) == Ledger()
    assert remember(forge, BRANCH, [entry()])
    written = forge.state(LEDGER)
    assert not remember(forge, BRANCH, [entry()])
    assert forge.state(LEDGER) == written
    assert read_ledger(forge, BRANCH).cycles == (entry(),)


class Raced(LocalForge):
    """A folder that others write to, so many times, between our look and our write."""

    times = 1

    def state(self, name: str) -> ForgeFile | None:
        found = super().state(name)
        if self.times:
            self.times -= 1
            others = merged(parse_ledger(found.content, "it") if found else Ledger(), Ledger(cycles=(entry(1),)),
                            Ledger(cycles=(entry(0, ref=CycleRef(focus="x", run=RUNS[0], number=1 + self.times)),)))
            super().put_state(name, ledger_bytes(others), found.version if found else None)
        return found


def test_what_others_wrote_meanwhile_stays(forge: LocalForge, tmp_path: Path) -> None:
    raced = Raced(tmp_path / "forge", GitWorkspace(tmp_path / "shop"))
    assert remember(raced, BRANCH, [entry()])
    assert {found.ref.focus for found in read_ledger(forge, BRANCH).cycles} == {"startup", "x"}
    assert len(read_ledger(forge, BRANCH).cycles) == 3


def test_one_that_never_gets_its_turn_gives_up(tmp_path: Path, forge: LocalForge) -> None:
    raced = Raced(tmp_path / "forge", GitWorkspace(tmp_path / "shop"))
    raced.times = 10
    with pytest.raises(ForgeProblem, match="8 times"):
        remember(raced, BRANCH, [entry()])


# From a record

PAID = Charge(digest="a" * 64, usage=Usage(cost_usd=Decimal("0.25")), paid_at=records.START)
LOST = Charge(digest="b" * 64, usage=Usage(cost_usd=Decimal("1.5")), paid_at=records.START + timedelta(days=1),
              lost="1")


def record(receipt: Receipt | None) -> CycleRecord:
    made = records.record(
        records.step("retrieve", result=records.retrieved(records.incident(aliases=("v0-00000000000000aa",)))),
        records.step("file_issue", effects=(records.issue_effect(receipt),)), forge="github",
    )
    return made.model_copy(update={"version": 5, "steps": (
        made.steps[0].model_copy(update={"charges": (PAID,)}), *made.steps[1:],
    )})


def past(made: CycleRecord) -> PastCycle:
    return past_cycle(made, (PAID, LOST), private=True, workflow_run=12)


def test_an_entry_says_what_a_record_says() -> None:
    found = past(record(Receipt(did="created", number=7)))
    assert (found.version, found.names, found.issue, found.workflow_run) == (
        5, (records.FINGERPRINT, "v0-00000000000000aa"), 7, 12)
    assert found.spent_usd == {"2025-11-07": Decimal("0.25"), "2025-11-08": Decimal("1.5")}
    assert (found.step, found.status, found.ended_at) == ("file_issue", CycleStatus.RUNNING, None)


def test_a_record_with_too_much_of_everything_has_an_entry_all_the_same() -> None:
    made = records.record(records.step("retrieve", result=records.retrieved(records.incident(
        aliases=tuple(f"v0-{number:016x}" for number in range(70))))))
    paid = [PAID.model_copy(update={"digest": f"{day:064x}", "paid_at": records.START + timedelta(days=day)})
            for day in range(90)]
    found = past_cycle(made, paid, private=True, workflow_run=None)
    assert PastCycle.model_validate_json(found.model_dump_json()) == found
    assert found.names[0] == records.FINGERPRINT
    assert max(found.spent_usd) == (records.START + timedelta(days=89)).date().isoformat()


def test_what_is_kept_for_later_has_no_numbers_and_no_fix_yet() -> None:
    made = record(Receipt(did="kept for later"))
    issue = records.issue_effect().effect.key
    assert issue.of == "issue"
    effects = (
        BranchPush(key=made.key("branch", issue), branch="whybot/x", base="b" * 40, head="f" * 40, paths=("a.py",)),
        PullRequestUpsert(key=made.key("pull_request", issue), branch=made.key("branch", issue), fixes=issue,
                          title="t", body="b"),
    )

    def with_all(receipt: Receipt) -> CycleRecord:
        recorded = tuple(RecordedEffect(effect=effect, receipt=receipt) for effect in effects)
        return made.model_copy(update={"steps": (*made.steps, records.step("commit", effects=recorded))})

    kept, out = past(with_all(Receipt(did="kept for later"))), past(with_all(Receipt(did="updated", number=3)))
    assert (kept.issue, kept.pull, kept.fix) == (None, None, None)
    assert (out.pull, out.fix) == (3, "f" * 40)


def test_what_was_set_aside_stays_paid_and_known() -> None:
    made = record(None)
    aside = Retry(
        at=records.START, step="file_issue", kept=1, attempts={"file_issue": 1},
        record=Artifact(name="before-retry-1/record.json", sha256="0" * 64, size=1), charges=(LOST,),
        published=(SetAside(effect="issue", key="issue x", receipt=Receipt(did="created", number=9)),),
    )
    made = made.model_copy(update={"steps": made.steps[:1], "retries": (aside,)})
    found = past_cycle(made, (), private=False, workflow_run=None)
    assert found.issue == 9
    assert sum(found.spent_usd.values()) == Decimal("1.75")
    assert made.usage.cost_usd == Decimal("1.75")
    assert standings([made], "github", (), records.START.date())[records.FINGERPRINT].novelty is Novelty.IN_WORK


# What a later cycle makes of it

def test_an_issue_that_is_about_to_be_published_is_in_work() -> None:
    def novelty(known: CycleRecord | PastCycle) -> Novelty | None:
        found = standings([known], "github", (), records.START.date()).get(records.FINGERPRINT)
        return None if found is None else found.novelty

    kept = record(Receipt(did="kept for later"))
    assert novelty(kept) is Novelty.IN_WORK
    assert novelty(record(Receipt(did="not published"))) is None
    # Whether it came to be published, the ledger says.
    assert novelty(past(kept)) is None
    assert novelty(past(record(Receipt(did="created", number=7)))) is Novelty.IN_WORK
    assert novelty(entry(end=CycleEnd.NOT_REPRODUCED)) is Novelty.KNOWN
    assert novelty(entry(forge="local")) is None


def test_findings_come_from_the_ledger_too() -> None:
    told = EarlierFinding(cycle="startup/x", ended="fix rejected")
    later = records.START + timedelta(days=1)
    assert findings([entry(finding=told)], [records.FINGERPRINT], later) == (told,)
    assert findings([entry(finding=told)], [records.FINGERPRINT], records.START - timedelta(days=1)) == ()
    assert findings([entry()], [records.FINGERPRINT], later) == ()


@pytest.fixture
def workflow() -> Workflow:
    return load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)


def test_a_state_and_a_ledger_are_one_history(tmp_path: Path, workflow: Workflow) -> None:
    store = DirectoryStore(tmp_path / "state")
    here = store.create(record(Receipt(did="created", number=7)))
    today = {"2025-11-07": Decimal(2)}
    ledger = Ledger(cycles=(
        entry(0, ref=here.ref, end=CycleEnd.NOT_REPRODUCED, spent_usd=today),
        entry(1, names=("v1-00000000000000bb",), spent_usd={**today, "2025-11-06": Decimal(5)}),
        entry(2, repository="acme/other", names=("v1-00000000000000cc",)),
    ))
    clock = InstantClock(datetime(2025, 11, 7, 12, tzinfo=UTC))
    runs = Runs(store, clock, workflow, ledger)
    found = runs.standings("acme/shop", "github")
    # The record wins over its own entry.
    assert found[records.FINGERPRINT].why.startswith("its cycle has not ended")
    assert found["v1-00000000000000bb"].novelty is Novelty.IN_WORK
    assert "v1-00000000000000cc" not in found
    assert runs.spent_today_usd() == Decimal(2)
    assert [one.ref.run for one in runs.elsewhere()] == [RUNS[1], RUNS[2]]
    asks = CycleRef(focus="startup", run="20251107T100000Z-0000ff", number=1)
    assert "v1-00000000000000bb" in runs.history(records.settings(forge="github"))(asks)
    assert runs.history(records.settings(forge="github", demo=True))(asks) == {}


@pytest.mark.parametrize(("hours", "novelty"), [(25, Novelty.IN_WORK), (47, Novelty.KNOWN)])
def test_a_cycle_elsewhere_that_was_left_on_its_way_is_taken_up_again(
    tmp_path: Path, workflow: Workflow, hours: int, novelty: Novelty
) -> None:
    """Its record may be gone, so that nobody could go on with it: the incident must not be shut for ever."""
    clock = InstantClock(records.START + timedelta(hours=hours))
    left = entry(status=CycleStatus.PAUSED, end=None, ended_at=None)
    proposed = entry(1, names=("v1-00000000000000bb",))
    runs = Runs(DirectoryStore(tmp_path), clock, workflow, Ledger(cycles=(left, proposed)))
    found = runs.standings("acme/shop", "github")
    assert found[records.FINGERPRINT].novelty is novelty
    assert found["v1-00000000000000bb"].novelty is Novelty.IN_WORK


def test_the_ledger_is_json_with_one_schema() -> None:
    document = json.loads(ledger_bytes(Ledger(cycles=(entry(),))))
    assert document["schema"] == "whybot/ledger/1"
    assert "finding" not in document["cycles"][0]
