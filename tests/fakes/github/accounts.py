"""Who may do what: people, their roles, tokens, Apps and how they get theirs."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.fakes.github import shapes
from tests.fakes.github.base import Answer, Level, Refused, Request, Route, Token, not_found

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

RANKS = ("none", "read", "triage", "write", "maintain", "admin")
ACTIONS_APP_ID = 15_368
_LONGEST_JWT_SECONDS = 600
_TOKEN_SECONDS = 3_600


@dataclass(frozen=True)
class Person:
    """Somebody who has a role in the repository. `role_name` is the role that an organisation made itself."""

    login: str
    id: int
    role: str = "write"
    role_name: str = ""


@dataclass
class App:
    """A GitHub App. `installed` is False when it is not installed on the repository."""

    id: int
    slug: str
    public_key: str
    bot_id: int
    permissions: Mapping[str, str] = field(default_factory=lambda: {
        "actions": "write", "checks": "write", "contents": "write", "issues": "write", "metadata": "read",
        "pull_requests": "write",
    })
    installation_id: int = 4_711
    installed: bool = True
    suspended: bool = False


def rank(hub: GitHub, token: Token) -> int:
    """How far a person's role goes, as a place in RANKS."""
    found = RANKS.index(token.rank)
    return max(found, RANKS.index("read")) if not hub.private else found


def may_see(hub: GitHub, token: Token) -> bool:
    """True for whoever may know that the repository exists."""
    return bool(token.app) or rank(hub, token) > 0


def may(hub: GitHub, token: Token, permission: str, level: Level, least: str = "") -> bool:
    """True when a token has a permission of an App at a level, or is a person's of the rank that takes."""
    if token.app:
        granted = token.granted(permission)
        return granted == "write" or (level == "read" and (bool(granted) or not hub.private))
    needed = least or ("write" if level == "write" else "read")
    if token.permissions is not None and level == "write" and token.granted(permission) != "write":
        return False
    return rank(hub, token) >= RANKS.index(needed)


def need(hub: GitHub, token: Token, *permissions: str, level: Level, least: str = "") -> None:
    """Refuse whoever has none of some permissions."""
    if any(may(hub, token, permission, level, least) for permission in permissions):
        return
    headers = {"X-Accepted-GitHub-Permissions": "; ".join(f"{name}={level}" for name in permissions)}
    if token.app:
        raise Refused(403, "Resource not accessible by integration", headers)
    if token.permissions is not None or "issues" not in permissions:
        raise Refused(403, "Resource not accessible by personal access token", headers)
    raise Refused(403, "Must have admin rights to Repository.", headers)


def writable(hub: GitHub) -> None:
    """Refuse a change of an archived repository."""
    if hub.archived:
        raise Refused(403, "Repository was archived so is read-only.")


# Operations


def _user(hub: GitHub, request: Request) -> Any:
    if request.token.app:
        raise Refused(403, "Resource not accessible by integration")
    return shapes.private_user(hub, request.token)


def _repository(hub: GitHub, request: Request) -> Any:
    return shapes.full_repository(hub, request.token)


def _permission(hub: GitHub, request: Request) -> Any:
    if not request.token.app and rank(hub, request.token) < RANKS.index("write"):
        raise Refused(403, "Must have push access to view collaborator permission.")
    login = request.match["username"]
    known = {person.login.lower(): person for person in hub.people.values()}
    known |= {
        token.login.lower(): Person(token.login, token.id, token.rank)
        for token in hub.tokens.values() if not token.app and token.login.lower() not in known
    }
    for record in (*hub.issues.values(), *hub.comments.values()):
        author = record["user"]
        if author is not None and author["type"] == "User":
            known.setdefault(author["login"].lower(), Person(author["login"], author["id"], "none"))
    person = known.get(login.lower())
    if person is None:
        raise Refused(404, f"{login} is not a user")
    role = RANKS[max(RANKS.index(person.role), 0 if hub.private else 1)]
    return shapes.permission(hub, person, role)


def _app(hub: GitHub, request: Request) -> Any:
    return shapes.integration(hub, _by_jwt(hub, request).slug, full=True)


def _installation(hub: GitHub, request: Request) -> Any:
    app = _by_jwt(hub, request)
    if not app.installed:
        raise not_found()
    return shapes.installation(hub, app)


def _access_token(hub: GitHub, request: Request) -> Any:
    app = _by_jwt(hub, request)
    if not app.installed or request.number != app.installation_id:
        raise not_found()
    if app.suspended:
        raise Refused(403, "This installation has been suspended")
    wanted = request.content.get("permissions", dict(app.permissions))
    if any(app.permissions.get(name) not in {level, "write"} for name, level in wanted.items()):
        raise Refused(422, "The permissions requested are not granted to this installation.")
    name = hub.full_name.partition("/")[2]
    if any(one != name for one in request.content.get("repositories", ())):
        raise Refused(422, "There is at least one repository that does not exist or is not accessible to the parent "
                           "installation.")
    secret = f"ghs_{hub.new_id():036d}"
    token = Token(f"{app.slug}[bot]", app.bot_id, app=app.slug, permissions={**wanted, "metadata": "read"},
                  expires_at=hub.now().timestamp() + _TOKEN_SECONDS)
    hub.tokens[secret] = token
    return Answer(shapes.installation_token(hub, secret, token), 201)


def _by_jwt(hub: GitHub, request: Request) -> App:
    """The App that signed the request. Raises Refused, as GitHub words it."""
    secret = request.headers.get("Authorization", "").partition(" ")[2]
    head, _, signature = secret.rpartition(".")
    try:
        algorithm = _decoded(head.partition(".")[0])["alg"]
        claims = _decoded(head.partition(".")[2])
        signed = _bytes(signature)
    except (ValueError, KeyError, TypeError, binascii.Error) as bad:
        raise Refused(401, "A JSON web token could not be decoded") from bad
    app = next((one for one in hub.apps if str(one.id) == str(claims.get("iss"))), None)
    if app is None:
        raise Refused(404, "Integration not found")
    key = serialization.load_pem_public_key(app.public_key.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        if algorithm != "RS256":
            raise InvalidSignature
        key.verify(signed, head.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as bad:
        raise Refused(401, "A JSON web token could not be decoded") from bad
    # By the real time: PyGithub makes these by the machine's clock, not by the bot's.
    now, issued, ends = time.time(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now + 5:
        raise Refused(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was "
                           "issued")
    if not isinstance(ends, int) or ends < now:
        raise Refused(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at "
                           "which the assertion expires")
    if ends > now + _LONGEST_JWT_SECONDS + 5:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    return app


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _decoded(text: str) -> Any:
    return json.loads(_bytes(text))


ROUTES = (
    Route("GET", "/user", _user),
    Route("GET", "/app", _app),
    Route("POST", "/app/installations/{installation_id}/access_tokens", _access_token),
    Route("GET", "/repos/{owner}/{repo}", _repository),
    Route("GET", "/repos/{owner}/{repo}/installation", _installation),
    Route("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", _permission),
)
