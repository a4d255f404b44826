"""`bot logs`: step 0 alone. Reads, ranks, shows, and leaves nothing behind.

Of Google's log, whose reading takes long, the pages lie in the state folder, redacted, until it is finished. After a
failure or a kill they stay, for the same command to go on from there within an hour.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from typing import TYPE_CHECKING

from bot.app import App, Options
from bot.config import focus_named
from bot.domain.base import counted
from bot.domain.logs import Incident, LogQuery, ReadReport, Selection, Severity
from bot.logs.analysis import Analysis, AnalysisOptions, analyse
from bot.logs.query import gcp_filter
from bot.logs.ranking import NOT_CHOSEN, named, rank
from bot.logs.redact import Redactor
from bot.ports import Progress
from bot.progress import harmless, make_progress, say, say_json, say_table
from bot.reports.incidents import (
    IncidentRow,
    focus_in_words,
    followed_in_words,
    incident_rows,
    levels_for,
    moment,
    period,
)
from bot.reports.json.logs import logs_document

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_SECONDS_BETWEEN_NOTES = 2.0
_LEAST_COLUMNS = 100
"""Below this width the table's columns are stacked."""


def show_logs(app: App, options: Options, *, json: bool, explain: bool, top: int) -> int:
    """Read a log, rank its incidents and show them; return the exit code, 0 also for a clean log.

    Raises RetrievalFailed when the log cannot be read, which is not the same as finding nothing in it.
    """
    focus = focus_named(app.config, options.focus)
    source = app.source_named(options.logs)
    rule = app.config.logs.commit
    query = LogQuery(focus=focus, since=app.since(focus, source), deployments=rule.needs_images)
    history = app.runs.standings(app.config.repository.name, app.config.forge.kind, app.config.mute)
    with make_progress() as progress:
        analysis = _read(app, source, query, progress)
    selection = rank(analysis.incidents, history, analysis.nothing)
    if json:
        say_json(logs_document(query, analysis, selection))
    else:
        _show(query, analysis, selection, explain=explain, top=top)
    return 0


def _read(app: App, source: str, query: LogQuery, progress: Progress) -> Analysis:
    started = told = time.monotonic()

    def note(text: str) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _SECONDS_BETWEEN_NOTES:
            told = now
            progress.note(text)

    progress.step_began("logs", "Read the logs", 1)
    redactor = Redactor.of(app.config.redaction)
    options = AnalysisOptions(commits=app.config.logs.commit, redactor=redactor)
    reading = app.logs(source).read(query)
    try:
        analysis = analyse(reading, query, options, note)
    finally:
        reading.close()
    incidents = counted(len(analysis.incidents), "incident")
    said = f"{analysis.report.entries_read:,} entries, {incidents} in {counted(len(analysis.groups), 'group')}"
    progress.step_ended("logs", said, time.monotonic() - started, "go")
    return analysis


def _show(query: LogQuery, analysis: Analysis, selection: Selection, *, explain: bool, top: int) -> None:
    report = analysis.report
    _out(_head(query, analysis))
    if selection.winner or selection.runners_up:
        rows = incident_rows(selection, levels_for(sys.stdout.encoding))
        _out("")
        narrow = sys.stdout.isatty() and shutil.get_terminal_size().columns < _LEAST_COLUMNS
        say_table(_narrow_table(rows[:top]) if narrow else _table(rows[:top]))
        if len(rows) > top:
            _out(f"\n{counted(len(rows) - top, 'more incident')}; --top {len(rows)} shows all.")
    _section("Why the first" if selection.winner else "No incident to work on", selection.reasons)
    _section("Not read", _not_read(report))
    if explain:
        if selection.winner:
            _explain(selection.winner.incident)
        _section(f"What the focus {query.focus.name} looks for", focus_in_words(query.focus))
        _out(f"\nThe same as a filter for Google:\n  {gcp_filter(query)}")
    elif selection.winner:
        _out("\n--explain shows what it is made of, and what was asked of the log.")


def _head(query: LogQuery, analysis: Analysis) -> str:
    report = analysis.report
    if analysis.span is None:
        return harmless(f"{query.focus.title}: no entry in {report.source}.")
    read = counted(report.entries_read, "entry", "entries")
    found = f"{counted(len(analysis.incidents), 'incident')} in {counted(len(analysis.groups), 'group')} of messages"
    when = f"{moment(analysis.span[0])} to {moment(analysis.span[1])} UTC"
    over = f", {report.passed_over:,} of them below what the focus looks at" if report.passed_over else ""
    return harmless(f"{query.focus.title}: {found}, from {read} of {when} in {report.source}{over}.")


def _not_read(report: ReadReport) -> tuple[str, ...]:
    said = list(report.unread)
    if report.entries_damaged:
        samples = "".join(f"; {sample.where}: {sample.reason}" for sample in report.damaged_samples[:3])
        said.append(f"{counted(report.entries_damaged, 'entry', 'entries')} damaged{samples}.")
    if report.duplicates:
        said.append(
            f"{counted(report.duplicates, 'entry', 'entries')} that came again count once (the same project, time and "
            "insertId, or all the same where there is no insertId)."
        )
    return tuple(said)


def _table(rows: tuple[IncidentRow, ...]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    table.add_column("incident", overflow="fold", ratio=1)
    table.add_column("severity", no_wrap=True)
    table.add_column("extent", no_wrap=True)
    table.add_column("occurrences, UTC", no_wrap=True)
    for row in rows:
        if row is not rows[0]:
            table.add_row()
        table.add_row(
            str(row.place), _what(row), _lines(row.severity, row.standing, style=_style(row)),
            _lines(counted(row.entries, "entry", "entries"), counted(row.instances, "instance")),
            _lines(row.occurrences, period(row.first_seen, row.last_seen), row.fingerprint),
        )
    return table


def _ran(row: IncidentRow) -> str:
    """What the incident's entries came from: the service, and its revisions."""
    of_service = f"service {row.services}" if row.services else ""
    return ", ".join(part for part in (of_service, row.revisions and f"revision {row.revisions}") if part)


def _narrow_table(rows: tuple[IncidentRow, ...]) -> Table:
    """The same one below the other, where the terminal has no room for columns."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for row in rows:
        if row is not rows[0]:
            table.add_row()
        table.add_row(str(row.place), _what(row))
        table.add_row("", _lines(f"{row.severity}, {row.standing}", style=_style(row)))
        table.add_row("", _lines(
            f"{row.occurrences}  {period(row.first_seen, row.last_seen)}", f"{_extent(row)}, {row.fingerprint}"
        ))
    return table


def _extent(row: IncidentRow) -> str:
    return f"{counted(row.entries, 'entry', 'entries')} on {counted(row.instances, 'instance')}"


def _what(row: IncidentRow) -> Text:
    """The cell that names the incident: its root, its place in the code, its revisions, how it stands and why."""
    behind = row.behind if row.standing in NOT_CHOSEN else f"behind in {row.behind}"
    more = (
        (row.location, f"in {row.location}"), (row.revisions or row.services, _ran(row)),
        (row.ground, f"{row.standing}: {row.ground}"), (row.behind, behind),
    )
    return _lines(row.incident, *(line for given, line in more if given), style="bold" if not row.behind else "")


def _style(row: IncidentRow) -> str:
    return {Severity.WARNING.value: "yellow"}.get(row.severity, "red" if Severity(row.severity).rank > 4 else "")


def _lines(first: str, *more: str, style: str = "") -> Text:
    """A cell of lines, the first in a style and the others dim, each harmless."""
    from rich.text import Text

    text = Text(harmless(first), style="")
    text.stylize(style)
    for line in more:
        text.append(f"\n{harmless(line)}", style="dim")
    return text


def _explain(incident: Incident) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("severity", "entries", "fingerprint", "when", "what"):
        table.add_column(heading, justify="right" if heading == "entries" else "left",
                         no_wrap=heading != "what", overflow="fold")
    followed = {one.fingerprint: one for one in incident.followed}
    lags = {one.fingerprint: math.inf if one.lag_ms is None else one.lag_ms for one in incident.followed}
    for group in sorted(incident.groups, key=lambda one: lags.get(one.fingerprint, 0.0)):
        after = followed.get(group.fingerprint)
        beside = f" ({after.beside:,} of {after.looked_at:,} times)" if after and after.beside else ""
        table.add_row(
            group.severity.value, f"{group.count:,}", group.fingerprint,
            harmless(followed_in_words(after) + beside if after else "root"), harmless(group.title),
        )
    _out(f"\n{harmless(named(incident))} ({incident.fingerprint})")
    say_table(table)


def _section(title: str, sentences: tuple[str, ...]) -> None:
    if sentences:
        _out("\n".join((f"\n{title}:", *(f"  {harmless(sentence)}" for sentence in sentences))))


def _out(text: str) -> None:
    say(text)
