"""Clones and pushes: real `git http-backend`, with the permissions of the token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.fakes.git_http import backend, password
from tests.fakes.github.accounts import may, may_see
from tests.fakes.github.wire import Reply

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
"""git shows a refusal's body only when it is plain text."""


def respond(hub: GitHub, verb: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Answer one request of git's."""
    path = urlsplit(target).path
    if hub.moved_from and path.startswith(f"/{hub.moved_from}.git/"):
        there = f"{hub.url}/{hub.full_name}.git/{target.partition('.git/')[2]}"
        return Reply(301, (("Location", there),), b"")
    token = hub.tokens.get(password(headers))
    if token is None or token.expires_at <= hub.now().timestamp():
        asked = (("WWW-Authenticate", 'Basic realm="GitHub"'),)
        return Reply(401, asked, b"Invalid username or token. Password authentication is not supported.\n")
    if not path.startswith(f"/{hub.full_name}.git/") or not may_see(hub, token):
        return Reply(404, _TEXT, b"Repository not found.\n")
    pushes = "git-receive-pack" in target
    if pushes and hub.archived:
        return Reply(403, _TEXT, b"This repository was archived so it is read-only.\n")
    if pushes and not may(hub, token, "contents", "write"):
        return Reply(403, _TEXT, f"Permission to {hub.full_name}.git denied to {token.login}.\n".encode())
    if not may(hub, token, "contents", "read"):
        return Reply(403, _TEXT, b"Write access to repository not granted.\n")
    before = hub.store.refs() if pushes and verb == "POST" else {}
    answer = backend(verb, target, headers, body, hub.root)
    if pushes and verb == "POST":
        for ref, sha in hub.store.refs().items():
            if before.get(ref) != sha:
                hub.pushed(token, ref, sha)
    return Reply(answer.status, answer.headers, answer.body)
