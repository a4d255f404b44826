"""Sorts more than memory should hold: sorted runs in temporary files, merged as they are read."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import IO, Any, Generic, TypeVar

import msgspec

_BLOCK = 2_000
T = TypeVar("T", bound=msgspec.Struct)


class ExternalSort(Generic[T]):
    """Takes items in any order, gives them sorted by `key`; at most `most_held` are in memory at once.

    The files have no name and are gone when the process is. Items must be structs that msgpack can hold.
    """

    def __init__(self, kind: type[T], key: Callable[[T], Any], most_held: int) -> None:
        self._kind = kind
        self._key = key
        self._most = most_held
        self._held: list[T] = []
        self._runs: list[IO[bytes]] = []

    def __len__(self) -> int:
        return len(self._held)

    @property
    def runs(self) -> int:
        """How many sorted runs were written to disk."""
        return len(self._runs)

    def add(self, item: T) -> None:
        """Take one more item."""
        self._held.append(item)
        if len(self._held) >= self._most:
            self._spill()

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
        self._runs.append(run)

    def _read(self, run: IO[bytes]) -> Iterator[T]:
        decode = msgspec.msgpack.Decoder(list[self._kind]).decode  # type: ignore[name-defined]
        run.seek(0)
        while size := run.read(8):
            yield from decode(run.read(int.from_bytes(size, "big")))
        run.close()
