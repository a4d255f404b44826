"""Refs over REST, and what else moves one."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.fakes.github import shapes
from tests.fakes.github.base import Answer, Json, Listing, Refused, Request, Route, Token, not_found
from tests.fakes.github.git_data import given, reading, writing

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub


def moved(hub: GitHub, token: Token, ref: str, sha: str) -> None:
    """Bring a ref to a commit, and note the CI that this starts."""
    hub.store.move(ref, sha)
    hub.pushed(token, ref, sha)


def _ref_shape(hub: GitHub, ref: str, sha: str) -> Json:
    root = f"{hub.api}/repos/{hub.full_name}/git"
    return {
        "ref": ref, "node_id": shapes.node_id("REF", ref), "url": f"{root}/{quote(ref)}",
        "object": {"type": "commit", "sha": sha, "url": f"{root}/commits/{sha}"},
    }


# Operations


def _get_ref(hub: GitHub, request: Request) -> Any:
    reading(hub, request)
    ref = f"refs/{request.match['ref']}"
    found = hub.store.read(ref)
    if found is None:
        raise not_found()
    return _ref_shape(hub, ref, found[0])


def _matching_refs(hub: GitHub, request: Request) -> Any:
    reading(hub, request)
    found = [item for item in hub.store.refs().items() if item[0].startswith(f"refs/{request.match['ref']}")]
    return Listing(found, lambda item: _ref_shape(hub, *item))


def _create_ref(hub: GitHub, request: Request) -> Any:
    writing(hub, request)
    ref, sha = given(request, "ref", "sha")
    if not ref.startswith("refs/") or ref.count("/") < 2:
        raise Refused(422, "Reference name must start with 'refs/' and contain at least two slashes.")
    if hub.store.type_of(sha) != "commit":
        raise Refused(422, "Object does not exist")
    if hub.store.read(ref) is not None:
        raise Refused(422, "Reference already exists")
    try:
        moved(hub, request.token, ref, sha)
    except subprocess.CalledProcessError as bad:
        raise Refused(422, f"{ref} is not a valid ref name.") from bad
    made = _ref_shape(hub, ref, sha)
    return Answer(made, 201, {"Location": made["url"]})


def _update_ref(hub: GitHub, request: Request) -> Any:
    writing(hub, request)
    (sha,) = given(request, "sha")
    ref = f"refs/{request.match['ref']}"
    before = hub.store.read(ref)
    if before is None:
        raise Refused(422, "Reference does not exist")
    if hub.store.type_of(sha) != "commit":
        raise Refused(422, "Object does not exist")
    if not request.content.get("force", False) and not hub.store.is_ancestor(before[0], sha):
        raise Refused(422, "Update is not a fast forward")
    moved(hub, request.token, ref, sha)
    return _ref_shape(hub, ref, sha)


def _delete_ref(hub: GitHub, request: Request) -> Any:
    writing(hub, request)
    ref = f"refs/{request.match['ref']}"
    if hub.store.read(ref) is None:
        raise Refused(422, "Reference does not exist")
    hub.store.move(ref, "")
    return Answer(None, 204)


_GIT = "/repos/{owner}/{repo}/git"
ROUTES = (
    Route("GET", f"{_GIT}/ref/{{ref}}", _get_ref),
    Route("GET", f"{_GIT}/matching-refs/{{ref}}", _matching_refs),
    Route("POST", f"{_GIT}/refs", _create_ref),
    Route("PATCH", f"{_GIT}/refs/{{ref}}", _update_ref),
    Route("DELETE", f"{_GIT}/refs/{{ref}}", _delete_ref),
)
