"""A mock stood in the place of something of the product's while a test ran, and nothing called it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator

from bot.audit.observed.recorded import Recorded, recorded
from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.rule import Context, Example, Hit, Rule
from bot.domain.suite import FileLines, Observation, SeenMock

_SILENCING = re.compile(
    r"log|sleep|metric|stats|trace|span|telemetry|sentry|print|warn|notify|report|audit|record|emit|signal|progress|"
    r"stdout|stderr|mail|send|publish|time\b|clock|now|random|uuid|environ|getenv|exit|thread|open|schedule|task",
    re.IGNORECASE,
)
_SCENARIO = re.compile(
    r"fail|error|down|outage|unavailab|timeout|timed_?out|slow|refus|lost|broken|crash|raise|reject|denied|expired|full|"
    r"retr(y|ies)|fallback|recover|survive|disconnect|corrupt|interrupt", re.IGNORECASE)
_CONFIGURED = ("side_effect", "return_value")
_FAILS = re.compile(r"(Error|Exception|Timeout|Refused|Down|Unavailable|Closed)$")


def _check(context: Context) -> Iterator[Hit]:
    for test in recorded(context):
        if not (test.passed and test.watched and test.body_ran):
            continue
        places = {(mock.path, mock.line, mock.target) for item in test.seen for mock in item.mocks if mock.target}
        used = {(mock.path, mock.line, mock.target) for item in test.seen for mock in item.mocks
                if mock.calls or mock.checked}
        others = any(mock.calls for item in test.seen for mock in item.mocks if mock.target)
        for path, line, target in sorted(places - used):
            if path == test.view.source.path and not _asked(test, target):
                yield from _told(test, line, target, others)


def _told(test: Recorded, line: int, target: str, others: bool) -> Iterator[Hit]:
    if _configured(test.view.calls, line, _CONFIGURED):
        return  # what was told to answer in the test's own body is another rule's to judge
    claims = bool(_SCENARIO.search(test.view.node.name))
    raising = _raises(test, line)
    quiet = bool(_SILENCING.search(target)) and not raising
    words = f"in the run nothing called the mock in the place of `{target}`"
    if claims and raising and not others:
        yield test.hit(f"{words}, so what the test is about did not happen", at=line)
    elif not quiet:
        yield test.hit(f"{words}: the patch changes nothing, or the way to it was not taken", at=line, warning=True)


def _raises(test: Recorded, line: int) -> bool:
    """Whether a decorator, fixture or helper told the mock to raise, at the line where it was put."""
    view = test.view
    decorators = [*view.node.decorator_list, *(item for cls in view.case.classes for item in cls.decorator_list)]
    calls = [*(call for item in decorators for call in every(item, ast.Call)),
             *(call for body in view.helpers for call in body.every(ast.Call))]
    return any(_FAILS.search(last_name(effect)) for effect in _configured(calls, line, {"side_effect"}))


def _configured(calls: Iterable[ast.Call], line: int, words: Collection[str]) -> list[ast.expr]:
    """What the calls at a line give a mock to do."""
    return [word.value for call in calls if call.lineno <= line <= (call.end_lineno or call.lineno)
            for word in call.keywords if word.arg in words]


def _asked(test: Recorded, target: str) -> bool:
    """Whether the test looks at whether the mock was called, by its attributes, or wants that it is not."""
    looked = {item.attr for item in test.view.attributes}
    if looked & {"called", "call_count", "call_args", "call_args_list", "mock_calls", "await_count", "awaited"}:
        return True
    bare = target.rpartition(".")[2]
    said = f"{test.view.node.name} {ast.get_docstring(test.view.node) or ''}"
    avoided = re.search(r"\bnot?\b|_not?_|never|without|skip|avoid|cache|only|before|instead", said, re.IGNORECASE)
    return avoided is not None or any(bare in raises_names(item.context_expr) for node in test.view.withs
                                      for item in node.items)


_ID = "tests/unit/test_example.py::test_outage_is_survived"
_BAD = """\
from unittest.mock import patch
from product.service import read


@patch('product.service.fetch', side_effect=ConnectionError)
def test_outage_is_survived(fetch):
    assert read('a') == 'unknown'
"""
_CODE = """\
def fetch(key):
    return {'b': 'c'}[key]


def read(key):
    if key == 'a':
        return 'unknown'
    try:
        return fetch(key)
    except ConnectionError:
        return 'unknown'
"""


def _seen(calls: int) -> tuple[Observation, ...]:
    path = "tests/unit/test_example.py"
    ran = (FileLines(path="product/service.py", lines=(6, 7)), FileLines(path=path, lines=(7,)))
    mock = SeenMock(path=path, line=5, target="product.service.fetch", calls=calls)
    return (Observation(test=_ID, path=path, line=5, status="passed", reached=("product/service.py::read",),
                        watched=True, lines=ran, mocks=(mock,)),)


RULE = Rule(
    id="patched-and-never-called",
    defect_class="unwired-double",
    title="The patched name was never called in the run",
    rationale="The scenario that the mock was told to play did not happen, so the test passed for another reason.",
    hint="Patch the name where the code under test looks it up, build the state in which it does, and assert the call.",
    check=_check,
    needs_run=True,
    good=Example(_BAD.replace("'a'", "'b'"), _CODE, observations=_seen(1)),
    bad=Example(_BAD, _CODE, observations=_seen(0)),
)
