"""Tokens of a demo cycle's prompts beside the naive prompt: one that pastes all entries of the window.

`python -m tests.bench.prompts` runs steps 0 to 2 of the demo and measures what they really asked.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bot import demo
from bot.domain.asking import Exchange
from bot.domain.tokens import estimate_tokens

_STEPS = ("five_whys", "plan")


def naive_tokens() -> tuple[int, int]:
    """How many entries the demo's window holds, and the tokens of their JSON as it was read, one a line."""
    lines = gzip.decompress(demo.logs_path().read_bytes()).splitlines()
    return len(lines), estimate_tokens("".join(f"{line.decode()}\n" for line in lines))


def asked_tokens(exchange: Exchange) -> int:
    """The tokens of all that one request holds: system, messages, tools and the answer's schema."""
    request = exchange.request.model_dump(mode="json")
    texts = [exchange.request.system, *(message.text for message in exchange.request.messages)]
    rest = [request["answer_schema"], request.get("tools", []),
            *({key: value for key, value in message.items() if key not in ("role", "text")}
              for message in request["messages"])]
    return sum(estimate_tokens(text) for text in texts) + sum(estimate_tokens(_compact(item)) for item in rest)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _exchanges(state: Path) -> dict[str, list[Exchange]]:
    """What each step asked, the shortest conversation first: a turn holds all before it."""
    found: dict[str, list[Exchange]] = {}
    for path in sorted(state.glob(f"{demo.FOCUS}/*/cycle-01/exchanges/*.json")):
        exchange = Exchange.model_validate_json(path.read_bytes())
        found.setdefault(exchange.request.step, []).append(exchange)
    for asked in found.values():
        asked.sort(key=lambda exchange: (len(exchange.request.messages), exchange.digest))
    return found


def rows(state: Path) -> Iterator[str]:
    """A Markdown table of what the demo cycle in a state asked. The naive prompt stands for one prompt a step."""
    count, naive = naive_tokens()
    naively = f"naive prompt of {count:,} entries, once a step, tokens"
    yield f"| demo prompt | requests | tokens, upper estimate | {naively} | naive by ours |"
    yield "|---|---:|---:|---:|---:|"

    def row(what: str, asked: list[Exchange], against: int) -> str:
        tokens = sum(map(asked_tokens, asked))
        return f"| {what} | {len(asked)} | {tokens:,} | {against:,} | {against / tokens:.0f} |"

    found = _exchanges(state)
    for step in _STEPS:
        yield row(f"{step}, its first request", found[step][:1], naive)
    both = [exchange for step in _STEPS for exchange in found[step]]
    yield row(f"{' and '.join(_STEPS)}, all they sent", both, naive * len(_STEPS))
    every = [exchange for asked in found.values() for exchange in asked]
    if len(found) > len(_STEPS):
        yield row(f"the whole cycle ({', '.join(sorted(found))})", every, naive * len(found))


def main() -> None:
    """Run the demo as far as step 2, and print the table."""
    with tempfile.TemporaryDirectory(prefix="whybot-bench-") as name:
        command = [sys.executable, "-m", "bot.cli", "cycle", "--focus", demo.FOCUS, "--demo", "--until", _STEPS[-1]]
        subprocess.run([*command, "--state", name], capture_output=True, check=True)
        for line in rows(Path(name)):
            sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
