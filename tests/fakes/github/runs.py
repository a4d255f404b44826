"""Workflows and their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.github import shapes
from tests.fakes.github.accounts import need
from tests.fakes.github.base import Answer, Json, Listing, Refused, Request, Route, Token, not_found

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

_ENDED = frozenset({"completed"})


def add(hub: GitHub, file: str, by: Token, *, status: str = "in_progress", event: str = "workflow_dispatch",
        jobs: dict[str, str] | None = None, path: str = "") -> Json:
    """A run of a workflow's file. `jobs` are their names and states; `path` is the run's, where it also names a ref."""
    ident = hub.new_id()
    head = hub.head(hub.default_branch) or "0" * 40
    hub.workflows.setdefault(file, hub.new_id())
    hub.runs[ident] = {
        "id": ident, "file": file, "path": path or f".github/workflows/{file}", "status": status, "event": event,
        "conclusion": "success" if status in _ENDED else None, "head_sha": head, "actor": shapes.account(by),
        "jobs": {name: {"id": hub.new_id(), "status": state} for name, state in (jobs or {}).items()},
        "created_at": hub.stamp(),
    }
    return hub.runs[ident]


def _workflow(hub: GitHub, file: str) -> Json:
    ident = hub.workflows[file]
    path = f".github/workflows/{file}"
    return {
        "id": ident, "node_id": shapes.node_id("W", ident), "name": file.partition(".")[0], "path": path,
        "state": "active", "created_at": hub.began, "updated_at": hub.began,
        "url": f"{hub.api}/repos/{hub.full_name}/actions/workflows/{ident}",
        "html_url": f"{hub.html}/blob/{hub.default_branch}/{path}",
        "badge_url": f"{hub.html}/workflows/{file}/badge.svg",
    }


def _shape(hub: GitHub, kept: Json) -> Json:
    root = f"{hub.api}/repos/{hub.full_name}/actions"
    url = f"{root}/runs/{kept['id']}"
    commit = hub.store.commit(kept["head_sha"])
    actor = shapes.user(hub, kept["actor"])
    repository = {key: value for key, value in shapes.repository(hub).items() if key != "license"}
    return {
        "id": kept["id"], "name": kept["file"].partition(".")[0], "node_id": shapes.node_id("WFR", kept["id"]),
        "head_branch": hub.default_branch, "head_sha": kept["head_sha"], "path": kept["path"], "run_number": 1,
        "run_attempt": 1, "event": kept["event"], "status": kept["status"], "conclusion": kept["conclusion"],
        "workflow_id": hub.workflows[kept["file"]], "url": url, "html_url": f"{hub.html}/actions/runs/{kept['id']}",
        "pull_requests": [], "created_at": kept["created_at"], "updated_at": kept["created_at"], "actor": actor,
        "triggering_actor": actor, "run_started_at": kept["created_at"], "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs", "check_suite_url": f"{hub.api}/repos/{hub.full_name}/check-suites/1",
        "artifacts_url": f"{url}/artifacts", "cancel_url": f"{url}/cancel", "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None, "workflow_url": f"{root}/workflows/{hub.workflows[kept['file']]}",
        "head_commit": None if commit is None else {
            "id": commit.sha, "tree_id": commit.tree, "message": commit.message, "timestamp": hub.began,
            "author": {"name": "Ada", "email": "ada@example.org"},
            "committer": {"name": "Ada", "email": "ada@example.org"},
        },
        "repository": repository, "head_repository": repository, "display_title": kept["file"],
    }


def _job(hub: GitHub, run: Json, name: str) -> Json:
    kept = run["jobs"][name]
    ended = kept["status"] == "completed"
    root = f"{hub.api}/repos/{hub.full_name}"
    return {
        "id": kept["id"], "run_id": run["id"], "run_url": f"{root}/actions/runs/{run['id']}", "run_attempt": 1,
        "node_id": shapes.node_id("CR", kept["id"]), "head_sha": run["head_sha"], "status": kept["status"],
        "url": f"{root}/actions/jobs/{kept['id']}", "html_url": f"{hub.html}/actions/runs/{run['id']}/job/{kept['id']}",
        "conclusion": run["conclusion"] or "success" if ended else None, "created_at": run["created_at"],
        "started_at": run["created_at"], "completed_at": hub.stamp() if ended else None, "name": name, "steps": [],
        "check_run_url": f"{root}/check-runs/{kept['id']}", "labels": ["ubuntu-24.04"], "runner_id": None,
        "runner_name": None, "runner_group_id": None, "runner_group_name": None,
        "workflow_name": run["file"].partition(".")[0], "head_branch": hub.default_branch,
    }


# Operations


def _list(hub: GitHub, request: Request) -> Any:
    return _listing(hub, request, list(hub.runs.values()))


def _of_workflow(hub: GitHub, request: Request) -> Any:
    file = _file(hub, request)
    return _listing(hub, request, [kept for kept in hub.runs.values() if kept["file"] == file])


def _listing(hub: GitHub, request: Request, runs: list[Json]) -> Listing:
    need(hub, request.token, "actions", level="read")
    query = request.query
    found = [
        kept for kept in reversed(runs)
        if query.get("status", kept["status"]) in {kept["status"], kept["conclusion"]}
        and query.get("event", kept["event"]) == kept["event"]
        and query.get("actor", kept["actor"]["login"]) == kept["actor"]["login"]
        and query.get("head_sha", kept["head_sha"]) == kept["head_sha"]
    ]
    return Listing(found, lambda kept: _shape(hub, kept), "workflow_runs")


def _get_workflow(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "actions", level="read")
    return _workflow(hub, _file(hub, request))


def _get(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "actions", level="read")
    return _shape(hub, _kept(hub, request))


def _jobs(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "actions", level="read")
    run = _kept(hub, request)
    return Listing(list(run["jobs"]), lambda name: _job(hub, run, name), "jobs")


def _cancel(hub: GitHub, request: Request) -> Any:
    need(hub, request.token, "actions", level="write")
    kept = _kept(hub, request)
    if kept["status"] in _ENDED:
        raise Refused(409, "Cannot cancel a workflow run that is completed.")
    kept |= {"status": "completed", "conclusion": "cancelled"}
    for job in kept["jobs"].values():
        job["status"] = "completed"
    return Answer({}, 202)


def _file(hub: GitHub, request: Request) -> str:
    wanted = request.match["workflow_id"]
    for file, ident in hub.workflows.items():
        if wanted in {file, str(ident)}:
            return file
    raise not_found()


def _kept(hub: GitHub, request: Request) -> Json:
    if request.number not in hub.runs:
        raise not_found()
    return hub.runs[request.number]


_ACTIONS = "/repos/{owner}/{repo}/actions"
ROUTES = (
    Route("GET", f"{_ACTIONS}/workflows/{{workflow_id}}", _get_workflow),
    Route("GET", f"{_ACTIONS}/workflows/{{workflow_id}}/runs", _of_workflow),
    Route("GET", f"{_ACTIONS}/runs", _list),
    Route("GET", f"{_ACTIONS}/runs/{{run_id}}", _get),
    Route("GET", f"{_ACTIONS}/runs/{{run_id}}/jobs", _jobs),
    Route("POST", f"{_ACTIONS}/runs/{{run_id}}/cancel", _cancel),
)
