from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.logs import GroupKind, Severity
from bot.logs.alias import LEAST_RATIO, Template, aliases

COMMON = "quay opens chart(<*>) failed: it is away"
RARE = "quay opens chart(north) failed: it is away"


def group(name: str, text: str, count: int = 1, severity: Severity = Severity.INFO, service: str = "quay",
          kind: GroupKind = GroupKind.MESSAGE) -> Template:
    return Template(name, service, text, severity, kind, count)


def test_a_rare_look_alike_is_shown_with_the_frequent_group() -> None:
    assert aliases([group("a", COMMON, 20), group("b", RARE)]) == {"b": "a"}


@pytest.mark.parametrize("severity", [Severity.ERROR, Severity.CRITICAL, Severity.ALERT, Severity.EMERGENCY])
def test_failures_are_always_shown_as_themselves(severity: Severity) -> None:
    assert aliases([group("a", COMMON, 20, severity), group("b", RARE, 1, severity)]) == {}
    assert aliases([group("a", COMMON, 20), group("b", RARE, 1, severity)]) == {}
    assert aliases([group("a", COMMON, 20, severity), group("b", RARE)]) == {}


@pytest.mark.parametrize("kind", [GroupKind.TRACEBACK, GroupKind.REQUEST])
def test_only_messages_have_aliases(kind: GroupKind) -> None:
    assert aliases([group("a", COMMON, 20, kind=kind), group("b", RARE, kind=kind)]) == {}
    assert aliases([group("a", COMMON, 20), group("b", RARE, kind=kind)]) == {}
    assert aliases([group("a", COMMON, 20, kind=kind), group("b", RARE)]) == {}


@pytest.mark.parametrize(
    "other",
    [
        group("b", RARE, severity=Severity.WARNING),
        group("b", RARE, service="ferry"),
        group("b", RARE, count=20 // LEAST_RATIO + 1),
        group("b", RARE + " today"),
        group("b", "quay opens chart(north) failed: it is wet"),
        group("b", "quay opens map(north) failed: it is away"),
        group("b", "quay opens chart(None) failed: it is away"),
        group("b", "quay opens chart(refused) failed: it is away"),
        group("b", "quay opens chart() failed: it is away"),
    ],
    ids=["severity", "service", "as frequent", "longer", "other words", "other form", "none", "a state", "empty"],
)
def test_another_message_is_shown_as_itself(other: Template) -> None:
    assert aliases([group("a", COMMON, 20), other]) == {}


def test_a_word_where_no_value_was_masked_tells_groups_apart() -> None:
    redis, storage = "job <*> put off: redis is not there", "job <*> put off: s0 is not there"
    assert aliases([group("a", redis, 99), group("b", storage)]) == {}
    assert aliases([group("a", "set to <*>", 99), group("b", "set to fast")]) == {}
    assert aliases([group("a", "<*> of the five has come", 99), group("b", "none-yet of the five has come")]) == {}


def test_the_most_frequent_of_several_is_taken() -> None:
    rare = "moved crates from here to there"
    few = group("a", "moved <*> from here to there", 10)
    many = group("b", "moved crates from <*> to there", 30)
    assert aliases([few, many, group("c", rare)]) == {"c": "b"}


def test_a_chain_ends_at_a_group_that_is_shown_as_itself() -> None:
    chain = [
        group("a", "moved <*> from <*> to there", 50),
        group("b", "moved <*> from here to there", 10),
        group("c", "moved crates from here to there", 2),
    ]
    assert aliases(chain) == {"b": "a", "c": "a"}


WORDS = st.sampled_from(["moved", "<*>", "x(<*>)", "x(y)", "here", "a_b", "None", "to"])
GROUPS = st.lists(
    st.builds(
        lambda words, count, severity, service: (" ".join(words), count, severity, service),
        st.lists(WORDS, min_size=4, max_size=6), st.integers(1, 60),
        st.sampled_from([Severity.INFO, Severity.WARNING, Severity.ERROR]), st.sampled_from(["quay", "ferry"]),
    ),
    max_size=30,
).map(lambda rows: [
    Template(f"{place:03}", service, text, severity, GroupKind.MESSAGE, count)
    for place, (text, count, severity, service) in enumerate(rows)
])


@settings(max_examples=150, deadline=None)
@given(GROUPS, st.randoms(use_true_random=False))
def test_the_order_of_groups_does_not_matter(groups: list[Template], dice: object) -> None:
    before = dict(aliases(groups))
    dice.shuffle(groups)  # type: ignore[attr-defined]
    assert dict(aliases(groups)) == before


@settings(max_examples=150, deadline=None)
@given(GROUPS)
def test_who_is_shown_with_another_shows_no_one_and_is_alike_in_service_severity_and_length(
    groups: list[Template],
) -> None:
    by_name = {one.fingerprint: one for one in groups}
    shown = aliases(groups)
    for name, other in shown.items():
        one, two = by_name[name], by_name[other]
        assert other not in shown
        assert two.count >= LEAST_RATIO * one.count
        assert (one.service, one.severity) == (two.service, two.severity)
        assert one.severity is not Severity.ERROR
        assert len(one.text.split()) == len(two.text.split())
