"""Claims in tables with one figure a row: `| Passed | 41 |`, with a column for each run, level or suite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.claims.markdown import Unit, plain
from bot.audit.claims.places import Places, words
from bot.audit.claims.topics import FOREIGN_NOUN
from bot.audit.claims.wording import ADJECTIVES, ELSEWHERE, TESTS, exactly, level_in, percent, seconds_in
from bot.domain.claims import Claim, Quantity, Subject, When

_I = re.IGNORECASE
_DONE = r"(?:\s+(?P<made>collected|run|ran|executed|total|count|created|written|implemented|added|in\s+total))?"
_TEST = r"tests?(?:\s+cases?)?"
_NAMES: tuple[tuple[str, Subject], ...] = (
    (rf"(?:total\s+)?(?:number\s+of\s+|#\s*)?{_TEST}{_DONE}|total|(?:executed|collected|run)\s+{_TEST}", "total"),
    (rf"(?:{_TEST}\s+)?(?:pass(?:ed|ing|es)?|success(?:es|ful)?|succeeded|green)(?:\s+{_TEST})?", "passed"),
    (rf"(?:{_TEST}\s+)?(?:fail(?:ed|ing|s)?|(?:test\s+)?failures?|red)(?:\s+{_TEST})?", "failed"),
    (rf"(?:{_TEST}\s+)?(?:skip(?:ped|s)?)(?:\s+{_TEST})?", "skipped"),
    (rf"(?:{_TEST}\s+)?(?:(?:test\s+|setup\s+)?errors?|errored)(?:\s+{_TEST})?", "errors"),
    (r"expected\s+fail(?:ures?|ed|ing)|x-?fail(?:ed|s|ures?)?", "xfailed"),
    (r"(?:test\s+|overall\s+)?(?:pass(?:ing)?|success)[\s-]+(?:rate|ratio|percentage|quote)", "passed share"),
    (r"(?:test\s+|overall\s+)?fail(?:ure)?[\s-]+(?:rate|ratio|percentage)", "failed share"),
    (r"(?:total\s+)?(?:test\s+|suite\s+|run\s+|wall\s+)?(?:duration|run[\s-]?time|execution[\s-]time|time|elapsed)",
     "duration"),
)
_LABELS = tuple((re.compile(pattern, _I), subject) for pattern, subject in _NAMES)
_MADE = re.compile(rf"{ADJECTIVES}{TESTS}{_DONE}", _I)
_NOW = re.compile(r"|(?:after|now|current(?:ly)?|actual|results?|values?|counts?|numbers?|this\s+(?:run|week|release)|"
                  r"latest|final|today|amount|outcome|tests?|figures?|quantity|totals?|overall|all|sum|n|#|new)"
                  r"(?:\s+(?:run|result|fix|value|the\s+(?:fix|change)))?", _I)
_WHOLE = re.compile(r"totals?|overall|all|sum", _I)
_OTHER = re.compile(r"\b(?:target|goals?|expected|plan(?:ned)?|required|requirement|threshold|gate|change|delta|diff|"
                    r"trend|"
                    r"status|notes?|comments?|remarks?|limit|budget|sla|min(?:imum)?|max(?:imum)?|share|percent)\b|"
                    r"[%Δ±]",
                    _I)
_COUNT = re.compile(r"(\d{1,3}(?:,\d{3}){1,3}|\d{1,7})(?:\s+tests?)?(?:\s?\(?(\d{1,3}(?:\.\d{1,4})?)\s?%\)?)?", _I)
_FRACTION = re.compile(r"(\d{1,6})\s?(?:/|of)\s?(\d{1,6})(?:\s?\(?(\d{1,3}(?:\.\d{1,4})?)\s?%\)?)?")
_PERCENT = re.compile(r"(~?)(\d{1,3}(?:\.\d{1,4})?)\s?%(?:\s?\(?(\d{1,6})\s?(?:/|of)\s?(\d{1,6})\)?)?")
_ARROW = re.compile(r"→|->|=>|⟶")
_ROUND = re.compile(r"\([^()]{0,60}\)")
_PASSED: frozenset[Subject] = frozenset({"passed", "failed", "passed share", "failed share"})


@dataclass(frozen=True)
class _Column:
    """What a column of figures is about. `run` is its name where several columns are runs of their own."""

    at: int
    when: When = "now"
    level: str = ""
    run: str = ""


def claims(places: Places, rows: list[Unit]) -> Iterator[Claim]:
    """The claims of one table; none when its first column does not name figures of tests."""
    named = [(row, found) for row in rows[1:] if (found := _label(row))]
    subjects = {subject for _, (subject, _, _) in named}
    everything = " ".join(plain(row.cells[0][:100]) for row in rows[:40] if row.cells)
    if not subjects & _PASSED or len(named) < 2 or FOREIGN_NOUN.search(everything):
        return
    for column in _columns([plain(cell[:80]) for cell in rows[0].cells]):
        for row, (subject, level, word) in named:
            cell = plain(row.cells[column.at][:80]) if column.at < len(row.cells) else ""
            *before, now = _ARROW.split(cell)
            values = [*(("elsewhere", value) for value in before[-1:]), (column.when, now)]
            for when, value in values:
                for said, quantity in _quantities(subject, value):
                    claim = places.claim(row, said, quantity, row.line, level=level or column.level, word=word,
                                         when=when, statement=rows[0].line)
                    yield _of_run(claim, column.run) if column.run else claim


def _of_run(claim: Claim, run: str) -> Claim:
    return claim.model_copy(update={"scope": claim.scope.model_copy(update={"run": run[:80]})})


def _label(row: Unit) -> tuple[Subject, str, str] | None:
    """(subject, level, verb) that the first cell names."""
    name = _ROUND.sub(" ", plain(row.cells[0][:100]) if row.cells else "")
    name = " ".join(re.sub(r"[^\w\s%#-]", " ", name).split())
    expected = re.match(r"expected\s+fail", name, _I) is not None
    if ELSEWHERE.search(name) or (_OTHER.search(name) and not expected):
        return None
    for pattern, subject in _LABELS:
        match = pattern.fullmatch(name)
        if match is not None:
            made = match.groupdict().get("made") or ""
            return subject, "", made.lower() or "metric"
    level = level_in(name)
    match = _MADE.fullmatch(name) if level and not words(name) else None
    return ("total", level, (match["made"] or "metric").lower()) if match is not None else None


def _columns(heads: list[str]) -> Iterator[_Column]:
    """The columns of figures: of this run, of others, of a level; several that say nothing are runs of their own."""
    unnamed: list[int] = []
    for at, head in list(enumerate(heads))[1:12]:
        if _OTHER.search(head):
            continue
        level = level_in(head) or level_in(f"{head} tests")
        if ELSEWHERE.search(head):
            yield _Column(at, when="elsewhere")
        elif level:
            yield _Column(at, level=level)
        elif _NOW.fullmatch(head.strip(" *:_")) or _WHOLE.fullmatch(head.strip()):
            yield _Column(at)
        else:
            unnamed.append(at)
    for at in unnamed:
        yield _Column(at, run=heads[at] if len(heads) > 2 else "")


def _quantities(subject: Subject, cell: str) -> Iterator[tuple[Subject, Quantity]]:
    cell = cell.strip(" ✅❌⚠⏭🟢🔴🟡⏱")
    if subject == "duration":
        seconds = seconds_in(cell)
        if seconds is not None:
            yield "duration", exactly(seconds, cell)
        return
    share: Subject = "failed share" if subject in {"failed", "failed share"} else "passed share"
    part: Subject = "failed" if share == "failed share" else "passed"
    if (match := _PERCENT.fullmatch(cell)) is not None and subject in {"passed share", "failed share"}:
        yield subject, percent(match[2], about=bool(match[1]))
        if match[3]:
            yield from ((part, exactly(int(match[3]))), ("total", exactly(int(match[4]))))
    elif (match := _FRACTION.fullmatch(cell)) is not None:
        counted = part if subject in {"passed share", "failed share"} else subject
        if counted != "total" and int(match[1]) <= int(match[2]):
            yield from ((counted, exactly(int(match[1]))), ("total", exactly(int(match[2]))))
    elif (match := _COUNT.fullmatch(cell)) is not None and subject not in {"passed share", "failed share"}:
        yield subject, exactly(int(match[1].replace(",", "")))
        if match[2] and subject in {"passed", "failed"}:
            yield share, percent(match[2])
