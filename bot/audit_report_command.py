"""`bot audit-report`: which statements of a report the results support."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from bot.audit.claims.judge import judge_reports
from bot.audit.claims.results import Run, read_runs
from bot.domain.claims import ClaimsReport, Verdict
from bot.domain.errors import EXIT_ANSWER_IS_NO, UsageProblem
from bot.progress import harmless, say, say_json, say_table

if TYPE_CHECKING:
    from rich.table import Table

Format = Literal["text", "json", "markdown", "github"]
_MOST_REPORT_BYTES = 10_000_000
_MOST_RESULT_BYTES = 200_000_000
_MOST_SUMMARY_CHARACTERS = 225_000
"""GitHub takes 1 MiB of summary from one step, and four bytes are the most that a character takes."""


@dataclass(frozen=True)
class ReportOptions:
    """What the command line asks for."""

    reports: tuple[Path, ...]
    junit: tuple[Path, ...] = ()
    format: str = "text"


def audit_report(options: ReportOptions) -> int:
    """Judge the claims of the reports and show what was found; return the exit code, 1 when one is contradicted.

    Raises UsageProblem for files that cannot be read or are not what they should be.
    """
    if options.format not in get_args(Format):
        raise UsageProblem(f"--format is {options.format!r}.", "It may be text, json, markdown or github.")
    reports = {_name(path): _text(path) for path in dict.fromkeys(options.reports)}
    # The command may look at the clock; what judges is told the day.
    found = judge_reports(reports, _runs(options.junit), datetime.now(UTC).date())
    _show(found, options.format)
    return EXIT_ANSWER_IS_NO if found.of(Verdict.CONTRADICTED) else 0


# reading

def _text(path: Path) -> str:
    try:
        return _read(path, _MOST_REPORT_BYTES, "report").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{_shown(path)} is no UTF-8 text.", "Give reports in Markdown.") from error


def _runs(paths: tuple[Path, ...]) -> tuple[Run, ...]:
    try:
        return read_runs(
            (_name(path), _read(path, _MOST_RESULT_BYTES, "results file")) for path in dict.fromkeys(paths))
    except ValueError as error:
        raise UsageProblem(f"{harmless(str(error))} is no JUnit XML.",
                           "Make the file with `pytest --junitxml=FILE`, or with the option of your runner.") from error


def _read(path: Path, most: int, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise UsageProblem(f"The {what} {_shown(path)} cannot be read: {error.strerror}.",
                           "Give the path of a file that is there.") from error
    if len(content) > most:
        raise UsageProblem(f"The {what} {_shown(path)} has more than {most // 1_000_000} MB.", "Give a smaller file.")
    return content


def _name(path: Path) -> str:
    return path.as_posix()


def _shown(path: Path) -> str:
    return harmless(path.as_posix())


# showing it

def _show(found: ClaimsReport, form: str) -> None:
    match form:
        case "json":
            from bot.reports.json.claims import claims_document

            say_json(claims_document(found))
        case "markdown":
            from bot.reports.claims_markdown import claims_markdown

            say(claims_markdown(found).rstrip("\n"))
        case "github":
            _annotate(found)
        case _:
            _show_text(found)


def _show_text(found: ClaimsReport) -> None:
    from bot.reports.claims_view import in_words, place, summary

    if found.judgements:
        say_table(_table([
            (in_words(one.claim), place(one.claim), one.verdict.value, one.why) for one in found.judgements
        ]))
        say("")
    for note in found.notes:
        say(harmless(note))
    say(summary(found))


def _table(rows: list[tuple[str, str, str, str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("claim", "line", "verdict", "why"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "verdict")
    for row in rows:
        table.add_row(*map(harmless, row))
    return table


def _annotate(found: ClaimsReport) -> None:
    from bot.annotating import say_annotation
    from bot.reports.claims_view import marks

    for mark in marks(found):
        say_annotation(mark.level, mark.title, mark.message, mark.path, mark.line)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if not summary:
        return
    from bot.reports.claims_markdown import claims_markdown
    from bot.reports.markdown import cut, neutralise

    text = cut(neutralise(claims_markdown(found)), _MOST_SUMMARY_CHARACTERS)
    try:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"{text.rstrip()}\n\n")
    except OSError as error:
        say(f"bot: the summary of this step cannot be written: {error.strerror}.", sys.stderr)
