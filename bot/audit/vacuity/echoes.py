"""Assertions that give back what the test itself put into an object."""

from __future__ import annotations

import ast

from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.references import Instance
from bot.audit.reading.source import FunctionNode
from bot.audit.view import View


def echoes(view: View, sides: tuple[ast.expr, ...]) -> bool:
    """Whether the sides are literals, and plain attributes of objects that the test made or set by itself."""
    for side in sides:
        if any(True for _ in every(side, ast.Call, ast.Await, ast.Subscript)):
            return False
        if any(
            _computed(view, name) for name in every(side, ast.Name) if not isinstance(parent_of(name), ast.Attribute)
        ):
            return False
        if not all(_is_plain(view, item) for item in every(side, ast.Attribute)):
            return False
    return True


def gives_back(view: View, side: ast.expr, other: ast.expr) -> bool:
    """Whether one side is an attribute that only keeps the argument which the other side repeats by its name."""
    if not (isinstance(side, ast.Attribute) and isinstance(side.value, ast.Name)) or not _is_plain(view, side):
        return False
    made = view.bare_scope.resolve(side.value)
    if not isinstance(made, Instance) or made.call is None or not isinstance(other, ast.Attribute | ast.Constant):
        return False
    if any(True for _ in every(other, ast.Call, ast.Subscript)) or (parameters := made.cls.constructor) is None:
        return False
    names = [item.name for item in parameters.positional]
    given = dict(zip(names, made.call.args, strict=False))
    given |= {word.arg: word.value for word in made.call.keywords if word.arg}
    init = made.cls.method("__init__")
    stored = [value for item in made.cls.order for value in item.set_by_methods.get(side.attr, [])] if init else []
    argument = given.get(stored[0].id if stored and isinstance(stored[0], ast.Name) else side.attr)
    same = argument is not None and ast.dump(argument) == ast.dump(other)
    return same and _untouched(view, side.value.id)


def _untouched(view: View, name: str) -> bool:
    """Whether an object is made once, and no attribute of it is set and no method called by the test."""
    for item in view.names:
        attribute = parent_of(item) if item.id == name else None
        if isinstance(attribute, ast.Attribute):
            called = isinstance(call := parent_of(attribute), ast.Call) and call.func is attribute
            if called or not isinstance(attribute.ctx, ast.Load):
                return False
    return len(view.bare_scope.bound(view.node).get(name, [])) == 1


def _computed(view: View, name: ast.Name) -> bool:
    """Whether a local name is anything but what the test wrote down."""
    bound = view.scope.bound(view.node).get(name.id, [])
    if len(bound) > 1:
        return True  # the way that the run takes decides which
    return any(kind != "value" or any(True for _ in every(value, ast.Call, ast.Await)) for kind, value in bound)


def set_before(view: View, node: ast.AST, test: ast.expr) -> bool:
    """Whether the test assigned the attribute that it compares, to the same value, and called nothing in between."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is)):
        return False
    for one, two in ((test.left, test.comparators[0]), (test.comparators[0], test.left)):
        if not (isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name)):
            continue
        statement = node if isinstance(node, ast.stmt) else parent_of(node)
        for before in reversed(_earlier(statement)):
            if _assigns(before, one.value.id, one.attr):
                same = isinstance(before, ast.Assign) and ast.dump(before.value) == ast.dump(two)
                if same and not any(True for _ in every(two, ast.Call, ast.Await)) and _stores_only(view, one):
                    return True
                break
            if not isinstance(before, ast.Assert) and any(True for _ in every(before, ast.Call, ast.Await)):
                break
    return False


def _earlier(statement: ast.AST | None) -> list[ast.stmt]:
    """The statements before one in its block."""
    block = parent_of(statement) if statement is not None else None
    for part in ("body", "orelse", "finalbody"):
        statements = getattr(block, part, None)
        if isinstance(statements, list) and statement in statements:
            return statements[: statements.index(statement)]
    return []


def _assigns(statement: ast.stmt, name: str, attribute: str) -> bool:
    return isinstance(statement, ast.Assign) and any(
        isinstance(target, ast.Attribute)
        and target.attr == attribute
        and isinstance(target.value, ast.Name)
        and target.value.id == name
        for target in statement.targets
    )


def _stores_only(view: View, node: ast.Attribute) -> bool:
    """Whether assigning an attribute of this object does no more than that."""
    found = view.bare_scope.resolve(node.value)
    if not isinstance(found, Instance) or not found.cls.closed:
        return False
    cls = found.cls
    return not any(
        node.attr in item.members and isinstance(item.members[node.attr], FunctionNode | ast.Call) for item in cls.order
    ) and (cls.method("__setattr__") is None)


def _is_plain(view: View, node: ast.Attribute) -> bool:
    """Whether an attribute holds exactly what was put there: no property, and a constructor that only stores."""
    found = view.bare_scope.resolve(node.value)
    if not isinstance(found, Instance) or found.call is None or not isinstance(node.value, ast.Name):
        return False
    cls = found.cls
    if not cls.closed or cls.method(node.attr) is not None or cls.method("__setattr__") is not None:
        return False
    if cls.method("__post_init__") is not None:
        return False
    init = cls.method("__init__")
    if init is None:
        return cls.is_dataclass and not given_none(found, node.attr)
    taken = {item.arg for item in (*init.node.args.args, *init.node.args.kwonlyargs)}
    stored = [value for item in cls.order for value in item.set_by_methods.get(node.attr, [])]
    plain = bool(stored) and isinstance(stored[0], ast.Name) and stored[0].id in taken
    name = stored[0].id if plain and isinstance(stored[0], ast.Name) else ""
    return plain and not _changed(init.node, name) and not given_none(found, name)


def given_none(made: Instance, name: str) -> bool:
    """Whether a parameter is given None by its name: that no default takes its place is worth a test."""
    return made.call is not None and any(
        word.arg == name and isinstance(word.value, ast.Constant) and word.value.value is None
        for word in made.call.keywords
    )


def _changed(init: FunctionNode, name: str) -> bool:
    """Whether a constructor may change an argument before it keeps it; a refusal of wrong ones changes nothing."""
    if any(item.id == name and not isinstance(item.ctx, ast.Load) for item in every(init, ast.Name)):
        return True
    for node in every(init, ast.If):
        refuses = len(node.body) == 1 and isinstance(node.body[0], ast.Raise) and not node.orelse
        if not refuses and any(item.id == name for item in every(node.test, ast.Name)):
            return True
    return any(
        item.id == name
        for call in every(init, ast.Call)
        if not isinstance(parent_of(call), ast.Raise | ast.FormattedValue) and not _converts(call)
        for item in every(call, ast.Name)
    )


def _converts(call: ast.Call) -> bool:
    """Whether a call only makes another value of what it is given: `float(burst)`, `f"{rate}"`."""
    return last_name(call.func) in {"float", "int", "str", "len", "repr", "bool"}
