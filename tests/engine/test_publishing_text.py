"""The bot's part of a body, and where a long one is cut: pure, so tried with whatever people may write."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.effects import IssueKey, markers_in
from bot.domain.publication import Scope
from bot.engine.publishing.cutting import shortened
from bot.engine.publishing.region import HINT, MOST, Said, digest_of, place_in, same
from bot.engine.publishing.wording import Wording
from bot.reports.markdown import FOLD, UNFOLD, neutralise

KEY = IssueKey(repository="acme/shop", fingerprint="v1-0123456789abcdef")
KEYS = {str(KEY)}
RUN = "20251107T081500Z-0a1b2c"
NOTE = "*Cut here.*"


def nothing(kind: str, name: str) -> str:
    return ""


# What people write around the bot's part

PEOPLES = st.text(
    st.sampled_from("ab \t#*`>-|<!@[]()é\u2060\n"), max_size=60
) | st.sampled_from([
    "```\nopen", "<details>", HINT, f"{HINT}\n", "<!-- whybot:issue acme/shop v1-ffffffffffffffff -->\n",
    "<!-- whybot:/issue acme/shop v1-ffffffffffffffff -->", "| a |\n|---|", "\n\n\n", "",
])
TEXTS = st.text(st.sampled_from("ab #`\n"), max_size=40)
SAYS = st.builds(
    Said, run=st.none() | st.just(RUN), cycle=st.none() | st.integers(1, 10), title=st.sampled_from(["", "0123456789"]),
    priority=st.none() | st.sampled_from(["P0", "P3"]), reopened=st.booleans(), pinned=st.booleans(),
)


@given(above=PEOPLES, below=PEOPLES, first=TEXTS, second=TEXTS, said=SAYS, hint=st.booleans(), web=st.booleans())
@example(above="Update", below="", first="a", second="b", said=Said(), hint=True, web=True)
@settings(deadline=None, max_examples=150)
def test_what_people_write_around_it_is_kept_to_the_letter(
    above: str, below: str, first: str, second: str, said: Said, hint: bool, web: bool
) -> None:
    made = place_in("", ()).filled(str(KEY), first, said, hint)
    # Right before the hint is as good as above it; a marker alone has to begin its line.
    if not hint:
        above = above.replace(HINT, "") + ("\n" if above and not above.endswith("\n") else "")
    edited = above + made + below
    if web:
        # A form of GitHub's pages sends all line ends so.
        edited = edited.replace("\r\n", "\n").replace("\n", "\r\n")
        above, below = above.replace("\n", "\r\n"), below.replace("\n", "\r\n")
    place = place_in(edited, KEYS)
    assert place.said == said
    again = place.filled(str(KEY), second, said, hint)
    assert again.startswith(above)
    assert again.endswith(below)
    assert str(KEY) in markers_in(again)
    assert second in again
    own = again.removeprefix(above).removesuffix(below)
    assert (own.count(HINT), own.count("<!-- whybot:")) == (int(hint), 2)
    assert place_in(again, KEYS).filled(str(KEY), second, said, hint) == again, "once more changes nothing"


@pytest.mark.parametrize("spoilt", [
    "run=x", "cycle=0", "cycle=ten", "priority=P9", "reopened=perhaps", "run=20251107T081500Z-0a1b2c cycle=-1",
])
def test_what_somebody_spoilt_is_not_remembered(spoilt: str) -> None:
    body = f"<!-- whybot:{KEY} -->\n\nx\n\n<!-- whybot:/{KEY}; {spoilt} -->"
    assert place_in(body, KEYS) == ("", "", None)


def test_words_of_a_later_version_are_no_matter() -> None:
    body = f"<!-- whybot:{KEY} -->\n\nx\n\n<!-- whybot:/{KEY}; run={RUN} cycle=2 mood=good and -->"
    assert place_in(body, KEYS).said == Said(run=RUN, cycle=2)


def test_who_wrote_it() -> None:
    scope = Scope(repository="acme/shop", run=RUN, cycle=2)
    assert Said(run=RUN, cycle=2).by(scope)
    assert not Said(run=RUN, cycle=1).by(scope)
    assert not Said().by(Scope(repository="acme/shop"))
    assert [Said(run=RUN, cycle=cycle).after(scope) for cycle in (1, 2, 3)] == [False, False, True]
    assert Said(run="20251107T081501Z-0a1b2c", cycle=1).after(scope)
    assert not Said().after(scope)


def test_room_is_what_people_leave() -> None:
    empty = place_in("", ())
    assert empty.room(60_000) == 60_000
    full = place_in("x" * 65_000, ())
    assert full.room(60_000) == 0
    some = place_in("x" * 60_000, ())
    assert 0 < some.room(60_000) < MOST - 60_000
    longest = Said(run=RUN, cycle=10, title="0123456789ab", priority="P0", reopened=True, pinned=True)
    key = f"pull_request {'a' * 39}/{'b' * 100} v1-0123456789abcdef {RUN} 10 {'m' * 31}"
    assert len(some.filled(key, "y" * some.room(60_000), longest)) <= MOST


def test_titles_and_bodies_are_compared_as_a_reader_sees_them() -> None:
    assert same("a\r\nb\r\n", "a\nb")
    assert not same("a\n\nb", "a\nb")
    assert digest_of(" t ") == digest_of("t") != digest_of("u")


# Where a long text is cut

LINE = st.sampled_from(["a sentence with `a span`", "word", "- item", "| a | b |", "**bold**", "1. one", "x" * 70])
FENCE = st.builds(
    lambda ticks, lines: "\n".join([ticks + "text", *lines, ticks]), st.sampled_from(["```", "````", "~~~"]),
    st.lists(LINE | st.sampled_from(["", "## no heading", "```text", FOLD]), max_size=6),
)
TABLE = st.lists(st.just("| cell | `a \\| b` |"), min_size=1, max_size=6).map(
    lambda rows: "\n".join(["| a | b |", "|---|---|", *rows]))
BLOCK = st.one_of(LINE, FENCE, TABLE, st.sampled_from(["## A heading", "### Another"]),
                  st.lists(LINE, min_size=1, max_size=5).map("\n".join))
DOCUMENT = st.lists(BLOCK, max_size=12).flatmap(
    lambda blocks: st.integers(0, len(blocks)).map(
        lambda at: "\n\n".join((*blocks[:at], *((FOLD, *blocks[at:], UNFOLD) if len(blocks) % 2 else blocks[at:])))))


@given(DOCUMENT, st.integers(60, 700))
@settings(deadline=None, max_examples=150)
def test_a_text_is_cut_after_whole_lines_with_nothing_left_open(document: str, most: int) -> None:
    text = neutralise(document)
    cut = shortened(text, most, NOTE)
    assert len(cut) <= most
    if len(text) <= most:
        assert cut == text
        return
    assert cut.endswith(NOTE)
    kept = cut.removesuffix(NOTE).rstrip("\n")
    assert neutralise(kept) == kept, "nothing is open, and what was harmless is"
    lines, whole = kept.split("\n"), text.split("\n")
    same_lines = next((n for n, pair in enumerate(zip(lines, whole, strict=False)) if pair[0] != pair[1]), len(lines))
    assert all(line in {"", UNFOLD, "```", "````", "~~~"} for line in lines[same_lines:]), "lines of another place"
    assert kept.split("\n").count(FOLD) == text.split("\n")[:same_lines].count(FOLD)


def paragraphs(count: int) -> str:
    return "\n\n".join(f"Paragraph {number} of some length, so that there are not many." for number in range(count))


def test_a_heading_is_the_best_place_then_a_paragraph_then_a_line() -> None:
    text = f"{paragraphs(8)}\n\n## Second part\n\n{paragraphs(8)}"
    at = text.index("## Second")
    assert shortened(text, at + 100, NOTE) == f"{text[:at - 2]}\n\n{NOTE}"
    far = shortened(text, at + 330, NOTE)
    assert "## Second part" in far
    assert far.endswith(f"so that there are not many.\n\n{NOTE}")
    rows = "| a |\n|---|\n" + "\n".join(f"| row {number} |" for number in range(60))
    assert re.fullmatch(r"\| a \|\n\|---\|\n(\| row \d+ \|\n)+\n\*Cut here\.\*", shortened(rows, 200, NOTE))
    assert shortened("x" * 300, 100, NOTE) == NOTE
    block = "```text\n" + "line\n" * 60 + "```"
    assert shortened(block, 100, NOTE).endswith(f"line\n```\n\n{NOTE}")


def test_a_cut_body_links_to_the_record() -> None:
    url = "https://github.com/acme/shop/actions/runs/17"
    text = paragraphs(40)
    for given_url, said in ((url, f"[the record]({url})"), ("", "the files of the run"),
                            ("javascript:alert(1)", "the files of the run"), (f"{url}) [x](y", "the files of the run")):
        body = Wording(1_000, given_url).body(text, 60_000, nothing, "Fixes #1")
        assert body.endswith(f"*Cut here. The whole is in {said}.*\n\nFixes #1")
        assert len(body) <= 1_000
    assert len(Wording(60_000).body(text, 500, nothing)) <= 500


def test_titles() -> None:
    wording = Wording(1_000)
    assert wording.title("a\n```\n@all  b\u202e") == "a ``` @\u2060all b\\u{202e}"
    assert wording.title(" \n") == "whybot"
    assert len(wording.title("x " * 300)) <= 250
