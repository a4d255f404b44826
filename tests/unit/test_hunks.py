"""The places that a fix changes, and the fix without some of them."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.proof.hunks import MOST_HUNKS, FixChange, changed_code

OLD = b"""import os


def door(open):
    if open:
        return 1
    return 2


def window():
    return 3
"""
NEW = b"""import os
import sys


def door(open):
    if not open:
        return 1
    return 2


def window():
    return 4
"""
LINES = ("x = 1", "x = 2", "if x:", "    y = 1", "else:", "    pass", "def f():", "    return x", "", "# so", "try:",
         "    z()", "finally:", "(", ")", '"""', "é = '–'")
ENDS = st.sampled_from(("\n", "\r\n"))


@st.composite
def sources(draw: st.DrawFn) -> bytes:
    end = draw(ENDS)
    text = end.join(draw(st.lists(st.sampled_from(LINES), max_size=14)))
    return (text + draw(st.sampled_from(("", end)))).encode()


def parses(text: bytes | None) -> bool:
    try:
        ast.parse(text or b"")
    except SyntaxError:
        return False
    return True


def one(old: bytes | None, new: bytes | None, path: str = "a.py") -> FixChange:
    return FixChange({path: old}, {path: new})


def places(change: FixChange) -> list[tuple[int, int, int, bool]]:
    return [(hunk.first, hunk.last, hunk.lines, hunk.inert) for hunk in change.hunks]


@settings(max_examples=100, deadline=None)
@given(old=st.one_of(st.none(), sources(), st.binary(max_size=40)),
       new=st.one_of(st.none(), sources(), st.binary(max_size=40)), path=st.sampled_from(("a.py", "b.txt")))
def test_all_taken_back_is_before_and_none_is_after(old: bytes | None, new: bytes | None, path: str) -> None:
    change = one(old, new, path)
    numbers = range(len(change.hunks))
    assert change.without(()) == {}
    assert (old != new) is bool(change.hunks)
    if old != new:
        assert change.without(numbers) == {path: old}
    for number in numbers:
        assert change.without([number]) != {path: new}, "it takes nothing back"


@settings(max_examples=100, deadline=None)
@given(old=sources(), new=sources())
def test_each_alone_leaves_valid_python(old: bytes, new: bytes) -> None:
    change = one(old, new)
    if parses(old) and parses(new):
        for number in range(len(change.hunks)):
            assert parses(change.without([number])["a.py"]), change.hunks[number]


@settings(max_examples=60, deadline=None)
@given(old=st.lists(st.sampled_from("abcdef"), max_size=12), new=st.lists(st.sampled_from("abcdef"), max_size=12))
def test_the_lines_of_all_places_are_those_that_came_and_went(old: list[str], new: list[str]) -> None:
    change = one("".join(f"{line}\n" for line in old).encode(), "".join(f"{line}\n" for line in new).encode(), "a.txt")
    shown = [line for hunk in change.hunks for line in hunk.text.split("\n")]
    assert sum(hunk.lines for hunk in change.hunks) == sum(line[:1] in {"+", "-"} for line in shown)
    gone, come = (sum(line.startswith(sign) for line in shown) for sign in "-+")
    assert len(old) - gone == len(new) - come


def test_places_by_line() -> None:
    change = one(OLD, NEW)
    assert places(change) == [(2, 2, 1, False), (6, 6, 2, False), (12, 12, 2, False)]
    assert change.hunks[1].text == "-    if open:\n+    if not open:"
    assert change.without([1]) == {"a.py": NEW.replace(b"not open", b"open")}
    assert change.without([0, 2]) == {"a.py": OLD.replace(b"if open", b"if not open")}
    assert change.paths == ("a.py",)


def test_what_breaks_alone_is_taken_together() -> None:
    old = b"def f(x):\n    y = 1\n    return x\n"
    new = b"def f(x):\n    if x:\n        y = 1\n        return x\n"
    assert len(one(old, new).hunks) == 1
    old = b"a = 1\nb = 2\nc = 3\n"
    new = b"a = (1 +\nb = 2\n) + c = 3\n"
    assert len(one(old, new).hunks) == 2, "where one side is no Python, nothing can be kept valid"
    old = b"a = 1\nb = 2\nc = 3\n"
    new = b"a = [\nb == 2,\n    3]\n"
    assert len(one(old, new).hunks) == 1


def test_taken_together_shows_what_stands_between() -> None:
    old = b"call(1,\n     2,\n     3)\nrest()\n"
    new = b"call([1,\n     2,\n     3])\nrest()\n"
    (hunk,) = one(old, new).hunks
    assert hunk.text == "-call(1,\n+call([1,\n      2,\n-     3)\n+     3])"
    assert (hunk.first, hunk.last, hunk.lines) == (1, 3, 4)


@pytest.mark.parametrize(("old", "new"), [
    (None, b"x = 1\n"), (b"x = 1\n", None), (b"\0\1\n\2", b"\0\1\n\3"), (b"", b"\0"),
], ids=["comes", "goes", "binary", "becomes binary"])
def test_a_file_that_comes_goes_or_is_no_text_is_one_place(old: bytes | None, new: bytes | None) -> None:
    change = one(old, new)
    assert len(change.hunks) == 1
    assert not change.hunks[0].inert
    assert change.without([0]) == {"a.py": old}


def test_line_ends_are_kept() -> None:
    crlf = one(OLD.replace(b"\n", b"\r\n"), NEW.replace(b"\n", b"\r\n"))
    assert crlf.without([1])["a.py"] == NEW.replace(b"not open", b"open").replace(b"\n", b"\r\n")
    assert "\r" not in crlf.hunks[1].text
    ends = one(OLD.removesuffix(b"\n"), NEW)
    assert ends.without([2])["a.py"] == NEW.replace(b"return 4\n", b"return 3")
    assert len(one(OLD, OLD.replace(b"\n", b"\r\n")).hunks) == 1


@pytest.mark.parametrize(("path", "old", "new", "inert"), [
    ("a.py", b"x = 1  # so\n", b"x = 1  # not so\n", True),
    ("a.py", b'def f():\n    """One."""\n    return 1\n', b'def f():\n    """Two."""\n    return 1\n', True),
    ("a.py", b"x = 1\n", b"x = 1\n\n\n", True),
    ("a.py", b"x = 1\n", b"x = 2\n", False),
    ("a.py", b'x = "one"\n', b'x = "two"\n', False),
    ("a.py", b"def f(:\n", b"def f(: # so\n", False),
    ("README.md", b"one\n", b"two\n", True),
    ("CHANGES", b"one\n", b"two\n", True),
    ("changes.txt", b"one\n", b"two\n", True),
    ("data.txt", b"one\n", b"two\n", False),
    ("changes.json", b"1\n", b"2\n", False),
    ("readme.py", b"x = 1\n", b"x = 2\n", False),
], ids=["comment", "docstring", "lines", "value", "text", "no Python", "document", "history", "history as text", "data",
        "data by name", "code by name"])
def test_what_changes_nothing_that_runs(path: str, old: bytes, new: bytes, inert: bool) -> None:
    assert [hunk.inert for hunk in one(old, new, path).hunks] == [inert]


def test_many_places_are_taken_together_and_none_is_lost() -> None:
    old = b"".join(b"x%d = 1\nkept%d = 0\n" % (at, at) for at in range(60))
    new = old.replace(b"= 1", b"= 2")
    change = FixChange({"a.py": old, "b.py": b"x = 1\n"}, {"a.py": new, "b.py": b"x = 2\n"})
    assert len(change.hunks) == MOST_HUNKS
    assert sum(hunk.lines for hunk in change.hunks) == 122
    assert change.hunks[-1].path == "b.py", "places of two files are not taken together"
    assert change.without(range(MOST_HUNKS)) == {"a.py": old, "b.py": b"x = 1\n"}


def test_more_files_than_places_are_all_there() -> None:
    count = MOST_HUNKS + 6
    before = {f"f{at:02}.py": b"x = 1\n" for at in range(count)}
    assert len(FixChange(before, dict.fromkeys(before, b"x = 2\n")).hunks) == count


def test_a_secret_is_not_shown() -> None:
    secret = b"ghp_" + b"Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0FeDcBa"
    (hunk,) = one(b"x = 1\n", b'x = "' + secret + b'"\n').hunks
    assert secret.decode() not in hunk.text


# changed lines

@pytest.mark.parametrize(("source", "lines"), [
    (NEW, (6, 12)),
    (b"x = 2\n\n\nclass A:\n    y = 3\n", ()),
    (b"def f():\n    '''So.'''\n    try:\n        g()\n    finally:\n        h()\n", (4, 6)),
    (b"def f():\n    return [\n        1,\n        2,\n    ]\n", (2,)),
    (b"def f():\n    def g():\n        return 1\n    return g\n", (2, 3, 4)),
    (b"async def f():\n    global x\n    await g()\n", (3,)),
    (b"def f(:\n", ()),
], ids=["both", "outside of functions", "try", "over lines", "within", "async", "no Python"])
def test_the_lines_of_functions_that_can_run(source: bytes, lines: tuple[int, ...]) -> None:
    hunks = one(OLD if source is NEW else None, source).hunks
    assert changed_code(source, hunks) == lines
