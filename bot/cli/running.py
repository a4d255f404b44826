"""Running the command line, and saying what went wrong: in two sentences, and with --json as a document."""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from typing import Any, Protocol, cast

import typer

from bot.cli.top import cli
from bot.domain.errors import EXIT_INTERRUPTED, BotError, Interrupted, UsageProblem
from bot.output import Output

_RESUME = "`bot resume` goes on where it was."
_GOES_ON = "The same command goes on where it was."
# What Typer raises of a command line that does not fit. Which module has the class depends on Typer's version.
_MISUSE: type[Exception] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


class _Misuse(Protocol):
    """What such an error can do."""

    ctx: Any

    def show(self, file: io.StringIO) -> None: ...

    def format_message(self) -> str: ...


def main() -> None:
    """Run the command line. Every error a user can cause ends in two sentences and its own exit code."""
    with Output() as output:
        sys.exit(_run(output))


def _run(output: Output) -> int:
    """Run the command, and say what went wrong; with --json, also as a document if none was begun. Return the code."""
    error: BotError
    try:
        code = _invoke()
        output.finish()
        if code != EXIT_INTERRUPTED:
            return code
        error = _interrupted()
    except BotError as problem:
        error = problem
        _say(f"bot: {error.what}\n     {error.remedy}")
    except KeyboardInterrupt:
        error = _interrupted()
        _say("bot: interrupted." + (f" {error.remedy}" if error.remedy in {_RESUME, _GOES_ON} else ""))
    except _MISUSE as problem:
        error = _usage(cast("_Misuse", problem))
    except Exception as problem:  # noqa: BLE001 - the last resort: a bug, reported as one
        from bot.crash import write_report

        error = BotError(f"This is a bug in whybot: {type(problem).__name__}.", write_report(problem))
        _say(f"bot: this is a bug in whybot: {type(problem).__name__}.\n     {error.remedy}")
    if _wants_json(sys.argv[1:]) and not output.wrote:
        _print_error(error)
    return error.exit_code


def _wants_json(arguments: list[str]) -> bool:
    """Whether standard output is to hold one JSON document, whatever happens."""
    return bool({"--json", "--format=json"} & {*arguments}) or ("--format", "json") in pairwise(arguments)


def _invoke() -> int:
    """Parse and run; return the exit code. Raises whatever the command does.

    Not by calling `cli`, which would end by itself for a closed pipe or Ctrl-C, and in silence.
    """
    command = typer.main.get_command(cli)
    try:
        with command.make_context("bot", sys.argv[1:]) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _interrupted() -> BotError:
    resumes = {"cycle", "resume", "retry"} & {*sys.argv[1:]}
    remedy = _RESUME if resumes else _GOES_ON if sys.argv[1:2] == ["prove"] else "Start it again."
    return Interrupted("It was interrupted.", remedy)


def _usage(misuse: _Misuse) -> UsageProblem:
    """Say what Typer does, and how the command is used; return it as an error of ours."""
    said = io.StringIO()
    misuse.show(file=said)
    _say(said.getvalue().rstrip("\n"))
    command = misuse.ctx.command_path if misuse.ctx is not None else "bot"
    what = " ".join(misuse.format_message().split()).rstrip(".")
    return UsageProblem(f"{what}.", f"`{command} --help` shows how it is used.")


def _print_error(error: BotError) -> None:
    """With --json, an error that came before any record is the one document on standard output."""
    from bot.progress import say_json
    from bot.reports.json.error import ErrorDocument

    try:
        say_json(ErrorDocument.of(error))
    except BotError as unwritten:
        _say(f"bot: {unwritten.what}\n     {unwritten.remedy}")


def _say(text: str) -> None:
    from bot.progress import say

    say(text, sys.stderr)
