"""A second opinion on GitHub: the adapter, and our own local GitHub, against `emulate`, which others made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.github_answers import UserAnswer
from bot.adapters.github_app import AppTokens
from bot.adapters.github_forge import GitHubForge
from bot.domain.effects import Annotation
from bot.domain.errors import ForgeConflict, ForgeGone, ForgeProblem
from tests.fakes.emulate import Emulate
from tests.fakes.github_api import GitHub, Token
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import git, make_repository

pytestmark = [pytest.mark.emulate, pytest.mark.slow]
ROOT = "/repos/acme/shop"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("second") / "clone"
    make_repository(folder, {"README.md": b"# shop\n"})
    return folder


@pytest.fixture
def emulate() -> Iterator[Emulate]:
    with Emulate() as running:
        yield running


def branch(ask: Callable[..., Any]) -> str:
    """A commit on a branch of its own, by git's data alone; return its id."""
    base = ask("GET", f"{ROOT}/git/ref/heads/main")["object"]["sha"]
    tree = ask("GET", f"{ROOT}/git/commits/{base}")["tree"]["sha"]
    blob = ask("POST", f"{ROOT}/git/blobs", {"content": "Zml4Cg==", "encoding": "base64"})["sha"]
    entry = {"path": "fix.py", "mode": "100644", "type": "blob", "sha": blob}
    tree = ask("POST", f"{ROOT}/git/trees", {"base_tree": tree, "tree": [entry]})["sha"]
    made: str = ask("POST", f"{ROOT}/git/commits", {"message": "Fix", "tree": tree, "parents": [base]})["sha"]
    ask("POST", f"{ROOT}/git/refs", {"ref": "refs/heads/whybot/fix", "sha": made})
    return made


def asker(url: str, seen: list[tuple[str, int, Any]] | None = None) -> Callable[..., Any]:
    def ask(verb: str, path: str, content: Any = None, token: str = "ada") -> Any:
        answer = requests.request(
            verb, url + path, json=content, headers={"Authorization": f"Bearer {token}"}, timeout=10,
            allow_redirects=False,
        )
        found = answer.json() if answer.content else None
        if seen is not None:
            seen.append((f"{verb} {path}", answer.status_code, found))
        return found

    return ask


def test_the_adapter_speaks_to_it_as_to_ours(emulate: Emulate, clone: Path) -> None:
    workspace, clock = GitWorkspace(clone), InstantClock()
    forge = GitHubForge("acme/shop", "ada", emulate.url, workspace, clock)
    assert (forge.account.login, forge.account.kind, forge.permission("ada")) == ("ada", "person", "admin")
    assert forge.permission("nobody") == "none"

    made = forge.create_issue("t", "b", ("whybot", "bug"))
    assert list(forge.issues()) == [made]
    assert forge.update_issue(1, "u", "c", ("more",), reopen=False).labels == ("whybot", "bug", "more")
    forge.unlabel_issue(1, ("more", "none"))
    closed = forge.close_issue(1, "duplicate")
    assert (closed.open, closed.labels) == (False, ("whybot", "bug"))
    assert forge.update_issue(1, "u", "c", (), reopen=True).open

    comment = forge.create_comment(1, "one")
    forge.update_comment(comment.id, "two")
    assert [found.body for found in forge.comments(1)] == ["two"]
    assert (forge.comment_text(comment.id), forge.comment_text(999)) == ("two", None)

    assert forge.state("ledger.json") is None
    first = forge.put_state("ledger.json", b"{}", None)
    second = forge.put_state("ledger.json", b'{"a": 1}', first)
    found = forge.state("ledger.json")
    assert found is not None
    assert (found.content, found.version) == (b'{"a": 1}', second)
    with pytest.raises(ForgeConflict):
        forge.put_state("ledger.json", b"[]", first)

    head = branch(asker(emulate.url))
    assert (forge.branch_head("whybot/fix"), forge.branch_head("whybot/none")) == (head, None)
    pull = forge.create_pull("t", "b", "whybot/fix", draft=True)
    changed = forge.update_pull(pull.number, "u", "c")
    assert list(forge.pulls("whybot/fix")) == [changed]
    assert changed.draft
    assert [issue.number for issue in forge.issues()] == [1]
    for attempt in (lambda: forge.update_issue(99, "t", "b", (), reopen=False), lambda: forge.update_comment(99, "b")):
        with pytest.raises(ForgeGone):
            attempt()

    # An App's token is made as GitHub wants it. Whose it is, GitHub says by GraphQL, which is not there.
    tokens = AppTokens("12345", emulate.key, "KEY", "acme/shop", emulate.url, clock)
    app = GitHubForge("acme/shop", tokens, emulate.url, workspace, clock)
    with pytest.raises(ForgeProblem):
        _ = app.account
    app.place.__dict__["_user"] = UserAnswer(login="whybot[bot]", id=1)
    notes = tuple(Annotation(path="fix.py", start_line=1, end_line=1, level="notice", title="t", message=f"{number}")
                  for number in range(60))
    check = app.create_check(head, "check x", "whybot", "failure", "t", "s", notes)
    assert app.update_check(check.id, "success", "t", "s", notes).conclusion == "success"
    (listed,) = asker(emulate.url)("GET", f"{ROOT}/commits/{head}/check-runs?filter=all")["check_runs"]
    # With each request it forgets the annotations of the one before, where GitHub adds to them: so there were 50, then
    # 10, of which the update saw 10 and brought the other 50.
    assert (listed["external_id"], listed["output"]["annotations_count"]) == ("check x", 50)

    # What it does not serve.
    for missing in (lambda: forge.pin_issue(1, pinned=True), lambda: forge.react(comment.id, "eyes")):
        with pytest.raises(ForgeProblem):
            missing()


def script(ask: Callable[..., Any]) -> None:
    """What both are asked. Ids and addresses differ; statuses and what was told should not."""
    issue, comments = f"{ROOT}/issues/1", f"{ROOT}/issues/1/comments"
    for verb, path, content in (
        ("GET", "/user", None), ("GET", ROOT, None), ("GET", "/repos/acme/none", None),
        ("POST", f"{ROOT}/issues", {"title": "t", "body": "b", "labels": ["bug", "P1"]}), ("GET", issue, None),
        ("POST", f"{ROOT}/issues", {"title": ""}), ("POST", f"{ROOT}/issues", {}), ("GET", f"{ROOT}/issues/99", None),
        ("PATCH", issue, {"state": "closed"}), ("PATCH", issue, {"state": "open"}),
        ("PATCH", issue, {"state": "closed", "state_reason": "duplicate"}), ("PATCH", issue, {"state": "maybe"}),
        ("PATCH", issue, {"title": "u", "body": None}), ("POST", f"{issue}/labels", {"labels": ["bug", "more"]}),
        ("DELETE", f"{issue}/labels/more", None), ("DELETE", f"{issue}/labels/more", None),
        ("GET", f"{ROOT}/issues", None), ("GET", f"{ROOT}/issues?state=all&creator=ada", None),
        ("POST", comments, {"body": "c"}), ("POST", comments, {"body": ""}), ("GET", comments, None),
        ("POST", f"{ROOT}/issues/99/comments", {"body": "c"}), ("GET", f"{ROOT}/issues/comments/9", None),
        ("GET", f"{ROOT}/git/ref/heads/nowhere", None), ("GET", f"{ROOT}/contents/README.md", None),
        ("GET", f"{ROOT}/contents/none", None),
        ("PUT", f"{ROOT}/contents/README.md", {"message": "m", "content": "eA=="}),
        ("PUT", f"{ROOT}/contents/README.md", {"message": "m", "content": "eA==", "sha": "deadbeef"}),
        ("PUT", f"{ROOT}/contents/new", {"message": "m", "content": "eA=="}),
        ("PUT", f"{ROOT}/contents/new2", {"message": "m", "content": "eA==", "branch": "nowhere"}),
        ("POST", f"{ROOT}/git/refs", {"ref": "refs/heads/main", "sha": "0" * 40}),
        ("GET", f"{ROOT}/collaborators/ada/permission", None), ("GET", f"{ROOT}/collaborators/none/permission", None),
    ):
        ask(verb, path, content)
    head = branch(ask)
    pulls = {"title": "p", "head": "whybot/fix", "base": "main", "draft": True}
    check = {"name": "w", "head_sha": head, "conclusion": "success", "output": {"title": "t", "summary": "s"}}
    for verb, path, content in (
        ("POST", f"{ROOT}/git/refs", {"ref": "refs/heads/whybot/fix", "sha": head}),
        ("POST", f"{ROOT}/pulls", pulls), ("GET", f"{ROOT}/pulls/2", None), ("GET", f"{ROOT}/issues/2", None),
        ("GET", f"{ROOT}/pulls?head=acme:whybot/fix&state=all", None), ("PATCH", f"{ROOT}/pulls/2", {"title": "q"}),
        ("POST", f"{ROOT}/pulls", pulls), ("POST", f"{ROOT}/pulls", {**pulls, "head": "none"}),
        ("POST", f"{ROOT}/check-runs", check), ("PATCH", f"{ROOT}/git/refs/heads/nowhere", {"sha": head}),
    ):
        ask(verb, path, content)
    ask("GET", issue, None, "unknown")


TOLD = (
    "title", "body", "state", "state_reason", "draft", "merged", "full_name", "default_branch", "login", "permission",
    "role_name", "content", "encoding", "mode", "path", "number", "commits", "additions", "changed_files", "locked",
)


def told(found: Any) -> Any:
    """What an answer says that no two servers should say differently."""
    if isinstance(found, list):
        return [told(item) for item in found]
    if not isinstance(found, dict) or "message" in found:
        return None
    facts = {name: found[name] for name in TOLD if name in found and not isinstance(found[name], dict)}
    if isinstance(facts.get("content"), str):
        facts["content"] = facts["content"].replace("\n", "")
    if "labels" in found:
        facts["labels"] = [label["name"] for label in found["labels"]]
    return facts | ({"label": found["name"]} if "color" in found else {})


_REAL = {"additions": (1, 0), "changed_files": (1, 0), "commits": (1, 2)}
_REASON = {"state_reason": ("duplicate", "completed")}
DIFFERENCES: dict[str, Any] = {
    # It does not know the reason `duplicate`, and takes any word for a state.
    "10 PATCH /issues/1": _REASON, "12 PATCH /issues/1": _REASON, "17 GET /issues?state=all&creator=ada": _REASON,
    "11 PATCH /issues/1": (422, 200),
    # Its commits are not git's, so it counts them but compares nothing.
    "40 POST /pulls": _REAL, "41 GET /pulls/2": _REAL, "44 PATCH /pulls/2": _REAL,
    # On GitHub a pull request is an issue, too, and a listing of them has no counts.
    "42 GET /issues/2": (200, 404),
    "43 GET /pulls?head=acme:whybot/fix&state=all": {
        "additions": (None, 0), "changed_files": (None, 0), "commits": (None, 2), "merged": (None, False),
    },
    # It takes a second pull request from one branch, and one from a branch that is not there.
    "45 POST /pulls": (422, 201), "46 POST /pulls": (422, 201),
    # It lets people make check runs, which only Apps can.
    "47 POST /check-runs": (403, 201),
    # GitHub answers 422 "Reference does not exist".
    "48 PATCH /git/refs/heads/nowhere": (422, 404),
    # It takes any token.
    "49 GET /issues/1": (401, 200),
}
"""Ours, then its: where they differ, GitHub's documentation is on our side. In all else they agree."""


def test_where_the_two_differ(emulate: Emulate, clone: Path, tmp_path: Path) -> None:
    ours: list[tuple[str, int, Any]] = []
    theirs: list[tuple[str, int, Any]] = []
    hub = GitHub(tmp_path / "hub", check=False)
    hub.tokens["ada"] = Token("ada", 7, role="admin")
    git(clone, "push", "--quiet", str(hub.bare), "main")
    try:
        script(asker(hub.url, ours))
        script(asker(emulate.url, theirs))
    finally:
        hub.close()
    assert len(ours) == len(theirs) > 45
    found = {}
    for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        name = f"{index} {mine[0].replace(ROOT, '')}"
        if mine[1] != other[1]:
            found[name] = (mine[1], other[1])
        elif differing := difference(told(mine[2]), told(other[2])):
            found[name] = differing
    assert found == DIFFERENCES


def difference(mine: Any, other: Any) -> Any:
    """What two answers say differently; of lists of the same length, what their first unequal items do."""
    if isinstance(mine, list) and isinstance(other, list) and len(mine) == len(other):
        return next((found for pair in zip(mine, other, strict=True) if (found := difference(*pair))), {})
    if not isinstance(mine, dict) or not isinstance(other, dict):
        return (mine, other) if mine != other else {}
    pairs = {name: (mine.get(name), other.get(name)) for name in sorted(mine | other)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
