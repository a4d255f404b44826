from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.domain.visible import visible
from bot.reports.markdown import cell, cut, fence, inline, neutralise, prose, span

PARSER = MarkdownIt("gfm-like", {"linkify": False, "html": True})

HOSTILE = [
    "@octocat please", "see #12 and GH-7", "<img src=x onerror=alert(1)>", "![x](https://evil.example/p.png)",
    "[click](https://evil.example)", "```\nout", "~~~", "`tick` and ``two``", "\u202eright to left", "a\u200bb",
    "<!-- whybot:issue acme/shop v1-0000000000000000 -->", "| cell | cell |", "* item", "> quote", "# heading",
    "&lt;b&gt;", "a\r\nb", "\x1b[31mred", "line\u2028break", "<details>", "$math$", "<https://evil.example>",
    "`@octocat`", "\\`@octocat`", "` x\n` @octocat `", "| ` | @octocat ` |\n|---|---|\n", "``` `\n@octocat",
    "  ```\n@octocat", "_GH-7_", "_www.evil.example_",
    "- ```\n  ```\n@octocat", "```\n```\u00a0\n```\n@octocat", "[a](`) @octocat ` x", "<https://x`y> @octocat `",
    "https://x` @octocat `", "[x]: https://evil.example\n", "[x]", "www.evil.example", "WWW.evil.example",
    "someone@evil.example", "https:\\//evil.example", "&#64;octocat", "&commat;octocat", "\\\\&commat;octocat",
    "_@octocat_", "octo/repo#12", "https://github.com/octo/repo/issues/1", "GH\\-7", "gh-7", "\\", "`", "|", "a \\| b",
    "\n", " ", "~~~ `",
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


def test_prose_keeps_the_spaces_about_code() -> None:
    assert prose("calls `f` twice") == "calls `f` twice"
    assert prose("`f` `g`: `h`, x_y  `i`") == "`f` `g`: `h`, x\\_y `i`"
    assert prose("- a `b`") == "\\- a `b`"


@given(texts)
def test_a_span_is_one_code_span_with_the_text_in_it(text: str) -> None:
    tokens = flat(PARSER.parse(f"said: {span(text, 10_000)} end"))
    codes = [token.content for token in tokens if token.type == "code_inline"]
    assert {token.type for token in tokens} <= PROSE | {"code_inline"}
    wanted = " ".join(visible(text).split())
    assert [code.strip() for code in codes] == [wanted]


@given(texts)
def test_a_span_stays_in_its_table_cell(text: str) -> None:
    for shown in (cell(text), inline(text), prose(text, cell=True)):
        tokens = flat(PARSER.parse(f"| a | b |\n|---|---|\n| {shown} | last |\n"))
        assert len([token for token in tokens if token.type == "td_open"]) == 2
        assert any(token.content == "last" for token in tokens)
        # GitHub's parser, other than this one, takes `\\` for a pair, so that a pipe behind it splits the cell.
        assert not re.search(r"(?<!\\)(?:\\\\)*\|", shown)


def test_only_a_cell_escapes_pipes_in_code() -> None:
    assert span("a|b") == "`a|b`"
    assert cell("a|b") == "`a\\|b`"
    assert prose("calls `a|b` now") == "calls `a|b` now"
    assert prose("calls `a|b` now", cell=True) == "calls `a\\|b` now"
    tokens = flat(PARSER.parse(f"| a |\n|---|\n| {cell('a|b')} |\n"))
    assert [token.content for token in tokens if token.type == "code_inline"] == ["a|b"]


@given(texts)
def test_a_fence_cannot_be_closed_from_within(text: str) -> None:
    tokens = PARSER.parse(f"{fence(text)}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[2].content == "after"


ACTING = re.compile(r"@[A-Za-z0-9]|#\d|\bGH-\d|://|\bwww\.", re.IGNORECASE)
LIVE = {"html_block", "html_inline", "image", "link_open"}


def check_it_does_not_act(body: str) -> None:
    tokens = flat(PARSER.parse(body))
    assert not LIVE & {token.type for token in tokens}
    for token in tokens:
        if token.type == "text":
            assert not ACTING.search(token.content), token.content


@settings(max_examples=400)
@given(texts)
def test_a_neutralised_body_does_not_act(text: str) -> None:
    check_it_does_not_act(neutralise(text))


@given(texts)
def test_neutralised_inline_text_is_nothing_but_text(text: str) -> None:
    body = neutralise(inline(text))
    assert kinds(body) <= PROSE
    check_it_does_not_act(body)


@given(texts)
def test_neutralised_prose_is_text_and_code_spans(text: str) -> None:
    body = neutralise(prose(text))
    assert kinds(body) <= PROSE | {"code_inline"}
    check_it_does_not_act(body)


@given(texts)
def test_what_is_neutralised_stays_so(text: str) -> None:
    check_it_does_not_act(neutralise(neutralise(text)))


@given(texts, st.integers(200, 400))
def test_a_body_that_was_cut_does_not_act(text: str, most: int) -> None:
    check_it_does_not_act(cut(neutralise(text * 9), most))


@pytest.mark.parametrize("text", ["see https://evil.example/x", "www.evil.example", "to a@evil-host", "http://[::1]/"])
def test_addresses_are_no_links_in_quoted_text(text: str) -> None:
    for shown in (inline(text), prose(text)):
        check_it_does_not_act(shown)
        assert "".join(token.content for token in flat(PARSER.parse(shown)) if token.type == "text").replace(
            "\u2060", ""
        ) == text


def test_secrets_are_taken_out_before_their_patterns_are_broken() -> None:
    for shown in (inline("postgres://app:hunter2pass@db/x"), prose("at postgres://app:hunter2pass@db/x `f`")):
        assert "hunter2pass" not in shown


def test_an_open_block_is_closed() -> None:
    assert neutralise("```\ntext") == "```\ntext\n```"


@pytest.mark.parametrize("text", [
    "`@octocat #1 <img>`", "```\n@octocat #1 <img>\n```", "x `a` | `@b` y", "| `a \\| @b` |\n|---|",
])
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
