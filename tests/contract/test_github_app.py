"""A GitHub App: from its key to a token for one repository, and what stands in the way of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.github_app import AppTokens
from bot.adapters.github_forge import GitHubForge, open_forge
from bot.adapters.surroundings import Surroundings
from bot.domain.config import BotConfig
from bot.domain.errors import BotError, ConfigProblem, ForgeProblem
from tests.contract.forge_setting import STRANGER
from tests.fakes.github_api import App, Fault, GitHub
from tests.fakes.instant_clock import InstantClock

APP_ID = 1_234


@dataclass(frozen=True)
class Keys:
    """An App's private key, as GitHub gives it, and the public half, which GitHub keeps."""

    private: str
    public: str


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> str:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


@pytest.fixture(scope="module")
def keys() -> Keys:
    """Made once, since it takes a moment."""
    key = rsa.generate_private_key(65_537, 2_048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Keys(pem(key), public.decode())


@pytest.fixture
def app(github: GitHub, keys: Keys) -> App:
    """The App, installed."""
    made = App(APP_ID, "whybot-for-acme", keys.public, 41)
    github.apps.append(made)
    return made


@pytest.fixture
def now() -> InstantClock:
    """The real time, as a JWT bears it, which passes only when somebody sleeps."""
    return InstantClock(datetime.now(UTC))


def tokens(github: GitHub, key: str, clock: InstantClock, app: object = APP_ID) -> AppTokens:
    return AppTokens(str(app), key, "WHYBOT_APP_KEY", github.full_name, github.url, clock)


def forge(github: GitHub, keys: Keys, workspace: GitWorkspace, clock: InstantClock) -> GitHubForge:
    return GitHubForge(
        github.full_name, tokens(github, keys.private, clock), github.url, workspace, clock, ci_on_unreviewed_code=True
    )


def test_it_acts_as_the_app(
    github: GitHub, app: App, keys: Keys, workspace: GitWorkspace, now: InstantClock
) -> None:
    made = forge(github, keys, workspace, now)
    base = workspace.resolve("HEAD")
    assert base is not None
    assert (made.account.login, made.account.kind, made.account.starts_ci) == ("whybot-for-acme[bot]", "app", True)
    github.add_issue(STRANGER, "theirs", "b", [])
    mine = made.create_issue("mine", "b", ())
    assert list(made.issues()) == [mine]
    made.push("whybot/fix", base)
    assert github.head("whybot/fix") == base
    check = made.create_check(base, "k", "whybot", "success", "t", "s")
    assert [one.id for one in made.checks(base)] == [check.id]
    assert sum("access_tokens" in request for request in github.requests) == 1
    (token,) = github.tokens.values()
    assert dict(token.permissions or {}) == {
        "contents": "write", "issues": "write", "pull_requests": "write", "checks": "write", "metadata": "read",
    }, "no more than is needed, though the App has more"


def test_a_token_is_made_anew_before_it_ends(
    github: GitHub, app: App, keys: Keys, workspace: GitWorkspace, now: InstantClock
) -> None:
    made = forge(github, keys, workspace, now)
    made.create_issue("one", "b", ())
    now.sleep(timedelta(minutes=54).total_seconds())
    made.create_issue("two", "b", ())
    assert len(github.tokens) == 1
    now.sleep(timedelta(minutes=2).total_seconds())
    made.create_issue("three", "b", ())
    assert len(github.tokens) == 2
    first, second = github.tokens
    del github.tokens[first]
    made.create_issue("four", "b", ())
    assert second in github.tokens
    assert [issue.title for issue in made.issues()] == ["one", "two", "three", "four"]


def test_a_token_that_ended_early_is_replaced_once(
    github: GitHub, app: App, keys: Keys, workspace: GitWorkspace, now: InstantClock
) -> None:
    made = forge(github, keys, workspace, now)
    made.create_issue("one", "b", ())
    github.tokens.clear()
    assert made.create_issue("two", "b", ()).number == 2
    assert len(github.tokens) == 1
    github.faults.append(Fault("POST", "/issues$", 401, body='{"message": "Bad credentials"}', times=9))
    with pytest.raises(ForgeProblem, match="401"):
        made.create_issue("three", "b", ())
    assert github.faults[0].times == 7


def test_a_key_in_one_line(github: GitHub, app: App, keys: Keys, now: InstantClock) -> None:
    one_line = keys.private.strip().replace("\n", "\\n")
    assert "\n" not in one_line
    assert tokens(github, one_line, now).current().startswith("ghs_")


def no_key(keys: Keys) -> str:
    return "not a key"


def half_a_key(keys: Keys) -> str:
    return keys.private[: len(keys.private) // 2]


def public_key(keys: Keys) -> str:
    return keys.public


def another_kind_of_key(keys: Keys) -> str:
    return pem(ec.generate_private_key(ec.SECP256R1()))


def locked_key(keys: Keys) -> str:
    return pem(rsa.generate_private_key(65_537, 2_048), b"secret")


@pytest.mark.parametrize("spoilt", [no_key, half_a_key, public_key, another_kind_of_key, locked_key])
def test_what_is_no_key(github: GitHub, keys: Keys, now: InstantClock, spoilt: Callable[[Keys], str]) -> None:
    key = spoilt(keys)
    with pytest.raises(ConfigProblem, match="WHYBOT_APP_KEY holds no private key") as caught:
        tokens(github, key, now)
    assert key not in str(caught.value)
    assert "BEGIN RSA PRIVATE KEY" in caught.value.remedy
    assert caught.value.__cause__ is None
    assert github.requests == []


def uninstalled(github: GitHub, app: App) -> None:
    app.installed = False


def suspended(github: GitHub, app: App) -> None:
    app.suspended = True


def unknown(github: GitHub, app: App) -> None:
    app.id = 5


def without_contents(github: GitHub, app: App) -> None:
    app.permissions = {"issues": "write", "pull_requests": "write", "metadata": "read", "contents": "read"}


def another_key(github: GitHub, app: App) -> None:
    key = rsa.generate_private_key(65_537, 2_048).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    app.public_key = key.public_bytes(serialization.Encoding.PEM, form).decode()


def renamed(github: GitHub, app: App) -> None:
    github.rename("acme/renamed")


@pytest.mark.parametrize(("spoil", "remedy"), [
    (uninstalled, "Install it there"), (suspended, "suspension"), (unknown, "`app_id`"), (another_key, "`app_id`"),
    (without_contents, "repository permissions"), (renamed, "`name` under [repository]"),
])
def test_what_stands_in_the_way(
    github: GitHub, app: App, keys: Keys, now: InstantClock, spoil: Callable[[GitHub, App], None], remedy: str
) -> None:
    app_tokens = tokens(github, keys.private, now)
    spoil(github, app)
    with pytest.raises(ForgeProblem) as caught:
        app_tokens.current()
    assert remedy in caught.value.remedy
    said = str(caught.value)
    assert not any(secret in said for secret in app_tokens.secrets())
    assert github.tokens == {}
    if spoil is without_contents:
        assert "contents: write" in caught.value.what
        assert "issues" not in caught.value.what


def test_it_does_without_checks(
    github: GitHub, app: App, keys: Keys, workspace: GitWorkspace, now: InstantClock
) -> None:
    app.permissions = {"contents": "write", "issues": "write", "pull_requests": "write", "metadata": "read"}
    made = tokens(github, keys.private, now)
    made.current()
    assert made.lacking == ("checks",)


def test_no_secret_is_said(
    github: GitHub, app: App, keys: Keys, workspace: GitWorkspace, now: InstantClock
) -> None:
    made = forge(github, keys, workspace, now)
    made.create_issue("t", "b", ())
    (secret,) = github.tokens
    github.faults.append(Fault("POST", "/issues$", 422, body=f'{{"message": "bad: {secret}"}}'))
    with pytest.raises(ForgeProblem) as caught:
        made.create_issue("t", "b", ())
    assert "***" in caught.value.what
    assert secret not in str(caught.value)


def test_it_is_opened_by_the_configuration(
    github: GitHub, app: App, keys: Keys, workspace: GitWorkspace, now: InstantClock, tmp_path: Path
) -> None:
    config = BotConfig.model_validate({
        "repository": {"name": "acme/shop"},
        "forge": {"kind": "github", "api_url": github.url, "app_id": str(APP_ID), "private_key_env": "MY_KEY"},
    })

    def opened(environ: dict[str, str]) -> GitHubForge:
        return open_forge("acme/shop", Surroundings(config, now, environ, tmp_path, workspace))

    made = opened({"MY_KEY": keys.private, "GITHUB_TOKEN": "not this one"})
    assert made.account.login == "whybot-for-acme[bot]"
    with pytest.raises(BotError, match="MY_KEY is not set") as caught:
        opened({"GITHUB_TOKEN": "not this one"})
    assert str(APP_ID) in caught.value.what
