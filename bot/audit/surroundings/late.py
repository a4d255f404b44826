"""Variables of the environment that a test sets when nothing reads them any more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.interpret.interpretation import interpreted
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.program import ModuleInfo
from bot.audit.reading.source import FunctionNode
from bot.audit.view import View

_ANEW = {"reload", "import_module", "__import__", "run_module", "run_path", "Popen", "run", "check_output", "call",
         "check_call", "create_subprocess_exec", "create_subprocess_shell", "system", "spawn", "invoke"}
_READS = {"get", "getenv", "pop"}
_OTHERWISE = re.compile(r"(?<![a-z])(ignor\w*|not|no|never|already|once|only|cached|until|restart|reload\w*|import\w*|"
                        r"explicit\w*|frozen|snapshot|regardless|independent\w*|overrid\w*|wins?)(?![a-z])")
_ABOUT = {"env", "environment", "environ", "variable", "variables", "config", "configuration", "configured", "setting",
          "settings"}
_LEAST = 3


def variables_too_late(view: View) -> Iterator[tuple[ast.AST, str]]:
    """The variables that a test sets, is about, and that the code under test read when it was imported, or not at all.

    Only where each place that reads one is known: at the top of a product module, or in a function that does not run.
    """
    if _OTHERWISE.search(view.node.name.lower()):
        return
    for node, name, value in _set(view):
        if not _is_about(view, name, value):
            continue
        readers = [(module, item) for module in view.program.product_modules for item in _readers(module, name)]
        if not readers or _starts_anew(view):
            continue
        inside = [(module, function) for module, item in readers if (function := _function(module, item)) is not None]
        top = [(module, item) for module, item in readers if _function(module, item) is None]
        if not all(_reads_now(item) for _, item in top) or _runs(view, {function for _, function in inside}):
            continue
        if top:
            module, item = top[0]
            line = getattr(item, "lineno", 1)
            yield node, f"`{name}` is set too late: {module.source.path}:{line} read it when it was imported"
        else:
            module, function = inside[0]
            where = f"{module.source.path}:{function.lineno}"
            yield node, (f"`{name}` is set for nothing: only `{function.name}` ({where}) reads it, "
                         "which this test does not run")


def _set(view: View) -> Iterator[tuple[ast.AST, str, str]]:
    """The variables that the test itself sets: where, the name and the value as text."""
    decorating = [call for item in view.node.decorator_list for call in every(item, ast.Call)]
    for call in (*decorating, *view.calls):
        name = last_name(call.func)
        if name == "setenv" and len(call.args) >= 2 and isinstance(first := call.args[0], ast.Constant):
            yield call, str(first.value), _text(call.args[1])
        elif name == "dict" and len(call.args) >= 1 and last_name(call.args[0]).rpartition(".")[2] == "environ":
            given = call.args[1] if len(call.args) > 1 else None
            for key, value in zip(given.keys, given.values, strict=True) if isinstance(given, ast.Dict) else ():
                if isinstance(key, ast.Constant):
                    yield call, str(key.value), _text(value)


def _text(node: ast.AST) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _is_about(view: View, name: str, value: str) -> bool:
    """Whether a test's name speaks of the environment, of the variable or of the value that it sets."""
    said = set(re.split(r"[^a-z0-9]+", view.node.name.lower()))
    parts = {part for part in re.split(r"[^a-z0-9]+", f"{name} {value}".lower()) if len(part) >= _LEAST}
    return bool(said & (_ABOUT | parts)) or bool({word.rstrip("s") for word in said} & parts)


def _readers(module: ModuleInfo, name: str) -> Iterator[ast.AST]:
    if name in module.source.text:
        yield from (item for item in every(module.source.tree, ast.Constant) if item.value == name)


def _function(module: ModuleInfo, node: ast.AST) -> FunctionNode | None:
    """The function whose body a node stands in; None at the top of a module, also in defaults and class bodies."""
    below = node
    for item in module.source.above(node):
        if isinstance(item, FunctionNode) and below in item.body:
            return item
        if isinstance(item, ast.Lambda):
            return None
        below = item
    return None


def _reads_now(node: ast.AST) -> bool:
    """Whether a name stands in a call or subscript that reads the variable where it stands, and in no lambda."""
    above: ast.AST | None = parent_of(node)
    now = (isinstance(above, ast.Call) and last_name(above.func) in _READS) or isinstance(above, ast.Subscript)
    while above is not None:
        if isinstance(above, ast.Lambda):
            return False
        above = parent_of(above)
    return now


def _starts_anew(view: View) -> bool:
    """Whether the test, or a helper, imports something anew or in another process, or while the variable is set."""
    bodies = [view.body, *view.helpers]
    imports = any(body.every(ast.Import) or body.every(ast.ImportFrom) for body in bodies)
    return imports or any(last_name(call.func) in _ANEW for body in bodies for call in body.every(ast.Call))


def _runs(view: View, functions: set[FunctionNode]) -> bool:
    """Whether one of these functions may run with the test."""
    if not functions:
        return False
    found = interpreted(view)
    if found.outcome == "passed":
        return any(functions & set(run.entered) for run in found.runs)
    return view.reach.opaque or bool(functions & _may_run(view))


def _may_run(view: View) -> set[FunctionNode]:
    """The product's functions that a test may lead to, by their names alone: rather too many than one too few."""
    by_name = _by_name(view)
    waiting = [name for body in (view.body, *view.helpers) for name in _names_in(view, body.node)]
    waiting += [name for item in (view.cls.order if view.cls else ()) for name in _names_in(view, item.node)]
    known: set[str] = set()
    found: set[FunctionNode] = set()
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        waiting.extend(_bases(view).get(name, ()))
        for function in by_name.get(name, ()):
            if function not in found:
                found.add(function)
                waiting.extend(_names_in(view, function))
    return found


def _by_name(view: View) -> dict[str, list[FunctionNode]]:
    """The product's functions under the names that lead to them: their own, and for methods that of their class.

    The name of a class leads to those of its methods that Python calls by itself: constructors, operators, properties.
    """
    key = "functions by name"
    if key not in view.program.memo:
        by_name: dict[str, list[FunctionNode]] = {}
        for module in view.program.product_modules:
            tree = module.source.tree
            functions: list[FunctionNode] = [*every(tree, ast.FunctionDef), *every(tree, ast.AsyncFunctionDef)]
            for function in functions:
                by_name.setdefault(function.name, []).append(function)
                above = parent_of(function)
                if isinstance(above, ast.ClassDef) and (function.decorator_list or function.name.startswith("__")):
                    by_name.setdefault(above.name, []).append(function)
        view.program.memo[key] = by_name
    known: dict[str, list[FunctionNode]] = view.program.memo[key]
    return known


def _bases(view: View) -> dict[str, list[str]]:
    """The names of the bases of each class of the product, by its name."""
    key = "bases by name"
    if key not in view.program.memo:
        bases: dict[str, list[str]] = {}
        for cls in view.program.classes:
            bases.setdefault(cls.node.name, []).extend(cls.base_names)
        view.program.memo[key] = bases
    known: dict[str, list[str]] = view.program.memo[key]
    return known


def _names_in(view: View, node: ast.AST) -> frozenset[str]:
    """The names, attributes and texts in a function, by which it may lead to another."""
    key = ("names in", node)
    if key not in view.program.memo:
        view.program.memo[key] = frozenset({
            *(item.id for item in every(node, ast.Name)),
            *(item.attr for item in every(node, ast.Attribute)),
            *(item.value for item in every(node, ast.Constant) if isinstance(item.value, str)),
        })
    known: frozenset[str] = view.program.memo[key]
    return known


__all__ = ["variables_too_late"]
