"""What the errors of Claude's providers mean to a person, and which of them may pass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.adapters.claude_address import Address, is_unknown_name
from bot.domain.errors import (
    BotError,
    ConfigProblem,
    ModelProblem,
    Overloaded,
    ProviderFailed,
    RateLimited,
    RequestRefused,
    Unreachable,
)

if TYPE_CHECKING:
    import anthropic

RESUME = "Nothing is lost: run `bot resume` later."
_RETRIED = frozenset({408, 409, 424, 429, 500, 502, 503, 504, 529})
_STATUS = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "request_too_large": 413, "rate_limit_error": 429, "api_error": 500,
    "timeout_error": 504, "overloaded_error": 529,
    # Amazon Bedrock's names in a stream
    "validationException": 400, "throttlingException": 429, "internalServerException": 500,
    "modelStreamErrorException": 500, "serviceUnavailableException": 503, "modelTimeoutException": 504,
}


@dataclass(frozen=True)
class Advice:
    """How a provider is named to people, and what to do about what it says."""

    title: str
    key: str
    model: str
    address: Address
    request: str = "If the message does not say what to change, this is a bug: please report it."


@dataclass(frozen=True)
class Trouble:
    """What may pass: its kind, what to say of it and to do about it, and whether asking again can help at once."""

    kind: type[ModelProblem]
    what: str
    remedy: str = RESUME
    again: bool = True


def short(text: str) -> str:
    """One line of what the other side said, for an error message."""
    return json.dumps(" ".join(text.split())[:200].rstrip("."), ensure_ascii=True)[1:-1]


def said(error: anthropic.APIStatusError) -> str:
    """What the provider says of itself, with a colon; nothing when it says nothing."""
    text = error.api_message
    if not text and isinstance(error.body, dict) and isinstance(error.body.get("message"), str):
        # The form of Amazon's errors.
        text = error.body["message"]
    return f": {short(text)}" if text else ""


def status_of(error: anthropic.APIStatusError) -> int:
    """The status; of an error within a stream (whose status is 200) the one that its type stands for."""
    return _STATUS.get(error.type or "", 500) if error.status_code < 400 else error.status_code


def may_pass(error: anthropic.APIError, advice: Advice) -> Trouble | None:
    """The trouble that an error means; None for what no retry cures."""
    import anthropic
    import httpx2

    if isinstance(error, anthropic.APITimeoutError) and not isinstance(error.__cause__, httpx2.ConnectTimeout):
        return Trouble(Unreachable, f"{advice.title} does not answer in time")
    if not isinstance(error, anthropic.APIStatusError):
        what, remedy = f"{advice.title} is not reachable at {advice.address.host}", f"{advice.address.check} {RESUME}"
        if is_unknown_name(error):
            return Trouble(Unreachable, f"{what}, which the name service does not know", remedy, again=False)
        return Trouble(Unreachable, what, remedy)
    status = status_of(error)
    if status not in _RETRIED:
        return None
    if status == 429:
        return Trouble(RateLimited, f"{advice.title} says that its rate limit is reached (status 429)")
    if status == 529:
        return Trouble(Overloaded, f"{advice.title} says that it is overloaded (status 529)")
    return Trouble(ProviderFailed, f"{advice.title} fails (status {status})")


def refused(error: anthropic.APIStatusError, advice: Advice, model: str) -> BotError:
    """The error for a status that no retry cures."""
    number = status_of(error)
    words, status = said(error), f"status {number}"
    if number in (401, 403):
        return ConfigProblem(f"{advice.title} did not accept the key ({status}){words}.", advice.key)
    if number == 404:
        return ConfigProblem(f"{advice.title} does not know the model {model} ({status}){words}.", advice.model)
    if number == 402:
        return RequestRefused(
            f"{advice.title} asks for payment ({status}){words}.", f"Check the account's credit. {RESUME}",
        )
    if number == 413:
        return RequestRefused(
            f"The prompt is too large for {_the(advice.title)} ({status}){words}.",
            "Narrow [focus] code in bot.toml, so that less code is shown.",
        )
    return RequestRefused(f"{advice.title} refused the request ({status}){words}.", advice.request)


def _the(title: str) -> str:
    return title[0].lower() + title[1:] if title.startswith("The ") else title
