"""Which names a place in a file can see, by Python's own rules of scope."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from bot.audit.reading.flat import every, own_nodes, parent_of
from bot.audit.reading.source import FunctionNode, Source

_IMPLICIT = {"__file__", "__name__", "__doc__", "__spec__", "__path__", "__package__", "__loader__", "__builtins__"} | {
    *("__class__", "__qualname__", "__module__", "__annotations__", "__debug__", "WindowsError"),
    *("reveal_type", "reveal_locals"),
}
_TYPE_PARAMETERS = ("TypeVar", "ParamSpec", "TypeVarTuple", "TypeAlias")
_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_BINDING = frozenset({
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.alias, ast.ExceptHandler, ast.MatchAs, ast.MatchStar,
    ast.MatchMapping,
})
_ALWAYS = frozenset(dir(builtins)) | _IMPLICIT


def undefined_names(source: Source) -> Iterator[ast.Name]:
    """The names read in a file that nothing binds where they stand; none where a star import may bind more."""
    tree = source.tree
    if any(item.name == "*" for item in every(tree, ast.alias)) or any(
        next(every(tree, getattr(ast, kind)), None) is not None for kind in _TYPE_PARAMETERS if hasattr(ast, kind)
    ):
        return
    known: dict[ast.AST, frozenset[str]] = {tree: _bound_in(tree)}
    known[tree] |= {name for item in every(tree, ast.Global) for name in item.names}
    known[tree] |= {name for item in every(tree, ast.Nonlocal) for name in item.names}
    known[tree] |= _ALWAYS
    for node in every(tree, ast.Name):
        if node.id not in known[tree] and isinstance(node.ctx, ast.Load) and not _visible(node, known):
            yield node


def _visible(node: ast.Name, known: dict[ast.AST, frozenset[str]]) -> bool:
    child: ast.AST = node
    crossed = False
    parent = parent_of(child)
    while parent is not None:
        if isinstance(parent, _COMPREHENSIONS) and any(
            item.id == node.id for part in parent.generators for item in every(part.target, ast.Name)
        ):
            return True
        if isinstance(parent, _SCOPES):
            inside = isinstance(parent, ast.Lambda) or child in parent.body
            if inside and not (isinstance(parent, ast.ClassDef) and crossed):
                if parent not in known:
                    known[parent] = _bound_in(parent)
                if node.id in known[parent]:
                    return True
            crossed = crossed or (inside and not isinstance(parent, ast.ClassDef))
        child, parent = parent, parent_of(parent)
    return False


def _bound_in(scope: ast.AST) -> frozenset[str]:
    """The names that a module, class, function or lambda binds itself, those of its comprehensions included."""
    names: set[str] = set()
    if isinstance(scope, FunctionNode | ast.Lambda):
        names.update(item.arg for item in every(scope.args, ast.arg))
    for node in own_nodes(scope):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                names.add(node.id)
        elif type(node) not in _BINDING:
            continue
        elif isinstance(node, FunctionNode | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return frozenset(names)
