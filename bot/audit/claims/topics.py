"""What a clause is about: tests at all, something else that is counted, or a part of the tests that it names."""

from __future__ import annotations

import re

from bot.audit.claims.places import words
from bot.audit.claims.wording import NOT_ADJECTIVE

_I = re.IGNORECASE
TOPIC = re.compile(r"\btests?\b|\btesting\b|\bsuites?\b|pytest", _I)
FOREIGN = re.compile(r"\b\d[\d,]{0,9}(?:/\d+)?\s+(?:\w{1,20}\s+){0,2}?(?:requests?|users?|connections?|attempts?|"
                      r"messages?|jobs?|pods?|"
                      r"services?|checks?|builds?|calls?|logins?|combinations?|quer(?:y|ies)|replicas?|nodes?|"
                      r"instances?|"
                      r"deployments?|migrations?|records?|rows?|lines?|files?|retries|sessions?|events?|tasks?|steps?|"
                      r"items?|"
                      r"clients?|workers?|servers?|packages?|modules?|commits?|workflows?|pipelines?|mutants?|"
                      r"students?|"
                      r"transactions?|orders?|uploads?|imports?|links?|endpoints?|patterns?|scenarios?)\b", _I)
FOREIGN_NOUN = re.compile(r"\b(?:requests?|users?|connections?|messages?|pods?|builds?|calls?|logins?|quer(?:y|ies)|"
                          r"replicas?|"
                          r"nodes?|instances?|deployments?|migrations?|records?|sessions?|events?|transactions?|"
                          r"orders?|"
                          r"uploads?|students?|packages?|mutants?|throughput|latency)\b", _I)
_NAMED = re.compile(rf"\b(?P<of>(?:(?!(?:{NOT_ADJECTIVE}))[a-z][\w-]{{1,30}}\s+){{1,3}})(?:tests?|suites?|"
                    rf"test\s+cases?)\b(?!\s*/)", _I)
_WITHIN = re.compile(r"^\W{0,4}in\s+(?:the\s+)?(?P<of>[a-z_][\w-]{2,30})$", _I)
_WHOLE = re.compile(r"\b(?:overall|in\s+total|altogether|in\s+all|combined|all\s+tests|across|everything|together|"
                    r"we're\s+at|"
                    r"whole|entire|full)\b", _I)


def topic_of(clause: str) -> str | None:
    """What tests a clause names by a word: `billing` of `20 billing tests`; empty for all, None when it names none."""
    if _WHOLE.search(clause):
        return ""
    match = _NAMED.search(clause) or _WITHIN.match(clause)
    return (words(match["of"]) or None) if match is not None else None
