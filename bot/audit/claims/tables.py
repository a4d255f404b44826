"""Claims in tables: one row for a suite, a column for each count; or one row for a test, with its result."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.audit.claims import metrics
from bot.audit.claims.markdown import Unit, plain
from bot.audit.claims.places import Places, files_in, words
from bot.audit.claims.wording import ELSEWHERE, TEST_ID, exactly, level_in, percent, result_of, test_name
from bot.domain.claims import Claim, Subject, When

_HEADS: tuple[tuple[str, Subject], ...] = (
    (r"(?:#\s*)?(?:total(?:\s+tests?)?|tests?(?:\s+(?:run|created|total|count|cases?))?|count|collected)", "total"),
    (r"(?:✅\s*)?(?:tests?\s+)?pass(?:ed|ing|es)?|✅", "passed"),
    (r"(?:❌\s*)?(?:tests?\s+)?(?:fail(?:ed|ing|ures?)?)|❌", "failed"),
    (r"(?:⏭\s*|⚠\s*)?skip(?:ped|s)?", "skipped"),
    (r"errors?", "errors"),
    (r"x-?fail(?:ed|s)?|expected\s+failures", "xfailed"),
    (r"(?:pass|success)[\s-]+rate|pass\s*%|%\s*pass(?:ed|ing)?", "passed share"),
    (r"fail(?:ure)?[\s-]+rate", "failed share"),
)
_COLUMNS = tuple((re.compile(pattern, re.IGNORECASE), subject) for pattern, subject in _HEADS)
_RESULT = re.compile(r"status|results?|outcome", re.IGNORECASE)
_TEST = re.compile(r"tests?|name|test\s+(?:case|name|function|id)s?", re.IGNORECASE)
_NOT_RESULTS = re.compile(r"\b(?:before|after|expected|target|planned|previous|baseline|goal|mutants?|run\s*\d|delta|"
                          r"change)\b",
                          re.IGNORECASE)
_RUNS = re.compile(r"\W{0,4}(?:test\s+)?(?:runs?|attempts?|tries|try|iterations?|cycles?|rounds?|builds?|dates?|days?|"
                   r"weeks?|"
                   r"months?|sprints?|versions?|releases?|commits?|branch(?:es)?|env(?:ironment)?s?|machines?|"
                   r"platforms?|"
                   r"python|os|browsers?|jobs?|when|#|stages?|retry|retries)(?:\s+(?:#|no\.?|number|id|version))?",
                   re.IGNORECASE)
_COUNT = re.compile(r"\d{1,3}(?:,\d{3}){1,3}|\d{1,7}")
_FRACTION = re.compile(r"(\d{1,6})\s?/\s?(\d{1,6})")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s?%")
_STATUS = re.compile(r"\W{0,6}(PASS(?:ED|ES|ING)?|FAIL(?:ED|S|ING)?|SKIP(?:PED)?|ERROR)\b\W{0,6}", re.IGNORECASE)
_SUM = re.compile(r"\W{0,6}(?:grand\s+|over)?(?:total|all|overall|sum)s?\b", re.IGNORECASE)


def claims(places: Places) -> Iterator[Claim]:
    """The claims of all tables of a report."""
    blocks: dict[int, list[Unit]] = {}
    for unit in places.parts:
        if unit.kind == "row":
            blocks.setdefault(unit.block, []).append(unit)
    for rows in blocks.values():
        heads = [plain(cell[:80]) for cell in rows[0].cells]
        if len(rows) < 2 or places.is_aim(rows[0]):
            continue
        columns = _columns(heads)
        if 0 in columns and not any(_COUNT.match(plain(row.cells[0][:80])) for row in rows[1:] if row.cells):
            del columns[0]  # It names the tests.
        if not {"passed", "failed"} & set(columns.values()):
            yield from metrics.claims(places, rows)
        if any(_NOT_RESULTS.search(head) for head in heads):
            continue
        if {"passed", "failed"} & set(columns.values()):
            runs = 0 not in columns and _RUNS.fullmatch(heads[0].strip()) is not None
            for row in rows[1:]:
                yield from _row(places, row, columns, heads[0] if runs else "")
        result = next((at for at, head in enumerate(heads) if _RESULT.fullmatch(head)), None)
        if result is not None and not columns.keys() & {result}:
            for row in rows[1:]:
                yield from _test(places, row, result)


def _columns(heads: list[str]) -> dict[int, Subject]:
    found: dict[int, Subject] = {}
    for at, head in enumerate(heads):
        for pattern, subject in _COLUMNS:
            if pattern.fullmatch(head) and subject not in found.values():
                found[at] = subject
                break
    return found


def _row(places: Places, row: Unit, columns: dict[int, Subject], run: str) -> Iterator[Claim]:
    """The claims of one row; `run` is the heading of its first cell where each row is a run of its own."""
    name = plain(row.cells[0][:200].replace("`", "")) if row.cells and 0 not in columns else ""
    when: When = "elsewhere" if ELSEWHERE.search(name) else "now"
    level = level_in(name) or level_in(f"{name} tests")
    files = files_in(row.cells[0]) if name else set()
    ids = {test_name(match) for match in TEST_ID.finditer(row.cells[0][:400])} if name else set()
    test = ids.pop() if len(ids) == 1 else ""
    word = "row sum" if _SUM.match(name) else "row"
    for at, subject in columns.items():
        cell = plain(row.cells[at][:80]).strip(" ✅❌⚠") if at < len(row.cells) else ""
        share = subject in {"passed share", "failed share"}
        match = (_PERCENT if share else _COUNT).fullmatch(cell)
        if match is not None:
            quantity = percent(match[1]) if share else exactly(int(match[0].replace(",", "")))
            claim = places.claim(row, subject, quantity, row.line, level=level, word=word, when=when, test=test,
                                 file=next(iter(files)) if len(files) == 1 else "")
            about = words(name)
            if run:
                claim = claim.model_copy(update={
                    "word": "run", "scope": claim.scope.model_copy(update={"run": f"{run} {name}"[:80]})})
            elif about and not files and not test:
                claim = claim.model_copy(update={"scope": claim.scope.model_copy(update={"about": about})})
            if word == "row sum":
                claim = claim.model_copy(update={"scope": claim.scope.model_copy(update={"level": ""})})
            yield claim


def _test(places: Places, row: Unit, result: int) -> Iterator[Claim]:
    ids = {test_name(match) for match in TEST_ID.finditer(row.raw[:1_000])}
    cell = plain(row.cells[result][:80]) if result < len(row.cells) else ""
    match = _STATUS.fullmatch(cell)
    if match is not None and len(ids) == 1:
        said = result_of(match[1])
        yield places.claim(row, "outcome", exactly(0, said), row.line, test=next(iter(ids)), word=said)
