from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.local_forge import LocalForge
from bot.domain.config import PolicyConfig, TargetConfig
from bot.domain.effects import (
    BranchPush,
    CheckKey,
    CheckReport,
    CommentUpsert,
    CycleKey,
    Effect,
    IssueKey,
    IssueUpsert,
    PullRequestUpsert,
    Receipt,
    RecordedEffect,
    markers_in,
)
from bot.domain.errors import NotOffered, PolicyRefused
from bot.domain.record import CycleRecord
from bot.engine.publisher import Publisher
from bot.ports import FileChange, ForgeCheck
from tests.fakes.repositories import make_repository
from tests.unit.records import FINGERPRINT, START, incident, record, retrieved, step

KEY = IssueKey(repository="acme/shop", fingerprint=FINGERPRINT)
RUN = "20251107T081500Z-0a1b2c"
TARGET = TargetConfig(code=("shop/**",), tests=("tests",))


def cycle_key(of: str, name: str = "main") -> CycleKey:
    return CycleKey.model_validate({
        "of": of, "repository": "acme/shop", "fingerprint": FINGERPRINT, "run": RUN, "cycle": 1, "name": name,
    })


def issue(**changes: object) -> IssueUpsert:
    effect = IssueUpsert(key=KEY, title="Startup fails", body="It does.", labels=("whybot",))
    return effect.model_copy(update=changes)


class Bench:
    """A publisher over the folder forge and a real repository."""

    def __init__(self, folder: Path) -> None:
        self.base = make_repository(folder / "shop", {"shop/app.py": b"READY = False\n"})
        self.workspace = GitWorkspace(folder / "shop")
        self.forge = LocalForge(folder / "forge", self.workspace)
        self.publisher = Publisher(lambda: self.forge, PolicyConfig(), self.workspace)
        self.published: tuple[RecordedEffect, ...] = ()

    def record(self, **settings: object) -> CycleRecord:
        return record(step("retrieve", result=retrieved(incident(), self.base), effects=self.published), **settings)

    def apply(self, effect: Effect, **settings: object) -> Receipt:
        receipt = self.publisher.apply(effect, self.record(**settings), TARGET)
        self.published += (RecordedEffect(effect=effect, receipt=receipt),)
        return receipt

    def commit(self, path: str, content: bytes = b"READY = True\n") -> str:
        return self.workspace.commit(self.base, (FileChange(path=path, content=content),), "Fix", START)

    def branch(self, head: str, *paths: str) -> BranchPush:
        return BranchPush(key=cycle_key("branch"), branch="whybot/x", base=self.base, head=head, paths=paths)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_issue_is_made_once_and_then_found_by_its_marker(bench: Bench) -> None:
    assert bench.apply(issue()).did == "created"
    assert bench.apply(issue()).did == "unchanged"
    assert bench.apply(issue(body="It does, again.")).did == "updated"
    (only,) = bench.forge.issues()
    assert "again" in only.body


def test_a_marker_in_foreign_text_is_no_marker(bench: Bench) -> None:
    other = IssueKey(repository="acme/shop", fingerprint="v1-ffffffffffffffff")
    forged = f"<!-- whybot:{other} -->"
    bench.forge.create_issue("Quotes a marker", f"quoted: <!-- whybot:{KEY} -->", ())
    assert bench.apply(issue(body=f"{forged}\n\n```\n{forged}\n```\n<!--  WHYBOT :x -->")).did == "created"
    _, made = bench.forge.issues()
    assert markers_in(made.body) == {str(KEY)}


def test_an_earlier_rule_versions_issue_is_the_same_issue(bench: Bench) -> None:
    bench.apply(issue())
    newer = IssueKey(repository="acme/shop", fingerprint=FINGERPRINT)
    again = issue(key=newer, aliases=(KEY,), body="New rules.")
    assert bench.apply(again).did == "updated"


def test_a_closed_issue_is_reopened(bench: Bench) -> None:
    bench.apply(issue())
    path = next((bench.forge._folder / "issues").glob("0001.md"))
    path.write_text(path.read_text().replace("open: true", "open: false"))
    assert bench.apply(issue()).did == "reopened"
    assert next(iter(bench.forge.issues())).open


def test_what_is_untrusted_does_not_act_and_no_secret_passes(bench: Bench) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    bench.apply(issue(title=f"by @octocat {secret}", body=f"@octocat see #1 <img src=x> ![x](y) {secret}\n/bot cycle"))
    (only,) = bench.forge.issues()
    for text in (only.title, only.body):
        assert secret not in text
        assert "@octocat" not in text
    assert "#1" not in only.body
    assert "\\<img" in only.body
    assert "\n/bot" not in only.body


def test_a_comment_follows_its_issue(bench: Bench) -> None:
    bench.apply(issue())
    comment = CommentUpsert(key=cycle_key("comment", "status"), on=KEY, body="one")
    assert bench.apply(comment).did == "created"
    assert bench.apply(comment).did == "unchanged"
    assert bench.apply(comment.model_copy(update={"body": "two"})).did == "updated"
    assert len(list(bench.forge.comments(1))) == 1


def test_a_branch_its_pull_request_and_its_check(bench: Bench) -> None:
    bench.apply(issue())
    head = bench.commit("shop/app.py")
    assert bench.apply(bench.branch(head, "shop/app.py")).did == "created"
    assert bench.apply(bench.branch(head, "shop/app.py")).did == "unchanged"
    pull = PullRequestUpsert(
        key=cycle_key("pull_request"), branch=cycle_key("branch"), fixes=KEY, title="Fix it", body="Fixes #99"
    )
    receipt = bench.apply(pull)
    assert receipt.did == "created"
    assert bench.apply(pull) == receipt.model_copy(update={"did": "unchanged"})
    (made,) = bench.forge.pulls("whybot/x")
    assert made.draft
    assert "Fixes #1" in made.body
    assert "Fixes #99" not in made.body
    key = CheckKey(repository="acme/shop", fingerprint=FINGERPRINT, run=RUN, cycle=1, head=head)
    check = CheckReport(key=key, name="whybot proof", conclusion="success", title="proven", summary="All hold.")
    assert bench.apply(check).did == "created"
    assert bench.apply(check).did == "updated"
    assert len(list(bench.forge.checks(head))) == 1


def test_a_dry_run_publishes_nothing(bench: Bench) -> None:
    assert bench.apply(issue(), dry_run=True).did == "not published"
    assert list(bench.forge.issues()) == []


def test_a_check_that_the_account_may_not_make_is_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> ForgeCheck:
        raise NotOffered("No.", "Use an App.")

    monkeypatch.setattr(bench.forge, "create_check", refuse)
    key = CheckKey(repository="acme/shop", fingerprint=FINGERPRINT, run=RUN, cycle=1, head=bench.base)
    check = CheckReport(key=key, name="whybot proof", conclusion="success", title="proven", summary="All hold.")
    assert bench.apply(check) == Receipt(did="not published", note="No. Use an App.")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"key": IssueKey(repository="acme/other", fingerprint=FINGERPRINT)}, "it is for acme/other"),
        ({"key": IssueKey(repository="acme/shop", fingerprint="v1-ffffffffffffffff")}, "another incident"),
        ({"labels": ("bug",)}, "its labels bug"),
    ],
)
def test_an_issue_that_policy_forbids(bench: Bench, change: dict[str, object], why: str) -> None:
    with pytest.raises(PolicyRefused, match=why):
        bench.apply(issue(**change))
    assert list(bench.forge.issues()) == []


def test_a_pull_request_that_is_no_draft_and_one_of_another_cycle(bench: Bench) -> None:
    pull = PullRequestUpsert(
        key=cycle_key("pull_request"), branch=cycle_key("branch"), fixes=KEY, title="t", body="b", draft=False
    )
    with pytest.raises(PolicyRefused, match="no draft"):
        bench.apply(pull)
    other = cycle_key("pull_request").model_copy(update={"cycle": 2})
    with pytest.raises(PolicyRefused, match="another cycle"):
        bench.apply(pull.model_copy(update={"draft": True, "key": other}))


@pytest.mark.parametrize(
    "path", ["README.md", ".github/workflows/ci.yml", "shop/conftest.py", "tests/conftest.py", "bot.toml",
             "uv.lock", "tests/.gitattributes", "shop/sitecustomize.py"],
)
def test_a_branch_that_touches_what_it_may_not(bench: Bench, path: str) -> None:
    head = bench.commit(path)
    with pytest.raises(PolicyRefused, match=f"it changes {path}"):
        bench.apply(bench.branch(head, path))
    assert bench.forge.branch_head("whybot/x") is None


def test_a_branch_that_changes_more_than_it_says(bench: Bench) -> None:
    head = bench.workspace.commit(
        bench.base, (FileChange(path="shop/app.py", content=b"1\n"), FileChange(path="shop/b.py", content=b"2\n")),
        "Fix", START,
    )
    with pytest.raises(PolicyRefused, match=r"it changes shop/app.py, shop/b.py, but says"):
        bench.apply(bench.branch(head, "shop/app.py"))


def test_one_issue_a_cycle(bench: Bench) -> None:
    bench.apply(issue())
    other = issue(key=IssueKey(repository="acme/shop", fingerprint="v1-ffffffffffffffff"))
    bench.published += (RecordedEffect(effect=other),)
    with pytest.raises(PolicyRefused, match="one issue and one pull request"):
        bench.apply(issue())
