"""Fix guard: comparisons that are made to hold: `__eq__` that says yes, and what is compared only roughly."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, within
from bot.proof.guard_known import constant, truth
from bot.proof.trees import FunctionNode

_PLAIN = {"int", "float", "str", "bytes", "list", "tuple", "dict", "set", "frozenset", "Decimal", "Fraction",
          "datetime", "date", "timedelta", "UserDict", "UserList", "UserString"}
_CONTAINERS = {"list", "tuple", "dict", "set", "frozenset", "str", "bytes"}
_GIVING = {"__iter__", "__len__", "__getitem__", "__contains__"}
_OUTER = {"len", "type", "isinstance", "bool", "hasattr", "callable"}
"""What is asked of a value without looking at what it holds."""


def equality(file: ChangedFile) -> Iterator[GuardFinding]:
    """`__eq__` of a product's class that comes or changes, and does not look at what is compared."""
    bases = {node.name: {last_name(base) for base in node.bases} & _PLAIN for node in ast.walk(file.after)
             if isinstance(node, ast.ClassDef)}
    stateful = {name.rpartition(".")[0].rpartition(".")[2] for name in file.new_functions
                if name.endswith((".__init__", ".__new__"))}
    stateful |= {node.name for node in ast.walk(file.after) if isinstance(node, ast.ClassDef)
                 and any(isinstance(item, ast.AnnAssign) for item in node.body)}
    for name, node in file.new_functions.items():
        before = file.old_functions.get(name)
        if node.name not in {"__eq__", "__contains__"} or (before and ast.dump(before) == ast.dump(node)):
            continue
        owner = name.rpartition(".")[0].rpartition(".")[2]
        results = [item.value for item in within(node) if isinstance(item, ast.Return) and item.value is not None
                   and last_name(item.value) != "NotImplemented"]
        why = _no_comparison(node, results, holds=bool(bases.get(owner)) or owner in stateful)
        if why:
            yield file.finding("equality-by-decree", f"{name} {why}.", node, hard=True)
        elif bases.get(owner) and node.name == "__eq__":
            yield file.finding(
                "equality-changed", f"{owner} is a {min(bases[owner])} that no longer compares like one.", node,
                hard=False)


def contents(file: ChangedFile) -> Iterator[GuardFinding]:
    """A container of a new kind that gives out, or counts, something else than what is in it."""
    bases = {node.name: {last_name(base) for base in node.bases} & _CONTAINERS for node in ast.walk(file.after)
             if isinstance(node, ast.ClassDef)}
    for name, node in file.new_functions.items():
        owner = name.rpartition(".")[0].rpartition(".")[2]
        if node.name not in _GIVING or name in file.old_functions or not bases.get(owner) or not node.args.args:
            continue
        own = node.args.args[0].arg
        inside = any(isinstance(item, ast.Name) and item.id in {"super", "map", "zip", *bases[owner]}
                     for item in within(node))
        itself = any(_is_whole(item, own) for item in within(node))
        if not inside and not itself:
            yield file.finding("contents-by-decree", f"{owner} is a {min(bases[owner])}, and its {node.name} does not "
                               "look at what it holds.", node, hard=True)


def _is_whole(node: ast.AST, own: str) -> bool:
    """Whether a node looks at an object's own content: `self[…]`, `self.items()`, `len(self)`, a loop over it."""
    match node:
        case ast.Subscript(value=ast.Name(id=name)) | ast.comprehension(iter=ast.Name(id=name)) \
                | ast.For(iter=ast.Name(id=name)) \
                | ast.Call(func=ast.Attribute(attr="items" | "keys" | "values", value=ast.Name(id=name))):
            return name == own
        case ast.Call(args=args):
            return any(isinstance(arg, ast.Name) and arg.id == own for arg in args)
    return False


def _no_comparison(node: FunctionNode, results: list[ast.expr], *, holds: bool) -> str:
    """What is wrong with an answer to "is it equal", as the rest of a sentence. `holds`: the class keeps something."""
    if not results:
        return ""
    if all(truth(value, {}) is True for value in results):
        return "says that everything is equal"
    if any(_is_rough(part) for value in results for part in ast.walk(value)):
        return "takes for equal what is only near"
    if holds and node.name == "__eq__" and all(_outside_only(value) for value in results):
        return "does not look at what the two hold"
    return ""


def _outside_only(value: ast.expr) -> bool:
    """Whether an expression asks two values only for how many there are or what they are."""
    if isinstance(value, ast.Constant):
        return value.value is True
    if isinstance(value, ast.BoolOp):
        return all(map(_outside_only, value.values))
    if isinstance(value, ast.Compare):
        return all((isinstance(side, ast.Call) and last_name(side.func) in _OUTER) or isinstance(side, ast.Constant)
                   for side in (value.left, *value.comparators))
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _OUTER


def _is_rough(node: ast.AST) -> bool:
    """Whether a comparison leaves room for a whole unit: `abs(a - b) <= 1`, `round(a) == round(b)`, `a // 10`."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return False
    left, right = node.left, node.comparators[0]
    if isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return _rounded(left) is not None and _rounded(right) is not None
    return _apart(left) is not None and isinstance(node.ops[0], ast.LtE | ast.Lt) and _whole(right)


def _whole(node: ast.expr) -> bool:
    value = constant(node, {})
    return value is not None and isinstance(value[0], int | float) and value[0] >= 1


def _apart(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The two of whose difference an expression is the size."""
    match node:
        case ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(op=ast.Sub(), left=left, right=right)]):
            return left, right
    return None


def _rounded(node: ast.expr) -> ast.expr | None:
    """What is rounded to whole units or more."""
    match node:
        case ast.Call(func=ast.Name(id="round"), args=[inner]):
            return inner
        case ast.Call(func=ast.Name(id="round"), args=[inner, digits]):
            known = constant(digits, {})
            return inner if known is not None and isinstance(known[0], int) and known[0] <= 0 else None
        case ast.BinOp(op=ast.FloorDiv(), left=inner):
            return inner
    return None


def coarser(file: ChangedFile) -> Iterator[GuardFinding]:
    """A comparison that was exact and now leaves room for a whole unit."""
    for name, old, new in file.pairs:
        exact = {frozenset((ast.dump(item.left), ast.dump(item.comparators[0]))) for item in within(old)
                 if isinstance(item, ast.Compare) and len(item.ops) == 1
                 and isinstance(item.ops[0], ast.Eq | ast.NotEq)}
        for item in within(new):
            if not isinstance(item, ast.Compare) or not _is_rough(item):
                continue
            sides = _apart(item.left) or (_rounded(item.left), _rounded(item.comparators[0]))
            if frozenset(ast.dump(side) for side in sides if side is not None) in exact:
                yield file.finding("comparison-coarser", f"{name} compared exactly and now holds `{ast.unparse(item)}` "
                                   "to be enough.", item, hard=True)
