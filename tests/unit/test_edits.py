"""Applying edits and printing diffs, against git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.globs import matches_any, matches_glob
from bot.domain.patch import Edit
from bot.proof.edits import EditRefused, apply_edits, counts, unified_diff

FILES = {"a.py": "one\ntwo\nthree\n", "b.py": "x = 1\n"}


def edit(find: str, replace: str, path: str = "a.py") -> Edit:
    return Edit(path=path, find=find, replace=replace)


def test_edits_apply_in_order_each_to_what_the_last_one_left() -> None:
    after = apply_edits(FILES, (edit("two", "2"), edit("2\nthree", "2\n3")))
    assert after == {"a.py": "one\n2\n3\n", "b.py": "x = 1\n"}
    assert FILES["a.py"] == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (edit("four", "4"), "edit 1 (a.py): `find` does not stand in the file"),
        (edit("e", "E"), "edit 1 (a.py): `find` stands 3 times in the file; add lines around it until it stands once"),
        (edit("two", "two"), "edit 1 (a.py): `find` and `replace` are the same, so it changes nothing"),
        (edit("x", "y", "c.py"), "edit 1 (c.py): there is no such file; an edit can only change a file that exists"),
        (
            edit(" two\n three", "x"),
            "edit 1 (a.py): `find` does not stand in the file; line 2 differs from it only in white space",
        ),
    ],
)
def test_an_edit_that_cannot_apply_says_why(wrong: Edit, says: str) -> None:
    with pytest.raises(EditRefused) as caught:
        apply_edits(FILES, (wrong,))
    assert str(caught.value) == says


def test_overlapping_places_count_as_several() -> None:
    with pytest.raises(EditRefused, match="stands 2 times"):
        apply_edits({"a.py": "aaa"}, (edit("aa", "b"),))


def test_the_number_of_the_edit_is_told() -> None:
    with pytest.raises(EditRefused) as caught:
        apply_edits(FILES, (edit("two", "2"), edit("two", "3")))
    assert caught.value.number == 2


def test_counts_of_lines() -> None:
    assert counts(FILES, {**FILES, "a.py": "one\n2\nthree\nfour\n"}) == (2, 1)
    assert counts(FILES, FILES) == (0, 0)
    assert counts({}, {"n.py": "a\nb\n"}) == (2, 0)
    assert counts({"n.py": "--- a\n+++ b\n"}, {}) == (0, 2)
    assert unified_diff(FILES, FILES) == ""


LINES = st.lists(
    st.sampled_from(["", "x", "    y = 1", "--- a", "+++ b", "\u2028", "\x0c", "é", "\\"]), max_size=8
).map("\n".join)


@settings(max_examples=25, deadline=None)
@given(old=LINES, new=LINES, mode=st.sampled_from(["change", "add", "delete"]))
def test_git_applies_the_diff_and_counts_the_same(
    tmp_path_factory: pytest.TempPathFactory, old: str, new: str, mode: str
) -> None:
    folder = tmp_path_factory.mktemp("repository")
    before = {"keep.py": "k\n", **({} if mode == "add" else {"d/f.py": old})}
    after = {"keep.py": "k\n", **({} if mode == "delete" else {"d/f.py": new})}
    diff = unified_diff(before, after)
    if not diff:
        assert before == after
        return
    (folder / "d").mkdir()
    for path, text in before.items():
        (folder / path).write_bytes(text.encode())
    if "@@" in diff or before.keys() != after.keys():
        done = subprocess.run(
            ["git", "apply", "--unsafe-paths", "-"], cwd=folder, input=diff.encode(), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
    there = {str(path.relative_to(folder)): path.read_bytes().decode() for path in Path(folder).rglob("*.py")}
    assert there == after
    numbers = subprocess.run(
        ["git", "apply", "--numstat", "-"], cwd=folder, input=diff.encode(), capture_output=True, check=True
    )
    added, removed, *_ = numbers.stdout.decode().split("\t")
    assert counts(before, after) == (int(added), int(removed))


@pytest.mark.parametrize(
    ("path", "glob", "matches"),
    [
        ("a.py", "*.py", True),
        ("d/a.py", "*.py", False),
        ("d/a.py", "**/*.py", True),
        ("a.py", "**/*.py", True),
        ("a/b/c/d.py", "a/**/d.py", True),
        ("a/d.py", "a/**/d.py", True),
        ("ab/d.py", "a/**/d.py", False),
        (".github/workflows/ci.yml", ".github/**", True),
        (".github", ".github/**", False),
        ("x/.github/a", ".github/**", False),
        ("conftest.py", "**/conftest.py", True),
        ("tests/conftest.py", "**/conftest.py", True),
        ("my_conftest.py", "**/conftest.py", False),
        ("uv.lock", "**/*.lock", True),
        ("a/uv.lock", "**/*.lock", True),
        ("bot.toml", "bot.toml", True),
        ("x/bot.toml", "bot.toml", False),
        ("router/a.py", "router", True),
        ("router/x/a.py", "router/", True),
        ("router2/a.py", "router", False),
        ("a.py", ".", True),
        ("a1.py", "a?.py", True),
        ("a/.py", "a?.py", False),
        ("a1.py", "a[0-9].py", True),
        ("ab.py", "a[!0-9].py", True),
        ("a/b", "a[!0-9]b", False),
        ("a.py", "a.p[y", False),
        ("a[.py", "a[.py", True),
        ("a\nb.py", "*.py", True),
        ("[z-a]", "[z-a]", True),
        ("aXpy", "a.py", False),
        ("a/b.py", "**", True),
        ("a^", "a[^]", True),
    ],
)
def test_globs(path: str, glob: str, matches: bool) -> None:
    assert matches_glob(path, glob) is matches


def test_the_first_glob_that_matches_is_given() -> None:
    assert matches_any("a/b.py", ("x", "a/**", "**")) == "a/**"
    assert matches_any("a/b.py", ()) is None


@given(path=st.text("ab/.*[", min_size=1, max_size=12), glob=st.text("ab/.*?[]!^-&\\", max_size=12))
def test_no_glob_fails(path: str, glob: str) -> None:
    assert matches_glob(path, glob) in {True, False}
