"""What takes room in a state's folder, and how a part of it goes: aside at once, then away.

Nothing outside of the folder is followed or touched: what a symbolic link leads to, or lies on another file system, is
named and left alone, and so is what another process has locked.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import ValidationError

from bot.domain.errors import ConfigProblem
from bot.domain.pruning import Holding, HoldingKind
from bot.domain.record import CycleRef

TRASH: Final = ".trash"
"""Where things lie on their way out. No focus can have that name."""

_ELSEWHERE = "it leads outside of the state"
_ANOTHER_DISK = "it is on another file system"
_IN_USE = "another process works with it"
_PROOFS = "prove"
_FOLDERS: tuple[tuple[HoldingKind, str], ...] = (
    ("proof", _PROOFS), ("environment", "environments"), ("log pages", "spool"))
_WHOLE: tuple[tuple[HoldingKind, str], ...] = (("scratch", "scratch"), ("left over", TRASH))


def holdings(state: Path) -> tuple[Holding, ...]:
    """All that can go, in the order of its paths; nothing where there is no state."""
    if not state.is_dir():
        return ()
    found = [_holding(state, "run", run, refs) for run, refs in _runs(state).items()]
    found += [_holding(state, kind, path) for kind, name in _FOLDERS for path in _below(state / name)
              if path.is_dir() or path.is_symlink()]
    found += [_holding(state, kind, state / name) for kind, name in _WHOLE
              if (state / name).is_symlink() or _below(state / name) or (name == TRASH and (state / name).is_dir())]
    return tuple(sorted(found, key=lambda holding: holding.path))


def _runs(state: Path) -> dict[Path, list[CycleRef]]:
    found: dict[Path, list[CycleRef]] = {}
    for path in sorted(state.glob("*/*/cycle-[0-9][0-9]/record.json")):
        cycle, run = path.parent, path.parent.parent
        with contextlib.suppress(ValidationError):
            ref = CycleRef(focus=run.parent.name, run=run.name, number=int(cycle.name[-2:]))
            found.setdefault(run, []).append(ref)
    return found


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _holding(state: Path, kind: HoldingKind, path: Path, refs: list[CycleRef] | None = None) -> Holding:
    cycles = tuple(refs or ())
    above = () if path.parent == state else (path.parent,)
    if any(one.is_symlink() for one in (*above, path, *(path / f"cycle-{ref.number:02d}" for ref in cycles))):
        size, newest, hindered = 0, 0.0, _ELSEWHERE
    else:
        size, newest, hindered = _measured(path, state.stat().st_dev)
    return Holding(
        kind=kind, path=path.relative_to(state).as_posix(), size=size, cycles=cycles,
        used_at=datetime.fromtimestamp(newest, UTC), hindered=hindered or _in_use(state, kind, path),
    )


def _measured(path: Path, device: int) -> tuple[int, float, str]:
    """How large a folder is, the newest time in it, and what hinders. Links are not followed."""
    size, newest, todo = 0, 0.0, [path]
    while todo:
        one = todo.pop()
        try:
            found = one.lstat()
            if found.st_dev != device:
                return size, newest, _ANOTHER_DISK
            newest = max(newest, found.st_mtime)
            size += found.st_size if stat.S_ISREG(found.st_mode) else 0
            if stat.S_ISDIR(found.st_mode):
                todo += one.iterdir()
        except FileNotFoundError:
            continue  # another process has just removed it
        except OSError as error:
            return size, newest, f"it cannot be read: {error.strerror or error}"
    return size, newest, ""


def _in_use(state: Path, kind: HoldingKind, path: Path) -> str:
    """Why another process needs it, if one does. Which environment a proof runs in is not known: all of them stay."""
    locks: Iterator[Path] = iter(())
    if kind == "proof":
        locks = iter((path / "lock",))
    elif kind == "environment":
        locks = (proof / "lock" for proof in _below(state / _PROOFS))
    return _IN_USE if any(map(_is_locked, locks)) else ""


def _is_locked(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with contextlib.ExitStack() as stack:
        return not _hold(stack, path)


def _hold(stack: contextlib.ExitStack, path: Path) -> bool:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return False
    stack.callback(lock.release)
    return True


def discard(state: Path, holding: Holding) -> bool:
    """Remove a thing; False when it is not there any more, or may not be touched by now. The state is held alone.

    It is out of the way in one step, so that a kill leaves it whole or not there; what was put aside before goes, too.
    Raises ConfigProblem when it cannot be removed.
    """
    path = state / holding.path
    if not path.exists():
        # What was put aside may have gone with something else.
        return holding.kind == "left over"
    if _holding(state, holding.kind, path, list(holding.cycles)).hindered:
        return False
    try:
        with contextlib.ExitStack() as stack:
            if holding.kind == "proof" and not _hold(stack, path / "lock"):
                return False
            if holding.kind == "log pages" and not _hold_pages(stack, state):
                return False
            if holding.kind != "left over":
                _put_aside(state, path)
        if holding.kind == "run":
            with contextlib.suppress(OSError):
                path.parent.rmdir()
        _empty_trash(state)
    except OSError as error:
        raise ConfigProblem(
            f"{path} cannot be removed: {error.strerror or error}.",
            f"Nothing else is lost. Mend the permissions of it and of {state / TRASH}, then run `bot prune` again.",
        ) from error
    return True


def _hold_pages(stack: contextlib.ExitStack, state: Path) -> bool:
    from bot.adapters.gcp_spool_folder import hold

    held = hold(state)
    if held is None:
        return False
    stack.callback(held.release)
    return True


def _put_aside(state: Path, path: Path) -> None:
    trash = state / TRASH
    trash.mkdir(exist_ok=True)
    if trash.is_symlink():
        raise OSError(f"{trash} {_ELSEWHERE.removeprefix('it ')}")
    path.rename(Path(tempfile.mkdtemp(dir=trash)) / path.name)


def _empty_trash(state: Path) -> None:
    """Remove what was put aside, with folders in it that may not be read or written as they are."""
    todo = [state / TRASH]
    while todo:
        folder = todo.pop()
        folder.chmod(0o700)
        with os.scandir(folder) as entries:
            todo += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    shutil.rmtree(state / TRASH)
