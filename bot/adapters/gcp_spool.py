"""Pages that were fetched, kept on disk: to be had again, and to go on from after a failure or a kill.

A folder for each question, with `question.json` and a file a page: a line on how reading went on from there, then
the page's entries, redacted, one a line. Each file is written atomically, so the pages up to the first that is
missing are whole.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import filelock
import msgspec

from bot.adapters.atomic import write_atomically
from bot.domain.logs import LogQuery

KEEP = timedelta(hours=1)
"""How long after its last page a reading may go on. Page tokens of Google live about as long."""
_SLACK = timedelta(minutes=2)
_VERSION = 1
_QUESTION = "question.json"
_NAME_LENGTH = 32


class Question(msgspec.Struct, frozen=True):
    """What was asked for, with the times as they were fixed when reading began.

    `open_end` says that no end was asked for: the one that stands here is the time of the beginning.
    """

    since: datetime | None
    until: datetime
    open_end: bool
    began: datetime
    version: int = _VERSION

    def is_same(self, query: LogQuery, now: datetime) -> bool:
        """Whether a query means this question: the same times, or times that moved on with the clock."""
        if self.open_end != (query.until is None) or (self.since is None) != (query.since is None):
            return False
        if query.until is not None and query.until != self.until:
            return False
        if self.since is None or query.since is None or query.since == self.since:
            return True
        return self.open_end and abs((query.since - self.since) - (now - self.began)) < _SLACK


class PageHead(msgspec.Struct, frozen=True):
    """How reading went on after a page: of which tier it is, the next page's token (empty: the tier was read).

    `before` is the time, in nanoseconds, from which downwards the token's query asked (0: from the end on);
    `oldest` the time of the page's oldest entry, 0 for a page without one.
    """

    tier: int
    token: str
    before: int
    oldest: int
    entries: int
    at: datetime


class Spool:
    """The pages of one question in a folder. `kept` says that the folder outlives the process."""

    def __init__(self, folder: Path, kept: bool, question: Question, lock: filelock.BaseFileLock | None = None) -> None:
        self._folder = folder
        self._lock = lock
        self.kept = kept
        self.question = question
        self.heads = _heads(folder)

    def add(self, head: PageHead, lines: list[bytes]) -> int:
        """Keep a page, and return its number. The lines hold no line breaks."""
        number = len(self.heads)
        content = b"\n".join([msgspec.json.encode(head), *lines])
        if self.kept:
            write_atomically(self._page(number), content)
        else:
            self._page(number).write_bytes(content)
        self.heads.append(head)
        return number

    def lines(self, number: int) -> list[bytes]:
        """The entries of a page."""
        return self._page(number).read_bytes().split(b"\n")[1:]

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def release(self) -> None:
        """Let another process go on with it."""
        if self._lock is not None:
            self._lock.release()

    def _page(self, number: int) -> Path:
        return self._folder / _page_name(number)


def open_spool(state: Path | None, key: str, query: LogQuery, now: datetime) -> Spool:
    """The spool to go on with, or a new one; spools that nobody goes on with any more are deleted.

    `key` names what is asked but for its times. Without a state folder, or while another process reads, the pages
    are kept in a temporary folder for this reading only.
    """
    fresh = Question(query.since, query.until or now, query.until is None, now)
    lock = _locked(state)
    if state is None or lock is None:
        folder = Path(tempfile.mkdtemp(prefix="bot-pages-"))
        spool = Spool(folder, False, fresh)
        weakref.finalize(spool, shutil.rmtree, folder, ignore_errors=True)
        return spool
    folder = state / "spool" / blake2b(key.encode(), digest_size=_NAME_LENGTH // 2).hexdigest()
    for other in folder.parent.iterdir():
        if other.is_dir() and len(other.name) == _NAME_LENGTH and other != folder and _young(other, now) is None:
            shutil.rmtree(other, ignore_errors=True)
    question = _young(folder, now)
    if question is None or not question.is_same(query, now):
        # The pages go after the question that they answer: what a kill leaves here is not young, and goes next time.
        (folder / _QUESTION).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        write_atomically(folder / _QUESTION, msgspec.json.encode(fresh))
        question = fresh
    return Spool(folder, True, question, lock)


def _locked(state: Path | None) -> filelock.BaseFileLock | None:
    if state is None:
        return None
    folder = state / "spool"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = filelock.FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        return None
    return lock


def _young(folder: Path, now: datetime) -> Question | None:
    """The question of a spool that may be gone on with; None for one that is too old, damaged or not there."""
    try:
        question = msgspec.json.decode((folder / _QUESTION).read_bytes(), type=Question)
    except (OSError, msgspec.MsgspecError):
        return None
    heads = _heads(folder)
    last = heads[-1].at if heads else question.began
    return question if question.version == _VERSION and last - _SLACK <= now < last + KEEP else None


def _heads(folder: Path) -> list[PageHead]:
    """The heads of the pages up to the first that is missing or no page."""
    heads: list[PageHead] = []
    while True:
        try:
            with (folder / _page_name(len(heads))).open("rb") as stream:
                heads.append(msgspec.json.decode(stream.readline(), type=PageHead))
        except (OSError, msgspec.MsgspecError):
            return heads


def _page_name(number: int) -> str:
    return f"page-{number:06d}.ndjson"
