"""Acting as a GitHub App: from its private key to a token for one repository, which lasts an hour.

GitHub, "Authenticating as a GitHub App installation".
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel

from bot.adapters.github_api import GitHubApi
from bot.adapters.github_refusals import Refused
from bot.adapters.github_tokens import GivenToken, Tokens
from bot.adapters.surroundings import Surroundings
from bot.domain.effects import RepositoryName
from bot.domain.errors import ConfigProblem, ForgeProblem
from bot.ports import Clock

_RENEW_BEFORE: Final = timedelta(minutes=5)
"""How long before its end a token is made anew: longer than any one request waits."""

Right = Literal["read", "write"]

NEEDED: Final[dict[str, Right]] = {
    "contents": "write", "issues": "write", "pull_requests": "write", "checks": "write", "metadata": "read",
}
"""The permissions that the bot asks for. Without them in the request PyGithub would ask for none."""

_CAN_DO_WITHOUT: Final = frozenset({"checks"})


class _Installation(BaseModel):
    id: int
    app_slug: str = ""
    permissions: dict[str, str] = {}
    suspended_at: AwareDatetime | None = None


class _Token(BaseModel):
    token: str
    expires_at: AwareDatetime


class _Jwt:
    """A token for the App itself, good for minutes: made for each request."""

    def __init__(self, app: str, key: str, variable: str) -> None:
        self._app = app
        self._key = key
        self._variable = variable
        self._last = ""

    def current(self) -> str:
        from cryptography.exceptions import UnsupportedAlgorithm
        from github.Auth import AppAuth
        from jwt.exceptions import PyJWTError

        try:
            if "PRIVATE KEY-----" not in self._key:
                raise ValueError("PyJWT takes a public key, too, and fails later")
            self._last = AppAuth(self._app, self._key).token
        except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
            # Without the cause, since what a cryptographic library says may quote the key.
            raise ConfigProblem(
                f"{self._variable} holds no private key of a GitHub App.",
                "Put the whole PEM file into it, as GitHub gave it: -----BEGIN RSA PRIVATE KEY----- and so on.",
            ) from None
        return self._last

    def renew(self) -> bool:
        return False

    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self._last, self._key) if secret)


class AppTokens:
    """Implements Tokens for the App `app` where it is installed on `repository`, by its key in `variable`.

    Raises ConfigProblem for a repository or key that cannot be one.
    """

    def __init__(
        self, app: str, key: str, variable: str, repository: RepositoryName, api_url: str, clock: Clock
    ) -> None:
        # A PEM has lines; many places for secrets keep only one, with the breaks written out.
        self._jwt = _Jwt(app, key.replace("\\n", "\n") if "\n" not in key else key, variable)
        self._jwt.current()
        self._app = app
        self._repository = repository
        self._clock = clock
        self._api = GitHubApi(api_url, self._jwt, clock)
        self._token: _Token | None = None
        self._past: tuple[str, ...] = ()
        self.lacking: tuple[str, ...] = ()
        """Permissions that the installation does not grant and the bot can do without. Known after the first token."""

    def current(self) -> str:
        """The token for the installation; another one from five minutes before its end. Raises ForgeProblem."""
        if self._token is None or self._token.expires_at - _RENEW_BEFORE <= self._clock.now():
            self._token = self._made()
            self._past = (*self._past[-3:], self._token.token)
        return self._token.token

    def renew(self) -> bool:
        """Make another one for the next request."""
        self._token = None
        return True

    def secrets(self) -> tuple[str, ...]:
        """The key, and all that was made with it."""
        return (*self._past, *self._jwt.secrets())

    def _made(self) -> _Token:
        installation = self._installation()
        lacking = tuple(
            name for name, right in NEEDED.items()
            if installation.permissions.get(name) not in {"write", "admin", right}
        )
        if vital := [name for name in lacking if name not in _CAN_DO_WITHOUT]:
            raise ForgeProblem(
                f"The installation of App {self._app} on {self._repository} does not grant "
                f"{', '.join(f'{name}: {NEEDED[name]}' for name in vital)}.",
                "Give the App these repository permissions in its settings, then accept them where it is installed.",
            )
        self.lacking = lacking
        wanted = {
            "repositories": [self._repository.partition("/")[2]],
            "permissions": {name: right for name, right in NEEDED.items() if name not in lacking},
        }
        path, doing = f"/app/installations/{installation.id}/access_tokens", f"make a token for App {self._app}"
        try:
            return self._api.one("POST", path, _Token, wanted, doing=doing, repeatable=True)
        except Refused as refused:
            if refused.refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                raise ForgeProblem(
                    refused.what,
                    "Check `name` under [repository]: it has to be the name of today, in an installation of the App.",
                ) from refused
            raise

    def _installation(self) -> _Installation:
        doing = f"find the installation of App {self._app}"
        try:
            found = self._api.one("GET", f"/repos/{self._repository}/installation", _Installation, doing=doing)
        except Refused as refused:
            if refused.refusal.status == HTTPStatus.UNAUTHORIZED or refused.refusal.says("integration not found"):
                raise ForgeProblem(
                    refused.what,
                    "Check that `app_id` under [forge] and the private key are of one App, and this machine's clock.",
                ) from None
            if refused.refusal.status == HTTPStatus.NOT_FOUND:
                raise ForgeProblem(
                    f"App {self._app} is not installed on {self._repository}.",
                    "Install it there (the App's page, Install App), and check `name` under [repository].",
                ) from refused
            raise
        if found.suspended_at is not None:
            raise ForgeProblem(
                f"The installation of App {self._app} on {self._repository} is suspended.",
                "Take the suspension back in the settings of the account that it is installed on.",
            )
        return found


def open_tokens(repository: RepositoryName, surroundings: Surroundings) -> Tokens:
    """What [forge] says to act with: an App, else the token in a variable. Raises ConfigProblem without it."""
    forge = surroundings.config.forge
    if not forge.app_id:
        try:
            return GivenToken(surroundings.variable(forge.token_env, "the forge GitHub"))
        except ConfigProblem as absent:
            raise ConfigProblem(
                absent.what,
                f"Set {forge.token_env}: in Actions to ${{{{ github.token }}}}, elsewhere to a token that may write to "
                "the repository, such as `gh auth token` prints.",
            ) from absent
    key = surroundings.variable(forge.private_key_env, f"the GitHub App {forge.app_id}")
    return AppTokens(forge.app_id, key, forge.private_key_env, repository, forge.api_url, surroundings.clock)
