"""How an evidence pack stands in a prompt, and how it is read back. One file, so that both agree."""

from __future__ import annotations

import json
import re

from bot.domain.base import Sha
from bot.domain.evidence import CodeCitation, EvidenceItem, EvidencePack, LogCitation
from bot.evidence.fence import fence, fenced

_HEADER = re.compile(r"^\[([EC][0-9]+)\] (log|code) (\{.*\})$")
_NUMBERED = re.compile(r"^ *([0-9]+)\| ?(.*)$")


def numbered(lines: tuple[str, ...], first: int) -> str:
    """Return code lines as `  12| code`, counted from `first`."""
    width = len(str(first + len(lines)))
    return "\n".join(f"{number:>{width}}| {line}".rstrip() for number, line in enumerate(lines, first))


def show(pack: EvidencePack) -> str:
    """Return the pack as prompt text: for each item a header line in plain ASCII, then its fenced text.

    The header is `[E1] log {"insert_id": …, "time": …, "origin": …}` or
    `[C1] code {"path": …, "line": …, "commit": …}`; the keys are those of a citation.
    """
    blocks = []
    for item in pack.items:
        if item.kind == "log":
            facts: dict[str, object] = {"insert_id": item.ref, "time": item.time, "origin": item.origin}
        else:
            path, _, line = item.ref.rpartition(":")
            facts = {"path": path, "line": int(line), "commit": pack.commit}
        blocks.append(f"[{item.id}] {item.kind} {json.dumps(facts)}\n{fence(item.text)}")
    if pack.left_out:
        blocks.append("Left out of this pack:\n" + fence("\n".join(f"- {text}" for text in pack.left_out)))
    return "\n\n".join(blocks)


def read_shown(prompt: str) -> EvidencePack:
    """Return the pack that a prompt shows, its texts as they are visible there. Never raises for odd text."""
    items: list[EvidenceItem] = []
    commit: Sha | None = None
    for before, text in fenced(prompt):
        header = _HEADER.match(before)
        if header is None:
            continue
        try:
            facts = json.loads(header.group(3))
            if header.group(2) == "log":
                item = EvidenceItem(id=header.group(1), kind="log", ref=facts["insert_id"], time=facts["time"],
                                    origin=facts["origin"], text=text)
            else:
                commit = facts["commit"]
                ref = f"{facts['path']}:{facts['line']}"
                item = EvidenceItem(id=header.group(1), kind="code", ref=ref, text=text)
        except (ValueError, KeyError):
            continue
        items.append(item)
    return EvidencePack(commit=commit, items=tuple(items))


def find_log(pack: EvidencePack, text: str) -> LogCitation | None:
    """Return a citation of the first log item that contains `text`."""
    for item in pack.items:
        if item.kind == "log" and text in item.text:
            return LogCitation(insert_id=item.ref, quote=text)
    return None


def find_code(pack: EvidencePack, path: str, text: str) -> CodeCitation | None:
    """Return a citation of the first shown line of `path` that contains `text`."""
    for item in pack.items:
        if item.kind != "code" or item.ref.rpartition(":")[0] != path or pack.commit is None:
            continue
        for line in item.text.split("\n"):
            match = _NUMBERED.match(line)
            if match is not None and text in match.group(2):
                return CodeCitation(path=path, line=int(match.group(1)), commit=pack.commit, quote=text)
    return None
