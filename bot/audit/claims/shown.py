"""Claims in what a report shows of a run: pytest's last line, and lines `Passed: 4`, `Failed: 6`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.audit.claims.markdown import Unit
from bot.audit.claims.places import Places
from bot.audit.claims.wording import exactly, result_of
from bot.domain.claims import Claim, Subject

_I = re.IGNORECASE
_SUMMARY = re.compile(r"\b(\d{1,7}) (passed|failed|skipped|errors?|xfailed|xpassed|deselected)\b")
_STATUS = re.compile(r"pass|x-?fail|expected|fail|skip|error")
_SUMMARY_TIME = re.compile(r"\bin (\d{1,7}\.\d{1,3})s\b")
_LABELLED = re.compile(r"^\W{0,8}(?P<name>(?:tests?\s+)(?:passed|passing|failed|failing|skipped|"
                       r"errors|errored|x-?failed)|(?:total\s+)?(?:tests?(?:\s+cases?)?(?:\s+(?:run|executed|"
                       r"collected|total|count|in\s+total|"
                       r"created))?|passed|"
                       r"failed|failures|skipped|errors|x-?fail(?:ed|s)?|expected\s+failures)|total|passing|"
                       r"failing)\s*[:=|]\s*"
                       r"(?:\d[\d,]{0,9}\s*(?:→|->|=>)\s*)?(?P<n>\d[\d,]{0,9})(?!\s*(?:/|%|\.\d|\w|→|->|=>|\d|,\d))",
                       _I)


def summary(unit: Unit, places: Places) -> Iterator[Claim]:
    """The last line of pytest's output: `4 passed, 6 failed in 0.12s`."""
    text = unit.text[:400]
    counts = _SUMMARY.findall(text)
    seconds = _SUMMARY_TIME.search(text)
    left = _SUMMARY.sub("", text).replace("in", "").strip(" =,s.0123456789()")
    if not counts or (seconds is None and len(counts) < 2) or len(left) > 20:
        return
    subjects: dict[str, Subject] = {"passed": "passed", "failed": "failed", "skipped": "skipped", "error": "errors",
                                    "errors": "errors", "xfailed": "xfailed", "xpassed": "xpassed"}
    for count, word in counts:
        if word in subjects:
            yield places.claim(unit, subjects[word], exactly(int(count)), unit.line, word="output")
    if seconds is not None:
        yield places.claim(unit, "duration", exactly(float(seconds[1]), f"{seconds[1]} s"), unit.line, word="output")


def labelled_blocks(parts: tuple[Unit, ...]) -> frozenset[int]:
    """Blocks of lines `Passed: 4`, `Failed: 6`, by the line where they begin."""
    names: dict[int, set[str]] = {}
    for unit in parts:
        if unit.kind in {"code", "item", "text"}:
            for line in unit.raw.split("\n")[:50]:
                match = _LABELLED.match(line[:200].replace("*", "").replace("`", ""))
                if match is not None:
                    name = match["name"].lower()
                    status = _STATUS.search(name)
                    names.setdefault(unit.block, set()).update({status[0]} if status is not None else set(), {name[:4]})
    return frozenset(block for block, said in names.items() if {"pass", "fail"} <= said or (
        "test" in said and {"pass", "fail"} & said))


def labels(unit: Unit, places: Places) -> Iterator[Claim]:
    """The claims of lines `Passed: 4` in a unit of such a block."""
    if places.is_aim(unit):
        return
    for at, line in enumerate(unit.raw.split("\n")[:50]):
        match = _LABELLED.match(line[:200].replace("*", "").replace("`", ""))
        if match is not None:
            name = match["name"].lower()
            status = _STATUS.search(name)
            subject: Subject = result_of(status[0]) if status is not None else "total"
            yield places.claim(unit, subject, exactly(int(match["n"].replace(",", ""))), unit.line + at, word="total",
                               statement=unit.block)
