"""`bot status`: the cycles of a state, and on request those that only the ledger knows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import App, Options
from bot.commands import summary
from bot.domain.errors import RecordDamaged, UsageProblem
from bot.domain.past import NO_LEDGER, Ledger
from bot.domain.record import CycleRecord, CycleStatus, Settings
from bot.domain.results import Proven
from bot.engine.ledger import MOST_BYTES, parse_ledger, read_ledger
from bot.engine.runs import Runs
from bot.progress import harmless, say, say_json, say_table
from bot.reports.course import state_in_words
from bot.reports.cycles import cycle_rows
from bot.reports.proof_document import ProofView

if TYPE_CHECKING:
    from rich.table import Table

FROM_FORGE = "forge"


def show_status(state: Path, json: bool, config: Path | None = None, ledger: str | None = None) -> int:
    """List all cycles; return the exit code. Damaged records are named, and the others listed all the same.

    `ledger` is a file, or `forge` for the one on the state branch: its cycles without a record here are listed, too.
    """
    app = App.open(Options(state=state, config=config))
    elsewhere = () if ledger is None else Runs(app.store, app.clock, app.workflow, _ledger(app, ledger)).elsewhere()
    records: list[CycleRecord] = []
    damaged: list[RecordDamaged] = []
    for ref in app.store.cycles():
        try:
            records.append(app.store.load(ref))
        except RecordDamaged as error:
            damaged.append(error)
    held = app.store.held()
    if json:
        say_json({
            "schema": "whybot/status/1", "state": str(state), "held": held,
            "cycles": [summary(app, record) for record in records], "damaged": [error.what for error in damaged],
            "elsewhere": [entry.model_dump(mode="json") for entry in elsewhere],
        })
    elif records:
        say_table(_status_table(app, records, held))
        say(f"\nEach lies in {state}/FOCUS/RUN/cycle-NN; status.md there is its log for people.")
    elif not damaged and not elsewhere:
        say(f"No cycles in {state}. `bot cycle --focus message-routing --demo` runs the bundled one.")
    if elsewhere and not json:
        say("\nElsewhere, as the ledger has it:\n" if records else "As the ledger has it:\n")
        say_table(_elsewhere_table(app, Ledger(cycles=elsewhere)))
    for problem in damaged:
        say(harmless(f"{problem.what} {problem.remedy}"), sys.stderr)
    return RecordDamaged.exit_code if damaged else 0


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
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "cycle", "focus", "state", "incident", "proof"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "run")
    for record in records:
        incident = record.incident
        state = state_in_words(record, app.workflow)
        if record.status is CycleStatus.RUNNING and not held:
            state = f"interrupted: {state.removeprefix('running: ')}"
        table.add_row(
            record.ref.run, str(record.ref.number), record.ref.focus, harmless(state) + _kind(record.settings),
            harmless(f"{incident.root.type}: {incident.root.message}"[:70]) if incident else "–",
            harmless(_proof(record.latest(Proven))),
        )
    return table


def _proof(proven: Proven | None) -> str:
    if proven is None:
        return "–"
    return f"{proven.proof.verdict.value.replace('_', ' ')}: {ProofView(proven.proof).rests_on}"


def _kind(settings: Settings) -> str:
    kinds = (("scripted model", settings.scripted), ("dry run", settings.dry_run),
             ("published later", settings.publish == "later"))
    notes = [word for word, holds in kinds if holds]
    return f" ({', '.join(notes)})" if notes else ""
