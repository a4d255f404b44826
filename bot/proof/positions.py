"""Where the nodes of a syntax tree stand in the bytes of their file."""

from __future__ import annotations

import ast
from bisect import bisect_right

_MOST_QUOTED = 70


class Positions:
    """Byte offsets in one source, whose columns the syntax tree counts in bytes of UTF-8."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._starts = [0]
        at = source.find(b"\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = source.find(b"\n", at + 1)
        # Columns on the first line begin after the mark of byte order.
        self._mark = 3 if source.startswith(b"\xef\xbb\xbf") else 0

    def at(self, line: int, column: int) -> int:
        """The offset of a line (from 1) and column (from 0); the end of the source for a line after the last."""
        if line > len(self._starts):
            return len(self.source)
        return self._starts[line - 1] + column + (self._mark if line == 1 else 0)

    def start(self, node: ast.expr | ast.stmt | ast.keyword | ast.excepthandler) -> int:
        """Where a node begins."""
        return self.at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.keyword | ast.excepthandler) -> int:
        """Where a node ends."""
        return self.at(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> bytes:
        """A node as it is written."""
        return self.source[self.start(node):self.end(node)]

    def lines(self, first: int, last: int) -> tuple[int, int]:
        """The offsets of the first byte of a line and of the first byte after another."""
        return self.at(first, 0), self.at(last + 1, 0)

    def line_of(self, offset: int) -> int:
        """The line that an offset is on, from 1."""
        return bisect_right(self._starts, offset)

    def header_end(self, statement: ast.stmt) -> int:
        """The last line of a statement, of a compound one that of its head."""
        body: list[ast.stmt] = getattr(statement, "body", [])
        if body:
            return max(statement.lineno, body[0].lineno - 1)
        if isinstance(statement, ast.Match):
            return statement.cases[0].pattern.lineno - 1
        return statement.end_lineno or statement.lineno


def quoted(text: bytes, most: int = _MOST_QUOTED) -> str:
    """Source on one line, cut."""
    line = " ".join(text.decode("utf-8", "replace").split())
    return line if len(line) <= most else f"{line[:most - 1]}…"


def opens_scope(node: ast.AST) -> bool:
    """Whether what is in a node belongs to another function than what is around it."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
