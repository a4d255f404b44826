"""Test and product files as syntax trees: bounded parsing, the tests in a file, its `bot: allow` comments."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath

from bot.audit.reading.flat import Flat, ancestors, every, parent_of, walk

MOST_CHARACTERS = 400_000
"""Larger files are not examined: the size of the largest file that a model may propose."""

MOST_DEPTH = 100
"""Deeper nesting of syntax is not examined: no person writes it, and recursion over it could fail."""

_MOST_BASES = 8

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_NEWER = re.compile(
    r"^\s*type\s+\w+\s*(?:\[.*\]\s*)?="  # type X = ..., PEP 695
    r"|^\s*(?:(?:async\s+)?def|class)\s+\w+\s*\["  # def f[T](...), class C[T]
    r"|^\s*except\*?\s+[\w.]+\s*,\s*[\w.]+(?:\s*,\s*[\w.]+)*\s*:"  # except A, B:, PEP 758
    r"|(?<!\w)(?:t|rt|tr)[\"']",  # template strings, PEP 750
    re.IGNORECASE,
)
_NEWER_STRINGS = ("f-string expression part cannot include", "f-string: unmatched", "f-string: expecting '}'")
"""What older parsers say of the quotes, backslashes and comments that PEP 701 allows in f-strings."""

_ALLOW = re.compile(r"#\s*bot:\s*allow\s+([a-z0-9-]+)[ \t]*(.*)$")


@dataclass(frozen=True)
class Allowance:
    """A comment `# bot: allow RULE reason`: the rule that it silences on its line, and why."""

    line: int
    rule: str
    reason: str


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be examined, where that showed, and why.

    `sound` says that nothing need be wrong with it: it is only too large, or in the syntax of a newer Python.
    """

    path: str
    line: int
    reason: str
    sound: bool = False


_OPTION = r"(?m)^\s*{name}\s*=\s*(\[[^\]]*\]|[^\n]*(?:\n[ \t]+[^\n=]+)*)"


@dataclass(frozen=True, eq=False)
class Source:
    """A parsed file."""

    path: str
    text: str
    tree: ast.Module
    named: bool = False
    """Whether somebody named this very file as one with tests, so that its name need not say so."""
    classes: tuple[str, ...] = ()
    """What the project's `python_classes` says beside pytest's default: beginnings of names, or patterns."""

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
        return {item: parent for item in walk(self.tree) if (parent := parent_of(item)) is not None}

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The node's ancestors, innermost first."""
        return ancestors(node)

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

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """The pytest marks that its `pytestmark` gives to all its tests."""
        return marks_in(self.tree.body)

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
    """One test function or method. `id` is its node id without parameters: `path::Class::test_x`.

    `source` is the file that its code is in, `home` the one that it is collected from where it is inherited from a
    class of another place; `classes` are those that it is collected in.
    """

    __test__ = False

    source: Source
    node: FunctionNode
    classes: tuple[ast.ClassDef, ...] = ()
    home: Source | None = None

    @property
    def path(self) -> str:
        """The path of the file that it is collected from."""
        return (self.home or self.source).path

    @property
    def id(self) -> str:
        """`path::Class::name`."""
        return "::".join((self.path, *(item.name for item in self.classes), self.node.name))

    @property
    def is_async(self) -> bool:
        """Whether it is an `async def`."""
        return isinstance(self.node, ast.AsyncFunctionDef)


def marks_in(body: list[ast.stmt]) -> tuple[str, ...]:
    """The pytest marks that a `pytestmark` in a module's or class's body gives."""
    return tuple(
        item.attr
        for node in body
        if isinstance(node, ast.Assign)
        and any("pytestmark" in {getattr(target, "id", ""), getattr(target, "attr", "")} for target in node.targets)
        for item in every(node, ast.Attribute)
        if "mark" in {getattr(item.value, "id", ""), getattr(item.value, "attr", "")}
    )


def is_newer(text: str, error: SyntaxError) -> bool:
    """Whether what the parser does not accept looks like syntax that newer Pythons have."""
    lines = text.splitlines()
    at = (error.lineno or 0) - 1
    line = lines[at] if 0 <= at < len(lines) else ""
    return bool(_NEWER.search(line)) or str(error.msg).startswith(_NEWER_STRINGS)


def parse(path: str, text: str, *, named: bool = False, classes: tuple[str, ...] = ()) -> Source | Unreadable:
    """Parse a file. Whatever its text is, the answer is a tree of bounded depth or the reason for none."""
    if len(text) > MOST_CHARACTERS:
        reason = f"it has {len(text):,} characters; at most {MOST_CHARACTERS:,} are examined"
        return Unreadable(path, 1, reason, sound=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        if is_newer(text, error):
            running = ".".join(str(part) for part in sys.version_info[:2])
            reason = f"it is in the syntax of a newer Python than the {running} that examines it"
            return Unreadable(path, error.lineno or 1, reason, sound=True)
        return Unreadable(path, error.lineno or 1, f"it is not valid Python: {error.msg}")
    except ValueError as error:
        return Unreadable(path, 1, f"it is not valid Python: {error}")
    except (RecursionError, MemoryError):
        return Unreadable(path, 1, "its syntax is nested too deeply for the parser")
    if Flat(tree, MOST_DEPTH).deepest > MOST_DEPTH:
        return Unreadable(path, 1, f"its syntax is nested deeper than {MOST_DEPTH} levels")
    return Source(path, text, tree, named, classes)


def block_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module or class body, those under its `if`, `try` and `with` included.

    Not those under an `if 0:`, which never run.
    """
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            never = isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and not node.test.value
            for part in ("orelse", "finalbody") if never else ("body", "orelse", "finalbody"):
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


def patterns_of(config: str, option: str) -> tuple[str, ...]:
    """The beginnings of names, or patterns, that a text of pytest's configuration gives for an option."""
    found = re.findall(_OPTION.format(name=option), config)
    words = [word.strip("\"',[]") for text in found for word in re.split(r"[\s,]+", text)]
    return tuple(word for word in words if word)


def tests_in(source: Source) -> tuple[TestCase, ...]:
    """The tests that pytest's defaults collect from a file, in the order of their lines."""
    return tuple(_tests(source, source.tree.body, ())) if source.is_test_file else ()


def collected_classes(source: Source) -> Iterator[tuple[ast.ClassDef, ...]]:
    """The classes of a file that pytest collects, each after those around it."""
    waiting: list[tuple[list[ast.stmt], tuple[ast.ClassDef, ...]]] = [(source.tree.body, ())]
    while waiting and source.is_test_file:
        body, around = waiting.pop()
        for node in block_statements(body):
            if isinstance(node, ast.ClassDef) and _is_case(source, node):
                yield (*around, node)
                waiting.append((node.body, (*around, node)))


def is_test(node: ast.AST | None) -> bool:
    """Whether a member of a class is a test by its name, and no fixture."""
    return isinstance(node, FunctionNode) and node.name.startswith("test") and not _is_fixture(node)


def _is_case(source: Source, node: ast.ClassDef) -> bool:
    """Whether a class of a file is collected, also for a unittest case among its ancestors in that file."""
    if is_collected(node) or any("TestCase" in name for name in _ancestors(source, node)):
        return True
    wanted = any(node.name.startswith(item) or fnmatchcase(node.name, item) for item in source.classes)
    return wanted and not has_own_init(node)


def _ancestors(source: Source, node: ast.ClassDef, depth: int = 0) -> set[str]:
    """The names of the bases of a class and of its ancestors in the file."""
    names = set(base_names(node))
    if names and depth < _MOST_BASES:
        for item in source.tree.body:
            if isinstance(item, ast.ClassDef) and item.name in names and item is not node:
                names |= _ancestors(source, item, depth + 1)
    return names


def _tests(source: Source, body: list[ast.stmt], classes: tuple[ast.ClassDef, ...]) -> Iterator[TestCase]:
    seen: dict[str, TestCase] = {}
    for node in block_statements(body):
        if isinstance(node, FunctionNode) and node.name.startswith("test") and not _is_fixture(node):
            seen[node.name] = TestCase(source, node, classes)  # a second definition replaces the first
        elif isinstance(node, ast.ClassDef) and _is_case(source, node):
            yield from _tests(source, node.body, (*classes, node))
    yield from seen.values()


def _is_fixture(node: FunctionNode) -> bool:
    for decorator in node.decorator_list:
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")) == "fixture":
            return True
    return False
