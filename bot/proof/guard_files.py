"""A changed Python file as the fix guard looks at it: before and after, function by function."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bot.domain.patch import GuardFinding
from bot.proof.trees import FunctionNode, functions, parsed

MOST_SHOWN = 12
"""Lines of the patched file that a finding shows at most."""


@dataclass(frozen=True, eq=False)
class ChangedFile:
    """A changed Python file, before and after."""

    path: str
    old: str
    new: str
    before: ast.Module
    after: ast.Module

    @cached_property
    def old_functions(self) -> dict[str, FunctionNode]:
        """The functions before, by qualified name."""
        return functions(self.before)

    @cached_property
    def new_functions(self) -> dict[str, FunctionNode]:
        """The functions after, by qualified name."""
        return functions(self.after)

    @cached_property
    def new_constants(self) -> dict[str, ast.expr]:
        """The constants that the patch brings into the module."""
        old = module_constants(self.before)
        return {name: value for name, value in module_constants(self.after).items() if name not in old}

    @cached_property
    def pairs(self) -> tuple[tuple[str, FunctionNode, FunctionNode], ...]:
        """The functions that are in both and differ, by qualified name."""
        old = self.old_functions
        return tuple(
            (name, old[name], node)
            for name, node in self.new_functions.items()
            if name in old and ast.dump(old[name]) != ast.dump(node)
        )

    def finding(self, rule: str, message: str, node: ast.AST | None = None, *, hard: bool) -> GuardFinding:
        """A finding on this file, with the lines of the node as they are after the patch."""
        return GuardFinding(rule=rule, hard=hard, path=self.path, message=message, hunk=shown(self.new, node))

    def removed(self, rule: str, message: str, node: ast.AST, *, hard: bool) -> GuardFinding:
        """A finding on this file, with the lines of the node as they were before the patch."""
        hunk = "\n".join(f"-{line}" for line in shown(self.old, node).split("\n"))
        return GuardFinding(rule=rule, hard=hard, path=self.path, message=message, hunk=hunk)


def shown(text: str, node: ast.AST | None) -> str:
    """The lines of a node, at most MOST_SHOWN; empty without one."""
    first = getattr(node, "lineno", None)
    if not isinstance(first, int):
        return ""
    last = min(getattr(node, "end_lineno", first) or first, first + MOST_SHOWN - 1)
    return "\n".join(text.split("\n")[first - 1 : last])


def read_changed(path: str, old: str, new: str) -> ChangedFile | str:
    """A changed file with its trees, or why it is no valid Python after the change. What it was may be anything."""
    before, after = parsed(old), parsed(new)
    if isinstance(after, str):
        return after
    return ChangedFile(path, old, new, ast.Module(body=[], type_ignores=[]) if isinstance(before, str) else before,
                       after)


def fresh(old: Iterable[ast.AST], new: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of `new` that have no equal in `old`, each of which counts once."""
    known = Counter(map(ast.dump, old))
    for node in new:
        key = ast.dump(node)
        if known[key]:
            known[key] -= 1
        else:
            yield node


def own_statements(node: FunctionNode) -> list[ast.stmt]:
    """The body of a function without its docstring, `pass` and `...`."""
    return [item for item in node.body
            if not isinstance(item, ast.Pass)
            and not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]


def within(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a function's body does: nested functions, classes and lambdas are left out."""
    stack: list[ast.AST] = list(node.body) if isinstance(node, FunctionNode) else [node]
    while stack:
        item = stack.pop()
        yield item
        if not isinstance(item, FunctionNode | ast.ClassDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(item))


def constants_of(node: ast.AST) -> dict[str, ast.expr]:
    """The names that are bound just once in a node, and to a constant or a display of constants.

    Parameters, `global` and `nonlocal` names are none of them.
    """
    stores: Counter[str] = Counter()
    values: dict[str, ast.expr] = {}
    for item in ast.walk(node):
        if isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load):
            stores[item.id] += 1
        elif isinstance(item, ast.arg):
            stores[item.arg] += 2
        elif isinstance(item, ast.Global | ast.Nonlocal):
            stores.update(dict.fromkeys(item.names, 2))
        elif isinstance(item, ast.Assign) and len(item.targets) == 1 and isinstance(item.targets[0], ast.Name):
            values[item.targets[0].id] = item.value
        elif isinstance(item, ast.AnnAssign) and item.value is not None and isinstance(item.target, ast.Name):
            values[item.target.id] = item.value
    return {name: value for name, value in values.items() if stores[name] == 1 and plain(value)}


def plain(node: ast.expr) -> bool:
    """Whether an expression is a constant or a display of constants."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(map(plain, node.elts))
    if isinstance(node, ast.UnaryOp):
        return plain(node.operand)
    return isinstance(node, ast.Constant)


def module_constants(tree: ast.Module) -> dict[str, ast.expr]:
    """`constants_of` for what stands at the top of a module; names that a function binds as global are left out."""
    top = ast.Module(body=[item for item in tree.body if isinstance(item, ast.Assign | ast.AnnAssign)],
                     type_ignores=[])
    again = {name for item in ast.walk(tree) if isinstance(item, ast.Global) for name in item.names}
    return {name: value for name, value in constants_of(top).items() if name not in again}


def parsed_all(files: Mapping[str, str]) -> dict[str, ast.Module]:
    """The trees of the Python files that have one, by path."""
    trees = {path: parsed(text) for path, text in sorted(files.items()) if path.endswith(".py")}
    return {path: tree for path, tree in trees.items() if not isinstance(tree, str)}
