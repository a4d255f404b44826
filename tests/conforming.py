"""Whether a JSON document has the form that `bot schema` tells of it."""

from __future__ import annotations

from functools import cache

import jsonschema_rs

from bot.reports.json.registry import DOCUMENTS, json_schema


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json_schema(name))


def conforms(document: object) -> str:
    """Check a document against the schema that it names; return the document's name."""
    assert isinstance(document, dict)
    schema = str(document.get("schema", ""))
    name = schema.removeprefix("whybot/").partition("/")[0]
    assert name in DOCUMENTS, f"no document {schema!r} is known"
    assert DOCUMENTS[name].schema == schema
    wrong = [f"{'/'.join(map(str, error.instance_path))}: {error.message}"
             for error in _validator(name).iter_errors(document)]
    assert not wrong, f"{schema}: {wrong[:5]}"
    return name
