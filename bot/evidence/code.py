"""Code at one commit, as evidence: redacted without moving a line, with its functions and imports."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

from bot.domain.base import Sha
from bot.domain.evidence import Suspect
from bot.evidence.withheld import GIT_FOLDER, NOT_PLAIN, withheld

_GONE = "<redacted>"
_DEFINITION = re.compile(r"^([ \t]*)(?:async[ \t]+def|def|class)[ \t]+(\w+)")
_LOCALS = ".<locals>"


class FunctionSpan(NamedTuple):
    """A function or method: its qualified name and its first (decorators included) and last line, from 1."""

    name: str
    first: int
    last: int


def redacted_lines(text: str, redact: Callable[[str], str]) -> tuple[str, ...]:
    """Return the lines of `redact(text)`, as many as `text` has and each at its own number.

    A secret over several lines may come back as one; the lines that it lost are then shown as redacted.
    """
    before, after = text.split("\n"), redact(text).split("\n")
    if len(before) == len(after):
        return tuple(after)
    lines: list[str] = []
    for tag, first, last, new_first, new_last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        found = after[new_first:new_last]
        if tag == "equal":
            lines += found
        else:
            lines += (found + [_GONE] * (last - first))[:last - first]
    return tuple(lines)


MOST_SHOWN_CHARS = 2_000_000
"""Characters of a file that is shown or searched; a larger one is data, and too much to redact."""
_MOST_SOUGHT_CHARS = 8_000_000


class Hit(NamedTuple):
    """A line, as redacted, that holds what was sought."""

    path: str
    line: int
    text: str


class Sought(NamedTuple):
    """Where a text stands, in the order of files and lines. `looked_at` counts the files up to the last.

    It is less than the files that were to be looked at when there were too many hits or too much to redact.
    """

    hits: tuple[Hit, ...]
    looked_at: int


class CodeAt:
    """The files at one commit that may be shown. `read` gives a file's text or None where it is binary.

    `files` are those of the given ones that are neither `ignored` nor withheld for their names, nor have a secret in
    them; nothing else can be read. `lines` is what may be shown and quoted (redacted, at true line numbers);
    `imports` look at the code as it is. `shown` is what `lines` gave so far.
    """

    def __init__(self, commit: Sha, read: Callable[[str], str | None], files: tuple[str, ...],
                 redact: Callable[[str], str], ignored: frozenset[str] = frozenset()) -> None:
        self.commit = commit
        self._all = frozenset(files)
        self._ignored = ignored
        self.files = tuple(path for path in files
                           if path not in ignored and not withheld(path) and redact(path) == path)
        self._read = read
        self._redact = redact
        self._raw: dict[str, str | None] = {}
        self._lines: dict[str, tuple[str, ...] | None] = {}
        self._shown: set[str] = set()
        self._known = frozenset(self.files)

    @property
    def shown(self) -> tuple[str, ...]:
        """The files whose lines were asked for so far, sorted."""
        return tuple(sorted(self._shown))

    def refusal(self, path: str) -> str:
        """One sentence why a path, any text at all, cannot be shown; empty when it can. It repeats nothing of it."""
        reason = withheld(path)
        if reason == NOT_PLAIN:
            return ("This is no plain path: give it as the lists show it, relative to the repository's root, "
                    "without `..`, backslashes and control characters.")
        if reason == GIT_FOLDER:
            return "Git's own folder is not shown."
        if reason:
            return f"This is not shown, since by its name it is {reason}."
        if path in self._ignored and path in self._all:
            return "This is not shown, since the repository's .gitignore ignores it."
        if path in self._all and path not in self._known:
            return "This is not shown, since its name holds what is redacted."
        if path not in self._known:
            if any(other.startswith(f"{path}/") for other in self.files):
                return "This is a folder; give a file in it."
            return "There is no plain file with this path at this commit; links and submodules are not followed."
        text = self.raw(path)
        if text is None:
            return "This file is binary: it is no text in UTF-8."
        return f"This file is larger than {MOST_SHOWN_CHARS:,} characters." if len(text) > MOST_SHOWN_CHARS else ""

    def raw(self, path: str) -> str | None:
        """A file's text with every line end as a line feed; None when the commit has no such file to show."""
        if path not in self._raw:
            text = self._read(path) if path in self._known else None
            self._raw[path] = None if text is None else text.replace("\r\n", "\n").replace("\r", "\n")
        return self._raw[path]

    def lines(self, path: str) -> tuple[str, ...] | None:
        """A file's redacted lines, or None when there are none to show."""
        lines = self._redacted(path)
        if lines is not None:
            self._shown.add(path)
        return lines

    def count_lines(self, path: str) -> int:
        """How many lines a file has that may be shown; 0 when there is none. It does not count as shown for that."""
        return len(self._redacted(path) or ())

    def seek(self, text: str, paths: tuple[str, ...], case_sensitive: bool, most: int) -> Sought:
        """Where a text stands in the redacted lines of some files; ends after the file with which `most` are passed.

        Nothing is told of what was redacted, and nothing counts as shown.
        """
        def folded(words: str) -> str:
            return words if case_sensitive else words.casefold()

        wanted, found, size = folded(text), list[Hit](), 0
        for looked_at, path in enumerate(paths, 1):
            raw = self.raw(path) or ""
            if len(raw) > MOST_SHOWN_CHARS or wanted not in folded(raw):
                continue
            size += len(raw)
            found += [Hit(path, number, line) for number, line in enumerate(self._redacted(path) or (), 1)
                      if wanted in folded(line)]
            if len(found) > most or size > _MOST_SOUGHT_CHARS:
                return Sought(tuple(found), looked_at)
        return Sought(tuple(found), len(paths))

    def _redacted(self, path: str) -> tuple[str, ...] | None:
        if path not in self._lines:
            text = self.raw(path)
            shown = None if text is None or len(text) > MOST_SHOWN_CHARS else redacted_lines(text, self._redact)
            self._lines[path] = shown[:-1] if shown and shown[-1] == "" else shown
        return self._lines[path]

    def functions(self, path: str) -> tuple[FunctionSpan, ...]:
        """The functions of a file, outer before inner; empty when there is no such file.

        Found in the lines as they are shown, so that a record, which keeps these, gives the same.
        """
        lines = self._redacted(path)
        return () if lines is None else _functions("\n".join(lines))

    def enclosing(self, path: str, line: int) -> FunctionSpan | None:
        """The innermost function around a line."""
        around = [span for span in self.functions(path) if span.first <= line <= span.last]
        return min(around, key=lambda span: span.last - span.first, default=None)

    def find(self, suspect: Suspect) -> FunctionSpan | None:
        """The function that a suspect names, or None. `<locals>` in a qualified name may be left out."""
        wanted = suspect.function.replace(_LOCALS, "")
        return next((span for span in self.functions(suspect.path) if span.name.replace(_LOCALS, "") == wanted), None)

    def imports(self, path: str) -> tuple[str, ...]:
        """The files of the commit that a file imports, in the order of its import statements."""
        text = self.raw(path)
        tree = None if text is None else _tree(text)
        if tree is None:
            return ()
        found: dict[str, None] = {}
        for node in ast.walk(tree):
            for module in _imported(node, path):
                for resolved in self._module(module, path):
                    found[resolved] = None
        found.pop(path, None)
        return tuple(found)

    def resolve(self, frame_path: str) -> str | None:
        """The file that a traceback's path means: the one that shares most of its last parts, when it is alone."""
        parts = PurePosixPath(frame_path.replace("\\", "/")).parts
        best: list[str] = []
        most = 0
        for path in self.files:
            shared = _shared_end(parts, PurePosixPath(path).parts)
            if shared > most:
                best, most = [path], shared
            elif shared == most and shared:
                best.append(path)
        return best[0] if len(best) == 1 else None

    def _module(self, module: str, importer: str) -> Iterator[str]:
        stem = module.replace(".", "/")
        ends = (f"{stem}.py", f"{stem}/__init__.py")
        near = PurePosixPath(importer).parts
        matches = [path for path in self.files if any(path == end or path.endswith(f"/{end}") for end in ends)]
        if matches:
            yield max(matches, key=lambda path: (_shared_start(near, PurePosixPath(path).parts), -len(path)))


def _shared_end(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    count = 0
    for one, other in zip(reversed(left), reversed(right), strict=False):
        if one != other:
            break
        count += 1
    return count


def _shared_start(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    return _shared_end(left[::-1], right[::-1])


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=256)
def _functions(text: str) -> tuple[FunctionSpan, ...]:
    tree = _tree(text)
    if tree is None:
        return tuple(_by_indent(text))
    return tuple(_spans(tree, ""))


def _spans(node: ast.AST, prefix: str) -> Iterator[FunctionSpan]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{child.name}"
            first = min((item.lineno for item in child.decorator_list), default=child.lineno)
            yield FunctionSpan(name, first, child.end_lineno or child.lineno)
            yield from _spans(child, f"{name}{_LOCALS}.")
        elif isinstance(child, ast.ClassDef):
            yield from _spans(child, f"{prefix}{child.name}.")
        else:
            yield from _spans(child, prefix)


def _by_indent(text: str) -> Iterator[FunctionSpan]:
    """Definitions by indentation alone, for a file that this Python cannot parse."""
    lines = text.split("\n")
    outer: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        match = _DEFINITION.match(line)
        if match is None:
            continue
        depth = len(match.group(1).expandtabs())
        while outer and outer[-1][0] >= depth:
            outer.pop()
        name = ".".join([*(part for _, part in outer), match.group(2)])
        outer.append((depth, match.group(2)))
        if "class" in match.group(0).split(match.group(2))[0]:
            continue
        last = number
        for after in range(number, len(lines)):
            body = lines[after]
            bare = body.lstrip()
            if bare and len(body) - len(bare) <= depth and not bare.startswith((")", "]", "}")):
                break
            last = after + 1
        yield FunctionSpan(name, number, last)


def _imported(node: ast.AST, path: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            folder = PurePosixPath(path).parts[:-1]
            kept = folder[:len(folder) - (node.level - 1)]
            base = ".".join([*kept, *([base] if base else [])])
        for alias in node.names:
            yield f"{base}.{alias.name}" if base else alias.name
        if base:
            yield base
