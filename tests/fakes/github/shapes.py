"""The shapes of GitHub's answers, whole: accounts, Apps and the repository. Those of conversations are beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.fakes.github.base import Json, Token

if TYPE_CHECKING:
    from tests.fakes.github.accounts import App, Person
    from tests.fakes.github_api import GitHub

_USER_PATHS = {
    "followers_url": "/followers", "following_url": "/following{/other_user}", "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}", "subscriptions_url": "/subscriptions", "organizations_url": "/orgs",
    "repos_url": "/repos", "events_url": "/events{/privacy}", "received_events_url": "/received_events",
}
_REPOSITORY_PATHS = {
    "archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
    "downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}", "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
    "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers", "subscription_url": "/subscription",
    "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}


def node_id(kind: str, ident: object) -> str:
    """What GraphQL calls a thing that REST has a number for."""
    return f"{kind}_{base64.urlsafe_b64encode(f'0:{kind}{ident}'.encode()).decode().rstrip('=')}"


def account(token: Token) -> Json:
    """An account as it is kept."""
    return {"login": token.login, "id": token.id, "type": "Bot" if token.app else "User"}


def user(hub: GitHub, kept: Mapping[str, Any] | None) -> Json | None:
    """An account; None for one that was deleted."""
    if kept is None:
        return None
    login, bot = kept["login"], kept["type"] == "Bot"
    url = f"{hub.api}/users/{quote(login)}"
    page = f"{hub.url}/apps/{login.removesuffix('[bot]')}" if bot else f"{hub.url}/{login}"
    return {
        "login": login, "id": kept["id"], "node_id": node_id("U", kept["id"]), "gravatar_id": "",
        "avatar_url": f"{hub.url}/avatars/u/{kept['id']}?v=4", "url": url, "html_url": page,
        **{name: f"{url}{path}" for name, path in _USER_PATHS.items()},
        "type": kept["type"], "user_view_type": "public", "site_admin": False,
    }


def owner(hub: GitHub) -> Json:
    """The organisation that the repository belongs to."""
    made = user(hub, {"login": hub.full_name.partition("/")[0], "id": 2, "type": "Organization"})
    assert made is not None
    return made


def private_user(hub: GitHub, token: Token) -> Json:
    """Oneself."""
    return {
        **(user(hub, account(token)) or {}), "name": None, "company": None, "blog": "", "location": None, "email": None,
        "hireable": None, "bio": None, "twitter_username": None, "notification_email": None, "public_repos": 1,
        "public_gists": 0, "followers": 0, "following": 0, "created_at": hub.began, "updated_at": hub.began,
        "private_gists": 0, "total_private_repos": 0, "owned_private_repos": 0, "disk_usage": 1, "collaborators": 0,
        "two_factor_authentication": True,
    }


def rights(role: str) -> dict[str, bool]:
    """A role as five answers."""
    from tests.fakes.github.accounts import RANKS

    least = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage", "pull": "read"}
    return {name: RANKS.index(role) >= RANKS.index(rank) for name, rank in least.items()}


def permission(hub: GitHub, person: Person, role: str) -> Json:
    """What somebody may do: `permission` knows four roles only, `role_name` all."""
    coarse = {"maintain": "write", "triage": "read"}.get(role, role)
    kept = user(hub, {"login": person.login, "id": person.id, "type": "User"}) or {}
    name = person.role_name or role
    return {
        "permission": coarse, "role_name": name, "user": {**kept, "permissions": rights(role), "role_name": name},
    }


def integration(hub: GitHub, slug: str | None, full: bool = False) -> Json | None:
    """An App as others see it; None for none."""
    if not slug:
        return None
    app = next((one for one in hub.apps if one.slug == slug), None)
    granted = app.permissions if app else {"checks": "write", "contents": "write", "issues": "write"}
    return {
        "id": hub.app_id(slug), "client_id": f"Iv1.{hub.app_id(slug):016x}", "slug": slug,
        "node_id": node_id("A", hub.app_id(slug)), "owner": owner(hub), "name": slug, "description": "",
        "external_url": f"{hub.url}/{slug}", "html_url": f"{hub.url}/apps/{slug}", "created_at": hub.began,
        "updated_at": hub.began, "permissions": dict(granted), "events": ["issue_comment"],
        **({"installations_count": 1} if full else {}),
    }


def installation(hub: GitHub, app: App) -> Json:
    """An App's being installed."""
    url = f"{hub.api}/app/installations/{app.installation_id}"
    return {
        "id": app.installation_id, "client_id": f"Iv1.{app.id:016x}", "account": owner(hub),
        "repository_selection": "selected", "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{hub.api}/installation/repositories",
        "html_url": f"{hub.url}/settings/installations/{app.installation_id}", "app_id": app.id, "app_slug": app.slug,
        "target_id": 2, "target_type": "Organization", "permissions": dict(app.permissions),
        "events": ["issue_comment"], "created_at": hub.began, "updated_at": hub.began, "single_file_name": None,
        "has_multiple_single_files": False, "single_file_paths": [], "suspended_by": None,
        "suspended_at": hub.began if app.suspended else None,
    }


def installation_token(hub: GitHub, secret: str, token: Token) -> Json:
    """A token that an App was given."""
    return {
        "token": secret, "expires_at": datetime.fromtimestamp(token.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "permissions": dict(token.permissions or {}), "repository_selection": "selected",
        "repositories": [repository(hub, token)],
    }


def repository(hub: GitHub, token: Token | None = None) -> Json:
    """The repository, as other answers hold it."""
    name = hub.full_name.partition("/")[2]
    url = f"{hub.api}/repos/{hub.full_name}"
    opened = sum(1 for issue in hub.issues.values() if issue["state"] == "open")
    made = {
        "id": hub.repository_id, "node_id": node_id("R", hub.repository_id), "name": name, "full_name": hub.full_name,
        "private": hub.private, "owner": owner(hub), "html_url": hub.html, "description": None, "fork": False,
        "url": url, **{key: f"{url}{path}" for key, path in _REPOSITORY_PATHS.items()},
        "created_at": hub.began, "updated_at": hub.began, "pushed_at": hub.began,
        "git_url": f"git://127.0.0.1/{hub.full_name}.git", "ssh_url": f"git@127.0.0.1:{hub.full_name}.git",
        "clone_url": f"{hub.html}.git", "svn_url": hub.html, "mirror_url": None, "homepage": None, "size": 1,
        "stargazers_count": 0, "watchers_count": 0, "watchers": 0, "forks_count": 0, "forks": 0, "language": "Python",
        "has_issues": hub.has_issues, "has_projects": False, "has_downloads": False, "has_wiki": False,
        "has_pages": False, "has_discussions": False, "archived": hub.archived, "disabled": False,
        "open_issues_count": opened, "open_issues": opened, "license": None, "allow_forking": True,
        "is_template": False, "web_commit_signoff_required": False, "topics": [],
        "visibility": "private" if hub.private else "public", "default_branch": hub.default_branch,
    }
    if token is not None and not token.app:
        made["permissions"] = rights(token.rank)
    return made


def full_repository(hub: GitHub, token: Token) -> Json:
    """The repository, asked for itself."""
    return {**repository(hub, token), "subscribers_count": 0, "network_count": 0, "organization": owner(hub)}
