"""Prompt caching by the documented rule, with a fixed count of tokens: one for four bytes of a block's JSON.

A prompt is tools, system, messages, in this order. At each breakpoint the prefix up to it is written, if it has 1,024
tokens; it is read where the same prefix was written before, at the breakpoint or up to twenty blocks ahead of it. The
answer's schema is part of the system prompt, the choice of tools and the effort belong to the messages: a change of
them spoils what comes after. That entries die after five minutes is left out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

LEAST_TOKENS = 1_024
LOOK_BACK = 20


@dataclass(frozen=True)
class _Block:
    text: str
    breakpoint: bool

    @property
    def tokens(self) -> int:
        return -(-len(self.text.encode()) // 4)


@dataclass
class PromptCache:
    """What was written so far, by the hash of the prefix."""

    written: set[str] = field(default_factory=set)

    def usage(self, body: dict[str, Any]) -> dict[str, int]:
        """The counts of input tokens for a request, which is written to the cache with this."""
        blocks = _blocks(body)
        hashes, sizes, total = [], [], 0
        digest = hashlib.sha256(str(body.get("model")).encode())
        for block in blocks:
            digest.update(block.text.encode())
            hashes.append(digest.hexdigest())
            total += block.tokens
            sizes.append(total)
        marked = [place for place, block in enumerate(blocks) if block.breakpoint and sizes[place] >= LEAST_TOKENS]
        read = max((
            sizes[place] for end in marked for place in range(max(0, end - LOOK_BACK), end + 1)
            if hashes[place] in self.written
        ), default=0)
        upto = max((sizes[end] for end in marked), default=0)
        self.written |= {hashes[end] for end in marked}
        return {
            "input_tokens": total - max(upto, read), "cache_read_input_tokens": read,
            "cache_creation_input_tokens": max(0, upto - read),
        }


def _blocks(body: dict[str, Any]) -> list[_Block]:
    found = [_block(tool) for tool in body.get("tools", [])]
    found.append(_block({"format": body.get("output_config", {}).get("format")}))
    found += _contents(body.get("system", []))
    found.append(_block({"choice": body.get("tool_choice"), "effort": body.get("output_config", {}).get("effort")}))
    for message in body["messages"]:
        found += _contents(message["content"])
    return found


def _contents(content: Any) -> list[_Block]:
    return [_block({"text": content})] if isinstance(content, str) else [_block(item) for item in content]


def _block(value: dict[str, Any]) -> _Block:
    bare = {name: item for name, item in value.items() if name != "cache_control"}
    return _Block(json.dumps(bare, ensure_ascii=False), "cache_control" in value)
