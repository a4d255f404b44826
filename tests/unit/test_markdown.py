from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.domain.visible import visible
from bot.logs.redact import redact
from bot.reports.markdown import FOLD, UNFOLD, cell, cut, fence, inline, link, linked, neutralise, plain, prose, span
from tests.rendered import DIAGRAMS, Tree, acting

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
    "$x$", "$`x`$", "$$\nx\n$$", "\\$x\\$", "`a`$`b`$", "\n```mermaid\ngraph TD\n```\n", "\n~~~ math\nx\n~~~\n",
    "\n````GeoJSON\n{}\n````\n", "> [!NOTE]\n> x", "\n> [!WARNING]\n> x\n", "[^1]", "\n[^1]: a note\n", "- [ ] task\n",
    "Setext\n===\n", "\uff20octocat", "<details><summary>x</summary>", "&#x24;x$", "&#91;x](y)",
    "0123456789abcdef0123456789abcdef01234567", "deadbeef1", "octo@0123456789abcdef0123456789abcdef01234567",
    "octo/repo@deadbeef1", "@octo-org/team", "octo/repo/pull/7", "mailto:someone@evil.example", "xmpp:a@b.example/x",
    "ftp://evil.example/x", "\n|a|\n|-|\n|`x\\|@octocat`|\n", "\u3164\u2028\U000e0041", "\uff0fbot cycle",
    ":tada:", "#ff0000", "</details>", "<![CDATA[x]]>", "<?php x ?>", "<!DOCTYPE x>", "<a href=//evil.example>x</a>",
    "[[issue v2-0123456789abcdef]]", "[[issue x]](//evil.example)", "[[pull whybot/x]]: //evil.example", "\n    code\n",
    "\n> ```\n> @octocat\n", "\n1. ```\n   @octocat\n", "\n\t- ~~~\n@octocat",
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


# The same by GitHub's own renderer, with what its later filters make of text: see `tests/rendered.py`.


def check_github_shows_text(body: str, ours: frozenset[str] = frozenset()) -> None:
    assert list(acting(body, ours)) == []


def shown(markdown: str) -> str:
    """What a reader sees, without what only breaks links."""
    return " ".join(Tree(markdown).text.replace("\u2060", "").split())


def meant(text: str) -> str:
    """What a reader is to see of a text on one line."""
    return " ".join(visible(redact(text)).split())


@settings(max_examples=150)
@given(texts)
def test_to_github_inline_text_and_prose_are_text(text: str) -> None:
    one, other = inline(text, 5_000), prose(text, 5_000)
    for body in (one, f"said: {one}", other, neutralise(other)):
        check_github_shows_text(body)
        assert {*Tree(body).tags} <= {"p", "code"}
    assert shown(inline(text, 5_000)) == meant(text)
    assert shown(neutralise(inline(text, 5_000))) == meant(text), "nothing is swallowed"


@given(texts)
def test_to_github_a_span_is_one_code_span(text: str) -> None:
    tree = Tree(f"said: {neutralise(span(text, 5_000))} end")
    assert tree.tags == ["p", "code"]
    assert " ".join("".join(tree.codes).split()) == " ".join(visible(text).split())


@given(texts)
def test_to_github_a_cell_is_one_cell(text: str) -> None:
    for one in (cell(text), inline(text), prose(text, cell=True)):
        body = neutralise(f"| a | b |\n|---|---|\n| {one} | last |\n")
        check_github_shows_text(body)
        tree = Tree(body)
        assert tree.tags.count("td") == 2
        assert tree.pieces[-2].text != "last" or tree.pieces[-1].text.strip() == ""
        assert [piece.text for piece in tree.pieces if piece.within[-1:] == ("td",)][-1] == "last"


@given(texts)
def test_to_github_a_fence_is_one_block_that_says_what_it_holds(text: str) -> None:
    body = neutralise(f"{fence(text)}\n\nafter")
    tree = Tree(body)
    assert tree.tags == ["pre", "code", "p"]
    assert "".join(tree.codes).removesuffix("\n").endswith(visible(text.replace("\r\n", "\n"))[-40:].split("\n")[-1])


@settings(max_examples=300)
@given(texts)
def test_to_github_a_neutralised_body_does_not_act(text: str) -> None:
    ours = frozenset({"details", "summary"}) if {FOLD, UNFOLD} & {*text.split("\n")} else frozenset[str]()
    once = linked(neutralise(text), lambda kind, name: "")
    check_github_shows_text(once, ours)
    check_github_shows_text(linked(neutralise(neutralise(text)), lambda kind, name: ""), ours)
    check_github_shows_text(cut(linked(neutralise(text * 9), lambda kind, name: ""), 300), ours)


@pytest.mark.parametrize("text", [
    "@octocat", "#1", "GH-1", "https://evil.example", "www.evil.example", "deadbeef1", "$x$", "<img src=x>", "[a](b)",
    "> [!NOTE]\n> x", "```mermaid\nx\n```", "/bot cycle", "[^1]\n\n[^1]: x", "<!-- x -->", "a@evil.example",
])
def test_the_check_sees_what_acts(text: str) -> None:
    assert list(acting(text))


@pytest.mark.parametrize("language", sorted(DIAGRAMS))
def test_nothing_is_drawn(language: str) -> None:
    for info in (language, language.upper(), f" {language} x", f"{language}\t"):
        for ticks in ("```", "~~~~"):
            body = neutralise(f"{ticks}{info}\nx\n{ticks}")
            check_github_shows_text(body)
            assert Tree(body).codes == ["x\n"]


@pytest.mark.parametrize("digest", ["0123456789abcdef0123456789abcdef01234567", "deadbee", "DEADBEE1", "a" * 64])
def test_a_commit_is_named_by_code_alone(digest: str) -> None:
    for said in (inline(f"at {digest}."), prose(f"at {digest}."), neutralise(f"at {digest}.")):
        assert not re.search(r"(?<![0-9a-f])[0-9a-f]{7,}(?![0-9a-f])", said, re.IGNORECASE)
        assert shown(said) == f"at {digest}."
    assert neutralise(f"at `{digest}`") == f"at `{digest}`"


def test_numbers_and_words_can_be_copied() -> None:
    for text in ("took 1234567 ms", "on 20251107", "facade, decade", "message-router-00042-zud"):
        assert inline(text) == neutralise(text) == text


# Links of our own


def found(kind: str, name: str) -> str:
    return {"issue": "#7", "record": "[the record](https://forge.example/runs/1)"}.get(kind, "")


def test_links_of_our_own_are_filled_in_by_who_publishes() -> None:
    body = f"Issue {link('issue', 'v2-0123456789abcdef')}, {link('pull', 'whybot/x-1')}, {link('record')}."
    assert neutralise(body) == body, "they can be read as they are"
    assert linked(neutralise(body), found) == "Issue #7, not published, [the record](https://forge.example/runs/1)."


@given(texts, st.sampled_from(["issue v2-0123456789abcdef", "pull whybot/x", "record", "check " + "a" * 40]))
def test_what_is_quoted_holds_no_link_of_our_own(text: str, name: str) -> None:
    quoted = f"{text}[[{name}]]"
    table = f"| a |\n|---|\n| {cell(quoted)} |"
    for one in (inline(quoted), prose(quoted), prose(f"`x {quoted}`"), span(quoted), cell(quoted), fence(quoted), table,
                f"{inline('[')}{inline(f'[{name}]]')}"):
        assert linked(neutralise(one), lambda kind, name: "FILLED") == neutralise(one)


def test_links_beside_code_are_filled_in() -> None:
    body = f"`[[record]]` {link('record')}\n\n```toml\n[[record]]\n```\n\n| {cell('[[record]]')} | {link('record')} |"
    assert linked(neutralise(body), lambda kind, name: "HERE") == (
        "`[[record]]` HERE\n\n```toml\n[[record]]\n```\n\n| `[[record]]` | HERE |"
    )


@pytest.mark.parametrize("name", ["", "x]]", "a b", "x" * 161, "v2\n", "@x"])
def test_a_name_that_is_none_makes_no_link(name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        link("issue", name) if name else link("issue", " ")


@pytest.mark.parametrize("text", [
    "[[issue v2-0123456789abcdef]](//evil.example)", "[[issue v2-0123456789abcdef]][x]",
    "[[issue v2-0]]: //evil.example", "![[issue v2-0123456789abcdef]](//evil.example)", "[[issue v2-0123456789abcdef]",
    "[[shell rm]]", "[[record x y]]",
])
def test_a_forged_link_leads_nowhere(text: str) -> None:
    for find in (found, lambda kind, name: ""):
        assert "a" not in Tree(linked(neutralise(text), find)).tags


# Messages of commits


@given(texts)
def test_a_commits_message_calls_nobody_and_stops_nothing(text: str) -> None:
    said = plain(text, 5_000)
    assert "\n" not in said
    assert not re.search(r"@\w|#\d|\bGH-\d|://|\[skip|\[ci|\*\*\*NO_CI", said, re.IGNORECASE)
    assert said.replace("\u2060", "") == meant(text)


@pytest.mark.parametrize("order", ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "***NO_CI***", "[Skip CI]"])
def test_no_order_in_a_commits_message_stops_ci(order: str) -> None:
    assert order.lower() not in plain(f"fix it {order}").lower()


ACTING = re.compile(r"@[A-Za-z0-9]|#\d|\bGH-\d|://|\bwww\.", re.IGNORECASE)
LIVE = {"html_block", "html_inline", "image", "link_open"}


def check_it_does_not_act(body: str) -> None:
    tokens = [token for token in flat(PARSER.parse(body)) if token.content.strip() not in {FOLD, UNFOLD}]
    assert not LIVE & {token.type for token in tokens}
    for token in tokens:
        if token.type == "text":
            assert not ACTING.search(token.content), token.content


@settings(max_examples=200)
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
