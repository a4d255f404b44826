"""The command `bot` itself, to which the other modules add theirs."""

from __future__ import annotations

from typing import Annotated

import typer

from bot import __version__

_HELP = """A debugging bot for services on Cloud Run. The model proposes, code decides.

It reads the staging logs for one focus, picks the most important incident, finds out why, opens an issue,
writes tests that reproduce it, audits and runs them, fixes, proves and commits. No telemetry.

Exit codes: 0 ended well ("not reproduced" and "no actionable incident" included), 1 the answer is no,
2 usage, 3 configuration, 4 retrieval failed, 5 budget spent, 6 locked by another process, 7 damaged record,
8 model, 9 forge, 10 sandbox, 11 the target's own set-up failed, 70 a bug, 130 interrupted.
"""

cli = typer.Typer(
    name="bot", help=_HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"whybot {__version__}")
        raise typer.Exit


@cli.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def examples(*lines: str) -> str:
    """Examples for the end of a command's help, one line each."""
    # The backspace keeps them from being wrapped.
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)))
