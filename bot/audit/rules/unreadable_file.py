"""A test file that cannot be examined: a syntax error, a null byte, hostile nesting or size."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import WARNING, Context, Example, Hit, Rule


def _check(context: Context) -> Iterator[Hit]:
    for item in context.program.unreadable:
        text = context.files[item.path].split("\n") if item.path in context.files else []
        line = text[item.line - 1].strip()[:200] if 0 < item.line <= len(text) else ""
        planned = context.plan is not None and any(test.path == item.path for test in context.plan.tests)
        severity = WARNING if item.sound and not planned else None
        message = f"{item.path} cannot be examined: {item.reason}"
        yield Hit(item.path, item.line, item.path, message, line, severity)


RULE = Rule(
    id="unreadable-file",
    defect_class="not-collected",
    title="A file that is no readable Python",
    rationale="What cannot be parsed cannot be collected, and nothing in it can be judged. A file of a newer Python or "
    "of great size may be sound, so that it is a warning that its tests were not judged; a planned one must be read.",
    hint="Write a file that Python accepts.",
    check=_check,
    good=Example(
        test="""\
from product.service import one


def test_one():
    assert one() == 1
""",
        implementation="""\
def one():
    return 1
""",
    ),
    bad=Example(
        test="""\
from product.service import one


def test_one(:
    assert one() == 1
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
