"""Files over REST. What is refused and how, as measured on GitHub (pome-sh/digital-twins#400)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.fakes.github.accounts import need, writable
from tests.fakes.github.base import Answer, Json, Refused, Request, Route, not_found, not_supplied
from tests.fakes.github.git_data import commit_shape, decoded, stamp
from tests.fakes.github.git_refs import moved
from tests.fakes.github.store import Entry

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

_MOST_SHOWN = 1_000_000
_MOST = 100_000_000


def _get(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "contents", level="read")
    ref = request.query.get("ref") or hub.default_branch
    commit = hub.store.resolved(ref)
    if commit is None:
        if hub.store.empty():
            raise Refused(404, "This repository is empty.")
        raise Refused(404, f"No commit found for the ref {ref}")
    path = request.match["path"].strip("/")
    entry = _entry(hub, commit, path)
    if entry is None:
        raise not_found()
    if entry.type == "tree":
        return Answer([
            _shape(hub, line._replace(path=f"{path}/{line.path}"), ref) for line in hub.store.tree(entry.sha)
        ])
    found = hub.store.read(entry.sha)
    if found is None:
        raise not_found()
    if len(found[2]) > _MOST:
        raise Refused(403, "This API returns blobs up to 100 MB in size.")
    shown = len(found[2]) <= _MOST_SHOWN
    content = base64.encodebytes(found[2]).decode() if shown else ""
    return {**_shape(hub, entry, ref), "content": content, "encoding": "base64" if shown else "none"}


def _put(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "contents", level="write")
    writable(hub)
    for name in ("message", "content"):
        if name not in request.content:
            raise not_supplied(name)
    branch = request.content.get("branch", hub.default_branch)
    head = hub.store.head(branch)
    if head is None and not (hub.store.empty() and branch == hub.default_branch):
        raise Refused(404, f"Branch {branch} not found")
    path = request.match["path"].strip("/")
    before = _entry(hub, head, path) if head else None
    if before is not None:
        given = request.content.get("sha")
        if given is None:
            raise not_supplied("sha")
        if given != before.sha:
            raise Refused(409, f"{path} does not match {given}")
    sha = hub.store.write_blob(decoded(request.content["content"]))
    tree = hub.store.write_tree(head or "", [("100644", sha, path)])
    committer = request.content.get("committer")
    author = request.content.get("author", committer)
    made = hub.store.write_commit(
        tree, [head] if head else [], request.content["message"], stamp(hub, request.token, author),
        stamp(hub, request.token, committer),
    )
    moved(hub, request.token, f"refs/heads/{branch}", made)
    commit, entry = hub.store.commit(made), _entry(hub, made, path)
    assert commit is not None
    assert entry is not None
    answer = {"content": _shape(hub, entry, branch), "commit": commit_shape(hub, commit)}
    return Answer(answer, 200 if before is not None else 201)


def _entry(hub: GitHub, commit: str, path: str) -> Entry | None:
    """What lies at a path in a commit."""
    found = hub.store.read(f"{commit}:{path}") if not any(character.isspace() for character in path) else None
    if found is None:
        return None
    return Entry("100644" if found[1] == "blob" else "040000", found[1], found[0], len(found[2]), path)


def _shape(hub: GitHub, entry: Entry, ref: str) -> Json:
    kind = {"blob": "file", "tree": "dir", "commit": "submodule"}[entry.type]
    root = f"{hub.api}/repos/{hub.full_name}"
    url = f"{root}/contents/{quote(entry.path)}?ref={quote(ref, safe='')}"
    page = f"{hub.html}/{'blob' if kind == 'file' else 'tree'}/{quote(ref)}/{quote(entry.path)}"
    stored = f"{root}/git/{entry.type}s/{entry.sha}"
    return {
        "name": entry.path.rpartition("/")[2], "path": entry.path, "sha": entry.sha,
        "size": entry.size if kind == "file" else 0, "url": url, "html_url": page, "git_url": stored, "type": kind,
        "download_url": f"{hub.url}/raw/{hub.full_name}/{quote(ref)}/{quote(entry.path)}" if kind == "file" else None,
        "_links": {"self": url, "git": stored, "html": page},
    }


ROUTES = (
    Route("GET", "/repos/{owner}/{repo}/contents/{path}", _get),
    Route("PUT", "/repos/{owner}/{repo}/contents/{path}", _put),
)
