"""Pull requests, check runs and runs of workflows."""

from __future__ import annotations

from pathlib import Path

from tests.contract.fake_github.client import ADA, REPOSITORY, Client, branch, errors, said
from tests.fakes.github_api import GitHub


def test_pull_requests_are_real(hub: GitHub, api: Client, clone: Path) -> None:
    path = f"{REPOSITORY}/pulls"
    head = branch(hub, clone, "whybot/fix", b"1\n2\n3\n")
    made = api.post(path, {"title": "t", "body": "b", "head": "whybot/fix", "base": "main", "draft": True}, "app")
    assert (made["draft"], made["head"]["sha"], made["commits"], made["changed_files"]) == (True, head, 1, 1)
    assert (made["additions"], made["deletions"], made["head"]["label"]) == (2, 0, "acme:whybot/fix")
    (file,) = api.get(f"{path}/{made['number']}/files")
    assert (file["filename"], file["status"], file["additions"]) == ("app.py", "modified", 2)
    assert file["patch"] in hub.git("diff", "main...whybot/fix")
    assert "+2" in file["patch"]
    content = {"title": "t", "head": "whybot/fix", "base": "main"}
    assert errors(api.ask("POST", path, content)) == ["A pull request already exists for acme:whybot/fix."]
    hub.git("branch", "same", "main")
    assert errors(api.ask("POST", path, {**content, "head": "same"})) == ["No commits between main and same"]
    assert errors(api.ask("POST", path, {**content, "head": "none"})) == ["head invalid"]
    assert errors(api.ask("POST", path, {**content, "base": "none"})) == ["base invalid"]
    assert [pull["number"] for pull in api.get(f"{path}?head=acme:whybot/fix")] == [made["number"]]
    assert api.get(f"{path}?head=acme:other") == []
    assert len(api.get(f"{path}?head=without-an-owner")) == 1, "which is no filter"
    newer = branch(hub, clone, "whybot/fix", b"4\n")
    assert api.get(f"{path}/{made['number']}")["head"]["sha"] == newer
    assert hub.ci == ["pull_request whybot/fix"], "the pushes of this test went past the server"
    hub.merge_pull(made["number"], ADA)
    merged = api.get(f"{path}/{made['number']}")
    assert (merged["merged"], merged["state"], hub.git("show", "main:app.py")) == (True, "closed", "4")
    hub.drafts = False
    branch(hub, clone, "whybot/other", b"9\n")
    refused = api.ask("POST", path, {**content, "head": "whybot/other", "draft": True})
    assert said(refused) == (422, "Draft pull requests are not supported in this repository.")
    hub.actions_open_pulls = False
    refused = api.ask("POST", path, {**content, "head": "whybot/other"}, "actions")
    assert said(refused) == (403, "GitHub Actions is not permitted to create or approve pull requests.")


def test_checks(hub: GitHub, api: Client) -> None:
    head = hub.head("main")
    path = f"{REPOSITORY}/check-runs"
    note = {"path": "app.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 50}
    content = {"name": "whybot", "head_sha": head, "conclusion": "failure", "output": output}
    assert said(api.ask("POST", path, content)) == (403, "You must authenticate via a GitHub App.")
    assert "No more than 50" in api.ask("POST", path, {**content, "output": {**output, "annotations": [note] * 51}},
                                        "app").json()["message"]
    made = api.post(path, content, "app")
    assert (made["status"], made["conclusion"], made["output"]["annotations_count"]) == ("completed", "failure", 50)
    one = f"{path}/{made['id']}"
    changed = api.ask("PATCH", one, {"output": {**output, "annotations": [note] * 3}}, "app").json()
    assert changed["output"]["annotations_count"] == 53, "annotations add up"
    assert len(api.get(f"{one}/annotations?per_page=100", "app")) == 53
    assert "can only be modified by the GitHub App that created it" in api.ask(
        "PATCH", one, {"conclusion": "success"}, "actions"
    ).json()["message"]
    assert api.ask("PATCH", one, {"status": "completed", "output": {"title": "t", "summary": "x" * 65_536}},
                   "app").status_code == 422
    hub.violations.clear()
    api.post(path, {**content, "conclusion": "success"}, "app")
    listing = f"{REPOSITORY}/commits/main/check-runs"
    counts = [api.get(listing + rest)["total_count"] for rest in ("", "?filter=all", "?filter=all&check_name=x")]
    assert counts == [1, 2, 0]
    gone = api.ask("POST", path, {**content, "head_sha": "0" * 40}, "app")
    assert said(gone) == (422, f"No commit found for SHA: {'0' * 40}")


def test_runs(hub: GitHub, api: Client) -> None:
    run = hub.add_run("cycle.yml", ADA, jobs={"work": "in_progress", "publish": "queued"})
    hub.add_run("ci.yml", ADA, status="completed")
    path = f"{REPOSITORY}/actions"
    found = api.get(f"{path}/workflows/cycle.yml/runs?status=in_progress")["workflow_runs"]
    assert [one["id"] for one in found] == [run["id"]]
    assert api.get(f"{path}/workflows/cycle.yml/runs?status=queued")["total_count"] == 0
    assert api.get(f"{path}/runs")["total_count"] == 2
    assert [job["name"] for job in api.get(f"{path}/runs/{run['id']}/jobs")["jobs"]] == ["work", "publish"]
    assert api.ask("POST", f"{path}/runs/{run['id']}/cancel").status_code == 202
    assert said(api.ask("POST", f"{path}/runs/{run['id']}/cancel")) == (
        409, "Cannot cancel a workflow run that is completed."
    )
    assert api.get(f"{path}/runs/{run['id']}")["conclusion"] == "cancelled"
    assert api.ask("GET", f"{path}/workflows/none.yml").status_code == 404
