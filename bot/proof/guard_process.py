"""Fix guard: code that asks its own process what else runs in it, by which a test runner is told without its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, fresh

_PROC = re.compile(r"(?:^|/)cmdline$|^/proc/.*(?:environ|comm|exe|maps)$")
_INSIDE = {("sys", "getprofile"), ("sys", "monitoring"), ("sys", "orig_argv"), ("threading", "gettrace"),
           ("threading", "getprofile"), ("gc", "get_objects"), ("gc", "get_referrers"), ("os", "getppid")}
_ONE = {"get", "pop", "setdefault"}


def process_asked(file: ChangedFile) -> Iterator[GuardFinding]:
    """New looks at all loaded modules, at the command line of the process, at its main module, at who traces it."""
    for item in fresh((node for node, _ in _asked(file.before)), (node for node, _ in _asked(file.after))):
        what = next(said for node, said in _asked(file.after) if node is item)
        yield file.finding("test-detection", f"The code now asks what its process is ({what}).", item, hard=True)


def _asked(tree: ast.Module) -> list[tuple[ast.AST, str]]:
    return [(node, said) for node in _nodes(tree) if (said := _said(node))]


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of a tree; of what takes one module out of `sys.modules` by its name, not the table."""
    harmless: set[int] = set()
    for node in ast.walk(tree):
        table: ast.expr | None = None
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript):
            table, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ONE and node.args:
            table, key = node.func.value, node.args[0]
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            table, key = node.comparators[0], node.left
        if table is not None and key is not None and isinstance(key, ast.Constant | ast.Name | ast.Attribute) \
                and not (isinstance(key, ast.Constant) and key.value == "__main__"):
            harmless.add(id(table))
        if id(node) not in harmless:
            yield node


def _said(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr="modules", value=ast.Name(id="sys")):
            return "which modules are loaded"
        case ast.ImportFrom(module="sys", names=names) if any(one.name == "modules" for one in names):
            return "which modules are loaded"
        case ast.Import(names=names) if any(one.name == "__main__" for one in names):
            return "its main module"
        case ast.ImportFrom(module="__main__"):
            return "its main module"
        case ast.Attribute(attr=name, value=of) if (last_name(of), name) in _INSIDE:
            return f"{last_name(of)}.{name}"
        case ast.Constant(value=str() as text) if _PROC.search(text):
            return text
    return ""
