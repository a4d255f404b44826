"""Claude by each provider: what is sent, tools over several turns, and the prompt cache."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from bot.domain.asking import Message, StopReason, Tool, ToolCall, ToolResult
from bot.domain.base import Frozen
from bot.domain.plan import TestPlan
from tests.contract.claude_setting import OPUS, READ, SEARCH, Serve, after, request
from tests.fakes.messages_api import Planned, message, results, tool_use

THINKING = {"type": "thinking", "thinking": "Where is it set?", "signature": "c2lnbmVk"}
REDACTED = {"type": "redacted_thinking", "data": "b3BhcXVl"}
PACK = "The evidence pack, entry after entry, as long as such packs are.\n" * 200
Body = dict[str, Any]


class Small(Frozen):
    """An answer with a short schema."""

    total: int


def breakpoints(body: Body) -> list[str]:
    """Where the cache's breakpoints stand."""
    found = ["system"] if "cache_control" in body["system"][-1] else []
    return found + [
        f"{number}.{place}" for number, item in enumerate(body["messages"])
        for place, block in enumerate(item["content"]) if "cache_control" in block
    ]


class TestWhatIsSent:
    def test_the_question(self, serve: Serve) -> None:
        model, server, _ = serve(message("{}"))
        model.ask(request(turns=2))
        body = server.seen[0]
        assert body["model"] in OPUS.values()
        assert body["system"][0]["text"] == "Be exact."
        assert body["max_tokens"] == 2000
        assert [item["role"] for item in body["messages"]] == ["user", "assistant", "user"]
        assert body["output_config"]["effort"] == "high"
        assert body["output_config"]["format"]["schema"]["additionalProperties"] is False
        assert not {"temperature", "tools", "tool_choice", "thinking"} & set(body)

    def test_the_same_question_is_the_same_bytes(self, serve: Serve) -> None:
        model, server, _ = serve(message("{}"))
        for _ in range(2):
            model.ask(request(tools=(SEARCH, READ)))
        assert json.dumps(server.seen[0]) == json.dumps(server.seen[1])

    def test_tools_are_strict_where_every_property_is_required(self, api: Serve) -> None:
        odd = Tool(name="odd", description="Any.", input_schema={"type": "object", "properties": {"a": {}}})
        nested = Tool(name="nested", description="Any.", input_schema={
            "type": "object", "required": ["a"], "properties": {
                "a": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "string"}}}},
            },
        })
        several = Tool(name="several", description="Any.", input_schema={
            "type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"],
        })
        model, server, _ = api(message("{}"))
        model.ask(request(tools=(SEARCH, READ, odd, nested, several)))
        sent = {tool["name"]: tool for tool in server.seen[0]["tools"]}
        assert list(sent) == ["search_code", "read_code", "odd", "nested", "several"]
        assert {name for name, tool in sent.items() if tool.get("strict")} == {"search_code"}
        assert sent["search_code"]["input_schema"]["additionalProperties"] is False
        assert sent["read_code"]["input_schema"] == READ.input_schema
        assert "tool_choice" not in server.seen[0]

    def test_tools_that_are_closed_may_not_be_chosen(self, serve: Serve) -> None:
        model, server, _ = serve(message("{}"))
        model.ask(request(tools=(SEARCH,), tools_closed=True))
        assert server.seen[0]["tool_choice"] == {"type": "none"}
        assert len(server.seen[0]["tools"]) == 1

    def test_answers_and_tools_keep_their_schemas_together(self, api: Serve) -> None:
        model, server, _ = api(message("{}"))
        model.ask(request(tools=(SEARCH,), answer=TestPlan))
        assert server.seen[0]["output_config"]["format"]["schema"]["title"] == "TestPlan"

    def test_halves_of_surrogate_pairs_and_emptiness_do_not_stop_it(self, api: Serve) -> None:
        call = ToolCall(id="call-1", name="search_code", input={"te\udc00": ["\ud800"]})
        model, server, _ = api(message("{}"))
        model.ask(request(prompt="a \ud800 b", system="\udfff", tools=(SEARCH,), messages=(
            Message(role="user", text="a \ud800 b"), Message(role="assistant", calls=(call,)),
            Message(role="user", results=(ToolResult(id="call-1", text="", refused=True),)),
            Message(role="assistant", text=" \n"), Message(role="user", text="again"),
        )))
        _, called, result, empty, _ = (item["content"] for item in server.seen[0]["messages"])
        assert server.seen[0]["messages"][0]["content"][0]["text"] == "a ? b"
        assert called[0]["input"] == {"te?": ["?"]}
        assert result[0]["content"] == "(empty)"
        assert result[0]["is_error"] is True
        assert empty == [{"type": "text", "text": "(empty)"}]


class TestTools:
    def test_over_several_turns(self, serve: Serve) -> None:
        def plan(number: int, body: Body) -> Planned:
            if number == 0:
                return tool_use(("search_code", {"text": "connected"}), ("read_code", {"path": "a.py", "first": 3}),
                                text="I look.", before=(THINKING,))
            if number == 1:
                assert results(body) == {"search_code": "a.py:3: connected = True", "read_code": "no such file"}
                return tool_use(("read_code", {"path": "b.py"}), before=(THINKING, REDACTED))
            assert results(body) == {"read_code": "the file"}
            return message('{"whys": []}', before=(THINKING,))

        model, server, _ = serve(plan=plan)
        asked = request(tools=(SEARCH, READ))
        first = model.ask(asked)
        assert (first.stop, first.text) == (StopReason.TOOLS, "I look.")
        assert first.calls == (
            ToolCall(id="call-1", name="search_code", input={"text": "connected"}),
            ToolCall(id="call-2", name="read_code", input={"path": "a.py", "first": 3}),
        )
        assert first.opaque == (THINKING,)
        asked = after(asked, first, "a.py:3: connected = True",
                      ToolResult(id="call-2", text="no such file", refused=True))
        second = model.ask(asked)
        assert second.calls == (ToolCall(id="call-3", name="read_code", input={"path": "b.py"}),)
        assert second.opaque == (THINKING, REDACTED)
        last = model.ask(after(asked, second, "the file"))
        assert (last.stop, last.text, last.calls) == (StopReason.END, '{"whys": []}', ())
        turn = server.seen[2]["messages"][1]["content"]
        assert [block["type"] for block in turn] == ["thinking", "text", "tool_use", "tool_use"]
        assert [block["id"] for block in turn[2:]] == ["call-1", "call-2"]
        refused = {"type": "tool_result", "tool_use_id": "call-2", "content": "no such file", "is_error": True}
        assert refused.items() <= server.seen[2]["messages"][2]["content"][1].items()
        assert "toolu_" not in json.dumps(server.seen)

    def test_results_stand_before_the_text(self, api: Serve) -> None:
        model, server, _ = api(message("{}"))
        call = ToolCall(id="call-1", name="search_code", input={"text": "x"})
        model.ask(request(tools=(SEARCH,), tools_closed=True, messages=(
            Message(role="user", text="Why?"), Message(role="assistant", calls=(call,)),
            Message(role="user", text="Answer now.", results=(ToolResult(id="call-1", text="found"),)),
        )))
        assert [block["type"] for block in server.seen[0]["messages"][2]["content"]] == ["tool_result", "text"]

    def test_thinking_between_text_and_calls_goes_back_in_its_place(self, serve: Serve) -> None:
        between = {"type": "thinking", "thinking": "No, there.", "signature": "c2Vjb25k"}
        first_text = {"type": "text", "text": "I look."}
        answer = tool_use(("search_code", {"text": "x"}), before=(THINKING, first_text, between))
        model, server, _ = serve(answer, message("{}"))
        asked = request(tools=(SEARCH,))
        reply = model.ask(asked)
        model.ask(after(asked, reply, "found"))
        turn = server.seen[1]["messages"][1]["content"]
        assert turn == [THINKING, first_text, between,
                        {"type": "tool_use", "id": "call-1", "name": "search_code", "input": {"text": "x"}}]

    def test_a_call_that_is_cut_off_is_no_call(self, api: Serve) -> None:
        blocks = ({"type": "tool_use", "id": "toolu_1", "name": "search_code", "input": '{"te'},)
        model, _, _ = api(Planned(blocks=blocks, stop="max_tokens"))
        reply = model.ask(request(tools=(SEARCH,)))
        assert (reply.stop, reply.calls) == (StopReason.LENGTH, ())

    def test_a_call_without_input_has_an_empty_one(self, api: Serve) -> None:
        model, _, _ = api(tool_use(("list_left_out", {})))
        assert model.ask(request(tools=(SEARCH,))).calls[0].input == {}


class TestCache:
    def test_breakpoints(self, api: Serve) -> None:
        model, server, _ = api(message("{}"))
        for turns in (1, 2, 3, 5):
            model.ask(request(turns=turns))
        assert list(map(breakpoints, server.seen)) == [
            ["system", "0.0"], ["system", "0.0", "2.0"], ["system", "0.0", "2.0", "4.0"],
            ["system", "0.0", "6.0", "8.0"],
        ]

    def test_later_turns_read_what_earlier_ones_wrote(self, serve: Serve) -> None:
        model, server, _ = serve(tool_use(("search_code", {"text": "x"})), tool_use(("search_code", {"text": "y"})),
                                 message("{}"))
        asked = request(prompt=PACK, tools=(SEARCH,))
        usages = []
        for found in ("found x", "found y " * 400, ""):
            reply = model.ask(asked)
            usages.append(reply.usage)
            if reply.calls:
                asked = after(asked, reply, found)
        first, second, third = usages
        assert first.cache_read_tokens == 0
        assert first.cache_write_tokens > 3_000
        assert second.cache_read_tokens == first.cache_write_tokens
        assert 0 < second.cache_write_tokens < 200
        assert third.cache_read_tokens == second.cache_read_tokens + second.cache_write_tokens
        assert third.cache_write_tokens > 700
        # What a call costs, to the last digit, by the table: 4 in, 20 out, 0.20 read, 5 write.
        for usage, billed in zip(usages, server.billed, strict=True):
            assert usage.cost_usd == (
                4 * billed["input_tokens"] + 20 * billed["output_tokens"]
                + Decimal("0.20") * billed["cache_read_input_tokens"] + 5 * billed["cache_creation_input_tokens"]
            ) / Decimal(1_000_000)
        assert second.cost_usd is not None
        assert first.cost_usd is not None
        assert second.cost_usd < first.cost_usd / 8

    def test_many_calls_in_one_turn_do_not_lose_it(self, api: Serve) -> None:
        many = tool_use(*(("search_code", {"text": str(number)}) for number in range(25)))
        model, _, _ = api(many, message("{}"))
        asked = request(prompt=PACK, tools=(SEARCH,), messages=(
            Message(role="user", text=PACK),
            Message(role="assistant", calls=(ToolCall(id="call-1", name="search_code", input={"text": "a"}),)),
            Message(role="user", results=(ToolResult(id="call-1", text="found " * 1_000),)),
        ))
        first = model.ask(asked)
        second = model.ask(after(asked, first, *["found"] * 25))
        assert first.calls[0].id == "call-2"
        assert second.usage.cache_read_tokens == first.usage.cache_write_tokens

    def test_closing_the_tools_still_reads_tools_and_system(self, api: Serve) -> None:
        # The choice of tools is part of the messages' prefix, so that much is written anew.
        model, _, _ = api(tool_use(("search_code", {"text": "x"})), message("{}"))
        asked = request(prompt=PACK, system="Be exact. " * 600, tools=(SEARCH,))
        closed = after(asked, model.ask(asked), "found").model_copy(update={"tools_closed": True})
        usage = model.ask(closed).usage
        assert usage.cache_read_tokens > 1_024
        assert usage.cache_write_tokens > 3_000

    def test_a_short_prompt_is_not_cached(self, api: Serve) -> None:
        model, _, _ = api(message("{}"))
        usage = model.ask(request(answer=Small)).usage
        assert (usage.cache_read_tokens, usage.cache_write_tokens) == (0, 0)
        assert usage.input_tokens > 0
