"""What all forges agree on about the files in which the bot keeps its state: names, versions, conflicts."""

from __future__ import annotations

import hashlib
import re

from bot.domain.errors import ForgeConflict, ForgeProblem

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,80}")


def check_state_name(name: str) -> None:
    """Refuse what is no plain file name. Raises ForgeProblem."""
    if _NAME.fullmatch(name) is None:
        raise ForgeProblem(f"{name[:80]!r} is no name for a file of the bot's state.", "Give a plain file name.")


def version_of(content: bytes) -> str:
    """The id that git gives to a file of this content, so that equal content is an equal version."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def changed_meanwhile(name: str, where: str) -> ForgeConflict:
    """The error for a file that is not what the writer had read."""
    return ForgeConflict(f"{name} in {where} was changed by another run.", "Run the command again; it reads it anew.")
