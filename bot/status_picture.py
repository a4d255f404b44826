"""A cycle as lines for a terminal: where it stands, its checklist, what was spent and published, all as recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.domain.asking import Usage
from bot.domain.config import BudgetConfig
from bot.domain.record import CycleRecord, CycleStatus, Decision, StepRecord, StepStatus
from bot.domain.workflow import Workflow, WorkflowStep
from bot.progress import harmless
from bot.reports.course import state_in_words
from bot.reports.rendering import scripted_in_words

if TYPE_CHECKING:
    from rich.text import Text

_SPINNER = "|/-\\"
_STOPPED = "stopped"


@dataclass(frozen=True)
class Seen:
    """What there was at one look. `kept` are the newest files of the running step: when, and what."""

    record: CycleRecord
    spent: Usage
    kept: tuple[tuple[datetime, str], ...] = ()


@dataclass(frozen=True)
class _Line:
    """A line; those with the highest `spare` are left out first where the terminal is low."""

    text: Text
    spare: int


def picture(
    seen: Seen, workflow: Workflow, now: datetime, budget: BudgetConfig, height: int | None = None,
    interrupted: bool = False,
) -> tuple[Text, ...]:
    """The cycle as lines for a terminal that is `height` lines high; all of them where that is None."""
    live = height is not None
    lines = [
        *_head(seen.record, workflow, now, interrupted), *_steps(seen, workflow, now, interrupted, live=live),
        *_foot(seen, budget, live=live),
    ]
    while height is not None and len(lines) > max(height, 1):
        spare = max(line.spare for line in lines)
        lines.remove(next(line for line in lines if line.spare == spare))
    return tuple(line.text for line in lines)


def steps_picture(seen: Seen, workflow: Workflow, now: datetime, *, interrupted: bool) -> tuple[Text, ...]:
    """The steps alone, for somebody who is told the rest beside it."""
    return tuple(line.text for line in _steps(seen, workflow, now, interrupted, live=False))


def _text(*parts: str | tuple[str, str]) -> Text:
    from rich.text import Text

    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis", end="\n")


def _head(record: CycleRecord, workflow: Workflow, now: datetime, interrupted: bool) -> Iterator[_Line]:
    state = state_in_words(record, workflow)
    if interrupted:
        state = f"interrupted: {state.removeprefix('running: ')}"
    settings = record.settings
    of = f" of at most {settings.cycles}" if settings.cycles > 1 else ""
    yield _Line(_text((str(record.ref), "bold"), of), 0)
    since = f", since {_clock(record.created_at)}, {_took(now, record.created_at)}" if (
        record.status is CycleStatus.RUNNING and not interrupted) else ""
    yield _Line(_text(f"{harmless(state)}{since}"), 0)
    if record.incident is not None:
        yield _Line(_text("incident  ", harmless(f"{record.incident.root.type}: {record.incident.root.message}")), 3)
    kinds = [words for words, holds in (
        (f"{scripted_in_words(settings.model).lower()}: its answers come from files", settings.scripted),
        ("dry run: nothing is published", settings.dry_run), ("published later", settings.publish == "later"),
    ) if holds]
    if kinds:
        yield _Line(_text("note      ", (harmless("; ".join(kinds)), "yellow")), 4)
    yield _Line(_text(""), 9)


def _steps(seen: Seen, workflow: Workflow, now: datetime, interrupted: bool, *, live: bool) -> Iterator[_Line]:
    for place in workflow.steps:
        tries = [step for step in seen.record.steps if step.step == place.name]
        if not tries:
            yield _Line(_row("", place, "", "", "dim", "dim"), 5)
        for step in tries:
            newest, running = step is tries[-1], step.status is StepStatus.RUNNING
            mark = _STOPPED if interrupted else _SPINNER[int(now.timestamp() * 2) % 4] if live else "running"
            yield _attempt(place, step, now, mark, spare=1 if running else 6 if newest else 7)
            if running and newest:
                for when, what in seen.kept:
                    yield _Line(_row("", None, "", f"{_clock(when)} {harmless(what)}", "", "dim"), 8)
    yield _Line(_text(""), 9)


def _attempt(place: WorkflowStep, step: StepRecord, now: datetime, running: str, spare: int) -> _Line:
    """A line for one attempt; `running` is the mark of one that has not ended."""
    if step.status is StepStatus.RUNNING:
        stopped = running == _STOPPED
        mark, style = running, "red" if stopped else "cyan"
        took, said = "" if stopped else _took(now, step.started_at), place.title
    else:
        mark, style = ("failed", "red") if step.status is StepStatus.FAILED else {
            Decision.HOLD: ("HOLD", "yellow"), Decision.END: ("end", "cyan"),
        }.get(step.decision or Decision.GO, ("ok", "green"))
        took, said = f"{step.seconds or 0.0:.1f} s", step.said
    attempt = f"attempt {step.attempt}: " if step.attempt > 1 else ""
    return _Line(_row(mark, place, took, attempt + harmless(said), style, ""), spare)


def _row(mark: str, place: WorkflowStep | None, took: str, said: str, style: str, rest: str) -> Text:
    number, name = (place.number, place.name) if place is not None else ("", "")
    said = said or (place.title if place is not None and not mark else "")
    return _text((f"{mark:>7}", style), "  ", (f"{number:<4}{name:<12}{took:>9}  {said}", rest))


def _foot(seen: Seen, budget: BudgetConfig, *, live: bool) -> Iterator[_Line]:
    spent = seen.spent
    cost = spent.cost_usd
    money = "an unknown sum" if cost is None else f"{cost:.2f} of {budget.usd_per_cycle:.2f} USD"
    yield _Line(_text(f"spent     {money}, {spent.tokens:,} of {budget.tokens_per_cycle:,} tokens"), 2)
    newest = {item.effect.effect: item for item in seen.record.effects() if item.receipt is not None}
    shown = [item for kind in ("issue", "branch", "pull_request", "check") if (item := newest.get(kind)) is not None]
    for item in shown:
        assert item.receipt is not None
        what = f"{item.effect.effect.replace('_', ' ')} {item.receipt.did}"
        where = item.receipt.url or item.receipt.note
        yield _Line(_text("published " if item is shown[0] else 10 * " ", harmless(f"{what} {where}")), 4)
    if live:
        yield _Line(_text(""), 9)
        yield _Line(_text(("Ctrl-C leaves this view; the cycle goes on.", "dim")), 8)


def _clock(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%H:%M:%S")


def _took(now: datetime, since: datetime) -> str:
    seconds = max(int((now - since).total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"
