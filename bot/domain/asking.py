"""What is asked of a model and what it answers, as values that can be hashed, stored and replayed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, JsonValue, SerializerFunctionWrapHandler, model_serializer

from bot.domain.base import Frozen, Sha256

JsonObject = dict[str, JsonValue]
Effort = Literal["low", "medium", "high", "max"]


class Tool(Frozen):
    """A tool that a model may ask to be called. `input_schema` is a JSON Schema of an object."""

    name: str
    description: str
    input_schema: JsonObject


class ToolCall(Frozen):
    """A tool that the model wants called.

    `id` is our own (`call-1`, `call-2`, … through a conversation), so that no random id of a provider's stands in
    the next request.
    """

    id: str
    name: str
    input: JsonObject


class ToolResult(Frozen):
    """What a call gave, as text for the model. `refused` says that the tool did not do what was asked."""

    id: str
    text: str
    refused: bool = False


class _Lean(Frozen):
    """Leaves out keys that later versions added while they are empty, so that stored digests stay what they are."""

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> JsonObject:
        found: JsonObject = handler(self)
        return {key: value for key, value in found.items() if value or key not in _LATER}


_LATER = frozenset({"calls", "results", "opaque", "tools", "tools_closed"})


class Message(_Lean):
    """One turn of a conversation.

    An assistant's turn may hold `calls`, the user's turn after it their `results`. `opaque` are blocks of the
    provider's that must go back to it as they came (signed thinking).
    """

    role: Literal["user", "assistant"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    opaque: tuple[JsonObject, ...] = ()


class ModelRequest(_Lean):
    """A question. No clock and no random ids in it: the same question has the same digest.

    `step` and `attempt` say where in the cycle it is asked; `attempt` counts the step's attempts from 1.
    `tools_closed` says that the tools stand there only because they were called before: it is time to answer.
    """

    step: str
    attempt: int
    model: str
    system: str
    messages: tuple[Message, ...]
    answer: str
    answer_schema: dict[str, JsonValue]
    most_tokens: int
    effort: Effort = "high"
    tools: tuple[Tool, ...] = ()
    tools_closed: bool = False

    def digest(self) -> Sha256:
        """The SHA-256 of the request's canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class StopReason(StrEnum):
    """Why the model stopped."""

    END = "end"
    TOOLS = "tools"
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
    """An answer as it came, before it is validated. `calls` are what it wants to know first (stop `tools`)."""

    model: str
    text: str
    stop: StopReason
    usage: Usage = Usage()
    calls: tuple[ToolCall, ...] = ()
    opaque: tuple[JsonObject, ...] = ()


class Exchange(Frozen):
    """A question with its answer, stored under the question's digest. `paid_at` is when it was asked."""

    digest: Sha256
    request: ModelRequest
    reply: ModelReply
    paid_at: AwareDatetime | None = None


class Charge(Frozen):
    """What one call cost, and when. The digest tells a payment from its replay.

    `lost` names a call that gave no stored reply (killed in flight, or broken off), as `1`, `2`, … for a digest:
    what it cost is known as far as the provider said, and else by the upper estimate.
    """

    digest: Sha256
    usage: Usage
    paid_at: AwareDatetime | None = None
    lost: str = ""


def total(charges: Iterable[Charge]) -> Usage:
    """What a set of calls cost, each counted once however often its reply was replayed."""
    spent = Usage()
    for charge in {(charge.digest, charge.lost): charge for charge in charges}.values():
        spent = spent + charge.usage
    return spent
