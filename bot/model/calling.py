"""Gets the reply to one request: the stored one, else a call within the budget, noted while it is in flight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from bot.domain.asking import Charge, Exchange, ModelReply, ModelRequest, StopReason, Usage
from bot.domain.errors import BotError, ModelProblem, RecordDamaged
from bot.model.bounds import bounded, calls_in
from bot.model.budget import Budget
from bot.ports import Clock, Model


@dataclass(frozen=True)
class Notes:
    """Where a cycle's calls are noted while they are in flight.

    `before` are the notes that earlier processes left. `put` writes a note or changes it, `drop` forgets it. `lost` is
    told of each that stays: its call gave no stored reply and counts as spent.
    """

    before: tuple[Charge, ...]
    put: Callable[[Charge], None]
    drop: Callable[[Charge], None]
    lost: Callable[[Charge], None]


@runtime_checkable
class Recorded(Protocol):
    """A model that can say whether it has an answer, as a replayed one can."""

    def knows(self, request: ModelRequest) -> bool:
        """Whether `ask` would answer this."""
        ...


class Caller:
    """Asks one model on behalf of one cycle. `load` and `save` are the cycle's stored exchanges.

    A call is noted with its upper estimate before it is made. The note goes when the reply is stored, or when it
    is known that nothing was used; it is changed when the provider says what was used by a call that broke off; and
    it stays when the process is killed. A note and the exchange that came of it bear the same `paid_at`, and no two
    calls of a request do: that tells a lost call from one that was killed between being stored and being forgotten.
    """

    def __init__(self, model: Model, load: Callable[[str], Exchange | None], save: Callable[[Exchange], None],
                 budget: Budget, clock: Clock | None, notes: Notes | None) -> None:
        if notes is not None and clock is None:
            raise ValueError("notes of calls need a clock")
        self._model = model
        self._load = load
        self._save = save
        self.budget = budget
        self._clock = clock
        # What comes from files costs nothing, so nothing of it can be lost.
        self._notes = None if model.scripted else notes
        self._open: dict[str, list[Charge]] = {}
        for note in notes.before if notes is not None else ():
            self._open.setdefault(note.digest, []).append(note)
        self._told: set[tuple[str, str]] = set()
        self._found: dict[str, Exchange] = {}

    def knows(self, request: ModelRequest) -> bool:
        """Whether there is a reply that costs nothing: a stored one, or one of a replayed model."""
        return self.stored(request) is not None or (isinstance(self._model, Recorded) and self._model.knows(request))

    def stored(self, request: ModelRequest) -> ModelReply | None:
        """The stored reply. Raises RecordDamaged when it is another request's."""
        digest = request.digest()
        if digest not in self._found:
            exchange = self._load(digest)
            if exchange is None:
                return self._looked_before(request)
            if exchange.digest != digest or exchange.request != request:
                raise RecordDamaged(
                    f"The stored exchange {digest[:12]} of step {request.step} holds another request.",
                    "Delete that file in the cycle's exchanges folder and resume: the model is then asked again.",
                )
            self._found[digest] = exchange
            self._settle(digest, exchange.paid_at)
        return self._found[digest].reply

    def _looked_before(self, request: ModelRequest) -> ModelReply | None:
        """What an earlier attempt looked up at the very same point of the very same conversation.

        Its answers are not taken: an attempt is made because they were no good.
        """
        if request.attempt == 1 or not request.tools or request.tools_closed:
            return None
        before = request.model_copy(update={"attempt": request.attempt - 1})
        reply = self.stored(before)
        return reply if reply is not None and reply.stop is StopReason.TOOLS else None

    def call(self, request: ModelRequest) -> ModelReply:
        """Ask the model and store its reply. Raises BudgetSpent before the call, ModelProblem."""
        self.budget.check(request)
        digest = request.digest()
        self._settle(digest, None)
        asked_at = self._moment(digest)
        note = self._depart(request, digest, asked_at)
        try:
            reply = self._model.ask(request)
        except BotError as error:
            self._broke_off(note, error.usage if isinstance(error, ModelProblem) else None)
            raise
        reply = bounded(reply, calls_in(request.messages))
        # Stored before it is used: a kill from here on loses no reply that was paid for.
        self._save(Exchange(digest=digest, request=request, reply=reply, paid_at=asked_at))
        self.budget.charge(reply.usage)
        if note is not None and self._notes is not None:
            self._notes.drop(note)
        return reply

    def _moment(self, digest: str) -> datetime | None:
        """Now, or just after it where a call of this request bears that time."""
        if self._clock is None:
            return None
        moment = self._clock.now()
        taken = {note.paid_at for note in self._open.get(digest, ())}
        while moment in taken:
            moment += timedelta(microseconds=1)
        return moment

    def _depart(self, request: ModelRequest, digest: str, asked_at: datetime | None) -> Charge | None:
        if self._notes is None:
            return None
        numbers = (int(note.lost) for note in self._open.get(digest, ()) if note.lost.isdecimal())
        note = Charge(digest=digest, usage=self.budget.estimate(request), paid_at=asked_at,
                      lost=str(max(numbers, default=0) + 1))
        self._notes.put(note)
        return note

    def _broke_off(self, note: Charge | None, usage: Usage | None) -> None:
        """The call failed: keep what it is known to have used."""
        if usage is not None:
            usage = self.budget.priced(usage)
            self.budget.charge(usage)
        if note is None or self._notes is None:
            return
        if usage is None:
            self._notes.drop(note)
            return
        known = note.model_copy(update={"usage": usage})
        self._notes.put(known)
        self._open.setdefault(note.digest, []).append(known)
        self._told.add((known.digest, known.lost))
        self._notes.lost(known)

    def _settle(self, digest: str, stored_at: datetime | None) -> None:
        """Tell once what became of the notes that earlier processes left of this request.

        Their numbers and times stay taken.
        """
        if self._notes is None:
            return
        for note in self._open.get(digest, ()):
            if (note.digest, note.lost) in self._told:
                continue
            self._told.add((note.digest, note.lost))
            if stored_at is not None and note.paid_at == stored_at:
                self._notes.drop(note)
                self.budget.release(note.usage, self._is_today(stored_at))
            else:
                self._notes.lost(note)

    def _is_today(self, moment: datetime) -> bool:
        return self._clock is not None and self._clock.now().date() == moment.date()
