from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.config import PRESETS
from bot.domain.logs import Focus, Followed, Lost, Novelty, RankBy, RootSignature, Severity, Standing
from bot.logs.ranking import rank
from bot.reports.incidents import (
    ASCII,
    BLOCKS,
    focus_in_words,
    followed_in_words,
    incident_rows,
    incident_table,
    levels_for,
    lost_in_words,
    moment,
    period,
    some_of,
    sparkline,
)
from tests.unit import records

FIRST = records.incident(
    fingerprint="v1-0000000000000001", timeline=(0, 1, 7, 0), revisions=("shop-1", "shop-2", "shop-3"),
)
SECOND = records.incident(
    fingerprint="v1-0000000000000002", severity=Severity.WARNING, timeline=(0, 0, 0, 3),
    root=RootSignature(type="route", message="`a` | b ![x](http://evil) @team\n::error::"),
)
MUTED = records.incident(fingerprint="v1-0000000000000003")
SELECTION = rank(
    [SECOND, MUTED, FIRST],
    {MUTED.fingerprint: Standing(novelty=Novelty.MUTED, why="until 2026-12-01: the | vendor knows")},
)


def test_a_sparkline_is_in_proportion_and_shows_the_smallest_count() -> None:
    assert sparkline((0, 1, 50, 100, 0)) == "▁▂▅█▁"
    assert sparkline((1, 1_000_000)) == "▂█"
    assert sparkline((0, 0)) == "▁▁"
    assert sparkline(()) == ""
    assert sparkline((0, 1, 50, 100, 0), ASCII) == "_.=#_"


@given(st.lists(st.integers(0, 2**40), max_size=30))
def test_a_sparkline_never_turns_an_order_round(counts: list[int]) -> None:
    drawn = [BLOCKS.index(character) for character in sparkline(counts)]
    assert len(drawn) == len(counts)
    for (one, low), (other, high) in itertools.pairwise(zip(counts, drawn, strict=True)):
        assert (one <= other) <= (low <= high)
    assert all((level == 0) == (count == 0) for level, count in zip(drawn, counts, strict=True))


@pytest.mark.parametrize(
    ("encoding", "levels"), [("utf-8", BLOCKS), ("ascii", ASCII), ("latin-1", ASCII), (None, ASCII), ("no-such", ASCII)]
)
def test_a_terminal_without_blocks_gets_letters(encoding: str | None, levels: str) -> None:
    assert levels_for(encoding) == levels


def test_the_rows_hold_what_decided() -> None:
    first, second, muted = incident_rows(SELECTION)
    assert (first.place, first.behind, first.standing, first.ground) == (1, "", "new", "")
    assert first.occurrences == "▁▂█▁"
    assert first.revisions == "shop-2, shop-3 and 1 more"
    assert (second.place, second.behind) == (2, "severity: WARNING against ERROR")
    assert (muted.place, muted.standing, muted.behind) == (3, "muted", "not to be chosen")
    assert muted.ground == "until 2026-12-01: the | vendor knows"


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (None, ""),
        (Lost(by=RankBy.INSTANCES, value="2", against="15"), "instances: 2 against 15"),
        (Lost(by=RankBy.NOVELTY, value="known", against="new"), "novelty: known against new"),
        (Lost(by=RankBy.NOVELTY, value="in work"), "not to be chosen"),
        (Lost(by=RankBy.FINGERPRINT, value="a", against="b"), "order of fingerprints, for all else is equal"),
        (Lost(by=RankBy.LAST_SEEN, value="2026-03-01T12:00:00.000000001Z", against="2026-03-01T12:00:00.5Z"),
         "last seen: 2026-03-01T12:00:00.000000001Z against 2026-03-01T12:00:00.5Z"),
        (Lost(by=RankBy.LAST_SEEN, value="2026-03-01T11:59:00Z", against="2026-03-01T12:00:00.5Z"),
         "last seen: 1 Mar 2026 11:59:00 against 1 Mar 2026 12:00:00"),
    ],
)
def test_a_loss_in_words(lost: Lost | None, words: str) -> None:
    assert lost_in_words(lost) == words


def test_the_markdown_table_holds_hostile_text_in_its_cells() -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(incident_table(SELECTION, most=2))
    cells = [token for token in tokens if token.type == "inline"]
    heads, *rows = [cells[start:start + 13] for start in range(0, 39, 13)]
    assert [head.content for head in heads][1:3] == ["incident", "severity"]
    kinds = {child.type for row in rows for one in row for child in one.children or ()}
    assert kinds == {"code_inline", "text"}
    assert [row[12].content for row in rows] == ["", "severity: WARNING against ERROR"]
    assert cells[39].content == "1 more not shown."


def test_times_are_short_and_in_utc() -> None:
    assert moment("2026-03-01T01:02:03.999999999+02:00") == "28 Feb 2026 23:02:03"
    assert period("2026-03-01T01:02:03Z", "2026-03-01T02:02:03Z") == "1 Mar 01:02:03 to 02:02:03"
    assert period("2026-03-01T01:02:03Z", "2026-03-02T02:02:03Z") == "1 Mar 01:02 to 2 Mar 02:02"
    assert period("2025-03-01T01:02:03Z", "2026-03-01T02:02:03Z") == "1 Mar 2025 to 1 Mar 2026"
    assert period("2026-03-01T01:02:03Z", "2026-03-01T01:02:03.5Z") == "1 Mar 01:02:03"


def test_what_is_no_time_is_given_as_it_is() -> None:
    assert moment("yesterday") == "yesterday"
    assert period("yesterday", "today") == "yesterday to today"


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_a_period_fits_its_column(first: datetime, last: datetime) -> None:
    assert len(period(first.isoformat(), last.isoformat())) <= 30


@pytest.mark.parametrize(
    ("lag", "words"),
    [(None, "same trace"), (0.2, "at once"), (-0.4, "at once"), (119.6, "120 ms after"), (-3_210.0, "3.2 s before")],
)
def test_when_a_group_came(lag: float | None, words: str) -> None:
    followed = Followed(fingerprint="v1-0000000000000001", title="x", lag_ms=lag, beside=1, looked_at=2)
    assert followed_in_words(followed) == words


def test_names_are_counted_where_there_are_too_many() -> None:
    assert some_of(("a", "b"), 2) == "a, b"
    assert some_of((), 2) == ""


def test_a_focus_in_words() -> None:
    read, part, sought = focus_in_words(PRESETS["errors"])
    assert read == "Read: every entry of any service."
    assert "says ERROR or above" in part
    assert sought == "Sought: every incident."
    focus = Focus(
        name="pay", title="Pay", impact="x", services=("till", "shop"), terms=("pay",),
        loggers=("pay.card", "pay.gift"), exclude=("health",), least_http_status=500,
        least_severity=Severity.CRITICAL,
    )
    read, part, but, sought = focus_in_words(focus)
    assert read == "Read: every entry of the services `till` or `shop`."
    assert "says ERROR or above" in part  # never above ERROR, as the predicate has it
    assert but == "Not part of one: what holds the text `health`."
    assert sought == (
        "Sought: an incident with a request that ended with 500 or above, or an entry of the loggers `pay.card` or "
        "`pay.gift`, or an entry with the term `pay`."
    )
