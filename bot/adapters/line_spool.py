"""Lines that cannot be had again from where they came, kept in a temporary file without a name."""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import IO, NoReturn

from bot.domain.errors import RetrievalFailed


class SpoolProblem(RetrievalFailed):
    """The temporary file cannot be written or read: no other file of the log will fare better."""


class LineSpool:
    """Blocks of lines on disk, made when the first one comes and gone with the process. `name`: whose lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[bytes] | None = None
        self._end = 0

    def add(self, lines: list[bytes]) -> tuple[int, int]:
        """Keep lines; return where, and how many bytes. Raises SpoolProblem."""
        text = b"\n".join(lines)
        try:
            if self._file is None:
                self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - lives as long as the reading
            self._file.seek(self._end)
            left = memoryview(text)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._fails(error)
        at, self._end = self._end, self._end + len(text)
        return at, len(text)

    def lines(self, at: int, length: int) -> list[bytes]:
        """The lines of a block again. Raises SpoolProblem."""
        text = b""
        if self._file is not None:
            try:
                self._file.seek(at)
                text = self._file.read(length)
            except OSError as error:
                self._fails(error)
        return text.split(b"\n")

    def close(self) -> None:
        """Drop everything."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _fails(self, error: OSError) -> NoReturn:
        raise SpoolProblem(
            f"{self._name} could not be kept in a temporary file: {error.strerror or error}.",
            "Make room, or name a folder on a larger disk in the environment variable TMPDIR.",
        ) from None
