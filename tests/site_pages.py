"""A page of the site read as a tree, and what must hold of every one of them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})
RAW = frozenset({"script", "style"})
OWN_TEXT = {"text": frozenset({"code", "mark", "b"}), "entry": frozenset({"details", "summary", "pre", "mark"})}
"""Classes whose elements hold text of others, and the elements of ours that may stand in it."""


class Parsed(HTMLParser):
    """The elements of a page in order, each with its attributes and what it stands in; its ids, links and texts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
        self.raw: list[tuple[str, dict[str, str], str]] = []
        self.skeleton: list[str] = []
        self.odd: list[str] = []
        self.texts: list[str] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):
            self.odd.append(f"an attribute twice in <{tag}>")
        self.elements.append((tag, given, tuple(name for name, _ in self._open)))
        inside = [name for _, held in self._open for name in held.get("class", "").split() if name in OWN_TEXT]
        if inside:
            if tag not in OWN_TEXT[inside[0]]:
                self.odd.append(f"<{tag}> in {inside[0]}")
        elif not any("diff" in held.get("class", "").split() for _, held in self._open):
            self.skeleton.append(f"{tag} {' '.join(sorted(given))} {given.get('class', '')}".strip())
        if tag not in VOID:
            self._open.append((tag, given))

    def handle_endtag(self, tag: str) -> None:
        name, _ = self._open.pop()
        if name != tag:
            self.odd.append(f"</{tag}> where <{name}> is open")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] in RAW:
            tag, attributes = self._open[-1]
            self.raw.append((tag, attributes, data))
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def ids(self) -> list[str]:
        return [given["id"] for _, given, _ in self.elements if "id" in given]

    def of_class(self, name: str) -> list[tuple[str, dict[str, str], tuple[str, ...]]]:
        return [one for one in self.elements if name in one[1].get("class", "").split()]

    @property
    def data(self) -> dict[str, Any]:
        """The JSON blocks by id."""
        return {given["id"]: json.loads(text) for tag, given, text in self.raw
                if tag == "script" and given.get("type") == "application/json"}


def check_page(html: str) -> Parsed:
    """What holds of every page: well formed, allowed by its own policy, headings in order, tables with headers."""
    page = Parsed(html)
    assert page.odd == []
    assert html.startswith("<!DOCTYPE html>")
    assert len(set(page.ids)) == len(page.ids), "an id twice"
    for tag, given, _ in page.elements:
        assert not {name for name in given if name.startswith("on")} | ({"style", "src", "srcset"} & {*given}), tag
        assert tag not in {"iframe", "object", "embed", "base", "form", "img", "svg"}, tag
        if tag == "th":
            assert given["scope"] in {"col", "row", "colgroup", "rowgroup"}
        for name in ("aria-labelledby", "aria-describedby"):
            assert name not in given or given[name] in page.ids, given[name]
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    check_policy(page)
    return page


def check_policy(page: Parsed) -> None:
    """Just what stands in the page may run or be applied, by its hash."""
    (policy,) = [given["content"] for tag, given, _ in page.elements
                 if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy"]
    parts = {name: values.split() for name, _, values in (part.strip().partition(" ") for part in policy.split(";"))}
    assert parts == {
        "default-src": ["'none'"], "script-src": [_hash(text) for text in _texts(page, "script")],
        "style-src": [_hash(text) for text in _texts(page, "style")], "img-src": ["data:"], "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }


def _texts(page: Parsed, kind: str) -> list[str]:
    return [text for tag, given, text in page.raw if tag == kind and "type" not in given]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def check_site(folder: Path) -> dict[str, Parsed]:
    """Every page, with every link followed to a file and an anchor; the pages by their path."""
    pages = {str(path.relative_to(folder)): check_page(path.read_text("utf-8"))
             for path in sorted(folder.rglob("*.html"))}
    led_to = {"index.html"}
    for name, page in pages.items():
        for _, given, _ in page.elements:
            link = given.get("href", "")
            if not link or link.startswith(("data:", "https://", "http://")):
                continue
            target, anchor = urldefrag(link)
            path = (folder / name).parent / unquote(target) if target else folder / name
            assert path.is_file(), f"{link} in {name}"
            found = str(path.resolve().relative_to(folder.resolve()))
            led_to.add(found)
            assert not anchor or anchor in pages[found].ids, f"{link} in {name}"
    assert {*pages} <= led_to, "a page that no link leads to"
    return pages
