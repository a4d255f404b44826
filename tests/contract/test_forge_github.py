"""GitHub as it really is: what goes away, is locked, moved, switched off, forbidden, or done by another meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.github_answers import PermissionAnswer
from bot.adapters.github_forge import GitHubForge
from bot.domain.effects import Annotation
from bot.domain.errors import ConfigProblem, ForgeConflict, ForgeGone, ForgeProblem, NotOffered, PolicyRefused
from bot.ports import FileChange, Permission
from tests.contract.forge_setting import (
    ACTIONS,
    APP,
    BODY,
    OTHER_APP,
    PERSON,
    SECRET,
    STRANGER,
    WHEN,
    hub,
)
from tests.fakes.github_api import Fault, GitHub, Person, Token, actions_token
from tests.fakes.instant_clock import InstantClock


def test_only_the_bots_own_is_listed(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    for token in (APP, PERSON):
        forge = hub(github, workspace, clock, token)
        github.issues.clear()
        base = workspace.resolve("HEAD")
        assert base is not None
        forge.push("whybot/fix", base)
        for author in (STRANGER, OTHER_APP):
            github.add_issue(author, "theirs", BODY, ["whybot"])
        mine = forge.create_issue("mine", BODY, ())
        github.add_pull(STRANGER, "theirs", BODY, "whybot/fix", draft=True)
        github.add_comment(STRANGER, mine.number, BODY)
        comment = forge.create_comment(mine.number, BODY)
        github.issues[1]["user"] = None
        assert list(forge.issues()) == [mine]
        assert list(forge.comments(mine.number)) == [comment]
        assert list(forge.pulls("whybot/fix")) == []
        github.pulls.clear()
    forge = hub(github, workspace, clock)
    check = forge.create_check(base, "mine", "whybot", "success", "t", "s")
    github.checks[check.id] |= {"app": {"slug": "another"}}
    assert list(forge.checks(base)) == []


def test_an_app_is_asked_who_it_is(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    assert (forge.account.login, github.requests) == (APP.login, ["GET /user", "POST /graphql"])
    github.requests.clear()
    forge = hub(github, workspace, clock, PERSON)
    assert (forge.account.login, github.requests) == (PERSON.login, ["GET /user"])


def test_a_filter_that_finds_nothing_is_not_trusted(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    """As on GitHub Enterprise Cloud, where an App's login matches nothing."""
    github.add_issue(STRANGER, "theirs", "b", [])
    mine = github.add_issue(APP, "mine", "b", [])
    forge = hub(github, workspace, clock)
    for fault in (Fault("GET", "creator=", 200, body="[]"), Fault("GET", "creator=", 422)):
        github.faults[:] = [fault]
        assert [issue.number for issue in forge.issues()] == [mine["number"]]
        assert fault.times == 0
    github.requests.clear()
    assert [issue.number for issue in forge.issues()] == [mine["number"]]
    assert len(github.requests) == 1, "a filter that finds something saves the pages of everybody else"
    github.faults[:] = [Fault("GET", "creator=", 403)]
    with pytest.raises(ForgeProblem):
        list(forge.issues())
    person = hub(github, workspace, clock, PERSON)
    github.requests.clear()
    assert list(person.issues()) == []
    assert sum("/issues" in request for request in github.requests) == 1


def test_checks_need_an_app(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    base = workspace.resolve("HEAD")
    assert base is not None
    for token in (PERSON, Token("x[bot]", 5, app="x", checks=False)):
        forge = hub(github, workspace, clock, token)
        with pytest.raises(ForgeProblem) as caught:
            forge.create_check(base, "x", "whybot", "success", "t", "s")
        assert "checks: write" in caught.value.remedy
        assert list(forge.checks(base)) == []


def test_a_repository_that_was_renamed(tmp_path: Path, workspace: GitWorkspace, clock: InstantClock) -> None:
    github = GitHub(tmp_path / "moved", moved_from="acme/old")
    try:
        github.tokens[SECRET] = PERSON
        forge = GitHubForge("acme/old", SECRET, github.url, workspace, clock)
        forge.create_issue("t", "b", ())
        github.issues[1]["state"] = "closed"
        assert [issue.open for issue in forge.issues()] == [False]
        assert "state=all" in github.requests[-1]
    finally:
        github.close()


def test_an_issue_that_was_moved_is_not_changed(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ("a",))
    comment = forge.create_comment(1, "c")
    github.transfer_issue(1, "acme/other", 9)
    for attempt in (
        lambda: forge.update_issue(1, "new", "new", ("x",), reopen=False), lambda: forge.close_issue(1, "completed"),
        lambda: forge.unlabel_issue(1, ("a",)),
    ):
        with pytest.raises(ForgeGone, match="acme/other/issues/9"):
            attempt()
    for attempt in (
        lambda: forge.create_comment(1, "mine"), lambda: list(forge.comments(1)), lambda: forge.pin_issue(1, True),
        lambda: forge.update_comment(comment.id, "changed"), lambda: forge.react(comment.id, "eyes"),
    ):
        with pytest.raises(ForgeGone):
            attempt()
    assert forge.comment_text(comment.id) is None
    assert list(forge.issues()) == []
    assert github.strayed == [], "nothing was written where it went"


def test_an_issue_that_was_deleted(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ())
    github.delete_issue(1)
    for attempt in (
        lambda: forge.update_issue(1, "t", "b", (), reopen=True), lambda: forge.close_issue(1, "duplicate"),
        lambda: forge.create_comment(1, "b"), lambda: list(forge.comments(1)), lambda: forge.pin_issue(1, False),
    ):
        with pytest.raises(ForgeGone) as caught:
            attempt()
        assert "deleted" in caught.value.remedy
    assert forge.create_issue("again", "b", ()).number == 2


def test_a_missing_permission_is_not_taken_for_a_deletion(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ("x",))
    comment = forge.create_comment(1, "b")
    github.faults += [
        Fault("PATCH", "/comments/", 404), Fault("PATCH", "/issues/1$", 404), Fault("DELETE", "/labels/", 404),
    ]
    for attempt in (
        lambda: forge.update_comment(comment.id, "c"), lambda: forge.update_issue(1, "n", "b", (), reopen=False),
        lambda: forge.unlabel_issue(1, ("x",)),
    ):
        with pytest.raises(ForgeProblem) as caught:
            attempt()
        assert not isinstance(caught.value, ForgeGone)
        assert "lacks access" in caught.value.remedy


def test_a_locked_conversation(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ())
    comment = forge.create_comment(1, "before")
    github.issues[1]["locked"] = True
    (issue,) = forge.issues()
    assert issue.locked
    with pytest.raises(NotOffered, match="locked") as caught:
        forge.create_comment(1, "b")
    assert "Unlock" in caught.value.remedy
    with pytest.raises(NotOffered):
        forge.react(comment.id, "eyes")
    assert forge.update_comment(comment.id, "after").body == "after", "what is there may be changed"
    assert forge.update_issue(1, "new", "b", (), reopen=False).locked
    person = hub(github, workspace, clock, PERSON)
    assert person.create_comment(1, "a person may").body == "a person may"


def test_issues_that_are_switched_off(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ())
    github.has_issues = False
    for attempt in (
        lambda: forge.create_issue("t", "b", ()), lambda: list(forge.issues()),
        lambda: forge.update_issue(1, "t", "b", (), reopen=True),
    ):
        with pytest.raises(ForgeProblem) as caught:
            attempt()
        assert not isinstance(caught.value, ForgeGone), "they are there again once they are switched on"
        assert "switched off" in caught.value.remedy


def test_an_archived_repository(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ())
    comment = forge.create_comment(1, "b")
    base = workspace.resolve("HEAD")
    assert base is not None
    github.archived = True
    for attempt in (
        lambda: forge.create_issue("t", "b", ()), lambda: forge.create_comment(1, "b"),
        lambda: forge.react(comment.id, "eyes"), lambda: forge.put_state("ledger.json", b"", None),
        lambda: forge.create_check(base, "k", "whybot", "success", "t", "s"), lambda: forge.push("whybot/fix", base),
    ):
        with pytest.raises(ForgeProblem) as caught:
            attempt()
        assert not isinstance(caught.value, NotOffered)
        assert "archived" in caught.value.what
        assert "unarchive" in caught.value.remedy.lower()
    assert [issue.number for issue in forge.issues()] == [1]


def test_no_right_to_write(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock, Token("reader", 3, write=False))
    base = workspace.resolve("HEAD")
    assert base is not None
    for attempt in (
        lambda: forge.push("whybot/fix", base),
        lambda: forge.create_pull("t", "b", "whybot/fix", draft=True),
    ):
        with pytest.raises(ForgeProblem) as caught:
            attempt()
        assert "write access" in caught.value.remedy
        assert SECRET not in str(caught.value)


def test_drafts_that_the_plan_does_not_allow(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    github.faults.append(Fault(
        "POST", "/pulls", 422, body='{"message": "Draft pull requests are not supported in this repository."}'
    ))
    with pytest.raises(ForgeProblem, match="Draft") as caught:
        forge.create_pull("t", "b", "whybot/fix", draft=True)
    assert "paid plan" in caught.value.remedy


def test_an_empty_repository_has_no_branch(tmp_path: Path, workspace: GitWorkspace, clock: InstantClock) -> None:
    github = GitHub(tmp_path / "empty")
    try:
        assert hub(github, workspace, clock).branch_head("whybot/fix") is None
    finally:
        github.close()


def test_an_empty_repository_says_so(tmp_path: Path, workspace: GitWorkspace, clock: InstantClock) -> None:
    github = GitHub(tmp_path / "empty")
    try:
        forge = hub(github, workspace, clock)
        assert forge.state("ledger.json") is None
        with pytest.raises(ForgeProblem) as caught:
            forge.put_state("ledger.json", b"", None)
        assert "push a first one" in caught.value.remedy
    finally:
        github.close()


@pytest.mark.parametrize(("token", "refused"), [(APP, True), (PERSON, True), (ACTIONS, False)])
def test_code_that_nobody_has_read_starts_no_ci(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, token: Token, refused: bool
) -> None:
    base = workspace.resolve("HEAD")
    assert base is not None
    cautious = hub(github, workspace, clock, token, ci=False)
    if refused:
        with pytest.raises(PolicyRefused) as caught:
            cautious.push("whybot/fix", base)
        assert "ci_on_unreviewed_code = true" in caught.value.remedy
        assert token.login in caught.value.what
        assert github.head("whybot/fix") is None
        assert not any(".git/" in request for request in github.requests)
        hub(github, workspace, clock, token).push("whybot/fix", base)
        assert github.ci == ["push whybot/fix"]
    else:
        cautious.push("whybot/fix", base)
        assert github.ci == []
    assert github.head("whybot/fix") == base


def test_the_state_branch_is_an_orphan_that_starts_nothing(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock, PERSON, ci=False)
    version = forge.put_state("ledger.json", b"1", None)
    forge.put_state("ledger.json", b"2", version)
    assert github.git("rev-list", "--count", "whybot-state") == "2"
    assert github.git("ls-tree", "-r", "--name-only", "whybot-state") == "ledger.json"
    assert github.git("merge-base", "--all", "main", "main") != ""
    assert github.git("rev-list", "--max-parents=0", "whybot-state") != github.git("rev-list", "main")
    assert github.git("show", "whybot-state:ledger.json") == "2"
    assert github.ci == []


def test_two_writers_of_the_state(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    """Whoever moves the branch second begins anew: over another file it goes on, over the same one it stops."""
    forge, other = hub(github, workspace, clock), hub(github, workspace, clock)
    github.faults.append(Fault("POST", "/git/refs$", how="pass", act=lambda: other.put_state("b.json", b"b", None)))
    first = forge.put_state("a.json", b"a", None)
    github.faults[:] = [Fault("PATCH", "/git/refs/", how="pass", act=lambda: other.put_state("c.json", b"c", None))]
    first = forge.put_state("a.json", b"aa", first)
    assert [forge.state(name).content for name in ("a.json", "b.json", "c.json")] == [b"aa", b"b", b"c"]  # type: ignore[union-attr]
    github.faults[:] = [Fault("PATCH", "/git/refs/", how="pass", act=lambda: other.put_state("a.json", b"x", first))]
    with pytest.raises(ForgeConflict):
        forge.put_state("a.json", b"y", first)
    found = forge.state("a.json")
    assert found is not None
    assert found.content == b"x", "the first stays"


@pytest.mark.parametrize("path", ["POST /git/blobs", "POST /git/trees", "POST /git/commits", "POST /git/refs$"])
def test_a_lost_answer_while_the_state_is_written(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, path: str
) -> None:
    forge = hub(github, workspace, clock)
    verb, _, rest = path.partition(" ")
    github.faults.append(Fault(verb, rest, 502, after=True))
    version = forge.put_state("ledger.json", b"1", None)
    github.faults[:] = [Fault("PATCH" if "refs" in path else verb, rest.rstrip("$"), 0, after=True)]
    second = forge.put_state("ledger.json", b"2", version)
    assert github.faults[0].times == 0
    found = forge.state("ledger.json")
    assert found is not None
    assert (found.content, found.version) == (b"2", second)
    assert github.git("rev-list", "--count", "whybot-state") == "2"


def test_a_large_state(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    content = bytes(range(256)) * 8_000
    forge = hub(github, workspace, clock)
    version = forge.put_state("ledger.json", content, None)
    found = forge.state("ledger.json")
    assert found is not None
    assert (found.content == content, found.version) == (True, version)


def test_the_state_is_not_kept_on_the_default_branch(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    github.tokens[SECRET] = APP
    forge = GitHubForge("acme/shop", SECRET, github.url, workspace, clock, state_branch="main")
    with pytest.raises(ConfigProblem, match="the default branch"):
        forge.put_state("ledger.json", b"", None)


def test_no_state_branch(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    github.tokens[SECRET] = APP
    forge = GitHubForge("acme/shop", SECRET, github.url, workspace, clock, state_branch="")
    assert forge.state("ledger.json") is None
    with pytest.raises(NotOffered, match="No state branch"):
        forge.put_state("ledger.json", b"", None)
    assert github.requests == []


def test_a_fourth_pin(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    for number in range(1, 6):
        forge.create_issue(f"t{number}", "b", ())
    for number in (1, 2, 3):
        forge.pin_issue(number, True)
    with pytest.raises(NotOffered, match="3 are pinned already"):
        forge.pin_issue(4, True)
    forge.pin_issue(2, True)
    forge.pin_issue(5, False)
    forge.pin_issue(1, False)
    forge.pin_issue(4, True)
    assert github.pinned == [2, 3, 4]


def test_pins_that_others_change_meanwhile(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    for number in range(1, 5):
        forge.create_issue(f"t{number}", "b", ())
    forge.pin_issue(4, False)
    at = github.upcoming(2)
    github.faults.append(Fault("POST", "/graphql", how="pass", at=at, act=lambda: github.pinned.append(1)))
    forge.pin_issue(1, True)
    assert github.pinned == [1]
    at = github.upcoming(2)
    github.faults[:] = [Fault("POST", "/graphql", how="pass", at=at, act=lambda: github.pinned.extend([2, 3]))]
    with pytest.raises(NotOffered, match="Maximum 3"):
        forge.pin_issue(4, True)
    assert github.pinned == [1, 2, 3]


def test_pins_need_a_permission(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    github.add_issue(APP, "t", "b", [])
    forge = hub(github, workspace, clock, actions_token(issues="read"))
    with pytest.raises(NotOffered, match="not accessible") as caught:
        forge.pin_issue(1, True)
    assert "issues: write" in caught.value.remedy


def test_a_reaction_needs_a_permission(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    github.add_issue(APP, "t", "b", [])
    comment = github.add_comment(STRANGER, 1, "/bot help")
    forge = hub(github, workspace, clock, actions_token(issues="read"))
    with pytest.raises(NotOffered, match="not accessible") as caught:
        forge.react(comment["id"], "eyes")
    assert "issues: write" in caught.value.remedy


@pytest.mark.parametrize("role", ["read", "triage", "write", "maintain", "admin"])
def test_what_somebody_may_do(github: GitHub, workspace: GitWorkspace, clock: InstantClock, role: Permission) -> None:
    github.people["eve"] = Person("eve", 8, role)
    assert hub(github, workspace, clock, actions_token(issues="write")).permission("eve") == role


def test_what_others_may_do(tmp_path: Path, github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    github.people["eve"] = Person("eve", 8, "write", role_name="Release crew")
    assert forge.permission("eve") == "write", "a role of the organisation's own counts as what it is based on"
    github.people["eve"] = Person("eve", 8, "read", role_name="write")
    assert forge.permission("eve") == "read", "the two do not fit, so the name is not believed"
    assert forge.permission("mallory-who-never-was") == "none"
    github.requests.clear()
    for login in ("", ".", "..", "a/b", "a b", "eve?x=1", "eve#", "x" * 200, "eve\n"):
        assert forge.permission(login) == "none"
    assert github.requests == []
    assert forge.permission("whybot-for-acme[bot]") == "none"
    private = GitHub(tmp_path / "private", private=True)
    try:
        private.add_issue(STRANGER, "t", "b", [])
        assert hub(private, workspace, clock).permission("mallory") == "none"
    finally:
        private.close()


def test_a_permission_that_is_not_known_is_no_permission() -> None:
    said = PermissionAnswer(permission="owner-of-everything", role_name="write")
    assert said.as_permission() == "none"
    assert PermissionAnswer(permission="admin").as_permission() == "admin"


def test_a_permission_that_cannot_be_asked(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock, Token("reader", 3, write=False))
    with pytest.raises(ForgeProblem, match="push access"):
        forge.permission("eve")


def test_a_pull_request_of_somebody_elses(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    base = workspace.resolve("HEAD")
    assert base is not None
    fix = workspace.commit(base, (FileChange(path="fix.py", content=b"1"),), "Fix", WHEN)
    forge.push("whybot/fix", fix)
    github.add_pull(STRANGER, "theirs", "b", "whybot/fix", draft=False)
    with pytest.raises(ForgeProblem, match="already exists") as caught:
        forge.create_pull("mine", "b", "whybot/fix", draft=True)
    assert "Somebody else" in caught.value.remedy


def test_a_pull_request_that_another_run_opens_first(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock)
    base = workspace.resolve("HEAD")
    assert base is not None
    fix = workspace.commit(base, (FileChange(path="fix.py", content=b"1"),), "Fix", WHEN)
    forge.push("whybot/fix", fix)
    github.faults.append(Fault(
        "POST", "/pulls$", how="pass", act=lambda: github.add_pull(APP, "first", "b", "whybot/fix", draft=True)
    ))
    made = forge.create_pull("second", "b", "whybot/fix", draft=True)
    assert (made.title, made.number) == ("first", 1)
    assert len(github.pulls) == 1


def test_actions_may_be_forbidden_to_open_pull_requests(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock, ACTIONS)
    base = workspace.resolve("HEAD")
    assert base is not None
    forge.push("whybot/fix", workspace.commit(base, (FileChange(path="fix.py", content=b"1"),), "Fix", WHEN))
    github.actions_open_pulls = False
    with pytest.raises(ForgeProblem) as caught:
        forge.create_pull("t", "b", "whybot/fix", draft=True)
    assert "Allow GitHub Actions to create and approve pull requests" in caught.value.remedy


def test_a_branch_that_is_protected(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    forge = hub(github, workspace, clock)
    base = workspace.resolve("HEAD")
    assert base is not None
    github.protect("whybot/*")
    with pytest.raises(ForgeProblem, match="GH006") as caught:
        forge.push("whybot/fix", base)
    assert "whybot/**" in caught.value.remedy


def test_annotations_after_a_lost_answer_are_not_there_twice(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    forge = hub(github, workspace, clock)
    base = workspace.resolve("HEAD")
    assert base is not None
    remarks = tuple(
        Annotation(path="a.py", start_line=line, end_line=line, level="notice", title=f"t{line}", message="m")
        for line in range(1, 131)
    )
    github.faults.append(Fault("PATCH", "/check-runs/", 502, after=True))
    with pytest.raises(ForgeProblem):
        forge.create_check(base, "k", "whybot", "failure", "t", "s", remarks)
    (check,) = forge.checks(base)
    forge.update_check(check.id, "failure", "t", "s", remarks)
    assert [one["title"] for one in github.checks[check.id]["annotations"]] == [f"t{line}" for line in range(1, 131)]


def test_an_older_server_that_knows_no_duplicates(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock
) -> None:
    github.state_reasons = ("completed", "not_planned", "reopened")
    forge = hub(github, workspace, clock)
    forge.create_issue("t", "b", ())
    assert forge.close_issue(1, "duplicate").open is False
    assert github.issues[1]["state_reason"] == "not_planned"


def test_github_enterprise(github: GitHub, workspace: GitWorkspace, clock: InstantClock) -> None:
    github.tokens[SECRET] = APP
    github.api = f"{github.url}/api/v3"
    forge = GitHubForge(
        "acme/shop", SECRET, f"{github.url}/api/v3/", workspace, clock, ci_on_unreviewed_code=True
    )
    base = workspace.resolve("HEAD")
    assert base is not None
    for number in range(150):
        github.add_issue(APP, f"t{number}", "b", [])
    assert forge.account.kind == "app"
    assert len(list(forge.issues())) == 150
    forge.pin_issue(1, True)
    assert github.pinned == [1]
    forge.push("whybot/fix", base)
    assert github.head("whybot/fix") == base
    paths = [request.partition(" ")[2] for request in github.requests]
    assert "/api/graphql" in paths
    assert all(path.startswith(("/api/", "/acme/shop.git/")) for path in paths)
    github.rename("acme/renamed")
    assert forge.create_comment(1, "c").body == "c", "a redirection keeps the root"
