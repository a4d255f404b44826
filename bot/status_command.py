"""`bot status`: the cycles of a state, one of them in full, the running one live; on request those of the ledger."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import App, Options
from bot.commands import show_record, summary, usage_of
from bot.domain.base import headline
from bot.domain.errors import RecordDamaged, UsageProblem
from bot.domain.logs import RootSignature
from bot.domain.past import NO_LEDGER, Ledger
from bot.domain.record import CycleRecord, CycleRef, CycleStatus, Settings
from bot.domain.results import Proven
from bot.engine.ledger import MOST_BYTES, parse_ledger, read_ledger
from bot.engine.runs import Runs
from bot.progress import harmless, is_live, output_width, say, say_json, say_table
from bot.reports.course import next_in_words, state_in_words
from bot.reports.cycles import cycle_rows
from bot.reports.json.cycle import cycle_document
from bot.reports.json.status import StatusDocument
from bot.status_live import Left, running_cycle, watch
from bot.status_picture import Seen, picture, steps_picture

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

FROM_FORGE = "forge"


@dataclass(frozen=True)
class StatusOptions:
    """What the command line asks for. `cycle` names one, as a run or as FOCUS/RUN/cycle-NN."""

    state: Path
    config: Path | None = None
    ledger: str | None = None
    cycle: str | None = None
    once: bool = False
    json: bool = False


def show_status(options: StatusOptions) -> int:
    """Show all cycles or one, live while it runs; return the exit code.

    Damaged records are named, and the others listed all the same. Raises UsageProblem for a cycle that there is not,
    and with it or RecordDamaged a ledger that cannot be read.
    """
    app = App.open(Options(state=options.state, config=options.config))
    named = None if options.cycle is None else _named(app, options.cycle)
    running = _to_watch(app, options)
    if running is not None and named in {None, running}:
        return _live(app, running)
    return _show_all(app, options) if named is None else _show_one(app, named, options.json)


def _show_all(app: App, options: StatusOptions) -> int:
    elsewhere = () if options.ledger is None else Runs(
        app.store, app.clock, app.workflow, _ledger(app, options.ledger)).elsewhere()
    records: list[CycleRecord] = []
    damaged: list[RecordDamaged] = []
    for ref in app.store.cycles():
        try:
            records.append(app.store.load(ref))
        except RecordDamaged as error:
            damaged.append(error)
    held = app.store.held()
    if options.json:
        say_json(StatusDocument(
            state=str(options.state), held=held, cycles=tuple(summary(app, record) for record in records),
            damaged=tuple(error.what for error in damaged), elsewhere=elsewhere,
        ))
    elif records:
        say_table(_status_table(app, records, held))
        say(f"\nEach lies in {options.state}/FOCUS/RUN/cycle-NN; status.md there is its log for people.\n"
            "`bot status RUN` says more of one.")
    elif not damaged and not elsewhere:
        say(f"No cycles in {options.state}. `bot cycle --demo` runs the bundled one.")
    if elsewhere and not options.json:
        say("\nElsewhere, as the ledger has it:\n" if records else "As the ledger has it:\n")
        say_table(_elsewhere_table(app, Ledger(cycles=elsewhere)))
    for problem in damaged:
        say(harmless(f"{problem.what} {problem.remedy}"), sys.stderr)
    return RecordDamaged.exit_code if damaged else 0


# one cycle

def _named(app: App, given: str) -> CycleRef:
    """The cycle that is meant: of a run, its last. Raises UsageProblem when there is none, or more than one."""
    name = given.strip("/")
    refs = app.store.cycles()
    found = [ref for ref in refs if name == str(ref) or name.endswith(f"/{ref}")]
    if not found:
        of_runs = {ref.run: ref for ref in refs if ref.run.startswith(name)}
        found = [of_runs[name]] if name in of_runs else list(of_runs.values())
    if len(found) == 1:
        return found[0]
    what = f"There is no cycle {given!r}" if not found else f"{given!r} is the beginning of {len(found)} runs"
    raise UsageProblem(f"{what} in {app.state}.", "`bot status` lists them; name one by its run.")


def _show_one(app: App, ref: CycleRef, json: bool) -> int:
    record = app.store.load(ref)
    if json:
        before = (app.store.load(one) for one in app.store.cycles(ref.focus)
                  if one.run == ref.run and one.number < ref.number)
        say_json(cycle_document(summary(app, record), (summary(app, item) for item in before)))
        return 0
    interrupted = record.status is CycleStatus.RUNNING and not app.store.held()
    usage = usage_of(app, record)
    _say_lines(steps_picture(Seen(record, usage), app.workflow, app.clock.now(), interrupted=interrupted))
    show_record(app, record)
    if interrupted:
        say(f"\n{_INTERRUPTED}")
    return 0


# a cycle that runs

def _to_watch(app: App, options: StatusOptions) -> CycleRef | None:
    """The running cycle where it can be shown live: on a terminal that can move its cursor, and for nothing else."""
    if options.once or options.json or options.ledger is not None or not is_live(sys.stdout):
        return None
    return running_cycle(app)


def _live(app: App, ref: CycleRef) -> int:
    from rich.console import Console

    left, seen = watch(app, ref, Console(file=sys.stdout, highlight=False, markup=False, emoji=False))
    gone = left is Left.GONE
    _say_lines(picture(seen, app.workflow, app.clock.now(), app.config.budget, interrupted=gone))
    if left is Left.ASKED:
        say("\nThe cycle goes on. `bot status` shows it again.")
        return 0
    say("")
    say_table(_status_table(app, list(app.runs.records_of(ref.run)), app.store.held()))
    say(f"\n{_INTERRUPTED if gone else next_in_words(seen.record, app.workflow)}")
    say(f"Status log: {app.store.folder(seen.record.ref)}/status.md")
    return 0


_INTERRUPTED = "It was interrupted: its process is gone. `bot resume` goes on where it was."


def _say_lines(lines: tuple[Text, ...]) -> None:
    from rich.console import Group

    say_table(Group(*lines))


# the ledger

def _ledger(app: App, given: str) -> Ledger:
    if given == FROM_FORGE:
        branch = app.config.forge.state_branch
        forge = app.forge_named(app.config.forge.kind, app.workspace(demo=False))
        return read_ledger(forge(), branch) if branch else NO_LEDGER
    path = Path(given)
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageProblem(
            f"The ledger {path} cannot be read: {error.strerror}.", f"Name a file with --ledger, or `{FROM_FORGE}`."
        ) from error
    return parse_ledger(content, str(path.parent))


def _elsewhere_table(app: App, ledger: Ledger) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("cycle", "state", "incident", "published"):
        table.add_column(heading, overflow="fold")
    for row in cycle_rows((), ledger.cycles, app.workflow):
        table.add_row(*(harmless(text) for text in (str(row.ref), row.state, row.incident, row.published)))
    return table


def _status_table(app: App, records: list[CycleRecord], held: bool) -> Table:
    """The cycles in few columns where the terminal is narrow. What a proof rests on is said of one cycle only."""
    from rich.table import Table

    width = output_width()
    narrow = width < _WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "state", "incident", "proof") if narrow else (
            "run", "cycle", "focus", "state", "incident", "proof"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"run", "proof"})
    for record in records:
        incident = record.incident
        shown = (
            harmless(_state(app, record, held)) + _kind(record.settings),
            _incident(incident.root, width < _VERY_WIDE) if incident else "–",
            _proof(record.latest(Proven)),
        )
        run, number, focus = record.ref.run, record.ref.number, record.ref.focus
        if narrow:
            table.add_row(f"{run}\n{headline(focus, _LONGEST_FOCUS)} cycle {number}", *shown)
        else:
            table.add_row(run, str(number), focus, *shown)
    return table


_WIDE = 110
"""Columns from which on every value has a column of its own."""
_VERY_WIDE = 140
"""Columns from which on an exception is named with its modules."""
_LONGEST_FOCUS = 17


def _state(app: App, record: CycleRecord, held: bool) -> str:
    state = state_in_words(record, app.workflow)
    if record.status is CycleStatus.RUNNING and not held:
        return f"interrupted: {state.removeprefix('running: ')}"
    return state


def _incident(root: RootSignature, short: bool) -> str:
    kind = root.type.rpartition(".")[2] if short and root.type.replace(".", "").isidentifier() else root.type
    return harmless(f"{kind}: {root.message}"[:70])


def _proof(proven: Proven | None) -> str:
    return "–" if proven is None else proven.proof.verdict.value.replace("_", " ")


def _kind(settings: Settings) -> str:
    kinds = (("scripted model", settings.scripted), ("dry run", settings.dry_run),
             ("published later", settings.publish == "later"))
    notes = [word for word, holds in kinds if holds]
    return f" ({', '.join(notes)})" if notes else ""
