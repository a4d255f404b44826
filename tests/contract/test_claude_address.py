"""Where Claude is asked: what cannot be an address is refused before anything is sent, and errors say where it was."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.adapters.claude_model import MOST_SENDS, ClaudeModel
from bot.domain.errors import ConfigProblem, Unreachable
from tests.contract.claude_setting import OPUS, HandClock, clean, opened, request
from tests.fakes.amazon import ACCESS_KEY, REGION, SECRET_KEY
from tests.fakes.messages_api import KEY

VARIABLES = {
    "claude": "ANTHROPIC_BASE_URL", "vertex": "ANTHROPIC_VERTEX_BASE_URL", "bedrock": "ANTHROPIC_BEDROCK_BASE_URL",
}
NOBODY = "http://127.0.0.1:9"
Open = Callable[..., ClaudeModel]


@pytest.fixture
def open_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Open:
    """Opens a provider's model with good credentials, and the environment that is given besides."""
    clean(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    (tmp_path / "credentials.json").write_text(json.dumps({
        "type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r",
    }))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "credentials.json"))

    def start(kind: str, clock: HandClock | None = None, config: dict[str, object] | None = None,
              **variables: str) -> ClaudeModel:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return opened(kind, OPUS[kind], clock, **(config or {}))

    return start


@pytest.mark.parametrize("url", [
    "", " ", "nonsense", "user:s3cret@host", "http://", "http://[", "ftp://host", "http://a b", "https://host:99999",
    "https://host:x", "http://a..b", f"http://{64 * 'x'}.test", "http://no such region/..", "http://h\x01",
], ids=repr)
@pytest.mark.parametrize("kind", VARIABLES)
def test_what_is_no_address_stops_the_start(open_model: Open, kind: str, url: str) -> None:
    with pytest.raises(ConfigProblem, match=f"What {VARIABLES[kind]} says is not the address of a server") as caught:
        open_model(kind, **{VARIABLES[kind]: url})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://host.test:65535/v1", "http://[::1]:80", "http://a_b/"])
def test_what_is_an_address_does_not(open_model: Open, url: str) -> None:
    for kind, variable in VARIABLES.items():
        open_model(kind, **{variable: url})


@pytest.mark.parametrize("kind", ["claude", "bedrock"])
def test_nobody_listens_at_an_address(open_model: Open, kind: str) -> None:
    clock = HandClock()
    with pytest.raises(Unreachable, match=f"is not reachable at 127.0.0.1; it was asked {MOST_SENDS} times") as caught:
        open_model(kind, clock, **{VARIABLES[kind]: NOBODY}).ask(request())
    assert f"Check {VARIABLES[kind]}, the network" in caught.value.remedy
    assert "bot resume" in caught.value.remedy


@pytest.mark.parametrize(("kind", "config", "variables", "host", "setting"), [
    ("claude", {}, {}, "api.anthropic.com", ""),
    ("bedrock", {"bedrock": {"region": "xx-nowhere-1"}}, {}, "bedrock-runtime.xx-nowhere-1.amazonaws.com",
     "`region` under [model.bedrock] in bot.toml, "),
    ("bedrock", {"bedrock": {}}, {"AWS_REGION": "xx-nowhere-1"}, "bedrock-runtime.xx-nowhere-1.amazonaws.com",
     "AWS_REGION, "),
    ("claude", {}, {"ANTHROPIC_BASE_URL": "https://nobody.invalid/"}, "nobody.invalid", "ANTHROPIC_BASE_URL, "),
], ids=["own address", "region", "region of the environment", "variable"])
def test_a_host_that_the_name_service_does_not_know_is_asked_for_once(
    open_model: Open, monkeypatch: pytest.MonkeyPatch, kind: str, config: dict[str, object],
    variables: dict[str, str], host: str, setting: str,
) -> None:
    def unknown(name: str, *rest: object, **more: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # What the name service of a machine says of a name is its own matter.
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    clock = HandClock()
    with pytest.raises(Unreachable) as caught:
        open_model(kind, clock, config, **variables).ask(request())
    assert caught.value.what.endswith(
        f" is not reachable at {host}, which the name service does not know; it was asked once.")
    assert caught.value.remedy == (f"Check {setting}the network and the proxy settings. "
                                   "Nothing is lost: run `bot resume` later.")
    assert clock.slept == []


def test_a_name_service_that_fails_may_come_back(open_model: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(name: str, *rest: object, **more: object) -> object:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    clock = HandClock()
    with pytest.raises(Unreachable, match=f"asked {MOST_SENDS} times"):
        open_model("claude", clock).ask(request())
    assert len(clock.slept) == MOST_SENDS - 1


@pytest.mark.parametrize(("kind", "variable", "config"), [
    ("vertex", "CLOUD_ML_REGION", {"vertex": {"project": "p"}}),
    ("vertex", "ANTHROPIC_VERTEX_PROJECT_ID", {"vertex": {"region": "global"}}),
    ("bedrock", "AWS_REGION", {"bedrock": {}}), ("bedrock", "AWS_DEFAULT_REGION", {"bedrock": {}}),
])
def test_regions_and_projects_of_the_environment_are_looked_at_too(
    open_model: Open, kind: str, variable: str, config: dict[str, object],
) -> None:
    with pytest.raises(ConfigProblem, match=f"{variable} is wrong: 'no such/..' is not "):
        open_model(kind, None, config, **{variable: "no such/.."})


@pytest.mark.parametrize("kind", VARIABLES)
@pytest.mark.parametrize(("variable", "value"), [
    ("HTTPS_PROXY", "foo://user:s3cret@proxy"), ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
])
def test_a_proxy_or_certificates_that_cannot_be_used(open_model: Open, kind: str, variable: str, value: str) -> None:
    with pytest.raises(ConfigProblem, match="cannot be used") as caught:
        open_model(kind, **{variable: value, "AWS_REGION": REGION})
    assert variable in caught.value.remedy
    assert "s3cret" not in str(caught.value)


class TestAKeyBesideAProfile:
    """The SDK says once a process which of two it takes, in its log and so on the terminal."""

    @pytest.fixture(autouse=True)
    def anew(self) -> None:
        from anthropic.lib.credentials import _auth

        _auth._warn_once_seen.clear()

    def test_goes_before_it_without_a_word(self, open_model: Open, caplog: pytest.LogCaptureFixture) -> None:
        open_model("claude", ANTHROPIC_PROFILE="work")
        assert caplog.records == []

    def test_the_sdk_would_have_said_so(self, open_model: Open, caplog: pytest.LogCaptureFixture,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
        import anthropic

        monkeypatch.setenv("ANTHROPIC_PROFILE", "work")
        anthropic.Anthropic().close()
        assert "takes precedence over the SDK's profile" in caplog.text

    def test_other_warnings_are_heard(self, open_model: Open, caplog: pytest.LogCaptureFixture) -> None:
        open_model("claude", ANTHROPIC_AUTH_TOKEN="another")
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert KEY not in caplog.text
