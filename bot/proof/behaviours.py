"""Where in Python source a behaviour stands that may be taken away, and words for what it does. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.proof.mutants import MOST_BYTES, FunctionNode, functions_in, is_for_types
from bot.proof.positions import Positions, opens_scope, quoted
from bot.proof.removals import Described, Removal, Sort

REJECTS = "reject refuse raise error invalid deny forbid fail"
HINDERS = "prevent block stop"
SKIPS = "exclude skip ignore hide hidden filter drop omit only remove leave"
ENDS = "skip ignore stop reject refuse deny prevent exclude"
ONCE = "idempotent duplicate once twice unique cache repeat again same already double"
LOCKS = "atomic concurrent race lock safe together parallel limit simultaneous corrupt thread transaction rollback"
RECOVERS = "retry recover survive tolerate fall fallback resilient graceful continue reconnect"
SORTS = "order sort first last newest oldest latest ascending descending priority overtake"
LIMITS = "limit cap maximum minimum clamp bound ceiling never exceed at most least"
ROUNDS = "round exact precise cent"
CLEANS = "normal strip trim blank whitespace case insensitive lower upper clean"
_GUARDS = re.compile(r"lock|mutex|semaphore|atomic|transaction|slot|limiter|guard", re.IGNORECASE)
_LIMIT = re.compile(r"max|min|limit|cap\b|ceil|floor|bound|most|[A-Z]{3}")
_UNWRAPPED = {
    "sorted": SORTS, "reversed": SORTS + " reverse", "set": ONCE, "frozenset": ONCE, "round": ROUNDS,
    "abs": "absolute negative positive",
}
_UNCHAINED = {
    "strip": CLEANS, "lstrip": CLEANS, "rstrip": CLEANS, "lower": CLEANS, "upper": CLEANS, "casefold": CLEANS,
    "distinct": ONCE, "order_by": SORTS, "quantize": ROUNDS, "select_for_update": LOCKS, "exclude": SKIPS,
    "copy": "copy isolate mutate unchanged", "title": CLEANS,
}
_SELECTS = {"filter": SKIPS, "exclude": SKIPS, "where": SKIPS, "sorted": SORTS, "sort": SORTS, "min": SORTS,
            "max": SORTS, "get_or_create": ONCE}
_LISTED = frozenset({"sorted", "reversed", "set", "frozenset"})
_MOST_TEXT = 600


def removals_of(path: str, source: bytes, wanted: frozenset[str] | None = None) -> tuple[Described, ...]:
    """The behaviours of each function of a file that may be taken away. `source` is UTF-8; `wanted` are keys.

    Nothing for what is no Python, never an error.
    """
    if len(source) > MOST_BYTES or b"\r" in source.replace(b"\r\n", b""):
        return ()
    try:
        tree = ast.parse(source)
        positions = Positions(source)
        return tuple(
            _described(path, positions, node, name)
            for node, name, _, _ in functions_in(tree)
            if wanted is None or f"{path}::{name}" in wanted
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _described(path: str, positions: Positions, node: FunctionNode, name: str) -> Described:
    key = f"{path}::{name}"
    docstring = (ast.get_docstring(node) or "")[:_MOST_TEXT]
    finder = _Finder(path, key, positions)
    found: dict[tuple[int, int, bytes | None], Removal] = {}
    for one in finder.in_block(node.body, loop=False):
        found.setdefault((one.start, one.end, one.instead), one)
    return Described(key, node.lineno, node.end_lineno or node.lineno, f"{name}\n{docstring}", tuple(found.values()))


class _Finder:
    """Goes through the statements of one function."""

    def __init__(self, path: str, key: str, positions: Positions) -> None:
        self.path, self.key, self.positions = path, key, positions

    def in_block(self, body: list[ast.stmt], *, loop: bool) -> Iterator[Removal]:
        """The removals in these statements and in the blocks in them."""
        for statement in body:
            if isinstance(statement, FunctionNode | ast.ClassDef) or is_for_types(statement):
                continue
            yield from self._statement(statement, loop)
            inside = loop or isinstance(statement, ast.For | ast.While | ast.AsyncFor)
            for name in ("body", "orelse", "finalbody"):
                yield from self.in_block(getattr(statement, name, None) or [], loop=inside)
            for part in (*(getattr(statement, "handlers", None) or ()), *(getattr(statement, "cases", None) or ())):
                yield from self.in_block(part.body, loop=inside)

    def _statement(self, statement: ast.stmt, loop: bool) -> Iterator[Removal]:
        match statement:
            case ast.If():
                yield from self._condition(statement, statement.test, statement.body, statement.orelse, loop)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    if item.optional_vars is None and _GUARDS.search(ast.unparse(item.context_expr)):
                        text = ast.unparse(item.context_expr)
                        # That a lock is gone does not show in every race.
                        yield self._made(statement, item.context_expr, b"__import__('contextlib').nullcontext()", LOCKS,
                                         either=not re.search("atomic|transaction", text))
            case ast.Try() | ast.TryStar():
                for handler in statement.handlers:
                    if handler.type is not None and not _raises(handler.body):
                        yield self._made(statement, handler.type, b"()", RECOVERS, branch=_text(handler.body),
                                         sort=Sort.HANDLER)
            case _:
                yield from self._plain(statement)
        for root in _heads(statement):
            yield from self._in_expression(statement, root)

    def _plain(self, statement: ast.stmt) -> Iterator[Removal]:
        match statement:
            case ast.Raise():
                yield self._gone(statement, REJECTS, loose=False)
            case ast.Expr(value=ast.Call() | ast.Await()):
                yield self._gone(statement, LOCKS if re.search(r"\.acquire\(", ast.unparse(statement)) else "")
            case ast.AugAssign(target=ast.Attribute() | ast.Subscript() | ast.Name()) | ast.Delete():
                yield self._gone(statement, "")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                yield self._gone(statement, "")
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _names(value):
                yield self._gone(statement, "")

    def _condition(self, statement: ast.If, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt],
                   loop: bool) -> Iterator[Removal]:
        if _about_types(test):
            return
        effect, negative = _effect(test, body)
        if negative and not self.key.endswith(("__init__", "__post_init__", "__new__")):
            # What a constructor refuses is a wrong argument; elsewhere a guard hinders what would go on, or too much.
            bounds = any(isinstance(item, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for item in ast.walk(test))
            effect = f"{HINDERS} {LIMITS if bounds else ''} {effect}"
        branch = _text(body)
        sort = Sort.ONCE if effect.endswith(ONCE) else Sort.OTHER
        yield self._made(statement, test, b"False", effect, branch=branch, sort=sort)
        if not negative and loop and not orelse:
            yield self._made(statement, test, b"True", SKIPS, branch="")
        elif orelse:
            yield self._made(statement, test, b"True", _effect(test, orelse)[0], branch=_text(orelse))
        if isinstance(test, ast.BoolOp):
            neutral = b"True" if isinstance(test.op, ast.And) else b"False"
            for value in test.values:
                if not _about_types(value):
                    yield self._made(statement, value, neutral, effect if neutral == b"False" else "", branch=branch,
                                     loose=neutral == b"True", either=True)

    def _in_expression(self, statement: ast.stmt, root: ast.expr) -> Iterator[Removal]:
        waiting: list[ast.AST] = [root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.JoinedStr) or (opens_scope(node) and not isinstance(node, _COMPREHENSIONS)):
                continue
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))
            match node:
                case ast.comprehension(ifs=tests):
                    for test in tests:
                        if not _about_types(test):
                            yield self._made(statement, test, b"True", SKIPS, loose=True)
                case ast.IfExp():
                    for constant, kept in ((b"False", node.body), (b"True", node.orelse)):
                        yield self._made(statement, node.test, constant, "", branch=ast.unparse(kept), loose=True)
                case ast.Call():
                    yield from self._call(statement, node)

    def _call(self, statement: ast.stmt, call: ast.Call) -> Iterator[Removal]:
        name = call.func.id if isinstance(call.func, ast.Name) else (
            call.func.attr if isinstance(call.func, ast.Attribute) else "")
        text = self.positions.text
        if isinstance(call.func, ast.Name) and call.args and not isinstance(call.args[0], ast.Starred):
            if name in _UNWRAPPED:
                inner = text(call.args[0])
                instead = b"list(" + inner + b")" if name in _LISTED else inner
                yield self._made(statement, call, instead, _UNWRAPPED[name])
            elif name in {"min", "max"} and len(call.args) == 2 and not call.keywords:
                for kept, other in (call.args, call.args[::-1]):
                    if not _is_limit(kept) and (_is_limit(other) or not _is_limit(kept)):
                        yield self._made(statement, call, text(kept), LIMITS, own=ast.unparse(other),
                                         either=not _is_limit(other))
            elif len(call.args) == 1 and not call.keywords and name not in _KINDS and not name[:1].isupper():
                yield self._made(statement, call, text(call.args[0]), "", own=name, loose=True)
        elif isinstance(call.func, ast.Attribute):
            if name in _UNCHAINED:
                yield self._made(statement, call, text(call.func.value), _UNCHAINED[name])
            elif len(call.args) == 1 and not call.keywords and name.startswith("_"):
                yield self._made(statement, call, text(call.args[0]), "", own=name, loose=True)
        for keyword in call.keywords:
            if keyword.arg is not None:
                cut = self._without(call, keyword)
                yield self._made(statement, call, cut, _SELECTS.get(name, ""), own=f"{name} {ast.unparse(keyword)}",
                                 loose=name not in _SELECTS)

    def _without(self, call: ast.Call, keyword: ast.keyword) -> bytes:
        first, last = self.positions.start(call), self.positions.end(call)
        start, end = self.positions.start(keyword), self.positions.end(keyword)
        after = re.match(rb"\s*,[ \t]*", self.positions.source[end:last])
        end += after.end() if after is not None else 0
        return self.positions.source[first:start] + self.positions.source[end:last]

    def _made(self, statement: ast.stmt, node: ast.expr, instead: bytes, effect: str, *, branch: str = "",
              own: str = "", loose: bool = False, either: bool = False, sort: Sort = Sort.OTHER) -> Removal:
        start, end = self.positions.start(node), self.positions.end(node)
        line = self.positions.line_of(start)
        became = f"`{quoted(self.positions.text(node))}` became `{quoted(instead)}`"
        if isinstance(statement, ast.If) and node is statement.test:
            became = f"`if {quoted(self.positions.text(node))}` became `if {instead.decode()}`"
        elif sort is Sort.HANDLER:
            became = f"`except {quoted(self.positions.text(node))}` catches nothing"
        lines = (statement.lineno, max(self.positions.header_end(statement), line))
        return Removal(self.path, self.key, line, lines, start, end, instead, became,
                       f"{own or ast.unparse(node)} {self._beside(line)}", effect, branch, loose, either, sort)

    def _gone(self, statement: ast.stmt, effect: str, *, loose: bool = True) -> Removal:
        text = self.positions.text(statement)
        said = ast.unparse(statement).removeprefix("raise ")[:_MOST_TEXT]
        return Removal(self.path, self.key, statement.lineno, (statement.lineno, statement.end_lineno or 0),
                       self.positions.start(statement), self.positions.end(statement), None,
                       f"`{quoted(text)}` was removed",
                       f"{said} {self._beside(statement.lineno)}", effect, "", loose)

    def _beside(self, line: int) -> str:
        """The comments on a line and on the one above, where that has nothing else."""
        found = []
        for number in (line - 1, line):
            start, end = self.positions.lines(number, number) if number > 0 else (0, 0)
            text = self.positions.source[start:end].decode("utf-8", "replace").strip()
            if text.startswith("#") or (number == line and "  # " in text):
                found.append(text.rpartition("# ")[2])
        return " ".join(found)


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_KINDS = frozenset({
    "isinstance", "issubclass", "callable", "len", "str", "int", "float", "bool", "list", "tuple", "dict", "iter",
    "next", "repr", "print", "range", "enumerate", "super", "type", "id", "hash", "any", "all", "sum", "open", "bytes",
})


def _heads(statement: ast.stmt) -> Iterator[ast.expr]:
    for name, value in ast.iter_fields(statement):
        if name in {"annotation", "targets", "target", "decorator_list"}:
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.expr):
                yield item


def _effect(test: ast.expr, body: list[ast.stmt]) -> tuple[str, bool]:
    """Words for what a block under a condition does, and whether it turns something away."""
    last = body[-1]
    if _raises(body):
        return REJECTS + (f" {ONCE}" if _is_membership(test) else ""), True
    if isinstance(last, ast.Continue | ast.Break):
        return SKIPS + (f" {ONCE}" if _is_membership(test) else ""), True
    if isinstance(last, ast.Return):
        plain = last.value is None or isinstance(last.value, ast.Constant)
        return " ".join((ENDS if plain else "", ONCE if _is_membership(test) or not plain else "")), True
    if isinstance(last, ast.Pass):
        return SKIPS, True
    return "", False


def _is_membership(test: ast.expr) -> bool:
    return any(isinstance(item, ast.In | ast.NotIn | ast.IsNot) for item in ast.walk(test))


def _raises(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Raise)


def _about_types(test: ast.expr) -> bool:
    text = ast.unparse(test)
    return isinstance(test, ast.Constant) or bool(
        re.search(r"\b(isinstance|issubclass|callable|hasattr|TYPE_CHECKING|version_info|__name__|platform)\b", text))


def _is_limit(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or bool(_LIMIT.search(ast.unparse(node)))


def _names(node: ast.AST) -> set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


def _text(body: list[ast.stmt]) -> str:
    return "\n".join(ast.unparse(statement) for statement in body[:4])[:_MOST_TEXT]
