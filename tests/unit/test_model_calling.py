"""Calls that give no reply are charged: noted before, forgotten or kept after, whenever the process dies."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.asking import Charge, Exchange, ModelReply, ModelRequest, StopReason, Usage, total
from bot.domain.config import BudgetConfig
from bot.domain.errors import BudgetSpent, ConfigProblem, StreamBroken, Unreachable
from bot.domain.proposals import ProposedWhys
from bot.domain.record import CycleRef
from bot.model.asking import Answer, Asker
from bot.model.budget import Budget
from bot.model.calling import Notes
from bot.model.prices import PRICES

REF = CycleRef(focus="startup", run="20251107T081500Z-0a1b2c", number=1)
OPUS = PRICES["claude-opus-5-5"]
USED = Usage(input_tokens=1000, output_tokens=100, cost_usd=Decimal("0.006"))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Standing:
    """A clock that stands still unless it is moved."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Fails:
    """Raises what it is given, one after the other, and then answers."""

    name = "fails"

    def __init__(self, *errors: BaseException, scripted: bool = False) -> None:
        self.scripted = scripted
        self._errors = list(errors)
        self.asked = 0

    def ask(self, request: ModelRequest) -> ModelReply:
        self.asked += 1
        if self._errors:
            raise self._errors.pop(0)
        return ModelReply(model=self.name, text='{"whys": []}', stop=StopReason.END, usage=USED)


@dataclass
class Process:
    """What a step wires: one process's view of a cycle in a real store."""

    store: DirectoryStore
    clock: Standing = field(default_factory=Standing)
    limits: BudgetConfig = field(default_factory=BudgetConfig)
    charges: list[Charge] = field(default_factory=list)
    dies_before_drop: bool = False

    def ask(self, model: Fails, prompt: str = "Why?") -> Answer[ProposedWhys]:
        known = self.store.charges(REF)
        self.budget = Budget(self.limits, OPUS, spent=total(known),
                             spent_today_usd=sum((c.usage.cost_usd or Decimal(0) for c in known), Decimal(0)))
        asker = Asker(
            model, load=self._load, save=self._save, budget=self.budget, clock=self.clock,
            notes=Notes(before=tuple(charge for charge in known if charge.lost),
                        put=lambda charge: self.store.put_lost(REF, charge), drop=self._drop, lost=self.charges.append),
        )
        return asker.ask("five_whys", 1, "Be exact.", prompt, ProposedWhys, 1000)

    def _load(self, digest: str) -> Exchange | None:
        return self._noted(self.store.get_exchange(REF, digest))

    def _save(self, exchange: Exchange) -> None:
        self.store.put_exchange(REF, exchange)
        self._noted(exchange)

    def _noted(self, exchange: Exchange | None) -> Exchange | None:
        if exchange is not None:
            self.charges.append(Charge(digest=exchange.digest, usage=exchange.reply.usage, paid_at=exchange.paid_at))
        return exchange

    def _drop(self, charge: Charge) -> None:
        if self.dies_before_drop:
            raise KeyboardInterrupt
        self.store.drop_lost(REF, charge)

    def lost(self) -> list[Charge]:
        return [charge for charge in self.store.charges(REF) if charge.lost]


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


def test_a_call_that_is_answered_leaves_no_note(store: DirectoryStore) -> None:
    process = Process(store)
    seen: list[int] = []

    class Watching(Fails):
        def ask(self, request: ModelRequest) -> ModelReply:
            seen.append(len(process.lost()))
            return super().ask(request)

    process.ask(Watching())
    assert seen == [1], "noted while it was in flight"
    assert process.lost() == []
    assert total(store.charges(REF)) == total(process.charges) == process.budget.spent == USED
    assert store.charges(REF)[0].paid_at == NOON


def test_killed_in_flight_it_is_charged_as_spent_by_its_upper_estimate(store: DirectoryStore) -> None:
    with pytest.raises(KeyboardInterrupt):
        Process(store).ask(Fails(KeyboardInterrupt()))
    (note,) = Process(store).lost()
    assert note.usage.output_tokens == 1000
    assert note.usage.input_tokens >= 1000
    estimate = note.usage.cost_usd or Decimal(0)
    assert estimate >= 1000 * Decimal(20) / 1_000_000
    after = Process(store)
    after.ask(Fails())
    assert after.lost() == [note], "what was lost stays lost"
    assert total(store.charges(REF)).cost_usd == estimate + Decimal("0.006")
    assert total(after.charges) == total(store.charges(REF)), "the step's record says it too"
    assert after.budget.spent == total(store.charges(REF))


def test_what_was_lost_can_end_the_budget(store: DirectoryStore) -> None:
    limits = BudgetConfig(usd_per_cycle=Decimal("0.05"))
    with pytest.raises(KeyboardInterrupt):
        Process(store, limits=limits).ask(Fails(KeyboardInterrupt()))
    model = Fails()
    with pytest.raises(BudgetSpent):
        Process(store, limits=limits).ask(model)
    assert model.asked == 0


def test_each_lost_call_has_its_number_also_while_the_clock_stands_still(store: DirectoryStore) -> None:
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            Process(store).ask(Fails(KeyboardInterrupt()))
    process = Process(store)
    process.ask(Fails())
    assert [note.lost for note in process.lost()] == ["1", "2", "3"]
    again = Process(store)
    again.ask(Fails(AssertionError("must not be asked")))
    assert [note.lost for note in again.lost()] == ["1", "2", "3"], "none of them is the stored call's own"
    assert total(again.charges) == total(store.charges(REF))


def test_killed_between_the_reply_and_the_note_it_is_charged_once(store: DirectoryStore) -> None:
    with pytest.raises(KeyboardInterrupt):
        Process(store).ask(Fails(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        Process(store, dies_before_drop=True).ask(Fails())
    assert len(Process(store).lost()) == 2
    after = Process(store, clock=Standing(NOON + timedelta(days=1)))
    after.ask(Fails(AssertionError("must not be asked")))
    assert [note.lost for note in after.lost()] == ["1"]
    assert after.budget.spent == total(store.charges(REF)) == total(after.charges)


def test_a_call_that_broke_off_costs_what_the_provider_said(store: DirectoryStore) -> None:
    used = Usage(input_tokens=5000, output_tokens=7, cost_usd=None)
    process = Process(store)
    with pytest.raises(StreamBroken):
        process.ask(Fails(StreamBroken("It broke.", "Resume.", usage=used)))
    (note,) = process.lost()
    assert (note.usage.input_tokens, note.usage.output_tokens) == (5000, 7)
    assert note.usage.cost_usd == Decimal("0.02014")
    assert process.charges == [note]
    assert process.budget.spent == note.usage
    again = Process(store)
    again.ask(Fails())
    assert total(again.charges).cost_usd == Decimal("0.02614")


@pytest.mark.parametrize("error", [Unreachable("No.", "Later."), ConfigProblem("No key.", "Set one.")],
                         ids=["unreachable", "no-key"])
def test_a_call_that_used_nothing_leaves_no_note(store: DirectoryStore, error: Exception) -> None:
    process = Process(store)
    with pytest.raises(type(error)):
        process.ask(Fails(error))
    assert (process.lost(), process.charges, process.budget.spent) == ([], [], Usage())


def test_a_scripted_model_needs_no_notes(store: DirectoryStore) -> None:
    process = Process(store)
    with pytest.raises(KeyboardInterrupt):
        process.ask(Fails(KeyboardInterrupt(), scripted=True))
    assert process.lost() == []


def test_another_question_is_not_asked_what_became_of_it(store: DirectoryStore) -> None:
    with pytest.raises(KeyboardInterrupt):
        Process(store).ask(Fails(KeyboardInterrupt()), "one")
    process = Process(store)
    process.ask(Fails(), "other")
    assert len(process.lost()) == 1
    assert len(process.charges) == 1
    assert process.budget.spent == total(store.charges(REF))


def test_notes_need_a_clock(store: DirectoryStore) -> None:
    notes = Notes(before=(), put=lambda _: None, drop=lambda _: None, lost=lambda _: None)
    with pytest.raises(ValueError, match="clock"):
        Asker(Fails(), lambda _: None, lambda _: None, Budget(BudgetConfig(), OPUS), notes=notes)
