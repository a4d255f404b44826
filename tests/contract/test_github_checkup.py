"""`bot doctor` on GitHub: whose token it is, what that can and cannot do, and what stands in the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.github_checkup import check_up
from bot.adapters.github_forge import open_forge
from bot.adapters.surroundings import Surroundings
from bot.domain.checkup import Remark
from bot.domain.config import BotConfig
from bot.domain.errors import ConfigProblem
from bot.setting_up import run_doctor
from tests.contract.forge_setting import ACTIONS, APP, PERSON, SECRET, STRANGER, hub
from tests.fakes.github_api import Fault, GitHub, Token
from tests.fakes.instant_clock import InstantClock

READER = Token("reader", 3, write=False)
NARROW = Token("ada", 7, permissions={"issues": "write"})


def remarks(
    github: GitHub, workspace: GitWorkspace, token: Token, *, ci: bool = False
) -> tuple[Remark, ...]:
    return tuple(check_up(hub(github, workspace, InstantClock(), token, ci=ci), ci))


def said(found: tuple[Remark, ...], state: str) -> str:
    return "\n".join(f"{one.said} {one.remedy}" for one in found if one.state == state)


def test_the_token_of_actions(github: GitHub, workspace: GitWorkspace) -> None:
    github.add_issue(ACTIONS, "mine", "b", [])
    github.add_issue(STRANGER, "theirs", "b", [])
    found = remarks(github, workspace, ACTIONS)
    assert not said(found, "missing")
    assert "github-actions[bot], the token of Actions" in said(found, "ok")
    assert "issues of the bot: 1" in said(found, "ok")
    assert "CI does not run on a fix" in said(found, "note")
    assert "Allow GitHub Actions to create and approve pull requests" in said(found, "note")


@pytest.mark.parametrize("token", [APP, PERSON])
def test_what_starts_ci_has_to_be_meant(github: GitHub, workspace: GitWorkspace, token: Token) -> None:
    found = remarks(github, workspace, token)
    assert "a fix will not be pushed" in said(found, "missing")
    assert "ci_on_unreviewed_code = true" in said(found, "missing")
    found = remarks(github, workspace, token, ci=True)
    assert not said(found, "missing")
    assert "`ci_on_unreviewed_code` is set" in said(found, "note")


def test_a_person(github: GitHub, workspace: GitWorkspace) -> None:
    found = remarks(github, workspace, PERSON, ci=True)
    assert "ada, a person's token" in said(found, "ok")
    assert "makes no check runs" in said(found, "note")


def test_a_person_who_may_only_read(github: GitHub, workspace: GitWorkspace) -> None:
    found = remarks(github, workspace, READER, ci=True)
    assert "reader may not write to acme/shop" in said(found, "missing")
    assert "contents: write" in said(found, "missing")


@pytest.mark.parametrize(("scopes", "missing"), [
    ("gist, read:org", True), ("repo, gist", False), ("public_repo", False), ("", False),
])
def test_the_scopes_of_a_classic_token(
    github: GitHub, workspace: GitWorkspace, scopes: str, missing: bool
) -> None:
    github.faults.append(Fault(
        "GET", "/user$", 200, body='{"login": "ada", "id": 7}', headers={"X-OAuth-Scopes": scopes}
    ))
    assert ("scope" in said(remarks(github, workspace, PERSON, ci=True), "missing")) is missing


def archive(github: GitHub) -> None:
    github.archived = True


def switch_off(github: GitHub) -> None:
    github.has_issues = False


@pytest.mark.parametrize(("spoil", "what"), [(archive, "is archived"), (switch_off, "issues are switched off")])
def test_what_stands_in_the_way(
    github: GitHub, workspace: GitWorkspace, spoil: Callable[[GitHub], None], what: str
) -> None:
    spoil(github)
    found = remarks(github, workspace, ACTIONS)
    assert what in said(found, "missing")
    assert "settings" in said(found, "missing").lower()


def test_a_repository_with_another_name(github: GitHub, workspace: GitWorkspace) -> None:
    forge = hub(github, workspace, InstantClock(), ACTIONS)
    github.rename("acme/renamed")
    found = tuple(check_up(forge, False))
    assert "acme/shop is called acme/renamed now" in said(found, "note")
    assert not said(found, "missing")


def test_nothing_is_written(github: GitHub, workspace: GitWorkspace) -> None:
    for token in (ACTIONS, APP, PERSON):
        remarks(github, workspace, token)
    assert {request.partition(" ")[0] for request in github.requests} == {"GET", "POST"}
    assert all("/graphql" in request for request in github.requests if request.startswith("POST"))
    assert (github.issues, github.ci, github.strayed) == ({}, [], [])


def test_the_doctor_says_it(
    github: GitHub, workspace: GitWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bot.toml").write_text(
        f'[repository]\nname = "acme/shop"\npath = "clone"\n[forge]\nkind = "github"\napi_url = "{github.url}"\n'
        '[model]\nname = "script:none"\n'
    )
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    github.tokens[SECRET] = PERSON
    code = run_doctor(demo=False, state=tmp_path / "state", config=tmp_path / "bot.toml", json=True)
    findings = [found for found in json.loads(capsys.readouterr().out)["findings"] if found["what"] == "forge"]
    assert [found["state"] for found in findings] == ["ok", "ok", "note", "missing"]
    assert code == 1


def test_a_token_that_is_not_there(workspace: GitWorkspace, tmp_path: Path) -> None:
    config = BotConfig.model_validate({"repository": {"name": "acme/shop"}, "forge": {"kind": "github"}})
    with pytest.raises(ConfigProblem, match="GITHUB_TOKEN is not set, and the forge GitHub needs it") as caught:
        open_forge("acme/shop", Surroundings(config, InstantClock(), {"GITHUB_TOKEN": " "}, tmp_path, workspace))
    assert "gh auth token" in caught.value.remedy
