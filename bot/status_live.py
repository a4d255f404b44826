"""`bot status` while a cycle runs: its checklist, looked at about once a second. What it shows is the record's."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, NoReturn

from bot.app import App
from bot.domain.asking import Usage
from bot.domain.errors import RecordDamaged
from bot.domain.record import CycleRecord, CycleRef, CycleStatus, StepStatus
from bot.engine.runs import wants_another
from bot.status_picture import Seen, picture

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

_LOOK_S = 1.0
"""Seconds between two looks at the record."""
_DRAW_S = 0.5
"""Seconds between two pictures: the time of the running step goes on, and the terminal may have another size."""
_MOST_KEPT = 3
_EXCHANGES, _LOST, _RUNS = "exchanges", "exchanges/lost", "runs"


class Left(Enum):
    """Why the view ended."""

    OVER = "the cycle ended or paused"
    GONE = "its process is gone"
    ASKED = "somebody pressed Ctrl-C"


class Look:
    """Looks at one cycle again and again, and reads only what has changed since."""

    def __init__(self, app: App, ref: CycleRef) -> None:
        self._app = app
        self.ref = ref
        self._stamps: dict[str, tuple[int, ...]] = {}
        self._seen: Seen | None = None

    def again(self) -> Seen:
        """What there is now. Raises RecordDamaged, and UsageProblem when the record is gone."""
        # A stamp is taken before what it is of is read: what changes in between is read once more.
        record_changed, money_changed = self._changed("record.json"), self._changed(_EXCHANGES, _LOST)
        kept_changed = self._changed(_RUNS) or money_changed or record_changed
        before = self._seen
        record = self._app.store.load(self.ref) if before is None or record_changed else before.record
        spent = self._spent(record) if before is None or record_changed or money_changed else before.spent
        kept = self._kept(record) if before is None or kept_changed else before.kept
        self._seen = Seen(record, spent, kept)
        return self._seen

    def _changed(self, *names: str) -> bool:
        stamps = {name: self._app.store.stamp(self.ref, name) for name in names}
        changed = any(self._stamps.get(name) != stamp for name, stamp in stamps.items())
        self._stamps |= stamps
        return changed

    def _spent(self, record: CycleRecord) -> Usage:
        try:
            return self._app.runs.spent(self.ref)
        except RecordDamaged:
            # A call came back just now, and the note that it was in flight is gone: the next look tells.
            self._stamps.pop(_EXCHANGES, None)
            return self._seen.spent if self._seen is not None else record.usage

    def _kept(self, record: CycleRecord) -> tuple[tuple[datetime, str], ...]:
        current = record.current
        if current is None or current.status is not StepStatus.RUNNING:
            return ()
        runs = ((when, f"tests ran: {name.removesuffix('.json')}") for when, name in self._newest(_RUNS))
        answers = ((when, "an answer of the model") for when, _ in self._newest(_EXCHANGES))
        found = sorted((datetime.fromtimestamp(when, UTC), what) for when, what in (*runs, *answers))
        return tuple(one for one in found if one[0] >= current.started_at)[-_MOST_KEPT:]

    def _newest(self, folder: str) -> tuple[tuple[float, str], ...]:
        return self._app.store.kept(self.ref, folder, _MOST_KEPT)


def running_cycle(app: App) -> CycleRef | None:
    """The cycle that a process works on now; None where none does."""
    if not app.store.held():
        return None
    for ref in reversed(app.store.cycles()):
        try:
            if app.store.load(ref).status is CycleStatus.RUNNING:
                return ref
        except RecordDamaged:
            continue
    return None


def watch(app: App, ref: CycleRef, console: Console) -> tuple[Left, Seen]:
    """Show a cycle, and those that its run adds, until it is over, its process is gone or somebody leaves.

    Raises RecordDamaged, and UsageProblem when the record is removed meanwhile.
    """
    from rich.live import Live

    look = Look(app, ref)
    seen = look.again()
    try:
        with _restored(), Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False,
                               redirect_stderr=False) as live:
            while True:
                seen = look.again()
                if app.store.held():
                    following = _following(app, seen.record)
                    if following is not None:
                        look = Look(app, following)
                        continue
                    if seen.record.status is not CycleStatus.RUNNING and not wants_another(seen.record):
                        return Left.OVER, seen
                else:
                    # It may have ended after it was looked at and before that.
                    seen = look.again()
                    over = seen.record.status is not CycleStatus.RUNNING
                    return (Left.OVER if over else Left.GONE), seen
                _draw_for_a_while(live, app, seen, console)
    except KeyboardInterrupt:
        return Left.ASKED, seen


def _draw_for_a_while(live: Live, app: App, seen: Seen, console: Console) -> None:
    from rich.console import Group

    until = time.monotonic() + _LOOK_S
    while (left := until - time.monotonic()) > 0:
        size = console.size
        lines = picture(seen, app.workflow, app.clock.now(), app.config.budget, size.height)
        live.update(Group(*lines), refresh=True)
        time.sleep(min(_DRAW_S, left))


def _following(app: App, record: CycleRecord) -> CycleRef | None:
    if not wants_another(record):
        return None
    ref = record.ref.model_copy(update={"number": record.ref.number + 1})
    return ref if ref in app.store.cycles(ref.focus) else None


@contextmanager
def _restored() -> Iterator[None]:
    """Leave the terminal as it was also when the view is told to end."""
    def end(_number: int, _frame: object) -> NoReturn:
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
