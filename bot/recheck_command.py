"""`bot recheck`: what holds of a record, or of all of a run, as a table, then every failure in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.base import counted
from bot.domain.errors import EXIT_ANSWER_IS_NO
from bot.engine.workflow import load_workflow
from bot.progress import harmless, say, say_json, say_table
from bot.recheck import CHECKS, recheck
from bot.recheck.run import RUN_CHECKS, RunRecheck, is_run, recheck_run
from bot.recheck.statement import Found, Recheck, Statement
from bot.reports.json.recheck import CheckCounts, CheckedStatement, RecheckDocument, RunRecheckDocument
from bot.resources import resource_folder
from bot.steps import STEPS

if TYPE_CHECKING:
    from rich.table import Table


def show_recheck(folder: Path, *, json: bool) -> int:
    """Check a record folder again and show what came of it; return the exit code, 1 when anything does not hold.

    The folder may be a run's: then all its cycles are checked, and its document. Raises RecordDamaged when there is no
    record in it that could be checked.
    """
    workflow = load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)
    # What the name of a link stands for: the run's name is that of its folder.
    folder = folder.resolve() if is_run(folder) else folder
    if is_run(folder):
        run = recheck_run(folder, workflow)
        if json:
            say_json(run_document_of(run))
        else:
            _show_run(run)
        return 0 if run.holds else EXIT_ANSWER_IS_NO
    found = recheck(folder, workflow)
    if json:
        say_json(document_of(found))
    else:
        _show(found)
    return 0 if found.holds else EXIT_ANSWER_IS_NO


def document_of(found: Recheck) -> RecheckDocument:
    """What `--json` says: counts for each check, and every statement."""
    return RecheckDocument(
        cycle=found.cycle, holds=found.holds, checks=_counts(found, CHECKS), statements=_statements(found.statements),
    )


def run_document_of(found: RunRecheck) -> RunRecheckDocument:
    """What `--json` says of a run."""
    return RunRecheckDocument(
        run=found.run, holds=found.holds, cycles=tuple(map(document_of, found.cycles)),
        checks=_counts(found, RUN_CHECKS), statements=_statements(found.statements),
    )


def _counts(found: Recheck | RunRecheck, checks: Iterable[str]) -> tuple[CheckCounts, ...]:
    return tuple(
        CheckCounts(check=name, holds=len(found.of(Found.HOLDS, name)), fails=len(found.of(Found.FAILS, name)),
                    note=len(found.of(Found.NOTE, name)))
        for name in checks
    )


def _statements(found: Iterable[Statement]) -> tuple[CheckedStatement, ...]:
    return tuple(CheckedStatement(check=one.check, what=one.what, found=one.found.value, why=one.why) for one in found)


def _show(found: Recheck) -> None:
    say_table(_table("check", [(name, _numbers(found, name)) for name in CHECKS]))
    failures = found.of(Found.FAILS)
    _say_found(found.of(Found.NOTE), failures)
    held = counted(len(found.of(Found.HOLDS)), "statement holds", "statements hold")
    say(f"\n{found.cycle}: {held}, {len(failures):,} do not.")
    say("Nothing in a record is signed: this shows that it agrees with itself and with the evidence beside it.")


def _show_run(found: RunRecheck) -> None:
    rows = [(cycle.cycle.rpartition("/")[2], _numbers(cycle)) for cycle in found.cycles]
    say_table(_table("cycle", [*rows, ("the run", _numbers(found))]))
    every = [(cycle.cycle.rpartition("/")[2], one) for cycle in found.cycles for one in cycle.statements]
    every += [("the run", one) for one in found.statements]
    placed = [one.model_copy(update={"check": f"{place}, {one.check}"}) for place, one in every]
    failures = tuple(one for one in placed if one.found is Found.FAILS)
    # What cannot be checked of a cycle is said where the cycle alone is checked.
    _say_found(found.of(Found.NOTE), failures)
    held = counted(sum(1 for one in placed if one.found is Found.HOLDS), "statement holds", "statements hold")
    say(f"\nRun {harmless(found.run)}, {counted(len(found.cycles), 'cycle')}: {held}, {len(failures):,} do not.")
    say("Nothing in a record is signed: this shows that each agrees with itself, with the others, and with the "
        "evidence beside it. What was not checked of a cycle is named when its own folder is.")


def _say_found(notes: Sequence[Statement], failures: Sequence[Statement]) -> None:
    for heading, statements in (("Not checked", notes), ("Does not hold", failures)):
        if statements:
            say(f"\n{heading}:")
            for one in statements:
                say(harmless(f"- {one.check}: {one.what}: {one.why}"))


def _numbers(found: Recheck | RunRecheck, check: str | None = None) -> tuple[int, int, int]:
    holds, fails, notes = (len(found.of(kind, check)) for kind in (Found.HOLDS, Found.FAILS, Found.NOTE))
    return holds, fails, notes


def _table(first: str, rows: Iterable[tuple[str, tuple[int, int, int]]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for heading in ("holds", "does not", "not checked"):
        table.add_column(heading, justify="right")
    for name, counts in rows:
        table.add_row(name, *(f"{count:,}" if count else "–" for count in counts))
    return table
