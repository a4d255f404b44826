"""The places that a fix changes, and the fix without some of them. Pure."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from bot.domain.proof import Hunk
from bot.logs.redact import redact
from bot.proof.trees import without_docstrings

MOST_HUNKS = 24
"""A fix of more places has its nearest ones taken together."""
_MOST_SHOWN = 60
_DOCUMENTS = frozenset({".md", ".rst", ".adoc"})
_PROSE = ("changelog", "changes", "history", "news", "license", "licence", "authors", "contributors", "readme")


@dataclass(frozen=True)
class _Piece:
    """Lines of a file that changed, or that stayed. `start` is the first line after the fix, from 0."""

    changed: bool
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]
    start: int


@dataclass(frozen=True, eq=False)
class _FileChange:
    path: str
    old: bytes | None
    new: bytes | None
    pieces: tuple[_Piece, ...]

    def text(self, dropped: frozenset[int]) -> bytes | None:
        """The file with the changed pieces of these numbers taken back."""
        places = [at for at, piece in enumerate(self.pieces) if piece.changed]
        if set(places) <= dropped:
            return self.old
        if not set(places) & dropped:
            return self.new
        return b"".join(
            line for at, piece in enumerate(self.pieces)
            for line in (piece.old if at in dropped or not piece.changed else piece.new)
        )


class FixChange:
    """What a fix changes, file by file, in hunks each of which can be taken back alone and leaves valid Python.

    `before` and `after` hold the same paths; None stands for no such file.
    """

    def __init__(self, before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> None:
        self.before, self.after = dict(before), dict(after)
        self._files = {
            path: _FileChange(path, before.get(path), after.get(path),
                              tuple(_pieces(before.get(path), after.get(path))))
            for path in sorted({*before, *after}) if before.get(path) != after.get(path)
        }
        self._groups = _fewer([group for file in self._files.values() for group in _groups(file)])

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """All hunks, by path and line."""
        return tuple(self._hunk(path, places) for path, places in self._groups)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that differ."""
        return tuple(self._files)

    def without(self, dropped: Iterable[int]) -> dict[str, bytes | None]:
        """The files that are not as the fix leaves them when the hunks of these numbers (from 0) are taken back."""
        taken: dict[str, set[int]] = {}
        for number in dropped:
            path, places = self._groups[number]
            taken.setdefault(path, set()).update(places)
        return {path: self._files[path].text(frozenset(places)) for path, places in sorted(taken.items())}

    def moved(self, path: str) -> frozenset[int]:
        """The lines of a file after the fix, from 1, that came from another file, where the fix takes them out."""
        gone = {line.rstrip() for file in self._files.values() if file.path != path
                for piece in file.pieces if piece.changed for line in piece.old}
        return frozenset(piece.start + at for piece in self._files[path].pieces if piece.changed
                         for at, line in enumerate(piece.new, 1) if line.rstrip() in gone - {b""})

    def _hunk(self, path: str, places: tuple[int, ...]) -> Hunk:
        file = self._files[path]
        pieces = [file.pieces[at] for at in range(places[0], places[-1] + 1)]
        first = pieces[0].start + 1
        last = pieces[-1].start + len(pieces[-1].new)
        lines = sum(len(piece.old) + len(piece.new) for piece in pieces if piece.changed)
        shown = [f"{sign}{line.decode('utf-8', 'replace').rstrip()}" for piece in pieces
                 for sign, lines in ((("-", piece.old), ("+", piece.new)) if piece.changed else ((" ", piece.old),))
                 for line in lines]
        if len(shown) > _MOST_SHOWN:
            shown = [*shown[:_MOST_SHOWN], f"… {len(shown) - _MOST_SHOWN} more lines"]
        return Hunk(path=path, first=first, last=last, lines=lines, text=redact("\n".join(shown)),
                    inert=_inert(path, file.text(frozenset(places)), file.new))


def _pieces(old: bytes | None, new: bytes | None) -> Iterator[_Piece]:
    """A file's lines, changed and unchanged in turn; one piece for a file that came, went, or is no text."""
    if old is None or new is None or b"\0" in old or b"\0" in new:
        yield _Piece(changed=True, old=_lines(old), new=_lines(new), start=0)
        return
    left, right = _lines(old), _lines(new)
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        yield _Piece(changed=tag != "equal", old=left[i1:i2], new=right[j1:j2], start=j1)


def _lines(text: bytes | None) -> tuple[bytes, ...]:
    parts = (text or b"").split(b"\n")
    return tuple(filter(None, (*(part + b"\n" for part in parts[:-1]), parts[-1])))


_Group = tuple[str, tuple[int, ...]]


def _groups(file: _FileChange) -> list[_Group]:
    """A file's changed pieces, those together that cannot be taken back alone without breaking the syntax."""
    groups = _moves_joined(file, [at for at, piece in enumerate(file.pieces) if piece.changed])
    if not file.path.endswith(".py") or not (_parses(file.new) and _parses(file.old)):
        return [(file.path, places) for places in groups]
    at = 0
    while at < len(groups):
        if len(groups) > 1 and not _parses(file.text(frozenset(groups[at]))):
            other = at + 1 if at + 1 < len(groups) else at - 1
            low = min(at, other)
            groups[low:low + 2] = [tuple(range(groups[low][0], groups[low + 1][-1] + 1))]
            at = low
        else:
            at += 1
    return [(file.path, tuple(place for place in places if file.pieces[place].changed)) for places in groups]


def _moves_joined(file: _FileChange, places: list[int]) -> list[tuple[int, ...]]:
    """Each changed piece by itself, but what goes in one and comes in the next as one: half of a move is no change
    that anybody meant.
    """
    groups: list[tuple[int, ...]] = []
    for at in places:
        last = file.pieces[groups[-1][0]] if groups and len(groups[-1]) == 1 else None
        piece = file.pieces[at]
        if last is not None and last.old == piece.new and last.new == piece.old:
            groups[-1] = (*groups[-1], at)
        else:
            groups.append((at,))
    return groups


def _fewer(groups: list[_Group]) -> tuple[_Group, ...]:
    """At most so many groups: the nearest ones of a file are taken together, then whole files are what there is."""
    while len(groups) > MOST_HUNKS:
        near = [(groups[at + 1][1][0] - groups[at][1][-1], at) for at in range(len(groups) - 1)
                if groups[at][0] == groups[at + 1][0]]
        if not near:
            break
        at = min(near)[1]
        groups[at:at + 2] = [(groups[at][0], (*groups[at][1], *groups[at + 1][1]))]
    return tuple(groups)


def _tree(text: bytes | None) -> ast.Module | None:
    try:
        return ast.parse(text or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parses(text: bytes | None) -> bool:
    return _tree(text) is not None


def _inert(path: str, old: bytes | None, new: bytes | None) -> bool:
    """Whether a change of a file changes nothing that runs."""
    name = PurePosixPath(path)
    if name.suffix in _DOCUMENTS or (name.suffix in {"", ".txt"} and name.stem.lower().startswith(_PROSE)):
        return True
    if name.suffix != ".py" or old is None or new is None:
        return False
    left, right = _tree(old), _tree(new)
    try:
        return left is not None and right is not None and \
            ast.dump(without_docstrings(left)) == ast.dump(without_docstrings(right))
    except RecursionError:
        return False


def changed_code(source: bytes, hunks: Iterable[Hunk]) -> tuple[int, ...]:
    """The lines that hunks of a file changed, where a statement of a function begins: those that can run in a test."""
    tree = _tree(source)
    if tree is None:
        return ()
    wanted = {line for hunk in hunks for line in range(hunk.first, hunk.last + 1)}
    return tuple(sorted(wanted & set(_running(tree, inside=False))))


def _running(node: ast.AST, *, inside: bool) -> Iterator[int]:
    for child in ast.iter_child_nodes(node):
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        told = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        declared = isinstance(child, ast.Global | ast.Nonlocal | ast.Try | ast.TryStar)
        if inside and isinstance(child, ast.stmt) and not told and not declared:
            yield child.lineno
        yield from _running(child, inside=inside or function)
