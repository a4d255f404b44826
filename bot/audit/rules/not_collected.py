"""A test function that the runner never sees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase

from bot.audit.reading.checks import is_check
from bot.audit.reading.definitions import last_name, targets_of
from bot.audit.reading.flat import every, parent_of, walk
from bot.audit.reading.source import FunctionNode, Source, base_names, has_own_init, patterns_of
from bot.audit.rule import Context, Example, Hit, Rule

_FALSE = ast.dump(ast.Constant(False))


def _patterns(context: Context, name: str, default: str) -> tuple[str, ...]:
    """The prefixes or globs that the project's configuration gives for an option of pytest."""
    return patterns_of(context.config, name) or (default,)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name.startswith(item) or fnmatchcase(name, item) for item in patterns)


def _nested(source: Source, node: FunctionNode) -> str:
    outer = next((item for item in source.above(node) if isinstance(item, FunctionNode)), None)
    if outer is None or node.decorator_list or not outer.name.startswith("test"):
        return ""
    inner = set(walk(node))
    used = any(item.id == node.name and item not in inner for item in every(outer, ast.Name))
    holder = parent_of(node)
    used = used or (isinstance(holder, ast.ClassDef) and bool(holder.decorator_list))
    return "" if used else f"it is defined inside `{outer.name}` and never called"


def _in_class(context: Context, source: Source, node: FunctionNode) -> str:
    cls = parent_of(node)
    if not isinstance(cls, ast.ClassDef) or not isinstance(parent_of(cls), ast.Module):
        return ""
    classes = _patterns(context, "python_classes", "Test")
    why = ""
    if has_own_init(cls) and _matches(cls.name, classes):
        why = f"its class `{cls.name}` has a constructor, so pytest does not collect it"
    elif not _matches(cls.name, classes) and "Mixin" not in cls.name and "Base" not in cls.name:
        why = f"the name of its class `{cls.name}` does not begin with `{classes[0]}`, so pytest does not collect it"
    if not why or cls.decorator_list or any(last_name(base) not in {"object", ""} for base in cls.bases):
        return ""
    if not why.startswith("its") and _is_used(source, cls):
        return ""  # a stand-in or a case for a tool that the test itself runs
    return "" if _is_a_base(context, cls.name) else why


def _is_used(source: Source, cls: ast.ClassDef) -> bool:
    return any(item.id == cls.name for item in every(source.tree, ast.Name))


def _is_a_base(context: Context, name: str) -> bool:
    return any(
        name in base_names(item)
        for module in context.modules
        if name in module.source.text
        for item in every(module.source.tree, ast.ClassDef)
    )


def _switched_off(source: Source, node: FunctionNode) -> str:
    """That `__test__ = False` keeps pytest from a test with assertions in it."""
    owner = parent_of(node)
    if not isinstance(owner, ast.ClassDef | ast.Module) or (
        isinstance(owner, ast.ClassDef) and not owner.name.startswith("Test")
    ):
        return ""
    for item in owner.body:
        if isinstance(item, ast.Assign) and "__test__" in targets_of(item) and ast.dump(item.value) == _FALSE:
            return "`__test__ = False` says so"
    return ""


def _hidden(source: Source) -> Iterator[tuple[FunctionNode, str]]:
    """Tests that a later definition of the same name in the same body replaces."""
    bodies: list[list[ast.stmt]] = [source.tree.body, *(item.body for item in every(source.tree, ast.ClassDef))]
    for body in bodies:
        last: dict[str, FunctionNode | ast.ClassDef] = {}
        for node in body:
            if not isinstance(node, FunctionNode | ast.ClassDef):
                continue
            earlier = last.get(node.name)
            last[node.name] = node
            if earlier is None or not _only_marks(earlier):
                continue
            why = f"line {node.lineno} defines `{node.name}` again, which replaces it"
            if isinstance(earlier, ast.ClassDef):
                inside = [item for item in earlier.body if isinstance(item, FunctionNode)]
                if earlier.name.startswith("Test"):
                    yield from ((item, why) for item in inside if item.name.startswith("test"))
            elif earlier.name.startswith("test_") and not _is_used_between(source, earlier, node):
                yield earlier, why


def _only_marks(node: FunctionNode | ast.ClassDef) -> bool:
    return all("'mark'" in ast.dump(item) or "patch" in ast.dump(item) for item in node.decorator_list)


def _is_used_between(source: Source, earlier: FunctionNode, later: FunctionNode | ast.ClassDef) -> bool:
    return any(
        item.id == earlier.name and earlier.lineno < item.lineno <= later.lineno
        for item in every(source.tree, ast.Name)
    )


def _owner(context: Context, source: Source, node: FunctionNode) -> str:
    """The node id that a test would have, or that of the test it stands in."""
    owner = context.test_at(source.path, node.lineno)
    if owner != source.path:
        return owner
    classes = [item.name for item in source.above(node) if isinstance(item, ast.ClassDef)]
    return "::".join([source.path, *reversed(classes), node.name])


def _check(context: Context) -> Iterator[Hit]:
    for module in context.modules:
        source = module.source
        if not source.is_test_file:
            continue
        nodes: list[FunctionNode] = [*every(source.tree, ast.FunctionDef)]
        nodes += every(source.tree, ast.AsyncFunctionDef)
        found = [
            (node, _nested(source, node) or _in_class(context, source, node) or _switched_off(source, node))
            for node in nodes
            if node.name.startswith("test_") and any(is_check(item) for item in walk(node))
        ]
        for node, why in (*found, *_hidden(source)):
            if why:
                yield Hit(
                    source.path,
                    node.lineno,
                    _owner(context, source, node),
                    f"`{node.name}` is never run: {why}",
                    source.line(node.lineno),
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
