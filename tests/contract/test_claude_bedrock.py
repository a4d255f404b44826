"""Claude on Amazon Bedrock: signed requests, Amazon's event stream, and credentials as boto3 finds them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BotError, ConfigProblem, RequestRefused
from tests.contract.claude_setting import OPUS, Serve, opened, request, serving
from tests.fakes.amazon import REGION
from tests.fakes.messages_api import Planned, error, message

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    with serving("bedrock", monkeypatch, tmp_path) as start:
        yield start


def test_a_signed_request_without_a_key(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    model, server, _ = serve(message('{"a": 1}'))
    assert model.ask(request()).text == '{"a": 1}'
    assert server.paths == ["/model/global.anthropic.claude-opus-5-5/invoke-with-response-stream"]
    assert server.headers[0]["authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert f"/{REGION}/bedrock/" in server.headers[0]["authorization"]


def test_a_wrong_secret_is_named(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _, _ = serve(message("{}"))
    # The SDK keeps a session for each region, so the other secret needs another one.
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(ConfigProblem, match="did not accept the key") as caught:
        opened("bedrock", OPUS["bedrock"], bedrock={"region": "us-east-2"}).ask(request())
    assert "aws sso login" in caught.value.remedy
    assert model.name == f"bedrock:{OPUS['bedrock']}"


def test_models_with_a_version_in_their_id_get_the_version_that_they_know(serve: Serve) -> None:
    model, server, _ = serve(message("{}"), rest="global.anthropic.claude-haiku-4-5-20251001-v1:0")
    usage = model.ask(request()).usage
    assert server.seen[0]["anthropic_version"] == "bedrock-2023-05-31"
    assert server.paths[0].startswith("/model/global.anthropic.claude-haiku-4-5-20251001-v1:0/")
    assert usage.cost_usd is not None


def test_regional_profiles_need_their_price(serve: Serve) -> None:
    with pytest.raises(ConfigProblem, match=r"global inference profiles alone.*\n\[model.prices."):
        serve(message("{}"), rest="us.anthropic.claude-opus-5-5")
    prices = {"bedrock:us.anthropic.claude-opus-5-5": {"input": "4.40", "output": "22"}}
    model, _, _ = serve(message("{}"), rest="us.anthropic.claude-opus-5-5", prices=prices)
    assert model.ask(request()).text == "{}"


def test_the_environment_says_what_bot_toml_does_not(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    model, server, _ = serve(message("{}"), bedrock={})
    model.ask(request())
    assert f"/{REGION}/bedrock/" in server.headers[0]["authorization"]


def test_without_a_region_it_does_not_start(serve: Serve) -> None:
    with pytest.raises(ConfigProblem, match="in which region of AWS"):
        serve(message("{}"), bedrock={})


@pytest.mark.parametrize("profile", ["", "nobody"])
def test_without_credentials_it_does_not_start(serve: Serve, monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    with pytest.raises(ConfigProblem, match="AWS credentials") as caught:
        opened("bedrock", OPUS["bedrock"])
    assert "aws sso login" in caught.value.remedy


@pytest.mark.parametrize(("planned", "kind", "words"), [
    (error(403, "x", "expired"), ConfigProblem, "bedrock:InvokeModelWithResponseStream"),
    (error(404, "x", "no"), ConfigProblem, f"offered in {REGION}"),
    (Planned(status=400, body=b'{"message": "on-demand throughput is not supported"}'), RequestRefused,
     "inference profile"),
], ids=["403", "404", "400"])
def test_what_amazon_refuses_says_what_to_do(serve: Serve, planned: Planned, kind: type[BotError],
                                             words: str) -> None:
    model, _, _ = serve(planned)
    with pytest.raises(kind) as caught:
        model.ask(request())
    assert words in caught.value.remedy


def test_without_boto3_it_says_what_to_install(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigProblem, match=r"pip install 'whybot\[bedrock\]'"):
        opened("bedrock", OPUS["bedrock"])


@pytest.mark.parametrize("module", ["claude", "claude_vertex", "claude_bedrock"])
def test_no_sdk_is_imported_before_a_model_is_opened(module: str) -> None:
    heavy = ("anthropic", "httpx2", "google.auth", "boto3", "botocore")
    code = f"import sys, bot.adapters.{module}\nprint([name for name in {heavy!r} if name in sys.modules])"
    found: Any = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
