"""GitHub's own OpenAPI description, cut down to some operations and made into plain JSON Schema.

The description is 13 MB, and reading it takes half a second; what is left is a few hundred kB and kept beside it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_NO_RULE = frozenset({
    "default", "deprecated", "description", "discriminator", "example", "examples", "externalDocs", "nullable",
    "summary", "tags", "title", "x-github", "x-github-breaking-changes", "xml",
})
_VERBS = ("get", "post", "put", "patch", "delete")


def trimmed(full: Path, operations: Iterable[tuple[str, str]]) -> Json:
    """What the description says of some operations, each a verb and a path template.

    An operation has `query` (name: schema), `needs` (names), `body` (a schema, None without one), `many` (the path
    parameters that hold slashes) and `answers` (status: schema, None for no JSON). Schemas lie in `$defs`.
    """
    wanted = sorted(operations)
    made = hashlib.sha256(Path(__file__).read_bytes() + json.dumps(wanted).encode()).hexdigest()[:16]
    kept = full.parent / f"used-{made}.json"
    if kept.is_file():
        found: Json = json.loads(kept.read_bytes())
        return found
    result = _Trimming(json.loads(full.read_bytes())).all(wanted)
    with suppress(OSError), tempfile.NamedTemporaryFile("w", dir=full.parent, delete=False, suffix=".writing") as file:
        json.dump(result, file)
        file.flush()
        for older in set(full.parent.glob("used-*.json")) - {kept}:
            older.unlink(missing_ok=True)
        Path(file.name).replace(kept)
    return result


def component(full: Path, name: str) -> Json:
    """The schema of a name, whole in itself, say of a webhook's payload. It takes what it does not name, too."""
    trimming = _Trimming(json.loads(full.read_bytes()))
    return {"$id": "urn:github", **trimming.component(name)}


class _Trimming:
    """Schemas come in three kinds: `closed` takes no property that it does not name, `part` does so below its own top,
    `open` takes any. Requests and good answers are held to the first; refusals to the last, since they say more than
    is described; parts of an `allOf`, each of which sees all properties, are of the second.
    """

    def __init__(self, full: Json) -> None:
        self._full = full
        self._defs: Json = {}

    def all(self, wanted: list[tuple[str, str]]) -> Json:
        known = {
            f"{verb.upper()} {path}": self._operation(path, item[verb])
            for path, item in self._full["paths"].items()
            for verb in _VERBS
            if verb in item and (verb.upper(), path) in wanted
        }
        every = sorted(
            f"{verb.upper()} {path}" for path, item in self._full["paths"].items() for verb in _VERBS if verb in item
        )
        for name in ("basic-error", "validation-error"):
            self._reference(name, "open")
        return {"operations": known, "every": every, "$defs": self._defs}

    def component(self, name: str) -> Json:
        return {**self._reference(name, "open"), "$defs": self._defs}

    def _operation(self, path: str, operation: Json) -> Json:
        parameters = [self._followed(item) for item in operation.get("parameters", ())]
        query = [item for item in parameters if item["in"] == "query"]
        body = self._followed(operation.get("requestBody") or {})
        return {
            "query": {item["name"]: self._schema(item["schema"], "closed") for item in query},
            "needs": [item["name"] for item in query if item.get("required")],
            "many": [item["name"] for item in parameters if item["in"] == "path" and item.get("x-multi-segment")],
            "body": self._content(body, "closed"),
            "body_needed": bool(body.get("required")),
            "answers": {
                status: self._content(self._followed(answer), "closed" if status < "3" else "open")
                for status, answer in operation["responses"].items()
            },
        }

    def _content(self, item: Json, kind: str) -> Json | None:
        content = item.get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return None if schema is None else self._schema(schema, kind)

    def _followed(self, item: Json) -> Json:
        if "$ref" not in item:
            return item
        found: Any = self._full
        for part in item["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self._followed(found)

    def _reference(self, name: str, kind: str) -> Json:
        known = f"{name}.{kind}"
        if known not in self._defs:
            self._defs[known] = {}
            self._defs[known] = self._schema(self._full["components"]["schemas"][name], kind)
        return {"$ref": f"urn:github#/$defs/{known}"}

    def _schema(self, node: Json, kind: str) -> Json:
        if "$ref" in node:
            return self._reference(node["$ref"].rpartition("/")[2], kind)
        below = "closed" if kind == "part" else kind
        made: Json = {}
        for key, value in node.items():
            if key in _NO_RULE:
                continue
            if key == "properties":
                made[key] = {name: self._schema(item, below) for name, item in value.items()}
            elif key in {"allOf", "anyOf", "oneOf"}:
                parted = (key == "allOf" and len(value) > 1) or "properties" in node or kind == "part"
                # Shapes that take any property overlap, so that more than one of them can fit.
                word = "anyOf" if key == "oneOf" and kind == "open" else key
                made[word] = [self._schema(item, "part" if parted and kind != "open" else kind) for item in value]
            elif key in {"items", "not"} or (key == "additionalProperties" and isinstance(value, dict)):
                made[key] = self._schema(value, below)
            else:
                made[key] = value
        if "properties" in node and kind == "closed":
            made.setdefault("additionalProperties", False)
        return _nullable(made) if node.get("nullable") else made


def _nullable(made: Json) -> Json:
    """OpenAPI 3.0's `nullable`, which JSON Schema does not know, also where an `enum` does not name null."""
    if "type" not in made or any(key in made for key in ("allOf", "anyOf", "oneOf")):
        return {"anyOf": [{"type": "null"}, made]}
    made["type"] = [made["type"], "null"]
    if "enum" in made:
        made["enum"] = [*made["enum"], None]
    return made

