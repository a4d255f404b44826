"""Issues, labels, comments and reactions, as GitHub's documentation has them."""

from __future__ import annotations

from pathlib import Path

from tests.contract.fake_github.client import ADA, REPOSITORY, Client, branch, errors, said
from tests.fakes.github_api import GitHub
from tests.fakes.instant_clock import InstantClock


def test_numbers_are_shared_and_never_given_twice(hub: GitHub, api: Client, clone: Path) -> None:
    branch(hub, clone, "whybot/fix")
    first = api.post(f"{REPOSITORY}/issues", {"title": "a"})
    pull = api.post(f"{REPOSITORY}/pulls", {"title": "b", "head": "whybot/fix", "base": "main"})
    hub.delete_issue(first["number"])
    third = api.post(f"{REPOSITORY}/issues", {"title": "c"})
    assert (first["number"], pull["number"], third["number"]) == (1, 2, 3)
    assert [item["number"] for item in api.get(f"{REPOSITORY}/issues?direction=asc")] == [2, 3]
    assert "pull_request" in api.get(f"{REPOSITORY}/issues/2")
    changed = api.ask("PATCH", f"{REPOSITORY}/issues/2", {"title": "d", "state": "closed"}).json()
    found = api.get(f"{REPOSITORY}/pulls/2")
    assert (changed["state"], found["state"], found["title"], found["merged"]) == ("closed", "closed", "d", False)


def test_pages(hub: GitHub, api: Client) -> None:
    for number in range(1, 106):
        hub.add_issue(ADA, f"t{number}", "", [])
    numbers, path = [], f"{REPOSITORY}/issues?direction=asc&per_page=50"
    relations = []
    while path:
        page = api.ask("GET", path)
        numbers += [issue["number"] for issue in page.json()]
        relations.append(sorted(page.links))
        path = page.links.get("next", {}).get("url", "")
    assert numbers == list(range(1, 106))
    assert relations == [["last", "next"], ["first", "last", "next", "prev"], ["first", "prev"]]
    assert len(api.get(f"{REPOSITORY}/issues?per_page=1000")) == 100
    assert len(api.get(f"{REPOSITORY}/issues")) == 30
    assert api.get(f"{REPOSITORY}/issues?page=9") == []
    assert "/repositories/1/issues" in api.ask("GET", f"{REPOSITORY}/issues").headers["Link"]


def test_state_and_its_reason(hub: GitHub, api: Client) -> None:
    api.post(f"{REPOSITORY}/issues", {"title": "t"})
    path = f"{REPOSITORY}/issues/1"
    seen = [
        (found["state"], found["state_reason"], found["closed_at"] is not None)
        for content in ({"state": "closed"}, {"state": "open"}, {"state": "closed", "state_reason": "duplicate"},
                        {"state": "closed", "state_reason": "completed"}, {"state": "open", "state_reason": "reopened"})
        if (found := api.ask("PATCH", path, content).json())
    ]
    assert seen == [("closed", "completed", True), ("open", "reopened", False), ("closed", "duplicate", True),
                    ("closed", "duplicate", True), ("open", "reopened", False)]
    hub.state_reasons = ("completed", "not_planned", "reopened")
    refused = api.ask("PATCH", path, {"state": "closed", "state_reason": "duplicate"})
    assert refused.status_code == 422, "as an older Enterprise Server does"


def test_labels(hub: GitHub, api: Client) -> None:
    made = api.post(f"{REPOSITORY}/issues", {"title": "t", "labels": ["Bug", "P1"]})
    path = f"{REPOSITORY}/issues/{made['number']}/labels"
    assert [label["name"] for label in api.post(path, {"labels": ["bug", "More"]})] == ["Bug", "P1", "More"]
    assert [label["name"] for label in api.ask("DELETE", f"{path}/p1").json()] == ["Bug", "More"]
    assert said(api.ask("DELETE", f"{path}/p1")) == (404, "Label does not exist")
    assert errors(api.ask("POST", path, {"labels": ["x" * 51]})) == ["name is too long (maximum is 50 characters)"]
    assert errors(api.ask("POST", f"{REPOSITORY}/labels", {"name": "BUG"})) == ["name already_exists"]
    theirs = api.post(f"{REPOSITORY}/issues", {"title": "by a reader", "labels": ["Bug"]}, "reader")
    assert theirs["labels"] == [], "dropped without a word"


def test_texts_that_are_too_long_or_missing(hub: GitHub, api: Client) -> None:
    path = f"{REPOSITORY}/issues"
    assert errors(api.ask("POST", path, {"title": " "})) == ["title missing_field"]
    assert errors(api.ask("POST", path, {"title": "t" * 257})) == ["title is too long (maximum is 256 characters)"]
    too_long = {"title": "t", "body": "ü" * 65_537}
    assert errors(api.ask("POST", path, too_long)) == ["body is too long (maximum is 65536 characters)"]
    api.post(path, {"title": "t", "body": "ü" * 65_536})
    assert errors(api.ask("POST", f"{path}/1/comments", {"body": "\n"})) == ["Body cannot be blank"]
    assert len(errors(api.ask("POST", f"{path}/1/comments", {"body": "c" * 65_537}))) == 1
    answer = api.session.post(hub.url + path, data=b"{", headers={"Authorization": "Bearer ada"}, timeout=10)
    assert said(answer) == (400, "Problems parsing JSON")
    hub.violations.clear()


def test_issues_that_are_gone_moved_or_locked(hub: GitHub, api: Client) -> None:
    for _ in range(3):
        api.post(f"{REPOSITORY}/issues", {"title": "t", "body": "b"})
    comment = api.post(f"{REPOSITORY}/issues/1/comments", {"body": "c"}, "app")
    hub.delete_issue(1)
    for verb, path, content in (("GET", "", None), ("PATCH", "", {"title": "u"}), ("POST", "/comments", {"body": "c"}),
                                ("GET", "/comments", None), ("POST", "/labels", {"labels": ["x"]})):
        assert said(api.ask(verb, f"{REPOSITORY}/issues/1{path}", content)) == (410, "This issue was deleted")
    assert api.ask("GET", f"{REPOSITORY}/issues/comments/{comment['id']}").status_code == 404

    hub.transfer_issue(2, "acme/other", 9)
    answer = api.ask("PATCH", f"{REPOSITORY}/issues/2", {"title": "u"})
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"{hub.url}/repositories/2/issues/9"
    assert api.get(answer.headers["Location"])["html_url"].endswith("/acme/other/issues/9")
    api.ask("PATCH", answer.headers["Location"], {"title": "astray"})
    assert hub.strayed == ["PATCH /repositories/2/issues/9"]

    hub.issues[3]["locked"] = True
    locked = (403, "Unable to create comment because issue is locked.")
    path = f"{REPOSITORY}/issues/3/comments"
    for secret in ("app", "actions", "reader"):
        assert said(api.ask("POST", path, {"body": "c"}, secret)) == locked
    assert api.post(path, {"body": "by somebody who may write"})["id"]
    assert [issue["number"] for issue in api.get(f"{REPOSITORY}/issues")] == [3]


def test_comments_and_reactions(hub: GitHub, api: Client) -> None:
    hub.add_issue(ADA, "t", "b", [])
    made = api.post(f"{REPOSITORY}/issues/1/comments", {"body": "c"}, "reader")
    path = f"{REPOSITORY}/issues/comments/{made['id']}"
    first = api.ask("POST", f"{path}/reactions", {"content": "eyes"}, "app")
    again = api.ask("POST", f"{path}/reactions", {"content": "eyes"}, "app")
    other = api.ask("POST", f"{path}/reactions", {"content": "eyes"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.json() == again.json() != other.json()
    assert [one["user"]["login"] for one in api.get(f"{path}/reactions?content=eyes")] == ["whybot[bot]", "ada"]
    assert api.get(f"{path}/reactions?content=rocket") == []
    assert api.get(path)["reactions"]["eyes"] == 2
    assert api.ask("PATCH", path, {"body": "d"}, "reader").json()["body"] == "d", "one's own"
    del hub.comments[made["id"]]
    for verb, rest, content in (
        ("GET", "", None), ("PATCH", "", {"body": "x"}), ("POST", "/reactions", {"content": "+1"})
    ):
        assert api.ask(verb, path + rest, content).status_code == 404


def test_comments_of_the_last_hour(hub: GitHub, api: Client, clock: InstantClock) -> None:
    hub.add_issue(ADA, "t", "b", [])
    for text in ("one", "two", "three"):
        hub.add_comment(ADA, 1, text)
        clock.sleep(60)
    since = hub.comments[max(hub.comments) - 1]["created_at"]
    found = api.get(f"{REPOSITORY}/issues/comments?since={since}&sort=created&direction=desc")
    assert [comment["body"] for comment in found] == ["three", "two"]
