"""What the tests of the local GitHub share: accounts, and a client that speaks to it as any program would."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.github_api import App, GitHub, Token, actions_token
from tests.fakes.repositories import commit_all, git

APP = Token("whybot[bot]", 41, app="whybot")
ADA = Token("ada", 7)
READER = Token("rita", 8, write=False)
STRANGER = Token("mallory", 66, role="none")
ACTIONS = actions_token(contents="write", issues="write", pull_requests="write", checks="write", actions="write")
TOKENS = {"app": APP, "ada": ADA, "reader": READER, "stranger": STRANGER, "actions": ACTIONS}
REPOSITORY = "/repos/acme/shop"


class Client:
    """Asks one server over one connection, as Ada unless another token is named."""

    def __init__(self, hub: GitHub) -> None:
        self.hub = hub
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, verb: str, path: str, content: Any = None, secret: str = "ada", **more: Any) -> requests.Response:
        """The answer, whatever it is; no redirection is followed."""
        url = path if path.startswith("http") else self.hub.url + path
        return self.session.request(
            verb, url, json=content, headers={"Authorization": f"Bearer {secret}"}, allow_redirects=False,
            **{"timeout": 10, **more},
        )

    def get(self, path: str, secret: str = "ada") -> Any:
        """What is there."""
        found = self.ask("GET", path, None, secret)
        assert found.status_code == 200, found.text
        return found.json()

    def post(self, path: str, content: Any, secret: str = "ada") -> Any:
        """What was made."""
        made = self.ask("POST", path, content, secret)
        assert made.status_code in {200, 201, 202}, made.text
        return made.json()


def said(answer: requests.Response) -> tuple[int, str]:
    """An answer's status and message."""
    return answer.status_code, answer.json()["message"]


def errors(answer: requests.Response) -> list[str]:
    """What a validation error names."""
    assert answer.status_code == 422, answer.text
    return [error.get("message") or f"{error['field']} {error['code']}" for error in answer.json()["errors"]]


def branch(hub: GitHub, clone: Path, name: str, content: bytes = b"2\n") -> str:
    """Push a change past the server; return the commit."""
    git(clone, "checkout", "--quiet", "-B", name, "main")
    (clone / "app.py").write_bytes(content)
    made = commit_all(clone, f"Change for {name}")
    git(clone, "push", "--quiet", "--force", str(hub.bare), name)
    return made


def register(hub: GitHub) -> rsa.RSAPrivateKey:
    """Make an App that is installed; return its key."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    hub.apps.append(App(12345, "whybot", public.decode(), 41))
    return key


def signed(key: Any, algorithm: str = "RS256", **claims: Any) -> str:
    """A token as an App signs it for itself."""
    now = int(time.time())
    return jwt.encode({"iat": now - 60, "exp": now + 300, "iss": "12345", **claims}, key, algorithm=algorithm)
