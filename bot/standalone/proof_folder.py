"""Where `bot prove` keeps what it needs and what came of it: a folder of the state for each question."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from bot import __version__
from bot.adapters.atomic import write_atomically
from bot.adapters.directory_store import DirectoryStore
from bot.domain.errors import ConfigProblem, StateLocked


@dataclass(frozen=True)
class ProofFolder:
    """The folder of one proof: `runs`, `junit` and `logs` by their labels, `repository.git` with its commits.

    `scratch` is where the runs take place, outside of it: tests make sockets, and the path of one may not be long.
    """

    path: Path
    scratch: Path

    @property
    def repository(self) -> Path:
        """The bare repository with the commits of the proof."""
        return self.path / "repository.git"

    def keep(self, name: str, content: bytes) -> Path:
        """Store a file for good; return where it is. Raises ConfigProblem when it cannot be written."""
        if self.kept(name) == content:
            return self.path / name
        try:
            write_atomically(self.path / name, content)
        except OSError as error:
            raise _unusable(self.path, error) from error
        return self.path / name

    def kept(self, name: str) -> bytes | None:
        """A file that was stored, None when it is not there."""
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None


@contextlib.contextmanager
def open_folder(state: Path, question: tuple[str, ...], *, again: bool) -> Iterator[ProofFolder]:
    """The folder for a question in a state, held alone. `again` forgets what was complete before.

    Raises StateLocked when another process is at the same proof, ConfigProblem when the state cannot be used.
    """
    digest = hashlib.sha256(json.dumps([__version__, *question]).encode()).hexdigest()[:16]
    DirectoryStore(state).prepare()
    path = state.absolute() / "prove" / digest
    lock = FileLock(path / "lock")
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise StateLocked(
            f"Another process is at this proof, in {path}.", "Wait for it, or use another state folder with --state."
        ) from None
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        if again:
            for name in ("runs", "junit", "logs"):
                shutil.rmtree(path / name, ignore_errors=True)
        prefix = f"whybot-{digest[:8]}-"
        _sweep(prefix)
        scratch = Path(tempfile.mkdtemp(prefix=prefix))
        try:
            yield ProofFolder(path, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    finally:
        lock.release()


def _sweep(prefix: str) -> None:
    """Remove what a killed process of ours left of the same proof."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if not left.is_symlink() and left.stat().st_uid == os.getuid():
                shutil.rmtree(left, ignore_errors=True)


def _unusable(path: Path, error: OSError) -> ConfigProblem:
    return ConfigProblem(
        f"The folder {path} cannot be used: {error.strerror or error}.",
        "Name another state with --state, or mend its permissions.",
    )
