"""Everything that is published of a cycle in which every text is hostile, as GitHub renders it: text, and our own form.

Each body is rendered twice, by GitHub's cmark-gfm and by markdown-it: nothing in it acts, and its skeleton (headings,
tables, lists, blocks) is that of the same body with harmless words, so that no text becomes a part of the document.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.effects import CheckReport, IssueUpsert, PullRequestUpsert
from bot.domain.logs import Novelty
from bot.domain.publication import Publication, Scope
from bot.domain.record import CycleRecord
from bot.domain.results import Fixed, Proven, TestsAudited
from bot.domain.visible import visible
from bot.engine.publishing.wording import Wording
from bot.reports.documents import DOCUMENTS, documents_of, status_comment
from bot.reports.job_summary import summary_markdown
from bot.reports.replies import audit_text, cycle_text, proof_text
from bot.reports.summary import publication_summary
from bot.reports.tracking import tracking_body
from bot.steps.prove import fix_message
from tests.rendered import Tree, acting, without_own
from tests.security.leaving import check_acts_not, check_no_secret
from tests.security.obedient import HARM
from tests.security.shop import SECRET_LINE
from tests.unit.recheck_records import WORKFLOW
from tests.unit.records import START
from tests.unit.test_markdown import HOSTILE
from tests.unit.whole_records import Say, whole

MOST_BODY = 10_000_000
WORDING = Wording(MOST_BODY, "https://forge.example/acme/shop/actions/runs/7")
FILLED = "(a link of our own)"
OURS = frozenset({"details", "summary"})
FORM = re.compile(r"h[1-6]|table|tr|t[hd]|ul|ol|li|pre|details|summary|blockquote|hr")
KNOWN_BY = re.compile(r"(?:test|function|service)$|^path |^name of a service$")
ACTS = (
    *HOSTILE, *HARM.split("\n"), "x" * 5_000, "\u202e@octocat", "#1\u200b", "\n\n# Heading\n\n",
    "[skip ci]", "***NO_CI***", "\n\nCo-authored-by: Eve <eve@evil.example>\nFixes #1",
)
HARMFUL = (*ACTS, HARM, SECRET_LINE)


def saying(texts: Iterator[str]) -> Say:
    """Speaks with one text after another.

    What runs tests differs, since runs of one command are shown as one. What things are known by (tests, functions,
    files, services) stays the same for a place and differs between places, since each is shown once.
    """
    numbers = itertools.count()
    known: dict[str, str] = {}

    def say(place: str) -> str:
        text = next(texts)
        text = text if text.strip() and visible(text).strip() else "x"
        if KNOWN_BY.search(place):
            return known.setdefault(place, f"{text} {len(known)}")
        return f"{text} {next(numbers)}" if place == "argument" else text

    return say


def harmlessly() -> Say:
    """Says what the place is."""
    numbers = itertools.count()
    return lambda place: f"the {place}{f' {next(numbers)}' if place == 'argument' else ''}"


def bodies(made: CycleRecord) -> Iterator[tuple[str, str]]:
    """Name and text of all that is published, as a forge gets it, and of the documents beside the record."""
    def published(text: str) -> str:
        # Never cut, which would take away of the form: tests/engine/test_publishing_text.py cuts.
        return WORDING.body(text, MOST_BODY, lambda kind, name: FILLED)

    for item in made.effects():
        effect = item.effect
        if isinstance(effect, IssueUpsert | PullRequestUpsert):
            yield effect.effect, published(effect.body)
        if isinstance(effect, IssueUpsert):
            yield "news", published(effect.news) if effect.news else ""
        if isinstance(effect, CheckReport):
            yield "check", published(effect.summary)
    yield "comment", published(status_comment(made, WORKFLOW))
    yield "tracking", published(tracking_body((made,), WORKFLOW))
    audited, proven = made.latest(TestsAudited), made.latest(Proven)
    assert audited is not None
    assert proven is not None
    reason = audited.report.reasons
    yield "answer", published(cycle_text(made, WORKFLOW))
    yield "audit answer", published(audit_text(audited.report, reason, "a" * 40))
    yield "proof answer", published(proof_text(proven.proof, reason, reason))
    yield "job summary", summary_markdown(made, WORKFLOW)
    yield from documents_of(made, WORKFLOW)
    scope = Scope(repository="acme/shop", fingerprint=made.fingerprint, run=made.ref.run, cycle=1)
    kept = Publication(made_at=START, scope=scope, effects=made.effects())
    yield "publication", publication_summary(kept, None, "The ledger is kept.")


def titles(made: CycleRecord) -> Iterator[str]:
    for item in made.effects():
        if isinstance(item.effect, IssueUpsert | PullRequestUpsert | CheckReport):
            yield WORDING.title(item.effect.title)


def form(body: str) -> list[str]:
    return [tag for tag in Tree(body).tags if FORM.fullmatch(tag)]


PICTURES = {"issue": 1, "job summary": 1, "status.md": 2, "incident.md": 3}
"""How many pictures each has."""
PLAIN = {
    novelty: dict(bodies(whole(harmlessly(), novelty, cycles=10)))
    for novelty in (Novelty.NEW, Novelty.REGRESSED)
}


def check_all(say: Say, novelty: Novelty = Novelty.REGRESSED) -> None:
    made = whole(say, novelty, cycles=10)
    for name, whole_body in bodies(made):
        body, pictures = without_own(whole_body)
        assert pictures == PICTURES.get(name, 0), name
        assert list(acting(body, OURS)) == [], name
        check_acts_not(body)
        check_no_secret(body)
        assert form(body) == form(without_own(PLAIN[novelty][name])[0]), name
    for title in titles(made):
        assert list(acting(title)) == []
        assert "\n" not in title
    for item in made.effects():
        if isinstance(item.effect, CheckReport):
            assert item.effect.annotations
            for remark in item.effect.annotations:
                for text in (remark.title, remark.message):
                    assert "\n" not in text
                    assert visible(text) == text
                    check_no_secret(text)
    check_message(made)


def check_message(made: CycleRecord) -> None:
    """A commit's message calls nobody, closes nothing, stops no CI, and has the one trailer that is ours."""
    fixed = made.latest(Fixed)
    assert fixed is not None
    assert fixed.patch is not None
    message = fix_message(made, fixed.patch.summary)
    assert not re.search(r"@\w|#\d|\bGH-\d|://|\[(?:skip|ci|no)\b|\*NO_CI", message, re.IGNORECASE)
    subject, blank, said, after, trailer, end = message.split("\n")
    assert (blank, after, end) == ("", "", "")
    assert subject.startswith("Fix")
    assert said.startswith("As the model describes it: ")
    assert trailer == f"Whybot-Cycle: {made.ref}"
    check_no_secret(message)


@pytest.mark.parametrize("novelty", list(PLAIN), ids=str)
def test_every_body_is_there(novelty: Novelty) -> None:
    assert len(PLAIN[novelty]) == 11 + len(DOCUMENTS)
    assert all(body or (name == "news" and novelty is Novelty.NEW) for name, body in PLAIN[novelty].items())
    assert all(FILLED in PLAIN[novelty][name] for name in ("comment", "tracking", "pull_request", "check", "answer")), (
        "our own links are filled in")


@pytest.mark.parametrize("first", range(0, len(HARMFUL), 5))
def test_each_hostile_text_in_many_places(first: int) -> None:
    check_all(saying(itertools.cycle((*HARMFUL[first:], *HARMFUL[:first]))))


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(st.lists(st.one_of(
    st.sampled_from(HARMFUL), st.lists(st.sampled_from(ACTS), max_size=4).map("".join), st.text(max_size=60),
), min_size=3, max_size=25), st.sampled_from(list(PLAIN)))
def test_hostile_texts_in_any_order(texts: list[str], novelty: Novelty) -> None:
    check_all(saying(itertools.cycle(texts)), novelty)


def naked(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("shown", [str.strip, naked], ids=["whole", "on one line"])
@pytest.mark.parametrize("name", ["inline", "prose"])
def test_these_checks_see_what_a_template_lets_through(
    name: str, shown: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a filter that shows text as it is, and without the second line of defence."""
    from bot.reports import rendering

    rendering._environment.cache_clear()
    monkeypatch.setattr(rendering, name, lambda text, most=600, cell=False: shown(text))
    monkeypatch.setattr("bot.engine.publishing.wording.neutralise", str)
    try:
        with pytest.raises(AssertionError):
            check_all(saying(itertools.cycle(HARMFUL)))
    finally:
        rendering._environment.cache_clear()
