"""A test function that the runner never sees."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import is_check
from bot.audit.definitions import last_name
from bot.audit.rule import Context, Example, Hit, Rule
from bot.audit.source import FunctionNode, Source, base_names, has_own_init


def _nested(source: Source, node: FunctionNode) -> str:
    outer = next((item for item in source.above(node) if isinstance(item, FunctionNode)), None)
    if outer is None or node.decorator_list or not outer.name.startswith("test"):
        return ""
    inner = set(ast.walk(node))
    used = any(isinstance(item, ast.Name) and item.id == node.name and item not in inner for item in ast.walk(outer))
    return "" if used else f"it is defined inside `{outer.name}` and never called"


def _in_class(context: Context, source: Source, node: FunctionNode) -> str:
    cls = source.parents.get(node)
    if not isinstance(cls, ast.ClassDef) or not isinstance(source.parents.get(cls), ast.Module):
        return ""
    why = ""
    if has_own_init(cls) and cls.name.startswith("Test"):
        why = f"its class `{cls.name}` has a constructor, so pytest does not collect it"
    elif not cls.name.startswith("Test") and "Mixin" not in cls.name and "Base" not in cls.name:
        why = f"the name of its class `{cls.name}` does not begin with `Test`, so pytest does not collect it"
    if not why or cls.decorator_list or any(last_name(base) not in {"object", ""} for base in cls.bases):
        return ""
    return "" if _is_a_base(context, cls.name) else why


def _is_a_base(context: Context, name: str) -> bool:
    return any(
        isinstance(item, ast.ClassDef) and name in base_names(item)
        for module in context.modules
        if name in module.source.text
        for item in ast.walk(module.source.tree)
    )


def _check(context: Context) -> Iterator[Hit]:
    for module in context.modules:
        source = module.source
        if not source.is_test_file:
            continue
        for node in ast.walk(source.tree):
            if not isinstance(node, FunctionNode) or not node.name.startswith("test_"):
                continue
            if not any(is_check(item) for item in ast.walk(node)):
                continue
            why = _nested(source, node) or _in_class(context, source, node)
            if why:
                owner = context.test_at(source.path, node.lineno)
                test = owner if owner != source.path else f"{source.path}::{node.name}"
                yield Hit(
                    source.path, node.lineno, test, f"`{node.name}` is never run: {why}", source.line(node.lineno)
                )


RULE = Rule(
    id="not-collected",
    defect_class="not-collected",
    title="A test that the runner never sees",
    rationale="What is not collected cannot fail, yet it is counted as a test by whoever reads the file.",
    hint="Move it to the top level of the module or into a `Test...` class without a constructor.",
    check=_check,
    good=Example(
        test="""\
from product.service import one


class TestOne:
    def test_one(self):
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


class TestOne:
    def __init__(self):
        self.one = one

    def test_one(self):
        assert self.one() == 1
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
