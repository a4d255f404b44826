"""Claude through Anthropic's Messages API. The SDK sends and authenticates; waiting and deadlines are kept here."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.adapters.surroundings import Surroundings
from bot.domain.asking import ModelReply, ModelRequest, StopReason, Usage
from bot.domain.config import ModelConfig
from bot.domain.errors import ConfigProblem, ModelProblem
from bot.model.prices import cost, price_of
from bot.ports import Clock

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import MessageParam, OutputConfigParam

MOST_SENDS = 4
"""How often one request is sent at most, the first time included."""
MOST_BODY_BYTES = 16_000_000
_RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 1e6
_RESUME = "Nothing is lost: run `bot resume` later."
_STOPS = {
    "end_turn": StopReason.END, "stop_sequence": StopReason.END, "max_tokens": StopReason.LENGTH,
    "model_context_window_exceeded": StopReason.LENGTH, "refusal": StopReason.REFUSAL,
}


class _Loose(BaseModel):
    """Part of a response; what we do not know is ignored, so that a newer API still works."""

    model_config = ConfigDict(extra="ignore")


class _Block(_Loose):
    type: str
    text: str = ""


class _Used(_Loose):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Response(_Loose):
    model: str
    content: list[_Block]
    stop_reason: str | None
    usage: _Used


class ClaudeModel:
    """The Model port over the Messages API.

    Key and address come from the environment, as the SDK reads them (`ANTHROPIC_API_KEY`,
    `ANTHROPIC_BASE_URL`). All sends of one request together, waits included, take at most
    `timeout_seconds`. Raises ConfigProblem without a key or a known price.
    """

    scripted = False

    def __init__(self, config: ModelConfig, clock: Clock) -> None:
        import anthropic

        self._config = config
        self._clock = clock
        self._price = price_of(config)
        try:
            # The SDK's own retries follow `retry-after` however long it is, so they are off.
            self._client = anthropic.Anthropic(max_retries=0, timeout=config.timeout_seconds)
        except anthropic.AnthropicError as error:
            raise ConfigProblem(
                f"The credentials for Claude cannot be read: {_short(str(error))}.",
                "Set ANTHROPIC_API_KEY, or put that configuration right.",
            ) from error
        if self._client.api_key is None and self._client.auth_token is None and self._client.credentials is None:
            raise ConfigProblem(
                f"There is no key for Claude, so the model {config.name} cannot be asked.",
                "Set the environment variable ANTHROPIC_API_KEY, or use --model script:DIR.",
            )

    @property
    def name(self) -> str:
        """The model's id."""
        return self._config.name

    def ask(self, request: ModelRequest) -> ModelReply:
        """Send the request until it is answered, refused, or out of time. Raises ModelProblem or ConfigProblem."""
        import anthropic

        deadline = self._clock.now() + timedelta(seconds=self._config.timeout_seconds)
        for sent in range(1, MOST_SENDS + 1):
            try:
                return self._reply(self._send(request, deadline))
            except anthropic.APIStatusError as error:
                if error.status_code not in _RETRIED:
                    self._refuse(error)
                wait = _retry_after(error.response.headers.get("retry-after"), sent)
                what = _trouble(error.status_code)
            except anthropic.APIConnectionError as error:
                # Covers time-outs of one send too.
                wait = _own_wait(sent)
                what = "does not answer in time" if isinstance(error, anthropic.APITimeoutError) else "is not reachable"
            except anthropic.AnthropicError as error:
                raise ConfigProblem(
                    f"The credentials for Claude were not accepted: {_short(str(error))}.",
                    "Set ANTHROPIC_API_KEY to a valid key.",
                ) from error
            left = (deadline - self._clock.now()).total_seconds()
            if wait >= left:
                raise ModelProblem(
                    f"The Messages API {what}; it was asked {_times(sent)}, the next time would be in {wait:.0f} s, "
                    f"and {max(left, 0):.0f} of {self._config.timeout_seconds:.0f} s are left.", _RESUME,
                )
            if sent < MOST_SENDS:
                self._clock.sleep(wait)
        raise ModelProblem(f"The Messages API {what}; it was asked {_times(MOST_SENDS)}.", _RESUME)

    def _send(self, request: ModelRequest, deadline: datetime) -> bytes:
        """The body of a successful response. Read in pieces, so that a trickle ends at the deadline too."""
        import anthropic
        import httpx2

        left = (deadline - self._clock.now()).total_seconds()
        messages: list[MessageParam] = [
            {"role": "user", "content": message.text} if message.role == "user"
            else {"role": "assistant", "content": message.text} for message in request.messages
        ]
        schema = anthropic.transform_schema(dict(request.answer_schema))
        output: OutputConfigParam = {
            "effort": request.effort, "format": {"type": "json_schema", "schema": schema},
        }
        try:
            with self._client.messages.with_streaming_response.create(
                model=request.model,
                max_tokens=request.most_tokens,
                system=request.system,
                messages=messages,
                output_config=output,
                timeout=max(left, 0.001),
            ) as response:
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > MOST_BODY_BYTES:
                        raise ModelProblem(
                            f"The Messages API answered with more than {MOST_BODY_BYTES} bytes.",
                            "Check ANTHROPIC_BASE_URL; no model's answer is that long.",
                        )
                    if self._clock.now() > deadline:
                        raise anthropic.APITimeoutError(request=response.http_request)
                return bytes(body)
        except httpx2.TimeoutException as error:
            raise anthropic.APITimeoutError(request=error.request) from error
        except httpx2.TransportError as error:
            raise anthropic.APIConnectionError(request=error.request) from error

    def _reply(self, body: bytes) -> ModelReply:
        try:
            found = _Response.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ModelProblem(
                f"The Messages API answered with no message ({place or 'body'}: {_short(first['msg'])}).",
                "Check ANTHROPIC_BASE_URL; if it is the real API, run `bot resume` later.",
            ) from error
        usage = Usage(
            input_tokens=found.usage.input_tokens, output_tokens=found.usage.output_tokens,
            cache_read_tokens=found.usage.cache_read_input_tokens or 0,
            cache_write_tokens=found.usage.cache_creation_input_tokens or 0,
        )
        return ModelReply(
            model=found.model,
            text="".join(block.text for block in found.content if block.type == "text"),
            stop=_STOPS.get(found.stop_reason or "", StopReason.OTHER),
            usage=usage.model_copy(update={"cost_usd": cost(self._price, usage)}),
        )

    def _refuse(self, error: anthropic.APIStatusError) -> NoReturn:
        """Raise what a status means that no retry cures."""
        said = f": {_short(error.api_message)}" if error.api_message else ""
        status = f"status {error.status_code}"
        if error.status_code in (401, 403):
            raise ConfigProblem(
                f"The Messages API did not accept the key ({status}){said}.",
                "Set ANTHROPIC_API_KEY to a key that may use this model.",
            ) from error
        if error.status_code == 404:
            raise ConfigProblem(
                f"The Messages API does not know the model {self.name} ({status}){said}.",
                "Name another model in [model] name or with --model.",
            ) from error
        if error.status_code == 402:
            raise ModelProblem(
                f"The Messages API asks for payment ({status}){said}.", f"Check the account's credit. {_RESUME}",
            ) from error
        if error.status_code == 413:
            raise ModelProblem(
                f"The prompt is too large for the Messages API ({status}){said}.",
                "Narrow [focus] code in bot.toml, so that less code is shown.",
            ) from error
        raise ModelProblem(
            f"The Messages API refused the request ({status}){said}.",
            "If the message does not say what to change, this is a bug: please report it.",
        ) from error


def open_model(rest: str, surroundings: Surroundings) -> ClaudeModel:
    """The Claude model with the id `rest`."""
    return ClaudeModel(surroundings.config.model.model_copy(update={"name": rest}), surroundings.clock)


def _trouble(status: int) -> str:
    if status == 429:
        return "says that its rate limit is reached (status 429)"
    if status == 529:
        return "says that it is overloaded (status 529)"
    return f"fails (status {status})"


def _own_wait(sent: int) -> float:
    return _FIRST_WAIT_S * 2.0 ** (sent - 1)


def _retry_after(header: str | None, sent: int) -> float:
    """The seconds that the server asks for, at least our own wait. A date or nonsense counts as nothing."""
    try:
        asked = float(header) if header is not None else 0.0
    except ValueError:
        asked = 0.0
    return max(_own_wait(sent), min(asked, _LONGEST_WAIT_S))  # NaN compares as nothing and falls to our own


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _short(text: str) -> str:
    """One line of what the other side said, for an error message."""
    return json.dumps(" ".join(text.split())[:200].rstrip("."), ensure_ascii=True)[1:-1]
