"""The shapes of issues, labels, comments and reactions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.fakes.github import shapes
from tests.fakes.github.base import Json

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")


def label(hub: GitHub, name: str) -> Json:
    """A label of the repository."""
    kept = hub.labels.setdefault(name.lower(), {"id": hub.new_id(), "name": name, "color": "ededed", "description": ""})
    return {
        **kept, "node_id": shapes.node_id("LA", kept["id"]), "default": False,
        "url": f"{hub.api}/repos/{hub.full_name}/labels/{quote(kept['name'], safe='')}",
    }


def issue(hub: GitHub, kept: Json) -> Json:
    """An issue, or a pull request seen as one."""
    number = kept["number"]
    root = f"{hub.api}/repos/{kept.get('repository', hub.full_name)}"
    url = f"{root}/issues/{number}"
    made = {
        "id": kept["id"], "node_id": kept["node_id"], "url": url, "repository_url": root,
        "labels_url": f"{url}/labels{{/name}}", "comments_url": f"{url}/comments", "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline", "html_url": kept["html_url"], "number": number, "title": kept["title"],
        "body": kept["body"], "user": shapes.user(hub, kept["user"]), "state": kept["state"],
        "state_reason": kept.get("state_reason"), "labels": [label(hub, one["name"]) for one in kept["labels"]],
        "assignee": None, "assignees": [], "milestone": None, "locked": kept["locked"],
        "active_lock_reason": kept.get("lock_reason"),
        "comments": sum(1 for comment in hub.comments.values() if comment["issue"] == number),
        "created_at": kept["created_at"], "updated_at": kept["updated_at"], "closed_at": kept["closed_at"],
        "closed_by": shapes.user(hub, kept["closed_by"]), "author_association": association(hub, kept["user"]),
        "performed_via_github_app": shapes.integration(hub, kept.get("app")), "reactions": rollup(url, {}),
    }
    if "pull_request" in kept:
        page = kept["html_url"]
        made["pull_request"] = {
            **kept["pull_request"], "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch",
            "merged_at": hub.pulls[number]["merged_at"] if number in hub.pulls else None,
        }
        made["draft"] = hub.pulls[number]["draft"] if number in hub.pulls else False
    return made


def comment(hub: GitHub, kept: Json) -> Json:
    """A comment."""
    root = f"{hub.api}/repos/{hub.full_name}/issues"
    return {
        "id": kept["id"], "node_id": shapes.node_id("IC", kept["id"]), "url": f"{root}/comments/{kept['id']}",
        "html_url": kept["html_url"], "issue_url": f"{root}/{kept['issue']}", "body": kept["body"],
        "user": shapes.user(hub, kept["user"]), "created_at": kept["created_at"], "updated_at": kept["updated_at"],
        "author_association": association(hub, kept["user"]),
        "performed_via_github_app": shapes.integration(hub, kept.get("app")),
        "reactions": rollup(f"{root}/comments/{kept['id']}", kept["reactions"]),
    }


def rollup(url: str, kept: dict[int, Json]) -> Json:
    """How many reactions there are of each kind."""
    given = [one["content"] for one in kept.values()]
    return {"url": f"{url}/reactions", "total_count": len(given), **{name: given.count(name) for name in REACTIONS}}


def reaction(hub: GitHub, kept: Json) -> Json:
    """A reaction."""
    return {
        "id": kept["id"], "node_id": shapes.node_id("REA", kept["id"]), "user": shapes.user(hub, kept["user"]),
        "content": kept["content"], "created_at": kept["created_at"],
    }


def association(hub: GitHub, author: Json | None) -> str:
    """What an author has to do with the repository, as a word that is not to be trusted as a permission."""
    person = next((one for one in hub.people.values() if author is not None and one.id == author["id"]), None)
    return "NONE" if person is None or person.role in {"none", "read"} else "COLLABORATOR"
