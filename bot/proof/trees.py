"""Pictures of a syntax tree that the fix guard compares: with parts left out, and what stands in it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any

from bot.audit.reading.definitions import last_name

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_TIMING = re.compile(
    r"timeout|retr(y|ies)|sleep|delay|grace|interval|backoff|wait|attempts|ttl|deadline|patience|period|tries|_?seconds?$|_ms$|_s$|jitter",
    re.IGNORECASE,
)
_UNITS = re.compile(r"offset|_per_|zone|in_(an?_)?(day|hour|minute|week)|^(day|hour|minute|week)", re.IGNORECASE)
"""Names of seconds that are no patience: `offset_seconds`, `SECONDS_PER_DAY`."""
_LEVELS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
_LOGGERS = re.compile(r"^_*(log|logger|logging)$", re.IGNORECASE)


def timing_name(name: str) -> bool:
    """Whether a name is one of time to wait or of patience: timeouts, delays, retries, intervals."""
    return bool(_TIMING.search(name)) and not _UNITS.search(name)


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


_CLASSES = {"int", "float", "str", "bool", "bytes", "tuple", "list", "dict", "set", "frozenset", "timedelta", "date",
            "datetime"}


def fixed(node: ast.expr) -> bool:
    """Whether an expression gives the same whatever the state is: constants, also as what an object is made of."""
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        return (
            not isinstance(node.func, ast.Call | ast.Subscript)
            and (name in _CLASSES or (name[:1].isupper() and not name.isupper()))
            and all(map(fixed, (*node.args, *(item.value for item in node.keywords))))
            and bool(node.args or node.keywords or name in _CLASSES)
        )
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(map(fixed, node.elts))
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


def log_level(node: ast.AST) -> str:
    """The level of a call that writes to the log (`error`, `debug`, …; `print` for printing); empty for any other."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS:
        of = last_name(node.func.value)
        if not (_LOGGERS.match(of) or of in {"getLogger", "get_logger"}):
            return ""
        if node.func.attr == "log":
            return last_name(node.args[0]).lower() if node.args else "info"
        told = any(word.arg == "exc_info" and isinstance(word.value, ast.Constant) and word.value.value
                   for word in node.keywords)
        return "error" if told and node.func.attr == "warning" else node.func.attr
    return "print" if last_name(node.func) == "print" else ""


def is_log(node: ast.AST) -> bool:
    """Whether a node is a call that only writes to the log or sets its level."""
    return bool(log_level(node)) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setLevel"
    )


def is_sleep(node: ast.stmt) -> bool:
    """Whether a statement is a call of any `sleep`."""
    value = node.value if isinstance(node, ast.Expr) else None
    value = value.value if isinstance(value, ast.Await) else value
    return isinstance(value, ast.Call) and last_name(value.func) == "sleep"


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
        return isinstance(node, ast.Expr) and is_log(node.value)


class _Timing(_Bodies):
    """Takes numbers of time and patience as equal, and sleeps as not there."""

    def __init__(self) -> None:
        self.numbers: list[float] = []

    def unwanted(self, node: ast.stmt) -> bool:
        return is_sleep(node)

    def _blank(self, node: ast.AST) -> None:
        for item in _numbers(node):
            self.numbers.append(_size(item.value))
            item.value = 0

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any(timing_name(last_name(target)) for target in node.targets):
            self._blank(node.value)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None and timing_name(last_name(node.target)):
            self._blank(node.value)
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        if node.arg and timing_name(node.arg):
            self._blank(node.value)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if last_name(node.func) == "sleep":
            for number in (item for argument in node.args for item in _numbers(argument)):
                number.value = 0  # how often and how long is slept is looked at apart
        elif timing_name(last_name(node.func)):
            for argument in node.args:
                self._blank(argument)
        return self.generic_visit(node)

    def visit_For(self, node: ast.For) -> ast.AST:
        tries = any(isinstance(item, ast.Try) for item in node.body) or any(map(is_sleep, node.body))
        if tries and isinstance(node.iter, ast.Call) and last_name(node.iter.func) == "range":
            self._blank(node.iter)
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        if any(timing_name(last_name(side)) for side in (node.left, *node.comparators)):
            for side in (node.left, *node.comparators):
                self._blank(side)
        return self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and timing_name(key.value):
                self._blank(value)
        return self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        named = [*node.posonlyargs, *node.args][-len(node.defaults) :] if node.defaults else []
        for argument, default in (
            *zip(named, node.defaults, strict=True),
            *zip(node.kwonlyargs, node.kw_defaults, strict=True),
        ):
            if default is not None and timing_name(argument.arg):
                self._blank(default)
        return self.generic_visit(node)


def _numbers(node: ast.AST) -> Iterator[ast.Constant]:
    for item in ast.walk(node):
        if isinstance(item, ast.Constant) and isinstance(item.value, int | float) and not isinstance(item.value, bool):
            yield item


def _size(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float) else 0.0
    except OverflowError:
        return float("inf")


def copied(tree: ast.Module) -> ast.Module:
    """A copy of a tree without the places of its nodes: `copy.deepcopy` takes twenty times as long."""
    found: ast.Module = _copied(tree)
    return found


def _copied(value: Any) -> Any:
    if isinstance(value, ast.AST):
        return type(value)(**{name: _copied(item) for name, item in ast.iter_fields(value)})
    return [_copied(item) for item in value] if isinstance(value, list) else value


def without_docstrings(tree: ast.Module) -> ast.Module:
    """A copy without docstrings and bare constants."""
    picture: ast.Module = _Docstrings().visit(copied(tree))
    return picture


def logging_removed(tree: ast.Module) -> ast.Module:
    """A copy without logging and printing."""
    picture: ast.Module = _Logging().visit(copied(tree))
    return picture


def timing_removed(tree: ast.Module) -> tuple[ast.Module, list[float]]:
    """A copy without sleeps, in which all timeouts, delays and retry counts are equal; and these numbers in order."""
    timing = _Timing()
    picture: ast.Module = timing.visit(copied(tree))
    return picture, timing.numbers
