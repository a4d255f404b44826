"""Claude, from whatever provider. The SDK sends, authenticates and streams; waiting and deadlines are kept here."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.adapters.claude_answer import Answer, Unreadable
from bot.adapters.claude_errors import RESUME, Advice, Trouble, may_pass, refused, said, short
from bot.adapters.claude_wire import messages_of, output_of, system_of, tools_of
from bot.domain.asking import ModelReply, ModelRequest, Usage
from bot.domain.config import ModelConfig
from bot.domain.errors import BotError, ProviderFailed, StreamBroken
from bot.model.prices import cost, price_of
from bot.ports import Clock

if TYPE_CHECKING:
    import anthropic
    import httpx2

    from bot.adapters.claude_http import Bounds

MOST_SENDS = 4
"""How often one request is sent at most, the first time included."""
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 1e6


@dataclass(frozen=True)
class Provider:
    """Where Claude is asked: the id of the model there, the SDK's client, and what its errors mean.

    `ready` is called before each send with the seconds that are left; `blame` gives the error that a failure of the
    provider's own credentials stands for, None where it is something else. `body` is added to each request.
    """

    model: str
    client: anthropic.Anthropic | anthropic.AnthropicVertex | anthropic.AnthropicBedrock
    http: httpx2.Client
    bounds: Bounds
    advice: Advice
    blame: Callable[[Exception], BotError | None]
    ready: Callable[[float], None] = lambda left: None
    body: tuple[tuple[str, str], ...] = ()


class ClaudeModel:
    """The Model port over the Messages API, streamed.

    All sends of one request together, waits included, take at most `timeout_seconds`; one that falls silent in the
    middle of an answer may take up to twice that. Nothing is sent again once an answer began, since tokens are
    billed from there on: such an answer raises StreamBroken with what the provider had counted. Raises ConfigProblem
    without a known price.
    """

    scripted = False

    def __init__(self, config: ModelConfig, clock: Clock, provider: Provider) -> None:
        self._config = config
        self._clock = clock
        self._provider = provider
        weakref.finalize(self, provider.http.close)
        self._price = price_of(config)

    @property
    def name(self) -> str:
        """The model's id, with its provider where that is not Anthropic."""
        return self._config.name

    def ask(self, request: ModelRequest) -> ModelReply:
        """Send the request until it is answered, refused, or out of time.

        Raises RateLimited, Overloaded, ProviderFailed, Unreachable, StreamBroken, RequestRefused or ConfigProblem.
        """
        import anthropic

        advice = self._provider.advice
        deadline = self._clock.now() + timedelta(seconds=self._config.timeout_seconds)
        sent = 0
        while True:
            sent += 1
            answer = Answer()
            try:
                with self._understood():
                    self._receive(request, answer, deadline)
            except anthropic.APIError as error:
                if answer.started:
                    raise self._broken(answer, _why(error)) from error
                trouble = may_pass(error, advice)
                if trouble is None and isinstance(error, anthropic.APIStatusError):
                    raise refused(error, advice, self.name) from error
                if trouble is None:
                    raise
                self._wait(sent, deadline, error, trouble)
            except Unreadable as error:
                if answer.started:
                    raise self._broken(answer, f"what came is no answer ({short(str(error))})") from error
                raise self._no_message(str(error)) from error
            else:
                if answer.started and not answer.ended:
                    raise self._broken(answer, "it stopped before its end")
                if not answer.started:
                    raise self._no_message("nothing came")
                return self._reply(request, answer)

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Turn what SDK, HTTP client and credentials raise into the SDK's own errors, Unreadable or ours."""
        import anthropic
        import httpx2

        from bot.adapters.claude_http import MOST_BODY_BYTES, AnswerTooLong

        try:
            yield
        except (anthropic.APIError, BotError, Unreadable):
            raise
        except AnswerTooLong as error:
            raise Unreadable(f"more than {MOST_BODY_BYTES} bytes, longer than any answer") from error
        except httpx2.TimeoutException as error:
            raise anthropic.APITimeoutError(request=error.request) from error
        except httpx2.RequestError as error:
            raise anthropic.APIConnectionError(request=error.request) from error
        except Exception as error:
            blamed = self._provider.blame(error)
            if blamed is not None:
                raise blamed from error
            if isinstance(error, ValueError | RecursionError):
                # An event that is no JSON or no text.
                raise Unreadable(str(error)) from error
            raise

    def _receive(self, request: ModelRequest, answer: Answer, deadline: datetime) -> None:
        import anthropic

        self._provider.ready(self._left(deadline))
        self._provider.bounds.begin(deadline)
        tools: Any = tools_of(request) or anthropic.omit
        choice: Any = {"type": "none"} if request.tools and request.tools_closed else anthropic.omit
        with self._provider.client.messages.create(
            model=self._provider.model,
            max_tokens=request.most_tokens,
            system=system_of(request) or anthropic.omit,
            tools=tools,
            tool_choice=choice,
            messages=messages_of(request),
            output_config=output_of(request),
            stream=True,
            timeout=self._left(deadline),
            extra_body=dict(self._provider.body) or None,
        ) as events:
            for event in events:
                answer.take(event)

    def _left(self, deadline: datetime) -> float:
        """Seconds, never none at all, which clients take for no limit."""
        return max((deadline - self._clock.now()).total_seconds(), 0.001)

    def _wait(self, sent: int, deadline: datetime, error: anthropic.APIError, trouble: Trouble) -> None:
        """Wait before the next send. Raises the trouble when there is none, or it would be too late."""
        times = "once" if sent == 1 else f"{sent} times"
        if sent >= MOST_SENDS or not trouble.again:
            raise trouble.kind(f"{trouble.what}; it was asked {times}.", trouble.remedy) from error
        response = getattr(error, "response", None)
        wait = _retry_after(None if response is None else response.headers.get("retry-after"), sent)
        left = (deadline - self._clock.now()).total_seconds()
        if wait >= left:
            raise trouble.kind(
                f"{trouble.what}; it was asked {times}, the next time would be in {wait:.0f} s, and "
                f"{max(left, 0):.0f} of {self._config.timeout_seconds:.0f} s are left.", trouble.remedy,
            ) from error
        self._clock.sleep(wait)

    def _reply(self, request: ModelRequest, answer: Answer) -> ModelReply:
        try:
            calls, opaque = answer.calls(request), answer.opaque(request)
        except Unreadable as error:
            raise ProviderFailed(
                f"{self._provider.advice.title} answered with a call that cannot be read ({short(str(error))}).",
                RESUME, self._priced(answer),
            ) from error
        return ModelReply(
            model=answer.model, text=answer.text(), stop=answer.stop(), usage=self._priced(answer), calls=calls,
            opaque=opaque,
        )

    def _priced(self, answer: Answer) -> Usage:
        usage = answer.usage()
        return usage.model_copy(update={"cost_usd": cost(self._price, usage)})

    def _broken(self, answer: Answer, why: str) -> StreamBroken:
        usage = self._priced(answer)
        return StreamBroken(
            f"An answer of {self.name} broke off after some {usage.output_tokens} tokens: {why}.",
            f"What it cost is counted. {RESUME}", usage,
        )

    def _no_message(self, why: str) -> ProviderFailed:
        return ProviderFailed(
            f"{self._provider.advice.title} answered with no message ({short(why)}).",
            f"{self._provider.advice.address.check} {RESUME}",
        )


def _why(error: anthropic.APIError) -> str:
    import anthropic

    if isinstance(error, anthropic.APITimeoutError):
        return "it did not come to its end in time"
    if isinstance(error, anthropic.APIStatusError):
        return f"the provider said {error.type or 'error'}{said(error)}"
    return "the connection was cut"


def _retry_after(header: str | None, sent: int) -> float:
    """The seconds that the server asks for, at least our own wait. A date or nonsense counts as nothing."""
    try:
        asked = float(header) if header is not None else 0.0
    except ValueError:
        asked = 0.0
    own = _FIRST_WAIT_S * 2.0 ** (sent - 1)
    return max(own, min(asked, _LONGEST_WAIT_S))  # NaN compares as nothing and falls to our own
