"""The project's own conventions: those that bot.toml says, else those that its tests agree on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from bot.audit.reading.definitions import last_name
from bot.audit.reading.source import TestCase, base_names
from bot.audit.rule import WARNING, Context, Example, Hit, Rule
from bot.audit.surroundings.levels import level_of, markers
from bot.domain.config import AuditConfig, LevelConfig

FEWEST_TESTS = 10
"""Tests that must be there before a habit is taken for a convention."""
AGREED = 0.9
"""Share of the tests that must keep a habit for it to be a convention."""

_OF_PYTEST = {
    "parametrize",
    "skip",
    "skipif",
    "xfail",
    "usefixtures",
    "filterwarnings",
    "asyncio",
    "anyio",
    "trio",
    "django_db",
    "timeout",
    "flaky",
    "order",
    "dependency",
    "run",
    "benchmark",
    "freeze_time",
    "vcr",
    "respx",
    "httpx_mock",
    "twisted",
    "repeat",
    "no_cover",
    "enable_socket",
    "disable_socket",
    "allow_hosts",
}
_REGISTERED = re.compile(r"^\s*[\"']?([A-Za-z_]\w*)(?=\s*(\(|:|[\"'],?\s*$|$))")


def _hit(case: TestCase, message: str) -> Hit:
    return Hit(case.source.path, case.node.lineno, case.id, message, case.source.line(case.node.lineno))


def _said(context: Context) -> Iterator[Hit]:
    """What bot.toml says of names, places, marks and base classes."""
    conventions = context.conventions
    file_name, test_name = _pattern(conventions.file_name), _pattern(conventions.test_name)
    told: set[str] = set()
    for case in context.cases:
        name = PurePosixPath(case.source.path).name
        if file_name is not None and not file_name.fullmatch(name) and case.source.path not in told:
            told.add(case.source.path)
            yield _hit(case, f"the file name {name} is not of the form {conventions.file_name}")
        if test_name is not None and not test_name.fullmatch(case.node.name):
            yield _hit(case, f"the name {case.node.name} is not of the form {conventions.test_name}")
        yield from _of_level(context, case)


def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error:
        return None


def _of_level(context: Context, case: TestCase) -> Iterator[Hit]:
    planned = context.planned(case)
    level = planned.level if planned is not None else level_of(context, case)
    said = context.conventions.level.get(level.value) if level is not None else None
    if level is None or said is None:
        return
    if said.paths and not any(fnmatchcase(case.source.path, pattern) for pattern in said.paths):
        yield _hit(case, f"{level.value} tests stand in {', '.join(said.paths)}, this one in {case.source.path}")
    missing = _missing_mark(said, case)
    if missing:
        yield _hit(case, f"{level.value} tests bear the mark {missing}, this one does not")
    if said.base_classes and not _has_base(said, case):
        yield _hit(case, f"{level.value} tests are methods of a class with the base {' or '.join(said.base_classes)}")


def _missing_mark(said: LevelConfig, case: TestCase) -> str:
    there = set(markers(case))
    return "" if not said.markers or there & set(said.markers) else " or ".join(said.markers)


def _has_base(said: LevelConfig, case: TestCase) -> bool:
    names = {name for cls in case.classes for name in base_names(cls)}
    return bool(names & {name.rpartition(".")[2] for name in said.base_classes})


def _learnt(context: Context) -> Iterator[Hit]:
    """What nearly all of the tests do, where bot.toml says nothing; with a plan, nearly all that it did not order."""
    existing = [case for case in context.cases if context.planned(case) is None]
    if len(existing) < FEWEST_TESTS or context.conventions != AuditConfig():
        return
    judged = context.cases if context.plan is None else [case for case in context.cases if context.planned(case)]
    for habit, what in ((_file_form, "are in files named"), (_base, "are methods of a class with the base")):
        counted = Counter(habit(case) for case in existing)
        form, number = counted.most_common(1)[0]
        if not form or number < FEWEST_TESTS or number / len(existing) < AGREED:
            continue
        for case in judged:
            if habit(case) != form:
                yield _hit(case, f"{number} of {len(existing)} tests here {what} {form}, this one is not")


def _file_form(case: TestCase) -> str:
    name = PurePosixPath(case.source.path).name
    return "test_*.py" if name.startswith("test_") else "*_test.py" if name.endswith("_test.py") else ""


def _base(case: TestCase) -> str:
    names = base_names(case.classes[-1]) if case.classes else ()
    return names[0] if names else ""


def _registered(context: Context) -> frozenset[str] | None:
    """The marks that the configuration registers; None when it registers none or in code."""
    if not re.search(r"^\s*markers\s*=", context.config, re.MULTILINE):
        return None
    if any("addinivalue_line" in module.source.text for module in context.program.conftests):
        return None
    found: set[str] = set()
    inside = False
    for written in context.config.split("\n"):
        line = written
        if start := re.match(r"\s*markers\s*=\s*(.*)$", line):
            inside, line = True, start[1].lstrip("[ ")
        elif inside and (not line.strip() or line.strip() == "]" or re.match(r"\s*(\[|\w+\s*=)", line)):
            inside = False
        if inside:
            found |= {item[1] for part in re.split(r"(?<=[\"']),", line) if (item := _REGISTERED.match(part))}
    return frozenset(found)


def _marks(context: Context) -> Iterator[Hit]:
    known = _registered(context)
    if known is None:
        return
    for case in context.cases:
        owners = [*case.node.decorator_list, *(item for cls in case.classes for item in cls.decorator_list)]
        for owner in owners:
            inner = getattr(owner, "func", owner)
            name = last_name(inner)
            if last_name(getattr(inner, "value", inner)) == "mark" and name not in known | _OF_PYTEST:
                yield _hit(case, f"the mark {name} is not registered in the configuration of pytest")


def _check(context: Context) -> Iterator[Hit]:
    yield from _said(context)
    yield from _learnt(context)
    yield from _marks(context)


_TEST = """\
from product.service import one


def test_one():
    assert one() == 1
"""
_PRODUCT = """\
def one():
    return 1
"""

RULE = Rule(
    id="conventions",
    defect_class="convention",
    title="Not as this project writes its tests",
    rationale="Tests that stand elsewhere, or under other names, are not found by those who look for them.",
    hint="Put and name it as the other tests of its level are.",
    check=_check,
    severity=WARNING,
    good=Example(
        test=_TEST,
        implementation=_PRODUCT,
        conventions=AuditConfig(file_name=r"test_\w+\.py", level={"unit": LevelConfig(paths=("tests/unit/*",))}),
    ),
    bad=Example(test=_TEST, implementation=_PRODUCT, conventions=AuditConfig(file_name=r"test_unit_\w+\.py")),
)
