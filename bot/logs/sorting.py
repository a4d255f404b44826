"""Sorts more than memory should hold: sorted runs in temporary files, merged as they are read."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile, gettempdir
from typing import IO, Any, Generic, TypeVar

import msgspec

from bot.domain.errors import RetrievalFailed

_BLOCK = 2_000
MOST_BYTES = 32 << 20
T = TypeVar("T", bound=msgspec.Struct)


class ExternalSort(Generic[T]):
    """Takes items in any order, gives them sorted by `key`.

    In memory are at most `most_held` items, and of what `add` is told to be their size at most `MOST_BYTES`.

    The files have no name and are gone when the process is. Items must be structs that msgpack can hold.
    """

    def __init__(self, kind: type[T], key: Callable[[T], Any], most_held: int) -> None:
        self._kind = kind
        self._key = key
        self._most = most_held
        self._held: list[T] = []
        self._bytes = 0
        self._runs: list[IO[bytes]] = []

    def __len__(self) -> int:
        return len(self._held)

    @property
    def runs(self) -> int:
        """How many sorted runs were written to disk."""
        return len(self._runs)

    def add(self, item: T, size: int = 0) -> None:
        """Take one more item. Raises RetrievalFailed when the disk for temporary files is full."""
        self._held.append(item)
        self._bytes += size
        if len(self._held) >= self._most or self._bytes >= MOST_BYTES:
            try:
                self._spill()
            except OSError as error:
                raise RetrievalFailed(
                    f"Sorting the log on disk failed in {gettempdir()}: {error.strerror or error}.",
                    "Make room there, or set TMPDIR to a folder with more.",
                ) from None

    def __iter__(self) -> Iterator[T]:
        """All items in order. Can be asked for once, after the last `add`."""
        self._held.sort(key=self._key)
        if not self._runs:
            yield from self._held
            return
        yield from heapq.merge(*(self._read(run) for run in self._runs), self._held, key=self._key)

    def _spill(self) -> None:
        self._held.sort(key=self._key)
        run = TemporaryFile()  # noqa: SIM115 - lives as long as the sort
        encode = msgspec.msgpack.Encoder().encode
        for start in range(0, len(self._held), _BLOCK):
            block = encode(self._held[start : start + _BLOCK])
            run.write(len(block).to_bytes(8, "big") + block)
        self._held.clear()
        self._bytes = 0
        self._runs.append(run)

    def _read(self, run: IO[bytes]) -> Iterator[T]:
        decode = msgspec.msgpack.Decoder(list[self._kind]).decode  # type: ignore[name-defined]
        run.seek(0)
        while size := run.read(8):
            yield from decode(run.read(int.from_bytes(size, "big")))
        run.close()
