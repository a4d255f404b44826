"""A record folder's content, parsed as far as it can be: what all checks look at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from bot.domain.asking import Exchange, JsonObject, ModelRequest, StopReason
from bot.domain.errors import RecordDamaged
from bot.domain.logs import Incident, LogEntry
from bot.domain.record import SCHEMA, CycleEnd, CycleRecord, CycleStatus, StepRecord, StepStatus
from bot.domain.record_document import MIGRATIONS
from bot.domain.results import Retrieved
from bot.domain.workflow import Workflow
from bot.logs.snapshot import parse_snapshot
from bot.recheck.folder import Content, lacking

REDACTED = re.compile(r"<redacted>|<[a-z][a-z-]*:[0-9a-f]{4}>")
"""How redaction marks what it took out (`bot/logs/redact.py`, `bot/evidence/code.py`)."""


_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Material:
    """A record, the files beside it, and what was wrong with its form.

    `document` is record.json as it is stored, `schema` the version that it was written with. Where a part cannot be
    read as what it should be, `record` holds the steps before it, and `unread` says so.
    """

    files: Mapping[str, bytes]
    odd: Mapping[str, str]
    document: JsonObject
    schema: int
    record: CycleRecord
    unread: str
    workflow: Workflow

    @property
    def older(self) -> bool:
        """Whether an earlier version of whybot wrote the record: what it rendered may have read otherwise."""
        return self.schema < SCHEMA

    @property
    def unsettled(self) -> bool:
        """Whether the cycle runs, was interrupted or given up: files may be ahead of the record, or behind it."""
        return self.record.status is CycleStatus.RUNNING or self.record.end is CycleEnd.GIVEN_UP

    def text(self, name: str) -> str | None:
        """A file as text; None when it is not there. What is no UTF-8 shows as replacement characters."""
        content = self.files.get(name)
        return None if content is None else content.decode("utf-8", "replace")

    def lacks(self, name: str) -> str:
        """Why there is no content of a file that was expected, as a predicate: "is not there", or what `odd` says."""
        return lacking(name, self.odd)

    def before(self, index: int) -> CycleRecord:
        """The record as the step at `index` found it: running, its own step begun."""
        step = self.record.steps[index]
        began = StepRecord(step=step.step, attempt=step.attempt, status=StepStatus.RUNNING, started_at=step.started_at)
        return self.record.model_copy(update={
            "steps": (*self.record.steps[:index], began), "status": CycleStatus.RUNNING, "end": None,
            "paused_because": "", "remedy": "",
        })

    @cached_property
    def exchanges(self) -> dict[str, Exchange | str]:
        """What lies in `exchanges/` by file name without its end: an exchange, or why it is none."""
        return dict(self._read_exchanges())

    def _read_exchanges(self) -> Iterator[tuple[str, Exchange | str]]:
        for name, content in self.files.items():
            folder, _, file = name.rpartition("/")
            if folder == "exchanges" and file.endswith(".json"):
                try:
                    yield file.removesuffix(".json"), Exchange.model_validate_json(content)
                except (ValidationError, RecursionError) as error:
                    yield file.removesuffix(".json"), f"it is no stored exchange ({first_problem(error)})"

    def exchanges_of(self, step: StepRecord) -> tuple[Exchange, ...]:
        """The exchanges of the conversation that gave a step's result, in their order, each once.

        A step's charges name others, too: what was asked with other settings before it was interrupted. Of an
        earlier attempt, what was looked up may be used again, and no answer is.
        """
        digests = dict.fromkeys(charge.digest for charge in step.charges if not charge.lost)
        found = (self.exchanges.get(digest) for digest in digests)
        own = [
            one for one in found if isinstance(one, Exchange) and one.request.step == step.step
            and (one.request.attempt == step.attempt or one.reply.stop is StopReason.TOOLS)
        ]
        return tuple(one for one in own if _beginning(one) == _beginning(own[0]))

    @cached_property
    def entries(self) -> tuple[LogEntry, ...] | str:
        """The entries of the snapshot, or why there are none."""
        retrieved = self.record.latest(Retrieved)
        if retrieved is None:
            return "no log was read"
        content = self.files.get(retrieved.snapshot)
        if content is None:
            return f"{retrieved.snapshot} {self.lacks(retrieved.snapshot)}"
        try:
            return parse_snapshot(content)
        except ValueError as error:
            return str(error)

    @property
    def keeps_emails(self) -> bool:
        """Whether e-mail addresses were left in the log."""
        retrieved = self.record.latest(Retrieved)
        return retrieved is not None and retrieved.keeps_emails

    @property
    def incident(self) -> Incident | None:
        """The incident that the cycle works on."""
        return self.record.incident


def read_material(content: Content, workflow: Workflow) -> Material:
    """Parse what was read. Raises RecordDamaged when record.json holds nothing that could be checked."""
    try:
        document = json.loads(content.files["record.json"], object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        why = f" ({error})" if "twice" in str(error) else ""
        raise _damaged(f"it is not whole JSON{why}") from error
    if not isinstance(document, dict) or not isinstance(document.get("record"), dict):
        raise _damaged("it has no record in it")
    body: JsonObject = document["record"]
    schema = body.get("schema_version")
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise _damaged("it does not say its schema version")
    if schema > SCHEMA:
        raise RecordDamaged(
            f"record.json was written by a newer whybot (schema {schema}; this one knows {SCHEMA}).",
            "Install that version or a later one.",
        )
    current = body
    for version in range(schema, SCHEMA):
        if version not in MIGRATIONS:
            raise _damaged(f"its schema {schema} is older than any this whybot can read")
        current = {**MIGRATIONS[version](current), "schema_version": version + 1}
    record, unread = _as_far_as_it_goes(current)
    return Material(files=content.files, odd=content.odd, document=document, schema=schema, record=record,
                    unread=unread, workflow=workflow)


def first_problem(error: Exception) -> str:
    """Where and what, of a failed validation."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ": ".join(filter(None, (_place(first["loc"]), first["msg"])))


def _place(keys: Sequence[int | str]) -> str:
    return ".".join(map(str, keys))


def _no_text(body: JsonObject) -> tuple[int | str, ...] | None:
    """Where the first text stands that is no Unicode: JSON can escape half of a character, and no reader takes it."""
    left: list[tuple[tuple[int | str, ...], object]] = [((), body)]
    while left:
        place, value = left.pop()
        if isinstance(value, str) and not _whole(value):
            return place
        if isinstance(value, dict):
            if not all(map(_whole, value)):
                return place
            left.extend(((*place, key), one) for key, one in reversed(value.items()))
        elif isinstance(value, list):
            left.extend(((*place, at), one) for at, one in reversed(tuple(enumerate(value))))
    return None


def _whole(text: str) -> bool:
    return text.isascii() or not _HALF.search(text)


def _as_far_as_it_goes(body: JsonObject) -> tuple[CycleRecord, str]:
    """The record, or as many of its first steps as can be read, and what is wrong with the next."""
    places: Sequence[Sequence[int | str]]
    half = _no_text(body)
    if half is not None:
        problem, places = f"{_place(half) or 'the record'}: half of a character, which is no text", [half]
    else:
        try:
            return CycleRecord.model_validate_json(json.dumps(body)), ""
        except (ValidationError, RecursionError, ValueError) as error:
            problem = first_problem(error)
            places = [one["loc"] for one in error.errors()] if isinstance(error, ValidationError) else []
    steps = body.get("steps")
    bad = [place[1] for place in places if len(place) > 1 and place[0] == "steps" and isinstance(place[1], int)]
    if not bad or not isinstance(steps, list):
        raise _damaged(problem)
    try:
        shorter = {**body, "steps": steps[:min(bad)], "status": "running", "end": None}
        return CycleRecord.model_validate_json(json.dumps(shorter)), problem
    except (ValidationError, RecursionError, ValueError) as error:
        raise _damaged(problem) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once: of two values, one reader would see the first and another the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _damaged(why: str) -> RecordDamaged:
    return RecordDamaged(
        f"record.json cannot be read as a record: {why}.",
        "Nothing of it can be checked. Get the folder again from where it was made.",
    )


def _beginning(exchange: Exchange) -> ModelRequest:
    """The first question of the conversation that an exchange is of."""
    request = exchange.request
    return request.model_copy(update={"messages": request.messages[:1], "tools_closed": False, "attempt": 1})
