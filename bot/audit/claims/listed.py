"""Counts of what the report itself lists: `3 test files:` above a list of four."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.audit.claims.markdown import Unit
from bot.audit.claims.places import Places, files_in
from bot.audit.claims.wording import ADJECTIVES, TEST_ID, TESTS, N, exactly, number
from bot.domain.claims import Claim, Quantity

_FILES = re.compile(rf"(?P<n>{N})\s+{ADJECTIVES}(?:tests?\s+)?files\b[^:]{{0,80}}:?\s*$", re.IGNORECASE)
_TESTS = re.compile(rf"(?P<n>{N})(?:\s?[-–]\s?(?P<most>\d{{1,5}}))?\s+{ADJECTIVES}{TESTS}[^:]{{0,60}}:?\s*\)?\s*$",
                    re.IGNORECASE)
_RANGE = re.compile(rf"(?<![\w.,/:-])(?P<n>\d{{1,5}})\s?[-–]\s?(?P<most>\d{{1,5}})\s+{ADJECTIVES}{TESTS}",
                    re.IGNORECASE)
_PARTIAL = re.compile(r"\b(?:includ\w+|such\s+as|e\.g|examples?|notabl[ey]|top|some|most|main|mainly|key|selected|"
                      r"sample|"
                      r"highlights?|particular\w*|of\s+which|more|other)\b", re.IGNORECASE)
_MORE = re.compile(r"…|\.\.\.|\betc\b|\band\s+(?:\d+|many|several|\w+)\s+(?:more|others?)\b", re.IGNORECASE)
_MOST_UNITS = 400


def claims(places: Places) -> Iterator[Claim]:
    """Each count with a list below it, and how many the list has (as `evidence`)."""
    parts = places.parts
    ranges = {unit.line: found for unit in parts if unit.kind == "heading" and (found := _range(unit))}
    sums = _sums(parts, ranges)
    for at, unit in enumerate(parts):
        if unit.kind not in {"heading", "text", "item"} or len(unit.text) > 400 or _PARTIAL.search(unit.text):
            continue
        if unit.line in sums:
            said = ranges[unit.line]
            yield places.claim(unit, "items", said, unit.line, word="in the parts below", when="now",
                               evidence=str(sums[unit.line]))
            continue
        files, tests = _FILES.search(unit.text), _TESTS.search(unit.text)
        if unit.kind != "heading" and not unit.text.rstrip().endswith(":"):
            continue
        below = parts[at + 1:at + 1 + _MOST_UNITS]
        if files is not None:
            yield from _listed(places, unit, exactly(number(files["n"])), _names(unit, below, files=True), "test files")
        elif tests is not None:
            said = ranges.get(unit.line) or exactly(number(tests["n"]))
            yield from _listed(places, unit, said, _names(unit, below, files=False), "tests")


def _listed(places: Places, unit: Unit, said: Quantity, names: set[str] | None, what: str) -> Iterator[Claim]:
    if names:
        yield places.claim(unit, "items", said, unit.line, word=what, evidence=str(len(names)))


def _names(  # noqa: C901 - one walk over the lines below
    unit: Unit, below: tuple[Unit, ...], *, files: bool,
) -> set[str] | None:
    """The names in the first list or table below, at its outermost depth; None where an entry has not exactly one."""
    block, depth, found = 0, 0, set[str]()
    for one in below:
        if one.kind == "heading":
            break
        if one.kind not in {"item", "row"}:
            if block and one.kind != "code" and one.block != block:
                break
            if not block and unit.kind != "heading":
                break
            if _MORE.search(one.text[:400]):
                return None
            continue
        if block == 0:
            block, depth = one.block, one.depth
        if one.block != block:
            break
        if one.depth > depth:
            continue
        if _MORE.search(one.text[:400]):
            return None
        names = _named(one, files=files)
        if one.kind == "row" and not names and one.line == block:
            continue
        if len(names) != 1:
            return None
        found |= names
    return found if len(found) >= 2 else None


def _named(one: Unit, *, files: bool) -> frozenset[str]:
    return files_in(one.raw) if files else frozenset(match[0] for match in TEST_ID.finditer(one.raw[:1_000]))


# headings whose parts have counts of their own

def _range(unit: Unit) -> Quantity | None:
    match = _RANGE.search(unit.text) or _TESTS.search(unit.text)
    if match is None:
        return None
    most = match["most"]
    least = number(match["n"])
    if most is None:
        return exactly(least)
    return Quantity(least=least, most=int(most), text=f"{match['n']}-{most}")


def _sums(parts: tuple[Unit, ...], ranges: dict[int, Quantity]) -> dict[int, int]:
    """For each heading with a count, the sum over its subheadings, where each of them has an exact count."""
    headings = [unit for unit in parts if unit.kind == "heading"]
    found: dict[int, int] = {}
    for at, unit in enumerate(headings[:_MOST_UNITS]):
        if unit.line not in ranges:
            continue
        counts: list[Quantity | None] = []
        for one in headings[at + 1:at + 1 + _MOST_UNITS]:
            if one.depth <= unit.depth:
                break
            if one.depth == unit.depth + 1:
                counts.append(ranges.get(one.line))
        exact = [one for one in counts if one is not None and one.least == one.most]
        if len(exact) == len(counts) >= 2:
            found[unit.line] = int(sum(one.least for one in exact))
    return found
