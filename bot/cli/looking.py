"""Commands that look at what is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import Config, Json, State, Wait
from bot.cli.top import cli, examples


@cli.command(epilog=examples("bot status", "bot status 20251107T081500Z-1a2b3c", "bot status --ledger forge"))
def status(
    cycle: Annotated[
        str | None,
        typer.Argument(help="One cycle in full: a run (its last cycle), or FOCUS/RUN/cycle-NN.", metavar="CYCLE"),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show it as it is now, also while a cycle runs.")] = False,
    ledger: Annotated[
        str | None,
        typer.Option("--ledger", help="Also list the cycles of a ledger: a file, or `forge` for the state branch."),
    ] = None,
    state: State = Path(".bot"),
    config: Config = None,
    json: Json = False,
) -> None:
    """List the cycles of this state and where each stands. While one runs, a terminal shows it live.

    Leaving the live view with Ctrl-C does not stop the cycle.
    """
    from bot.status_command import StatusOptions, show_status

    raise typer.Exit(show_status(StatusOptions(state, config, ledger, cycle, once, json)))


@cli.command()
def recheck(
    # Not readable here: what cannot be read is no misuse of the command.
    folder: Annotated[
        Path, typer.Argument(help="A cycle's folder, or a run's.", metavar="DIR", readable=False)
    ],
    json: Json = False,
) -> None:
    """Check records again: citations, numbers, verdicts, reports, checksums. Needs no keys and no repository."""
    from bot.recheck_command import show_recheck

    raise typer.Exit(show_recheck(folder, json=json))


@cli.command(epilog=examples("bot report --open", "bot report --out site"))
def report(
    opened: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    # Not readable here: what cannot be read is told in our words.
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder to write to; `report` in the state by default.", metavar="DIR",
                     readable=False),
    ] = None,
    state: State = Path(".bot"),
    json: Json = False,
) -> None:
    """Write a static site of all runs: overview, runs, cycles with their evidence. Needs no server and no network."""
    from bot.report_command import show_report

    raise typer.Exit(show_report(state, out, opened=opened, json=json))


@cli.command(epilog=examples("bot schema", "bot schema cycle > cycle.schema.json"))
def schema(
    name: Annotated[
        str | None, typer.Argument(help="A document, as cycle or whybot/cycle/1.", metavar="NAME")
    ] = None,
    json: Json = False,
) -> None:
    """List the JSON documents that commands and files are, or print the JSON Schema of one."""
    from bot.schema_command import show_schemas

    raise typer.Exit(show_schemas(name, json))


@cli.command(epilog=examples("bot prune", "bot prune --older-than 30d --yes", "bot prune --keep 2GB --focus errors"))
def prune(
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Runs that ended longer ago: 12h, 30d, 8w.", metavar="AGE")
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", help="All but the newest that take so much: 2GB.", metavar="SIZE")
    ] = None,
    focus: Annotated[str | None, typer.Option("--focus", help="Only runs on this focus, and nothing else.")] = None,
    snapshots: Annotated[
        bool, typer.Option("--snapshots", help="Of the runs, the log entries alone. They cannot be rechecked then.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it. Without this, nothing is changed.")] = False,
    state: State = Path(".bot"),
    config: Config = None,
    wait: Wait = 0.0,
    json: Json = False,
) -> None:
    """Say what of this state can go and how large it is: old runs, and what nobody needs. With --yes, remove it.

    Unfinished runs stay. Of runs that go, what later cycles have to know is kept.
    """
    from bot.prune_command import PruneOptions, run_prune

    options = PruneOptions(state, config, older_than, keep, focus, snapshots, yes, wait, json)
    raise typer.Exit(run_prune(options))
