"""What is asked of a model and what it answers, as values that can be hashed, stored and replayed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, JsonValue

from bot.domain.base import Frozen, Sha256


class Message(Frozen):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


class ModelRequest(Frozen):
    """A question. No clock and no random ids in it: the same question has the same digest.

    `step` and `attempt` say where in the cycle it is asked; `attempt` counts the step's attempts from 1.
    """

    step: str
    attempt: int
    model: str
    system: str
    messages: tuple[Message, ...]
    answer: str
    answer_schema: dict[str, JsonValue]
    most_tokens: int
    effort: Literal["low", "medium", "high", "max"] = "high"

    def digest(self) -> Sha256:
        """The SHA-256 of the request's canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class StopReason(StrEnum):
    """Why the model stopped."""

    END = "end"
    LENGTH = "length"
    REFUSAL = "refusal"
    OTHER = "other"


class Usage(Frozen):
    """Tokens as the provider counted them, and their price in USD (None where it is unknown)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal | None = Decimal(0)

    def __add__(self, other: Usage) -> Usage:
        cost = None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_usd=cost,
        )

    @property
    def tokens(self) -> int:
        """All tokens, cached ones included."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class ModelReply(Frozen):
    """An answer as it came, before it is validated."""

    model: str
    text: str
    stop: StopReason
    usage: Usage = Usage()


class Exchange(Frozen):
    """A question with its answer, stored under the question's digest. `paid_at` is when it was asked."""

    digest: Sha256
    request: ModelRequest
    reply: ModelReply
    paid_at: AwareDatetime | None = None


class Charge(Frozen):
    """What one exchange cost, and when. The digest tells a payment from its replay."""

    digest: Sha256
    usage: Usage
    paid_at: AwareDatetime | None = None


def total(charges: Iterable[Charge]) -> Usage:
    """What a set of exchanges cost, each counted once however often it was replayed."""
    spent = Usage()
    for charge in {charge.digest: charge for charge in charges}.values():
        spent = spent + charge.usage
    return spent
