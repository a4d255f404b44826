"""Claude's three providers, set up against the local servers, and a question to ask them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.claude_model import ClaudeModel
from bot.adapters.surroundings import Surroundings, opener
from bot.domain.asking import JsonObject, Message, ModelReply, ModelRequest, Tool, ToolResult
from bot.domain.config import BotConfig, ModelConfig
from bot.domain.proposals import ProposedWhys
from tests.fakes.amazon import ACCESS_KEY, REGION, SECRET_KEY
from tests.fakes.messages_api import KEY, MessagesServer, Plan, Planned, messages_server
from tests.fakes.token_endpoint import TokenEndpoint, certificate

OPUS = {
    "claude": "claude-opus-5-5", "vertex": "claude-opus-5-5@20260801", "bedrock": "global.anthropic.claude-opus-5-5",
}
"""The same model by each provider's id: at the same price."""
MODULES = {
    "claude": "bot.adapters.claude", "vertex": "bot.adapters.claude_vertex", "bedrock": "bot.adapters.claude_bedrock",
}
SEARCH = Tool(name="search_code", description="Find lines.", input_schema={
    "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"],
})
READ = Tool(name="read_code", description="Read a file.", input_schema={
    "type": "object", "required": ["path"],
    "properties": {"path": {"type": "string"}, "first": {"type": "integer", "minimum": 1}},
})


class HandClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


def request(step: str = "five_whys", *, attempt: int = 1, prompt: str = "Why?", turns: int = 1,
            model: str = "claude-opus-5-5", answer: type = ProposedWhys, **fields: Any) -> ModelRequest:
    messages = [Message(role="user", text=prompt)]
    for turn in range(turns - 1):
        messages += [Message(role="assistant", text=f"answer {turn}"), Message(role="user", text="again")]
    given = {"messages": tuple(messages), "system": "Be exact.", "most_tokens": 2000, **fields}
    return ModelRequest(step=step, attempt=attempt, model=model, answer=answer.__name__,
                        answer_schema=answer.model_json_schema(), **given)


def after(asked: ModelRequest, reply: ModelReply, *results: str | ToolResult) -> ModelRequest:
    """The request that brings the results of a reply's calls, as an investigation makes it."""
    brought = tuple(
        result if isinstance(result, ToolResult) else ToolResult(id=call.id, text=result)
        for call, result in zip(reply.calls, results, strict=True)
    )
    return asked.model_copy(update={"messages": (
        *asked.messages,
        Message(role="assistant", text=reply.text, calls=reply.calls, opaque=reply.opaque),
        Message(role="user", results=brought),
    )})


def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which nothing of the person's who runs the tests is found."""
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "AWS_", "GOOGLE_", "CLOUDSDK_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in {
        "ANTHROPIC_CONFIG_DIR": "/nonexistent", "ANTHROPIC_API_KEY": KEY, "HOME": str(tmp_path),
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"), "NO_GCE_CHECK": "true", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)


def google_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tokens: TokenEndpoint, **fields: str) -> None:
    """Workload identity federation, as a job in GitHub Actions has it: no key anywhere."""
    (tmp_path / "subject").write_text("a token of the job's own platform")
    document: JsonObject = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/ci",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{tokens.url}/sts",
        "credential_source": {"file": str(tmp_path / "subject")},
        **fields,
    }
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(document))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))


@contextmanager
def token_endpoint(tmp_path: Path, **fields: Any) -> Iterator[TokenEndpoint]:
    pem, key = certificate()
    (tmp_path / "chain.pem").write_bytes(key + pem)
    with TokenEndpoint(tmp_path / "chain.pem", **fields) as tokens:
        yield tokens


def opened(kind: str, rest: str, clock: object | None = None, **config: Any) -> ClaudeModel:
    """A model as the command line opens it."""
    given = ModelConfig(**{"vertex": {"project": "harbour-dev", "region": "global"}, "bedrock": {"region": REGION},
                           **config})
    surroundings = Surroundings(BotConfig(model=given), clock or HandClock(), os.environ, Path())  # type: ignore[arg-type]
    model: ClaudeModel = opener(MODULES[kind], "open_model")(rest, surroundings)
    return model


def at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all providers' clients call this address."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    monkeypatch.setenv("ANTHROPIC_VERTEX_BASE_URL", url)
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


Served = tuple[ClaudeModel, MessagesServer, HandClock]
Serve = Callable[..., Served]


@contextmanager
def serving(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """Starts servers, each with a model that asks it; at the end nothing wrong may have been sent.

    Given are the answers in their order (the last one repeats), or a plan.
    """
    clean(monkeypatch, tmp_path)
    servers: list[MessagesServer] = []
    with ExitStack() as stack:
        if kind == "vertex":
            google_login(monkeypatch, tmp_path, stack.enter_context(token_endpoint(tmp_path)))

        def start(*planned: Planned, plan: Plan | None = None, clock: object | None = None, rest: str = OPUS[kind],
                  **config: Any) -> Served:
            answers: Plan = plan or (lambda number, _: planned[min(number, len(planned) - 1)])
            server = stack.enter_context(messages_server(answers))
            servers.append(server)
            at(server.url, monkeypatch)
            used = clock or HandClock()
            return opened(kind, rest, used, **config), server, used  # type: ignore[return-value]

        yield start
    for server in servers:
        assert server.wrong == []
