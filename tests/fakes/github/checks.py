"""Check runs and their annotations. Only an App can make any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.github import shapes
from tests.fakes.github.accounts import may, need, writable
from tests.fakes.github.base import (
    Answer,
    Json,
    Listing,
    Refused,
    Request,
    Route,
    invalid,
    not_found,
    not_supplied,
)

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

MOST_ANNOTATIONS = 50
_MOST_TEXT = 65_535
_STATES = ("queued", "in_progress", "completed")


def _shape(hub: GitHub, kept: Json) -> Json:
    url = f"{hub.api}/repos/{hub.full_name}/check-runs/{kept['id']}"
    output = kept["output"]
    return {
        "id": kept["id"], "node_id": shapes.node_id("CR", kept["id"]), "name": kept["name"],
        "head_sha": kept["head_sha"], "external_id": kept["external_id"], "url": url, "html_url": kept["html_url"],
        "details_url": kept["details_url"] or kept["html_url"], "status": kept["status"],
        "conclusion": kept["conclusion"], "started_at": kept["started_at"], "completed_at": kept["completed_at"],
        "output": {
            **{name: output.get(name) for name in ("title", "summary", "text")},
            "annotations_count": len(kept["annotations"]), "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": hub.app_id(kept["app"]["slug"])}, "app": shapes.integration(hub, kept["app"]["slug"]),
        "pull_requests": [],
    }


def _annotation(hub: GitHub, kept: Json, head: str) -> Json:
    wanted = ("path", "start_line", "end_line", "annotation_level", "message")
    optional = ("start_column", "end_column", "title", "raw_details")
    return {
        **{name: kept[name] for name in wanted}, **{name: kept.get(name) for name in optional},
        "blob_href": f"{hub.html}/blob/{head}/{kept['path']}",
    }


# Operations


def _list(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "checks", level="read")
    query = request.query
    sha = hub.store.resolved(request.match["ref"])
    if sha is None:
        raise Refused(422, f"No commit found for SHA: {request.match['ref']}")
    found = [
        kept for kept in hub.checks.values()
        if kept["head_sha"] == sha and query.get("check_name", kept["name"]) == kept["name"]
        and query.get("status", kept["status"]) == kept["status"]
        and int(query.get("app_id", hub.app_id(kept["app"]["slug"]))) == hub.app_id(kept["app"]["slug"])
    ]
    if query.get("filter", "latest") == "latest":
        found = list({(kept["app"]["slug"], kept["name"]): kept for kept in found}.values())
    return Listing(found, lambda kept: _shape(hub, kept), "check_runs")


def _create(hub: GitHub, request: Request) -> Any:
    if not request.token.app:
        raise Refused(403, "You must authenticate via a GitHub App.")
    need(hub, request.token, "checks", level="write")
    writable(hub)
    content = request.content
    for name in ("name", "head_sha"):
        if name not in content:
            raise not_supplied(name)
    sha = content["head_sha"]
    if hub.store.type_of(sha) != "commit":
        raise Refused(422, f"No commit found for SHA: {sha}")
    ident = hub.new_id()
    kept: Json = {
        "id": ident, "name": content["name"], "head_sha": sha, "external_id": "", "details_url": None,
        "html_url": f"{hub.html}/runs/{ident}", "app": {"slug": request.token.app}, "status": "queued",
        "conclusion": None, "started_at": hub.stamp(), "completed_at": None, "output": {}, "annotations": [],
    }
    _change(hub, kept, request)
    hub.checks[ident] = kept
    return Answer(_shape(hub, kept), 201)


def _get(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "checks", level="read")
    return _shape(hub, _kept(hub, request))


def _update(hub: GitHub, request: Request) -> Any:
    if not may(hub, request.token, "checks", "write"):
        need(hub, request.token, "checks", level="write")
    kept = _kept(hub, request)
    if kept["app"]["slug"] != request.token.app:
        app = hub.app_id(request.token.app) if request.token.app else 0
        said = f"Invalid app_id `{app}` - check run can only be modified by the GitHub App that created it."
        raise Refused(403, said)
    writable(hub)
    changed = {**kept, "output": dict(kept["output"]), "annotations": list(kept["annotations"])}
    _change(hub, changed, request)
    kept |= changed
    return _shape(hub, kept)


def _annotations(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "checks", level="read")
    kept = _kept(hub, request)
    return Listing(kept["annotations"], lambda one: _annotation(hub, one, kept["head_sha"]))


def _change(hub: GitHub, kept: Json, request: Request) -> None:
    """Carry out a change. Annotations are added to those that are there."""
    content = request.content
    kept |= request.taken("name", "external_id", "details_url", "status", "conclusion", "started_at", "completed_at")
    if "conclusion" in content:
        kept["status"] = "completed"
    if kept["status"] not in _STATES:
        raise Refused(422, f"Invalid request.\n\n{kept['status']} is not a member of {list(_STATES)}.")
    if kept["status"] == "completed":
        if kept["conclusion"] is None:
            raise not_supplied("conclusion")
        kept["completed_at"] = kept["completed_at"] or hub.stamp()
    if "output" in content:
        _write(kept, content["output"])


def _write(kept: Json, output: Json) -> None:
    for name in ("title", "summary"):
        if name not in output:
            raise not_supplied(name)
    for name in ("summary", "text"):
        if len((output.get(name) or "").encode()) > _MOST_TEXT:
            raise invalid("CheckRun", name, "custom", f"{name} exceeds a maximum bytesize of {_MOST_TEXT}")
    given = output.get("annotations", [])
    if len(given) > MOST_ANNOTATIONS:
        raise Refused(422, f"Invalid request.\n\nNo more than {MOST_ANNOTATIONS} items are allowed; {len(given)} were "
                           "supplied.")
    for one in given:
        for name in ("path", "start_line", "end_line", "annotation_level", "message"):
            if name not in one:
                raise not_supplied(name)
        if one["end_line"] < one["start_line"] or one["start_line"] < 1:
            raise invalid("CheckRunAnnotation", "end_line", "invalid")
    kept["output"] = {name: output.get(name) for name in ("title", "summary", "text")}
    kept["annotations"] += given


def _kept(hub: GitHub, request: Request) -> Json:
    if request.number not in hub.checks:
        raise not_found()
    return hub.checks[request.number]


_CHECKS = "/repos/{owner}/{repo}/check-runs"
ROUTES = (
    Route("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", _list),
    Route("POST", _CHECKS, _create),
    Route("GET", f"{_CHECKS}/{{check_run_id}}", _get),
    Route("PATCH", f"{_CHECKS}/{{check_run_id}}", _update),
    Route("GET", f"{_CHECKS}/{{check_run_id}}/annotations", _annotations),
)
