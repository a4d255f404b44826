from __future__ import annotations

import random
from typing import Any

import pytest

from bot.domain.logs import GroupKind, Incident, LogGroup, Novelty, RootSignature, Severity
from bot.logs.ranking import rank, tier_of


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


def test_the_tiers() -> None:
    assert [tier_of(severity) for severity in Severity] == [4, 4, 4, 3, 2, 1, 1, 1, 1]


BASE = incident("Base", 5)


@pytest.mark.parametrize(
    ("better", "history", "words"),
    [
        (
            incident("Better", 9, severity=Severity.ERROR, entries=1, instances=()),
            {},
            "errors come before warnings (ERROR against WARNING)",
        ),
        (
            incident("Better", 9, severity=Severity.WARNING, entries=1, instances=("a",)),
            {BASE.fingerprint: Novelty.KNOWN},
            "new comes before known; both are warnings",
        ),
        (
            incident("Better", 9, severity=Severity.WARNING, instances=("a", "b", "c"), entries=1),
            {},
            "3 instances against 2",
        ),
        (
            incident("Better", 9, severity=Severity.WARNING, entries=1_234),
            {},
            "1,234 entries against 5; both are warnings, both are new, both reach 2 instances",
        ),
        (
            incident("Better", 9, severity=Severity.WARNING, last_seen="2026-03-01T13:00:00.5Z"),
            {},
            "last seen 2026-03-01T13:00:00.5Z against",
        ),
        (incident("Better", 1, severity=Severity.WARNING), {}, "order of fingerprints"),
    ],
)
def test_each_value_decides_in_its_turn_and_is_named(better: Incident, history: dict[str, Novelty], words: str) -> None:
    worse = BASE.model_copy(update={"severity": Severity.WARNING})
    for incidents in ([better, worse], [worse, better]):
        selection = rank(incidents, history)
        assert selection.winner is not None
        assert selection.winner.incident == better
        assert selection.winner.place == 1
        assert [one.incident for one in selection.runners_up] == [worse]
        assert words in selection.reasons[1]
        assert "Base: no berth" in selection.reasons[1]


def test_a_regression_comes_before_what_is_known() -> None:
    back, known = incident("Back", 9, entries=1), incident("Known", 1)
    history = {back.fingerprint: Novelty.REGRESSED, known.fingerprint: Novelty.KNOWN}
    winner = rank([known, back], history).winner
    assert winner is not None
    assert winner.incident == back
    assert winner.values.novelty is Novelty.REGRESSED


def test_an_alias_is_known_as_well() -> None:
    aliased = incident("Old", 1, aliases=("v0-0000000000000001",))
    selection = rank([aliased], {"v0-0000000000000001": Novelty.MUTED})
    assert selection.winner is None


def test_what_is_in_work_or_muted_is_shown_and_never_chosen() -> None:
    worked, muted, left = incident("Worked", 1), incident("Muted", 2), incident("Left", 3, severity=Severity.WARNING)
    history = {worked.fingerprint: Novelty.IN_WORK, muted.fingerprint: Novelty.MUTED}
    selection = rank([worked, muted, left], history)
    assert selection.winner is not None
    assert selection.winner.incident == left
    assert [one.incident for one in selection.runners_up] == [worked, muted]
    assert selection.reasons[1] == "No other incident could have been chosen."
    assert "2 incidents in work or muted" in selection.reasons[2]
    nothing = rank([worked, muted], history)
    assert nothing.winner is None
    assert nothing.reasons == ("All 2 incidents found may not be chosen: 1 in work, 1 muted.",)


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


def test_the_order_is_total() -> None:
    draw = random.Random(4)
    incidents = [
        incident(
            f"I{number}",
            number,
            severity=draw.choice(list(Severity)),
            entries=draw.randrange(1, 4),
            instances=tuple("abc"[: draw.randrange(1, 4)]),
        )
        for number in range(40)
    ]
    expected = rank(incidents, {})
    draw.shuffle(incidents)
    assert rank(incidents, {}) == expected
