"""How people write counts of tests: numbers, nouns, results, and what shows that no result is claimed."""

from __future__ import annotations

import re
from typing import Literal

from bot.domain.claims import Quantity, Subject

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
            "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")
_VALUES = {word: number for number, word in enumerate(_NUMBERS)} | {"no": 0, "none": 0, "both": 2, "a dozen": 12}

N = rf"(?<![\w.,/:#$€-])(?:\d{{1,3}}(?:,\d{{3}}){{1,3}}|\d{{1,9}}|{'|'.join(_NUMBERS)})(?![\w]|[.,:]\d)"
NOT_ADJECTIVE = (r"(?:with|of|in|for|and|or|files?|suites?|times|min(?:ute)?s?|sec(?:ond)?s?|hours?|days?|out|to|"
                  r"from|the|"
                  r"more|other|additional|further|remaining|extra|these|those|that|which|are|were|is|was|have|has|by|"
                  r"per|at|on|as|users?|lines?|bugs?|issues?|fix\w*|not|new-style|flaky|pass\w*|fail\w*|skip\w*)\b")
ADJECTIVES = rf"(?:(?!{NOT_ADJECTIVE})[a-z][\w/+&-]{{0,30}}\s+){{0,4}}?"
TESTS = (r"(?:tests?(?!\s+(?:files?|suites?|class(?:es)?|modules?|plans?|runs?|levels?|layers?|categor\w+|user\w*|"
         r"account\w*|data\w*|fixtures?|environments?|cycles?|phases?|users?|helpers?|dependenc\w+|servers?|keys?|"
         r"tokens?|"
         r"failures?|errors?|attempts?|requests?|windows?|assertions?|patterns?))"
         r"(?:\s+(?:cases?|methods?|functions?|scenarios?))?)")
AUX = (r"(?:(?:are|were|is|was|have|has|had|been|be|being|currently|now|all|have\s+been|successfully|correctly|"
       r"cleanly|that|which|who|do|did)\s+){0,4}")
PASS = r"(?:pass(?:ed|es|ing)?|succeed(?:ed|s|ing)?|successful|green)"  # noqa: S105 - no secret
FAIL = r"(?:fail(?:ed|s|ing)?)"
SKIP = r"(?:skipped|x-?fail(?:ed|s)?|xpass(?:ed)?|expected\s+failures?)"
ERROR = r"(?:error(?:ed|s|ing)?)"
STATUS = rf"(?P<status>{PASS}|{FAIL}|{SKIP}|{ERROR})"
MADE = (r"(?P<made>created|written|implemented|added|authored|generated|collected|discovered|run|ran|executed|"
        r"in\s+total|total|overall|developed|delivered)")
# What follows a status and makes it something else: "pass rate", "failing services", "passed criteria".
END = (r"(?![\w-])(?!\s+(?!(?:unit|integration|e2e|end-to-end|tests?|and|in|with|due|because|out|on|but|after|while|"
       r"as|at|"
       r"here|now|so|since|cases?|successfully|cleanly|today|overall|total|also|locally|both|during|without|or|of|"
       r"only|from|per|currently|again|\d+|every|is|are|by|§|✅|❌|⚠)\b)[a-z])")

PERCENT = r"(?<![\w.,/$€-])(?P<p>\d{1,3}(?:\.\d{1,4})?)\s?(?:%|percent|per cent)(?P<plus>\+?)"

AIM = re.compile(
    r"\b(?:must|should|shall|will|would|could|can|may|might|ensure|ensures|expect(?:ed|s|ing)?|target(?:ed|s)?|goals?|"
    r"aims?|"
    r"need(?:s|ed)?\s+to|in\s+order\s+to|unless|until|once|if|whether|when|whenever|wait|assume|suppose|"
    r"planned?|planning|todo|to-do|require[sd]?\s+(?:that|all)|to\s+be|at\s+least\s+one|verify\s+that|"
    r"make\s+sure|confirm\s+that|criteri(?:a|on)|only\s+after|example|e\.g|for\s+instance|requirement|"
    r"claim(?:s|ed)?|allegedly|supposedly|report(?:s|ed)?\s+that|said|says|states?|stated|hypothetical\w*|"
    r"try|tries|attempt(?:s|ed|ing)?\s+to|not\s+all|not\s+every|never|(?<!all )(?<!tests )except(?:ing)?|excluding|"
    r"other\s+than|"
    r"apart\s+from|"
    r"individually|in\s+isolation|almost|nearly|let|let's|no\s+longer)\b", re.IGNORECASE)
OPENS_AIM = re.compile(r"\s*(?:before|after|to|if|when|once|until|unless|ensure|goal|target|expected|for|next|then|"
                       r"acceptance|require\w*|so\s+that|in\s+order)\b", re.IGNORECASE)
REPORTED = re.compile(r"\b(?:says|said|claims|claimed|states|stated|alleges|alleged|asserts|wrote\s+that|"
                      r"reports?\s+that|"
                      r"reported\s+that|supposedly|according\s+to)\b", re.IGNORECASE)
ELSEWHERE = re.compile(
    r"\b(?:previous(?:ly)?|before|earlier|formerly|baseline|initial(?:ly)?|originally|original|prior|used\s+to|"
    r"at\s+first|"
    r"first\s+(?:run|attempt|try|time)|second\s+(?:run|attempt)|last\s+(?:run|time|week|month|cycle|night)|yesterday|"
    r"historical(?:ly)?|old|ago|on\s+(?:the\s+)?(?:main|master|base)\b|upstream|without\s+the|"
    r"with\s+the\s+\w+\s+reverted|"
    r"revert(?:ed|ing)?|in\s+(?:the\s+)?(?:ci|staging|production|docker)\b|on\s+(?:ci|windows|macos|linux|mac|staging|"
    r"python\s+\d[\d.]*|main)\b|under\s+python|locally|nightly|on\s+(?:my|his|her|our|their|another|someone's)"
    r"\s+(?:own\s+)?(?:machine|laptop|computer|box|pc)|other\s+machine|re-?runs?|re-?ran|retry|retries|"
    r"per\s+run|"
    r"each\s+(?:run|time|of)|attempt\s+\d+|run\s+#?\d+|runs|mutants?|mutations?|times|"
    r"on\s+(?:3|py)\.?\d[\d.]*|executions|invocations|repetitions|first|second|third|minus|plus|compared|versus|vs|"
    r"up\s+from|down\s+from|instead\s+of)\b",
    re.IGNORECASE)
NOW = re.compile(r"\b(?:now|any\s?more|currently|today|remain(?:s|ing)?|left|at\s+present|this\s+(?:run|time|week))\b",
                 re.IGNORECASE)
AIM_HEADING = re.compile(
    r"\b(?:recommendations?|next\s+steps?|(?:success|acceptance|pass|exit|completion)\s+(?:criteria|metrics|"
    r"indicators)|criteria|"
    r"remaining\s+work|todo|to\s+do|goals?|targets?|expected|example|plan(?:ned)?|timeline|roadmap|requirements?|"
    r"mitigations?|strategy|how\s+to|checklist|follow-?ups?|future|definition\s+of\s+done|template|glossary|background|"
    r"history|changelog|what\s+the\s+report\s+(?:said|claimed))\b", re.IGNORECASE)
RUN_HEADING = re.compile(
    r"\b(?:before|after|baseline|previous|initial|earlier|prior|original|(?:run|attempt|cycle|iteration|round|pass|"
    r"try|day|"
    r"re-?run|retry|sprint)\s*#?\s*\d+|first|second|third|final|re-?runs?|retry|python\s+\d[\d.]*|windows|macos|linux|"
    r"ci|"
    r"locally|local|docker|staging\s+run|mutants?|mutation|red|green|reverted|\d{4}-\d\d-\d\d|v\d+(?:\.\d+)+)\b",
    re.IGNORECASE)

_LEVEL = re.compile(
    r"\b(unit|integration|e2e|end[- ]to[- ]end|functional|smoke|regression|performance|stress|load|contract|security|"
    r"acceptance|api|ui|system|chaos)(?=[\s-]+(?:\w+[\s-]+){0,3}?(?:tests?|suites?|tier|layer|level|failures?|failure|"
    r"fail|"
    r"pass|checks?|scenarios?|cases?|results)\b|\s*:|\s*$)", re.IGNORECASE)

TEST_ID = re.compile(r"(?<![\w/.])(?:[\w./-]{1,300}\.py::)?(?:\w{1,100}::){0,4}(test_\w{1,200}|"
                     r"Test[A-Z]\w{1,100}::\w{1,100})"
                     r"(\[[^\]\n]{0,200}\])?(?![\w./-]*\.py)(?!/)")
TEST_FILE = re.compile(r"(?<![\w.-])/?((?:[\w.-]{1,100}/){0,20}(?:test_[\w.-]{1,200}|[\w.-]{1,200}_tests?|"
                       r"[\w.-]{1,200}_"
                       r"(?:unit|integration|e2e))\.(?:py|js|ts|tsx|go|java|rb))(?![\w.])")

Result = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "errors"]
_TIME = re.compile(r"~?\s*(?:(\d{1,3})\s?h(?:ours?)?\s*)?(?:(\d{1,5})\s?m(?:in(?:ute)?s?)?\.?\s*)?"
                   r"(?:(\d{1,6}(?:\.\d{1,6})?)\s?(ms|s(?:ec(?:ond)?s?)?)\.?)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d\d(?:\.\d{1,6})?)")


def test_name(match: re.Match[str]) -> str:
    """The name that `TEST_ID` matched, with its class and parameters."""
    return match[1] + (match[2] or "")


def number(text: str) -> int:
    """The value of a number as it was matched by `N`."""
    low = text.lower().replace(",", "")
    return _VALUES[low] if low in _VALUES else int(low)


def exactly(value: float, text: str = "") -> Quantity:
    """Exactly one value."""
    return Quantity(least=value, most=value, text=text or f"{value:,g}")


def percent(text: str, plus: bool = False, about: bool = False) -> Quantity:
    """A share as it is written: right to the digits that it shows, rounded either way."""
    value = float(text)
    step = 5.0 if about else 10.0 ** -len(text.partition(".")[2])
    step = 0.0 if value in (0.0, 100.0) and not about else step
    return Quantity(least=value - step, most=100.0 if plus else value + step, text=f"{text} %" + ("+" * plus))


def result_of(word: str) -> Result:
    """Which result a status word names."""
    low = word.lower().replace("-", "")
    if low.startswith(("xpass", "unexpected")):
        return "xpassed"
    if low.startswith(("xfail", "expected")):
        return "xfailed"
    if low.startswith(("pass", "succ", "green", "ok")):
        return "passed"
    if low.startswith("fail"):
        return "failed"
    return "errors" if low.startswith("err") else "skipped"


def seconds_in(text: str) -> float | None:
    """The seconds of a time such as `1m 12s`, `0.4 s` or `0:38`; None for what is none."""
    text = text.strip()
    if (clock := _CLOCK.fullmatch(text)) is not None:
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    found = _TIME.fullmatch(text)
    if found is None or not (found[1] or found[2] or found[3]):
        return None
    seconds = float(found[3] or 0) * (0.001 if (found[4] or "").lower() == "ms" else 1)
    return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + seconds


def share_of(word: str) -> Subject:
    """The share that a word of a rate names."""
    return "failed share" if word.lower().startswith("fail") else "passed share"


def level_in(text: str) -> str:
    """The last level of tests that a text names, else an empty string."""
    found = [one[1].lower() for one in _LEVEL.finditer(text)]
    return "e2e" if found and found[-1].startswith("end") else found[-1] if found else ""
