"""Honest answers pass the gate, whole; and any one of them with a single thing changed does not."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.evidence import Citation, CodeCitation, Confidence, LogCitation, Support
from bot.domain.proposals import ProposedWhys
from bot.domain.results import Conclusion
from bot.evidence.code import CodeAt
from bot.evidence.whys import NO_CULPRIT, check_whys, paths_used
from tests.unit.whys_honest import HONEST
from tests.unit.whys_scenes import Scene

CLAIMING = sorted(name for name, (scene, make) in HONEST.items() if make(scene()).whys)
DIGITS = [(name, number, match.start()) for name in CLAIMING for scene, make in (HONEST[name],)
          for number, why in enumerate(make(scene()).whys) for match in re.finditer(r"\d", why.statement)]
BOUNDED = settings(max_examples=100, deadline=None)


def of(name: str) -> tuple[Scene, ProposedWhys]:
    scene, make = HONEST[name]
    return scene(), make(scene())


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_answer_is_believed(name: str) -> None:
    scene, proposed = of(name)
    found = check_whys(proposed, scene.ground)
    result = found.result

    assert found.failures == ()
    assert [why.support for why in result.whys] == [Support.CITED] * len(proposed.whys)
    assert all(why.confidence not in {Confidence.NONE, None} for why in result.whys)
    assert all(why.reason == "" and why.unheld == () for why in result.whys)
    kept = (*result.ruled_out, *(item for why in result.whys for item in why.ruled_out))
    assert [item.support for item in kept] == [Support.CITED] * len(kept)
    assert len(result.ruled_out) == len(proposed.ruled_out)
    if proposed.root_cause is not None:
        assert result.root_cause is not None
        assert (result.root_cause.support, result.root_cause.reason) == (Support.CITED, "")
        assert result.root_cause.not_caught == proposed.root_cause.not_caught
    if not proposed.whys:
        assert (result.conclusion, result.stopped) == (Conclusion.NO_CULPRIT, NO_CULPRIT)


@pytest.mark.parametrize("name", HONEST)
def test_the_check_is_the_same_with_the_files_that_it_used_alone(name: str) -> None:
    scene, proposed = of(name)
    code = scene.ground.code
    assert code is not None
    kept = {path: scene.files[path] for path in paths_used(proposed, scene.ground)}
    alone = scene.ground._replace(code=CodeAt(code.commit, kept.get, code.files, lambda text: text))
    assert check_whys(proposed, alone) == check_whys(proposed, scene.ground)


def test_confidence_is_what_the_checks_say() -> None:
    found = {name: [why.confidence for why in check_whys(proposed, scene.ground).result.whys]
             for name, (scene, proposed) in ((name, of(name)) for name in CLAIMING)}
    # A log line and the code that wrote it; code alone; a cause on log lines alone, and later ones.
    assert found["demo_one_why"] == [Confidence.HIGH]
    assert found["demo_as_scripted"] == [Confidence.HIGH, Confidence.HIGH] + [Confidence.MEDIUM] * 3
    assert found["demo_absence"] == [Confidence.LOW, Confidence.LOW]


def with_citation(proposed: ProposedWhys, number: int, place: int, citation: Citation) -> ProposedWhys:
    why = proposed.whys[number]
    citations = (*why.citations[:place], citation, *why.citations[place + 1:])
    changed = why.model_copy(update={"citations": citations})
    return proposed.model_copy(update={"whys": (*proposed.whys[:number], changed, *proposed.whys[number + 1:])})


def refused(proposed: ProposedWhys, scene: Scene, number: int) -> None:
    result = check_whys(proposed, scene.ground).result
    assert len(result.whys) <= number + 1
    assert result.whys[-1].support is Support.UNPROVEN
    assert result.whys[-1].confidence is Confidence.NONE


def places(scene: Scene, citation: Citation) -> list[str]:
    if isinstance(citation, LogCitation):
        return [entry.text for entry in scene.ground.entries if entry.insert_id == citation.insert_id]
    return [scene.files[citation.path].split("\n")[citation.line - 1]]


@BOUNDED
@given(st.sampled_from(CLAIMING), st.integers(0, 4), st.integers(0, 11), st.integers(0, 300),
       st.one_of(st.characters(), st.sampled_from("аеорсіΟ\u200b\u00a0’“0O1l")))
def test_one_other_character_in_a_quote(name: str, number: int, place: int, at: int, other: str) -> None:
    scene, proposed = of(name)
    number %= len(proposed.whys)
    place %= len(proposed.whys[number].citations)
    citation = proposed.whys[number].citations[place]
    at %= len(citation.quote)
    quote = citation.quote[:at] + other + citation.quote[at + 1:]
    assume(all(quote not in text for text in places(scene, citation)))
    refused(with_citation(proposed, number, place, citation.model_copy(update={"quote": quote})), scene, number)


@BOUNDED
@given(st.sampled_from(DIGITS), st.sampled_from("0123456789"))
def test_one_other_digit_in_a_statement(which: tuple[str, int, int], digit: str) -> None:
    name, number, place = which
    scene, proposed = of(name)
    why = proposed.whys[number]
    statement = why.statement[:place] + digit + why.statement[place + 1:]
    assume(statement != why.statement)
    run = next(match.group() for match in re.finditer(r"\d+", statement) if match.start() <= place < match.end())
    cited = [citation for one in proposed.whys[:number + 1] for citation in one.citations]
    pages = [item for item in scene.ground.pack.items if any(
        isinstance(citation, LogCitation) and item.ref == citation.insert_id for citation in cited)]
    known = repr((cited, [places(scene, citation) for citation in cited], [item.time for item in pages]))
    known += "".join(repr((entry.time_ns // 1_000_000_000, entry.revision, entry.instance))
                     for citation in cited if isinstance(citation, LogCitation)
                     for entry in scene.ground.entries if entry.insert_id == citation.insert_id)
    clock = "".join(f"{(entry.time_ns // 10**9) % 86_400 // 3600:02}:{(entry.time_ns // 10**9) % 3600 // 60:02}:"
                    f"{(entry.time_ns // 10**9) % 60:02}.{entry.time_ns % 10**9:09} "
                    for citation in cited if isinstance(citation, LogCitation)
                    for entry in scene.ground.entries if entry.insert_id == citation.insert_id)
    assume(str(int(run)) not in known + clock)
    changed = proposed.model_copy(update={"whys": (
        *proposed.whys[:number], why.model_copy(update={"statement": statement}), *proposed.whys[number + 1:])})
    refused(changed, scene, number)


@BOUNDED
@given(st.sampled_from(CLAIMING), st.integers(0, 60), st.integers(0, 60))
def test_swapped_insert_ids(name: str, one: int, other: int) -> None:
    scene, proposed = of(name)
    found = [(number, place, citation) for number, why in enumerate(proposed.whys)
             for place, citation in enumerate(why.citations) if isinstance(citation, LogCitation)]
    assume(len(found) > 1)
    (first, place, left), (second, other_place, right) = found[one % len(found)], found[other % len(found)]
    assume(left.insert_id != right.insert_id)
    swapped = (left.model_copy(update={"insert_id": right.insert_id}),
               right.model_copy(update={"insert_id": left.insert_id}))
    wrong = [number for number, citation in ((first, swapped[0]), (second, swapped[1]))
             if all(citation.quote not in text for text in places(scene, citation))]
    assume(wrong)
    changed = with_citation(with_citation(proposed, first, place, swapped[0]), second, other_place, swapped[1])
    refused(changed, scene, min(wrong))


@BOUNDED
@given(st.sampled_from(CLAIMING), st.integers(0, 60), st.integers(-400, 400).filter(bool))
def test_drifted_lines(name: str, which: int, drift: int) -> None:
    scene, proposed = of(name)
    found = [(number, place, citation) for number, why in enumerate(proposed.whys)
             for place, citation in enumerate(why.citations) if isinstance(citation, CodeCitation)]
    assume(found)
    number, place, citation = found[which % len(found)]
    lines = scene.files[citation.path].split("\n")
    line = citation.line + drift
    assume(not 1 <= line <= len(lines) or citation.quote not in lines[line - 1])
    refused(with_citation(proposed, number, place, citation.model_copy(update={"line": line})), scene, number)
