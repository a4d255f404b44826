"""Markdown as GitHub shows it: rendered by its own cmark-gfm and read as a tree, with what its filters act on then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from cmarkgfm import cmark  # type: ignore[import-untyped]

_OPTIONS = cmark.Options.CMARK_OPT_UNSAFE | cmark.Options.CMARK_OPT_FOOTNOTES
_EXTENSIONS = ["table", "autolink", "strikethrough", "tasklist"]
_VOID = frozenset({"br", "hr", "img", "input"})
PLAIN = frozenset({
    "p", "br", "em", "strong", "del", "ul", "ol", "li", "blockquote", "pre", "code", "hr", "h1", "h2", "h3", "h4", "h5",
    "h6", "table", "thead", "tbody", "tr", "th", "td", "input",
})
"""What only shows text, and check boxes."""
DIAGRAMS = frozenset({"mermaid", "math", "geojson", "topojson", "stl"})
"""Languages of blocks that GitHub draws instead of showing."""

PICTURE = re.compile(
    r"^```mermaid\n(?:flowchart (?:TD|LR)|gantt|timeline|xychart-beta(?: horizontal)?)\n"
    r"(?: +[^\n`<&@#\\{}$;*~]+\n)+```$",
    re.MULTILINE,
)
"""A picture of our own: nothing in it is more than a statement that draws."""
_BETWEEN = re.compile(r"\[([a-z]+\.md)\]\(\1\)")

_ACTING = {
    "mention": re.compile(r"@[A-Za-z0-9]"),
    "reference": re.compile(r"#\d|\bgh-\d", re.IGNORECASE),
    "address": re.compile(r"://|\bwww\.", re.IGNORECASE),
    "commit": re.compile(r"(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{7,40}(?![0-9A-Za-z])", re.IGNORECASE),
    "mathematics": re.compile(r"(?<!\u2060)\$"),
}
"""What GitHub makes links or formulas of in text that is no code (docs.github.com: autolinked references and URLs)."""


@dataclass(frozen=True)
class Piece:
    """A text and the elements that it stands in, outermost first."""

    text: str
    within: tuple[str, ...]

    @property
    def is_code(self) -> bool:
        return bool({"code", "pre"} & {*self.within})


class Tree(HTMLParser):
    """The rendered document: its elements in order, and its texts."""

    def __init__(self, markdown: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[Piece] = []
        self.odd: list[str] = []
        self._open: list[str] = []
        self.html = cmark.markdown_to_html_with_extensions(markdown, options=_OPTIONS, extensions=_EXTENSIONS)
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.pieces.append(Piece(data, tuple(self._open)))

    def handle_comment(self, data: str) -> None:
        self.odd.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.odd.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.odd.append(f"<![{data}]>")

    def handle_pi(self, data: str) -> None:
        self.odd.append(f"<?{data}>")

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def codes(self) -> list[str]:
        return [piece.text for piece in self.pieces if piece.is_code]


def without_own(markdown: str) -> tuple[str, int]:
    """A document without what is ours in it and acts: pictures, each now a word, and links to the other documents.

    With it, how many pictures there were.
    """
    undrawn, pictures = PICTURE.subn("(a picture)", markdown)
    return _BETWEEN.sub(r"\1", undrawn), pictures


def acting(markdown: str, ours: frozenset[str] = frozenset()) -> Iterator[str]:
    """What of a document would do anything but show text: one line each. `ours` are further elements that may stand."""
    tree = Tree(markdown)
    for tag, attributes in tree.elements:
        if tag not in PLAIN | ours:
            yield f"an element: <{tag}>"
        language = (attributes.get("class") or "").removeprefix("language-")
        if tag == "code" and language.lower() in DIAGRAMS:
            yield f"a diagram: {language}"
        if not {*attributes} <= {"class", "align", "type", "checked", "disabled", "start"}:
            yield f"attributes: {sorted(attributes)}"
    yield from (f"hidden: {item}" for item in tree.odd)
    if re.match(r"\s*/[a-z]", markdown):
        yield f"a command: {markdown[:40]!r}"
    for piece in tree.pieces:
        if piece.is_code:
            continue
        for kind, pattern in _ACTING.items():
            if match := pattern.search(piece.text):
                around = piece.text[max(0, match.start() - 20):match.end() + 20]
                yield f"a {kind}: {around!r}"
        for line in piece.text.split("\n"):
            if re.match(r"\s*\[!\w+\]", line) and "blockquote" in piece.within:
                yield f"an alert: {line[:40]!r}"
