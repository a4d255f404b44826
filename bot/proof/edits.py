"""Applies proposed edits to file contents and prints what they change as a unified diff."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from bot.domain.patch import Edit

FILE = "file"
"""What `diff_parts` gives in the place of a sign where a file begins."""
_HUNK = re.compile(r"^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


class EditRefused(ValueError):
    """An edit that cannot be applied. Its text says which one and why, in words to give back to a model."""

    def __init__(self, number: int, edit: Edit, reason: str) -> None:
        super().__init__(f"edit {number} ({edit.path}): {reason}")
        self.number = number
        self.edit = edit
        self.reason = reason


def apply_edits(files: Mapping[str, str], edits: tuple[Edit, ...]) -> dict[str, str]:
    """Return all files as they are after the edits, which apply in their order, each to what the last one left.

    Raises EditRefused when an edit's file is not among the files, when its `find` does not stand exactly once in
    the file as changed so far, or when it changes nothing.
    """
    after = dict(files)
    for number, edit in enumerate(edits, 1):
        text = after.get(edit.path)
        if text is None:
            raise EditRefused(number, edit, "there is no such file; an edit can only change a file that exists")
        found = _occurrences(text, edit.find)
        if found == 0:
            raise EditRefused(number, edit, f"`find` does not stand in the file{_nearly(text, edit.find)}")
        if found > 1:
            raise EditRefused(
                number,
                edit,
                f"`find` stands {found} times in the file; add lines around it until it stands once",
            )
        if edit.find == edit.replace:
            raise EditRefused(number, edit, "`find` and `replace` are the same, so it changes nothing")
        after[edit.path] = text.replace(edit.find, edit.replace, 1)
    return after


def _occurrences(text: str, find: str) -> int:
    """How often a text stands in another, overlapping ones counted."""
    count = at = 0
    while (at := text.find(find, at)) >= 0:
        count += 1
        at += 1
    return count


def _nearly(text: str, find: str) -> str:
    """A hint when only the white space differs."""
    wanted = [line.strip() for line in find.strip().split("\n")]
    lines = [line.strip() for line in text.split("\n")]
    for at in range(len(lines) - len(wanted) + 1):
        if lines[at : at + len(wanted)] == wanted:
            return f"; line {at + 1} differs from it only in white space"
    return ""


def unified_diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """A unified diff as git prints it: `a/` and `b/` headers, `/dev/null` for new and deleted files, paths sorted.

    The files differ in content only; a missing key means that there is no such file. Empty when nothing differs.
    """
    return "".join(
        _file_diff(path, before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    )


def _file_diff(path: str, old: str | None, new: str | None) -> str:
    head = f"diff --git a/{path} b/{path}\n"
    if old is None:
        head += "new file mode 100644\n"
    elif new is None:
        head += "deleted file mode 100644\n"
    body = list(
        difflib.unified_diff(
            _lines(old),
            _lines(new),
            "/dev/null" if old is None else f"a/{path}",
            "/dev/null" if new is None else f"b/{path}",
        )
    )
    return head + "".join(_ended(line) for line in body)


def _lines(text: str | None) -> list[str]:
    """Lines with their ends, split at newlines alone, as git does."""
    if not text:
        return []
    parts = text.split("\n")
    lines = [f"{part}\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def counts(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[int, int]:
    """How many lines are added and how many removed, over all files."""
    added = removed = 0
    for path in {*before, *after}:
        for sign in _changes(before.get(path), after.get(path)):
            added += sign == "+"
            removed += sign == "-"
    return added, removed


def _changes(old: str | None, new: str | None) -> Iterator[str]:
    if old != new:
        lines = difflib.unified_diff(_lines(old), _lines(new), n=0)
        for at, line in enumerate(lines):
            if at >= 2 and line[0] in "+-":
                yield line[0]


def diff_parts(diff: str) -> Iterator[tuple[str, str]]:
    """The files of a unified diff, as `file` and path, each with its lines, as sign and text.

    Lines within a hunk are counted by its head, so that none of them is taken for a head.
    """
    old = new = 0
    for line in diff.split("\n"):
        if old <= 0 and new <= 0:
            head = _HUNK.match(line)
            if head is not None:
                old, new = int(head.group(1) or 1), int(head.group(2) or 1)
            elif line.startswith("diff --git a/"):
                yield FILE, line.rpartition(" b/")[2]
            continue
        sign = line[:1]
        if sign != "\\":
            old, new = old - (sign != "+"), new - (sign != "-")
            yield sign, line[1:]
