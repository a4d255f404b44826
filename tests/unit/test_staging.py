"""The verdict on staging: against simulated histories, against plain cases, and what must hold whatever is observed."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.staging import (
    FaceCount,
    LogStretch,
    OtherFace,
    StagingCell,
    StagingObserved,
    StagingOutcome,
    StagingRevision,
    StagingVerdict,
)
from bot.proof.staging.chance import chance_of_so_few, chance_of_so_many, incomplete_beta, most_remaining
from bot.proof.staging.judging import judge
from bot.proof.staging.rates import evidence, fit
from bot.proof.staging.rule import AT_OLD_RATE, AT_REDUCED_RATE
from bot.proof.staging.series import series
from tests.bench.staging import rows
from tests.staging_histories import FACE, FINGERPRINT, FIX, KINDS, Kind, Told, history, shares

GONE, THERE = StagingOutcome.GONE, StagingOutcome.STILL_THERE
TOO_LITTLE, NOT_DEPLOYED, CHANGED = StagingOutcome.TOO_LITTLE, StagingOutcome.NOT_DEPLOYED, StagingOutcome.CHANGED_FACE
DAY = 24
OLD, NEW = "api-00001", "api-00002"


def observed(
    before: Callable[[int], int], since: Callable[[int], int] = lambda _: 0, *, days: tuple[int, int] = (14, 7),
    traffic: int = 100, bin_seconds: int = 3_600, **changes: object,
) -> StagingObserved:
    """Days without the fix, then days with it, from a Monday on, with the same traffic every hour."""
    a_day = 86_400 // bin_seconds
    fix, end = days[0] * a_day, sum(days) * a_day
    cells = [
        StagingCell(bin=at, revision=NEW if at >= fix else OLD, traffic=traffic,
                    occurrences=since(at) if at >= fix else before(at)) for at in range(end)
    ]
    found = StagingObserved(
        service="api", fingerprint=FINGERPRINT, begins="2026-03-02T00:00:00Z", bin_seconds=bin_seconds, bins=end,
        fix_commit=FIX, cells=tuple(cells), revisions=(
            StagingRevision(revision=OLD, first_seen="2026-03-02T00:00:00Z", carries=False),
            StagingRevision(revision=NEW, first_seen="2026-03-16T00:00:00Z", commit=FIX, carries=True)))
    return changed(found, **changes)


def changed(found: StagingObserved, **changes: object) -> StagingObserved:
    kept = {name: getattr(found, name) for name in StagingObserved.model_fields}
    return StagingObserved.model_validate({**kept, **changes})


def sometimes(at: int) -> int:
    """About three a day, at hours that keep to no clock."""
    return int(Random(at).random() < 0.125)


def kept_since(share: float | None) -> tuple[LogStretch, ...]:
    return (LogStretch(first_bin=14 * DAY, last_bin=21 * DAY - 1, kept=share),)


def of_kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


def test_simulated_histories_are_told_right() -> None:
    """A part of `python -m tests.bench.staging`, on seeds of its own, one for each kind."""
    said = [Told(kind, 500 + at, judge(history(kind, 500 + at)).outcome) for at, kind in enumerate(KINDS)]
    found = shares(said)
    table = "\n".join(rows(said))
    assert found.not_gone >= 28, table
    assert found.wrongly_gone == 0, table
    assert found.right >= 0.95 * found.given, table
    assert found.too_little <= 0.25 * found.histories, table
    assert {one.outcome for one in said} == set(StagingOutcome), table


def test_silence_where_many_were_due_is_gone() -> None:
    verdict = judge(observed(sometimes))
    assert verdict.outcome is GONE
    assert verdict.statistics is not None
    assert verdict.statistics.expected == pytest.approx(sum(map(sometimes, range(14 * DAY))) / 2, rel=0.15)
    assert verdict.statistics.chance < AT_OLD_RATE
    assert verdict.statistics.chance_if_reduced < AT_REDUCED_RATE
    assert verdict.statistics.remaining_most < 0.3
    assert "None was seen with the fix" in verdict.reason


def test_a_trickle_is_still_there_and_says_how_little() -> None:
    verdict = judge(observed(lambda _: 5, lambda at: int(at == 15 * DAY)))
    assert verdict.outcome is THERE
    assert "Seen 1 time at revisions with the fix" in verdict.reason
    assert "fewer (" in verdict.reason
    assert verdict.statistics is not None
    assert verdict.statistics.chance < 1e-6


def test_what_began_at_a_revision_without_the_fix_is_explained() -> None:
    found = observed(sometimes)
    stray = StagingCell(bin=14 * DAY, revision=NEW, traffic=100, occurrences=2, begun_before=2)
    cells = tuple(stray if cell.bin == stray.bin else cell for cell in found.cells)
    verdict = judge(changed(found, cells=cells))
    assert verdict.outcome is GONE
    assert verdict.statistics is not None
    assert (verdict.statistics.seen, verdict.statistics.explained) == (0, 2)
    unexplained = stray.model_copy(update={"begun_before": 1})
    cells = tuple(unexplained if cell.bin == stray.bin else cell for cell in found.cells)
    assert judge(changed(found, cells=cells)).outcome is THERE


@pytest.mark.parametrize(("case", "found", "outcome", "words"), [
    ("never seen before", observed(lambda _: 0), TOO_LITTLE, "not seen before the fix"),
    ("hours only", observed(sometimes, days=(14, 1)), TOO_LITTLE, "at the old rate, none would be seen"),
    ("a third would not show", observed(sometimes, days=(14, 3)), TOO_LITTLE, "left 30% of the old rate"),
    ("one burst", observed(lambda at: 40 if at == 100 else 0), TOO_LITTLE, "at the old rate"),
    ("it had stopped", observed(lambda at: sometimes(at) if at < 9 * DAY else 0, days=(14, 14)), TOO_LITTLE, "stopped"),
    ("no traffic reached the fix", changed(observed(sometimes), cells=observed(sometimes).cells[:14 * DAY]),
     TOO_LITTLE, "no traffic has reached it"),
    ("log not there", observed(sometimes, log=kept_since(0)), TOO_LITTLE, "nothing that counts"),
    ("sampled at an unknown rate", observed(sometimes, log=kept_since(None)), TOO_LITTLE, "nothing that counts"),
    ("sampled at a known rate", observed(sometimes, log=kept_since(0.1)), TOO_LITTLE, "at the old rate"),
    ("sampled alike all the time", observed(
        sometimes, log=[LogStretch(first_bin=0, last_bin=21 * DAY, kept=0.1, kept_of_traffic=0.1)]), GONE, "None"),
])
def test_what_silence_is_worth(case: str, found: StagingObserved, outcome: StagingOutcome, words: str) -> None:
    verdict = judge(found)
    assert (verdict.outcome, words in verdict.reason) == (outcome, True), (case, verdict.reason)


def serving(carries: bool | None, **changes: object) -> StagingObserved:
    found = observed(sometimes, sometimes)
    new = StagingRevision(revision=NEW, first_seen="2026-03-16T00:00:00Z", carries=carries)
    return changed(found, revisions=(found.revisions[0], new), **changes)


def test_whether_the_fix_is_in_service() -> None:
    assert judge(serving(carries=False)).outcome is NOT_DEPLOYED
    unknown = judge(serving(carries=None))
    assert (unknown.outcome, unknown.not_known) == (TOO_LITTLE, (NEW,))
    assert "commit of a revision in service is not known" in unknown.reason
    # A revision that logged before the fix was committed is without it, whatever is said of it.
    assert judge(serving(carries=True, fix_committed_at="2026-03-20T00:00:00Z")).outcome is NOT_DEPLOYED
    silent = judge(serving(carries=False, fix_committed_at="2026-04-20T00:00:00Z"))
    assert (silent.outcome, "no traffic since" in silent.reason) == (TOO_LITTLE, True)


def test_a_revision_that_nobody_lists_is_unknown() -> None:
    found = observed(sometimes)
    verdict = judge(changed(found, revisions=found.revisions[:1]))
    assert (verdict.outcome, verdict.not_known) == (TOO_LITTLE, (NEW,))


def test_an_occurrence_at_a_later_unknown_revision_stands_in_the_way() -> None:
    found = observed(sometimes, days=(14, 14))
    later = StagingRevision(revision="api-00003", first_seen="2026-03-29T00:00:00Z")
    seen = StagingCell(bin=27 * DAY + 2, revision="api-00003", traffic=50, occurrences=1)
    verdict = judge(changed(found, revisions=(*found.revisions, later), cells=(*found.cells, seen)))
    assert (verdict.outcome, "later revision whose commit is not known" in verdict.reason) == (TOO_LITTLE, True)
    quiet = seen.model_copy(update={"occurrences": 0})
    verdict = judge(changed(found, revisions=(*found.revisions, later), cells=(*found.cells, quiet)))
    assert verdict.outcome is GONE
    assert any("count on neither side" in line for line in verdict.weakened)


def faced(before: Callable[[int], int], since: Callable[[int], int]) -> StagingVerdict:
    found = observed(sometimes, days=(14, 10))
    counts = tuple(
        FaceCount(bin=cell.bin, revision=cell.revision,
                  occurrences=(since if cell.revision == NEW else before)(cell.bin)) for cell in found.cells)
    return judge(changed(found, faces=[OtherFace(fingerprint=FACE, why="same trace pattern", counts=counts)]))


def test_another_face() -> None:
    new = faced(lambda _: 0, sometimes)
    assert (new.outcome, new.new_face is not None) == (CHANGED, True)
    assert FACE in new.reason
    grown = faced(lambda at: int(at % 100 == 0), sometimes)
    assert grown.outcome is CHANGED
    as_ever = faced(sometimes, sometimes)
    assert (as_ever.outcome, as_ever.new_face) == (GONE, None)
    assert any("about as often as before" in line for line in as_ever.weakened)
    once = faced(lambda _: 0, lambda at: int(at == 15 * DAY))
    assert (once.outcome, "never before" in once.reason) == (TOO_LITTLE, True)


def test_another_face_is_not_told_by_what_else_went_with_the_incident() -> None:
    """The fix takes the incident's companions out of the log: less of everything, but no less of the other face."""
    found = observed(lambda at: 9 * sometimes(at), days=(14, 10))
    counts = tuple(
        FaceCount(bin=cell.bin, revision=cell.revision, occurrences=sometimes(cell.bin + 7)) for cell in found.cells)
    cells = tuple(cell.model_copy(update={"others": 90 if cell.revision == OLD else 20}) for cell in found.cells)
    verdict = judge(changed(found, cells=cells, others_known=True, faces=[
        OtherFace(fingerprint=FACE, why="same root location", counts=counts)]))
    assert verdict.new_face is None


def split(part: int, old_since: Callable[[int], int], days: int = 10) -> StagingObserved:
    """Of 100 requests an hour, `part` go to the fix since it is there; the rest stay without."""
    found = observed(sometimes, days=(14, days))
    cells = []
    for cell in found.cells:
        if cell.revision == OLD:
            cells.append(cell)
        else:
            cells.append(cell.model_copy(update={"traffic": part}))
            cells.append(StagingCell(bin=cell.bin, revision=OLD, traffic=100 - part, occurrences=old_since(cell.bin)))
    return changed(found, cells=cells)


def test_revisions_without_the_fix_at_the_same_time_are_a_control() -> None:
    going_on = judge(split(60, sometimes))
    assert going_on.outcome is GONE
    assert any("served at the same time; of theirs" in line for line in going_on.weakened)
    silent_too = judge(split(60, lambda _: 0))
    assert (silent_too.outcome, "seen less without the fix, too" in silent_too.reason) == (TOO_LITTLE, True)
    rarer_too = judge(split(60, lambda at: int(at % 97 == 0)))
    assert (rarer_too.outcome, "seen less without the fix, too" in rarer_too.reason) == (TOO_LITTLE, True)
    assert judge(split(2, sometimes)).outcome is TOO_LITTLE


@pytest.mark.parametrize(("requests", "outcome"), [(3, GONE), (2_000, NOT_DEPLOYED)])
def test_back_to_a_revision_without_the_fix(requests: int, outcome: StagingOutcome) -> None:
    found = observed(sometimes, days=(14, 10))
    last = found.bins - 1
    cells = [cell for cell in found.cells if cell.bin != last]
    cells.append(StagingCell(bin=last, revision=OLD, traffic=requests))
    assert judge(changed(found, cells=cells)).outcome is outcome


@pytest.mark.parametrize(("brought_by_a_revision", "outcome"), [(True, GONE), (False, TOO_LITTLE)])
def test_silence_before_the_incident_counts_unless_a_deployment_ended_it(
    brought_by_a_revision: bool, outcome: StagingOutcome,
) -> None:
    """Silent for eighteen days, then six an hour for three, and since the fix for seven silent again."""
    found = observed(lambda at: 6 if at >= 18 * DAY else 0, days=(21, 7))
    first = "2026-03-20T00:00:00Z" if brought_by_a_revision else "2026-03-10T00:00:00Z"
    came = 18 * DAY if brought_by_a_revision else 8 * DAY
    revisions = (*found.revisions, StagingRevision(revision="api-00009", first_seen=first, carries=False))
    cells = [
        cell.model_copy(update={"revision": "api-00009"}) if cell.revision == OLD and cell.bin >= came else cell
        for cell in found.cells
    ]
    verdict = judge(changed(found, revisions=revisions, cells=cells))
    assert verdict.outcome is outcome
    assert any("never had it" in line for line in verdict.weakened) == brought_by_a_revision


def test_silence_must_be_longer_than_any_before() -> None:
    """Every two hours for forty days, but for ten of them: fifteen days without could be such ten again."""
    verdict = judge(observed(lambda at: int(at % 2 == 0 and not 15 * DAY <= at < 25 * DAY), days=(40, 15)))
    assert (verdict.outcome, "twice as long" in verdict.reason) == (TOO_LITTLE, True), verdict.reason


def test_at_most_one_a_day_is_due_a_day_whatever_the_traffic() -> None:
    found = observed(lambda _: 1)
    busy = changed(found, cells=[
        cell.model_copy(update={"traffic": 9_000}) if cell.revision == NEW else cell for cell in found.cells])
    both = series(busy, [OLD], [NEW])
    by_traffic = fit(both, both.old.seen, "traffic", "none", [0] * both.bins)
    due = {one.unit: one.expected for one in evidence(both, [by_traffic])}
    assert due["occurrences"] == pytest.approx(90 * 7 * DAY)
    assert due["hours"] == pytest.approx(7 * DAY)
    assert due["days"] == pytest.approx(7)


def test_what_weakens_is_said() -> None:
    short = judge(observed(lambda _: 3, days=(4, 5)))
    assert any("4.0 days" in line for line in short.weakened)
    assert any("does not have; the verdict leaves it out" in line for line in short.weakened), "Saturday is new"
    assert short.statistics is not None
    assert short.statistics.expected == pytest.approx(3 * 3 * DAY), "Friday, Monday and Tuesday"
    entries = judge(observed(sometimes, traffic_is="entries"))
    assert any("entries of any kind" in line for line in entries.weakened)
    assert any("without notice" in line for line in entries.weakened)
    found = observed(sometimes)
    more = changed(found, cells=tuple(
        cell.model_copy(update={"traffic": 900}) if cell.revision == NEW else cell for cell in found.cells))
    verdict = judge(more)
    assert any("was 900% of that before" in line for line in verdict.weakened)
    assert verdict.statistics is not None
    assert verdict.statistics.exposure == "time", "of two that explain it alike, the one by which fewer are due"


def test_a_log_thinned_out_without_notice_is_noticed() -> None:
    """Requests go on, other entries fall to a hundredth: the incident's fell with them."""
    found = observed(sometimes)
    cells = tuple(
        cell.model_copy(update={"others": 300 if cell.revision == OLD else 3}) for cell in found.cells)
    verdict = judge(changed(found, cells=cells, others_known=True))
    assert verdict.outcome is TOO_LITTLE
    assert verdict.statistics is not None
    assert verdict.statistics.expected == pytest.approx(0.2, abs=0.1)
    assert any("as when a log is sampled or lost" in line for line in verdict.weakened)


def test_starts_of_instances_are_the_exposure_where_they_explain_it() -> None:
    """Every start fails, at every tenth hour; since the fix traffic is as before, but nothing has started."""
    found = observed(lambda at: 3 if at % 10 == 0 else 0)
    cells = tuple(
        cell.model_copy(update={"starts": 3 if cell.bin % 10 == 0 and cell.revision == OLD else 0})
        for cell in found.cells)
    verdict = judge(changed(found, cells=cells, starts_known=True))
    assert verdict.statistics is not None
    assert (verdict.outcome, verdict.statistics.exposure, verdict.statistics.expected) == (TOO_LITTLE, "starts", 0)


@pytest.mark.parametrize(("what", "mistake"), [
    ("outside the bins", {"bins": 5}),
    ("listed twice", {"revisions": [StagingRevision(revision=OLD, first_seen="2026-03-02T00:00:00Z")] * 2}),
    ("ends before it begins", {"log": [LogStretch(first_bin=2, last_bin=1, kept=1)]}),
    ("not an RFC 3339 time", {"begins": "yesterday"}),
])
def test_what_contradicts_itself_is_refused(what: str, mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=what):
        changed(observed(sometimes), **mistake)


# Whatever is observed


@pytest.fixture(scope="module")
def some() -> list[StagingObserved]:
    """Histories of kinds that end in each of the verdicts."""
    names = ("steady", "rare", "same rate", "changed face", "rolled back", "canary")
    return [history(of_kind(name), 900) for name in names]


def test_order_names_and_whole_weeks_do_not_matter(some: list[StagingObserved]) -> None:
    random = Random(1)
    for found in some:
        verdict = judge(found)
        cells, revisions = list(found.cells), list(found.revisions)
        random.shuffle(cells)
        random.shuffle(revisions)
        assert judge(changed(found, cells=cells, revisions=revisions)) == verdict
        later = found.begins.replace("2026-", "2054-")
        moved = [one.model_copy(update={"first_seen": one.first_seen.replace("2026-", "2054-")}) for one in revisions]
        again = changed(  # 28 years later, the days of the week are the same
            found, begins=later, revisions=moved, fix_committed_at=found.fix_committed_at.replace("2026-", "2054-"))
        assert judge(again) == verdict


def test_finer_bins_say_the_same(some: list[StagingObserved]) -> None:
    for found in some:
        cells = [cell.model_copy(update={"bin": cell.bin * 4 + cell.bin % 4}) for cell in found.cells]
        faces = [face.model_copy(update={"counts": tuple(
            count.model_copy(update={"bin": count.bin * 4 + 1}) for count in face.counts)}) for face in found.faces]
        finer = changed(found, bins=found.bins * 4, bin_seconds=900, cells=cells, faces=faces)
        assert judge(finer) == judge(found)


def test_more_traffic_throughout_says_the_same(some: list[StagingObserved]) -> None:
    """An occurrence in a hundred requests or in a thousand: what counts is what was due."""
    for found in some:
        plain = changed(found, others_known=False)
        scaled = changed(plain, cells=[cell.model_copy(update={"traffic": cell.traffic * 10}) for cell in plain.cells])
        one, ten = judge(plain), judge(scaled)
        assert one.outcome is ten.outcome
        assert one.statistics is not None
        assert ten.statistics is not None
        assert ten.statistics.expected == pytest.approx(one.statistics.expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 7 * DAY - 1), st.integers(1, 10**12))
def test_an_occurrence_with_the_fix_is_never_gone(at: int, count: int) -> None:
    found = observed(lambda bin_: 4 * sometimes(bin_))
    cells = tuple(
        cell.model_copy(update={"occurrences": count}) if cell.bin == 14 * DAY + at else cell for cell in found.cells)
    assert judge(changed(found, cells=cells)).outcome is THERE


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0.01, 1e9), st.floats(0, 1e9), st.floats(0, 1e6), st.floats(1, 1e6), st.floats(0.01, 1), st.floats(1, 50))
def test_chances_go_the_right_way(
    before: float, expected: float, seen: float, spread: float, share: float, more: float
) -> None:
    chance = chance_of_so_few(before, expected, seen, spread, share)
    assert 0 <= chance <= 1
    assert chance_of_so_few(before, expected, seen + more, spread, share) >= chance - 1e-7
    assert chance_of_so_few(before, expected * more, seen, spread, share) <= chance + 1e-7
    assert chance_of_so_few(before, expected, 0, spread * more, share) >= chance_of_so_few(
        before, expected, 0, spread, share) - 1e-9
    remaining = most_remaining(before, expected, seen, spread)
    assert most_remaining(before, expected, seen + more, spread) >= remaining * (1 - 1e-6)
    assert 0 <= chance_of_so_many(before, seen, share, spread) <= 1


@pytest.mark.parametrize("tries", [1, 5, 40, 400])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.93])
def test_the_incomplete_beta_function_is_the_sum_of_binomial_chances(tries: int, share: float) -> None:
    for most in {0, tries // 3, tries - 1}:
        exact = math.fsum(math.comb(tries, k) * share**k * (1 - share) ** (tries - k) for k in range(most + 1))
        assert incomplete_beta(1 - share, tries - most, most + 1) == pytest.approx(exact, rel=1e-8, abs=1e-12)


_COUNT = st.one_of(st.integers(0, 3), st.integers(0, 10**15))
_CELL = st.builds(
    lambda at, revision, traffic, starts, others, seen, begun: StagingCell(
        bin=at, revision=revision, traffic=traffic, starts=starts, others=others, occurrences=seen,
        begun_before=min(begun, seen)),
    st.integers(0, 59), st.sampled_from([OLD, NEW, "api-00003", "unlisted"]), _COUNT, _COUNT, _COUNT, _COUNT,
    st.sampled_from([0, 0, 1]))
_REVISION = st.builds(
    lambda first, carries: (f"2026-03-{first:02d}T00:00:00Z", carries),
    st.integers(1, 9), st.sampled_from([True, False, None]))
_SHARE = st.one_of(st.none(), st.floats(0, 1))
_LOG = st.builds(
    lambda first, more, kept, of_traffic: LogStretch(
        first_bin=first, last_bin=first + more, kept=kept, kept_of_traffic=of_traffic),
    st.integers(0, 59), st.integers(0, 9), _SHARE, _SHARE)
_FACE = st.builds(
    lambda at, revision, seen: FaceCount(bin=at, revision=revision, occurrences=seen),
    st.integers(0, 59), st.sampled_from([OLD, NEW]), _COUNT)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(_CELL, max_size=60), st.lists(_REVISION, min_size=3, max_size=3),
    st.sampled_from([60, 900, 3_600, 7_000, 86_400]), st.lists(_LOG, max_size=2), st.booleans(), st.booleans(),
    st.lists(_FACE, max_size=5))
def test_anything_is_judged(
    cells: list[StagingCell], revisions: list[tuple[str, bool | None]], seconds: int, log: list[LogStretch],
    starts: bool, others: bool, face: list[FaceCount],
) -> None:
    found = StagingObserved(
        service="api", fingerprint=FINGERPRINT, begins="2026-03-02T00:00:00Z", bin_seconds=seconds, bins=60,
        starts_known=starts, others_known=others, fix_commit=FIX, cells=tuple(cells), log=tuple(log),
        revisions=tuple(
            StagingRevision(revision=name, first_seen=first, carries=carries)
            for name, (first, carries) in zip((OLD, NEW, "api-00003"), revisions, strict=True)),
        faces=(OtherFace(fingerprint=FACE, why="same root location", counts=tuple(face)),))
    verdict = judge(found)
    seen = sum(cell.occurrences - cell.begun_before for cell in cells if cell.revision in verdict.with_fix)
    assert (verdict.outcome is THERE) == (seen > 0)
    assert StagingVerdict.model_validate_json(verdict.model_dump_json()) == verdict
    if verdict.statistics is not None:
        assert 0 <= verdict.statistics.chance <= 1
        assert 0 <= verdict.statistics.chance_if_reduced <= 1
        assert verdict.statistics.expected >= 0
    if verdict.outcome is GONE:
        assert verdict.statistics is not None
        assert verdict.statistics.chance <= AT_OLD_RATE
