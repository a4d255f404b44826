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
_TESTS = re.compile(r"(?:^|/)(?:tests?|conftest\.py|pytest\.ini|test_\w*\.py)/?$")
_THERE = {"exists", "is_file", "is_dir", "isfile", "isdir", "lexists"}
_OWN_PLACE = {"os", "path", "pathlib", "Path", "PurePath", "__file__", "exists", "isdir", "isfile", "join", "dirname",
              "str"}
_IMPORTING = {"__import__", "import_module", "find_spec"}
_ANY = {"any", "all", "next", "sum", "len"}
_ONE = {"get", "pop", "setdefault"}


def process_asked(file: ChangedFile) -> Iterator[GuardFinding]:
    """New looks at all loaded modules, at the command line of the process, at its main module, at who traces it, at
    whether tests lie beside it; and imports of a name that is put together so that nobody finds it.
    """
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
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args \
                and node.func.attr in _ONE:
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
        case ast.Call() if last_name(node.func) in _THERE and _is_own_tests(node):
            return f"whether tests are there, by {last_name(node.func)}"
        case ast.Call(args=[name, *_]) if last_name(node.func) in _IMPORTING and _is_put_together(name):
            return f"what can be imported, by `{ast.unparse(name)}`"
        case ast.Call(func=ast.Name(id=called), args=[ast.GeneratorExp() | ast.ListComp() as inner, *_]) \
                if called in _ANY and any(last_name(part) == "environ" for one in inner.generators
                                          for part in ast.walk(one.iter) if isinstance(part, ast.Name | ast.Attribute)):
            return "what its environment looks like"
    return ""


def _is_own_tests(node: ast.Call) -> bool:
    """Whether a path names tests where the program itself is or lies; under a folder that it is given it may."""
    parts = list(ast.walk(node))
    return all(item.id in _OWN_PLACE for item in parts if isinstance(item, ast.Name)) and any(
        isinstance(item, ast.Constant) and isinstance(item.value, str) and _TESTS.search(item.value) for item in parts)


def _is_put_together(node: ast.expr) -> bool:
    """Whether a text is made of constants alone where it could have been written down."""
    parts = [item for item in ast.walk(node) if isinstance(item, ast.expr)]
    return not isinstance(node, ast.Constant) and bool(parts) and not any(
        isinstance(item, ast.Name | ast.Subscript | ast.FormattedValue) for item in parts)
