"""Which files of a project some Python text leads to by import. By patterns: nothing is run, and not even parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_FROM = re.compile(r"^[ \t]*from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n#;]+)", re.MULTILINE)
_DOTTED = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_NAME = re.compile(r"[A-Za-z_]\w*")
_MOST_PARTS = 10

Imported = tuple[int, str]
"""Leading dots and a dotted name."""


class ModuleIndex:
    """Finds the files that a dotted name may mean, whatever folder is on Python's path."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._by_name: dict[str, list[Path]] = {}
        self._paths = set(paths)
        for path in sorted(self._paths):
            parts = path.parts[:-1] if path.name == "__init__.py" else (*path.parts[:-1], path.stem)
            for at in range(max(0, len(parts) - _MOST_PARTS), len(parts)):
                self._by_name.setdefault(".".join(parts[at:]), []).append(path)

    def exactly(self, imported: Imported, origin: Path) -> tuple[Path, ...]:
        """The files of a module, as it is named in the file `origin`."""
        dots, name = imported
        if not dots:
            return tuple(self._by_name.get(name, ()))
        # One dot is the folder of the file itself.
        base = origin.parents[min(dots, len(origin.parents)) - 1].joinpath(*(name.split(".") if name else ()))
        return tuple(path for path in (base.parent / f"{base.name}.py", base / "__init__.py") if path in self._paths)

    def find(self, imported: Imported, origin: Path) -> Iterator[Path]:
        """The files of a module and of the packages above it."""
        dots, name = imported
        parts = name.split(".") if name else []
        for at in range(0 if dots else 1, len(parts) + 1):
            yield from self.exactly((dots, ".".join(parts[:at])), origin)


def imports_of(text: str) -> Iterator[Imported]:
    """What the import statements of a text name, those in strings included."""
    for match in _FROM.finditer(text):
        dots, base = len(match[1]), match[2]
        yield dots, base
        for name in _NAME.findall(re.sub(r"\bas[ \t]+\w+|#[^\n]*", "", match[3])):
            yield dots, f"{base}.{name}" if base else name
    for match in _IMPORT.finditer(text):
        for part in match[1].split(","):
            name = part.split()
            if name:
                yield 0, name[0]


def mentions_of(text: str) -> Iterator[Imported]:
    """Every dotted name of a text but those of files: what it patches or reaches as an attribute may be a module."""
    yield from ((0, name) for name in set(_DOTTED.findall(text)) if not name.endswith(".py"))


def reached(
    start: Iterable[tuple[Path, str]], index: ModuleIndex, read: Callable[[Path], str], most: int,
    *, mentions: bool = False,
) -> tuple[Path, ...]:
    """The files that texts lead to by import, transitively and nearest first, at most `most` of them.

    `mentions` takes dotted names anywhere in the first texts for imports, too.
    """
    found: dict[Path, None] = {}
    waiting: list[Path] = []

    def note(imported: Iterable[Imported], origin: Path) -> None:
        for one in imported:
            for path in index.find(one, origin):
                if path not in found and len(found) < most:
                    found[path] = None
                    waiting.append(path)

    for path, text in start:
        note(imports_of(text), path)
        if mentions:
            note(mentions_of(text), path)
    at = 0
    while at < len(waiting):
        path = waiting[at]
        note(imports_of(read(path)), path)
        at += 1
    return tuple(found)
