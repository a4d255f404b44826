"""Doubles that are put where nobody looks: on an attribute that the product does not read, or given to nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.flow import Kind, kinds_of_variable
from bot.audit.reading.checks import MOCKS
from bot.audit.reading.definitions import ClassInfo, last_name, root_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.program import Program
from bot.audit.reading.references import Instance, Made, is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import said
from bot.audit.view import View

TOLD = frozenset({"return_value", "side_effect"})
"""What a mock is told to answer or to raise."""
_ASKING = {"getattr", "hasattr", "setattr", "attrgetter", "methodcaller"}
_HOLDERS = {"SimpleNamespace", "Namespace", *MOCKS}


def unmet(view: View) -> Iterator[tuple[ast.AST, str]]:
    """The doubles of a test that the product does not meet, each with the reason."""
    yield from _on_unread_attributes(view)
    yield from _under_other_names(view)
    yield from _made_by_helpers(view)
    yield from _kept_by_helpers(view)


def reads(program: Program, name: str, family: tuple[ClassInfo, ...] = ()) -> bool:
    """Whether product code may read an attribute of this name of an object that is not its own.

    `family`: classes whose own methods read it of the object by `self`.
    """
    key = ("reads", name, tuple(item.node for item in family))
    if key not in program.memo:
        program.memo[key] = _reads(program, name, family)
    known: bool = program.memo[key]
    return known


def _reads(program: Program, name: str, family: tuple[ClassInfo, ...]) -> bool:
    own = {item.node for item in family}
    for module in program.product_modules:
        if module.source.tree.body and name not in module.source.text and not _asks_by_variable(program):
            continue
        for node in every(module.source.tree, ast.Attribute):
            if node.attr != name or not isinstance(node.ctx, ast.Load):
                continue
            if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
                return True
            around = next((item for item in module.source.above(node) if isinstance(item, ast.ClassDef)), None)
            if around is None or around in own or _related(program, around, own):
                return True
        for text in every(module.source.tree, ast.Constant):
            if text.value == name and (_asks_by_variable(program) or _asks(parent_of(text))):
                return True
    return False


def _read_anywhere(program: Program, name: str) -> bool:
    """Whether product code reads an attribute of this name of any object at all."""
    return any(
        node.attr == name and isinstance(node.ctx, ast.Load)
        for module in program.product_modules
        if name in module.source.text
        for node in every(module.source.tree, ast.Attribute)
    )


def _related(program: Program, node: ast.ClassDef, own: set[ast.ClassDef]) -> bool:
    """Whether a class is an heir of one of these."""
    return any(item.node is node and any(base.node in own for base in item.order) for item in program.classes)


def _asks(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) in _ASKING


def _asks_by_variable(program: Program) -> bool:
    """Whether product code reads attributes whose names it computes or keeps in variables."""
    if ("asks by variable",) not in program.memo:
        program.memo["asks by variable",] = any(
            (last_name(call.func) == "getattr" and len(call.args) > 1 and not isinstance(call.args[1], ast.Constant))
            or last_name(call.func) in {"vars", "attrgetter"}
            for module in program.product_modules
            for call in every(module.source.tree, ast.Call)
        ) or any(
            node.attr == "__dict__"
            for module in program.product_modules
            for node in every(module.source.tree, ast.Attribute)
        )
    known: bool = program.memo["asks by variable",]
    return known


def _computed(program: Program, name: str) -> bool:
    """Whether a name may be one that the product computes: `getattr(self, f"on_{kind}")`."""
    return _asks_by_variable(program) and any(
        isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value and part.value in name
        for module in program.product_modules
        for text in every(module.source.tree, ast.JoinedStr)
        for part in text.values
    )


def _on_unread_attributes(view: View) -> Iterator[tuple[ast.AST, str]]:
    """`worker.notifier = mock`, where the class of `worker` has no such attribute and no code asks for it."""
    for node in view.every(ast.Assign):
        target = node.targets[0]
        if len(node.targets) != 1 or not isinstance(target, ast.Attribute) or target.attr.startswith("__"):
            continue
        owner = view.bare_scope.resolve(target.value)
        if not isinstance(owner, Instance) or not is_product(owner) or not owner.cls.closed:
            continue
        if owner.cls.has(target.attr) or owner.cls.method("__setattr__") is not None:
            continue
        if not _is_double(view, node.value):
            continue
        name = target.attr
        # What a function only promises to give may be an heir, or anything that has the same attributes.
        if owner.call is None and _read_anywhere(view.program, name):
            continue
        if reads(view.program, name, owner.cls.order) or _computed(view.program, name) or _read_in_tests(view, name):
            continue
        yield (
            node,
            (
                f"`{said(target)}` is set here, and nothing reads it: {owner.cls.node.name} has no attribute {name}, "
                "so the code under test never meets the double"
            ),
        )


def _is_double(view: View, value: ast.expr) -> bool:
    """Whether a value is a mock, an object of the tests' own, or a function of them."""
    found = view.bare_scope.resolve(value)
    if isinstance(found, Made):
        return found.by.rpartition(".")[2] in _HOLDERS
    if isinstance(found, Instance):
        return not found.cls.module.product
    return isinstance(value, ast.Lambda) or (hasattr(found, "node") and not is_product(found))


def _read_in_tests(view: View, name: str) -> bool:
    """Whether the test's file reads an attribute of this name, otherwise than to say what a mock does."""
    for node in every(view.source.tree, ast.Attribute):
        if node.attr == name and isinstance(node.ctx, ast.Load) and not _telling(node):
            return True
    return False


def _telling(node: ast.Attribute) -> bool:
    """Whether an attribute is only named to tell a mock what to do: `mock.send.side_effect = ...`."""
    above: ast.AST | None = node
    while isinstance(above, ast.Attribute):
        if not isinstance(above.ctx, ast.Load):
            return True
        above = parent_of(above)
    return False


def _under_other_names(view: View) -> Iterator[tuple[ast.AST, str]]:
    """A mock told what to do under a name that the product, to which it is handed, never speaks."""
    for name, bindings in view.bare_scope.bound(view.node).items():
        kind, made = bindings[0]
        if len(bindings) != 1 or kind != "value" or not isinstance(made, ast.Call):
            continue
        if last_name(made.func) not in _HOLDERS or isinstance(view.bare_scope.resolve(made.func), ClassInfo):
            continue
        met = kinds_of_variable(view, view.node, name)
        if met is None or Kind.PRODUCT not in met:
            continue
        for node, attribute in _told(view, name, made):
            program = view.program
            if reads(program, attribute) or _computed(program, attribute):
                continue
            if not _read_in_tests(view, attribute):
                yield (
                    node,
                    (
                        f"`{name}.{attribute}` is prepared here, and the implementation never asks an object for "
                        f"`{attribute}`: the scenario does not happen"
                    ),
                )


def _told(view: View, name: str, made: ast.Call) -> Iterator[tuple[ast.AST, str]]:
    """Where a mock or namespace is given an attribute that does something, and which."""
    for node in view.every(ast.Assign):
        target = node.targets[0]
        chain: list[str] = []
        while isinstance(target, ast.Attribute):
            chain.insert(0, target.attr)
            target = target.value
        if not (isinstance(target, ast.Name) and target.id == name and chain):
            continue
        first = chain[0]
        if first in TOLD or first.startswith("__"):
            continue
        if chain[-1] in TOLD or (len(chain) == 1 and _tells(view, node.value)):
            yield node, first
    if last_name(made.func) in {"SimpleNamespace", "Namespace"}:
        for word in made.keywords:
            if word.arg and _tells(view, word.value):
                yield word.value, word.arg


def _tells(view: View, value: ast.expr) -> bool:
    """Whether a value is a mock that was told to answer or raise something."""
    if isinstance(value, ast.Call) and last_name(value.func) in MOCKS:
        return any(word.arg in TOLD for word in value.keywords)
    if not isinstance(value, ast.Name):
        return False
    bound = view.bare_scope.bound(view.node).get(value.id, [])
    made = bound[0][1] if len(bound) == 1 and bound[0][0] == "value" else None
    if not (isinstance(made, ast.Call) and last_name(made.func) in MOCKS):
        return False
    stored = (item for item in view.attributes if not isinstance(item.ctx, ast.Load))
    return _tells(view, made) or any(root_name(item) == value.id for item in stored)


def _made_by_helpers(view: View) -> Iterator[tuple[ast.AST, str]]:
    """A mock that a helper makes and gives back beside the object, without having handed it to that object."""
    for name, bindings in view.bare_scope.bound(view.node).items():
        kind, part = bindings[0]
        if len(bindings) != 1 or kind != "part" or not isinstance(part, ast.Subscript):
            continue
        told = [
            item
            for item in view.attributes
            if not isinstance(item.ctx, ast.Load) and root_name(item) == name and item.attr in TOLD
        ]
        if not told or not isinstance(part.slice, ast.Constant):
            continue
        uses = [item for item in view.names if item.id == name and isinstance(item.ctx, ast.Load)]
        if not all(_tells_only(item) for item in uses):
            continue
        written = view.bare_scope.tuples(part.value)
        if written and all(
            _only_given_back(scope.functions[-1], tuple_, part.slice.value)
            for scope, tuple_ in written
            if scope.functions
        ):
            yield (
                told[0],
                f"the double `{name}` is handed to nothing by the helper that makes it: the code never meets it",
            )


def _tells_only(name: ast.Name) -> bool:
    above = parent_of(name)
    return isinstance(above, ast.Attribute) and _telling(above)


def _only_given_back(function: FunctionNode, written: ast.Tuple | ast.List, at: object) -> bool:
    """Whether what a helper gives back at one place is a mock that it hands to nothing else."""
    item = written.elts[at] if isinstance(at, int) and at < len(written.elts) else None
    if isinstance(item, ast.Call):
        return last_name(item.func) in MOCKS
    if not isinstance(item, ast.Name):
        return False
    assigns = [node for node in every(function, ast.Assign) if any(last_name(one) == item.id for one in node.targets)]
    if len(assigns) != 1 or not isinstance(assigns[0].value, ast.Call) or last_name(assigns[0].value) not in MOCKS:
        return False
    uses = [node for node in every(function, ast.Name) if node.id == item.id and isinstance(node.ctx, ast.Load)]
    return all(node is item or _tells_only(node) for node in uses)


def _kept_by_helpers(view: View) -> Iterator[tuple[ast.AST, str]]:
    """A mock that a helper object of the tests makes and keeps, without having handed it to anything."""
    for node in view.every(ast.Assign):
        target = node.targets[0]
        if not (isinstance(target, ast.Attribute) and target.attr in TOLD):
            continue
        inner: ast.expr = target
        while isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Attribute):
            inner = inner.value
        if not (isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name)):
            continue
        owner = view.bare_scope.resolve(inner.value)
        if not isinstance(owner, Instance) or owner.call is None or is_product(owner) or inner is target:
            continue
        made = [value for item in owner.cls.order for value in item.set_by_methods.get(inner.attr, [])]
        first = made[0] if len(made) == 1 else None
        if not (isinstance(first, ast.Call) and last_name(first) in MOCKS):
            continue
        homes = {item.module.source.path: item.module.source for item in owner.cls.order}
        homes[view.source.path] = view.source
        read = any(
            item.attr == inner.attr and isinstance(item.ctx, ast.Load) and not _telling(item)
            for source in homes.values()
            for item in every(source.tree, ast.Attribute)
        )
        if not read:
            yield (
                node,
                f"the double `{said(inner)}` is handed to nothing by the helper that makes it: the code never meets it",
            )
