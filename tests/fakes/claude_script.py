"""Plays a script over the Messages API: the demo's scripted model, seen from outside as if it were Claude.

Each request is read back into a ModelRequest, as far as its body says, and answered by the scripted model. So a script
that cites something must have been shown it in what really came over the wire.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.adapters.scripted_model import ScriptedModel
from bot.demo import script_path
from bot.domain.asking import JsonObject, Message, ModelRequest, Tool, ToolCall, ToolResult
from tests.fakes.messages_api import Plan, Planned, message, tool_use

STEPS = {"ProposedWhys": "five_whys", "TestPlan": "plan"}
"""The steps that are played, by the title of their answer's schema."""
Trouble = Callable[[dict[str, Any], Planned], Planned]
"""What happens to a request instead: from its body and the answer that it would have."""
_MORE_WHYS: tuple[JsonObject, ...] = (
    {"name": "search_code", "input": {"text": "add_route"}},
    {"name": "read_code", "input": {"path": "router/readiness.py"}},
)
_BEFORE_PLAN: tuple[JsonObject, ...] = ({"name": "list_files", "input": {"folder": "tests"}},)


def script_with_more_turns(into: Path) -> Path:
    """Copy the demo's script to a new folder, with a second turn of tools for the whys and one for the plan."""
    shutil.copytree(script_path(), into)
    (into / "five_whys.1.2.json").rename(into / "five_whys.1.3.json")
    (into / "five_whys.1.2.json").write_text(json.dumps({"$call": _MORE_WHYS}))
    (into / "plan.1.json").rename(into / "plan.1.2.json")
    (into / "plan.1.json").write_text(json.dumps({"$call": _BEFORE_PLAN}))
    return into


def played(folder: Path, trouble: Mapping[int, Trouble] | None = None, lasting: bool = False) -> Plan:
    """A server's plan that answers from a script.

    `trouble` happens to the requests of these numbers (from 0), with `lasting` also to all that come after the last.
    """
    model = ScriptedModel(folder)
    known = trouble or {}

    def plan(number: int, body: dict[str, Any]) -> Planned:
        answer = _answer(model, body)
        happens = known.get(min(number, max(known, default=0)) if lasting else number)
        return answer if happens is None else happens(body, answer)

    return plan


def request_of(body: dict[str, Any]) -> ModelRequest:
    """The request behind a body. The attempt does not stand in it: it counts as the first."""
    schema = body["output_config"]["format"]["schema"]
    return ModelRequest(
        step=STEPS[schema["title"]], attempt=1, model=body["model"], system=_text(body["system"]),
        messages=tuple(map(_message, body["messages"])), answer=schema["title"], answer_schema=schema,
        most_tokens=body["max_tokens"], effort=body["output_config"]["effort"],
        tools=tuple(
            Tool(name=tool["name"], description=tool["description"], input_schema=tool["input_schema"])
            for tool in body.get("tools", [])
        ),
        tools_closed=body.get("tool_choice") == {"type": "none"},
    )


def _answer(model: ScriptedModel, body: dict[str, Any]) -> Planned:
    reply = model.ask(request_of(body))
    if reply.calls:
        return tool_use(*((call.name, dict(call.input)) for call in reply.calls), text=reply.text)
    return message(reply.text)


def _message(item: dict[str, Any]) -> Message:
    blocks = item["content"]
    return Message(
        role=item["role"], text=_text(blocks),
        calls=tuple(
            ToolCall(id=block["id"], name=block["name"], input=block["input"])
            for block in blocks if block["type"] == "tool_use"
        ),
        results=tuple(
            ToolResult(id=block["tool_use_id"], text=block["content"], refused=block.get("is_error", False))
            for block in blocks if block["type"] == "tool_result"
        ),
    )


def _text(blocks: list[dict[str, Any]]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")
