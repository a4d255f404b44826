"""All that goes over the wire is held against GitHub's own OpenAPI description, and the check bites."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.fake_github.client import ADA, REPOSITORY, Client, branch, register, signed
from tests.fakes.github import openapi, talk_shapes
from tests.fakes.github.base import MANY, Answer, Route
from tests.fakes.github.serving import OPERATIONS, ROUTES
from tests.fakes.github_api import Fault, GitHub, Person


@pytest.mark.openapi
def test_all_traffic_is_checked_and_every_operation_is_as_described(hub: GitHub, api: Client, clone: Path) -> None:
    key = register(hub)
    head = branch(hub, clone, "whybot/fix")
    hub.people["ada"] = Person("ada", 7)
    made = api.post(f"{REPOSITORY}/issues", {"title": "t", "body": "b", "labels": ["bug"]})
    one = f"{REPOSITORY}/issues/{made['number']}"
    comment = api.post(f"{one}/comments", {"body": "c"})
    said_on = f"{REPOSITORY}/issues/comments/{comment['id']}"
    reaction = api.post(f"{said_on}/reactions", {"content": "eyes"})
    pull = api.post(f"{REPOSITORY}/pulls", {"title": "p", "head": "whybot/fix", "base": "main", "draft": True})
    check = api.post(f"{REPOSITORY}/check-runs", {"name": "whybot", "head_sha": head, "status": "in_progress"}, "app")
    output = {"title": "t", "summary": "s", "annotations": [
        {"path": "app.py", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    ]}
    run = hub.add_run("cycle.yml", ADA, jobs={"work": "in_progress"})
    blob = api.post(f"{REPOSITORY}/git/blobs", {"content": "eA==", "encoding": "base64"})
    tree = api.post(f"{REPOSITORY}/git/trees", {"tree": [
        {"path": "x", "mode": "100644", "type": "blob", "sha": blob["sha"]}
    ]})
    commit = api.post(f"{REPOSITORY}/git/commits", {"message": "m", "tree": tree["sha"], "parents": []})
    api.post(f"{REPOSITORY}/git/refs", {"ref": "refs/heads/state", "sha": commit["sha"]})
    child = api.post(f"{REPOSITORY}/git/commits", {"message": "n", "tree": tree["sha"], "parents": [commit["sha"]]})
    jwt = signed(key)
    wanted: list[tuple[str, str, Any, str]] = [
        ("GET", "/user", None, ""), ("GET", "/app", None, jwt), ("GET", f"{REPOSITORY}/installation", None, jwt),
        ("POST", "/app/installations/4711/access_tokens", {"permissions": {"issues": "write"}}, jwt),
        ("GET", f"{REPOSITORY}/collaborators/ada/permission", None, ""), ("GET", REPOSITORY, None, ""),
        ("GET", f"{REPOSITORY}/issues?state=all&per_page=1", None, ""), ("GET", one, None, ""),
        ("PATCH", one, {"state": "closed", "state_reason": "duplicate"}, ""),
        ("POST", f"{one}/labels", {"labels": ["more", "P1"]}, ""), ("DELETE", f"{one}/labels/more", None, ""),
        ("GET", f"{REPOSITORY}/labels", None, ""), ("POST", f"{REPOSITORY}/labels", {"name": "new"}, ""),
        ("GET", f"{one}/comments", None, ""), ("GET", f"{REPOSITORY}/issues/comments?sort=created", None, ""),
        ("GET", said_on, None, ""), ("PATCH", said_on, {"body": "d"}, ""), ("GET", f"{said_on}/reactions", None, ""),
        ("DELETE", f"{said_on}/reactions/{reaction['id']}", None, ""), ("DELETE", said_on, None, ""),
        ("GET", f"{REPOSITORY}/pulls?head=acme:whybot/fix&state=all", None, ""),
        ("GET", f"{REPOSITORY}/pulls/{pull['number']}", None, ""),
        ("PATCH", f"{REPOSITORY}/pulls/{pull['number']}", {"title": "q"}, ""),
        ("GET", f"{REPOSITORY}/pulls/{pull['number']}/files", None, ""),
        ("PATCH", f"{REPOSITORY}/check-runs/{check['id']}", {"conclusion": "success", "output": output}, "app"),
        ("GET", f"{REPOSITORY}/check-runs/{check['id']}", None, ""),
        ("GET", f"{REPOSITORY}/check-runs/{check['id']}/annotations", None, ""),
        ("GET", f"{REPOSITORY}/commits/whybot/fix/check-runs?filter=all", None, ""),
        ("GET", f"{REPOSITORY}/git/ref/heads/whybot/fix", None, ""),
        ("GET", f"{REPOSITORY}/git/matching-refs/heads/whybot", None, ""),
        ("PATCH", f"{REPOSITORY}/git/refs/heads/state", {"sha": child["sha"], "force": False}, ""),
        ("DELETE", f"{REPOSITORY}/git/refs/heads/state", None, ""),
        ("GET", f"{REPOSITORY}/git/blobs/{blob['sha']}", None, ""),
        ("GET", f"{REPOSITORY}/git/trees/main?recursive=1", None, ""),
        ("GET", f"{REPOSITORY}/git/commits/{commit['sha']}", None, ""),
        ("GET", f"{REPOSITORY}/contents/docs/a.md?ref=main", None, ""),
        ("GET", f"{REPOSITORY}/contents/docs", None, ""),
        ("PUT", f"{REPOSITORY}/contents/new/b.md", {"message": "m", "content": "eA==", "branch": "main"}, ""),
        ("GET", f"{REPOSITORY}/actions/workflows/cycle.yml", None, ""),
        ("GET", f"{REPOSITORY}/actions/workflows/cycle.yml/runs?status=in_progress", None, ""),
        ("GET", f"{REPOSITORY}/actions/runs", None, ""), ("GET", f"{REPOSITORY}/actions/runs/{run['id']}", None, ""),
        ("GET", f"{REPOSITORY}/actions/runs/{run['id']}/jobs", None, ""),
        ("POST", f"{REPOSITORY}/actions/runs/{run['id']}/cancel", None, ""),
        ("POST", "/graphql", {"query": "{ viewer { login } }"}, ""),
    ]
    for verb, path, content, secret in wanted:
        answer = api.ask(verb, path, content, secret or "ada")
        assert answer.status_code < 300, (verb, path, answer.text)
    hub.faults.append(Fault(at=hub.upcoming(), status=500))
    assert api.ask("GET", "/user").status_code == 500
    assert hub.violations == []
    unchecked = [request for request in hub.requests if "graphql" in request]
    assert hub.checked == len(hub.requests) - len(unchecked) - 1, "all but GraphQL and the answer that was a fault"
    seen = [request.partition("?")[0].split(" ") for request in hub.requests]
    asked = {route for route in ROUTES for verb, path in seen
             if verb == route.verb and route.matching(route.template, path)}
    assert [route.name for route in ROUTES if route not in asked] == [], "operations that this test does not ask for"


@pytest.mark.openapi
def test_paths_with_slashes_are_those_of_the_description() -> None:
    described = openapi.description(OPERATIONS)
    assert described is not None
    for route in ROUTES:
        names = {part.partition("}")[0] for part in route.template.split("{")[1:]}
        assert not route.described or described.many(route) == names & MANY, route.name
    for path, template in (
        ("/repos/acme/shop/git/ref/heads/whybot/startup/1", "/repos/{owner}/{repo}/git/ref/{ref}"),
        ("/repos/acme/shop/commits/whybot/fix/check-runs", "/repos/{owner}/{repo}/commits/{ref}/check-runs"),
        ("/repos/acme/shop/contents/a/b%20c.md", "/repos/{owner}/{repo}/contents/{path}"),
    ):
        assert Route.matching(template, path)
    assert not Route.matching("/repos/{owner}/{repo}/issues/{issue_number}", "/repos/acme/shop/issues/1/comments")


WRONG_REQUESTS: tuple[tuple[str, str, Any, str], ...] = (
    ("POST", "/issues", {"title": "t", "labells": []}, "labells"),
    ("POST", "/issues", {"body": "no title"}, "title"),
    ("POST", "/issues", {"title": "t", "body": None}, "null is not of type"),
    ("POST", "/issues", {"title": "t", "labels": "bug"}, "labels"),
    ("PATCH", "/issues/1", {"state": "done"}, "done"),
    ("PATCH", "/issues/1", {"state_reason": "wontfix"}, "wontfix"),
    ("GET", "/issues?creater=ada", None, "creater"),
    ("GET", "/issues?per_page=many", None, "per_page"),
    ("GET", "/issues?state=any", None, "any"),
    ("GET", "/git/ref/heads/main", {"sha": "x"}, "a body where none is described"),
    ("POST", "/issues/1/comments", None, "the body is missing"),
    ("POST", "/check-runs", {"name": "n", "head_sha": "x", "output": {"title": "t"}}, "summary"),
    ("POST", "/check-runs", {"name": "n", "head_sha": "x", "output": {"title": "t", "summary": "s", "anotations": []}},
     "anotations"),
    ("PATCH", "/check-runs/1", {"conclusion": "fine"}, "fine"),
    ("PATCH", "/check-runs/1", {"status": "completed", "head_sha": "x"}, "not valid under any|head_sha"),
    ("POST", "/git/trees", {"tree": [{"path": "x", "mode": "644", "type": "blob"}]}, "644"),
    ("PATCH", "/git/refs/heads/main", {"sha": "x", "forced": True}, "forced"),
    ("PATCH", "/issues/1/comments", {"body": "b"}, "no such operation"),
    ("GET", "/git/refs/heads/main", None, "no such operation"),
    ("GET", "/milestones", None, "does not have this operation"),
)


@pytest.mark.openapi
def test_a_request_that_is_not_as_described_is_noticed(hub: GitHub, api: Client) -> None:
    hub.add_issue(ADA, "t", "b", [])
    for verb, path, content, objection in WRONG_REQUESTS:
        api.ask(verb, REPOSITORY + path, content, "app")
        assert any(part in " ".join(hub.violations) for part in objection.split("|")), (path, content, hub.violations)
        hub.violations.clear()


WRONG_ANSWERS: tuple[tuple[Callable[[dict[str, Any]], Any], str], ...] = (
    (lambda made: made.pop("node_id"), "node_id"),
    (lambda made: made.update(number="1"), '"1" is not of type "integer"'),
    (lambda made: made.update(closed_at="yesterday"), "date-time"),
    (lambda made: made.update(mood="good"), "mood"),
    (lambda made: made["user"].pop("login"), "user"),
    (lambda made: made.update(state_reason="tired"), "state_reason"),
    (lambda made: made.update(title=None), "title"),
    (lambda made: made["labels"].append(7), "labels/1"),
)


@pytest.mark.openapi
def test_an_answer_that_is_not_as_described_is_noticed(
    hub: GitHub, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = talk_shapes.issue
    for spoil, objection in WRONG_ANSWERS:

        def wrong(hub: GitHub, kept: dict[str, Any], spoil: Callable[[dict[str, Any]], Any] = spoil) -> dict[str, Any]:
            made = right(hub, kept)
            spoil(made)
            return made

        monkeypatch.setattr(talk_shapes, "issue", wrong)
        api.ask("POST", f"{REPOSITORY}/issues", {"title": "t", "labels": ["bug"]})
        assert objection in " ".join(hub.violations), (objection, hub.violations)
        hub.violations.clear()


@pytest.mark.openapi
def test_a_status_that_is_not_described_is_noticed(hub: GitHub, api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.github.issues.Answer", lambda content, *_: Answer(content, 202))
    assert api.ask("POST", f"{REPOSITORY}/issues", {"title": "t"}).status_code == 202
    assert hub.violations == ["POST /repos/{owner}/{repo}/issues: the status 202 is not described"]
    hub.violations.clear()


@pytest.mark.openapi
def test_closing_fails_with_what_was_noticed(tmp_path: Path) -> None:
    hub = GitHub(tmp_path / "hub")
    with requests.Session() as session:
        session.get(f"{hub.url}/repos/acme/shop/issues?creater=ada", timeout=10)
    with pytest.raises(AssertionError, match="creater"):
        hub.close()


@pytest.mark.openapi
def test_null_stays_allowed_where_it_is(hub: GitHub, api: Client) -> None:
    hub.add_issue(ADA, "t", None, [])
    hub.issues[1]["user"] = None
    found = api.get(f"{REPOSITORY}/issues/1")
    assert (found["body"], found["user"], found["closed_at"], found["state_reason"]) == (None, None, None, None)
