"""An `async def` test that the runner calls and never awaits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.reading.definitions import ClassInfo, last_name, targets_of
from bot.audit.reading.flat import every
from bot.audit.reading.reach import SETUPS
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import block_statements
from bot.audit.rule import WARNING, Context, Example, Found, Hit, Rule, per_test, without_parameters
from bot.audit.surroundings.awaiting import MARKS, by_itself, went_without, words_of
from bot.audit.view import View

_NEUTRAL = {
    "parametrize",
    "skip",
    "skipif",
    "xfail",
    "usefixtures",
    "filterwarnings",
    "timeout",
    "slow",
    "patch",
    "object",
    "dict",
    "given",
    "settings",
    "example",
    "flaky",
    "repeat",
    "integration",
    "unit",
    "e2e",
    "network",
}
_HOOKS = (
    "pytest_pyfunc_call",
    "pytest_collection_modifyitems",
    "pytest_pycollect_makeitem",
    "pytest_itemcollected",
    "pytest_runtest_call",
    "pytest_runtest_protocol",
)
_STRICT = re.compile(r"asyncio[_-]mode\s*[=:]?\s*[\"']?strict", re.IGNORECASE)
_RUNNERS = re.compile(
    r"pytest[-_](?:aiohttp|tornasync|sanic|curio|twisted|asyncio-cooperative)|alt-pytest-asyncio|aiomisc|-p\s*no:asyncio",
    re.IGNORECASE,
)
"""Plugins that run async tests without a mark, and the word by which a project takes the usual one out."""
_RUN_OTHERWISE = frozenset({"__call__", "run", "debug", "_callTestMethod", "__init_subclass__", "__getattribute__"})
"""Methods of a unittest case by which it may run its tests in a way of its own."""
_ESTABLISHED = 20
"""This many unmarked async tests, nearly all that there are, are run by something that the files do not show."""


_UNITTEST = (
    "`async def {}` is a method of a unittest.TestCase, which calls it without awaiting: "
    "its body never runs and it passes"
)
_UNMARKED = (
    "`async def {}` has no async marker, and nothing given says that the project runs async tests by itself: "
    "pytest does not run its body"
)
_SETUP = "`async def {}` of `{}` is called and never awaited: the tests of the class run without what it sets up"
_FIXTURE = (
    "the fixture `{}` is an `async def` under plain `pytest.fixture`, which in strict mode nobody awaits: "
    "the test gets a coroutine or an async generator"
)


def _marks(value: ast.AST) -> bool:
    """Whether a mark, or a list of marks, may make an async test run."""
    parts = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    for part in parts:
        inner = part.func if isinstance(part, ast.Call) else part
        if not (isinstance(inner, ast.Attribute) and last_name(inner.value) == "mark"):
            return True  # a mark kept elsewhere: it may be any
        if inner.attr in MARKS or (inner.attr == "usefixtures" and "anyio_backend" in ast.dump(part)):
            return True
    return False


def _marked(view: View) -> bool:
    """Whether a marker, or a decorator that may be one, stands on the test, its classes or its module."""
    owners = [view.node, *view.case.classes, *(item.node for item in (view.cls.order if view.cls else ()))]
    for owner in owners:
        for decorator in owner.decorator_list:
            words = words_of(decorator)
            if not words.isdisjoint(MARKS):
                return True
            if owner is view.node and last_name(decorator) not in _NEUTRAL and "mark" not in words:
                return True
    bodies = [view.source.tree.body, *(item.body for item in owners if isinstance(item, ast.ClassDef))]
    for body in bodies:
        for statement in block_statements(body):
            if "pytestmark" in targets_of(statement):
                value = getattr(statement, "value", None)
                if value is None or _marks(value):
                    return True
    return "anyio_backend" in {item.arg for item in view.node.args.args}


def _is_plain_unittest(view: View) -> bool:
    names = {
        getattr(view.program.lookup(item.module, base), "name", "")
        for item in (view.cls.order if view.cls else ())
        for base in item.node.bases
    }
    if not names & {"unittest.TestCase", "unittest.case.TestCase"} or _wrapped(view):
        return False
    return not (view.cls is not None and any(map(_runs_its_own_way, view.cls.order)))


def _wrapped(view: View) -> bool:
    """Whether a decorator that is neither a mark nor a patch may make a plain function of a test."""
    return any(
        last_name(item) not in _NEUTRAL and "mark" not in (words := words_of(item)) and "patch" not in words
        for item in view.node.decorator_list
    )


def _runs_its_own_way(cls: ClassInfo) -> bool:
    """Whether a class may await the tests of a unittest case itself, or wrap them."""
    node = cls.node
    if node.keywords or not _RUN_OTHERWISE.isdisjoint(cls.members):
        return True
    if any(last_name(item) not in _NEUTRAL and "mark" not in words_of(item) for item in node.decorator_list):
        return True
    return any(last_name(call.func) == "async_to_sync" for call in every(node, ast.Call))


def _runs_by_itself(context: Context) -> bool:
    """Whether the project's configuration or hooks may run async tests without a mark."""
    key = "async tests run by themselves"
    if key not in context.program.memo:
        context.program.memo[key] = bool(by_itself(context.config)) or _has_runner(context) or _is_usual(context)
    known: bool = context.program.memo[key]
    return known


def _has_runner(context: Context) -> bool:
    """Whether a plugin or hook is there that may run them: in a conftest, in the product, or named by either."""
    if _RUNNERS.search(context.config):
        return True
    texts = [module.source for module in context.program.by_path.values() if not module.source.is_test_file]
    if any(f"def {hook}" in source.text for source in texts for hook in _HOOKS):
        return True
    return any(_RUNNERS.search(source.text) for source in texts if source.is_conftest)


def _is_usual(context: Context) -> bool:
    """Whether nearly all of a good number of async tests have no mark, so that somebody runs them without."""
    if _STRICT.search(context.config):
        return False
    waiting = [view for view in context.views if view.case.is_async and not _is_plain_unittest(view)]
    unmarked = sum(not _marked(view) for view in waiting) if len(waiting) >= _ESTABLISHED else 0
    return unmarked >= max(_ESTABLISHED, 0.9 * len(waiting))


def _setup_not_awaited(view: View) -> Iterator[Found]:
    """An `async def` set-up that pytest or unittest calls like a plain one."""
    for cls in view.cls.order if view.cls else ():
        if cls.module.product or any(base is None for base in cls.bases) is not _is_plain_case(cls):
            return
        for item in cls.node.body:
            if not isinstance(item, ast.AsyncFunctionDef) or item.name not in SETUPS - {"asyncSetUp"}:
                continue
            homes = {base.module for base in view.cls.order} if view.cls else {cls.module}
            called = any(node.attr == item.name for home in homes for node in every(home.source.tree, ast.Attribute))
            if not called and not item.decorator_list:
                yield (
                    item if cls.module is view.module else view.node,
                    _SETUP.format(item.name, cls.node.name),
                )


def _is_plain_case(cls: ClassInfo) -> bool:
    return any(last_name(base) in {"TestCase", "IsolatedAsyncioTestCase"} for base in cls.node.bases)


def _plain_fixtures(context: Context, view: View) -> Iterator[Found]:
    """An async fixture that only `pytest.fixture` marks, in strict mode: the test gets what nobody awaited."""
    if not context.config or _runs_by_itself(context) or "anyio" in view.source.text or not view.case.is_async:
        return
    for argument in view.node.args.args:
        fixture = view.scope.fixture(argument.arg)
        if fixture is None or not isinstance(fixture.node, ast.AsyncFunctionDef):
            continue
        scope = Scope.of(view.program, fixture.module)
        if any(
            scope.dotted(item.func if isinstance(item, ast.Call) else item) == "pytest.fixture"
            for item in fixture.node.decorator_list
        ):
            yield view.node, _FIXTURE.format(argument.arg), WARNING


def _look(context: Context, view: View) -> Iterator[Found]:
    yield from _setup_not_awaited(view)
    if not view.case.is_async:
        return
    yield from _plain_fixtures(context, view)
    if _is_plain_unittest(view):
        yield view.node, _UNITTEST.format(view.node.name)
        return
    if view.cls is not None and any(None in item.bases for item in view.cls.order):
        return
    if not _marked(view) and not _runs_by_itself(context):
        yield view.node, _UNMARKED.format(view.node.name)


def _check(context: Context) -> Iterator[Hit]:
    yield from per_test(_look)(context)
    yield from _not_awaited(context)


def _not_awaited(context: Context) -> Iterator[Hit]:
    """One note for all tests that a run could not await, since their plugin was not there."""
    missing = {
        without_parameters(item.test): item.reason
        for item in reversed(context.outcomes)
        if went_without(item)
    }
    first = next((view for view in context.views if view.case.id in missing), None)
    if first is not None:
        said = f"{len(missing)} of {len(context.by_id)} tests were not awaited. {missing[first.case.id]}"
        at = first.node.lineno
        yield Hit(first.source.path, at, first.case.id, said, first.source.line(at), WARNING)


RULE = Rule(
    id="async-test-not-run",
    defect_class="async-test-not-run",
    title="An async test that the runner never awaits",
    rationale="pytest runs an `async def` test only through a plugin, which in strict mode needs a marker; "
    "unittest.TestCase never awaits. The body does not run, whatever it asserts.",
    hint="Add `@pytest.mark.asyncio` (or the project's own marker), or derive from unittest.IsolatedAsyncioTestCase.",
    check=_check,
    good=Example(
        test="""\
import unittest
from product.service import ready


class ReadyTest(unittest.IsolatedAsyncioTestCase):
    async def test_ready(self):
        self.assertTrue(await ready())
""",
        implementation="""\
async def ready():
    return True
""",
    ),
    bad=Example(
        test="""\
import unittest
from product.service import ready


class ReadyTest(unittest.TestCase):
    async def test_ready(self):
        self.assertTrue(await ready())
""",
        implementation="""\
async def ready():
    return True
""",
    ),
)
