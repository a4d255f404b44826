"""An answer put together from events, whatever they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.claude_answer import Answer, Unreadable
from bot.domain.asking import ModelRequest, StopReason
from tests.contract.claude_setting import request

ASKED: ModelRequest = request()
KINDS = ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
         "message_stop", "ping", "new")
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6) | st.floats()
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
    st.sampled_from(["type", "text", "input", "usage", "model", "stop_reason", "output_tokens"]), inner, max_size=3,
), max_leaves=6)
blocks = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use", "new"])},
    optional={"text": scalars, "name": scalars, "input": values, "thinking": scalars, "data": scalars},
)
deltas = st.fixed_dictionaries(
    {"type": st.sampled_from(["text_delta", "input_json_delta", "thinking_delta", "signature_delta", "new"])},
    optional={"text": scalars, "partial_json": st.sampled_from(["{", "}", '{"a": 1}', "NaN", "[]"]) | scalars,
              "stop_reason": st.sampled_from(["tool_use", "end_turn"])},
)
events = st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional={
    "index": st.integers(0, 2), "content_block": blocks | values, "delta": deltas | values, "usage": values,
    "message": st.fixed_dictionaries({"model": st.text(max_size=3), "usage": st.fixed_dictionaries(
        {}, optional={"input_tokens": st.integers(-1, 9), "output_tokens": st.integers(-1, 9)})}) | values,
})


@given(st.lists(events, max_size=8))
@settings(max_examples=200, deadline=None)
def test_odd_events_give_an_answer_or_are_unreadable(sent: list[dict[str, Any]]) -> None:
    answer = Answer()
    try:
        for event in sent:
            answer.take(event)
    except Unreadable:
        pass
    assert answer.usage().tokens >= 0
    assert isinstance(answer.text(), str)
    assert isinstance(answer.stop(), StopReason)
    try:
        calls, opaque = answer.calls(ASKED), answer.opaque(ASKED)
    except Unreadable:
        return
    assert [call.id for call in calls] == [f"call-{number}" for number in range(1, len(calls) + 1)]
    assert all(isinstance(block, dict) for block in opaque)


@pytest.mark.parametrize("event", [3, None, "x", [], {}, {"type": 3}])
def test_what_is_no_event_is_unreadable(event: object) -> None:
    with pytest.raises(Unreadable):
        Answer().take(event)
