"""Claude on Vertex AI: the keyless login that reads the logs, against a local token endpoint and a local server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from bot.adapters.system_clock import SystemClock
from bot.domain.errors import BotError, ConfigProblem, RequestRefused, Unreachable
from tests.contract.claude_setting import OPUS, at, clean, google_login, opened, request, token_endpoint
from tests.fakes.messages_api import MessagesServer, Planned, error, message, messages_server
from tests.fakes.token_endpoint import TokenEndpoint

ACCOUNT = "v1/projects/-/serviceAccounts/bot@harbour-dev.iam.gserviceaccount.com:generateAccessToken"
ANSWER = message('{"a": 1}')
LOGIN = "gcloud auth application-default login"


class Start(Protocol):
    def __call__(self, planned: Planned = ..., **fields: Any) -> tuple[MessagesServer, TokenEndpoint]: ...


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Start]:
    """A server and a token endpoint; `fields` are the endpoint's."""
    clean(monkeypatch, tmp_path)
    servers: list[MessagesServer] = []
    with ExitStack() as stack:

        def begin(planned: Planned = ANSWER, **fields: Any) -> tuple[MessagesServer, TokenEndpoint]:
            tokens = stack.enter_context(token_endpoint(tmp_path, **fields))
            google_login(monkeypatch, tmp_path, tokens)
            server = stack.enter_context(messages_server(lambda number, body: planned))
            servers.append(server)
            at(server.url, monkeypatch)
            return server, tokens

        yield begin
    for server in servers:
        assert server.wrong == []


def test_federation_asks_with_a_token_and_no_key(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    server, tokens = start()
    model = opened("vertex", OPUS["vertex"])
    assert tokens.asked == []
    assert model.ask(request()).text == '{"a": 1}'
    assert server.paths == [
        "/projects/harbour-dev/locations/global/publishers/anthropic/models/claude-opus-5-5@20260801:streamRawPredict",
    ]
    assert server.headers[0]["authorization"] == "Bearer sts-token"
    path, form = tokens.asked[0]
    assert path == "/sts"
    assert form["subject_token"] == ["a token of the job's own platform"]
    assert form["scope"] == ["https://www.googleapis.com/auth/cloud-platform"]
    model.ask(request())
    assert len(tokens.asked) == 1


def test_federation_through_a_service_account(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server, tokens = start()
    google_login(monkeypatch, tmp_path, tokens, service_account_impersonation_url=f"{tokens.url}/{ACCOUNT}")
    opened("vertex", OPUS["vertex"]).ask(request())
    assert server.headers[0]["authorization"] == "Bearer impersonated-token"


def test_a_token_that_expires_is_renewed(start: Start) -> None:
    server, tokens = start(lifetime_s=1)
    model = opened("vertex", OPUS["vertex"])
    model.ask(request())
    asked = len(tokens.asked)
    model.ask(request())
    assert len(tokens.asked) == 2 * asked
    assert len(server.seen) == 2


def test_nothing_is_said_of_a_project_that_is_named(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    start()
    opened("vertex", OPUS["vertex"])
    assert caplog.records == []


def test_the_environment_says_what_bot_toml_does_not(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = start()
    prices = {f"vertex:{OPUS['vertex']}": {"input": "4.40", "output": "22"}}
    empty = {"vertex": {}, "prices": prices}
    monkeypatch.setenv("CLOUD_ML_REGION", "europe-west1")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "from-google")
    opened("vertex", OPUS["vertex"], **empty).ask(request())
    monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "from-anthropic")
    opened("vertex", OPUS["vertex"], **empty).ask(request())
    assert [path.split("/")[2:5:2] for path in server.paths] == [
        ["from-google", "europe-west1"], ["from-anthropic", "europe-west1"],
    ]


@pytest.mark.parametrize(("config", "words"), [
    ({"vertex": {"project": "p"}}, "region"), ({"vertex": {"region": "global"}}, "project"),
    ({"vertex": {"project": "p", "region": "europe-west1"}}, "global endpoint alone"),
])
def test_what_is_not_said_is_asked_for(start: Start, config: dict[str, Any], words: str) -> None:
    start()
    with pytest.raises(ConfigProblem, match=words) as caught:
        opened("vertex", OPUS["vertex"], **config)
    assert "bot.toml" in caught.value.remedy


@pytest.mark.parametrize(("fields", "words"), [
    ({"good": 0}, "have expired or were revoked"),
    ({"good": 0, "error": {"error": "unauthorized_client", "error_description": "The credential is rejected"}},
     "gave no token"),
])
def test_credentials_that_give_no_token_are_named(start: Start, fields: dict[str, Any], words: str) -> None:
    server, _ = start(**fields)
    with pytest.raises(ConfigProblem, match=words) as caught:
        opened("vertex", OPUS["vertex"]).ask(request())
    assert caught.value.remedy
    assert server.seen == []


@pytest.mark.parametrize("content", [None, "{ torn", '{"type": "made_up"}', '{"type": "authorized_user"}'])
def test_credentials_that_are_missing_or_damaged_stop_the_start(start: Start, monkeypatch: pytest.MonkeyPatch,
                                                                tmp_path: Path, content: str | None) -> None:
    start()
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    if content is not None:
        (tmp_path / "bad.json").write_text(content)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "bad.json"))
    with pytest.raises(ConfigProblem, match="Google Cloud credentials") as caught:
        opened("vertex", OPUS["vertex"])
    assert LOGIN in caught.value.remedy


def test_no_way_to_the_token_endpoint_is_no_matter_of_the_login(start: Start, monkeypatch: pytest.MonkeyPatch,
                                                                tmp_path: Path) -> None:
    _, tokens = start()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    google_login(monkeypatch, tmp_path, tokens, token_url=f"http://127.0.0.1:{port}/sts")
    with pytest.raises(Unreachable, match="Google could not be reached") as caught:
        opened("vertex", OPUS["vertex"], timeout_seconds=2).ask(request())
    assert "network" in caught.value.remedy


def test_a_token_endpoint_that_says_nothing_ends_at_the_deadline(start: Start, monkeypatch: pytest.MonkeyPatch,
                                                                 tmp_path: Path) -> None:
    _, tokens = start()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        google_login(monkeypatch, tmp_path, tokens, token_url=f"http://127.0.0.1:{silent.getsockname()[1]}/sts")
        began = time.monotonic()
        with pytest.raises(Unreachable, match="Google could not be reached"):
            opened("vertex", OPUS["vertex"], SystemClock(), timeout_seconds=0.5).ask(request())
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(("planned", "kind", "words"), [
    (error(401, "UNAUTHENTICATED", "expired"), ConfigProblem, LOGIN),
    (error(403, "PERMISSION_DENIED", "no"), ConfigProblem, "roles/aiplatform.user in the project harbour-dev"),
    (error(404, "NOT_FOUND", "no"), ConfigProblem, "Model Garden of harbour-dev"),
    (error(400, "FAILED_PRECONDITION", "not allowed"), RequestRefused, "vertexai.allowedPartnerModelFeatures"),
], ids=["401", "403", "404", "400"])
def test_what_google_refuses_says_what_to_do(start: Start, planned: Planned, kind: type[BotError],
                                             words: str) -> None:
    start(planned)
    with pytest.raises(kind) as caught:
        opened("vertex", OPUS["vertex"]).ask(request())
    assert words in caught.value.remedy
