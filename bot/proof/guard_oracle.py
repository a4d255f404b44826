"""The guard of new tests: those that ask first whether the fix is there, and then for something else."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from bot.audit.reading.definitions import last_name, root_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, fresh, module_constants, parsed_all, read_changed

_INNER = {"__code__", "__version__", "co_code", "co_consts", "co_names", "co_varnames", "getsource", "getsourcelines"}
_THERE = {"exists", "is_file", "is_dir", "isfile", "isdir", "lexists"}
_DEEP = 4


def asks_for_the_fix(before: Mapping[str, str], after: Mapping[str, str], old_code: Mapping[str, str],
                     new_code: Mapping[str, str]) -> Iterator[GuardFinding]:
    """Conditions of tests and their helpers that come out otherwise because the fix is there.

    `before` and `after` are the test files, `old_code` and `new_code` those of the fix, by path. What such a test asks
    without the fix and what it asks with it are two things, so red and green show nothing. Pure.
    """
    product = _Product(old_code, new_code)
    for path, text in sorted(after.items()):
        if not path.endswith(".py") or before.get(path) == text:
            continue
        file = read_changed(path, before.get(path, ""), text)
        if isinstance(file, ChangedFile):
            try:
                yield from _asked(file, product)
            except RecursionError:
                yield file.finding("unreadable", "Its syntax is nested too deeply to be examined.", hard=True)


class _Product:
    """What of the product a test may know: parts of its modules' names, its files, constants that the fix changes."""

    def __init__(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        self.files = {PurePosixPath(path).name for path in {*before, *after}} - {"__init__.py"}
        self.modules = {part.removesuffix(".py") for path in {*before, *after} for part in PurePosixPath(path).parts}
        self.modules -= {"__init__", "src", "lib"}
        old, new = parsed_all(before), parsed_all(after)
        self.constants: set[str] = set()
        for path, tree in new.items():
            was = {name: ast.dump(value) for name, value in module_constants(old[path]).items()} if path in old else {}
            self.constants |= {name for name, value in module_constants(tree).items()
                               if was.get(name) != ast.dump(value)}


def _asked(file: ChangedFile, product: _Product) -> Iterator[GuardFinding]:
    names = _imported(file.after, product)
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(file.after):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                given.setdefault(last_name(target), []).append(node.value)
    for item in fresh(_conditions(file.before), _conditions(file.after)):
        why = _why(item, product, names, given, 0)
        if why:
            yield file.finding("test-asks-for-fix", f"What is asked depends on {why}, which tells whether the fix is "
                               "there.", item, hard=True)


def _imported(tree: ast.Module, product: _Product) -> set[str]:
    """The names in a test file that stand for modules of the fix, or come out of them."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(one.asname or one.name).partition(".")[0] for one in node.names
                      if product.modules & {*one.name.split(".")}}
        elif isinstance(node, ast.ImportFrom):
            inside = product.modules & {*(node.module or "").split(".")}
            found |= {one.asname or one.name for one in node.names if inside or one.name in product.modules}
    return found


def _conditions(tree: ast.Module) -> Iterator[ast.AST]:
    """What decides which way a test goes, and what is taken where there may be nothing: `getattr` with a default."""
    tables = {last_name(target) for node in ast.walk(tree) if isinstance(node, ast.Assign)
              and isinstance(node.value, ast.Dict) for target in node.targets}
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            yield node.test
        elif isinstance(node, ast.comprehension):
            yield from node.ifs
        elif isinstance(node, ast.Match):
            yield node.subject
        elif isinstance(node, ast.Subscript) and (isinstance(node.value, ast.Dict) or last_name(node.value) in tables):
            yield node.slice
        elif isinstance(node, ast.Call) and last_name(node.func) == "getattr" and len(node.args) > 2:
            yield node


def _why(node: ast.AST, product: _Product, names: set[str], given: Mapping[str, list[ast.expr]], depth: int) -> str:
    if constant := _switch(node, product, names):
        return f"`{constant}`, which the fix changes"
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and last_name(part.func) in {"hasattr", "getattr"} and part.args \
                and root_name(part.args[0]) in names:
            return f"`{ast.unparse(part)}`"
        if isinstance(part, ast.Attribute) and part.attr in _INNER and _of_product(part, names):
            return f"`{ast.unparse(part)}`"
        if isinstance(part, ast.Call) and last_name(part.func) in _INNER \
                and any(root_name(arg) in names for arg in part.args):
            return f"`{ast.unparse(part)}`"
        if isinstance(part, ast.Call) and last_name(part.func) in _THERE and _is_of_fix(part, product, names, given, 0):
            return f"whether a file is there (`{ast.unparse(part)}`)"
    if isinstance(node, ast.Name | ast.UnaryOp | ast.Compare | ast.BoolOp) and depth < _DEEP:
        for part in ast.walk(node):
            for value in given.get(part.id, ()) if isinstance(part, ast.Name) and part.id not in names else ():
                if why := _why(value, product, names, given, depth + 1):
                    return why
    return ""


def _of_product(node: ast.Attribute, names: set[str]) -> bool:
    return root_name(node) in names


def _switch(node: ast.AST, product: _Product, names: set[str]) -> str:
    """The constant of the product that a condition holds against a value that is written down, or asks for itself."""
    sides: list[ast.expr] = []
    match node:
        case ast.BoolOp(values=parts):
            return next(filter(None, (_switch(part, product, names) for part in parts)), "")
        case ast.UnaryOp(operand=part):
            return _switch(part, product, names)
        case ast.Compare():
            sides = [node.left, *node.comparators]
            if not any(isinstance(side, ast.Constant | ast.Tuple) for side in sides):
                return ""
        case ast.Name() | ast.Attribute():
            sides = [node]
    return next((ast.unparse(side) for side in sides if isinstance(side, ast.Name | ast.Attribute)
                 and last_name(side) in product.constants and root_name(side) in names), "")


def _is_of_fix(node: ast.AST, product: _Product, names: set[str], given: Mapping[str, list[ast.expr]],
               depth: int) -> bool:
    """Whether a path is made of where the product lies, or of the name of a file that the fix changes."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in {"__file__", "__path__"} and root_name(part) in names:
            return True
        if isinstance(part, ast.Constant) and isinstance(part.value, str) \
                and part.value.rpartition("/")[2] in product.files:
            return True
        if isinstance(part, ast.Name) and depth < _DEEP and any(
                _is_of_fix(value, product, names, given, depth + 1) for value in given.get(part.id, ())):
            return True
    return False
