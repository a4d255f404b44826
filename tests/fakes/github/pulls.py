"""Pull requests: real differences between real commits."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.fakes.github import issues, shapes, talk_shapes
from tests.fakes.github.accounts import need, writable
from tests.fakes.github.base import (
    Answer,
    Json,
    Listing,
    Refused,
    Request,
    Route,
    Token,
    invalid,
    not_found,
    not_supplied,
)

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

_LINKS = {
    "self": "pulls/{n}", "issue": "issues/{n}", "comments": "issues/{n}/comments",
    "review_comments": "pulls/{n}/comments", "review_comment": "pulls/comments{{/number}}",
    "commits": "pulls/{n}/commits",
}


def add(hub: GitHub, author: Token, title: str, body: str | None, branch: str, draft: bool, base: str = "") -> Json:
    """Open a pull request. Its number is one among the issues' numbers."""
    issue = issues.add(hub, author, title, body, [])
    number = issue["number"]
    page = f"{hub.html}/pull/{number}"
    issue |= {"pull_request": {"url": f"{hub.api}/repos/{hub.full_name}/pulls/{number}"}, "html_url": page}
    hub.pulls[number] = {
        "id": hub.new_id(), "number": number, "title": title, "body": body, "state": "open", "draft": draft,
        "user": issue["user"], "html_url": page, "created_at": issue["created_at"], "updated_at": issue["created_at"],
        "closed_at": None, "merged_at": None, "merge_commit_sha": None,
        "head": {"ref": branch, "sha": hub.head(branch)}, "base": {"ref": base or hub.default_branch},
    }
    if author.kind != "actions":
        hub.ci.append(f"pull_request {branch}")
    return hub.pulls[number]


def merge(hub: GitHub, number: int, by: Token) -> str:
    """Merge as a person does with the button; return the commit."""
    kept = hub.pulls[number]
    base, head = hub.head(kept["base"]["ref"]), hub.head(kept["head"]["ref"])
    assert base
    assert head
    tree = hub.store.run("merge-tree", "--write-tree", base, head).splitlines()[0]
    who = f"{by.login} <{by.login}@users.noreply.github.com> {int(hub.now().timestamp())} +0000"
    made = hub.store.write_commit(tree, [base, head], f"Merge pull request #{number}", who, who)
    hub.store.move(f"refs/heads/{kept['base']['ref']}", made)
    issues.change(hub, hub.issues[number], {"state": "closed"}, by)
    kept |= {"merged_at": hub.stamp(), "merge_commit_sha": made}
    return made


def _difference(hub: GitHub, base: str, head: str) -> Json:
    """How many commits, files and lines are between two commits. They do not change, so it is asked once."""
    if (base, head) not in hub.differences:
        lines = hub.store.run("diff", "--numstat", f"{base}...{head}").splitlines()
        counts = [[int(part) if part.isdigit() else 0 for part in line.split("\t")[:2]] for line in lines]
        hub.differences[base, head] = {
            "commits": int(hub.store.run("rev-list", "--count", f"{base}..{head}")), "changed_files": len(lines),
            "additions": sum(count[0] for count in counts), "deletions": sum(count[1] for count in counts),
        }
    return hub.differences[base, head]


def shape(hub: GitHub, kept: Json, full: bool) -> Json:
    """A pull request. In a listing it lacks what would have to be computed."""
    number, issue = kept["number"], hub.issues[kept["number"]]
    root = f"{hub.api}/repos/{hub.full_name}"
    repository, owner = shapes.repository(hub), shapes.owner(hub)
    ends = {}
    for end in ("head", "base"):
        ref = kept[end]["ref"]
        # A branch that is gone leaves its last commit; the base stays where it was when the pull request ended.
        sha = (hub.head(ref) if kept["state"] == "open" else None) or kept[end].get("sha") or hub.head(ref) or "0" * 40
        kept[end]["sha"] = sha
        # Of a pull request from a fork a test says so: another repository, or None once that is gone.
        repo = kept[end].get("repo", repository)
        ends[end] = {"label": f"{owner['login']}:{ref}", "ref": ref, "sha": sha, "user": owner, "repo": repo}
    links = {name: f"{root}/{path.format(n=number)}" for name, path in _LINKS.items()}
    links |= {"html": kept["html_url"], "statuses": f"{root}/statuses/{ends['head']['sha']}"}
    made = {
        "url": links["self"], "id": kept["id"], "node_id": shapes.node_id("PR", kept["id"]),
        "html_url": kept["html_url"], "diff_url": f"{kept['html_url']}.diff", "patch_url": f"{kept['html_url']}.patch",
        "issue_url": links["issue"], "number": number, "state": kept["state"], "locked": issue["locked"],
        "title": kept["title"], "user": shapes.user(hub, kept["user"]), "body": kept["body"],
        "created_at": kept["created_at"], "updated_at": kept["updated_at"], "closed_at": kept["closed_at"],
        "merged_at": kept["merged_at"], "merge_commit_sha": kept["merge_commit_sha"], "assignee": None, "assignees": [],
        "requested_reviewers": [], "requested_teams": [], "milestone": None, "draft": kept["draft"],
        "labels": [talk_shapes.label(hub, one["name"]) for one in issue["labels"]], "active_lock_reason": None,
        **{f"{name}_url": links[name] for name in
           ("commits", "review_comments", "review_comment", "comments", "statuses")},
        **ends, "_links": {name: {"href": link} for name, link in links.items()},
        "author_association": talk_shapes.association(hub, kept["user"]), "auto_merge": None,
    }
    if full:
        made |= {
            "merged": kept["merged_at"] is not None, "mergeable": None, "rebaseable": None,
            "mergeable_state": "unknown", "merged_by": None, "review_comments": 0, "maintainer_can_modify": False,
            "comments": sum(1 for comment in hub.comments.values() if comment["issue"] == number),
            **_difference(hub, ends["base"]["sha"], ends["head"]["sha"]),
        }
    return made


# Operations


def _list(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "pull_requests", level="read")
    query, owner = request.query, hub.full_name.partition("/")[0]
    # A `head` without an owner is no filter at all (REST, "List pull requests").
    head = query.get("head", "") if ":" in query.get("head", "") else ""
    matching = [
        kept for kept in hub.pulls.values()
        if head in {"", f"{owner}:{kept['head']['ref']}"} and query.get("state", "open") in {"all", kept["state"]}
        and query.get("base", kept["base"]["ref"]) == kept["base"]["ref"]
    ]
    key = {"updated": "updated_at"}.get(query.get("sort", "created"), "number")
    usual = "desc" if query.get("sort", "created") == "created" else "asc"
    matching.sort(key=lambda kept: (kept[key], kept["number"]), reverse=query.get("direction", usual) == "desc")
    return Listing(matching, lambda kept: shape(hub, kept, full=False))


def _create(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "pull_requests", level="write")
    writable(hub)
    if request.token.kind == "actions" and not hub.actions_open_pulls:
        raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
    for name in ("head", "base"):
        if name not in request.content:
            raise not_supplied(name)
    issues.sane("PullRequest", request.content, needs_title=True)
    owner = hub.full_name.partition("/")[0]
    branch, base = request.content["head"].removeprefix(f"{owner}:"), request.content["base"]
    for name, value in (("head", branch), ("base", base)):
        if hub.head(value) is None:
            raise invalid("PullRequest", name, "invalid")
    if any(kept["head"]["ref"] == branch and kept["base"]["ref"] == base and kept["state"] == "open"
           for kept in hub.pulls.values()):
        raise _objection(f"A pull request already exists for {owner}:{branch}.")
    if request.content.get("draft") and not hub.drafts:
        raise Refused(422, "Draft pull requests are not supported in this repository.")
    try:
        hub.store.run("merge-base", base, branch)
    except subprocess.CalledProcessError as bad:
        raise _objection(f"The {branch} branch has no history in common with {base}") from bad
    if _difference(hub, hub.head(base) or "", hub.head(branch) or "")["commits"] == 0:
        raise _objection(f"No commits between {base} and {branch}")
    kept = add(hub, request.token, str(request.content["title"]), request.content.get("body"), branch,
               bool(request.content.get("draft", False)), base)
    made = shape(hub, kept, full=True)
    return Answer(made, 201, {"Location": made["url"]})


def _get(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "pull_requests", level="read")
    return shape(hub, _kept(hub, request), full=True)


def _update(hub: GitHub, request: Request) -> Any:
    kept = _kept(hub, request)
    mine = kept["user"] is not None and kept["user"]["id"] == request.token.id
    need(hub, request.token, "pull_requests", level="write", least="read" if mine else "write")
    writable(hub)
    issues.sane("PullRequest", request.content)
    if request.content.get("state") == "open" and kept["merged_at"] is not None:
        raise invalid("PullRequest", "state", "invalid")
    issues.change(hub, hub.issues[kept["number"]], request.taken("title", "body", "state"), request.token)
    if "base" in request.content:
        if hub.head(request.content["base"]) is None:
            raise invalid("PullRequest", "base", "invalid")
        kept["base"] = {"ref": request.content["base"]}
    return shape(hub, kept, full=True)


def _files(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "pull_requests", level="read")
    made = shape(hub, _kept(hub, request), full=False)
    return Listing(files(hub, made["base"]["sha"], made["head"]["sha"]), lambda item: item)


def files(hub: GitHub, base: str, head: str) -> list[Json]:
    """The files that differ, with their patches."""
    root, found = f"{hub.api}/repos/{hub.full_name}", []
    words = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
    parts = hub.store.run("diff", "--no-renames", "--name-status", "-z", f"{base}...{head}").split("\0")
    for letter, path in zip(parts[::2], parts[1::2], strict=False):
        patch = hub.store.run("diff", "--no-renames", f"{base}...{head}", "--", path)
        hunks = patch[patch.index("@@"):] if "@@" in patch else ""
        added = sum(1 for line in hunks.splitlines() if line.startswith("+"))
        taken = sum(1 for line in hunks.splitlines() if line.startswith("-"))
        kept = hub.store.read(f"{base if letter == 'D' else head}:{path}")
        found.append({
            "sha": kept[0] if kept else None, "filename": path, "status": words[letter], "additions": added,
            "deletions": taken, "changes": added + taken, "blob_url": f"{hub.html}/blob/{head}/{quote(path)}",
            "raw_url": f"{hub.html}/raw/{head}/{quote(path)}",
            "contents_url": f"{root}/contents/{quote(path)}?ref={head}",
            **({"patch": hunks} if hunks else {}),
        })
    return found


def _kept(hub: GitHub, request: Request) -> Json:
    if request.number not in hub.pulls:
        raise not_found()
    return hub.pulls[request.number]


def _objection(message: str) -> Refused:
    return Refused(422, "Validation Failed", errors=[{"resource": "PullRequest", "code": "custom", "message": message}])


_PULLS = "/repos/{owner}/{repo}/pulls"
ROUTES = (
    Route("GET", _PULLS, _list),
    Route("POST", _PULLS, _create),
    Route("GET", f"{_PULLS}/{{pull_number}}", _get),
    Route("PATCH", f"{_PULLS}/{{pull_number}}", _update),
    Route("GET", f"{_PULLS}/{{pull_number}}/files", _files),
)
