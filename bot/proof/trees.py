"""Pictures of a syntax tree that the fix guard compares: with parts left out, and what stands in it."""

from __future__ import annotations

import ast
import copy
import re
import warnings
from collections.abc import Iterator

from bot.audit.reading.definitions import last_name

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_TIMING = re.compile(
    r"timeout|retr(y|ies)|sleep|delay|grace|interval|backoff|wait|attempts|ttl|deadline|patience|period|tries|_?seconds?$|_ms$|_s$|jitter",
    re.IGNORECASE,
)
_LEVELS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
_LOGGERS = re.compile(r"^_*(log|logger|logging)$", re.IGNORECASE)
_EVERYTHING = {"Exception", "BaseException"}


def parsed(text: str) -> ast.Module | str:
    """A file's tree, or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno or 1})"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or "it is nested too deeply"


def functions(tree: ast.Module) -> dict[str, FunctionNode]:
    """The functions and methods of a module by qualified name; the last definition of a name counts."""
    found: dict[str, FunctionNode] = {}
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, prefix = stack.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FunctionNode | ast.ClassDef):
                if isinstance(child, FunctionNode):
                    found[f"{prefix}{child.name}"] = child
                stack.append((child, f"{prefix}{child.name}."))
            elif isinstance(child, ast.stmt | ast.ExceptHandler):
                stack.append((child, prefix))
    return found


def fixed(node: ast.expr) -> bool:
    """Whether an expression gives the same whatever the state is: constants, also as arguments of one call."""
    if isinstance(node, ast.Call):
        return (
            all(fixed(item) for item in node.args)
            and all(fixed(item.value) for item in node.keywords)
            and bool(node.args or node.keywords)
            and not isinstance(node.func, ast.Call)
        )
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(fixed(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        return all(item is not None and fixed(item) for item in (*node.keys, *node.values))
    if isinstance(node, ast.UnaryOp):
        return fixed(node.operand)
    return isinstance(node, ast.Constant)


def raises(node: ast.AST) -> int:
    """How many `raise` statements and assertions stand in a node."""
    return sum(isinstance(item, ast.Raise | ast.Assert) for item in ast.walk(node))


def sleeps(tree: ast.AST) -> list[ast.Call]:
    """The calls of any `sleep` that wait for more than nothing."""
    return [
        item
        for item in ast.walk(tree)
        if isinstance(item, ast.Call)
        and last_name(item.func) == "sleep"
        and not (item.args and isinstance(item.args[0], ast.Constant) and item.args[0].value == 0)
    ]


def broad_handlers(tree: ast.AST) -> list[ast.ExceptHandler]:
    """The handlers that catch every exception and do not raise again."""
    return [
        item
        for item in ast.walk(tree)
        if isinstance(item, ast.ExceptHandler)
        and _catches_all(item.type)
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(item))
    ]


def swallows(tree: ast.AST) -> list[ast.AST]:
    """The broad handlers that drop what they caught, and `suppress(Exception)`."""
    found: list[ast.AST] = [item for item in broad_handlers(tree) if all(map(_says_nothing, item.body))]
    return found + [
        item
        for item in ast.walk(tree)
        if isinstance(item, ast.Call)
        and last_name(item.func) == "suppress"
        and any(last_name(arg) in _EVERYTHING for arg in item.args)
    ]


def _catches_all(node: ast.expr | None) -> bool:
    if node is None:
        return True
    return any(last_name(part) in _EVERYTHING for part in (node.elts if isinstance(node, ast.Tuple) else [node]))


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Pass | ast.Continue | ast.Break):
        return True
    if isinstance(node, ast.Return):
        return node.value is None or fixed(node.value)
    return isinstance(node, ast.Expr) and (isinstance(node.value, ast.Constant) or _is_log(node.value))


def _is_log(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS | {"setLevel"}:
        return bool(_LOGGERS.match(last_name(node.func.value)) or last_name(node.func.value) == "getLogger")
    return last_name(node.func) == "print"


def _filled(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body without `pass`, but never empty."""
    return [item for item in body if not isinstance(item, ast.Pass)] or [ast.Pass()]


class _Bodies(ast.NodeTransformer):
    """Leaves statements out of every body."""

    def unwanted(self, node: ast.stmt) -> bool:
        raise NotImplementedError

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body:
                kept = [item for item in body if not (isinstance(item, ast.stmt) and self.unwanted(item))]
                setattr(node, name, _filled(kept) if name == "body" else kept)
        return node


class _Docstrings(_Bodies):
    def unwanted(self, node: ast.stmt) -> bool:
        return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Logging(_Bodies):
    def unwanted(self, node: ast.stmt) -> bool:
        return isinstance(node, ast.Expr) and _is_log(node.value)


class _Timing(_Bodies):
    """Takes numbers of time and patience as equal, and sleeps as not there."""

    def unwanted(self, node: ast.stmt) -> bool:
        value = node.value if isinstance(node, ast.Expr) else None
        value = value.value if isinstance(value, ast.Await) else value
        return isinstance(value, ast.Call) and last_name(value.func) == "sleep"

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any(_TIMING.search(last_name(target)) for target in node.targets):
            _blank(node.value)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None and _TIMING.search(last_name(node.target)):
            _blank(node.value)
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        if node.arg and _TIMING.search(node.arg):
            _blank(node.value)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _TIMING.search(last_name(node.func)):
            for argument in node.args:
                _blank(argument)
        elif last_name(node.func) == "range" and len(node.args) == 1:
            _blank(node.args[0])
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        if any(_TIMING.search(last_name(side)) for side in (node.left, *node.comparators)):
            for side in (node.left, *node.comparators):
                _blank(side)
        return self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and _TIMING.search(key.value):
                _blank(value)
        return self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        named = [*node.posonlyargs, *node.args][-len(node.defaults) :] if node.defaults else []
        for argument, default in (
            *zip(named, node.defaults, strict=True),
            *zip(node.kwonlyargs, node.kw_defaults, strict=True),
        ):
            if default is not None and _TIMING.search(argument.arg):
                _blank(default)
        return self.generic_visit(node)


def _numbers(node: ast.AST) -> Iterator[ast.Constant]:
    for item in ast.walk(node):
        if isinstance(item, ast.Constant) and isinstance(item.value, int | float) and not isinstance(item.value, bool):
            yield item


def _blank(node: ast.AST) -> None:
    for item in _numbers(node):
        item.value = 0


def without_docstrings(tree: ast.Module) -> ast.Module:
    """A copy without docstrings and bare constants."""
    copied: ast.Module = _Docstrings().visit(copy.deepcopy(tree))
    return copied


def logging_removed(tree: ast.Module) -> ast.Module:
    """A copy without logging and printing."""
    copied: ast.Module = _Logging().visit(copy.deepcopy(tree))
    return copied


def timing_removed(tree: ast.Module) -> ast.Module:
    """A copy without sleeps, in which all timeouts, delays and retry counts are equal."""
    copied: ast.Module = _Timing().visit(copy.deepcopy(tree))
    return copied
