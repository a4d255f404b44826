"""Markdown with front matter: `key: value` lines whose values are JSON, so that reading needs no YAML library."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from bot.domain.base import Frozen

FENCE = "---\n"
_LINE = re.compile(r"([a-z][a-z0-9_]*): (.+)")

Head = TypeVar("Head", bound=Frozen)


def render(head: Frozen, body: str) -> bytes:
    """Return a head and a body as UTF-8 text. Every JSON value that stands here is also YAML.

    What is as its default is left out. Raises ValueError when the text is not valid Unicode.
    """
    values = head.model_dump(mode="json", exclude_defaults=True)
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()]
    return f"{FENCE}{''.join(lines)}{FENCE}\n{body}\n".encode()


def parse(content: bytes, kind: type[Head]) -> tuple[Head, str]:
    """Return head and body as they were given to `render`, an editor's last newline more or less.

    Raises ValueError, saying what is wrong, for anything else: a missing fence, a line that is not
    `key: JSON`, a key that stands twice, is unknown or missing, a value of another type.
    """
    text = content.decode("utf-8")
    if not text.startswith(FENCE):
        raise ValueError("it does not begin with a line ---")
    front, fence, body = text[len(FENCE):].partition(f"\n{FENCE}")
    if not fence:
        raise ValueError("the second line --- is missing")
    try:
        # By way of JSON again, since only there a strict reading takes a list for a tuple.
        head = kind.model_validate_json(json.dumps(_values(front)), strict=True)
    except ValidationError as bad:
        first = bad.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where or 'a value'}: {first['msg']}") from bad
    return head, body.removeprefix("\n").removesuffix("\n")


def _values(front: str) -> Mapping[str, object]:
    values: dict[str, object] = {}
    for number, line in enumerate(front.split("\n"), 2):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} is not `key: value`")
        if match[1] in values:
            raise ValueError(f"line {number} gives {match[1]} a second time")
        try:
            values[match[1]] = json.loads(match[2])
        except (ValueError, RecursionError) as bad:
            raise ValueError(f"the value in line {number} is not JSON") from bad
    return values
