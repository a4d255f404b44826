"""Issues and their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.github import shapes, talk_shapes
from tests.fakes.github.accounts import may, need, writable
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

MOST_BODY = 65_536
_MOST_TITLE = 256
_MOST_LABEL = 50
REASONS = ("completed", "not_planned", "duplicate", "reopened")


def add(hub: GitHub, author: Token, title: str, body: str | None, labels: list[str]) -> Json:
    """Open an issue. Numbers are never given twice."""
    number = max((0, *hub.issues, *hub.gone)) + 1
    ident, now = hub.new_id(), hub.stamp()
    hub.issues[number] = {
        "id": ident, "node_id": shapes.node_id("I", ident), "number": number, "title": title, "body": body,
        "state": "open", "state_reason": None, "user": shapes.account(author), "app": author.app,
        "labels": [{"name": talk_shapes.label(hub, name)["name"]} for name in dict.fromkeys(labels)],
        "html_url": f"{hub.html}/issues/{number}", "locked": False, "created_at": now, "updated_at": now,
        "closed_at": None, "closed_by": None,
    }
    return hub.issues[number]


def found(hub: GitHub, number: int) -> Json:
    """An issue. Raises Refused for one that was deleted, moved or never there."""
    away = hub.gone.get(number)
    if away == "":
        raise Refused(410, "This issue was deleted")
    if away:
        raise Refused(301, "Moved Permanently", {"Location": away}, url=away)
    if number not in hub.issues:
        raise not_found()
    return hub.issues[number]


def talks(number: int, hub: GitHub) -> tuple[str, ...]:
    """The permissions of which one is enough for a conversation."""
    return ("issues", "pull_requests") if number in hub.pulls else ("issues",)


def sane(resource: str, content: Json, *, needs_title: bool = False) -> None:
    """Refuse a text that is too long, or a title that is none."""
    if needs_title and "title" not in content:
        raise not_supplied("title")
    title, body = content.get("title"), content.get("body")
    if "title" in content and not str(title or "").strip():
        raise invalid(resource, "title", "missing_field")
    if len(str(title or "")) > _MOST_TITLE:
        raise invalid(resource, "title", "custom", f"title is too long (maximum is {_MOST_TITLE} characters)")
    if len(body or "") > MOST_BODY:
        raise invalid(resource, "body", "custom", f"body is too long (maximum is {MOST_BODY} characters)")


def change(hub: GitHub, kept: Json, content: Json, by: Token) -> None:
    """Carry out an edit of an issue, and of the pull request that it is."""
    for name in ("title", "body"):
        if name in content:
            kept[name] = content[name]
    state = content.get("state", kept["state"])
    if state != kept["state"]:
        closed = state == "closed"
        kept |= {
            "state": state, "state_reason": content.get("state_reason") or ("completed" if closed else "reopened"),
            "closed_at": hub.stamp() if closed else None, "closed_by": shapes.account(by) if closed else None,
        }
        if "pull_request" in kept:
            kept["state_reason"] = None
    kept["updated_at"] = hub.stamp()
    if kept["number"] in hub.pulls:
        same = ("title", "body", "state", "updated_at", "closed_at")
        hub.pulls[kept["number"]] |= {name: kept[name] for name in same}


def named(names: list[Any]) -> list[str]:
    """Labels of a request: text, or objects with a name."""
    given = [name["name"] if isinstance(name, dict) else name for name in names]
    for index, name in enumerate(given):
        if not str(name).strip() or len(name) > _MOST_LABEL:
            raise invalid("Label", "name", "custom", "name is too long (maximum is 50 characters)", index=index)
    return given


# Operations


def _list(hub: GitHub, request: Request) -> Any:
    _enabled(hub, "Issues are disabled for this repo")
    query = request.query
    need(hub, request.token, "issues", "pull_requests", level="read")
    wanted = {name.lower() for name in query.get("labels", "").split(",") if name}
    creator = query.get("creator", "").lower()
    matching = [
        kept for kept in hub.issues.values()
        if query.get("state", "open") in {"all", kept["state"]}
        and creator in {"", ((kept["user"] or {}).get("login") or "").lower()}
        and wanted <= {one["name"].lower() for one in kept["labels"]}
        and kept["updated_at"] >= query.get("since", "")
    ]
    key = {"updated": "updated_at"}.get(query.get("sort", "created"), "number")
    # GitHub gives items of the same moment in the order of their numbers.
    matching.sort(key=lambda kept: (kept[key], kept["number"]), reverse=query.get("direction", "desc") == "desc")
    return Listing(matching, lambda kept: talk_shapes.issue(hub, kept))


def _create(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "issues", level="write", least="read")
    writable(hub)
    _enabled(hub, "Issues has been disabled in this repository.")
    sane("Issue", request.content, needs_title=True)
    may_label = may(hub, request.token, "issues", "write", "triage")
    labels = named(request.content.get("labels", [])) if may_label else []
    kept = add(hub, request.token, str(request.content["title"]), request.content.get("body"), labels)
    made = talk_shapes.issue(hub, kept)
    return Answer(made, 201, {"Location": made["url"]})


def _get(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, *talks(request.number, hub), level="read")
    return talk_shapes.issue(hub, _open_to(hub, request))


def _update(hub: GitHub, request: Request) -> Any:
    kept = _open_to(hub, request)
    mine = kept["user"] is not None and kept["user"]["id"] == request.token.id
    need(hub, request.token, *talks(request.number, hub), level="write", least="read" if mine else "triage")
    writable(hub)
    sane("Issue", request.content)
    if request.content.get("state", "open") not in {"open", "closed"}:
        raise Refused(422, f"Invalid request.\n\n{request.content['state']} is not a member of [\"open\", \"closed\"].")
    reason = request.content.get("state_reason")
    if reason is not None and reason not in hub.state_reasons:
        raise Refused(422, f"Invalid request.\n\n{reason} is not a member of {list(hub.state_reasons)}.")
    change(hub, kept, request.content, request.token)
    if "labels" in request.content and may(hub, request.token, "issues", "write", "triage"):
        names = [talk_shapes.label(hub, name)["name"] for name in named(request.content["labels"])]
        kept["labels"] = [{"name": name} for name in dict.fromkeys(names)]
    return talk_shapes.issue(hub, kept)


def _add_labels(hub: GitHub, request: Request) -> Any:
    kept = _labelling(hub, request)
    has = {label["name"].lower() for label in kept["labels"]}
    for name in named(request.content.get("labels", [])):
        if name.lower() not in has:
            has.add(name.lower())
            kept["labels"].append({"name": talk_shapes.label(hub, name)["name"]})
    return Answer([talk_shapes.label(hub, one["name"]) for one in kept["labels"]])


def _remove_label(hub: GitHub, request: Request) -> Any:
    kept = _labelling(hub, request)
    name = request.match["name"].lower()
    left = [label for label in kept["labels"] if label["name"].lower() != name]
    if len(left) == len(kept["labels"]):
        raise Refused(404, "Label does not exist")
    kept["labels"] = left
    return Answer([talk_shapes.label(hub, one["name"]) for one in left])


def _list_labels(hub: GitHub, _: Request) -> Any:
    return Listing(sorted(hub.labels.values(), key=lambda kept: str(kept["name"]).lower()),
                      lambda kept: talk_shapes.label(hub, kept["name"]))


def _create_label(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "issues", level="write")
    writable(hub)
    if "name" not in request.content:
        raise not_supplied("name")
    (name,) = named([request.content["name"]])
    if name.lower() in hub.labels:
        raise invalid("Label", "name", "already_exists")
    made = talk_shapes.label(hub, name)
    hub.labels[name.lower()] |= request.taken("color", "description")
    return Answer({**made, **request.taken("color", "description")}, 201)


def _open_to(hub: GitHub, request: Request) -> Json:
    """The issue of a request. A pull request stays when issues are switched off."""
    kept = found(hub, request.number)
    if "pull_request" not in kept:
        _enabled(hub, "Issues has been disabled in this repository.")
    return kept


def _labelling(hub: GitHub, request: Request) -> Json:
    kept = _open_to(hub, request)
    need(hub, request.token, *talks(request.number, hub), level="write", least="triage")
    writable(hub)
    return kept


def _enabled(hub: GitHub, said: str) -> None:
    if not hub.has_issues:
        raise Refused(410, said)


_ISSUES = "/repos/{owner}/{repo}/issues"
ROUTES = (
    Route("GET", _ISSUES, _list),
    Route("POST", _ISSUES, _create),
    Route("GET", f"{_ISSUES}/{{issue_number}}", _get),
    Route("PATCH", f"{_ISSUES}/{{issue_number}}", _update),
    Route("POST", f"{_ISSUES}/{{issue_number}}/labels", _add_labels),
    Route("DELETE", f"{_ISSUES}/{{issue_number}}/labels/{{name}}", _remove_label),
    Route("GET", "/repos/{owner}/{repo}/labels", _list_labels),
    Route("POST", "/repos/{owner}/{repo}/labels", _create_label),
)
