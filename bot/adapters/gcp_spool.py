"""Pages that were fetched, kept on disk: to be had again, and to go on from after a failure or a kill.

A folder for each question, with `question.json` and a file a page: a line on how reading went on from there, then
the page's entries, redacted, one a line. Each file is written atomically, so the pages up to the first that is
missing are whole. A log can be read without a state, too: then the pages lie in a temporary folder, for this reading.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import NoReturn

import msgspec

from bot.adapters.atomic import TEMPORARY, write_atomically
from bot.adapters.gcp_spool_folder import HeldFolder, hold
from bot.domain.errors import ConfigProblem, RetrievalFailed
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
    """The pages of one question in a folder. `held` is where it outlives the process, None in a temporary folder.

    `hindered` says in a sentence why the pages cannot outlive the process although they should.
    """

    def __init__(self, folder: Path, question: Question, held: HeldFolder | None = None, hindered: str = "") -> None:
        self._folder = folder
        self._held = held
        self.question = question
        self.hindered = hindered
        self.heads = _heads(folder)

    @property
    def kept(self) -> bool:
        """Whether the pages outlive the process."""
        return self._held is not None

    def add(self, head: PageHead, lines: list[bytes]) -> int:
        """Keep a page, and return its number. The lines hold no line breaks. Raises RetrievalFailed."""
        number = len(self.heads)
        path = self._folder / _page_name(number)
        content = b"\n".join([msgspec.json.encode(head), *lines])
        try:
            if self.kept:
                write_atomically(path, content)
            else:
                path.write_bytes(content)
        except OSError as error:
            with suppress(OSError):
                (path.with_name(path.name + TEMPORARY) if self.kept else path).unlink()
            self._fails("kept", error)
        self.heads.append(head)
        return number

    def lines(self, number: int) -> list[bytes]:
        """The entries of a page. Raises RetrievalFailed."""
        try:
            return (self._folder / _page_name(number)).read_bytes().split(b"\n")[1:]
        except OSError as error:
            self._fails("read again", error)

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def release(self) -> None:
        """Let another process go on with it."""
        if self._held is not None:
            self._held.release()

    def _fails(self, what: str, error: OSError) -> NoReturn:
        remedy = (
            "Make room there or mend it, then run the command again: within an hour it goes on with the pages before."
            if self.kept else "Make room, or name a folder on a larger disk in the environment variable TMPDIR."
        )
        raise RetrievalFailed(
            f"A page of the log could not be {what} in {self._folder}: {error.strerror or error}.", remedy
        ) from None


def open_spool(state: Path | None, key: str, query: LogQuery, now: datetime) -> Spool:
    """The spool to go on with, or a new one; spools that nobody goes on with any more are deleted.

    `key` names what is asked but for its times. Without a state folder that can be used, or while another process
    reads, the pages are kept in a temporary folder for this reading only. Raises RetrievalFailed when there is none.
    """
    fresh = Question(query.since, query.until or now, query.until is None, now)
    hindered = ""
    held: HeldFolder | None = None
    try:
        held = None if state is None else hold(state)
        if held is not None:
            return _in_state(held, key, query, fresh)
    except (OSError, ConfigProblem) as error:
        if held is not None:
            held.release()
        why = error.what if isinstance(error, ConfigProblem) else f"{state}: {error.strerror or error}."
        hindered = f"Were this reading to break off, the next would start again, since no page can be kept: {why}"
    return _temporary(fresh, hindered)


def _in_state(held: HeldFolder, key: str, query: LogQuery, fresh: Question) -> Spool:
    """The spool in a state's folder. Raises OSError."""
    now = fresh.began
    folder = held.path / blake2b(key.encode(), digest_size=_NAME_LENGTH // 2).hexdigest()
    for other in held.path.iterdir():
        if other.is_dir() and len(other.name) == _NAME_LENGTH and other != folder and _young(other, now) is None:
            shutil.rmtree(other, ignore_errors=True)
    question = _young(folder, now)
    if question is None or not question.is_same(query, now):
        # The pages go after the question that they answer: what a kill leaves here is not young, and goes next time.
        (folder / _QUESTION).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            write_atomically(folder / _QUESTION, msgspec.json.encode(fresh))
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        question = fresh
    return Spool(folder, question, held)


def _temporary(question: Question, hindered: str) -> Spool:
    try:
        folder = Path(tempfile.mkdtemp(prefix="bot-pages-"))
    except OSError as error:
        raise RetrievalFailed(
            f"There is no temporary folder to keep the log's pages in: {error.strerror or error}.",
            "Make room, or name another folder in the environment variable TMPDIR.",
        ) from None
    spool = Spool(folder, question, hindered=hindered)
    weakref.finalize(spool, shutil.rmtree, folder, ignore_errors=True)
    return spool


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
