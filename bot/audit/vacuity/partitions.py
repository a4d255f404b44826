"""Counts of two parts that make a whole, whatever happens."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import walk
from bot.audit.view import View


class Why(str):
    """A reason. `sure`: such an assertion is wrong even among others that decide."""

    __slots__ = ("sure",)
    sure: bool

    def __new__(cls, text: str, *, sure: bool = False) -> Why:
        """A reason and how sure it is."""
        made = super().__new__(cls, text)
        made.sure = sure
        return made


def part_of_try(view: View, node: ast.AST) -> str:
    """Where in a `try` a node stands: `body`, `handler`, or `elsewhere` outside one."""
    for item in view.above(node):
        if isinstance(item, ast.ExceptHandler):
            return "handler"
        if isinstance(item, ast.Try | ast.TryStar):
            return "body"
    return "elsewhere"


def of_sum(view: View, whole: ast.expr, total: ast.expr) -> Why | None:
    """Whether `len(good) + len(bad) == n` counts two parts that a condition or a `try` makes of one whole."""
    if not (isinstance(whole, ast.BinOp) and isinstance(whole.op, ast.Add)):
        return None
    names = [_counted(whole.left), _counted(whole.right)]
    if not all(names) or names[0] == names[1]:
        return None
    one, two = (_filter(view, name) for name in names)
    if one is not None and two is not None and one[0] == two[0] and _opposite(one[1], two[1]):
        return Why("both parts of one whole are counted: the sum is always all of it", sure=True)
    places = [_changed_in(view, name) for name in names]
    if {"handler"} in places and ({"body"} in places or {"else"} in places):
        return Why("success and failure are both counted: the sum is always all of them", sure=True)
    if _either_branch(view, names[0], names[1]):
        return Why("both branches of one condition are counted: the sum is always all of them", sure=True)
    return None


def _counted(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and last_name(node.func) == "len" and len(node.args) == 1:
        node = node.args[0]
    return node.id if isinstance(node, ast.Name) else ""


def _filter(view: View, name: str) -> tuple[str, ast.expr] | None:
    """The iterable and the condition of the comprehension that a local is or counts."""
    values = [value for kind, value in view.scope.bound(view.node).get(name, []) if kind == "value"]
    if len(values) != 1:
        return None
    made: ast.AST = values[0]
    if isinstance(made, ast.Call) and last_name(made.func) in {"sum", "len", "list"} and made.args:
        made = made.args[0]
    if not isinstance(made, ast.ListComp | ast.GeneratorExp | ast.SetComp) or len(made.generators) != 1:
        return None
    loop = made.generators[0]
    if len(loop.ifs) != 1 or not isinstance(loop.target, ast.Name):
        return None
    return ast.dump(loop.iter), _renamed(loop.ifs[0], loop.target.id)


def _renamed(test: ast.expr, name: str) -> ast.expr:
    copy: ast.expr = ast.parse(ast.unparse(test), mode="eval").body
    for item in ast.walk(copy):
        if isinstance(item, ast.Name) and item.id == name:
            item.id = "_"
    return copy


def _opposite(one: ast.expr, two: ast.expr) -> bool:
    for first, second in ((one, two), (two, one)):
        denied = second.operand if isinstance(second, ast.UnaryOp) and isinstance(second.op, ast.Not) else None
        if denied is not None and ast.dump(denied) == ast.dump(first):
            return True
        pair = (first, second)
        if all(isinstance(item, ast.Compare) and len(item.ops) == 1 for item in pair):
            assert isinstance(first, ast.Compare)
            assert isinstance(second, ast.Compare)
            kinds = {type(first.ops[0]), type(second.ops[0])}
            same = ast.dump(first.left) == ast.dump(second.left)
            same = same and ast.dump(first.comparators[0]) == ast.dump(second.comparators[0])
            if same and kinds in ({ast.Eq, ast.NotEq}, {ast.Is, ast.IsNot}, {ast.In, ast.NotIn}):
                return True
    return False


def _changes(view: View, name: str) -> Iterator[ast.AST]:
    for node in view.every(ast.AugAssign):
        if isinstance(node.target, ast.Name) and node.target.id == name:
            yield node
    for call in view.calls:
        added = isinstance(call.func, ast.Attribute) and call.func.attr in {"append", "add"}
        if added and isinstance(call.func, ast.Attribute) and last_name(call.func.value) == name:
            yield call


def _changed_in(view: View, name: str) -> set[str]:
    return {part_of_try(view, node) for node in _changes(view, name)}


def _either_branch(view: View, one: str, two: str) -> bool:
    """Whether the only changes of two names stand in the two branches of one `if`."""
    changes = [list(_changes(view, name)) for name in (one, two)]
    if [len(items) for items in changes] != [1, 1]:
        return False
    for branch in view.every(ast.If):
        sides = [{item for part in side for item in walk(part)} for side in (branch.body, branch.orelse)]
        if changes[0][0] in sides[0] and changes[1][0] in sides[1]:
            return True
        if changes[0][0] in sides[1] and changes[1][0] in sides[0]:
            return True
    return False
