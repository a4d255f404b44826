from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.logs import (
    GroupKind,
    Incident,
    LogGroup,
    Lost,
    Novelty,
    RankBy,
    RootSignature,
    Severity,
    Standing,
)
from bot.logs.ranking import rank, standing_now, tier_of


def incident(name: str, number: int, **fields: Any) -> Incident:
    values = {
        "fingerprint": f"v1-{number:016x}",
        "root": RootSignature(type=name, message="no berth"),
        "severity": Severity.ERROR,
        "entries": 5,
        "error_entries": 5,
        "first_seen": "2026-03-01T12:00:00Z",
        "last_seen": "2026-03-01T13:00:00Z",
        "services": ("ferry",),
        "revisions": (),
        "instances": ("a", "b"),
        **fields,
    }
    group = LogGroup(
        fingerprint=values["fingerprint"],
        kind=GroupKind.MESSAGE,
        title=name,
        severity=values["severity"],
        count=1,
        first_seen=values["first_seen"],
        last_seen=values["last_seen"],
        services=(),
        revisions=(),
        instances=(),
        insert_ids=(),
    )
    return Incident(groups=(group,), **values)


def known(novelty: Novelty, **fields: Any) -> Standing:
    return Standing(novelty=novelty, why="an earlier record says so", **fields)


def test_the_tiers() -> None:
    assert [tier_of(severity) for severity in Severity] == [4, 4, 4, 3, 2, 1, 1, 1, 1]


BASE = incident("Base", 5)


@pytest.mark.parametrize(
    ("better", "history", "lost", "words"),
    [
        (
            incident("Better", 9, severity=Severity.ERROR, entries=1, instances=()),
            {},
            Lost(by=RankBy.SEVERITY, value="WARNING", against="ERROR"),
            "errors come before warnings (ERROR against WARNING)",
        ),
        (
            incident("Better", 9, severity=Severity.WARNING, entries=1, instances=("a",)),
            {BASE.fingerprint: known(Novelty.KNOWN)},
            Lost(by=RankBy.NOVELTY, value="known", against="new"),
            "new comes before known; both are warnings",
        ),
        (
            incident("Better", 9, severity=Severity.WARNING, instances=("a", "b", "c"), entries=1),
            {},
            Lost(by=RankBy.INSTANCES, value="2", against="3"),
            "3 instances against 2",
        ),
        (
            incident("Better", 9, severity=Severity.WARNING, entries=1_234),
            {},
            Lost(by=RankBy.ENTRIES, value="5", against="1,234"),
            "1,234 entries against 5; both are warnings, both are new, both reach 2 instances",
        ),
        (
            incident("Better", 9, severity=Severity.WARNING, last_seen="2026-03-01T13:00:00.5Z"),
            {},
            Lost(by=RankBy.LAST_SEEN, value="2026-03-01T13:00:00Z", against="2026-03-01T13:00:00.5Z"),
            "last seen 2026-03-01T13:00:00.5Z against",
        ),
        (
            incident("Better", 1, severity=Severity.WARNING),
            {},
            Lost(by=RankBy.FINGERPRINT, value="v1-0000000000000005", against="v1-0000000000000001"),
            "order of fingerprints",
        ),
    ],
)
def test_each_value_decides_in_its_turn_and_is_named(
    better: Incident, history: dict[str, Standing], lost: Lost, words: str
) -> None:
    worse = BASE.model_copy(update={"severity": Severity.WARNING})
    for incidents in ([better, worse], [worse, better]):
        selection = rank(incidents, history)
        assert selection.winner is not None
        assert selection.winner.incident == better
        assert selection.winner.place == 1
        assert [(one.incident, one.lost) for one in selection.runners_up] == [(worse, lost)]
        assert selection.winner.lost is None
        assert words in selection.reasons[1]
        assert "Base: no berth" in selection.reasons[1]


FIXED_AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
FIX = "1a2b3c4d" * 5


@pytest.mark.parametrize(
    ("standing", "fields", "novelty", "why"),
    [
        (None, {}, Novelty.NEW, ""),
        (known(Novelty.KNOWN), {}, Novelty.KNOWN, "an earlier record says so"),
        (known(Novelty.FIXED, fixed_at=FIXED_AT), {}, Novelty.REGRESSED, "; seen again, last at 2026-03-01T13:00:00Z"),
        (known(Novelty.FIXED, fixed_at=FIXED_AT), {"last_seen": "2026-03-01T12:30:00Z"}, Novelty.FIXED, "says so"),
        (known(Novelty.FIXED, fixed_at=FIXED_AT), {"last_seen": "2026-03-01T12:30:00.000000001Z"}, Novelty.REGRESSED,
         "seen again"),
        (known(Novelty.IN_WORK, fix=FIX), {"commits": ("0" * 40,)}, Novelty.IN_WORK, "says so"),
        (known(Novelty.IN_WORK, fix=FIX), {"commits": ("0" * 40, FIX)}, Novelty.REGRESSED, "commit 1a2b3c4d1a2b"),
        (known(Novelty.IN_WORK, fix=FIX), {"commits": (FIX[:7],)}, Novelty.REGRESSED, "commit 1a2b3c4"),
        (known(Novelty.IN_WORK, fix=FIX), {"commits": (FIX[:6], "")}, Novelty.IN_WORK, "says so"),
        (known(Novelty.IN_WORK), {"commits": (FIX,)}, Novelty.IN_WORK, "says so"),
        (known(Novelty.MUTED), {}, Novelty.MUTED, "says so"),
    ],
)
def test_what_is_known_meets_what_is_logged(
    standing: Standing | None, fields: dict[str, Any], novelty: Novelty, why: str
) -> None:
    one = incident("Known", 1, **fields)
    found = standing_now(one, {} if standing is None else {one.fingerprint: standing})
    assert found[0] is novelty
    assert why in found[1]


def test_a_regression_comes_before_what_is_known_and_says_why() -> None:
    back, old = incident("Back", 9, entries=1), incident("Known", 1)
    history = {
        back.fingerprint: known(Novelty.FIXED, fixed_at=FIXED_AT), old.fingerprint: known(Novelty.KNOWN)
    }
    selection = rank([old, back], history)
    assert selection.winner is not None
    assert selection.winner.incident == back
    assert selection.winner.values.novelty is Novelty.REGRESSED
    assert selection.reasons[2].startswith("It is regressed (fixed an earlier record says so; seen again")
    assert selection.runners_up[0].lost == Lost(by=RankBy.NOVELTY, value="known", against="regressed")


def test_what_is_known_by_an_alias_is_known_and_the_strongest_standing_holds() -> None:
    aliased = incident("Old", 1, aliases=("v0-0000000000000001", "v0-0000000000000002"))
    selection = rank([aliased], {"v0-0000000000000001": known(Novelty.MUTED)})
    assert selection.winner is None
    both = {aliased.fingerprint: known(Novelty.KNOWN), "v0-0000000000000002": known(Novelty.IN_WORK)}
    assert standing_now(aliased, both)[0] is Novelty.IN_WORK


def test_what_is_in_work_fixed_or_muted_is_shown_and_never_chosen() -> None:
    worked, muted, left = incident("Worked", 1), incident("Muted", 2), incident("Left", 3, severity=Severity.WARNING)
    gone = incident("Gone", 4, last_seen="2026-03-01T12:10:00Z")
    history = {
        worked.fingerprint: known(Novelty.IN_WORK),
        muted.fingerprint: Standing(novelty=Novelty.MUTED, why="until 2026-04-01: the vendor knows"),
        gone.fingerprint: known(Novelty.FIXED, fixed_at=FIXED_AT),
    }
    selection = rank([gone, worked, muted, left], history)
    assert selection.winner is not None
    assert selection.winner.incident == left
    assert [one.incident for one in selection.runners_up] == [worked, muted, gone]
    assert [one.lost for one in selection.runners_up] == [
        Lost(by=RankBy.NOVELTY, value=value, against="new") for value in ("in work", "muted", "fixed")
    ]
    assert selection.reasons[1] == "No other incident could have been chosen."
    assert "3 incidents in work, fixed or muted" in selection.reasons[2]
    assert "Muted: no berth is muted (until 2026-04-01: the vendor knows)" in selection.reasons[2]
    nothing = rank([worked, muted], history)
    assert nothing.winner is None
    assert [one.lost for one in nothing.runners_up] == [
        Lost(by=RankBy.NOVELTY, value="in work"), Lost(by=RankBy.NOVELTY, value="muted")
    ]
    (reason,) = nothing.reasons
    assert reason == (
        "All 2 incidents found may not be chosen: 1 muted, 1 in work. Worked: no berth is in work (an earlier record "
        "says so); Muted: no berth is muted (until 2026-04-01: the vendor knows)."
    )
    assert rank([worked], history).reasons[0].startswith("The only incident found may not be chosen: in work. Worked")


def test_nothing_found_is_said() -> None:
    selection = rank([], {})
    assert (selection.winner, selection.runners_up) == (None, ())
    assert "no incident" in selection.reasons[0]


def test_the_size_is_told_with_its_values() -> None:
    (size, _) = rank([BASE], {}).reasons
    assert (
        size
        == "It has 5 entries (5 at ERROR or above) in 1 group on 2 instances, "
        "from 2026-03-01T12:00:00Z to 2026-03-01T13:00:00Z."
    )


incidents = st.builds(
    incident,
    st.sampled_from(["Berth", "Tide"]),
    st.integers(0, 2**64 - 1),
    severity=st.sampled_from(Severity),
    entries=st.integers(1, 3),
    instances=st.sampled_from([(), ("a",), ("a", "b")]),
    last_seen=st.sampled_from(["2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z", "2026-03-01T13:00:00.000000001Z"]),
    commits=st.sampled_from([(), (FIX,)]),
)
standing = st.builds(
    Standing, novelty=st.sampled_from([Novelty.KNOWN, Novelty.IN_WORK, Novelty.FIXED, Novelty.MUTED]),
    why=st.just("so"), fixed_at=st.none() | st.just(FIXED_AT), fix=st.none() | st.just(FIX),
)


@given(st.lists(incidents, max_size=8, unique_by=lambda one: one.fingerprint), st.data(), st.randoms())
def test_the_order_is_total_and_the_table_of_losses_is_complete(
    given_ones: list[Incident], data: st.DataObject, shuffle: random.Random
) -> None:
    history = {
        one.fingerprint: data.draw(standing) for one in given_ones if data.draw(st.booleans())
    }
    expected = rank(given_ones, history)
    shuffled = list(given_ones)
    shuffle.shuffle(shuffled)
    assert rank(shuffled, history) == expected
    listed = sorted((*((expected.winner,) if expected.winner else ()), *expected.runners_up), key=lambda one: one.place)
    assert [one.place for one in listed] == list(range(1, len(given_ones) + 1))
    for one in expected.runners_up:
        assert one.lost is not None
        assert one.lost.value != one.lost.against
        assert (one.lost.against == "") == (expected.winner is None)
    if expected.winner is not None:
        assert expected.winner.values.novelty in {Novelty.NEW, Novelty.REGRESSED, Novelty.KNOWN}
        assert expected.winner.place == 1
    # Nobody is behind in a value that decides earlier than the one in which somebody before them is.
    open_ones = [one for one in expected.runners_up if one.values.novelty in {Novelty.NEW, Novelty.REGRESSED,
                                                                             Novelty.KNOWN}]
    order = [list(RankBy).index(one.lost.by) for one in open_ones if one.lost]
    assert order == sorted(order, reverse=True)
