"""Small changes of Python source, by position: formatting and the number of lines stay. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from bot.proof.positions import Positions, opens_scope, quoted
from bot.proof.replacements import Replacement, in_expressions, in_statement

MOST_BYTES = 2_000_000
_MOST_NESTED = 60
_UNTOUCHED = frozenset({
    "__repr__", "__str__", "__format__", "__del__", "__dir__", "__getattr__", "__hash__", "__class_getitem__",
    "__init_subclass__", "__sizeof__", "__reduce__", "__getstate__", "__setstate__",
})
"""Functions that tests rightly do not look at, or whose change breaks everything at once."""
_NOT_HOLLOWED = frozenset({
    "contextmanager", "asynccontextmanager", "fixture", "abstractmethod", "overload", "setter", "deleter", "validator",
    "field_validator", "model_validator", "root_validator", "hookimpl", "decorator",
})
_HOLLOW_DUNDERS = frozenset({"__call__", "__eq__", "__contains__", "__getitem__", "__exit__", "__aexit__", "__lt__"})
_OVERLOADS = frozenset({"overload", "abstractmethod"})


class Weight(IntEnum):
    """How much of a function's behaviour a change takes away; the most comes first.

    A RARE one either breaks whatever comes there, so that noticing it says little, or hardly changes anything.
    """

    HOLLOW = 0
    OUTCOME = 1
    EFFECT = 2
    VALUE = 3
    DETAIL = 4
    RARE = 5


@dataclass(frozen=True)
class Mutant:
    """One change: the bytes from `start` to `end` of the file become `replacement`.

    `function` is `path::qualified.name`, `lines` those of which one must run for the change to matter. `change` says
    on one line what became of what. `statement` is the text of the statement that it is in.
    """

    path: str
    function: str
    line: int
    lines: tuple[int, int]
    weight: Weight
    change: str
    start: int
    end: int
    replacement: bytes
    statement: str
    at_definition: bool = False

    def runs_in(self, lines: frozenset[int] | None) -> bool:
        """Whether a test that executed these lines of the file, None where that is not known, executed it."""
        if lines is None or self.at_definition:
            return True
        return any(line in lines for line in range(self.lines[0], self.lines[1] + 1))


@dataclass(frozen=True)
class Defined:
    """A function of a file: its key, its lines, what its decorators say, and what may be changed in it."""

    key: str
    name: str
    owner: str
    first: int
    last: int
    routes: tuple[str, ...]
    mutants: tuple[Mutant, ...]


def mutated(source: bytes, mutants: Iterable[Mutant]) -> bytes:
    """The source with these changes made. Raises ValueError when two of them overlap."""
    done, at = source, len(source)
    for mutant in sorted(mutants, key=lambda one: one.start, reverse=True):
        if mutant.end > at:
            raise ValueError("two changes overlap")
        done, at = done[:mutant.start] + mutant.replacement + done[mutant.end:], mutant.start
    return done


def functions_of(path: str, source: bytes, wanted: frozenset[str] | None = None) -> tuple[Defined, ...]:
    """The functions of a file, in the order of the text, with all changes that compile. `source` is UTF-8.

    `wanted` are the keys of those that are asked for, None for all. Nothing for what is no Python, never an error.
    """
    if len(source) > MOST_BYTES or b"\r" in source.replace(b"\r\n", b""):
        return ()
    try:
        tree = ast.parse(source)
        positions = Positions(source)
        return tuple(
            _defined(path, positions, node, name, owner, top)
            for node, name, owner, top in functions_in(tree)
            if (wanted is None or f"{path}::{name}" in wanted) and not _is_no_code(node)
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def functions_in(tree: ast.Module) -> Iterator[tuple[FunctionNode, str, str, FunctionNode]]:
    """All functions of a file: itself, its qualified name, its class, and the outermost function around it."""
    return _functions(tree, "", "", None, 0)


def _functions(
    node: ast.AST, prefix: str, owner: str, top: FunctionNode | None, depth: int,
) -> Iterator[tuple[FunctionNode, str, str, FunctionNode]]:
    """All functions below a node: itself, its qualified name, its class, and the outermost function around it."""
    if depth > _MOST_NESTED:
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            name = prefix + child.name
            yield child, name, owner, top or child
            yield from _functions(child, f"{name}.<locals>.", "", top or child, depth + 1)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.", child.name, top, depth + 1)
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case) and not is_for_types(child):
            yield from _functions(child, prefix, owner, top, depth + 1)


def is_for_types(node: ast.AST) -> bool:
    """Whether a statement is there for type checkers alone."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _decorators(node: FunctionNode) -> frozenset[str]:
    called = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return frozenset(
        one.attr if isinstance(one, ast.Attribute) else one.id if isinstance(one, ast.Name) else "" for one in called)


def _is_no_code(node: FunctionNode) -> bool:
    return node.name in _UNTOUCHED or bool(_decorators(node) & _OVERLOADS)


def _defined(path: str, positions: Positions, node: FunctionNode, name: str, owner: str, top: FunctionNode) -> Defined:
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    key = f"{path}::{name}"
    routes = tuple(
        text.value for one in node.decorator_list if isinstance(one, ast.Call) for text in one.args[:1]
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    )
    segment = positions.lines(min([top.lineno, *(one.lineno for one in top.decorator_list)]), top.end_lineno or 0)
    unique: dict[tuple[int, int, bytes], Mutant] = {}
    for mutant in (*_hollow(path, key, name, positions, node), *_fine(path, key, positions, node)):
        place = mutant.start, mutant.end, mutant.replacement
        if place not in unique and mutant.replacement != positions.source[mutant.start:mutant.end] \
                and _compiles(positions.source, mutant, segment):
            unique[place] = mutant
    return Defined(key, node.name, owner, first, node.end_lineno or first, routes, tuple(unique.values()))


def _compiles(source: bytes, mutant: Mutant, segment: tuple[int, int]) -> bool:
    """Whether the outermost function around a change is still Python; to ask all of the file takes too long."""
    start, end = segment
    if not start <= mutant.start <= mutant.end <= end:
        return False
    try:
        compile(b"if 1:\n" * (source[start:start + 1] in b" \t") + source[start:mutant.start] + mutant.replacement
                + source[mutant.end:end], "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


# a function that does nothing

def _hollow(path: str, key: str, name: str, positions: Positions, node: FunctionNode) -> Iterator[Mutant]:
    dunder = node.name.startswith("__") and node.name.endswith("__") and node.name not in _HOLLOW_DUNDERS
    body = node.body[1:] if _is_docstring(node.body[0]) else node.body
    if dunder or _decorators(node) & _NOT_HOLLOWED or all(map(_does_nothing, body)):
        return
    first, last = body[0], body[-1]
    # The @ of a decorator stands where the definition does.
    start = positions.at(_first_line(first), first.col_offset)
    end = positions.end(last)
    generator = any(isinstance(item, ast.Yield | ast.YieldFrom) for item in _own(node))
    lines = positions.source.count(b"\n", start, end)
    ending = b"\r\n" if b"\r\n" in positions.source[start:end] else b"\n"
    yield Mutant(
        path, key, node.lineno, (first.lineno, node.end_lineno or first.lineno), Weight.HOLLOW,
        f"`{name}` yields nothing" if generator else f"`{name}` does nothing and returns None",
        start, end, (b"return; yield" if generator else b"return None") + ending * lines, name)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Return):
        return node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    if isinstance(node, ast.Raise):
        return "NotImplementedError" in ast.unparse(node)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, FunctionNode | ast.ClassDef) else ()
    return min([node.lineno, *(one.lineno for one in decorators)])


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What is in a function, without what is in functions and classes within it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not opens_scope(child):
            yield from _own(child)


# a little less than that

def _fine(path: str, key: str, positions: Positions, node: FunctionNode) -> Iterator[Mutant]:
    for default in (*node.args.defaults, *node.args.kw_defaults):
        for change in in_expressions(positions, default) if default is not None else ():
            yield _made(path, key, positions, node, change, Weight.DETAIL, at_definition=True)
    for statement in _statements(node.body):
        for change in in_statement(positions, node, statement):
            yield _made(path, key, positions, statement, change, Weight(change.weight))


def _made(path: str, key: str, positions: Positions, statement: ast.stmt, change: Replacement, weight: Weight, *,
          at_definition: bool = False) -> Mutant:
    line, header = positions.line_of(change.start), positions.header_end(statement)
    last = max(positions.line_of(change.end), line)
    # What stands on several lines is told as run by any of them; the head of a block by its own.
    lines = (statement.lineno, max(header, last)) if line <= header else (line, last)
    text = positions.source[positions.at(statement.lineno, 0):positions.at(header + 1, 0)]
    return Mutant(path, key, line, lines, weight, change.said, change.start, change.end, change.replacement,
                  quoted(text, 400), at_definition)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block and of the blocks in it, without those that cannot be reached or do not matter."""
    for statement in body:
        if isinstance(statement, FunctionNode | ast.ClassDef | ast.Assert) or _is_docstring(statement):
            continue
        yield statement
        for block in _blocks(statement):
            yield from _statements(block)
        if isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    if isinstance(statement, ast.If) and is_for_types(statement):
        yield statement.orelse
        return
    for field in ("body", "orelse", "finalbody"):
        block = getattr(statement, field, None)
        if isinstance(block, list):
            yield block
    if isinstance(statement, ast.Try | ast.TryStar):
        for handler in statement.handlers:
            yield handler.body
    if isinstance(statement, ast.Match):
        for case in statement.cases:
            yield case.body
