"""Between fork and exec: the streams, limits and protections that the command starts with."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from typing import NoReturn

from .tree import tasks_of_this_user

ROOM = 16_000_000
"""Bytes by which the kernel's own file limits lie above ours, so that the watcher sees the limit passed."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_CLONE_NEWNS = 0x20000
_MS_RDONLY, _MS_NOSUID, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18


def most_tasks(processes: int) -> int:
    """Threads and processes together: a pool of threads is no fork bomb, ten thousand are."""
    return processes * 8 + 256


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(number: int) -> None:
    """Have the kernel send this process a signal when the thread that started it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def become(argv: Sequence[str], env: Mapping[str, str], cwd: str, out: int, failed: int, disk_bytes: int,
           processes: int | None) -> NoReturn:
    """Become the command, with both streams going to `out`. An error's text goes to `failed`.

    `processes` is None behind bubblewrap, which limits them itself, in its own user namespace.
    """
    try:
        _streams(out)
        _lower(resource.RLIMIT_FSIZE, disk_bytes + ROOM)
        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_NOFILE, 4096)
        if processes is not None:
            _lower(resource.RLIMIT_NPROC, tasks_of_this_user() + most_tasks(processes))
            # No sudo from a plain process. (Bubblewrap does the same itself, and may need to be setuid.)
            _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        elif os.geteuid() == 0:
            _protect_devices()
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
            score.write("1000")
        os.chdir(cwd)
        os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606
    except OSError as error:
        os.write(failed, f"{error.strerror or error}".encode()[:4000])
    finally:
        os._exit(127)


def become_engine(argv: Sequence[str], env: Mapping[str, str], out: int, failed: int) -> NoReturn:
    """Become the client of a container engine, which sets the limits itself and may need its privileges."""
    try:
        _streams(out)
        os.chdir("/")
        os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606
    except OSError as error:
        os.write(failed, f"{error.strerror or error}".encode()[:4000])
    finally:
        os._exit(127)


def _streams(out: int) -> None:
    die_with_parent(signal.SIGKILL)
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)


def _protect_devices() -> None:
    """Make the nodes that bubblewrap will pass on read-only, in a mount namespace of this process's own.

    Bubblewrap binds the machine's /dev/null and its like. Started by root, the command would own them and could
    change their mode for everybody. Writing to the devices stays possible.
    """
    if _LIBC.unshare(_CLONE_NEWNS) or _LIBC.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None):
        return
    for name in (b"null", b"zero", b"full", b"random", b"urandom", b"tty"):
        node = b"/dev/" + name
        if not _LIBC.mount(node, node, None, _MS_BIND, None):
            _LIBC.mount(b"none", node, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID, None)


def _lower(which: int, most: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(which, (most, most))
