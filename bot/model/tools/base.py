"""What every read-only tool is made of: what it may read, how it is declared, how its result is kept small."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from bot.domain.asking import JsonObject, Tool
from bot.domain.evidence import EvidenceItem, EvidencePack
from bot.domain.logs import LogEntry, LogGroup
from bot.domain.moments import rfc3339
from bot.domain.visible import visible
from bot.evidence.code import CodeAt
from bot.evidence.fence import fence
from bot.evidence.shown import item_id, numbered, shown_item
from bot.ports import Workspace

MOST_RESULT = 12_000
"""Characters of one result, fences and headers included."""
MOST_LINE = 400
"""Characters of one line of code that are shown."""
CITE_LOG = 'Cite an entry as "log": its insert_id, and a quote that stands verbatim in its text.'
CITE_CODE = 'Cite a line as "code": its path, its number as line, the commit, and a quote that stands verbatim on it.'
CITE_NOTHING = "This cannot be cited; it says where to look."
_FENCE = 70
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")


class Refused(Exception):
    """The tool does not do what was asked; the message is the sentence for the model. It repeats nothing asked."""


class ToolInput(BaseModel):
    """What a tool may be asked: closed, and nothing is converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True)
class Readable:
    """All that the tools may look at; there is nothing else that they could reach.

    `code` is None when the running commit is not known, `workspace` when there is no repository. `entries` are those
    of the redacted snapshot, `groups` the incident's; `redact` takes secrets out of what else git says.
    """

    code: CodeAt | None
    workspace: Workspace | None
    entries: tuple[LogEntry, ...]
    groups: tuple[LogGroup, ...]
    pack: EvidencePack
    redact: Callable[[str], str]

    def need_code(self) -> CodeAt:
        """The code. Raises Refused when there is none."""
        if self.code is None:
            raise Refused("The commit that was running is not known, so no code can be read.")
        return self.code

    def need_file(self, path: str) -> tuple[str, ...]:
        """The lines of a file that may be shown; from now on it counts as shown. Raises Refused."""
        code = self.need_code()
        reason = code.refusal(path)
        if reason:
            raise Refused(reason)
        return code.lines(path) or ()

    def files_in(self, folder: str) -> tuple[str, ...]:
        """The files in a folder, at any depth; all of them for "" and ".". Raises Refused when there are none."""
        files = self.need_code().files
        inside = folder_prefix(folder)
        if not inside:
            return files
        found = tuple(path for path in files if path.startswith(inside))
        if not found:
            raise Refused("There is no such folder at this commit, or nothing in it may be shown; list_files tells.")
        return found

    @cached_property
    def in_time(self) -> tuple[LogEntry, ...]:
        """The entries in time order, each once."""
        once = {(entry.time_ns, entry.insert_id): entry for entry in self.entries}
        return tuple(once[key] for key in sorted(once))

    @cached_property
    def wordings(self) -> dict[str, str]:
        """The text of each entry by insertId, with what differs within a group (numbers, hexadecimal ids) as `0`."""
        return {entry.insert_id: _HEXADECIMAL.sub(_folded, entry.text) for entry in self.in_time}

    def log_id(self, insert_id: str) -> str:
        """`E7`: the pack's name of an entry, or one that no item of the pack has, the same in every result."""
        return item_id("log", self._log_numbers.get(insert_id, 0))

    def code_id(self, path: str) -> str:
        """`C7`: a name for what is shown of a file that no item of the pack has, the same in every result."""
        return item_id("code", self._code_numbers.get(path, 0))

    @cached_property
    def _log_numbers(self) -> dict[str, int]:
        held = {item.ref: int(item.id[1:]) for item in self.pack.items if item.kind == "log"}
        first = max(held.values(), default=0) + 1
        ours = {entry.insert_id: number for number, entry in enumerate(self.in_time, first)}
        return ours | held

    @cached_property
    def _code_numbers(self) -> dict[str, int]:
        first = max((int(item.id[1:]) for item in self.pack.items if item.kind == "code"), default=0) + 1
        return {path: number for number, path in enumerate(self.need_code().files, first)}


Asked = TypeVar("Asked", bound=ToolInput)


@dataclass(frozen=True)
class ReadTool(Generic[Asked]):
    """A tool. `run` returns the result's text, of at most MOST_RESULT characters, or raises Refused."""

    name: str
    description: str
    takes: type[Asked]
    run: Callable[[Readable, Asked], str]

    def declared(self) -> Tool:
        """The tool as a model is offered it; the schema is closed."""
        schema: JsonObject = {"type": "object", "additionalProperties": False, "properties": {}, "required": []}
        made = self.takes.model_json_schema()
        properties: JsonObject = {}
        for name, field in made.get("properties", {}).items():
            properties[name] = {key: value for key, value in field.items() if key not in {"title", "default"}}
        required: list[JsonValue] = list(made.get("required", []))
        return Tool(name=self.name, description=self.description,
                    input_schema=schema | {"properties": properties, "required": required})

    def answer(self, readable: Readable, given: JsonObject) -> str:
        """Check what is asked and do it. Raises Refused for anything that does not fit the schema."""
        try:
            # A model that has nothing to say of a property may say null.
            asked = self.takes.model_validate({key: value for key, value in given.items() if value is not None})
        except ValidationError as error:
            raise Refused(self._misfit(error)) from None
        return self.run(readable, asked)

    def _misfit(self, error: ValidationError) -> str:
        known = list(self.takes.model_fields)
        needed = [name for name, field in self.takes.model_fields.items() if field.is_required()]
        wrong = {str(part) for item in error.errors(include_url=False, include_context=False, include_input=False)
                 for part in item["loc"][:1]}
        named = [name for name in known if name in wrong] + (["an unknown property"] if wrong - set(known) else [])
        takes = ", ".join(name if name in needed else f"{name} (may be left out)" for name in known) or "nothing"
        return f"{self.name} takes {takes}, as its schema says; wrong or missing: {', '.join(named) or 'all of it'}."


def _folded(match: re.Match[str]) -> str:
    return match.group() if match.group().isalpha() else "0"


def folder_prefix(folder: str) -> str:
    """How the paths in a folder begin; "" for the whole repository (`.` or nothing)."""
    inside = "" if folder == "." else folder.removeprefix("./").removesuffix("/")
    return f"{inside}/" if inside or folder not in {"", ".", "./"} else ""


def log_block(readable: Readable, entry: LogEntry, text: str) -> str:
    """An entry as it stands in a pack, with what is shown of its text."""
    parts = [entry.severity.value]
    for name, value in (("service", entry.service), ("revision", entry.revision), ("instance", entry.instance[:12])):
        parts += [f"{name} {visible(value[:60])}"] if value else []
    item = EvidenceItem(id=readable.log_id(entry.insert_id), kind="log", ref=entry.insert_id,
                        time=rfc3339(entry.time_ns), origin=", ".join(parts), text=visible(text))
    return shown_item(item, readable.pack.commit)


def code_block(readable: Readable, path: str, line: int, rows: Sequence[str]) -> str:
    """Numbered lines of a file as they stand in a pack."""
    item = EvidenceItem(id=readable.code_id(path), kind="code", ref=f"{path}:{line}", text="\n".join(rows))
    return shown_item(item, readable.need_code().commit)


def code_rows(lines: Sequence[str], first: int) -> list[str]:
    """Numbered lines as in a pack, made visible, each cut to MOST_LINE."""
    return [visible(row) for row in numbered(tuple(clipped(line) for line in lines), first).split("\n")]


def one_line(text: str, most: int) -> str:
    """A text of others on one line of at most `most` characters."""
    shown = visible(" ".join(text.split()))
    return shown if len(shown) <= most else f"{shown[:most]} …"


def clipped(line: str, at: int = 0) -> str:
    """A line, or of a long one the part around the character `at`, with `[…]` where something is missing."""
    if len(visible(line)) <= MOST_LINE:
        return line
    start = max(0, at - MOST_LINE // 4) if at > MOST_LINE // 2 else 0
    end = start + fitting(line[start:], MOST_LINE)
    return f"{'[…] ' if start else ''}{line[start:end]}{' […]' if end < len(line) else ''}"


def fitting(text: str, room: int) -> int:
    """How many of the first characters of a text fit into `room` once they are made visible."""
    most = min(len(text), max(room, 0))
    return bisect_right(range(most + 1), room, key=lambda count: len(visible(text[:count]))) - 1


def fitting_end(text: str, room: int) -> int:
    """How many of the last characters of a text fit into `room` once they are made visible."""
    most = min(len(text), max(room, 0))
    return bisect_right(range(most + 1), room, key=lambda count: len(visible(text[len(text) - count:]))) - 1


def head_and_tail(sizes: Sequence[int], room: int, most: int) -> tuple[int, int]:
    """How many of the first and of the last pieces to show: all and none where they fit, else three to one."""
    if len(sizes) <= most and sum(sizes) <= room:
        return len(sizes), 0
    head = _taken(sizes, room * 3 // 4, max(1, most * 3 // 4))
    left = room - sum(sizes[:head])
    return head, _taken(sizes[head:][::-1], left, most - head)


def _taken(sizes: Sequence[int], room: int, most: int) -> int:
    taken = used = 0
    while taken < min(len(sizes), most) and used + sizes[taken] <= room:
        used += sizes[taken]
        taken += 1
    return taken


def listed(rows: Sequence[str], room: int, most: int) -> tuple[str, int]:
    """Rows in a fence, the middle left out where there are too many; and how many were left out."""
    shown = [visible(row) for row in rows]
    head, tail = head_and_tail([len(row) + 1 for row in shown], room - _FENCE - 40, most)
    left_out = len(shown) - head - tail
    marker = [f"[… {left_out} not shown …]"] if left_out else []
    return fence("\n".join([*shown[:head], *marker, *shown[len(shown) - tail:]])), left_out
