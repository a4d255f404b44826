"""What a test replaces, in every style: assignment, `patch`, `patch.object`, `setattr`, `monkeypatch`, `mocker`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every_in, walk
from bot.audit.reading.program import External, Missing, ModuleInfo, Program
from bot.audit.reading.references import Instance, Reference
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode, Source


@dataclass(frozen=True, eq=False)
class Replacement:
    """An attribute that is replaced. `node` is where, `owner` the expression whose attribute it is.

    For a target written as text (`patch("a.b.C.m")`) `owner` is None and `text` the whole target. `target` is what
    the owner stands for. `by` is the new value, None where `patch` makes a mock, and `options` the keywords of that.
    """

    node: ast.AST
    attribute: str
    owner: ast.expr | None
    target: Reference
    by: ast.expr | None
    text: str = ""
    options: tuple[ast.keyword, ...] = ()

    @property
    def cls(self) -> ClassInfo | None:
        """The class whose attribute it is, or that of the object whose attribute it is."""
        if isinstance(self.target, Instance):
            return self.target.cls
        return self.target if isinstance(self.target, ClassInfo) else None

    @property
    def original(self) -> FunctionInfo | None:
        """The function that is replaced, where it is one of the files at hand."""
        if self.cls is not None:
            return self.cls.method(self.attribute)
        if isinstance(self.target, ModuleInfo):
            found = self.target.program.member(self.target, self.attribute)
            return found if isinstance(found, FunctionInfo) else None
        return None

    def written_values(self) -> tuple[ast.expr, ...]:
        """The expressions that say what the replacement does."""
        told = [word.value for word in self.options if word.arg not in {"spec", "spec_set", "autospec", "name"}]
        return (*([self.by] if self.by is not None else []), *told)

    def holds_at(self, node: ast.AST, source: Source) -> bool:
        """Whether it is in force where a node of the same function stands, as far as the text's order says."""
        within = next((item for item in source.above(self.node) if isinstance(item, ast.With | ast.AsyncWith)), None)
        if within is not None and any(
            inner is self.node for item in within.items for inner in walk(item.context_expr)
        ):
            return any(item is within for item in source.above(node))
        return getattr(node, "lineno", 0) >= getattr(self.node, "lineno", 0)

    def reached_by(self, called: ast.expr, scope: Scope) -> bool:
        """Whether an attribute that is read is the replaced one: same object, or an object of the replaced class."""
        if not isinstance(called, ast.Attribute) or called.attr != self.attribute:
            return False
        if self.owner is not None and ast.dump(called.value) == ast.dump(self.owner):
            return True
        held = scope.resolve(called.value)
        if isinstance(self.target, ModuleInfo):
            return held is self.target
        of_class = held.cls if isinstance(held, Instance) else held if isinstance(held, ClassInfo) else None
        return isinstance(self.target, ClassInfo) and of_class is not None and self.target in of_class.order


def symbol_at(program: Program, dotted: str) -> Reference:
    """What a dotted path leads to, as `patch` finds it: modules first, then attributes. None when unknown."""
    parts = dotted.split(".")
    for at in range(len(parts), 0, -1):
        module = program.modules.get(".".join(parts[:at]))
        if module is None:
            continue
        found: object = module
        for name in parts[at:]:
            if not isinstance(found, ModuleInfo | ClassInfo | External):
                return None
            found = program.member(found, name)
        return found if isinstance(found, ModuleInfo | ClassInfo | FunctionInfo | External | Missing) else None
    return None


def replacements_in(root: FunctionNode, scope: Scope) -> tuple[Replacement, ...]:
    """What a function and its decorators replace, in the order of the text."""
    key = ("replacements", root)
    if key not in scope.program.memo:
        scope.program.memo[key] = tuple(_found_in(root, scope))
    known: tuple[Replacement, ...] = scope.program.memo[key]
    return known


def _found_in(root: FunctionNode, scope: Scope) -> Iterator[Replacement]:
    decorating = [item for decorator in root.decorator_list for item in walk(decorator)]
    found: list[ast.Assign | ast.Call] = [*every_in(root.body, ast.Assign), *every_in(root.body, ast.Call)]
    for node in [*decorating, *sorted(found, key=lambda item: (item.lineno, item.col_offset))]:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    yield Replacement(node, target.attr, target.value, scope.resolve(target.value), node.value)
        elif isinstance(node, ast.Call):
            yield from _by_call(node, scope)


def _by_call(node: ast.Call, scope: Scope) -> Iterator[Replacement]:
    kind = _style(node, scope)
    if not kind or not node.args:
        return
    named = {word.arg: word.value for word in node.keywords if word.arg}
    options = tuple(word for word in node.keywords if word.arg not in {"new", "raising"})
    first, rest = node.args[0], node.args[1:]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        owner, _, attribute = first.value.rpartition(".")
        if not all(part.isidentifier() for part in first.value.split(".")):
            return  # `client.patch("/items/1")` is a request
        by = rest[0] if rest else named.get("new")
        target = symbol_at(scope.program, owner) if owner else None
        yield Replacement(node, attribute, None, target, by, first.value, options)
    elif rest and isinstance(name := rest[0], ast.Constant) and isinstance(name.value, str):
        by = rest[1] if len(rest) > 1 else named.get("new")
        if by is not None or kind == "patch":
            yield Replacement(node, name.value, first, scope.resolve(first), by, "", options)


def _style(node: ast.Call, scope: Scope) -> str:
    """`patch` or `set` for a call that replaces an attribute; empty for all else."""
    name = last_name(node.func)
    if name == "setattr":
        return "set"
    if name == "patch":
        return "patch"
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if name == "object" and owner is not None and last_name(owner) == "patch":
        return "patch"
    return "patch" if scope.dotted(node.func).startswith("unittest.mock.patch") and name != "dict" else ""


def is_patch(node: ast.Call, scope: Scope) -> bool:
    """Whether a call puts something in place of an attribute: `patch`, `patch.object`, `setattr` and the like."""
    kind = _style(node, scope)
    if not kind or not node.args:
        return False
    first = node.args[0]
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    return all(part.isidentifier() for part in text.split(".")) if text else len(node.args) > 1
