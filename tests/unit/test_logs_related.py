from __future__ import annotations

from typing import Any

import pytest

from bot.domain.logs import GroupKind, Incident, LogGroup, RootSignature, Severity
from bot.logs.ranking import rank
from bot.logs.related import MOST_RELATED, Related, related_of
from tests.unit.records import incident

PLACE = "ferry/board.py:12 in board"
EVEN = (0, 0, 3, 3, 0, 0, 0, 0, 0, 0)


def made(number: int, kind: GroupKind = GroupKind.TRACEBACK, **changes: Any) -> Incident:
    name = f"v1-{number:016x}"
    group = LogGroup(
        fingerprint=name, kind=kind, title="x", severity=Severity.ERROR, count=6, first_seen="2026-03-01T12:00:00Z",
        last_seen="2026-03-01T12:01:00Z", services=("ferry",), revisions=(), instances=("a",), insert_ids=(),
    )
    given: dict[str, Any] = {
        "fingerprint": name, "groups": (group,), "services": ("ferry",), "instances": ("a", "b"), "timeline": EVEN,
        "root": RootSignature(type=f"Error{number}", message="m", location=f"ferry/x{number}.py:1 in f"),
        "first_seen": "2026-03-01T12:00:00Z", "last_seen": "2026-03-01T12:01:00Z", "entries": 100 - number, **changes,
    }
    return incident(**given)


def root(kind: str = "KeyError", location: str = PLACE) -> RootSignature:
    return RootSignature(type=kind, message="m", location=location)


def related(*incidents: Incident) -> tuple[Related, ...]:
    return related_of(rank(incidents, {}))


APART: dict[str, Any] = {"instances": ("z",)}


@pytest.mark.parametrize(("ours", "other", "by"), [
    # The line moves with a commit, and the function stays.
    ({"root": root()}, {"root": root("ValueError", "ferry/board.py:99 in board"), **APART},
     "raised at the same place"),
    ({"root": root()},
     {"root": root("ValueError", f"{PLACE} (where Refused was raised from it)"), **APART}, "raised at the same place"),
    ({"root": root()}, {"root": root(location="ferry/other.py:3 in f"), **APART}, "the same exception, `KeyError`"),
    ({}, {"first_seen": "2026-03-01T12:00:30Z"}, "on the same instances at the same times; begins after it"),
    ({}, {"first_seen": "2026-03-01T11:59:00Z"}, "on the same instances at the same times; begins before it"),
    ({}, {}, "on the same instances at the same times; begins with it"),
    ({}, {"first_seen": "2026-03-01T12:01:50Z", "last_seen": "2026-03-01T12:09:00Z",
          "timeline": (0, 0, 0, 9, 0, 0, 0, 0, 0, 0)}, "on the same instances at the same times; begins after it"),
])
def test_what_shows_that_two_belong_together(ours: dict[str, Any], other: dict[str, Any], by: str) -> None:
    (one,) = related(made(1, **ours), made(2, **other))
    assert (one.incident.fingerprint, one.by) == ("v1-0000000000000002", by)


@pytest.mark.parametrize(("ours", "other"), [
    ({"root": root()}, {"root": root(), "services": ("pier",), **APART}),
    ({"root": root()}, {"root": root(location="ferry/board.py:12 in other").model_copy(update={"type": "X"}), **APART}),
    ({"root": root(location="")}, {"root": root("ValueError", ""), **APART}),
    # The same logger is no exception.
    ({"root": root("ferry.board", "")}, {"root": root("ferry.board", ""), "kind": GroupKind.MESSAGE, **APART}),
    ({}, APART),
    ({}, {"first_seen": "2026-03-01T12:05:00Z", "last_seen": "2026-03-01T12:06:00Z"}),
    ({}, {"timeline": (9, 9, 0, 0, 0, 0, 0, 0, 0, 9)}),
    # What occurs all the time meets everything.
    ({}, {"timeline": (1,) * 10}),
    ({}, {"timeline": ()}),
    # A warning that comes with an error is not worth a link; it may be the error's own.
    ({}, {"severity": Severity.WARNING}),
])
def test_what_is_no_relation(ours: dict[str, Any], other: dict[str, Any]) -> None:
    assert related(made(1, **ours), made(2, **other)) == ()


def test_the_closest_come_first_and_no_more_than_can_be_read() -> None:
    same_place = [made(n, root=root("ValueError"), **APART) for n in (7, 9)]
    same_type = [made(n, root=root(location=f"a{n}.py:1 in f"), **APART) for n in (5, 6)]
    together = [made(n) for n in (2, 3, 4)]
    found = related(made(1, root=root()), *same_place, *same_type, *together)
    assert [int(one.incident.fingerprint[-1]) for one in found] == [7, 9, 5, 6, 2]
    assert len(found) == MOST_RELATED


def test_without_a_winner_there_is_nothing_to_be_related_to() -> None:
    assert related() == ()
