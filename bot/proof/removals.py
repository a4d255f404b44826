"""What takes one behaviour away from Python source: a guard, a filter, a lock, a limit, a handler. Pure.

A removal is made so that one run can hold several of one place: the program asks, where it stands, whether it is on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Sort(StrEnum):
    """What goes: a handler of errors, the way out where something has been done already, another thing."""

    HANDLER = "handler"
    ONCE = "once"
    OTHER = "other"


@dataclass(frozen=True)
class Removal:
    """One behaviour taken away: the bytes from `start` to `end` become `instead`, or nothing where that is None.

    `function` is `path::qualified.name`, `lines` those of which one must run. `own` is the text of what goes, comments
    beside it included, `effect` words for what goes with it, `branch` the code that it leads to. `loose`: what is left
    may not fit together, so that a crash says nothing. `either`: which way a title means is not told by the code.
    """

    path: str
    function: str
    line: int
    lines: tuple[int, int]
    start: int
    end: int
    instead: bytes | None
    change: str
    own: str
    effect: str
    branch: str = ""
    loose: bool = False
    either: bool = False
    sort: Sort = Sort.OTHER


@dataclass(frozen=True)
class Described:
    """A function and what its behaviours are: its key, its lines, its name and docstring, the removals in it."""

    key: str
    first: int
    last: int
    text: str
    removals: tuple[Removal, ...]


def switched(source: bytes, on: Mapping[Removal, Iterable[str]]) -> tuple[bytes, frozenset[Removal]]:
    """The source with removals that are on while pytest runs some tests, and the removals that found place in it.

    The tests are node ids without parameters. Of two that overlap the first one given is made, and what would be no
    Python is left out. Reads the environment variable that pytest keeps while a test runs.
    """
    made: list[Removal] = []
    for one in on:
        if all(one.end <= other.start or other.end <= one.start for other in made) and _is_python(
                _with(source, {one: on[one]})):
            made.append(one)
    return _with(source, {one: on[one] for one in made}), frozenset(made)


def _with(source: bytes, on: Mapping[Removal, Iterable[str]]) -> bytes:
    done = source
    for one in sorted(on, key=lambda each: each.start, reverse=True):
        now = done[one.start:one.end]
        asked = _asked(on[one])
        new = b"if not " + asked + b": " + now if one.instead is None else (
            b"(" + one.instead + b" if " + asked + b" else (" + now + b"))")
        done = done[:one.start] + new + done[one.end:]
    return done


def _asked(tests: Iterable[str]) -> bytes:
    ids = sorted({*tests})
    now = ("__import__('os').environ.get('PYTEST_CURRENT_TEST', '').rpartition(' (')[0].partition('[')[0]"
           ".partition('@')[0]")
    ways = tuple("::" + one.partition("::")[2] for one in ids)
    files = tuple(sorted({one.partition("::")[0].rpartition("/")[2] for one in ids}))
    return (f"((lambda now: any(now.partition('::')[0].endswith(one) for one in {files!r}) and "
            f"('::' + now.partition('::')[2]) in {ways!r})({now}))").encode()


def _is_python(source: bytes) -> bool:
    try:
        compile(source, "<removal>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
