"""Where in a report something stands, and so which tests it is about."""

from __future__ import annotations

import re
from functools import lru_cache

from bot.audit.claims.markdown import Unit
from bot.audit.claims.wording import AIM_HEADING, RUN_HEADING, TEST_FILE, level_in
from bot.domain.claims import Claim, Quantity, Scope, Subject, When

_TOPIC = re.compile(r"\btest(?:s|ing|ed)?\b|\bsuites?\b|pytest", re.IGNORECASE)
_PLAN = re.compile(r"\bplan\b", re.IGNORECASE)
_DONE = re.compile(r"\b(?:report|results?|execution|log|summary|audit)\b", re.IGNORECASE)
_FILE_LABEL = re.compile(r"\b(?:test\s+)?(?:file|location|path|module)s?\b\s*:", re.IGNORECASE)
_LABEL = re.compile(r"\s{0,20}(?:\*\*|__)(?P<label>[^*_:]{1,60}):?(?:\*\*|__)\s?:?")
_PLAIN_LABEL = re.compile(r"\W{0,8}(?P<label>[A-Za-z][\w /&-]{0,40}):\s")
_WORD = re.compile(r"[a-z0-9]+")
_GENERIC = frozenset("""
    a an the of and or in on for to by with from at as is are was be all our your this that test tests testing
    suite suites result results summary executive execution report reports overview conclusion conclusions
    findings finding key metrics numbers status outcome outcomes total totals overall details detail breakdown
    run runs running current final validation assessment analysis section step steps phase part audit quality
    technical correctness completed complete implemented implementation created passed failed passing failing
    pass fail failure failures success successful skipped issues issue identified critical major minor important
    note notes what happened how did we it go went score scores rating ratings coverage business value impact
    work done achievements highlights evidence confirmed confirm verified verification s x count counts
    statistics stats dashboard scope new case cases pytest output logs log date passes rate duration time unit
    integration e2e end functional smoke regression performance stress load contract security acceptance api ui
    system chaos fix fixed fixes bug risk recommendation recommendations verdict reproduced reproduction
    reproduce successfully priority unsuccessful executed state progress mission comprehensive 0 1 2 3 4 5 6 7 8
    9 10 11 12 new automated existing green red remaining python pytest async real actual individual separate different
    executed parametrized parametrised single only just other last first whole entire full complete original necessary
    required more few many several additional extra added total written backend frontend relevant related main our
    these those my its their single one two three four five six seven eight nine ten eleven twelve still not now all
    no none zero both each every half most majority some any collected flaky slow fast selected targeted dedicated
    good bad broken old previous earlier detailed small large big current suspicious
""".split())  # noqa: SIM905 - a list would be a page long


class Places:
    """The sections of one report. Makes the claims, with their scopes."""

    def __init__(self, path: str, parts: tuple[Unit, ...]) -> None:
        self.path = path
        self.parts = parts
        title = next((unit.text for unit in parts if unit.kind == "heading"), "")
        self.plan = bool(_PLAN.search(title)) and not _DONE.search(title)
        self.sections = {unit.headings[-1].line if unit.headings else 0 for unit in parts if _TOPIC.search(unit.text)}
        self.files: dict[int, set[str]] = {}
        for unit in parts:
            if unit.kind in {"text", "item", "heading"} and (unit.kind == "heading" or _FILE_LABEL.search(unit.text)):
                section = unit.headings[-1].line if unit.headings else 0
                self.files.setdefault(section, set()).update(files_in(unit.raw))

    def is_aim(self, unit: Unit) -> bool:
        """Whether what stands here is a plan, a wish or a condition, not a result."""
        return self.plan or unit.checked is False or any(
            AIM_HEADING.search(heading.text) for heading in unit.headings if heading.level > 1)

    def near_tests(self, unit: Unit) -> bool:
        """Whether the section of a unit speaks of tests anywhere."""
        return (unit.headings[-1].line if unit.headings else 0) in self.sections

    def speaks_of_tests(self, unit: Unit) -> bool:
        """Whether a heading above says that this is about tests."""
        return any(_TOPIC.search(heading.text) for heading in unit.headings) or bool(self._file(unit))

    def claim(self, unit: Unit, subject: Subject, quantity: Quantity, line: int, *, level: str = "", test: str = "",
              word: str = "", when: When = "now", statement: int = 0, evidence: str = "", file: str = "",
              about: str = "") -> Claim:
        """A claim that stands in this unit."""
        return Claim(
            path=self.path, line=line, quote=quote(unit, line), subject=subject, quantity=quantity,
            scope=self.scope(unit, level, test, file, about), statement=statement or unit.line, word=word, when=when,
            evidence=evidence,
        )

    def scope(self, unit: Unit, level: str = "", test: str = "", file: str = "", topic: str = "") -> Scope:
        """Which tests something in this unit is about."""
        inner = [heading for heading in reversed(unit.headings) if heading.level > 1]
        own = level or level_in(_label(unit))
        above = "" if own else next((found for heading in inner if (found := level_in(heading.text))), "")
        run = next((heading.text for heading in inner if RUN_HEADING.search(heading.text)), "")
        about = topic or words(_label(unit)) or next((found for heading in inner if (found := words(heading.text))), "")
        own_file = file or self._file(unit)
        # A level that was named in the sentence is not that of the section's file.
        section = next((level_in(heading.text) for heading in inner if level_in(heading.text)), "")
        if own and section and own != section and not file and not files_in(unit.raw):
            own_file = ""
        return Scope(level=own or above, file=own_file, test=test, about=about, run=run[:80])

    def _file(self, unit: Unit) -> str:
        mine = files_in(unit.raw)
        if mine:
            return next(iter(mine)) if len(mine) == 1 else ""
        for heading in reversed(unit.headings):
            found = self.files.get(heading.line)
            if found:
                return next(iter(found)) if len(found) == 1 else ""
        return ""


def files_in(raw: str) -> frozenset[str]:
    """The test files that some text names."""
    return _files_in(raw[:4_000])


@lru_cache(maxsize=256)
def _files_in(raw: str) -> frozenset[str]:
    return frozenset(match[1] for match in TEST_FILE.finditer(raw))


def words(text: str) -> str:
    """What a heading or label is about, without the words that any report has."""
    return " ".join(word for word in _WORD.findall(text.lower()) if word not in _GENERIC and not word.isdigit())


def quote(unit: Unit, line: int, most: int = 200) -> str:
    """The line of the report, shortened."""
    raw = unit.raw.split("\n")
    at = line - unit.line
    text = " ".join((raw[at] if 0 <= at < len(raw) else unit.raw)[:2_000].split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _label(unit: Unit) -> str:
    match = _LABEL.match(unit.raw[:200]) if unit.kind in {"text", "item"} else None
    if match is None and unit.kind == "item":
        match = _PLAIN_LABEL.match(unit.raw[:80])
    return match["label"] if match is not None else ""
