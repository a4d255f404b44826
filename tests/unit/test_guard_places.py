"""Where a fix may never write: neither a model's edit nor the guard lets it, by no spelling of the path."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.adapters.git_workspace import GitWorkspace
from bot.domain.config import PolicyConfig
from bot.domain.patch import Edit
from bot.domain.record import CycleRecord
from bot.domain.results import Fixed, Proven
from bot.proof.edits import EditRefused, apply_edits
from bot.proof.guard import guard
from bot.steps.fix import missing_now, notes_now
from tests.fakes.repositories import git, make_repository
from tests.unit.records import record, step

NEVER = (
    ".github/workflows/ci.yml", ".github/CODEOWNERS", ".gitlab-ci.yml", ".circleci/config.yml", ".ci/run",
    "Jenkinsfile",
    "cloudbuild.yaml", "deploy/cloudbuild-staging.yml", ".pre-commit-config.yaml", "azure-pipelines.yml",
    "uv.lock", "poetry.lock", "Pipfile.lock", "package-lock.json", "web/yarn.lock", "pnpm-lock.yaml",
    "requirements.txt",
    "service/requirements-dev.txt", "setup.py", "pyproject.toml", "conftest.py", "shop/conftest.py", "pytest.ini",
    "tox.ini",
    "bot.toml", ".bot/startup/record.json", "tests/unit/test_new.py", "tests/helpers.py", "shop/test_more.py",
    "shop/sitecustomize.py", ".gitattributes", ".gitmodules",
)
FROZEN = ("tests/unit/test_new.py",)


def hard(path: str, code: tuple[str, ...] = ("**",), policy: PolicyConfig | None = None) -> set[str]:
    found = guard({path: "x = 1\n"}, {path: "x = 2\n"}, code, (policy or PolicyConfig()).forbidden_paths, FROZEN,
                  tests=("tests",))
    return {item.rule for item in found if item.hard}


def spellings(path: str) -> list[str]:
    wide = "".join(chr(ord(sign) + 0xFEE0) if sign.isalpha() else sign for sign in path)
    first = next(at for at, sign in enumerate(path) if sign.isalpha())
    return [path, path.upper(), path.title(), wide, f"{path[:first]}\u200b{path[first:]}", f"{path} ", f"{path}."]


@pytest.mark.parametrize("path", NEVER)
def test_never(path: str) -> None:
    for spelling in spellings(path):
        assert hard(spelling), ascii(spelling)
        assert hard(spelling) - {"odd-path"} or not spelling.isprintable(), ascii(spelling)


@pytest.mark.parametrize("path", ["shop/app.py", "shop/contest.py", "shop/latest.py", "shop/locks.py", "shop/ünï.py",
                                  "shop/github/client.py", "shop/bot.py"])
def test_code_is_no_such_place(path: str) -> None:
    assert hard(path) == set()


@pytest.mark.parametrize("path", [
    "./conftest.py", "shop/../conftest.py", "../other/app.py", "/etc/passwd", "shop//conftest.py", "shop/./app.py",
    "shop\\conftest.py", ".git/hooks/pre-commit", ".GIT/config", "shop/.git/config", "shop/a\x00.py", "shop/a\n.py", "",
    "~/../x",
])
def test_what_is_no_plain_path(path: str) -> None:
    with pytest.raises(ValidationError):
        Edit(path=path, find="a", replace="b")
    assert hard(path) == {"odd-path"}


def test_a_name_that_is_no_text_is_no_path() -> None:
    assert hard("shop/\ud800.py") == {"odd-path"}


def test_configuration_may_allow_it_by_name() -> None:
    policy = PolicyConfig(forbidden_paths=(".github/**",))
    assert hard("shop/conftest.py", ("shop",), policy) == {"test-file"}
    assert hard("shop/conftest.py", ("shop/conftest.py",), policy) == set()
    assert hard("requirements.txt", ("requirements.txt",), policy) == set()
    assert hard("bot.toml", ("bot.toml",), policy) == set()
    assert hard(".github/workflows/ci.yml", (".github/workflows/ci.yml",), policy) == {"forbidden-path"}
    assert hard(FROZEN[0], FROZEN, policy) == {"frozen-test"}


def test_an_edit_follows_no_link(tmp_path: Path) -> None:
    at = tmp_path / "repository"
    make_repository(at, {"conftest.py": b"x = 1\n", "tests/test_a.py": b"x = 1\n"})
    (at / "shop").symlink_to("tests")
    (at / "app.py").symlink_to("conftest.py")
    git(at, "add", "--all")
    git(at, "commit", "--quiet", "--message", "Links")
    workspace, commit = GitWorkspace(at), git(at, "rev-parse", "HEAD")
    assert workspace.read(commit, "conftest.py") == b"x = 1\n"
    for path in ("app.py", "shop/test_a.py", "shop"):
        content = workspace.read(commit, path)
        assert content is None
        with pytest.raises(EditRefused, match="no such file"):
            apply_edits({}, (Edit(path=path, find="x = 1", replace="x = 2"),))


@settings(max_examples=100, deadline=None)
@given(path=st.text(max_size=30), glob=st.text(max_size=10))
def test_any_path_never_breaks_it(path: str, glob: str) -> None:
    found = guard({path: "a"}, {path: "b"}, (glob,), (glob,), (path,), tests=(glob,), others={path: "a"})
    assert isinstance(found, tuple)


# What the attempt after a rejected one is told

SHA = "a" * 40


def history(*results: Fixed | Proven) -> CycleRecord:
    return record(*(step("fix" if isinstance(result, Fixed) else "prove", result=result) for result in results))


def test_the_next_attempt_is_told_what_was_needless_and_what_nobody_notices() -> None:
    hunk = {"path": "shop/app.py", "first": 3, "last": 4, "lines": 2, "text": "+    noise()"}
    proven = Proven.model_validate({"proof": {
        "verdict": "not_proven", "base": SHA, "with_tests": SHA, "with_fix": SHA, "reverted": SHA, "same_tree": True,
        "runs": (), "missing": ("half of it is not needed",), "notes": ("One change would not be noticed.",),
        "hunks": ({"hunk": hunk, "needed": False, "reason": "green"}, {"hunk": hunk, "needed": True, "reason": "red"}),
        "mutants": ({"path": "shop/app.py", "line": 7, "change": "c", "before": "a < b", "after": "a <= b",
                     "killed": False, "reason": "green"},)}})
    assert missing_now(history(proven)) == ("half of it is not needed",)
    assert notes_now(history(proven)) == (
        "One change would not be noticed.", "Not needed, shop/app.py:3\n+    noise()",
        "No test notices, shop/app.py:7, `a < b` made `a <= b`")
    assert notes_now(history(proven, Fixed(patch=None, findings=()))) == ()
    assert notes_now(history()) == ()
