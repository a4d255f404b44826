"""Where code speaks of a variable of the environment, and which names it changes in place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.reading.flat import every
from bot.audit.reading.program import ModuleInfo, Program
from bot.audit.reading.source import FunctionNode

_MUTATORS = {"append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "popitem", "add"} | {
    "discard",
}


@dataclass(frozen=True, eq=False)
class Mention:
    """Where a test file speaks of a variable; `leaks` where it sets it for good."""

    module: ModuleInfo
    function: ast.AST | None
    in_test: bool
    leaks: bool


def mentions(program: Program, name: str) -> Iterator[Mention]:
    """Where the test files speak of a variable of the environment."""
    for module in program.by_path.values():
        if module.product or name not in module.source.text:
            continue
        places: list[ast.AST] = [item for item in every(module.source.tree, ast.Constant) if item.value == name]
        places += [item for item in every(module.source.tree, ast.keyword) if item.arg == name]
        for place in places:
            above = list(module.source.above(place))
            functions = [item for item in above if isinstance(item, FunctionNode)]
            outer = functions[-1] if functions else None
            parent = above[0]
            leaks = isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load)
            leaks = leaks or (isinstance(parent, ast.Call) and _last(parent.func) in {"setdefault", "putenv"})
            yield Mention(module, outer, outer is not None and outer.name.startswith("test"), leaks)


def changed_names(program: Program) -> Iterator[str]:
    """The last parts of what any code stores an item in, adds to or patches as a dict."""
    for module in program.by_path.values():
        tree = module.source.tree
        for item in every(tree, ast.Subscript):
            if not isinstance(item.ctx, ast.Load):
                yield _last(item.value)
        for grown in every(tree, ast.AugAssign):
            yield _last(grown.target)
        for call in every(tree, ast.Call):
            if isinstance(call.func, ast.Attribute):
                if call.func.attr in _MUTATORS:
                    yield _last(call.func.value)
                elif call.func.attr in {"dict", "setitem", "delitem", "object"} and call.args:
                    yield _last(call.args[0])


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value).rpartition(".")[2]
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
