"""Expressions that hold nothing but what the test itself wrote down: no code under test has a say in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.source import FunctionNode
from bot.audit.vacuity.sizes import READING
from bot.audit.view import View

_PURE = {"len", "all", "any", "sum", "sorted", "list", "set", "dict", "tuple", "min", "max", "abs", "round", "bool"}
_PURE |= {"int", "str", "float", "range", "enumerate", "zip", "reversed", "isinstance", "type", "repr"}
_METHODS = {"values", "keys", "items", "get", "count", "index", "lower", "upper", "strip", "split", "startswith"}
_METHODS |= {"endswith", "join", "format", "replace", "copy"}
_FILLS = {"append", "add", "extend", "insert"}
_DROPS = {"pop", "clear", "remove", "popitem", "update", "discard"}
_BUILT_IN = {"str", "int", "float", "bool", "list", "dict", "tuple", "set", "bytes", "object"}
_UNCERTAIN = (
    *(ast.If, ast.While, ast.Try, ast.TryStar, ast.Match, ast.AsyncFor, ast.IfExp, ast.Lambda),
    *(ast.With, ast.AsyncWith, ast.FunctionDef, ast.AsyncFunctionDef),
)
_MOST_STEPS = 40


def only_literals(view: View, test: ast.expr) -> str:
    """Why an expression depends on nothing but literals of the test; empty when it may depend on more."""
    if any(True for _ in every(test, ast.Name)) and _Own(view).all(test):
        return "it is made only of what the test wrote down"
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.In):
        return _key_is_there(view, test.left, test.comparators[0])
    return ""


def _key_is_there(view: View, key: ast.expr, owner: ast.expr) -> str:
    """Whether a dict that the test wrote down has a key from the beginning, and nothing takes it out."""
    if not (isinstance(key, ast.Constant) and isinstance(owner, ast.Name)):
        return ""
    bound = view.scope.bound(view.node).get(owner.id, [])
    made = bound[0][1] if len(bound) == 1 and bound[0][0] == "value" else None
    if not isinstance(made, ast.Dict):
        return ""
    there = any(isinstance(item, ast.Constant) and item.value == key.value for item in made.keys)
    return "the test itself put that key there" if there and not _handed_on(view, owner.id, _DROPS) else ""


def _handed_on(view: View, name: str, methods: set[str]) -> bool:
    """Whether a local object may be changed by other code, deleted from, or by one of these methods."""
    for item in view.names:
        if item.id != name:
            continue
        if any(isinstance(above, ast.Lambda | ast.ClassDef | FunctionNode) for above in view.above(item)):
            return True
        parent = parent_of(item)
        if not isinstance(item.ctx, ast.Load):
            continue
        if isinstance(parent, ast.Attribute):
            if parent.attr in methods:
                return True
        elif isinstance(parent, ast.Subscript):
            if isinstance(parent.ctx, ast.Del):
                return True
        elif isinstance(parent, ast.Call):
            if item is not parent.func and not _is_pure(parent):
                return True
        elif not isinstance(parent, READING):
            return True
    return False


def _handed(view: View, name: str) -> bool:
    return _handed_on(view, name, set())


def _set_elsewhere(view: View, name: str) -> bool:
    """Whether a function inside the test may set one of its locals."""
    return any(
        item.id == name
        and not isinstance(item.ctx, ast.Load)
        and any(isinstance(above, ast.Lambda | ast.ClassDef | FunctionNode) for above in view.above(item))
        for item in view.names
    )


def _is_pure(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.attr in _FILLS:
        return True
    return isinstance(call.func, ast.Name) and call.func.id in _PURE | {"print"}


class _Own:
    """Decides for one expression. Everything is followed to literals, or the answer is no."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.bound = view.scope.bound(view.node)
        self.seen: set[str] = set()
        self.steps = 0

    def all(self, node: ast.expr | None) -> bool:
        self.steps += 1
        if node is None or self.steps > _MOST_STEPS:
            return False
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return node.id in _BUILT_IN - self.bound.keys() or self._local(node.id)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Attribute | ast.Await | ast.Lambda | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return False
        return all(self.all(part) for part in _parts(node))

    def _call(self, node: ast.Call) -> bool:
        given = [*node.args, *(word.value for word in node.keywords)]
        if isinstance(node.func, ast.Name):
            known = node.func.id in _PURE and node.func.id not in self.bound
            return known and all(self.all(item) for item in given)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            return self.all(node.func.value) and all(self.all(item) for item in given)
        return False

    def _local(self, name: str) -> bool:
        if name in self.seen:
            return True
        self.seen.add(name)
        found = self.bound.get(name)
        if not found:
            return False
        # A text or number stays what it is, wherever it is handed.
        fixed = all(isinstance(value, ast.Constant) for _, value in found)
        if (_set_elsewhere if fixed else _handed)(self.view, name):
            return False
        return all(self._binding(kind, value) for kind, value in found) and all(
            self._certain(node) and self.all(value) for node, value in self._fills(name)
        )

    def _binding(self, kind: str, value: ast.AST) -> bool:
        if kind == "value" and isinstance(value, ast.expr):
            return self._certain(value) and self.all(value)
        if isinstance(value, ast.For):
            return self._certain(value) and self.all(value.iter)
        return isinstance(value, ast.AugAssign) and self._certain(value) and self.all(value.value)

    def _fills(self, name: str) -> Iterator[tuple[ast.AST, ast.expr | None]]:
        for item in self.view.names:
            if item.id != name or not isinstance(item.ctx, ast.Load):
                continue
            parent = parent_of(item)
            above = parent_of(parent) if parent is not None else None
            if isinstance(parent, ast.Attribute):
                if parent.attr in _FILLS and isinstance(above, ast.Call):
                    yield from ((above, value) for value in above.args)
                elif parent.attr not in _METHODS:
                    yield item, None
            elif isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
                yield item, above.value if isinstance(above, ast.Assign) else None

    def _certain(self, node: ast.AST) -> bool:
        """Whether a statement runs in every run: no condition, handler or inner function is around it."""
        return not any(
            isinstance(item, _UNCERTAIN)
            or (isinstance(item, ast.For) and not (self.all(item.iter) and _goes_through(item)))
            for item in self.view.above(node)
        )


def _goes_through(loop: ast.For) -> bool:
    """Whether nothing in a loop skips a turn or ends it early."""
    return next(every(loop, ast.Continue, ast.Break), None) is None


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            yield part
