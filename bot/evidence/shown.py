"""How an evidence pack stands in a prompt, and how it is read back. One file, so that both agree."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from bot.domain.base import Sha
from bot.domain.evidence import CodeCitation, EvidenceItem, EvidencePack, LogCitation
from bot.evidence.fence import fence, fenced

_HEADER = re.compile(r"^\[([A-Z][0-9]+)\] (log|code|commit|finding) (\{.*\})$")
_LETTERS = {"log": "E", "code": "C", "commit": "H", "finding": "F"}
_LEFT_OUT = "Left out of this pack:"
_NUMBERED = re.compile(r"^ *([0-9]+)\| ?(.*)$")


def numbered(lines: tuple[str, ...], first: int) -> str:
    """Return code lines as `  12| code`, counted from `first`."""
    width = len(str(first + len(lines)))
    return "\n".join(f"{number:>{width}}| {line}".rstrip() for number, line in enumerate(lines, first))


def item_id(kind: str, number: int) -> str:
    """The id of the `number`th item of a kind, from 1: `E1`, `C1`, `H1`, `F1`."""
    return f"{_LETTERS[kind]}{number}"


def show(pack: EvidencePack) -> str:
    """Return the pack as prompt text: for each item a header line in plain ASCII, then its fenced text.

    The header is `[E1] log {"insert_id": …, "time": …, "origin": …}` or
    `[C1] code {"path": …, "line": …, "commit": …}`; the keys are those of a citation. What cannot be cited has
    others: `[H1] commit {"sha": …, "time": …, "origin": …}`, `[F1] finding {"cycle": …, "origin": …}`.
    """
    blocks = [shown_item(item, pack.commit) for item in pack.items]
    if pack.left_out:
        blocks.append(shown_left_out(pack.left_out))
    return "\n\n".join(blocks)


def shown_item(item: EvidenceItem, commit: Sha | None) -> str:
    """Return one item as it stands in a prompt."""
    facts: dict[str, object]
    if item.kind == "log":
        facts = {"insert_id": item.ref, "time": item.time, "origin": item.origin}
    elif item.kind == "code":
        path, _, line = item.ref.rpartition(":")
        facts = {"path": path, "line": int(line), "commit": commit}
    elif item.kind == "commit":
        facts = {"sha": item.ref, "time": item.time, "origin": item.origin}
    else:
        facts = {"cycle": item.ref, "origin": item.origin}
    return f"[{item.id}] {item.kind} {json.dumps(facts)}\n{fence(item.text)}"


def shown_left_out(sentences: Sequence[str]) -> str:
    """Return what a pack left out as it stands in a prompt."""
    return f"{_LEFT_OUT}\n" + fence("\n".join(f"- {text}" for text in sentences))


def read_shown(prompt: str) -> EvidencePack:
    """Return the pack that a prompt shows, its texts as they are visible there. Never raises for odd text."""
    items: list[EvidenceItem] = []
    commit: Sha | None = None
    for before, text in fenced(prompt):
        header = _HEADER.match(before)
        if header is None or not header.group(1).startswith(_LETTERS[header.group(2)]):
            continue
        try:
            facts = json.loads(header.group(3))
            item, at = _read_item(header.group(1), header.group(2), facts, text)
        except (ValueError, KeyError, RecursionError):
            continue
        commit = commit if at is None else at
        items.append(item)
    return EvidencePack(commit=commit, items=tuple(items))


def _read_item(name: str, kind: str, facts: Mapping[str, str], text: str) -> tuple[EvidenceItem, Sha | None]:
    """The item, and the commit of a code item."""
    if kind == "log":
        time, origin = facts["time"], facts["origin"]
        return EvidenceItem(id=name, kind="log", ref=facts["insert_id"], time=time, origin=origin, text=text), None
    if kind == "code":
        ref, at = f"{facts['path']}:{facts['line']}", EvidencePack(commit=facts["commit"], items=()).commit
        return EvidenceItem(id=name, kind="code", ref=ref, text=text), at
    if kind == "commit":
        time, origin = facts["time"], facts["origin"]
        return EvidenceItem(id=name, kind="commit", ref=facts["sha"], time=time, origin=origin, text=text), None
    return EvidenceItem(id=name, kind="finding", ref=facts["cycle"], origin=facts["origin"], text=text), None


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
