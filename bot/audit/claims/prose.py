"""Claims in prose, clause by clause: what each is about, and whether it is a result of this run at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.claims.markdown import Unit
from bot.audit.claims.places import Places
from bot.audit.claims.readers import COUNTS_TOO, MADE_TOO, NO_BOUND, durations_in, of_clause
from bot.audit.claims.topics import FOREIGN, TOPIC, topic_of
from bot.audit.claims.wording import AIM, ELSEWHERE, NOW, OPENS_AIM, REPORTED, level_in
from bot.domain.claims import Claim, Quantity, When

_I = re.IGNORECASE
_MOST_CLAUSE = 300
_SPLIT = re.compile(r"[.;!?…](?=\s|$)|,(?!\d)|[()\[\]—–|→⟶]|[-=]>|:(?!\s{0,3}\d)|\s-\s|(?<!all )(?<!tests )\bbut\b|"
                    r"\bwhile\b", re.IGNORECASE)
_ARROWS = frozenset({"→", "⟶", "->", "=>"})
_PART = re.compile(r"\s*(?:of|among)\s+(?:the|these|those|them)\b", _I)
"""Where a sentence begins so, its `all` are some of the tests only."""
_STOP = re.compile(r"[.!?]")
_WORTH = re.compile(r"\d|\b(?:all|both|every|no|none|half|most|majority|zero|one|two|three|four|five|six|seven|eight|"
                    r"nine|"
                    r"ten|eleven|twelve|fifteen|twenty|each|single|without|not\s+one)\b", _I)


@dataclass
class _Said:
    """What the sentences so far have set: which tests they are about, and of which run."""

    level: str = ""
    topic: str = ""
    aiming: bool = False
    elsewhere: bool = False
    foreign: bool = False
    tests: bool = False
    part: bool = False

    def hear(self, clause: str) -> None:
        """Take in what a clause names."""
        level, topic = level_in(clause), topic_of(clause)
        if topic is not None:
            self.level, self.topic = level, topic
        elif level:
            self.level, self.topic = level, ""
        self.part = self.part or _PART.match(clause) is not None
        self.tests = self.tests or TOPIC.search(clause) is not None
        self.foreign = self.foreign or FOREIGN.search(clause) is not None
        self.elsewhere = ELSEWHERE.search(clause) is not None or (self.elsewhere and not NOW.search(clause))

    def end(self) -> None:
        """Forget what holds for one sentence only."""
        self.elsewhere = self.foreign = self.tests = self.part = False


def claims(unit: Unit, places: Places, *, only_duration: bool = False) -> Iterator[Claim]:
    """The claims of a unit, clause by clause; the tests they are about are those named last."""
    wish = places.is_aim(unit)
    if wish and not _SPLIT_CURRENT.search(unit.text):
        return
    counts_too = COUNTS_TOO.search(unit.text) is not None
    context = places.speaks_of_tests(unit) or TOPIC.search(unit.text) is not None or places.near_tests(unit) or (
        level_in(unit.text) != "" or (counts_too and MADE_TOO.search(unit.text) is not None))
    said, sentence = _Said(), list[tuple[int, Claim, bool]]()
    for start, clause, ends_sentence, before in _clauses(unit.text):
        said.hear(clause)
        current = re.search(r"\bcurrently\b", clause, _I) is not None
        opens = OPENS_AIM.match(clause) is not None
        aim = (said.aiming or AIM.search(clause) is not None or wish) and not current
        if not aim and _WORTH.search(clause):
            when: When = "elsewhere" if said.elsewhere else "now"
            found = durations_in(clause) if only_duration else of_clause(
                clause, unit, context and (said.tests or not said.foreign), counts_too)
            for one in found:
                if said.part and one.subject in {"passed share", "failed share"}:
                    continue
                claim = places.claim(unit, one.subject, one.quantity, unit.line_at(start), level=said.level,
                                     word=one.word, when=when, about=said.topic)
                sentence.append((before, claim, one.some))
        said.aiming = (said.aiming or ((opens or REPORTED.search(clause) is not None) and not current)) and (
            not ends_sentence)
        if ends_sentence:
            yield from _of_sentence(sentence)
            sentence.clear()
            said.end()
    yield from _of_sentence(sentence)


def _of_sentence(said: list[tuple[int, Claim, bool]]) -> Iterator[Claim]:
    """The claims of one sentence. Of a pair `3 failed → 2 failed` the first is of before; `3 failed by X` are some."""
    counts = {claim.subject for _, claim, _ in said} - {"duration", "coverage"}
    last = {(claim.subject, claim.scope.level): arrows for arrows, claim, _ in said}
    for arrows, claim, some in said:
        changed: dict[str, object] = {}
        if last[claim.subject, claim.scope.level] > arrows:
            changed["when"] = "elsewhere"
        if some and len(counts) == 1:
            least, text = claim.quantity.least, f"at least {claim.quantity.text}"
            changed["quantity"] = Quantity(least=least, most=NO_BOUND, text=text)
        yield claim.model_copy(update=changed)


_SPLIT_CURRENT = re.compile(r"\(\s*currently\b", _I)


def _clauses(text: str) -> Iterator[tuple[int, str, bool, int]]:
    """(offset, clause, whether the sentence ends with it, arrows before it)."""
    start = arrows = 0
    for found in _SPLIT.finditer(text):
        if found.start() - start > 0:
            yield from _cut(start, text[start:found.start()], bool(_STOP.match(found.group())), arrows)
        elif _STOP.match(found.group()):
            yield start, "", True, arrows
        arrows += found.group() in _ARROWS
        start = found.end()
    yield from _cut(start, text[start:], True, arrows)


def _cut(start: int, text: str, ends: bool, arrows: int) -> Iterator[tuple[int, str, bool, int]]:
    for at in range(0, max(1, len(text)), _MOST_CLAUSE):
        yield start + at, text[at:at + _MOST_CLAUSE], ends and at + _MOST_CLAUSE >= len(text), arrows


