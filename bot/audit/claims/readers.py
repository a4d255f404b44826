"""Reads the counts, shares and durations of one clause of prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.audit.claims.markdown import Unit
from bot.audit.claims.times import durations
from bot.audit.claims.topics import FOREIGN, TOPIC
from bot.audit.claims.wording import (
    ADJECTIVES,
    AUX,
    END,
    FAIL,
    MADE,
    PASS,
    PERCENT,
    SKIP,
    STATUS,
    TESTS,
    N,
    exactly,
    level_in,
    number,
    percent,
    result_of,
    share_of,
)
from bot.domain.claims import Quantity, Subject

_I = re.IGNORECASE
_FRACTION = re.compile(rf"(?P<n>{N})\s*(?:/|of(?:\s+the)?|out\s+of(?:\s+the)?)\s*(?P<m>{N})\s+"
                       rf"(?:{ADJECTIVES}{TESTS}\s+)?{AUX}{STATUS}{END}", _I)
_SLASHED = re.compile(rf"(?P<n>(?<![\w.,/:-])\d{{1,6}})\s*/\s*(?P<m>\d{{1,6}}(?![\w/]|\.\d))\s+"
                      rf"(?:{ADJECTIVES}{TESTS}\s+)?{AUX}{STATUS}{END}", _I)
_STATUS_FRACTION = re.compile(rf"\b{STATUS}(?:\s+{TESTS})?\s*:?\s*(?P<n>\d{{1,6}})\s*(?:/|of|"
                              rf"out\s+of)\s*(?P<m>\d{{1,6}})"
                              r"(?![\w/]|\.\d)", _I)
_ALL = re.compile(rf"\b(?P<all>all|both|every|each|100%\s+of)\s+(?:of\s+)?(?:the\s+|our\s+|these\s+)?(?:(?P<n>{N})\s+)?"
                  rf"(?P<noun>(?:(?:single\s+)?one\s+)?(?:of\s+)?(?:them|these|those)\s+|"
                  rf"(?:single\s+)?one\s+of\s+the\s+"
                  rf"{ADJECTIVES}{TESTS}\s+|{ADJECTIVES}{TESTS}\s+)?{AUX}(?P<status>{PASS}|{FAIL}){END}", _I)
_WORD_COUNT = re.compile(rf"\b(?P<status>pass(?:ed)?|fail(?:ed|ure)?|skip(?:ped)?|error)\s+count\s*(?:is|was|of|:|"
                         rf"=)?\s*"
                         rf"(?P<n>{N})", _I)
_TICKED = re.compile(r"(?:^|:)\W{0,4}(?P<n>(?<![\w.,/:-])\d{1,6})\s?/\s?(?P<m>\d{1,6})"
                     r"\s*(?:\(\d{1,3}\s?%\)\s*)?(?P<status>[✅✔✓❌🟢🔴])")
_NONE = re.compile(rf"\b(?:no|none(?:\s+of\s+the)?|zero|not\s+(?:a\s+single|one))"
                   rf"\s+(?P<noun>{ADJECTIVES}{TESTS}\s+)?{AUX}(?P<status>{PASS}|"
                   rf"{FAIL})"
                   rf"{END}|\bno\s+test\s+(?P<plain>failures)\b", _I)
_MOST = re.compile(rf"\b(?P<word>half|most|(?:a|the)\s+(?:vast\s+)?majority)(?:\s+of)?\s+(?:the\s+|our\s+)?"
                   rf"{ADJECTIVES}{TESTS}\s+{AUX}(?P<status>{PASS}|{FAIL}){END}", _I)
_COUNT = re.compile(rf"(?P<n>{N})\s+(?:of\s+(?:them|these|those|which)"
                    rf"\s+)?(?P<noun>{ADJECTIVES}{TESTS}\s+)?(?:still\s+)?"
                    rf"{AUX}{STATUS}{END}", _I)
_ALL_BUT = re.compile(rf"\b(?:all|every\s+(?:{ADJECTIVES}{TESTS}))\s+(?:but|except(?:\s+for)?)\s+(?P<n>{N})"
                      rf"(?:\s+of\s+(?:them|these|those|(?:the\s+)?(?P<m>{N}))"
                      rf")?(?:\s+{ADJECTIVES}{TESTS})?\s+{AUX}(?P<status>{PASS}|{FAIL}){END}", _I)
_NO_FAILURES = re.compile(r"\b(?P<n>no|zero|0|without(?:\s+any)?)\s+(?:test\s+|single\s+)?(?:(?P<status>failures?|"
                          r"errors?|failing\s+tests?|"
                          r"failed\s+tests?|test\s+failures?)(?![\w-])(?:\s+and\s+no\s+(?P<other>failures?|errors?))?)"
                          r"(?=\s*$|\s+(?:occurred|were|was|are|is|remain\w*|at\s+all|during|whatsoever|found|"
                          r"observed|left|"
                          r"or\b|and\b|in\s+(?:this|the|any)\s+(?:run|suite|tests?)))", _I)
_NONE_HAD = re.compile(r"\bnone(?:\s+of\s+(?:them|these|those))?\s+(?:had|has|have|ended\s+with|showed)\s+"
                       r"(?:an?\s+|any\s+)?"
                       r"(?P<status>failures?|errors?)(?![\w-])(?P<other>)", _I)
_SOME = re.compile(r"\s+(?:with(?!\s+(?:\d|no\b|zero|one|two|three|all|the\s+(?:fix|change|patch)))|due\s+to|because|"
                   r"thanks\s+to|"
                   r"from|by|under|without(?!\s+(?:a\s+|any\s+)?(?:fail|error|problem|issue|skip))|at\s+(?!all\b)|"
                   r"on\s+(?!all\b)|in\s+(?:the\s+)?(?!\d|total|this|all|under|about|less|over|~)[`§a-z])", _I)
_MORE_THAN = re.compile(r"(?:\b(?:more\s+than|over|at\s+least|above|no\s+fewer\s+than|upwards\s+of)\s+|[>≥]=?\s?)$", _I)
_FEWER_THAN = re.compile(r"(?:\b(?:(?:fewer|less|no\s+more|not\s+more)\s+than|at\s+most|under|below|up\s+to)\s+|"
                         r"[<≤]=?\s?)$", _I)
NO_BOUND = 1e12
"""The upper bound of a count that has none."""
_ONLY = re.compile(r"\b(?:only|just|exactly|remaining|other|rest|total|overall|altogether)\W{0,3}$", _I)
_COUNT_NOUN = re.compile(rf"(?P<n>{N})\s+(?P<status>{PASS}|{FAIL}|{SKIP})\s+(?P<noun>{ADJECTIVES}{TESTS})", _I)
_COUNT_FAILURES = re.compile(rf"(?P<n>{N})\s+(?:unit\s+|integration\s+)?test\s+(?P<status>failures?|errors){END}", _I)
_NEEDS = re.compile(rf"(?P<n>{N})\s+(?:{ADJECTIVES}{TESTS}\s+)?(?:still\s+)?(?:requires?|requiring|needs?|needing)\s+"
                    r"(?:\w{1,20}\s+){0,2}?(?:fix(?:es|ing)?|tuning|adjust\w*|rework|repairs?)\b", _I)
_MADE = re.compile(rf"(?P<n>{N})\s+{ADJECTIVES}{TESTS}\s+{AUX}{MADE}\b", _I)
_MAKES = re.compile(rf"\b(?P<made>created|wrote|implemented|added|collected|ran|executed|delivered|"
                    rf"running)\s+(?:a\s+total\s+"
                    rf"of\s+|all\s+)?(?P<n>{N})\s+{ADJECTIVES}(?:{TESTS}|items)", _I)
_TOTAL = re.compile(rf"\b(?P<made>total)(?:\s+(?:number\s+)?(?:of\s+)?(?P<noun>{TESTS}))?(?:\s+(?:run|executed|"
                    rf"created))?\s*:?\s*"
                    rf"(?P<n>{N})\s*(?P<after>{TESTS})?", _I)
_TESTS_LABEL = re.compile(rf"^\W{{0,4}}(?P<noun>(?:total\s+)?(?:number\s+of\s+)?{ADJECTIVES}{TESTS})"
                          rf"(?:\s+(?P<made>created|written|implemented|run|"
                          rf"executed|"
                          rf"collected))?\s*:\s*(?P<n>{N})\b", _I)
_ALONE = re.compile(rf"^\W{{0,4}}(?:(?:of\s+)?(?:the|our|all|"
                    rf"these)\s+)?(?P<n>{N})\s+{ADJECTIVES}{TESTS}(?:\s+total)?\W{{0,4}}"
                    r"(?:$|:)", _I)
_MADE_ALONE = re.compile(rf"^\W{{0,4}}(?P<n>{N})\s+{MADE}\W{{0,4}}$", _I)
COUNTS_TOO = re.compile(rf"\b(?:\d{{1,6}}|all|both)\s+(?:of\s+them\s+)?(?:{PASS}|{FAIL})\b", _I)
_THOSE = re.compile(r"\s+(?:\w{1,20}\s+){0,2}?(?:tests?|cases?|ones)\b", _I)
MADE_TOO = re.compile(rf"\b\d{{1,6}}\s+(?:{MADE.replace('?P<made>', '?:')})", _I)
# What may stand before a count that has no noun: "and 4 failed", "only 4 passed", "results: 4 passed".
_BEFORE_COUNT = re.compile(r"\W*(?:(?:and|only|but|just|still|with|while|the|other|remaining|now|status|results?|"
                           r"summary|outcome|"
                           r"total|overall|is|are|we|have|had|got|see|there|gave|result|currently|of|them|which|these|"
                           r"in|all|"
                           r"totals|tally|score|run|final|so|far|truth|fact|passed|failed|skipped|\d+)\b\W*){0,6}", _I)
_RATE = re.compile(rf"(?P<about>~|about\s+|around\s+|roughly\s+|approximately\s+)?{PERCENT}\s+(?:(?!coverage|of\b|"
                   rf"faster|slower|"
                   rf"concurrent)[a-z]{{1,20}}\s+){{0,2}}?(?P<word>pass(?:ed|ing|es)?|success|green|fail(?:ed|ing|"
                   rf"ures?|s)?)"
                   rf"(?:(?P<rate>[\s-]+rate)(?![\w-])|{END})", _I)
_RATE_OF = re.compile(rf"\b(?P<word>pass|success|fail(?:ure)?)[\s-]+rate\s*(?:of|is|was|:|"
                      rf"at)?\s*(?P<about>~)?{PERCENT}", _I)
_PERCENT_OF = re.compile(rf"{PERCENT}\s+of\s+(?:the\s+|all\s+)?{ADJECTIVES}{TESTS}\s+{AUX}(?P<word>{PASS}|"
                         rf"{FAIL}){END}", _I)
_COVERAGE = re.compile(rf"{PERCENT}\s+(?:[a-z]{{1,20}}\s+){{0,2}}?coverage\b|\bcoverage\s*(?:of|is|was|:|at)?\s*"
                       r"(?P<q>\d{1,3}(?:\.\d{1,4})?)\s?%", _I)
_OTHER_LOAD = re.compile(r"\b(?:load|connections?|requests?|users?|messages?|uptime|delivery|deploy\w*|builds?|"
                         r"jobs?)\b", _I)



@dataclass(frozen=True)
class Found:
    """A claim in a clause, without its place. `some`: so many at least, by what the words after it single out."""

    subject: Subject
    quantity: Quantity
    word: str = ""
    some: bool = False


def of_clause(clause: str, unit: Unit, context: bool, counts_too: bool) -> Iterator[Found]:
    """What a clause claims. `context`: tests are spoken of; `counts_too`: its unit has counts of results."""
    taken: list[tuple[int, int]] = []
    for pattern, read in _READERS:
        for match in pattern.finditer(clause):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            own = context or TOPIC.search(clause) is not None
            # "4 errors" by itself may be any errors.
            errors = pattern is _COUNT and match["status"].lower() in {"error", "errors"}
            if errors and not (counts_too or match["noun"]):
                continue
            read_here = read(match, own)
            claims = [_bounded(one, clause, match, len(read_here) == 1) for one in read_here]
            if claims:
                taken.append(match.span())
                yield from claims
    made = _MADE_ALONE.match(clause) if context and counts_too else None
    if made is not None:
        yield from _read_made(made, context)
    alone = _ALONE.match(clause)
    if alone is not None and (unit.kind == "heading" or counts_too or "§" in unit.text) and not any(
            start < alone.end("n") for start, _ in taken):
        yield Found("total", exactly(number(alone["n"])), "named")
    yield from durations_in(clause)


def durations_in(clause: str) -> Iterator[Found]:
    """The durations that a clause claims."""
    return (Found("duration", quantity) for quantity in durations(clause))


def _bounded(found: Found, clause: str, match: re.Match[str], alone: bool) -> Found:
    """What a claim of so many, of more than so many or of so many of a kind says; `alone`: the match has no other."""
    before, value = clause[:match.start()], found.quantity.least
    if value != found.quantity.most and not found.subject.endswith("share"):
        return found
    if alone or found.subject != "total":
        if _MORE_THAN.search(before):
            most = 100.0 if found.subject.endswith("share") else NO_BOUND
            return replace(found, quantity=Quantity(least=value, most=most, text=f"at least {found.quantity.text}"))
        if _FEWER_THAN.search(before):
            return replace(found, quantity=Quantity(least=0, most=found.quantity.most,
                                                    text=f"at most {found.quantity.text}"))
    # A count that goes on with a reason or a place may be that of some tests only.
    some = found.subject in {"passed", "failed", "errors"} and value > 0 and not _ONLY.search(before)
    return replace(found, some=True) if some and _SOME.match(clause, match.end()) else found


def _status(match: re.Match[str]) -> Subject:
    return result_of(match["status"])


def _read_fraction(match: re.Match[str], context: bool) -> list[Found]:
    part, whole = number(match["n"]), number(match["m"])
    if not context or part > whole or _of_those(match):
        return []
    return [Found("total", exactly(whole), "of"), Found(_status(match), exactly(part), match["status"])]


def _of_those(match: re.Match[str]) -> bool:
    """Whether it goes on: "all 4 failing tests raise", "5 of the 6 passing tests", so that nothing is said of all."""
    return _THOSE.match(match.string, match.end()) is not None


def _read_all(match: re.Match[str], context: bool) -> list[Found]:
    if _of_those(match) or not (match["noun"] or (context and (match["n"] or match["all"].lower() == "all"))):
        return []
    share: Subject = share_of(match["status"])
    found = [Found(share, exactly(100, "all"), match["all"].lower())]
    if match["n"]:
        count = number(match["n"])
        found += [Found("total", exactly(count), "all"), Found(_status(match), exactly(count), "all")]
    elif match["all"].lower() == "both":
        found.append(Found("total", exactly(2, "both"), "all"))
    return found


def _read_none(match: re.Match[str], context: bool) -> list[Found]:
    if match["plain"]:
        return [Found("failed", exactly(0, "no"), "none")]
    return [Found(_status(match), exactly(0, "no"), "none")] if match["noun"] or context else []


def _read_most(match: re.Match[str], context: bool) -> list[Found]:
    low, high = (40.0, 60.0) if match["word"].lower() == "half" else (50.000001, 100.0)
    return [Found(share_of(match["status"]), Quantity(least=low, most=high, text=match["word"].lower()), "most")]


def _read_count(match: re.Match[str], context: bool) -> list[Found]:
    noun = match.groupdict().get("noun")
    if not noun:
        before = match.string[:match.start()]
        named = TOPIC.search(before) or _BEFORE_COUNT.fullmatch(before) or level_in(before)
        if not context or not named or FOREIGN.search(before):
            return []
    subject = result_of(match["status"])
    return [Found(subject, exactly(number(match["n"])), match["status"].lower())]


def _read_failures(match: re.Match[str], context: bool) -> list[Found]:
    subject: Subject = "errors" if match["status"].lower() == "errors" else "failed"
    return [Found(subject, exactly(number(match["n"])), "failures")]


def _read_all_but(match: re.Match[str], context: bool) -> list[Found]:
    subject: Subject = "not passed" if share_of(match["status"]) == "passed share" else "passed"
    whole = [Found("total", exactly(number(match["m"])), "of")] if match["m"] else []
    return [Found(subject, exactly(number(match["n"])), "all but"), *whole]


def _read_no_failures(match: re.Match[str], context: bool) -> list[Found]:
    said = [word for word in (match["status"], match["other"]) if word] if context else []
    return [Found("errors" if word.lower().startswith("err") else "failed", exactly(0, "no"), "none") for word in said]


def _read_word_count(match: re.Match[str], context: bool) -> list[Found]:
    return [Found(_status(match), exactly(number(match["n"])), "metric")] if context else []


def _read_ticked(match: re.Match[str], context: bool) -> list[Found]:
    """`12/12 ✅`: so many of so many passed, whatever the mark."""
    part, whole = int(match["n"]), int(match["m"])
    if not context or part > whole:
        return []
    return [Found("total", exactly(whole), "of"), Found("passed", exactly(part), "passed")]


def _read_needs(match: re.Match[str], context: bool) -> list[Found]:
    return [Found("not passed", exactly(number(match["n"])), "need work")] if context else []


def _read_made(match: re.Match[str], context: bool) -> list[Found]:
    return [Found("total", exactly(number(match["n"])), " ".join(match["made"].lower().split()))]


def _read_total(match: re.Match[str], context: bool) -> list[Found]:
    return _read_made(match, context) if match["noun"] or match["after"] else []


def _read_label(match: re.Match[str], context: bool) -> list[Found]:
    return [Found("total", exactly(number(match["n"])), (match["made"] or "total").lower())]


def _read_rate(match: re.Match[str], context: bool) -> list[Found]:
    if not context or _OTHER_LOAD.search(match.string) or float(match["p"]) > 100:
        return []
    about = bool(match.groupdict().get("about"))
    return [Found(share_of(match["word"]), percent(match["p"], bool(match["plus"]), about), "rate")]


def _read_coverage(match: re.Match[str], context: bool) -> list[Found]:
    value = match["p"] or match["q"]
    return [Found("coverage", percent(value), "coverage")] if context else []


_READERS = (
    (_COVERAGE, _read_coverage), (_PERCENT_OF, _read_rate), (_RATE, _read_rate),
    (_RATE_OF, _read_rate),     (_WORD_COUNT, _read_word_count), (_TICKED, _read_ticked), (_ALL_BUT, _read_all_but),
    (_NO_FAILURES, _read_no_failures),
    (_NONE_HAD, _read_no_failures), (_ALL, _read_all), (_NONE, _read_none), (_MOST, _read_most),
    (_STATUS_FRACTION, _read_fraction),     (_SLASHED, _read_fraction), (_FRACTION, _read_fraction),
    (_COUNT_FAILURES, _read_failures), (_NEEDS, _read_needs),     (_COUNT_NOUN, _read_count), (_COUNT, _read_count),
    (_MADE, _read_made), (_MAKES, _read_made), (_TOTAL, _read_total),     (_TESTS_LABEL, _read_label),
)
