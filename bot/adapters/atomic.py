"""Writing a file so that a kill at any instant leaves the old content or the new, never a mixture."""

from __future__ import annotations

import os
from pathlib import Path

TEMPORARY = ".writing"
"""Suffix of files that are being written; such a file is never read and may be deleted."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file. The content is on disk before the name points to it, and the name before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
