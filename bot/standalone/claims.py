"""What the text of a test says it is about: what it calls and asserts, what its name and docstring name. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.audit.reading.source import FunctionNode

_SET_UPS = frozenset({"setUp", "asyncSetUp", "setup_method", "setup", "setUpClass", "setup_class"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_HIDES = re.compile(
    r"clear\s*=\s*True|environ\.clear\(|environ\s*=(?!=)|(?<!dict\()[\"']os\.environ[\"']\s*,|PYTEST_CURRENT_TEST|"
    r"[\"']environ[\"']\s*,")
_STOP = frozenset({
    "test", "tests", "the", "and", "for", "with", "when", "that", "does", "not", "are", "was", "from", "its", "into",
    "self", "assert", "should", "case", "none", "true", "false", "return", "returns", "def", "get", "set",
})


@dataclass(frozen=True)
class Claims:
    """What the text of a test says it is about. `called` are names in its own code, `around` in what it uses.

    `title` are words of its name and docstring, `asserted` of its assertions, `text` of all of it. `docstring` is its
    own; `hides` says that its file empties or replaces the environment variables.
    """

    called: frozenset[str] = frozenset()
    around: frozenset[str] = frozenset()
    title: frozenset[str] = frozenset()
    asserted: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()
    urls: tuple[tuple[str, ...], ...] = ()
    docstring: str = ""
    hides: bool = False


def words(text: str) -> frozenset[str]:
    """The telling words of a name or a text: lower case, singular, parts of names apart."""
    found = (word.lower() for word in _WORD.findall(text))
    return frozenset(word.removesuffix("s") for word in found if len(word) > 2 and word not in _STOP)


def segments_of(url: str) -> tuple[str, ...]:
    """The parts of the path of a URL."""
    return tuple(part for part in url.partition("?")[0].split("/") if part)


class TestCode:
    """The test files of a project (paths in it to text), looked at for what their tests claim and use."""

    __test__ = False

    def __init__(self, files: Mapping[str, str]) -> None:
        self._trees = {path: tree for path, text in sorted(files.items()) if (tree := _parsed(text)) is not None}
        self._files = files
        self._known = {path: list(_defined(tree)) for path, tree in self._trees.items()}
        self._aliases = {path: _aliases(tree) for path, tree in self._trees.items()}

    def claims(self, test: str) -> Claims:
        """What a test claims, by its node id without parameters. One that is not found claims what its name says."""
        path, _, rest = test.partition("::")
        *classes, name = rest.split("::")
        node = self._find(path, classes, name)
        if node is None:
            return Claims(title=words(f"{' '.join(classes)} {name}"))
        own, around = self._names(path, node), set()
        waiting, seen = [node], {id(node)}
        for cls, helper in self._known.get(path, ()):
            if helper.name in _SET_UPS and cls in classes:
                waiting.append(helper)
        while waiting:
            item = waiting.pop()
            wanted = {arg.arg for arg in item.args.args} | self._names(path, item)
            around |= wanted
            for near in self._near(path):
                for _, helper in self._known[near]:
                    if helper.name in wanted and not helper.name.startswith("test") and id(helper) not in seen:
                        seen.add(id(helper))
                        waiting.append(helper)
        return Claims(
            called=frozenset(own), around=frozenset(around),
            title=words(f"{' '.join(classes)} {name} {ast.get_docstring(node) or ''}"),
            asserted=words(" ".join(_asserted(node))), text=words(ast.unparse(node)), urls=tuple(_urls(node)),
            docstring=ast.get_docstring(node) or "", hides=self._hides(path, node),
        )

    def shared(self) -> frozenset[str]:
        """The names that stand in test code outside of tests, where they may matter to any of them."""
        found: set[str] = set()
        for path, tree in self._trees.items():
            for node in _outside(tree):
                name = _named(node)
                found |= {name, self._aliases[path].get(name, name)}
        return frozenset(found - {""})

    def _near(self, path: str) -> list[str]:
        folder = path.rpartition("/")[0]
        return [other for other in self._trees if other == path or (
            other.endswith("conftest.py") and f"{folder}/".startswith(other.removesuffix("conftest.py")))]

    def _names(self, path: str, node: ast.AST) -> set[str]:
        found = {name for item in ast.walk(node) if (name := _named(item))}
        return found | {self._aliases[path][name] for name in found if name in self._aliases[path]}

    def _hides(self, path: str, test: FunctionNode) -> bool:
        """Whether the test, or what stands outside of tests in its file and the conftest files, hides the variables."""
        for near in self._near(path):
            lines = self._files[near].split("\n")
            for _, node in self._known[near]:
                if node.name.startswith("test") and node is not test:
                    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                    lines[first - 1:node.end_lineno] = [""] * ((node.end_lineno or first) - first + 1)
            if _HIDES.search("\n".join(lines)):
                return True
        return False

    def _find(self, path: str, classes: list[str], name: str) -> FunctionNode | None:
        fitting = [(cls, node) for cls, node in self._known.get(path, ()) if node.name == name]
        of_class = [node for cls, node in fitting if cls == (classes[-1] if classes else "")]
        return next(iter(of_class or [node for _, node in fitting]), None)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _defined(tree: ast.Module) -> Iterator[tuple[str, FunctionNode]]:
    """The functions of a file, each with its class or an empty name."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        cls, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FunctionNode):
                yield cls, child
            if isinstance(child, ast.stmt):
                waiting.append((child.name if isinstance(child, ast.ClassDef) else cls, child))


def _aliases(tree: ast.Module) -> dict[str, str]:
    return {
        name.asname: name.name.rpartition(".")[2]
        for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names if name.asname
    }


def _named(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _outside(tree: ast.Module) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(
            child for child in ast.iter_child_nodes(node)
            if not (isinstance(child, FunctionNode) and child.name.startswith("test"))
        )


def _asserted(node: FunctionNode) -> Iterator[str]:
    for item in ast.walk(node):
        if isinstance(item, ast.Assert):
            yield ast.unparse(item.test)
        elif isinstance(item, ast.Call) and re.match(r"assert|raises", _named(item.func)):
            yield ast.unparse(item)


def _urls(node: FunctionNode) -> Iterator[tuple[str, ...]]:
    for item in ast.walk(node):
        text = ""
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            text = item.value
        elif isinstance(item, ast.JoinedStr):
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in item.values)
        if text.startswith("/") and len(text) < 200:
            yield segments_of(text)
