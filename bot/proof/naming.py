"""What statements define, bind and mention. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.proof.trees import without_docstrings

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def parsed(source: bytes | None) -> ast.Module | None:
    """The tree without docstrings; an empty one for no file, None for what is no Python."""
    try:
        return without_docstrings(ast.parse(source or b""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def definitions(body: list[ast.stmt]) -> dict[str, list[Definition]]:
    """The functions and classes of a body by their names, of which one may be defined several times."""
    found: dict[str, list[Definition]] = {}
    for node in body:
        if isinstance(node, Definition):
            found.setdefault(node.name, []).append(node)
    return found


def head(node: ast.ClassDef) -> str:
    """A class without its body, as text to compare."""
    return ast.dump(ast.ClassDef(node.name, node.bases, node.keywords, [], node.decorator_list))


def other(before: list[ast.stmt], after: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that define no function or class and that only one of two bodies has."""
    old, new = ({ast.dump(node): node for node in body if not isinstance(node, Definition | ast.Pass)}
                for body in (before, after))
    yield from (node for dump, node in old.items() if dump not in new)
    yield from (node for dump, node in new.items() if dump not in old)


def bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)}


def mentions(node: ast.AST) -> frozenset[str]:
    """The names, attributes, imported names and keywords that stand anywhere in a tree."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, ast.Attribute):
            found.add(one.attr)
        elif isinstance(one, ast.alias):
            found.add(one.name.rpartition(".")[2])
        elif isinstance(one, ast.keyword) and one.arg:
            found.add(one.arg)
    return frozenset(found)


def imported(tree: ast.Module) -> Iterator[str]:
    """The parts of the names of modules, and the names, that are imported anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for text in (getattr(node, "module", None) or "", *(alias.name for alias in node.names)):
                yield from text.split(".")


def by_function(tree: ast.AST, prefix: str) -> Iterator[tuple[str, frozenset[str]]]:
    """What each function mentions, all that is in it included, by its qualified name after `prefix`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", mentions(node)
        elif isinstance(node, ast.ClassDef):
            yield from by_function(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.stmt | ast.excepthandler):
            yield from by_function(node, prefix)
