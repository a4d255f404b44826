"""Who may do what: kinds of tokens, permissions of jobs, roles of people, states of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.contract.fake_github.client import ADA, REPOSITORY, Client, branch, said
from tests.fakes.github_api import GitHub, Person, Token, actions_token


def test_kinds_of_tokens(hub: GitHub, api: Client) -> None:
    hub.add_issue(ADA, "t", "b", [])
    assert said(api.ask("GET", "/user", secret="actions")) == (403, "Resource not accessible by integration")
    assert said(api.ask("GET", "/user", secret="unknown")) == (401, "Bad credentials")
    assert api.get("/user")["login"] == "ada"
    viewer = api.post("/graphql", {"query": "query { viewer { login databaseId } }"}, "actions")
    assert viewer == {"data": {"viewer": {"login": "github-actions[bot]", "databaseId": 41898282}}}
    issue = api.post(f"{REPOSITORY}/issues", {"title": "t"}, "actions")
    assert (issue["user"]["type"], issue["performed_via_github_app"]["slug"]) == ("Bot", "github-actions")
    assert issue["performed_via_github_app"]["id"] == 15368


NEEDED: tuple[tuple[str, str, str, dict[str, Any] | None], ...] = (
    ("issues", "POST", "/issues", {"title": "t"}),
    ("issues", "PATCH", "/issues/1", {"title": "t"}),
    ("issues", "POST", "/issues/1/comments", {"body": "b"}),
    ("issues", "POST", "/issues/1/labels", {"labels": ["x"]}),
    ("contents", "POST", "/git/refs", {"ref": "refs/heads/x", "sha": "HEAD"}),
    ("contents", "PUT", "/contents/x", {"message": "m", "content": "eA=="}),
    ("pull_requests", "POST", "/pulls", {"title": "t", "head": "whybot/fix", "base": "main"}),
    ("checks", "POST", "/check-runs", {"name": "n", "head_sha": "HEAD"}),
    ("actions", "POST", "/actions/runs/RUN/cancel", None),
)


def test_a_workflows_token_may_what_its_job_says(hub: GitHub, api: Client, clone: Path) -> None:
    head = branch(hub, clone, "whybot/fix")
    hub.add_issue(ADA, "t", "b", [])
    run = hub.add_run("cycle.yml", ADA)
    every = dict.fromkeys(("contents", "issues", "pull_requests", "checks", "actions"), "write")
    for permission, verb, rest, given in NEEDED:
        path = REPOSITORY + rest.replace("RUN", str(run["id"]))
        content = given and {key: head if value == "HEAD" else value for key, value in given.items()}
        for granted in ({name: level for name, level in every.items() if name != permission}, {permission: "read"}):
            hub.tokens["job"] = actions_token(**granted)
            refused = api.ask(verb, path, content, "job")
            assert said(refused) == (403, "Resource not accessible by integration"), (rest, granted)
            assert f"{permission}=write" in refused.headers["X-Accepted-GitHub-Permissions"]
        hub.tokens["job"] = actions_token(**{permission: "write"})
        assert api.ask(verb, path, content, "job").status_code in {200, 201, 202}, rest


def test_who_sees_a_private_repository(hub: GitHub, api: Client) -> None:
    hub.add_issue(ADA, "t", "b", [])
    assert api.get(f"{REPOSITORY}/issues/1", "stranger")["title"] == "t"
    hub.private = True
    for path in (REPOSITORY, f"{REPOSITORY}/issues", f"{REPOSITORY}/contents/app.py"):
        assert said(api.ask("GET", path, secret="stranger")) == (404, "Not Found")
    hub.tokens["job"] = actions_token(contents="read")
    assert api.ask("GET", f"{REPOSITORY}/issues", secret="job").status_code == 403
    assert api.ask("GET", f"{REPOSITORY}/contents/app.py", secret="job").status_code == 200
    assert said(api.ask("GET", "/repos/acme/other")) == (404, "Not Found")


def test_permission_of_people(hub: GitHub, api: Client) -> None:
    hub.people |= {"Grace": Person("Grace", 9, "maintain"), "tim": Person("tim", 10, "triage"),
                   "sec": Person("sec", 11, "write", role_name="security-lead")}
    hub.add_issue(Token("passer-by", 99), "t", "b", [])

    def of(login: str) -> tuple[str, str]:
        found = api.get(f"{REPOSITORY}/collaborators/{login}/permission", "actions")
        return found["permission"], found["role_name"]

    assert [of(login) for login in ("grace", "tim", "sec", "passer-by", "mallory")] == [
        ("write", "maintain"), ("read", "triage"), ("write", "security-lead"), ("read", "read"), ("read", "read"),
    ]
    hub.private = True
    assert of("passer-by") == ("none", "none")
    for login in ("nobody-at-all", "github-actions%5Bbot%5D"):
        assert api.ask("GET", f"{REPOSITORY}/collaborators/{login}/permission").status_code == 404
    refused = api.ask("GET", f"{REPOSITORY}/collaborators/tim/permission", secret="reader")
    assert said(refused) == (403, "Must have push access to view collaborator permission.")


def test_repositories_that_are_archived_renamed_or_without_issues(hub: GitHub, api: Client) -> None:
    hub.add_issue(ADA, "t", "b", [])
    hub.has_issues = False
    assert api.ask("GET", f"{REPOSITORY}/issues").status_code == 410
    assert said(api.ask("POST", f"{REPOSITORY}/issues", {"title": "t"})) == (
        410, "Issues has been disabled in this repository."
    )
    hub.has_issues, hub.archived = True, True
    for verb, path, content in (("POST", "/issues", {"title": "t"}), ("PATCH", "/issues/1", {"title": "t"}),
                                ("PUT", "/contents/x", {"message": "m", "content": ""})):
        assert said(api.ask(verb, REPOSITORY + path, content)) == (403, "Repository was archived so is read-only.")
    assert api.get(REPOSITORY)["archived"] is True
    hub.archived = False
    hub.rename("acme/store")
    answer = api.ask("GET", f"{REPOSITORY}/issues?state=all")
    assert (answer.status_code, answer.headers["Location"]) == (301, f"{hub.url}/repositories/1/issues?state=all")
    assert api.get(answer.headers["Location"])[0]["html_url"].endswith("/acme/store/issues/1")
    assert hub.head("main")


def test_an_enterprise_server_has_its_api_under_a_path(hub: GitHub, api: Client) -> None:
    hub.api = f"{hub.url}/api/v3"
    for number in range(40):
        hub.add_issue(ADA, f"t{number}", "", [])
    first = api.ask("GET", f"/api/v3{REPOSITORY}/issues")
    assert first.links["next"]["url"].startswith(f"{hub.url}/api/v3/repositories/1/issues?")
    assert len(api.get(first.links["next"]["url"])) == 10
    assert api.post("/api/graphql", {"query": "{ viewer { login } }"}) == {"data": {"viewer": {"login": "ada"}}}
