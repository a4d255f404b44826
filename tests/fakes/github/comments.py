"""Comments on issues and pull requests, and the reactions to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.github import shapes, talk_shapes
from tests.fakes.github.accounts import may, need, rank, writable
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
from tests.fakes.github.issues import MOST_BODY, found, talks

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub


def add(hub: GitHub, author: Token, number: int, body: str) -> Json:
    """Write a comment."""
    ident, now = hub.new_id(), hub.stamp()
    page = hub.issues[number]["html_url"]
    hub.comments[ident] = {
        "id": ident, "issue": number, "body": body, "user": shapes.account(author), "app": author.app,
        "html_url": f"{page}#issuecomment-{ident}", "created_at": now, "updated_at": now, "reactions": {},
    }
    hub.issues[number]["updated_at"] = now
    return hub.comments[ident]


# Operations


def _list(hub: GitHub, request: Request) -> Any:
    number = found(hub, request.number)["number"]
    need(hub, request.token, *talks(number, hub), level="read")
    since = request.query.get("since", "")
    return Listing(
        [kept for kept in hub.comments.values() if kept["issue"] == number and kept["updated_at"] >= since],
        lambda kept: talk_shapes.comment(hub, kept),
    )


def _list_all(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "issues", "pull_requests", level="read")
    query = request.query
    matching = [kept for kept in hub.comments.values() if kept["updated_at"] >= query.get("since", "")]
    key = "updated_at" if query.get("sort") == "updated" else "created_at"
    # Without `sort` the direction says nothing, and the order is that of the ids (REST, "List issue comments for a
    # repository").
    matching.sort(key=lambda kept: (kept[key], kept["id"]),
                  reverse="sort" in query and query.get("direction", "desc") == "desc")
    return Listing(matching, lambda kept: talk_shapes.comment(hub, kept))


def _create(hub: GitHub, request: Request) -> Any:
    issue = found(hub, request.number)
    need(hub, request.token, *talks(request.number, hub), level="write", least="read")
    writable(hub)
    _not_locked(hub, request, issue, "comment")
    made = talk_shapes.comment(hub, add(hub, request.token, issue["number"], _body(request)))
    return Answer(made, 201, {"Location": made["url"]})


def _get(hub: GitHub, request: Request) -> Any:
    kept = _kept(hub, request)
    need(hub, request.token, *talks(kept["issue"], hub), level="read")
    return talk_shapes.comment(hub, kept)


def _update(hub: GitHub, request: Request) -> Any:
    kept = _kept(hub, request)
    _may_change(hub, request, kept)
    writable(hub)
    kept |= {"body": _body(request), "updated_at": hub.stamp()}
    return talk_shapes.comment(hub, kept)


def _delete(hub: GitHub, request: Request) -> Any:
    kept = _kept(hub, request)
    _may_change(hub, request, kept)
    writable(hub)
    del hub.comments[kept["id"]]
    return Answer(None, 204)


def _list_reactions(hub: GitHub, request: Request) -> Any:
    kept = _kept(hub, request)
    need(hub, request.token, *talks(kept["issue"], hub), level="read")
    wanted = request.query.get("content")
    return Listing([one for one in kept["reactions"].values() if wanted in {None, one["content"]}],
                      lambda one: talk_shapes.reaction(hub, one))


def _react(hub: GitHub, request: Request) -> Any:
    kept = _kept(hub, request)
    need(hub, request.token, *talks(kept["issue"], hub), level="write", least="read")
    writable(hub)
    _not_locked(hub, request, hub.issues[kept["issue"]], "reaction")
    content = request.content.get("content")
    if content not in talk_shapes.REACTIONS:
        raise invalid("Reaction", "content", "invalid")
    for one in kept["reactions"].values():
        if one["user"]["id"] == request.token.id and one["content"] == content:
            return Answer(talk_shapes.reaction(hub, one), 200)
    ident = hub.new_id()
    kept["reactions"][ident] = {
        "id": ident, "user": shapes.account(request.token), "content": content, "created_at": hub.stamp(),
    }
    return Answer(talk_shapes.reaction(hub, kept["reactions"][ident]), 201)


def _unreact(hub: GitHub, request: Request) -> Any:
    kept = _kept(hub, request)
    one = kept["reactions"].get(int(request.match["reaction_id"]))
    if one is None:
        raise not_found()
    if one["user"]["id"] != request.token.id:
        raise Refused(403, "You do not have permission to delete this reaction.")
    del kept["reactions"][one["id"]]
    return Answer(None, 204)


def _kept(hub: GitHub, request: Request) -> Json:
    kept = hub.comments.get(request.number)
    if kept is None or kept["issue"] in hub.gone:
        raise not_found()
    return kept


def _body(request: Request) -> str:
    if "body" not in request.content:
        raise not_supplied("body")
    body = request.content["body"]
    if not isinstance(body, str) or not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > MOST_BODY:
        raise invalid("IssueComment", "data", "unprocessable", f"Body is too long (maximum is {MOST_BODY} characters)")
    return body


def _may_change(hub: GitHub, request: Request, kept: Json) -> None:
    mine = kept["user"] is not None and kept["user"]["id"] == request.token.id
    need(hub, request.token, *talks(kept["issue"], hub), level="write", least="read" if mine else "write")


def _not_locked(hub: GitHub, request: Request, issue: Json, what: str) -> None:
    """Only people who may write can speak in a locked conversation; Apps cannot, whatever they were granted."""
    trusted = not request.token.app and rank(hub, request.token) >= 3 and may(hub, request.token, "issues", "write")
    if issue["locked"] and not trusted:
        raise Refused(403, f"Unable to create {what} because issue is locked.")


_COMMENTS = "/repos/{owner}/{repo}/issues/comments"
ROUTES = (
    Route("GET", _COMMENTS, _list_all),
    Route("GET", f"{_COMMENTS}/{{comment_id}}", _get),
    Route("PATCH", f"{_COMMENTS}/{{comment_id}}", _update),
    Route("DELETE", f"{_COMMENTS}/{{comment_id}}", _delete),
    Route("GET", f"{_COMMENTS}/{{comment_id}}/reactions", _list_reactions),
    Route("POST", f"{_COMMENTS}/{{comment_id}}/reactions", _react),
    Route("DELETE", f"{_COMMENTS}/{{comment_id}}/reactions/{{reaction_id}}", _unreact),
    Route("GET", "/repos/{owner}/{repo}/issues/{issue_number}/comments", _list),
    Route("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", _create),
)
