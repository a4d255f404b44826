"""Git's own things over REST: blobs, trees, commits."""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.fakes.github import shapes
from tests.fakes.github.accounts import need, writable
from tests.fakes.github.base import (
    Answer,
    Json,
    Refused,
    Request,
    Route,
    Token,
    not_found,
    not_supplied,
)
from tests.fakes.github.store import Commit

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

_SHA = re.compile(r"[0-9a-f]{40}")


def stamp(hub: GitHub, token: Token, who: Json | None) -> str:
    """`NAME <MAIL> SECONDS ZONE` of who is given, else of whose token it is."""
    if who is None:
        return f"{token.login} <{token.id}+{token.login}@users.noreply.github.com> {int(hub.now().timestamp())} +0000"
    if not who.get("name") or not who.get("email"):
        raise not_supplied("name" if not who.get("name") else "email")
    moment = datetime.fromisoformat(who["date"]) if "date" in who else hub.now()
    zone = moment.strftime("%z") or "+0000"
    name, mail = (re.sub(r"[<>\n]", "", who[part]) for part in ("name", "email"))
    return f"{name} <{mail}> {int(moment.timestamp())} {zone}"


def signature(stamped: str) -> Json:
    """A stamp of git's as REST has it."""
    match = re.fullmatch(r"(.*) <(.*)> (\d+) [+-]\d{4}", stamped)
    assert match is not None, stamped
    moment = datetime.fromtimestamp(int(match[3]), UTC)
    return {"name": match[1], "email": match[2], "date": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}


def commit_shape(hub: GitHub, commit: Commit) -> Json:
    """A commit, as git's part of the API has it."""
    root = f"{hub.api}/repos/{hub.full_name}/git"
    return {
        "sha": commit.sha, "node_id": shapes.node_id("C", commit.sha), "url": f"{root}/commits/{commit.sha}",
        "html_url": f"{hub.html}/commit/{commit.sha}", "author": signature(commit.author),
        "committer": signature(commit.committer), "message": commit.message,
        "tree": {"sha": commit.tree, "url": f"{root}/trees/{commit.tree}"},
        "parents": [
            {"sha": parent, "url": f"{root}/commits/{parent}", "html_url": f"{hub.html}/commit/{parent}"}
            for parent in commit.parents
        ],
        "verification": {
            "verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None,
        },
    }


# Operations


def _create_blob(hub: GitHub, request: Request) -> Any:
    writing(hub, request)
    (content,) = given(request, "content")
    sha = hub.store.write_blob(decoded(content) if request.content.get("encoding") == "base64" else content.encode())
    url = f"{hub.api}/repos/{hub.full_name}/git/blobs/{sha}"
    return Answer({"sha": sha, "url": url}, 201, {"Location": url})


def _get_blob(hub: GitHub, request: Request) -> Any:
    reading(hub, request)
    sha = request.match["file_sha"]
    found = hub.store.read(sha) if _SHA.fullmatch(sha) else None
    if found is None or found[1] != "blob":
        raise not_found()
    return {
        "sha": sha, "node_id": shapes.node_id("B", sha), "size": len(found[2]), "encoding": "base64",
        "url": f"{hub.api}/repos/{hub.full_name}/git/blobs/{sha}", "content": base64.encodebytes(found[2]).decode(),
    }


def _create_tree(hub: GitHub, request: Request) -> Any:
    writing(hub, request)
    if "tree" not in request.content:
        raise not_supplied("tree")
    base = request.content.get("base_tree", "")
    if base and hub.store.type_of(base) not in {"tree", "commit"}:
        raise not_found()
    lines = []
    for item in request.content["tree"]:
        if item.get("sha") is not None and "content" in item:
            raise Refused(422, "Must supply either tree.sha or tree.content, not both")
        sha = hub.store.write_blob(item["content"].encode()) if "content" in item else item.get("sha")
        if sha and not hub.store.type_of(sha) and item["mode"] != "160000":
            raise Refused(422, f"tree.sha {sha} does not exist")
        path = item["path"]
        if path.startswith("/") or any(part in {"", ".", "..", ".git"} for part in path.split("/")):
            raise Refused(422, "tree.path contains a malformed path component")
        lines.append((item["mode"], sha or "", path))
    try:
        sha = hub.store.write_tree(base, lines)
    except subprocess.CalledProcessError as bad:
        raise Refused(422, "GitRPC::BadObjectState") from bad
    made = _tree_shape(hub, sha, recursive=False)
    return Answer(made, 201, {"Location": made["url"]})


def _get_tree(hub: GitHub, request: Request) -> Any:
    reading(hub, request)
    name = request.match["tree_sha"]
    sha = name if hub.store.type_of(name) == "tree" else ""
    if not sha:
        commit = hub.store.commit(hub.store.resolved(name) or name)
        if commit is None:
            raise not_found()
        sha = commit.tree
    return _tree_shape(hub, sha, recursive="recursive" in request.query)


def _tree_shape(hub: GitHub, sha: str, *, recursive: bool) -> Json:
    root = f"{hub.api}/repos/{hub.full_name}/git"
    lines = []
    for entry in hub.store.tree(sha, recursive=recursive):
        line: Json = {"path": entry.path, "mode": entry.mode, "type": entry.type, "sha": entry.sha}
        if entry.type == "blob":
            line["size"] = entry.size
        if entry.type != "commit":
            line["url"] = f"{root}/{entry.type}s/{entry.sha}"
        lines.append(line)
    return {"sha": sha, "url": f"{root}/trees/{sha}", "tree": lines, "truncated": False}


def _create_commit(hub: GitHub, request: Request) -> Any:
    writing(hub, request)
    message, tree = given(request, "message", "tree")
    parents = request.content.get("parents", [])
    if hub.store.type_of(tree) != "tree":
        raise Refused(422, "Tree SHA does not exist")
    if any(hub.store.type_of(parent) != "commit" for parent in parents):
        raise Refused(422, "Parent SHA does not exist or is not a commit object")
    author = stamp(hub, request.token, request.content.get("author"))
    committer = stamp(hub, request.token, request.content.get("committer", request.content.get("author")))
    sha = hub.store.write_commit(tree, parents, message, author, committer)
    commit = hub.store.commit(sha)
    assert commit is not None
    made = commit_shape(hub, commit)
    return Answer(made, 201, {"Location": made["url"]})


def _get_commit(hub: GitHub, request: Request) -> Any:
    reading(hub, request)
    sha = request.match["commit_sha"]
    commit = hub.store.commit(sha) if hub.store.type_of(sha) == "commit" else None
    if commit is None:
        raise not_found()
    return commit_shape(hub, commit)


def decoded(content: str) -> bytes:
    """Base64, with line breaks or without."""
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as bad:
        raise Refused(422, "content is not valid Base64") from bad


def given(request: Request, *names: str) -> list[str]:
    """Parts of the body that have to be there."""
    for name in names:
        if name not in request.content:
            raise not_supplied(name)
    return [str(request.content[name]) for name in names]


def reading(hub: GitHub, request: Request) -> None:
    """Refuse whoever may not read, and all while there is no commit."""
    need(hub, request.token, "contents", level="read")
    if hub.store.empty():
        raise Refused(409, "Git Repository is empty.")


def writing(hub: GitHub, request: Request) -> None:
    """Refuse whoever may not write, and all while there is no commit."""
    need(hub, request.token, "contents", level="write")
    writable(hub)
    if hub.store.empty():
        raise Refused(409, "Git Repository is empty.")


_GIT = "/repos/{owner}/{repo}/git"
ROUTES = (
    Route("POST", f"{_GIT}/blobs", _create_blob),
    Route("GET", f"{_GIT}/blobs/{{file_sha}}", _get_blob),
    Route("POST", f"{_GIT}/trees", _create_tree),
    Route("GET", f"{_GIT}/trees/{{tree_sha}}", _get_tree),
    Route("POST", f"{_GIT}/commits", _create_commit),
    Route("GET", f"{_GIT}/commits/{{commit_sha}}", _get_commit),
)
