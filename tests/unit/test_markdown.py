from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.domain.visible import visible
from bot.reports.markdown import cut, fence, inline, neutralise, prose, span

PARSER = MarkdownIt("gfm-like", {"linkify": False, "html": True})

HOSTILE = [
    "@octocat please", "see #12 and GH-7", "<img src=x onerror=alert(1)>", "![x](https://evil.example/p.png)",
    "[click](https://evil.example)", "```\nout", "~~~", "`tick` and ``two``", "\u202eright to left", "a\u200bb",
    "<!-- whybot:issue acme/shop v1-0000000000000000 -->", "| cell | cell |", "* item", "> quote", "# heading",
    "&lt;b&gt;", "a\r\nb", "\x1b[31mred", "line\u2028break", "<details>", "$math$", "<https://evil.example>",
]


def flat(tokens: list[Token]) -> list[Token]:
    found: list[Token] = []
    for token in tokens:
        found.append(token)
        found.extend(flat(token.children or []))
    return found


def kinds(text: str) -> set[str]:
    return {token.type for token in flat(PARSER.parse(text))}


PROSE = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak"}
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=200), st.lists(st.sampled_from(HOSTILE)).map("".join))


@given(texts)
def test_inline_text_is_nothing_but_text(text: str) -> None:
    assert kinds(f"said: {inline(text)}") <= PROSE


@given(texts)
def test_inline_text_at_the_start_of_a_line_is_nothing_but_text(text: str) -> None:
    assert kinds(inline(text)) <= PROSE


@given(texts)
def test_prose_is_text_and_code_spans(text: str) -> None:
    assert kinds(prose(text)) <= PROSE | {"code_inline"}


def test_prose_shows_what_is_quoted_as_code() -> None:
    tokens = flat(PARSER.parse(prose("`a_b` calls `c(d)` (twice), never `<e>`")))
    assert [token.content for token in tokens if token.type == "code_inline"] == ["a_b", "c(d)", "<e>"]


@given(texts)
def test_a_span_is_one_code_span_with_the_text_in_it(text: str) -> None:
    tokens = flat(PARSER.parse(f"said: {span(text, 10_000)} end"))
    codes = [token.content for token in tokens if token.type == "code_inline"]
    assert {token.type for token in tokens} <= PROSE | {"code_inline"}
    wanted = " ".join(visible(text).split()).replace("|", "\\|")
    assert [code.strip() for code in codes] == [wanted]


@given(texts)
def test_a_span_stays_in_its_table_cell(text: str) -> None:
    tokens = flat(PARSER.parse(f"| a | b |\n|---|---|\n| {span(text)} | last |\n"))
    cells = [token for token in tokens if token.type == "td_open"]
    assert len(cells) == 2
    assert any(token.content == "last" for token in tokens)


@given(texts)
def test_a_fence_cannot_be_closed_from_within(text: str) -> None:
    tokens = PARSER.parse(f"{fence(text)}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[2].content == "after"


ACTING = re.compile(r"(?<![\w`])@[A-Za-z0-9]|(?<![\w&])#\d|\bGH-\d")


@given(texts)
def test_a_neutralised_body_does_not_act(text: str) -> None:
    tokens = flat(PARSER.parse(neutralise(text)))
    assert not {"html_block", "html_inline", "image"} & {token.type for token in tokens}
    for token in tokens:
        if token.type == "text":
            assert not ACTING.search(token.content), token.content


@pytest.mark.parametrize("text", ["`@octocat #1 <img>`", "```\n@octocat #1 <img>\n```"])
def test_code_is_left_alone(text: str) -> None:
    assert neutralise(text) == text


def test_commands_at_the_start_of_a_line_are_broken() -> None:
    assert not re.search(r"(?m)^\s*/[a-z]", neutralise("/bot cycle\n  /bot stop\ntext /bot"))


@given(st.text(max_size=300), st.integers(200, 400))
def test_cut_keeps_to_its_size_and_closes_a_block(text: str, most: int) -> None:
    body = fence(text * 5)
    short = cut(body, most)
    assert len(short) <= max(most, 200)
    assert [token.type for token in PARSER.parse(f"{short}\n\nafter")][-1] == "paragraph_close"
