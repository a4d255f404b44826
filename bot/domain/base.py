"""What every domain type shares: frozen, strict about unknown keys, and path text that cannot escape."""

from __future__ import annotations

import re
import textwrap
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


class Frozen(BaseModel):
    """An immutable value. Unknown keys are refused, so a damaged or newer document is never half understood."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


def repo_path(text: str) -> str:
    """Return `text` as a path inside a repository.

    Raises ValueError for anything that could leave the tree or reach git's own folder:
    absolute paths, `..`, backslashes, control characters, and `.git` in any case.
    """
    if not text or len(text) > 400:
        raise ValueError("a path inside the repository has 1 to 400 characters")
    if "\\" in text or any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError(f"{text!r} is not a plain POSIX path")
    parts = PurePosixPath(text).parts
    if text.startswith("/") or ".." in parts or str(PurePosixPath(text)) != text or text == ".":
        raise ValueError(f"{text!r} is not a normalised path inside the repository")
    if any(part.lower() == ".git" for part in parts):
        raise ValueError(f"{text!r} reaches into git's own folder")
    return text


RepoPath = Annotated[str, AfterValidator(repo_path)]
"""A normalised POSIX path relative to a repository's root."""

Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
"""A full git object name (SHA-1 or SHA-256)."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Fingerprint = Annotated[str, StringConstraints(pattern=r"^v[0-9]+-[0-9a-f]{16}$")]
"""Rule version and 64 bits of hash: `v2-0123456789abcdef`."""


def rules_of(fingerprint: Fingerprint) -> int:
    """The version of the rules that gave a fingerprint."""
    return int(fingerprint.partition("-")[0].removeprefix("v"))


def counted(number: int, one: str, many: str = "") -> str:
    """`1 test`, `2 tests`; `many` where the plural is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def headline(text: str, most: int) -> str:
    """Return `text` on one line of at most `most` characters, cut between words."""
    return textwrap.shorten(text, most, placeholder=" …")


_SLUG = re.compile(r"[^a-z0-9]+")


def slug(text: str, most: int = 40) -> str:
    """Return `text` as lower-case words joined by hyphens, at most `most` characters; never empty."""
    return _SLUG.sub("-", text.lower()).strip("-")[:most].strip("-") or "x"
