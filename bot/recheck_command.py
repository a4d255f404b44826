"""`bot recheck`: what holds of a record and what does not, as a table, then every failure in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.base import counted
from bot.domain.errors import EXIT_ANSWER_IS_NO
from bot.engine.workflow import load_workflow
from bot.progress import harmless, say, say_json, say_table
from bot.recheck import CHECKS, recheck
from bot.recheck.statement import Found, Recheck, Statement
from bot.resources import resource_folder
from bot.steps import STEPS

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = "whybot/recheck/1"


def show_recheck(folder: Path, *, json: bool) -> int:
    """Check a record folder again and show what came of it; return the exit code, 1 when anything does not hold.

    Raises RecordDamaged when there is no record in it that could be checked.
    """
    found = recheck(folder, load_workflow(resource_folder("workflows") / "remediation.toml", STEPS))
    if json:
        say_json(document_of(found))
    else:
        _show(found)
    return 0 if found.holds else EXIT_ANSWER_IS_NO


def document_of(found: Recheck) -> dict[str, object]:
    """What `--json` says: counts for each check, and every statement with `found` holds, fails or note."""
    return {
        "schema": SCHEMA,
        "cycle": found.cycle,
        "holds": found.holds,
        "checks": [
            {"check": name, **{kind.value: len(found.of(kind, name)) for kind in Found}} for name in CHECKS
        ],
        "statements": [one.model_dump(mode="json") for one in found.statements],
    }


def _show(found: Recheck) -> None:
    say_table(_table(found))
    failures, notes = found.of(Found.FAILS), found.of(Found.NOTE)
    if notes:
        say("\nNot checked:")
        _list(notes)
    if failures:
        say("\nDoes not hold:")
        _list(failures)
    held = counted(len(found.of(Found.HOLDS)), "statement holds", "statements hold")
    say(f"\n{found.cycle}: {held}, {len(failures):,} do not.")
    say("Nothing in a record is signed: this shows that it agrees with itself and with the evidence beside it.")


def _list(statements: tuple[Statement, ...]) -> None:
    for one in statements:
        say(harmless(f"- {one.check}: {one.what}: {one.why}"))


def _table(found: Recheck) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check")
    for heading in ("holds", "does not", "not checked"):
        table.add_column(heading, justify="right")
    for name in CHECKS:
        counts = [len(found.of(kind, name)) for kind in (Found.HOLDS, Found.FAILS, Found.NOTE)]
        table.add_row(name, *(f"{count:,}" if count else "–" for count in counts))
    return table
