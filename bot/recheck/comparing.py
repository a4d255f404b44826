"""Compares what is stored with what comes out again, and names the field that differs: `why 2, citation 1, quote`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from pydantic import BaseModel

from bot.recheck.statement import Statement, judged, shown

_ONE = {
    "whys": "why", "ruled_out": "hypothesis ruled out", "citations": "citation", "steps": "step", "runs": "run",
    "files": "file", "tests": "test", "defects": "defect", "findings": "finding", "outcomes": "outcome",
    "scores": "score", "reasons": "reason", "groups": "group", "suspects": "suspect", "edits": "edit",
    "effects": "effect", "exceptions": "exception", "frames": "frame", "runners_up": "runner-up", "unheld": "unheld",
    "services": "service", "revisions": "revision", "instances": "instance", "missing": "missing item",
    "hunks": "hunk", "mutants": "mutant", "lines": "file with changed lines", "notes": "note",
}
_SILENT = frozenset({"citation", "root_cause", "plan", "report", "proof", "patch"})
"""Keys that only hold what is inside, where a list before them or the statement names the thing already."""
MOST_DIFFERENCES = 12
"""Fields or lines that are named one by one."""
_MOST_OF_PARTS = 120
"""Characters of an object or a list that a statement quotes."""
_MOST_MATCHED = 4_000_000
"""Pairs of lines up to which moved lines are looked for; beyond, line is held against line."""


def compared(what: str, stored: BaseModel | object, again: BaseModel | object, source: str) -> Iterator[Statement]:
    """One statement when both are the same, else one for each field that differs, at most a dozen."""
    found = list(differences(plain(stored), plain(again)))
    if not found:
        yield judged(what, "")
    for where, left, right in found[:MOST_DIFFERENCES]:
        place = f"{what}, {where}" if where else what
        yield judged(place, f"the record says {_value(left)}, and {source} {_value(right)}")
    if len(found) > MOST_DIFFERENCES:
        yield judged(what, f"{len(found) - MOST_DIFFERENCES} more of its fields differ")


def _value(value: object) -> str:
    """A value as a sentence quotes it: text as it is, the rest as JSON, and of what has parts only the beginning."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return shown(value)
    text = shown(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _MOST_OF_PARTS else f"{text[:_MOST_OF_PARTS]}…"


def plain(value: object) -> object:
    """A value as JSON would hold it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def differences(left: object, right: object, where: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield place, left and right value of each difference."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys((*left, *right)):
            if key not in left or key not in right:
                yield _at(where, key), left.get(key, "nothing"), right.get(key, "nothing")
            elif isinstance(left[key], list) and isinstance(right[key], list):
                yield from _lists(left[key], right[key], where, key)
            else:
                place = where if key in _SILENT and isinstance(left[key], dict) else _at(where, key)
                yield from differences(left[key], right[key], place)
    elif isinstance(left, list) and isinstance(right, list):
        yield from _lists(left, right, where, "item")
    elif left != right or type(left) is not type(right):
        yield where, left, right


def _lists(left: list[object], right: list[object], where: str, key: str) -> Iterator[tuple[str, object, object]]:
    name = _ONE.get(key, key)
    for number, (one, other) in enumerate(zip(left, right, strict=False), 1):
        yield from differences(one, other, _at(where, f"{name} {number}"))
    if len(left) != len(right):
        yield _at(where, f"number of {key}"), len(left), len(right)


def _at(where: str, key: str) -> str:
    return f"{where}, {key}" if where else key


def by_line(what: str, stored: str, again: str) -> Iterator[Statement]:
    """One statement when both texts are the same, else one for each line that differs, at most a dozen: its number in
    the stored text, and both lines.
    """
    if stored == again:
        yield judged(what, "")
        return
    found = list(_pairs(stored.split("\n"), again.split("\n")))
    for number, one, other in found[:MOST_DIFFERENCES]:
        yield judged(f"{what}, line {number}", f"it reads {_line(one)}; the record gives {_line(other)}")
    if len(found) > MOST_DIFFERENCES:
        yield judged(what, f"{len(found) - MOST_DIFFERENCES} more of its lines differ")


def _line(text: str | None) -> str:
    return "nothing" if text is None else shown(text)


def _pairs(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, str | None, str | None]]:
    """Number and both texts of each line that differs; None for a line that one side lacks."""
    blocks = [("replace", 0, len(left), 0, len(right))]
    if len(left) * len(right) <= _MOST_MATCHED:
        blocks = list(SequenceMatcher(None, left, right, autojunk=False).get_opcodes())
    for tag, first, last, new_first, new_last in blocks:
        if tag == "equal":
            continue
        for at in range(max(last - first, new_last - new_first)):
            one = left[first + at] if first + at < last else None
            other = right[new_first + at] if new_first + at < new_last else None
            if one != other:
                yield first + at + 1, one, other
