"""Claims about one test: its name, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.audit.claims.markdown import Unit
from bot.audit.claims.places import Places
from bot.audit.claims.wording import AIM, AUX, ELSEWHERE, TEST_ID, Result, exactly, result_of, test_name
from bot.domain.claims import Claim, When

_I = re.IGNORECASE
_MARKED = re.compile(r"(?<![\w-])(PASS(?:ED|ES|ING)?|FAIL(?:ED|S|ING|URE)?|SKIPPED|ERROR(?:ED)?)(?![\w-])", _I)
_RESULT = re.compile(rf"\W{{0,20}}(?:test\W{{1,3}})?(?:status\W{{1,3}}|result\W{{1,3}})?{AUX}(?:PASS(?:ED|ES|ING)?|"
                     rf"FAIL(?:ED|S|ING|URE)?|"
                     r"SKIPPED|"
                     r"ERROR(?:ED)?)\W{0,12}(?:(?:in\W)?\d[\d.]{0,9}\W?m?s(?:ec\w{0,5})?)?\W{0,12}"
                     r"(?:\d{1,3}%\W{0,3})?", _I)


_ONE = re.compile(r"[^\w]{0,8}(PASSED|FAILED|SKIPPED|ERROR|XFAIL)\W{0,4}(?:\(?\d{1,6}(?:\.\d{1,6})?\s?m?s\)?|\[\s{0,3}"
                  r"\d{1,3}%\])?\s*")
_MARKUP = str.maketrans("", "", "`*")
_SAYS = re.compile(
    r"[`'\"*]{0,4}(?:\(\))?[`'\"*]{0,4}\s+(?:(?:still|now|also|both|all|has|is|was|have|are|were|currently)\s+){0,3}"
    r"(?P<said>pass(?:es|ed|ing)?|fail(?:s|ed|ing)?|green|red|skipped|errors|errored|succeed(?:s|ed))"
    r"(?=[.,;:!)]|\s*$|\s+(?:and|while|but|again|now|today|here|too|every\s+time|in\s+every|cleanly|"
    r"successfully)\b)", _I)
_SENTENCE = re.compile(r"[.!?](?=\s|$)|\n(?=\s*[-*|#])")
_FAILING = re.compile(r"(?:^|[.(]\s?)\W{0,4}(?:(?:the\s+)?(?:\w{1,20}\s+){0,3}?(?P<said>failing|failed|passing|passed|"
                      r"skipped)\s+tests?)"
                      r"\W{0,6}:(?P<names>[^.;\n]{1,600})", _I)


def claims(unit: Unit, places: Places) -> Iterator[Claim]:
    """The claims of how a named test ended: `test_a` with its mark, or in a sentence."""
    if places.is_aim(unit) or unit.checked is False:
        return
    if unit.kind != "code":
        yield from _marked(unit, places)
    if unit.kind in {"text", "code"}:
        yield from _lines(unit, places)
    if unit.kind in {"text", "item"}:
        yield from _in_words(unit, places)


def _lines(unit: Unit, places: Places) -> Iterator[Claim]:
    """Lines that have nothing but a test and its result, as `pytest -v` prints them."""
    for at, line in enumerate(unit.raw.split("\n")[:200]):
        name = TEST_ID.search(line[:600])
        rest = f"{line[:name.start()]} {line[name.end():600]}" if name is not None else ""
        found = _ONE.fullmatch(rest.translate(_MARKUP))
        if name is not None and found is not None:
            result = result_of(found[1])
            yield places.claim(unit, "outcome", exactly(0, result), unit.line + at, test=test_name(name), word=result)


def _in_words(unit: Unit, places: Places) -> Iterator[Claim]:
    """`test_a` fails; each sentence by itself, so that what is a wish or of another run is left out."""
    start = 0
    raw = unit.raw[:4_000]
    for end in (*(found.end() for found in _SENTENCE.finditer(raw)), len(raw)):
        sentence, at, start = raw[start:end], start, end
        if AIM.search(sentence) or not TEST_ID.search(sentence):
            continue
        when: When = "elsewhere" if ELSEWHERE.search(sentence) else "now"
        for name in TEST_ID.finditer(sentence):
            says = _SAYS.match(sentence, name.end())
            if says is not None:
                result: Result = "failed" if says["said"].lower() == "red" else result_of(says["said"])
                line = unit.line + raw.count("\n", 0, at + name.start())
                yield _ended(places, unit, line, name, result, when)
        listed = _FAILING.search(sentence)
        if listed is not None:
            result = result_of(listed["said"])
            for name in TEST_ID.finditer(listed["names"]):
                line = unit.line + raw.count("\n", 0, at + listed.start("names") + name.start())
                yield _ended(places, unit, line, name, result, when)


def _ended(places: Places, unit: Unit, line: int, name: re.Match[str], result: Result, when: When) -> Claim:
    return places.claim(unit, "outcome", exactly(0, result), line, test=test_name(name), word=result, when=when)


def _marked(unit: Unit, places: Places) -> Iterator[Claim]:
    ids = {test_name(match): match for match in TEST_ID.finditer(unit.raw[:4_000])}
    if len(ids) != 1:
        return
    rest = TEST_ID.sub(" ", unit.raw[:4_000]).replace("`", " ")
    first = re.split(r"[:\n]|\s[-–—]\s(?=.*\w.*\s[-–—]\s)", rest, maxsplit=1)[0] if unit.kind == "text" else rest
    words = {result_of(word) for word in _MARKED.findall(first)}
    clear = "✅" in first, "❌" in first
    if len(words) == 1 and _RESULT.fullmatch(first[:160]):
        result = words.pop()
    elif not words and clear[0] != clear[1] and len(rest.strip(" -*✅❌\n")) < 3:
        result = "passed" if clear[0] else "failed"
    else:
        return
    if clear == (False, True) and result == "passed":
        return
    name = next(iter(ids))
    when: When = "elsewhere" if ELSEWHERE.search(first) else "now"
    yield places.claim(unit, "outcome", exactly(0, result), unit.line, test=name, word=result, when=when)


