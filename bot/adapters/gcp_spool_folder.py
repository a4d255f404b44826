"""The folder of a state in which spools lie: held by one process alone, and gone once nothing is in it."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from bot.adapters.atomic import write_atomically
from bot.adapters.directory_store import DirectoryStore
from bot.domain.errors import ConfigProblem

_LOCK = "lock"
_MARK = ".gitignore"
_MADE_STATE = b"The state was made for this folder, and goes with it.\n"
_TRIES = 100
_MOST_REFUSED = 5
_PAUSE_S = 0.01


class HeldFolder:
    """`<state>/spool`, while `lock` (a file descriptor) is open."""

    def __init__(self, state: Path, lock: int) -> None:
        self._state = state
        self._lock = lock
        self.path = state / "spool"

    def release(self) -> None:
        """Let go of it. Where nothing is kept in it, it is removed, and so is the state that was made for it."""
        try:
            with suppress(OSError):
                self._remove_empty()
        finally:
            os.close(self._lock)

    def _remove_empty(self) -> None:
        if [path.name for path in self.path.iterdir()] != [_LOCK]:
            return
        made_state = os.pread(self._lock, len(_MADE_STATE), 0) == _MADE_STATE
        (self.path / _LOCK).unlink()
        self.path.rmdir()
        if made_state and [path.name for path in self._state.iterdir()] == [_MARK]:
            mark = self._state / _MARK
            content = mark.read_bytes()
            mark.unlink()
            try:
                self._state.rmdir()
            except OSError:
                # Somebody has just begun to use it.
                write_atomically(mark, content)


def hold(state: Path) -> HeldFolder | None:
    """Prepare the state and hold its folder for spools; None while another process holds it.

    Raises OSError, and ConfigProblem for a folder that holds something else than a state.
    """
    refused = 0
    for _ in range(_TRIES):
        made_state = not state.exists()
        try:
            DirectoryStore(state).prepare()
        except ConfigProblem:
            # For a moment it looks so while another process makes or removes the state.
            refused += 1
            if refused == _MOST_REFUSED:
                raise
            time.sleep(_PAUSE_S)
            continue
        path = state / "spool"
        try:
            # Without its parents: a state that another process has just removed needs its mark again.
            with suppress(FileExistsError):
                path.mkdir(mode=0o700)
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(lock, path / _LOCK):
                os.close(lock)
                continue
            if made_state:
                os.pwrite(lock, _MADE_STATE, 0)
        except BlockingIOError:
            os.close(lock)
            return None
        except OSError:
            os.close(lock)
            raise
        return HeldFolder(state, lock)
    return None


def _is_at(lock: int, path: Path) -> bool:
    """Whether a path still names the open file: who held it before may have removed it."""
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False
