"""Numbers of an incident counted again from a snapshot, and how differences are named."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bot.domain.logs import LogQuery, Novelty, RevisionSeen, SeenBefore, Severity, Standing
from bot.domain.record import Decision
from bot.domain.results import Retrieved
from bot.logs.analysis import analyse
from bot.logs.ranking import again_since, rank
from bot.logs.snapshot import snapshot_lines
from bot.recheck.comparing import by_line, compared, differences
from bot.recheck.folder import Content
from bot.recheck.incident import SnapshotLines, counts, ranking
from bot.recheck.material import Material, read_material
from bot.recheck.statement import Found
from tests.unit.recheck_records import WORKFLOW, document_of
from tests.unit.records import FOCUS, record, retrieved, step


def line(number: int, text: str, instance: str = "i1", severity: str = "ERROR") -> bytes:
    return json.dumps({
        "insertId": f"id{number:04}", "timestamp": f"2025-11-07T08:00:{number % 60:02}.{number:06}Z",
        "severity": severity, "logName": "projects/p/logs/run.googleapis.com%2Fstderr", "textPayload": text,
        "resource": {"type": "cloud_run_revision",
                     "labels": {"service_name": "shop", "revision_name": "shop-00001", "project_id": "p"}},
        "labels": {"instanceId": instance},
    }).encode()


def material(lines: list[bytes], change: dict[str, object] | None = None) -> Material:
    """A record as step 0 makes it of these lines, its incident changed."""
    analysis = analyse(SnapshotLines(b"\n".join(lines)), LogQuery(focus=FOCUS))
    selection = rank(analysis.incidents, {})
    assert selection.winner is not None
    kept = snapshot_lines(analysis.entries_of(selection.winner.incident))
    winner = selection.winner.model_copy(
        update={"incident": selection.winner.incident.model_copy(update=change or {})}
    )
    found = retrieved().model_copy(update={
        "incidents": len(analysis.incidents), "selection": selection.model_copy(update={"winner": winner}),
    })
    document = document_of(record(step("retrieve", decision=Decision.GO, result=found)))
    files = {"record.json": json.dumps(document).encode(), "logs.ndjson": kept}
    return read_material(Content(files), WORKFLOW)


LINES = [line(number, "cannot open the door", f"i{number % 3}") for number in range(12)]
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.mark.parametrize("lines", [
    LINES,
    [*LINES, *(line(number, f"connection from 10.1.2.{number} refused") for number in range(20, 25))],
    [*LINES, *(line(number, f"bad token {SECRET}") for number in range(30, 33))],
], ids=["plain", "addresses", "secrets"])
def test_what_was_counted_is_counted_again(lines: list[bytes]) -> None:
    made = material(lines)
    said = [*counts(made), *ranking(made)]
    assert [(one.what, one.why) for one in said if one.found is Found.FAILS] == []
    assert sum(one.found is Found.HOLDS for one in said) >= 10


@pytest.mark.parametrize(("change", "place"), [
    ({"entries": 13}, "the incident's entries"),
    ({"error_entries": 11}, "the incident's error_entries"),
    ({"inferred_errors": 1}, "the incident's inferred_errors"),
    ({"instances": ("i0", "i1")}, "the incident's instances"),
    ({"revisions": ("shop-00002",)}, "the incident's revisions"),
    ({"services": ("till",)}, "the incident's services"),
    ({"first_seen": "2025-11-07T07:00:00Z"}, "the incident's first_seen"),
    ({"last_seen": "2025-11-07T09:00:00Z"}, "the incident's last_seen"),
    ({"severity": Severity.CRITICAL}, "the incident's severity"),
    ({"timeline": (12, 1)}, "the incident's timeline"),
    ({"by_revision": (RevisionSeen(service="shop", revision="shop-00002", count=12, first_seen="2025-11-07T08:00:00Z",
                                   last_seen="2025-11-07T08:00:00Z", timeline=(12,)),)},
     "the occurrences at each revision"),
    ({"by_revision": (RevisionSeen(service="shop", revision="shop-00001", count=12, first_seen="2025-11-07T08:00:00Z",
                                   last_seen="2025-11-07T08:00:00Z", timeline=(12,)),)},
     "the timeline of each revision"),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else next(iter(value)))
def test_a_number_that_the_entries_do_not_give_is_named(change: dict[str, object], place: str) -> None:
    assert place in {one.what for one in counts(material(LINES, change)) if one.found is Found.FAILS}


MARK = datetime(2025, 11, 7, 8, 0, 5, tzinfo=UTC)
SEEN = SeenBefore(
    cycle="startup/20251101T000000Z-000001/cycle-01", entries=84, instances=14, revisions=("shop-00001",),
    first_seen="2025-11-01T08:00:00Z", last_seen="2025-11-01T08:10:00Z", fixed_at=MARK,
)


def back(since: str | None = None, **change: object) -> Material:
    """The same record of an incident that was marked as gone, and is back."""
    analysis = analyse(SnapshotLines(b"\n".join(LINES)), LogQuery(focus=FOCUS))
    standing = Standing(novelty=Novelty.FIXED, why="gone from staging", fixed_at=MARK, seen=SEEN)
    selection = rank(analysis.incidents, {analysis.incidents[0].fingerprint: standing})
    winner = selection.winner
    assert winner is not None
    assert (winner.values.novelty, winner.before) == (Novelty.REGRESSED, SEEN)
    members = analysis.entries_of(winner.incident)
    found = retrieved().model_copy(update={
        "selection": selection.model_copy(update={"winner": winner.model_copy(update=change)}),
        "again_since": again_since(winner, members) if since is None else since,
    })
    document = document_of(record(step("retrieve", decision=Decision.GO, result=found)))
    kept = snapshot_lines(members)
    return read_material(Content({"record.json": json.dumps(document).encode(), "logs.ndjson": kept}), WORKFLOW)


def failing(made: Material) -> list[str]:
    return [one.what for one in (*counts(made), *ranking(made)) if one.found is Found.FAILS]


def test_since_when_an_incident_is_back_follows_from_its_entries() -> None:
    honest = back()
    found = honest.record.latest(Retrieved)
    assert found is not None
    assert found.again_since == "2025-11-07T08:00:05.000005Z", "the first entry after the mark"
    assert failing(honest) == []
    assert "since when it is back" in {one.what for one in counts(honest) if one.found is Found.HOLDS}
    assert failing(back(since="2025-11-07T08:00:05Z")) == ["since when it is back"]
    assert failing(back(since="2025-11-07T08:00:04.000004Z")) == ["since when it is back"], "before the mark"
    assert failing(back(before=None)) == ["since when it is back"]


def test_of_a_large_incident_not_everything_was_kept_and_that_is_said() -> None:
    said = list(counts(material(LINES, {"entries": 2_500})))
    assert not [one for one in said if one.found is Found.FAILS]
    assert "2,500" in next(one.why for one in said if one.what == "the numbers of the incident")


def test_differences_are_named_in_words() -> None:
    left = {"whys": [{"citations": [{"citation": {"quote": "a", "line": 1}, "holds": True}]}], "stopped": ""}
    right = {"whys": [{"citations": [{"citation": {"quote": "b", "line": 1}, "holds": False}]}, {}], "stopped": ""}
    assert list(differences(left, right)) == [
        ("why 1, citation 1, quote", "a", "b"), ("why 1, citation 1, holds", True, False), ("number of whys", 1, 2),
    ]
    assert list(differences({"a": 1}, {"b": True})) == [("a", 1, "nothing"), ("b", "nothing", True)]
    assert list(differences({"a": 1}, {"a": True})) == [("a", 1, True)]


def test_many_differences_are_counted() -> None:
    said = list(compared("it", list(range(40)), list(range(1, 41)), "again gives"))
    assert len(said) == 13
    assert said[-1].why == "28 more of its fields differ"


def test_lines_are_compared_where_they_stand() -> None:
    said = [(one.what, one.why) for one in by_line("x.md", "a\nb\nc", "a\nnew\nB\nc")]
    assert said == [
        ("x.md, line 2", "it reads b; the record gives new"), ("x.md, line 3", "it reads nothing; the record gives B"),
    ]
    (same,) = by_line("x.md", "a", "a")
    assert same.found is Found.HOLDS
    assert len(list(by_line("x.md", "a\n" * 5_000, "b\n" * 5_000))) == 13
