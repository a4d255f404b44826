from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from bot.adapters.front_matter import parse, render
from bot.domain.base import Frozen


class Head(Frozen):
    number: Annotated[int, Field(ge=1)]
    title: str
    labels: tuple[str, ...] = ()


TEXT = st.text(st.characters(exclude_categories=("Cs",)))


def test_it_reads_like_markdown() -> None:
    assert render(Head(number=7, title='A "title": yes', labels=("bug", "ünï")), "Hello\n") == (
        '---\nnumber: 7\ntitle: "A \\"title\\": yes"\nlabels: ["bug", "ünï"]\n---\n\nHello\n\n'.encode()
    )


@given(TEXT, st.lists(TEXT), TEXT)
def test_what_was_written_is_read(title: str, labels: list[str], body: str) -> None:
    head = Head(number=1, title=title, labels=tuple(labels))
    assert parse(render(head, body), Head) == (head, body)


@pytest.mark.parametrize("body", [
    "", "\n", "\n\n", "---\n", "\n---\nnumber: 2\n---\n", "a\r\nb\r", "\x85\u2028", "\ufeff",
])
def test_bodies_that_look_like_the_frame(body: str) -> None:
    assert parse(render(Head(number=1, title="---"), body), Head)[1] == body


def test_an_editor_may_add_or_take_the_last_newline() -> None:
    content = render(Head(number=1, title="t"), "body")
    assert parse(content.rstrip(b"\n"), Head)[1] == "body"
    assert parse(content + b"\n", Head)[1] == "body\n"


@pytest.mark.parametrize(("text", "why"), [
    ("", "begin"),
    ("number: 1\n", "begin"),
    ("\ufeff---\nnumber: 1\n---\n", "begin"),
    ("---\r\nnumber: 1\r\n---\r\n", "begin"),
    ("---\nnumber: 1\n", "second"),
    ("---\n---\n", "second"),
    ('---\nnumber: 1\ntitle: "x', "second"),
    ("---\nnumber: 1\ntitle: unquoted\n---\n", "line 3 is not JSON"),
    ("---\nnumber: 1\n\n---\n", "line 3 is not `key: value`"),
    ("---\nnumber: 1\n  - a\n---\n", "line 3 is not `key: value`"),
    ('---\nnumber: 1\nnumber: 2\ntitle: "x"\n---\n', "second time"),
    ('---\nnumber: 1\ntitle: "x"\nmore: 1\n---\n', "more"),
    ("---\nnumber: 1\n---\n", "title"),
    ('---\nnumber: "1"\ntitle: "x"\n---\n', "number"),
    ('---\nnumber: true\ntitle: "x"\n---\n', "number"),
    ('---\nnumber: 1.0\ntitle: "x"\n---\n', "number"),
    ('---\nnumber: 0\ntitle: "x"\n---\n', "number"),
    ('---\nnumber: NaN\ntitle: "x"\n---\n', "number"),
    ("---\nnumber: 1\ntitle: 5\n---\n", "title"),
    ('---\nnumber: 1\ntitle: "\\ud800"\n---\n', "a value"),
    ('---\nnumber: 1\ntitle: "x"\nlabels: "x"\n---\n', "labels"),
    ("---\nnumber: 1\ntitle: " + "[" * 100_000 + "\n---\n", "JSON"),
    ("---\nnumber: " + "9" * 10_000 + "\n---\n", "JSON"),
])
def test_damage_is_named(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text.encode(), Head)


@given(st.binary())
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(b"---\n" + content, Head)


def test_half_a_file_is_never_believed() -> None:
    content = render(Head(number=1, title="title", labels=("a",)), "")
    for size in range(len(content) - 3):
        with pytest.raises(ValueError, match=r"."):
            parse(content[:size], Head)


def test_text_that_no_file_can_hold() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        render(Head(number=1, title="t"), "\ud800")
