"""Lets a model look around with read-only tools before it answers, within caps that are kept here."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from pydantic import JsonValue

from bot.domain.asking import ModelRequest, Tool, ToolCall, ToolResult, Usage
from bot.domain.config import InvestigationConfig
from bot.domain.evidence import Investigation, Lookup, StopCause
from bot.domain.tokens import estimate_tokens
from bot.domain.visible import visible
from bot.model.bounds import input_left_out
from bot.model.calling import Caller
from bot.model.fitting import fitted
from bot.model.prompts import render
from bot.model.toolbox import Toolbox
from bot.ports import Clock

MOST_CALLS_A_TURN = 8
"""Calls of one reply that are made; the others are refused and may be made in a later turn."""
MOST_ASKED_CHARS = 200
_NO_ROOM = "There is no room left for results, so this one is not shown."
_LEAST_TOKENS = 150
"""With less than this left for results, nothing more can be learnt from a tool."""


class Inquiry:
    """What a model has looked up for one question, and whether it may go on.

    The caps: turns and tokens by count; money by what the replies so far cost, stored ones included, plus the upper
    estimate of the next call; time by the clock, which nothing else here looks at.
    """

    def __init__(self, toolbox: Toolbox, caps: InvestigationConfig, clock: Clock) -> None:
        self._toolbox = toolbox
        self._caps = caps
        self._clock = clock
        self._until = clock.now() + timedelta(seconds=min(caps.most_seconds, 1e8))
        self._first: dict[str, str] = {}
        self._turns = 0
        self._tokens = 0
        self._full = False
        self._lookups: list[Lookup] = []
        self._stopped_by = StopCause.TURNS if caps.most_turns == 0 else None

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What is offered: nothing where no turn is allowed."""
        return self._toolbox.tools if self._caps.most_turns else ()

    @property
    def stopped_by(self) -> StopCause | None:
        """The cap at which the tools were closed; None while they are open."""
        return self._stopped_by

    @property
    def summary(self) -> Investigation:
        """What was done so far, as the record keeps it."""
        return Investigation(turns=self._turns, tokens=self._tokens, lookups=tuple(self._lookups),
                             stopped_by=self._stopped_by)

    def make(self, calls: tuple[ToolCall, ...]) -> tuple[ToolResult, ...]:
        """Make the calls of one reply and return a result for each, in their order."""
        self._turns += 1
        results: list[ToolResult] = []
        for number, call in enumerate(calls):
            result = self._too_many(call) if number >= MOST_CALLS_A_TURN else self._made(call)
            self._note(call, result)
            results.append(result)
        return tuple(results)

    def refuse(self, calls: tuple[ToolCall, ...]) -> tuple[ToolResult, ...]:
        """Refuse calls of a model that was told to answer."""
        results = tuple(_refused(call, "No more tools can be called.") for call in calls)
        for call, result in zip(calls, results, strict=True):
            self._note(call, result)
        return results

    def cap(self, again: ModelRequest, closed: Callable[[StopCause], ModelRequest], used: Usage,
            caller: Caller) -> StopCause | None:
        """Close the tools if a cap is reached, and say which.

        `again` is the next request with open tools, `closed` gives the one without; `used` is what the replies so
        far used. Where one of these was answered before, that decides: a resumed or replayed question takes the same
        way, whatever the clock and the prices say now.
        """
        if self._turns >= self._caps.most_turns:
            self._stopped_by = StopCause.TURNS
        elif self._full or self._tokens + _LEAST_TOKENS > self._caps.most_tokens:
            self._stopped_by = StopCause.TOKENS
        elif not caller.knows(again):
            budget = caller.budget
            before = (cause for cause in (StopCause.MONEY, StopCause.TIME) if caller.knows(closed(cause)))
            cost = (used + budget.estimate(again)).cost_usd or Decimal(0)
            if (known := next(before, None)) is not None:
                self._stopped_by = known
            elif cost > self._caps.most_usd:
                self._stopped_by = StopCause.MONEY
            elif self._clock.now() >= self._until:
                self._stopped_by = StopCause.TIME
        return self._stopped_by

    def _made(self, call: ToolCall) -> ToolResult:
        names = [tool.name for tool in self._toolbox.tools]
        if call.name not in names:
            return _refused(call, f"There is no such tool. There are: {', '.join(names) or 'none'}.")
        if input_left_out(call):
            return _refused(call, "The input of this call was too large or no plain JSON, so it was left out.")
        same = _canonical(call)
        if same in self._first:
            return _refused(call, f"This call was made before: its result is that of {self._first[same]}.")
        self._first[same] = call.id
        if self._full:
            return _refused(call, _NO_ROOM)
        found = self._toolbox.call(call)
        whole = visible(found.text).strip() or "(nothing)"
        text = fitted(whole, self._caps.most_tokens - self._tokens)
        self._full = text != whole
        if not text:
            return _refused(call, _NO_ROOM)
        self._tokens += estimate_tokens(text)
        return ToolResult(id=call.id, text=text, refused=found.refused)

    def _too_many(self, call: ToolCall) -> ToolResult:
        return _refused(call, f"At most {MOST_CALLS_A_TURN} calls are made at a time. This one was not made.")

    def _note(self, call: ToolCall, result: ToolResult) -> None:
        asked = " ".join(visible(_json(call.input)).split())
        if len(asked) > MOST_ASKED_CHARS:
            asked = f"{asked[:MOST_ASKED_CHARS - 2]} …"
        self._lookups.append(Lookup(tool=call.name, asked=asked, refused=result.refused))


def answer_now(cause: StopCause, again: bool = False) -> str:
    """What a model is told when a cap is reached; `again` when it calls tools all the same."""
    return render("answer_now", cause=cause.value, again=again)


def _refused(call: ToolCall, why: str) -> ToolResult:
    return ToolResult(id=call.id, text=why, refused=True)


def _canonical(call: ToolCall) -> str:
    """The call as text that is the same for inputs that mean the same JSON."""
    return _json([call.name, _plain(call.input)])


def _plain(value: JsonValue) -> JsonValue:
    """A value in which whole numbers are integers: 3.0 and 3 are one line of a file."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
