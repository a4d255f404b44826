"""The evidence of a cycle: each citation once, with the log around its entry or the code around its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote as quote_path

from bot.domain.evidence import CheckedCitation, CodeCitation, LogCitation, Suspect
from bot.domain.logs import LogEntry
from bot.domain.results import FiveWhys
from bot.domain.visible import visible
from bot.evidence.citations import stands
from bot.evidence.code import CodeAt
from bot.logs.redact import redact
from bot.reports.site.context import Neighbour
from bot.reports.site.course import pages_of_repository
from bot.reports.site.material import Material
from bot.reports.site.words import clock, offset

LINES_AROUND = 12
MOST_FUNCTION = 60
MOST_ENTRY = 12_000
MOST_NEIGHBOUR = 1_500
MOST_CONTEXT = 400_000
"""Characters of neighbouring entries on one page; citations after that show their own entry alone, and say so."""
_LONG = 6
"""Lines from which on a neighbouring entry shows its first only, the rest on demand."""


@dataclass(frozen=True)
class Marked:
    """Text with a quote in it; `quote` is empty where it does not stand in it."""

    before: str
    quote: str = ""
    after: str = ""


@dataclass(frozen=True)
class Row:
    """An entry in its context. `head` is what shows first, `more` the rest of a long one. `cited`: it is the one."""

    time: str
    offset: str
    severity: str
    by: str
    text: Marked
    more: str
    cited: bool


@dataclass(frozen=True)
class Line:
    """A line of code."""

    number: int
    text: Marked
    cited: bool


@dataclass(frozen=True)
class Evidence:
    """What a citation leads to. `note` says what is missing or does not fit; `used` where it is cited first.

    `url` is where the forge shows the line of code; empty where that is not known.
    """

    id: str
    kind: str
    title: str
    quote: str
    used: str
    facts: tuple[tuple[str, str], ...] = ()
    rows: tuple[Row, ...] = ()
    lines: tuple[Line, ...] = ()
    note: str = ""
    url: str = ""


@dataclass(frozen=True)
class Cited:
    """A citation as the claims show it: the id of its evidence, where it is, and whether it holds."""

    id: str
    kind: str
    place: str
    quote: str
    holds: bool
    reason: str


class Collection:
    """Gathers the evidence while the claims are put together: the same place and quote twice is one."""

    def __init__(self, material: Material, whys: FiveWhys) -> None:
        self._material = material
        self._commit = whys.pack.commit
        self._texts = {item.ref: item.text for item in whys.pack.items if item.kind == "log"}
        self._code = CodeAt(
            self._commit or "0" * 40, material.code.get, tuple(sorted(material.code)), lambda text: text
        )
        self._pages = pages_of_repository(material.record)
        self._found: dict[tuple[str, ...], Evidence] = {}
        self._room = MOST_CONTEXT

    @property
    def all(self) -> tuple[Evidence, ...]:
        """Everything that was cited, in the order in which it was."""
        return tuple(self._found.values())

    def cite(self, checked: CheckedCitation, used: str) -> Cited:
        """The citation, its evidence taken up. `used` is the id of the claim."""
        citation = checked.citation
        if isinstance(citation, LogCitation):
            key: tuple[str, ...] = ("log", citation.insert_id, citation.quote)
            made = self._found.get(key) or self._log(citation, used)
        else:
            key = ("code", citation.path, str(citation.line), citation.commit, citation.quote)
            made = self._found.get(key) or self._of_code(citation, used)
        self._found[key] = made
        return Cited(made.id, made.kind, made.title, made.quote, checked.holds, checked.reason)

    def suspect(self, suspect: Suspect, used: str) -> Cited | None:
        """The function that the cause names, None where its code is not kept."""
        span = self._code.find(suspect)
        lines = self._code.lines(suspect.path)
        if span is None or lines is None:
            return None
        key = ("suspect", suspect.key)
        made = self._found.get(key)
        if made is None:
            last = min(span.last, span.first + MOST_FUNCTION - 1)
            note = "" if last == span.last else f"It goes on to line {span.last}."
            made = Evidence(
                self._next(), "code", f"{suspect.path}, {suspect.function}", "", used, self._code_facts(), note=note,
                lines=tuple(Line(at, Marked(lines[at - 1]), cited=False) for at in range(span.first, last + 1)),
                url=self._url(suspect.path, self._commit, f"L{span.first}-L{last}"),
            )
            self._found[key] = made
        return Cited(made.id, made.kind, f"{suspect.path}:{span.first}", "", holds=True, reason="")

    def _next(self) -> str:
        return f"ev-{len(self._found) + 1}"

    def _log(self, citation: LogCitation, used: str) -> Evidence:
        quote = redact(citation.quote)
        named = self._material.log.named(citation.insert_id)
        entry = next((one for one in named if stands(citation.quote, one.text)), named[0] if named else None)
        if entry is None:
            note = self._material.no_log or "There is no entry with this insertId in the log that was kept."
            kept = self._texts.get(citation.insert_id, "")
            row = Row("", "", "", "", _marked(redact(kept)[:MOST_ENTRY], quote), "", cited=True)
            return Evidence(
                self._next(), "log", "log entry", quote, used, (("insertId", citation.insert_id),),
                (row,) if kept else (), note=f"{note} Its text is as the model was shown it." if kept else note,
            )
        around = self._material.log.around(entry)
        size = sum(len(one.entry.text[:MOST_NEIGHBOUR]) for one in around)
        note = ""
        if size > self._room:
            around = tuple(one for one in around if one.entry is entry)
            note = "What was logged around it is left out, since this page has so much of it already."
        else:
            self._room -= size
        if not note and not entry.instance and not entry.trace:
            note = "It names no instance and no trace, so nothing is known to belong to it."
        return Evidence(
            self._next(), "log", f"{clock(entry.time_ns)} {entry.severity.value}", quote, used, tuple(_facts(entry)),
            tuple(_row(one, entry, quote) for one in around), note=note,
        )

    def _of_code(self, citation: CodeCitation, used: str) -> Evidence:
        quote = redact(citation.quote)
        lines = self._code.lines(citation.path)
        title = f"{citation.path}:{citation.line}"
        if lines is None or not 1 <= citation.line <= len(lines):
            note = "This file is not kept beside the record." if lines is None else f"The file has {len(lines)} lines."
            return Evidence(self._next(), "code", title, quote, used, self._code_facts(citation.commit), note=note)
        first, last = max(1, citation.line - LINES_AROUND), min(len(lines), citation.line + LINES_AROUND)
        span = self._code.enclosing(citation.path, citation.line)
        return Evidence(
            self._next(), "code", title, quote, used,
            (*((("in", span.name),) if span is not None else ()), *self._code_facts(citation.commit)),
            lines=tuple(self._line(lines[at - 1], at, citation.line, quote) for at in range(first, last + 1)),
            url=self._url(citation.path, citation.commit, f"L{citation.line}"),
        )

    def _line(self, text: str, at: int, cited: int, quote: str) -> Line:
        text = redact(text)[:1_000]
        return Line(at, _marked(text, quote) if at == cited else Marked(text), cited=at == cited)

    def _url(self, path: str, commit: str | None, lines: str) -> str:
        return f"{self._pages}/blob/{commit}/{quote_path(path)}#{lines}" if self._pages and commit else ""

    def _code_facts(self, commit: str | None = None) -> tuple[tuple[str, str], ...]:
        sha = commit or self._commit
        return (("commit", sha[:12]),) if sha else ()


def _facts(entry: LogEntry) -> Iterator[tuple[str, str]]:
    """What the entry says of itself, without what is empty."""
    for name, value in (
        ("service", entry.service), ("revision", entry.revision), ("instance", entry.instance[:12]),
        ("trace", entry.trace.rpartition("/")[2] or entry.trace), ("logger", entry.logger),
        ("insertId", entry.insert_id),
    ):
        if value:
            yield name, redact(value)[:200]


def _row(one: Neighbour, cited: LogEntry, quote: str) -> Row:
    entry, is_it = one.entry, one.entry is cited
    severity = "" if entry.inferred and entry.severity.rank == 0 else entry.severity.value
    time, apart = clock(entry.time_ns), "" if is_it else offset(entry.time_ns - cited.time_ns)
    text = redact(entry.text)
    if is_it:
        return Row(time, apart, severity, one.by, _cut_around(text, quote), "", cited=True)
    text = text if len(text) <= MOST_NEIGHBOUR else f"{text[:MOST_NEIGHBOUR].rstrip()} …"
    lines = text.split("\n")
    if len(lines) < _LONG:
        return Row(time, apart, severity, one.by, Marked(text), "", cited=False)
    # Of a traceback the last line tells most.
    tells = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return Row(time, apart, severity, one.by, Marked(tells), text, cited=False)


def _cut_around(text: str, quote: str) -> Marked:
    """The entry with its quote; of a very long one, the part around it."""
    marked = _marked(text, quote)
    half = MOST_ENTRY // 2
    before = marked.before if len(marked.before) <= half or not marked.quote else f"… {marked.before[-half:]}"
    if not marked.quote:
        return Marked(before if len(before) <= MOST_ENTRY else f"{before[:MOST_ENTRY]} …")
    after = marked.after if len(marked.after) <= half else f"{marked.after[:half]} …"
    return Marked(before, marked.quote, after)


def _marked(text: str, quote: str) -> Marked:
    """Where the quote stands, as it is or as prompts show it (`bot/evidence/citations.py`)."""
    for whole in (text, visible(text)):
        before, found, after = whole.partition(quote) if quote else (whole, "", "")
        if found:
            return Marked(before, found, after)
    return Marked(text)
