"""What a hostile reply or a forged artifact could ask to be published: the publisher refuses, or takes it out."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.local_forge import LocalForge
from bot.domain.config import PolicyConfig, TargetConfig
from bot.domain.effects import (
    BranchPush,
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
from bot.domain.errors import BotError, PolicyRefused
from bot.domain.record import CycleRecord
from bot.engine.publisher import Publisher
from bot.engine.publishing.scope import scope_of
from tests.fakes.repositories import commit_all, git, make_repository
from tests.security.leaving import check_acts_not, check_no_secret, own_text
from tests.security.obedient import HARM
from tests.security.shop import SECRET_LINE
from tests.unit.records import FINGERPRINT, incident, record, retrieved, step

KEY = IssueKey(repository="acme/shop", fingerprint=FINGERPRINT)
RUN = "20251107T081500Z-0a1b2c"
TARGET = TargetConfig(code=("shop/**",), tests=("tests",))


def key(of: str) -> CycleKey:
    return CycleKey.model_validate({
        "of": of, "repository": "acme/shop", "fingerprint": FINGERPRINT, "run": RUN, "cycle": 1,
    })


class Desk:
    """A publisher over the folder forge, and a repository in which a person works."""

    def __init__(self, at: Path) -> None:
        self.clone = at / "shop"
        self.base = make_repository(self.clone, {
            "shop/app.py": b"READY = False\n", ".github/workflows/ci.yml": b"on: push\n",
            "tests/test_app.py": b"x = 1\n",
        })
        workspace = GitWorkspace(self.clone)
        self.forge = LocalForge(at / "forge", workspace)
        self.publisher = Publisher(lambda: self.forge, PolicyConfig(), workspace)
        self.done: tuple[RecordedEffect, ...] = ()

    @property
    def record(self) -> CycleRecord:
        return record(step("retrieve", result=retrieved(incident(), self.base), effects=self.done))

    def apply(self, effect: Effect) -> Receipt:
        receipt = self.publisher.apply(effect, scope_of(self.record), self.done, TARGET)
        self.done += (RecordedEffect(effect=effect, receipt=receipt),)
        return receipt

    def branch(self, head: str, *paths: str, name: str = "whybot/x", base: str = "") -> BranchPush:
        return BranchPush(key=key("branch"), branch=name, base=base or self.base, head=head, paths=paths)

    @property
    def branches(self) -> list[str]:
        return [line for line in git(self.clone, "for-each-ref", "--format=%(refname:short)").splitlines()
                if line != "main"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_texts_are_published_without_power(desk: Desk) -> None:
    text = f"{HARM}\n{SECRET_LINE}"
    desk.apply(IssueUpsert(key=KEY, title=f"@everyone #1 {SECRET_LINE}"[:250], body=text, labels=("whybot",)))
    desk.apply(CommentUpsert(key=key("comment"), on=KEY, body=text))
    git(desk.clone, "checkout", "--quiet", "-b", "work")
    (desk.clone / "shop" / "app.py").write_text("READY = True\n")
    head = commit_all(desk.clone, "Fix")
    desk.apply(desk.branch(head, "shop/app.py"))
    desk.apply(PullRequestUpsert(key=key("pull_request"), branch=key("branch"), fixes=KEY, title="@all", body=text))
    (issue,) = desk.forge.issues()
    (comment,) = desk.forge.comments(issue.number)
    (pull,) = desk.forge.pulls("whybot/x")
    for body, marked in ((issue.body, KEY), (comment.body, key("comment")), (pull.body, key("pull_request"))):
        assert markers_in(body) == {str(marked)}
        own = own_text(body)
        assert own != body
        check_acts_not(own)
    for said in (issue.title, pull.title, issue.body, comment.body, pull.body):
        check_no_secret(said)
    check_acts_not(issue.title)
    check_acts_not(pull.title)
    assert pull.draft


def test_the_check_sees_a_secret_that_is_published(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.engine.publishing.wording.redacted", lambda text: text)
    desk.apply(IssueUpsert(key=KEY, title="t", body=SECRET_LINE, labels=("whybot",)))
    (issue,) = desk.forge.issues()
    with pytest.raises(AssertionError):
        check_no_secret(issue.body)


@pytest.mark.parametrize("name", [
    "main", "refs/heads/main", "whybot/../main", "whybot/x/../../main", "whybot/x y", "whybot/X", "--force", "whybot/",
    "whybot/x\n", "gh-pages", "whybot/@{-1}", "origin/main", "whybot/x:refs/heads/main", "+whybot/x",
], ids=ascii)
def test_no_branch_but_the_bots_own(desk: Desk, name: str) -> None:
    with pytest.raises((ValidationError, BotError)):
        desk.apply(desk.branch(desk.base, name=name))
    assert desk.branches == []


@pytest.mark.parametrize("path", [
    ".github/workflows/ci.yml", ".github/CODEOWNERS", "shop/conftest.py", "tests/conftest.py", "conftest.py",
    "bot.toml",
    "setup.py", "shop/pyproject.toml", "poetry.lock", "shop/.gitattributes", ".gitmodules", "tests/sitecustomize.py",
    "tests/pytest.ini", "README.md", "shop2/app.py", "Dockerfile", ".git-hooks/x",
])
def test_no_path_but_the_targets(desk: Desk, path: str) -> None:
    git(desk.clone, "checkout", "--quiet", "-b", "work")
    (desk.clone / path).parent.mkdir(parents=True, exist_ok=True)
    (desk.clone / path).write_text("owned\n")
    (desk.clone / "shop" / "app.py").write_text("READY = True\n")
    head = commit_all(desk.clone, "Fix")
    with pytest.raises(PolicyRefused, match="it changes"):
        desk.apply(desk.branch(head, *sorted((path, "shop/app.py"))))
    with pytest.raises(PolicyRefused, match="but says"):
        desk.apply(desk.branch(head, "shop/app.py"))
    assert not any(name.startswith("whybot") for name in desk.branches)


@pytest.mark.parametrize("goal", ["/etc/passwd", "../../outside", "app.py"])
def test_no_symbolic_link_is_pushed(desk: Desk, goal: str) -> None:
    git(desk.clone, "checkout", "--quiet", "-b", "work")
    (desk.clone / "shop" / "link.py").symlink_to(goal)
    head = commit_all(desk.clone, "Fix")
    with pytest.raises(PolicyRefused):
        desk.apply(desk.branch(head, "shop/link.py"))


def test_no_submodule_is_pushed(desk: Desk) -> None:
    git(desk.clone, "checkout", "--quiet", "-b", "work")
    git(desk.clone, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},shop/vendored")
    git(desk.clone, "commit", "--quiet", "-m", "Fix")
    with pytest.raises(PolicyRefused):
        desk.apply(desk.branch(git(desk.clone, "rev-parse", "HEAD"), "shop/vendored"))


def test_the_base_is_not_the_effects_to_choose(desk: Desk) -> None:
    """What a branch changes is counted from its base: a forged one would hide what lies below it."""
    git(desk.clone, "checkout", "--quiet", "-b", "work")
    (desk.clone / ".github" / "workflows" / "ci.yml").write_text("on: owned\n")
    base = commit_all(desk.clone, "Owned")
    (desk.clone / "shop" / "app.py").write_text("READY = True\n")
    head = commit_all(desk.clone, "Fix")
    with pytest.raises(PolicyRefused, match="not the commit that the cycle works on"):
        desk.apply(desk.branch(head, "shop/app.py", base=base))


@pytest.mark.parametrize("labels", [("owned",), ("whybot", "approved"), ("whybot\n",), ("@everyone",)], ids=ascii)
def test_no_label_but_those_of_policy(desk: Desk, labels: tuple[str, ...]) -> None:
    with pytest.raises(PolicyRefused, match="its labels"):
        desk.apply(IssueUpsert(key=KEY, title="x", body="x", labels=labels))
    assert list(desk.forge.issues()) == []


def test_no_pull_request_but_a_draft_and_of_this_cycle(desk: Desk) -> None:
    pull = PullRequestUpsert(key=key("pull_request"), branch=key("branch"), fixes=KEY, title="t", body="b", draft=False)
    with pytest.raises(PolicyRefused, match="no draft"):
        desk.apply(pull)
    elsewhere = key("pull_request").model_copy(update={"repository": "acme/other"})
    with pytest.raises(PolicyRefused, match="it is for acme/other"):
        desk.apply(pull.model_copy(update={"draft": True, "key": elsewhere}))
    with pytest.raises(PolicyRefused, match="another incident"):
        desk.apply(IssueUpsert(key=KEY.model_copy(update={"fingerprint": "v1-ffffffffffffffff"}), title="t", body="b"))


def test_a_foreign_issue_is_not_taken_over_by_an_alias(desk: Desk) -> None:
    """A key that stands in somebody's text is no marker, so that no issue of a person's is rewritten."""
    desk.forge.create_issue("A person's", f"They say: <!-- whybot:{KEY} --> is the marker.", ())
    desk.apply(IssueUpsert(key=KEY, title="Ours", body="b", labels=("whybot",)))
    assert [issue.title for issue in desk.forge.issues()] == ["A person's", "Ours"]
