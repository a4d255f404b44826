"""The form of `record.json`: the record, checksums of it and of its parts, and how older forms become newer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from bot.domain.asking import JsonObject

Migration = Callable[[JsonObject], JsonObject]


def _only_adds_keys(body: JsonObject) -> JsonObject:
    """What the new keys say by default is what holds for an older record."""
    return dict(body)


def _says_when_to_publish(body: JsonObject) -> JsonObject:
    """`dry_run` was all that there was to say of publishing."""
    settings = body.get("settings")
    if not isinstance(settings, dict) or "dry_run" not in settings:
        return dict(body)
    kept = {key: value for key, value in settings.items() if key != "dry_run"}
    return {**body, "settings": {**kept, "publish": "never" if settings["dry_run"] else "now"}}


MIGRATIONS: Mapping[int, Migration] = {
    1: _only_adds_keys, 2: _only_adds_keys, 3: _only_adds_keys, 4: _says_when_to_publish, 5: _only_adds_keys,
}
"""From a schema version to the next."""

PART_DIGITS = 16
"""Hexadecimal digits of a part's checksum: it is there to name what was changed, and the whole one to notice it."""


def sealed(body: JsonObject, schema: int) -> JsonObject:
    """Return the document that holds a record's JSON: `schema`, `sha256`, `parts`, `record`."""
    return {"schema": f"whybot/record/{schema}", "sha256": digest(body), "parts": {**parts(body)}, "record": body}


def digest(value: JsonValue) -> str:
    """The SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parts(body: JsonObject) -> dict[str, str]:
    """Return a checksum for each key of the record, and of each of its steps: `/settings`, `/steps/3/result`."""
    found: dict[str, str] = {}
    for key, value in body.items():
        if key != "steps" or not isinstance(value, list):
            found[f"/{key}"] = digest(value)[:PART_DIGITS]
            continue
        for number, step in enumerate(value):
            for name, inner in (step if isinstance(step, dict) else {"": step}).items():
                found[f"/steps/{number}/{name}"] = digest(inner)[:PART_DIGITS]
    return found
