"""Test and product files as syntax trees: bounded parsing, the tests in a file, its `bot: allow` comments."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

MOST_CHARACTERS = 400_000
"""Larger files are not examined: the size of the largest file that a model may propose."""

MOST_DEPTH = 100
"""Deeper nesting of syntax is not examined: no person writes it, and recursion over it could fail."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_ALLOW = re.compile(r"#\s*bot:\s*allow\s+([a-z0-9-]+)[ \t]*(.*)$")


@dataclass(frozen=True)
class Allowance:
    """A comment `# bot: allow RULE reason`: the rule that it silences on its line, and why."""

    line: int
    rule: str
    reason: str


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be examined, where that showed, and why."""

    path: str
    line: int
    reason: str


@dataclass(frozen=True, eq=False)
class Source:
    """A parsed file."""

    path: str
    text: str
    tree: ast.Module
    named: bool = False
    """Whether somebody named this very file as one with tests, so that its name need not say so."""

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Its lines without their ends; line n is at n - 1."""
        return tuple(self.text.split("\n"))

    def line(self, number: int) -> str:
        """A line's text without surrounding space; empty when there is no such line."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Each node's parent in the tree."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The node's ancestors, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    @cached_property
    def allowances(self) -> tuple[Allowance, ...]:
        """The `bot: allow` comments in it, found by the tokenizer, so that a string is never taken for one."""
        if "bot:" not in self.text:
            return ()
        found: list[Allowance] = []
        # The parser accepted the file, so only what follows an odd ending can be lost.
        with suppress(tokenize.TokenError, SyntaxError):
            found.extend(
                Allowance(token.start[0], match[1], match[2].strip())
                for token in tokenize.generate_tokens(io.StringIO(self.text).readline)
                if token.type == tokenize.COMMENT and (match := _ALLOW.search(token.string))
            )
        return tuple(found)

    @property
    def is_conftest(self) -> bool:
        """Whether pytest reads it for fixtures and hooks."""
        return PurePosixPath(self.path).name == "conftest.py"

    @property
    def is_test_file(self) -> bool:
        """Whether pytest collects it: by its default patterns, or since it was named."""
        name = PurePosixPath(self.path).name
        return self.named or (name.startswith("test_") and name.endswith(".py")) or name.endswith("_test.py")


@dataclass(frozen=True, eq=False)
class TestCase:
    """One test function or method. `id` is its node id without parameters: `path::Class::test_x`."""

    __test__ = False

    source: Source
    node: FunctionNode
    classes: tuple[ast.ClassDef, ...] = ()

    @property
    def id(self) -> str:
        """`path::Class::name`."""
        return "::".join((self.source.path, *(item.name for item in self.classes), self.node.name))

    @property
    def is_async(self) -> bool:
        """Whether it is an `async def`."""
        return isinstance(self.node, ast.AsyncFunctionDef)


def _deepest(tree: ast.AST) -> int:
    depth, level = 0, [tree]
    while level and depth <= MOST_DEPTH:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def parse(path: str, text: str, *, named: bool = False) -> Source | Unreadable:
    """Parse a file. Whatever its text is, the answer is a tree of bounded depth or the reason for none."""
    if len(text) > MOST_CHARACTERS:
        return Unreadable(path, 1, f"it has {len(text):,} characters; at most {MOST_CHARACTERS:,} are examined")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        return Unreadable(path, error.lineno or 1, f"it is not valid Python: {error.msg}")
    except ValueError as error:
        return Unreadable(path, 1, f"it is not valid Python: {error}")
    except (RecursionError, MemoryError):
        return Unreadable(path, 1, "its syntax is nested too deeply for the parser")
    if _deepest(tree) > MOST_DEPTH:
        return Unreadable(path, 1, f"its syntax is nested deeper than {MOST_DEPTH} levels")
    return Source(path, text, tree, named)


def block_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module or class body, those under its `if`, `try` and `with` included."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                yield from block_statements(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                yield from block_statements(handler.body)


def base_names(node: ast.ClassDef) -> tuple[str, ...]:
    """The last parts of a class's base names: `unittest.TestCase` gives `TestCase`."""
    names = []
    for base in node.bases:
        inner = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(inner, ast.Name | ast.Attribute):
            names.append(inner.id if isinstance(inner, ast.Name) else inner.attr)
    return tuple(names)


def has_own_init(node: ast.ClassDef) -> bool:
    """Whether a class body defines `__init__` or `__new__`, which makes pytest skip it."""
    return any(isinstance(item, FunctionNode) and item.name in {"__init__", "__new__"} for item in node.body)


def is_collected(node: ast.ClassDef) -> bool:
    """Whether pytest's defaults collect a class: `Test...` without a constructor, or a unittest case."""
    if any("TestCase" in name or name.endswith("Test") for name in base_names(node)):
        return True
    return node.name.startswith("Test") and not has_own_init(node)


def tests_in(source: Source) -> tuple[TestCase, ...]:
    """The tests that pytest's defaults collect from a file, in the order of their lines."""
    return tuple(_tests(source, source.tree.body, ())) if source.is_test_file else ()


def _tests(source: Source, body: list[ast.stmt], classes: tuple[ast.ClassDef, ...]) -> Iterator[TestCase]:
    seen: dict[str, TestCase] = {}
    for node in block_statements(body):
        if isinstance(node, FunctionNode) and node.name.startswith("test") and not _is_fixture(node):
            seen[node.name] = TestCase(source, node, classes)  # a second definition replaces the first
        elif isinstance(node, ast.ClassDef) and is_collected(node):
            yield from _tests(source, node.body, (*classes, node))
    yield from seen.values()


def _is_fixture(node: FunctionNode) -> bool:
    for decorator in node.decorator_list:
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")) == "fixture":
            return True
    return False
