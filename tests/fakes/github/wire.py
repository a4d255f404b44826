"""An answer as it goes over the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Reply(NamedTuple):
    """Status, headers and body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def merged(usual: Iterable[tuple[str, str]], given: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Headers, of which those that are given replace the usual ones, whatever their case."""
    told = tuple(given)
    names = {name.lower() for name, _ in told}
    return (*((name, value) for name, value in usual if name.lower() not in names), *told)
