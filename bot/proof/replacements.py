"""What may become of one statement or expression of product code. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.proof.positions import Positions, quoted

_OUTCOME, _EFFECT, _VALUE, _DETAIL, _RARE = 1, 2, 3, 4, 5

_COMPARED: dict[type[ast.cmpop], tuple[bytes, bytes]] = {
    ast.Lt: (rb"<(?!=)", b"<="), ast.LtE: (rb"<=", b"<"), ast.Gt: (rb">(?!=)", b">="), ast.GtE: (rb">=", b">"),
    ast.Eq: (rb"==", b"!="), ast.NotEq: (rb"!=", b"=="), ast.Is: (rb"\bis\b(?!\s+not\b)", b"is not"),
    ast.IsNot: (rb"\bis\s+not\b", b"is"), ast.In: (rb"\bin\b", b"not in"), ast.NotIn: (rb"\bnot\s+in\b", b"in"),
}
_BOUNDARIES = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_COMPUTED: dict[type[ast.operator], tuple[bytes, bytes]] = {
    ast.Add: (rb"\+", b"-"), ast.Sub: (rb"-", b"+"), ast.Mult: (rb"\*(?!\*)", b"/"), ast.Div: (rb"/(?!/)", b"*"),
    ast.FloorDiv: (rb"//", b"*"), ast.Mod: (rb"%", b"*"), ast.Pow: (rb"\*\*", b"*"), ast.LShift: (rb"<<", b">>"),
    ast.RShift: (rb">>", b"<<"), ast.BitAnd: (rb"&", b"|"), ast.BitOr: (rb"\|", b"&"),
}
_LOGGERS = frozenset({"logging", "logger", "log", "_logger", "_log", "LOG", "LOGGER", "structlog", "warnings"})
_LEVELS = frozenset({
    "debug", "info", "warning", "warn", "error", "exception", "critical", "log", "adebug", "ainfo", "awarning",
    "aerror", "aexception",
})
_KINDS = frozenset({"isinstance", "issubclass", "callable", "hasattr", "iscoroutinefunction", "iscoroutine"})
_MOST_TEXT = 60


@dataclass(frozen=True)
class Replacement:
    """The bytes from `start` to `end` become `replacement`; `said` tells it on one line."""

    start: int
    end: int
    replacement: bytes
    said: str
    weight: int


def in_statement(positions: Positions, function: ast.FunctionDef | ast.AsyncFunctionDef,
                 statement: ast.stmt) -> Iterator[Replacement]:
    """The changes of one statement, without those of the blocks in it."""
    if _says_only(statement):
        return
    match statement:
        case ast.Return():
            yield from _returned(positions, function, statement)
        case ast.If() | ast.While():
            # What then raises, or goes on for ever, is noticed by any test that comes there, whatever it checks.
            mild = isinstance(statement, ast.If) and not isinstance(statement.body[0], ast.Raise)
            yield from _condition(positions, statement.test, _OUTCOME if mild else _RARE)
        case ast.Expr(value=ast.Call() | ast.Await()):
            rare = re.search(rb"\bsleep\s*\(|^super\(", positions.text(statement)) is not None
            yield _removed(positions, statement, _RARE if rare else _EFFECT)
        case ast.Assign() | ast.AnnAssign():
            yield from _kept(positions, function, statement)
        case ast.AugAssign():
            yield from _swapped(positions, statement, statement.target, statement.value, type(statement.op), _VALUE)
        case ast.Delete() | ast.Raise():
            yield _removed(positions, statement, _EFFECT if isinstance(statement, ast.Delete) else _OUTCOME)
        case ast.Continue():
            yield _change(positions, statement, b"break", _RARE)
        case ast.Try() | ast.TryStar():
            yield from _handlers(positions, statement)
    if not isinstance(statement, ast.Raise):
        for expression in _expressions(statement):
            yield from in_expressions(positions, expression)


def in_expressions(positions: Positions, root: ast.expr) -> Iterator[Replacement]:
    """The changes of an expression and of all that is in it."""
    waiting: list[ast.AST] = [root]
    while waiting:
        node = waiting.pop()
        # Before Python 3.12 what is in an f-string has no position of its own.
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and (_is_log(node) or _is_kind(node))) \
                or (isinstance(node, ast.Compare) and _about_type(node)):
            continue
        waiting.extend(reversed(list(ast.iter_child_nodes(node))))
        match node:
            case ast.Compare(ops=[operator], comparators=[right]):
                weight = _DETAIL if isinstance(operator, _BOUNDARIES) else _VALUE
                yield from _compared(positions, node, operator, right, weight)
            case ast.BoolOp(values=[left, right]):
                yield from _joined(positions, node, left, right)
            case ast.UnaryOp(op=ast.Not(), operand=operand) if not _is_kind(operand):
                yield _change(positions, node, b"(" + positions.text(operand) + b")", _VALUE)
            case ast.BinOp() if not (_is_text(node.left) or _is_text(node.right)):
                yield from _swapped(positions, node, node.left, node.right, type(node.op), _VALUE)
            case ast.Constant():
                yield from _constant(positions, node)
            case ast.IfExp():
                yield from _condition(positions, node.test, _VALUE)
            case ast.comprehension(ifs=[test]):
                yield from _condition(positions, test, _VALUE)
            case ast.Call():
                yield from _keywords(positions, node)
            case ast.Dict():
                yield from _items(positions, node)


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement that are no annotations and in none of its blocks."""
    for name, value in ast.iter_fields(statement):
        if name in {"annotation", "targets", "target", "decorator_list", "type_params"}:
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.expr):
                yield item
            elif isinstance(item, ast.withitem):
                yield item.context_expr


# what is left as it is

def _says_only(statement: ast.stmt) -> bool:
    """Whether a statement only logs, prints or warns."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    value = value.value if isinstance(value, ast.Await) else value
    if isinstance(value, ast.Constant):
        return True
    return isinstance(value, ast.Call) and (
        _is_log(value) or (isinstance(value.func, ast.Name) and value.func.id in {"print", "warn"}))


def _is_log(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    owner = call.func.value
    while isinstance(owner, ast.Call):
        owner = owner.func
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return name in _LOGGERS or (call.func.attr in _LEVELS and "log" in name.lower())


def _is_kind(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS


def _about_type(node: ast.Compare) -> bool:
    """Whether a comparison asks which class something is, or where the module is run or at which version."""
    sides = [node.left, *node.comparators]
    return any(
        (isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "type")
        or (isinstance(side, ast.Name) and side.id in {"__name__", "__version__"})
        or (isinstance(side, ast.Attribute) and side.attr in {"__class__", "version_info", "platform"})
        for side in sides
    )


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple) \
        or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)) \
        or (isinstance(node, ast.BinOp) and (_is_text(node.left) or _is_text(node.right)))


# one change each

def _change(positions: Positions, node: ast.expr | ast.stmt, replacement: bytes, weight: int) -> Replacement:
    start, end = positions.start(node), positions.end(node)
    lines = positions.source.count(b"\n", start, end) - replacement.count(b"\n")
    said = f"`{quoted(positions.text(node))}` became `{quoted(replacement)}`"
    return Replacement(start, end, replacement + _feeds(positions, start, end, lines), said, weight)


def _feeds(positions: Positions, start: int, end: int, lines: int) -> bytes:
    return (b"\r\n" if b"\r\n" in positions.source[start:end] else b"\n") * max(lines, 0)


def _within(positions: Positions, node: ast.expr | ast.stmt, start: int, end: int, replacement: bytes,
            weight: int) -> Replacement:
    """A change of a part of a node, told with the whole of it."""
    before, first = positions.text(node), positions.start(node)
    after = before[:start - first] + replacement + before[end - first:]
    said = f"`{quoted(before)}` became `{quoted(after)}`"
    if quoted(before) == quoted(after):
        became = f"became `{quoted(replacement)}`" if replacement else "was removed"
        said = f"`{quoted(positions.source[start:end])}` {became} in `{quoted(before, 50)}`"
    lines = positions.source.count(b"\n", start, end) - replacement.count(b"\n")
    return Replacement(start, end, replacement + _feeds(positions, start, end, lines), said, weight)


def _removed(positions: Positions, statement: ast.stmt, weight: int) -> Replacement:
    made = _change(positions, statement, b"pass", weight)
    return Replacement(made.start, made.end, made.replacement, f"`{quoted(positions.text(statement))}` was removed",
                       weight)


def _between(positions: Positions, left: ast.expr, right: ast.expr, pattern: bytes) -> tuple[int, int] | None:
    start, end = positions.end(left), positions.start(right)
    gap = positions.source[start:end]
    found = None if b"#" in gap else re.search(pattern, gap)
    return None if found is None else (start + found.start(), start + found.end())


def _compared(positions: Positions, node: ast.Compare, operator: ast.cmpop, right: ast.expr,
              weight: int) -> Iterator[Replacement]:
    pattern, other = _COMPARED[type(operator)]
    place = _between(positions, node.left, right, pattern)
    if place is not None:
        yield _within(positions, node, *place, other, weight)


def _joined(positions: Positions, node: ast.BoolOp, left: ast.expr, right: ast.expr) -> Iterator[Replacement]:
    now, other = (rb"\band\b", b"or") if isinstance(node.op, ast.And) else (rb"\bor\b", b"and")
    place = _between(positions, left, right, now)
    if place is not None:
        yield _within(positions, node, *place, other, _VALUE)


def _swapped(positions: Positions, node: ast.expr | ast.stmt, left: ast.expr, right: ast.expr,
             operator: type[ast.operator], weight: int) -> Iterator[Replacement]:
    found = _COMPUTED.get(operator)
    place = None if found is None or _is_text(right) else _between(positions, left, right, found[0])
    if found is not None and place is not None:
        yield _within(positions, node, *place, found[1], weight)


def _condition(positions: Positions, test: ast.expr, weight: int) -> Iterator[Replacement]:
    if isinstance(test, ast.Constant) or _is_kind(test) or "TYPE_CHECKING" in ast.unparse(test):
        return
    if isinstance(test, ast.Compare) and _about_type(test):
        return
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        if not _is_kind(test.operand):
            yield _change(positions, test, b"(" + positions.text(test.operand) + b")", weight)
        return
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and not isinstance(test.ops[0], _BOUNDARIES):
        yield from _compared(positions, test, test.ops[0], test.comparators[0], weight)
        return
    yield _change(positions, test, b"(not (" + positions.text(test) + b"))", weight)


def _constant(positions: Positions, node: ast.Constant) -> Iterator[Replacement]:
    match node.value:
        case bool():
            yield _change(positions, node, b"False" if node.value else b"True", _VALUE)
        case int() | float() if not isinstance(node.value, complex) and abs(node.value) < 10**15:
            yield _change(positions, node, repr(node.value + 1).encode(), _VALUE)
        case str() if len(node.value) <= _MOST_TEXT and " " not in node.value.strip() and "\n" not in node.value:
            yield _change(positions, node, b'"mutated"', _DETAIL)
        case _:
            return


def _returned(positions: Positions, function: ast.FunctionDef | ast.AsyncFunctionDef,
              statement: ast.Return) -> Iterator[Replacement]:
    value = statement.value
    if value is None:
        yield _removed(positions, statement, _EFFECT)
        return
    text, annotation = positions.text(value), ast.unparse(function.returns) if function.returns is not None else ""
    if annotation == "bool" or (isinstance(value, ast.Compare | ast.BoolOp) and not annotation) \
            or (isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)):
        if not isinstance(value, ast.Constant):
            yield _change(positions, value, b"(not (" + text + b"))", _OUTCOME)
    elif annotation in {"int", "float"} and not isinstance(value, ast.Constant):
        yield _change(positions, value, b"((" + text + b") + 1)", _OUTCOME)
    elif annotation == "str" and not isinstance(value, ast.Constant):
        yield _change(positions, value, b'((' + text + b') + "~")', _OUTCOME)
    elif not isinstance(value, ast.Constant) or value.value is None:
        # None is what an empty body gives; here is what nobody has.
        yield _change(positions, value, b"object()", _OUTCOME)


def _kept(positions: Positions, function: ast.FunctionDef | ast.AsyncFunctionDef,
          statement: ast.Assign | ast.AnnAssign) -> Iterator[Replacement]:
    """What is put into an attribute or a container; in a constructor, which others rely on, it becomes None."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    if not isinstance(target, ast.Attribute | ast.Subscript) or statement.value is None:
        return
    if function.name != "__init__":
        yield _removed(positions, statement, _EFFECT)
    elif not (isinstance(statement.value, ast.Constant) and statement.value.value is None):
        yield _change(positions, statement.value, b"None", _RARE)


def _handlers(positions: Positions, statement: ast.Try | ast.TryStar) -> Iterator[Replacement]:
    for handler in statement.handlers:
        if handler.type is not None and ast.unparse(handler.type) not in {"Exception", "BaseException"}:
            yield _change(positions, handler.type, b"Exception", _RARE)


def _keywords(positions: Positions, call: ast.Call) -> Iterator[Replacement]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield from _cut(positions, call, positions.start(keyword), positions.end(keyword), _RARE)


def _items(positions: Positions, node: ast.Dict) -> Iterator[Replacement]:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant):
            yield from _cut(positions, node, positions.start(key), positions.end(value), _DETAIL)


def _cut(positions: Positions, node: ast.expr, start: int, end: int, weight: int) -> Iterator[Replacement]:
    """An item of a list taken out with the comma after it; a comma that is left before the end does no harm."""
    after = re.match(rb"\s*,[ \t]*", positions.source[end:positions.end(node)])
    end += after.end() if after is not None else 0
    if b"#" not in positions.source[start:end]:
        yield _within(positions, node, start, end, b"", weight)
