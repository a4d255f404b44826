"""Logs from exported files: NDJSON, a JSON array, gzip of either, a folder of them, standard input.

Nothing is decoded here. Pages of NDJSON files are had again from the files; what comes from standard input, and the
objects of an array, are kept in a temporary file without a name, which is gone with the process.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from bot.adapters.file_reading import FileReading
from bot.adapters.log_files import ENDINGS, find_log_files, shown
from bot.adapters.log_parts import Part, file_part
from bot.adapters.surroundings import Surroundings
from bot.domain.errors import RetrievalFailed, UsageProblem
from bot.domain.logs import LogQuery

PAGE = 256 << 10
"""Bytes of a page, about: small enough for the processor's cache, large enough that a page costs nothing."""


class FileLogs:
    """A LogSource over one file or a folder; `path` None means standard input, which can be read once."""

    def __init__(self, path: Path | None, stdin: BinaryIO | None = None, name: str = "", page: int = PAGE) -> None:
        self._path = path
        self._stdin = stdin
        self._name = name
        self._page = page

    @property
    def name(self) -> str:
        """`file:PATH`, `file:-` for standard input, or the name that was given."""
        return self._name or f"file:{shown(self._path) if self._path is not None else '-'}"

    def read(self, query: LogQuery) -> FileReading:
        """Find the files. Raises RetrievalFailed when there is none, or when the one that was named is unreadable."""
        path = self._path
        if path is None:
            part = Part(self.name, None, once=True, stdin=self._stdin)
            return FileReading(self.name, (part,), query.most_entries, self._page)
        try:
            found = find_log_files(path) if path.is_dir() else None
        except OSError as error:
            raise RetrievalFailed(
                f"{shown(path)} cannot be read: {error.strerror or error}.", "Check the path and its permissions."
            ) from None
        if found is None:
            return FileReading(self.name, (file_part(path, self.name),), query.most_entries, self._page)
        if not found.files:
            left_out = f" {' '.join(found.left_out)}" if found.left_out else ""
            raise RetrievalFailed(
                f"There is no log file in the folder {shown(path)}.{left_out}",
                f"Names of log files end in {', '.join(ENDINGS)}, with or without .gz; or name one file.",
            )
        parts = tuple(Part(shown(file.relative_to(path)), file) for file in found.files)
        return FileReading(self.name, parts, query.most_entries, self._page, folder=True, left_out=found.left_out,
                           failed=found.failed)


def open_log_source(rest: str, surroundings: Surroundings) -> FileLogs:
    """`--logs file:PATH`, `-` for standard input. Raises UsageProblem when no path is given."""
    if not rest:
        raise UsageProblem(
            "--logs file: names no file.", "Give --logs file:PATH, a file or a folder, or file:- for standard input."
        )
    return FileLogs(None if rest == "-" else Path(rest))
