"""Events of comments as GitHub's runner leaves them for a job: complete `issue_comment` payloads.

The shape is that of GitHub's own description (`webhook-issue-comment-created` and its siblings), and
`tests/unit/test_actions_events.py` holds it to that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

API, HTML = "https://api.github.com", "https://github.com"
WHEN = "2026-03-04T05:06:07Z"


@dataclass(frozen=True)
class Account:
    """Somebody as GitHub shows them. `type` is User, Bot, Organization or Mannequin."""

    login: str
    id: int
    type: str = "User"


ADA = Account("ada", 7)
MALLORY = Account("mallory", 66)
ACTIONS = Account("github-actions[bot]", 41898282, "Bot")


def comment_event(
    body: str, *, action: str = "created", by: Account = ADA, sender: Account | None = None, number: int = 12,
    comment: int = 492700400, pull: bool = False, locked: bool = False, state: str = "open", app: str = "",
    association: str = "MEMBER", repository: str = "acme/shop", before: str | None = None,
    created_at: str = WHEN,
) -> Json:
    """One event. `app` is the slug of an App that wrote the comment for somebody, `before` the text before an edit."""
    event: Json = {
        "action": action,
        "issue": _issue(repository, number, pull=pull, locked=locked, state=state),
        "comment": _comment(repository, number, comment, by, body, created_at, app, association, pull=pull),
        "repository": _repository(repository),
        "organization": _organization(repository.partition("/")[0]),
        "sender": account(sender or by),
    }
    if action == "edited":
        event["changes"] = {"body": {"from": body if before is None else before}}
    return event


def payload(event: object) -> bytes:
    """The event as the file that the runner writes: JSON with two spaces of indentation."""
    return json.dumps(event, indent=2).encode()


def account(who: Account) -> Json:
    """An account in full."""
    name = who.login.removesuffix("[bot]")
    own = f"{API}/users/{who.login.replace('[', '%5B').replace(']', '%5D')}"
    page = f"{HTML}/apps/{name}" if who.type == "Bot" else f"{HTML}/{who.login}"
    return {
        "login": who.login, "id": who.id, "node_id": f"U_kgDO{who.id:06d}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{who.id}?v=4", "gravatar_id": "", "url": own,
        "html_url": page, "followers_url": f"{own}/followers", "following_url": f"{own}/following{{/other_user}}",
        "gists_url": f"{own}/gists{{/gist_id}}", "starred_url": f"{own}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{own}/subscriptions", "organizations_url": f"{own}/orgs", "repos_url": f"{own}/repos",
        "events_url": f"{own}/events{{/privacy}}", "received_events_url": f"{own}/received_events", "type": who.type,
        "user_view_type": "public", "site_admin": False,
    }


def _reactions(of: str) -> Json:
    names = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": f"{of}/reactions", "total_count": 0, **dict.fromkeys(names, 0)}


def _issue(repository: str, number: int, *, pull: bool, locked: bool, state: str) -> Json:
    url, kind = f"{API}/repos/{repository}/issues/{number}", "pull" if pull else "issues"
    page = f"{HTML}/{repository}/{kind}/{number}"
    issue = {
        "url": url, "repository_url": f"{API}/repos/{repository}", "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments", "events_url": f"{url}/events", "html_url": page, "id": 2_000_000 + number,
        "node_id": f"I_kwDO{number:06d}", "number": number, "title": "Messages are routed to nobody",
        "user": account(ADA), "labels": [{
            "id": 1362934389, "node_id": "LA_kwDO0001", "url": f"{API}/repos/{repository}/labels/bug", "name": "bug",
            "color": "d73a4a", "default": True, "description": "Something isn't working",
        }],
        "state": state, "locked": locked, "assignee": None, "assignees": [], "milestone": None, "comments": 3,
        "created_at": "2026-03-01T08:00:00Z", "updated_at": WHEN, "closed_at": WHEN if state == "closed" else None,
        "author_association": "MEMBER", "active_lock_reason": "resolved" if locked else None, "body": "It began today.",
        "reactions": _reactions(url), "timeline_url": f"{url}/timeline", "performed_via_github_app": None,
        "state_reason": "completed" if state == "closed" and not pull else None,
    }
    if pull:
        issue["draft"] = False
        issue["pull_request"] = {
            "url": f"{API}/repos/{repository}/pulls/{number}", "html_url": page, "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch", "merged_at": None,
        }
    return issue


def _comment(repository: str, number: int, ident: int, by: Account, body: str, created_at: str, app: str,
             association: str, *, pull: bool) -> Json:
    url = f"{API}/repos/{repository}/issues/comments/{ident}"
    return {
        "url": url, "html_url": f"{HTML}/{repository}/{'pull' if pull else 'issues'}/{number}#issuecomment-{ident}",
        "issue_url": f"{API}/repos/{repository}/issues/{number}", "id": ident, "node_id": f"IC_kwDO{ident:06d}",
        "user": account(by), "created_at": created_at, "updated_at": created_at, "author_association": association,
        "body": body, "reactions": _reactions(url), "performed_via_github_app": _app(app) if app else None,
    }


def _app(slug: str) -> Json:
    return {
        "id": 15368, "slug": slug, "node_id": "A_kwDO0001", "owner": account(Account("github", 9919, "Organization")),
        "name": slug, "description": "", "external_url": "https://example.org", "html_url": f"{HTML}/apps/{slug}",
        "created_at": "2018-07-30T09:30:17Z", "updated_at": "2019-12-10T19:04:12Z", "permissions": {"issues": "write"},
        "events": ["issue_comment"],
    }


_LINKS = {
    "forks_url": "forks", "keys_url": "keys{/key_id}", "collaborators_url": "collaborators{/collaborator}",
    "teams_url": "teams", "hooks_url": "hooks", "issue_events_url": "issues/events{/number}", "events_url": "events",
    "assignees_url": "assignees{/user}", "branches_url": "branches{/branch}", "tags_url": "tags",
    "blobs_url": "git/blobs{/sha}", "git_tags_url": "git/tags{/sha}", "git_refs_url": "git/refs{/sha}",
    "trees_url": "git/trees{/sha}", "statuses_url": "statuses/{sha}", "languages_url": "languages",
    "stargazers_url": "stargazers", "contributors_url": "contributors", "subscribers_url": "subscribers",
    "subscription_url": "subscription", "commits_url": "commits{/sha}", "git_commits_url": "git/commits{/sha}",
    "comments_url": "comments{/number}", "issue_comment_url": "issues/comments{/number}",
    "contents_url": "contents/{+path}", "compare_url": "compare/{base}...{head}", "merges_url": "merges",
    "archive_url": "{archive_format}{/ref}", "downloads_url": "downloads", "issues_url": "issues{/number}",
    "pulls_url": "pulls{/number}", "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}", "labels_url": "labels{/name}",
    "releases_url": "releases{/id}", "deployments_url": "deployments",
}


def _repository(name: str) -> Json:
    owner, _, short = name.partition("/")
    url, page = f"{API}/repos/{name}", f"{HTML}/{name}"
    return {
        "id": 186853002, "node_id": "R_kgDO0001", "name": short, "full_name": name, "private": False,
        "owner": account(Account(owner, 38302899, "Organization")), "html_url": page, "description": None,
        "fork": False, "url": url, **{key: f"{url}/{rest}" for key, rest in _LINKS.items()},
        "created_at": "2019-05-15T15:19:25Z", "updated_at": "2019-05-15T15:19:27Z",
        "pushed_at": "2019-05-15T15:20:13Z", "git_url": f"git://github.com/{name}.git",
        "ssh_url": f"git@github.com:{name}.git", "clone_url": f"{page}.git", "svn_url": page, "homepage": None,
        "size": 4, "stargazers_count": 0, "watchers_count": 0, "language": "Python", "has_issues": True,
        "has_projects": True, "has_downloads": True, "has_wiki": True, "has_pages": False, "has_discussions": False,
        "forks_count": 0, "mirror_url": None, "archived": False, "disabled": False, "open_issues_count": 1,
        "license": None, "allow_forking": True, "is_template": False, "web_commit_signoff_required": False,
        "topics": [], "visibility": "public", "forks": 0, "open_issues": 1, "watchers": 0, "default_branch": "main",
        "custom_properties": {},
    }


def _organization(login: str) -> Json:
    url = f"{API}/orgs/{login}"
    return {
        "login": login, "id": 38302899, "node_id": "O_kgDO0001", "url": url, "repos_url": f"{url}/repos",
        "events_url": f"{url}/events", "hooks_url": f"{url}/hooks", "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}", "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": "https://avatars.githubusercontent.com/u/38302899?v=4", "description": "",
    }
