"""An `async def` test that the runner calls and never awaits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.definitions import last_name
from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.view import View

_MARKERS = {"asyncio", "anyio", "trio", "asyncio_cooperative", "twisted", "tornado", "curio"}
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
_AUTO = re.compile(
    r"asyncio[_-]mode\s*[=:]?\s*[\"']?auto|anyio[_-]mode\s*[=:]?\s*[\"']?auto|trio_mode\s*=\s*[\"']?true", re.IGNORECASE
)
_HOOKS = ("pytest_pyfunc_call", "pytest_collection_modifyitems", "pytest_pycollect_makeitem", "pytest_itemcollected")


def _marked(view: View) -> bool:
    """Whether a marker, or a decorator that may be one, stands on the test, its classes or its module."""
    for owner in (view.node, *view.case.classes):
        for decorator in owner.decorator_list:
            text = ast.dump(decorator)
            if any(f"'{marker}'" in text for marker in _MARKERS):
                return True
            if owner is view.node and last_name(decorator) not in _NEUTRAL and "'mark'" not in text:
                return True
    for body in (view.source.tree.body, *(item.body for item in view.case.classes)):
        for statement in body:
            if isinstance(statement, ast.Assign) and any(
                last_name(target) == "pytestmark" for target in statement.targets
            ):
                return True
    return False


def _is_plain_unittest(view: View) -> bool:
    return view.cls is not None and any(
        view.program.lookup(item.module, base) is not None
        and getattr(view.program.lookup(item.module, base), "name", "")
        in {"unittest.TestCase", "unittest.case.TestCase"}
        for item in view.cls.order
        for base in item.node.bases
    )


def _look(context: Context, view: View) -> Iterator[Found]:
    if not view.case.is_async:
        return
    if view.cls is not None and view.cls.bases:
        if _is_plain_unittest(view):
            yield (
                view.node,
                (
                    f"`async def {view.node.name}` is a method of a unittest.TestCase, which calls it without "
                    "awaiting: "
                    "its body never runs and it passes"
                ),
            )
        return
    if _marked(view) or _AUTO.search(context.config):
        return
    if any(hook in text for path, text in context.files.items() if path.endswith("conftest.py") for hook in _HOOKS):
        return
    yield (
        view.node,
        (
            f"`async def {view.node.name}` has no async marker, and nothing given says that the project runs "
            "async tests "
            "by itself: pytest does not run its body"
        ),
    )


RULE = Rule(
    id="async-test-not-run",
    defect_class="async-test-not-run",
    title="An async test that the runner never awaits",
    rationale="pytest runs an `async def` test only through a plugin, which in strict mode needs a marker; "
    "unittest.TestCase never awaits. The body does not run, whatever it asserts.",
    hint="Add `@pytest.mark.asyncio` (or the project's own marker), or derive from unittest.IsolatedAsyncioTestCase.",
    check=per_test(_look),
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
