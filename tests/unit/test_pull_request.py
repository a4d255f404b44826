"""What two commits differ in: the tests, the fix, and what no run depends on."""

from __future__ import annotations

import pytest

from bot.domain.config import PolicyConfig
from bot.standalone.pull_request import files_with_tests, split, suite_of
from bot.standalone.pull_request_guard import beside, guarded


def sides(before: dict[str, bytes], after: dict[str, bytes], given: tuple[str, ...] = ("tests/test_a.py",),
          folders: tuple[str, ...] = ("tests",)) -> tuple[list[str], list[str], list[str]]:
    change = split({*before, *after}, before.get, after.get, given, folders)
    return list(change.tests), list(change.fix), list(change.aside)


@pytest.mark.parametrize(("path", "side"), [
    ("tests/test_a.py", 0), ("tests/helper.py", 0), ("tests/data/x.json", 0), ("pkg/tests/unit/x.py", 0),
    ("pkg/test_b.py", 0), ("pkg/b_test.py", 0), ("conftest.py", 0), ("pkg/conftest.py", 0), ("pytest.ini", 0),
    ("tox.ini", 0), ("checks/a.py", 0),
    ("pkg/core.py", 1), ("pkg/testing.py", 1), ("pkg/test/core.py", 1), ("pkg/texts.json", 1), ("CHANGES.md", 1),
    ("setup.py", 1), ("contest.py", 1), ("testsuite/x.py", 1),
    ("uv.lock", 2), (".github/workflows/ci.yml", 2), ("pkg/core.pyi", 2), ("requirements-dev.txt", 2),
    ("pyproject.toml", 2), ("setup.cfg", 2), ("services/a/Dockerfile", 2),
])
def test_a_file_is_on_one_side(path: str, side: int) -> None:
    for before, after in (({path: b"1"}, {path: b"2"}), ({}, {path: b"2"}), ({path: b"1"}, {})):
        found = sides(before, after, ("tests/test_a.py", "checks"))
        assert [list(each) for each in found] == [[path] if at == side else [] for at in range(3)]


def test_shared_settings_are_tests_where_what_they_say_of_pytest_changes() -> None:
    old = b'[project]\nversion = "1"\n[tool.pytest.ini_options]\naddopts = "-q"\n'
    assert sides({"pyproject.toml": old}, {"pyproject.toml": old.replace(b'"1"', b'"2"')})[2] == ["pyproject.toml"]
    assert sides({"pyproject.toml": old}, {"pyproject.toml": old.replace(b"-q", b"-k x")})[0] == ["pyproject.toml"]
    assert sides({}, {"setup.cfg": b"[tool:pytest]\naddopts = -q\n"})[0] == ["setup.cfg"]
    # What cannot be read says nothing of pytest, and pytest will complain itself.
    assert sides({"pyproject.toml": old}, {"pyproject.toml": b"[[["})[0] == ["pyproject.toml"]


def test_all_of_the_repository_given_leaves_names_to_decide() -> None:
    assert sides({}, {"pkg/a.py": b"1", "test_a.py": b"1"}, (".",), ()) == (["test_a.py"], ["pkg/a.py"], [])


def test_what_is_no_plain_file_is_told() -> None:
    change = split(["link", "a.py"], {"a.py": b"1"}.get, {"a.py": b"1"}.get, ("tests",), ())
    assert change.unseen == ("a.py", "link")
    assert "Not looked at" in " ".join(beside(change))


TEST = b"def test_it():\n    pass\n"


def test_files_without_tests_are_none() -> None:
    files = {"tests/test_a.py": TEST, "tests/test_b.py": b"X = 1\n", "tests/helper.py": TEST, "checks.py": TEST,
             "tests/conftest.py": b"def pytest_addoption(): pass\n", "tests/rooms_test.py": b"class RoomTests: pass\n"}
    assert files_with_tests(files, files.get, ["tests"]) == ("tests/rooms_test.py", "tests/test_a.py")
    assert files_with_tests(files, files.get, ["checks.py::test_it"]) == ("checks.py",)
    assert files_with_tests(files, files.get, ["tests/test_b.py"]) == ()


@pytest.mark.parametrize(("files", "settings", "suite"), [
    (("tests/test_a.py", "pkg/test_b.py"), (), ("tests",)),
    (("tests/test_a.py", "checks/test_b.py"), ("checks",), ("checks",)),
    (("tests/test_a.py",), ("gone",), ("tests",)),
    (("pkg/tests/test_a.py", "pkg/tests/sub/test_b.py", "lib/tests/test_c.py"), (), ("pkg/tests", "lib/tests")),
    (("test_a.py", "pkg/test_b.py"), (), ("test_a.py", "pkg/test_b.py")),
    ((), ("tests",), ()),
], ids=["usual", "settings", "settings name nothing", "in packages", "beside the code", "none"])
def test_the_own_suite(files: tuple[str, ...], settings: tuple[str, ...], suite: tuple[str, ...]) -> None:
    assert suite_of(files, settings) == suite


def rules(before: dict[str, bytes], after: dict[str, bytes], *forbidden: str) -> set[tuple[str, bool]]:
    policy = PolicyConfig(forbidden_paths=forbidden) if forbidden else PolicyConfig()
    change = split({*before, *after}, before.get, after.get, ("tests/test_a.py",), ("tests",))
    return {(one.rule, one.hard) for one in guarded(change, policy, {})}


def test_a_pull_request_without_code_fixes_nothing() -> None:
    assert ("no-fix", True) in rules({"tests/test_a.py": b"1"}, {"tests/test_a.py": b"2"})
    assert ("no-fix", True) in rules({"uv.lock": b"1"}, {"uv.lock": b"2"})


def test_what_a_person_may_do_is_told_and_not_held_against_the_fix() -> None:
    code = {"pkg/a.py": b"def f(x):\n    return x\n", "pkg/old.py": b"X = 1\n", "requirements.txt": b"a\n"}
    fixed = {"pkg/a.py": b"def f(x):\n    return x + 1\n", "requirements.txt": b"a\nb\n", "README.md": b"x\n"}
    found = rules(code, fixed)
    assert {("dependency-file", False), ("file-deleted", False)} <= found
    assert not any(hard for _, hard in found)


def test_only_timing_stays_only_timing_with_a_changelog_beside_it() -> None:
    found = rules({"pkg/a.py": b"def f(go):\n    return go(timeout=1)\n"},
                  {"pkg/a.py": b"def f(go):\n    return go(timeout=9)\n", "CHANGELOG.md": b"Fixed.\n"})
    assert ("only-timing", True) in found


def test_paths_are_forbidden_where_the_configuration_says_so() -> None:
    code, fixed = {"pkg/a.py": b"X = 1\n", "uv.lock": b"1"}, {"pkg/a.py": b"X = 2\n", "uv.lock": b"2"}
    assert ("forbidden-path", True) not in rules(code, fixed)
    assert ("forbidden-path", True) in rules(code, fixed, "**/*.lock")
