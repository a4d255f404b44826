"""Which addresses a test, or code that it runs, tries to reach, and what came of it.

Copied out together with `whybot_probe.py` and loaded by it into the target's own Python, so it needs nothing but the
standard library of Python 3.9 or later. What it wraps behaves as before, whatever it is called with; what it
cannot understand it does not record.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import socket
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Never run, and annotations are not evaluated: names and unions newer than Python 3.9 may stand in both.
    from collections.abc import Callable, Iterator
    from typing import Any, TypedDict

    class Connected(TypedDict):
        """As in the record."""

        address: str
        error: str
        own: bool

MOST_CONNECTIONS = 200
MOST_WAITING = 1_000
MOST_ADDRESS = 300
MOST_PROCESSES = 2_000
MOST_READ = 10_000_000

# Bound now: a test may replace them and fail to put them back.
_getpid, _listdir, _readlink = os.getpid, os.listdir, os.readlink
_open, _read, _close = os.open, os.read, os.close

_ERRORS = {
    errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "timed out", errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable", errno.ENETDOWN: "unreachable", errno.EHOSTDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
}
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY})
_IN_THE_CALL = (TypeError, ValueError, OverflowError, AttributeError)
"""What an address that is none raises."""
_LISTENS = "0A"


class Connections:
    """The addresses that the process tries to reach, in all threads and tasks, and what came of each."""

    def __init__(self, services: list[str]) -> None:
        self.services = frozenset(services)
        self.found: dict[tuple[str, str], bool] = {}
        self._pid = _getpid()
        self._bound: set[int | str] = set()
        self._names: dict[str, str] = {}
        self._waiting: dict[int, tuple[weakref.ref[socket.socket], str, int | str]] = {}
        self._children: dict[int | str, bool] = {}
        self._peer = socket.socket.getpeername
        self._own_name = socket.socket.getsockname
        for name, note in (("connect", self._connect), ("connect_ex", self._connect_ex), ("bind", self._bind),
                           ("getsockopt", self._getsockopt)):
            wrap(socket.socket, name, note)
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            wrap(socket, name, self._lookup)

    def take(self) -> list[Connected]:
        """Return and forget what was found. What is still under way had no answer in the test's time."""
        for waiting, address, key in list(self._waiting.values()):
            sock = waiting()
            self._add(address, "" if sock is not None and self._is_up(sock) else "timed out", key)
        found = [(address, error, own) for (address, error), own in self.found.items()]
        self.found, self._names, self._waiting, self._children = {}, {}, {}, {}
        return [{"address": address, "error": error, "own": own} for address, error, own in found]

    def _add(self, address: str, error: str, key: object) -> None:
        address = address.encode("utf-8", "replace").decode("utf-8")[:MOST_ADDRESS]
        own = key in self._bound or (not error and isinstance(key, (int, str)) and self._of_family(address, key))
        if not error:
            # Others were attempts that led here: of another family, or before the server was up.
            for known in [each for each in self.found if each[0] == address and each[1]]:
                del self.found[known]
        if len(self.found) < MOST_CONNECTIONS:
            self.found[address, error] = own or self.found.get((address, error), False)

    # what the wrapped functions tell

    def _connect(self, arguments: tuple[Any, ...], _result: object, error: BaseException | None) -> None:
        sock, target = arguments[0], arguments[1]
        if isinstance(error, BlockingIOError):
            self._connecting(sock, target, error.errno or errno.EINPROGRESS)
        elif error is None:
            self._connecting(sock, target, 0)
        elif isinstance(error, socket.gaierror):
            self._add(_text(target[0]), "unknown host", None)
        elif isinstance(error, OSError):
            said = "timed out" if isinstance(error, socket.timeout) else _error(error.errno, type(error).__name__)
            self._came(sock, target, said)
        elif not isinstance(error, _IN_THE_CALL):
            # Something, a time limit of the test say, broke off the wait.
            self._came(sock, target, "timed out")

    def _connect_ex(self, arguments: tuple[Any, ...], result: object, error: BaseException | None) -> None:
        if error is not None:
            self._connect(arguments, None, error)
        elif isinstance(result, int):
            self._connecting(arguments[0], arguments[1], result)

    def _connecting(self, sock: socket.socket, target: Any, code: int) -> None:
        if code in _UNDER_WAY:
            named = _address(sock, target, self._names)
            if named is not None and len(self._waiting) < MOST_WAITING:
                self._waiting[id(sock)] = (weakref.ref(sock), *named)
        else:
            self._came(sock, target, "" if code in (0, errno.EISCONN) else _error(code))

    def _came(self, sock: socket.socket, target: Any, said: str) -> None:
        self._waiting.pop(id(sock), None)
        named = _address(sock, target, self._names)
        if named is not None:
            self._add(named[0], said, named[1])

    def _getsockopt(self, arguments: tuple[Any, ...], result: object, error: BaseException | None) -> None:
        if error is not None or arguments[1:3] != (socket.SOL_SOCKET, socket.SO_ERROR) or not isinstance(result, int):
            return
        sock: socket.socket = arguments[0]
        waiting = self._waiting.pop(id(sock), None)
        if waiting is None or id(waiting[0]()) != id(sock):
            return
        _, address, key = waiting
        if result == 0 and not self._is_up(sock):
            # Asked too early: it is neither up nor refused.
            self._waiting[id(sock)] = waiting
            return
        self._add(address, _error(result) if result else "", key)

    def _is_up(self, sock: socket.socket) -> bool:
        try:
            self._peer(sock)
        except OSError:
            return False
        return True

    def _bind(self, arguments: tuple[Any, ...], _result: object, error: BaseException | None) -> None:
        sock = arguments[0]
        if error is not None or sock.type == socket.SOCK_DGRAM:
            return
        named = _address(sock, self._own_name(sock), {})
        if named is not None:
            self._bound.add(named[1])

    def _lookup(self, arguments: tuple[Any, ...], result: Any, error: BaseException | None) -> None:
        host = arguments[0] if arguments else None
        if not host or not isinstance(host, (str, bytes)):
            return
        name = _text(host)
        if isinstance(error, (socket.gaierror, UnicodeError)):
            self._add(name, "unknown host", None)
        elif isinstance(result, list) and len(self._names) < MOST_WAITING:
            for *_, target in result:
                self._names[str(target[0])] = name
        elif isinstance(result, str):
            self._names[result] = name

    # whose server it is

    def _of_family(self, address: str, key: int | str) -> bool:
        """Whether this process or a descendant listens there: servers that were not bound through this module."""
        if address in self.services or (isinstance(key, int) and not _loopback(address, self._names)):
            return False
        if key not in self._children:
            self._children[key] = bool(_sockets(key) & _family_sockets(self._pid, _sockets(key)))
        return self._children[key]


def wrap(owner: Any, name: str, note: Callable[[tuple[Any, ...], Any, BaseException | None], None]) -> None:
    """Replace a function or method by one that does the same and tells `note` (arguments, result, error)."""
    original = getattr(owner, name, None)
    if original is None:
        return
    pid = _getpid()

    @functools.wraps(original)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        try:
            result = original(*arguments, **named)
        except BaseException as error:
            _tell(note, pid, (*arguments, *named.values()), None, error)
            raise
        _tell(note, pid, (*arguments, *named.values()), result, None)
        return result

    setattr(owner, name, wrapper)


HERE = wrap.__code__.co_filename


def _tell(note: Callable[[tuple[Any, ...], Any, BaseException | None], None], pid: int, arguments: tuple[Any, ...],
          result: Any, error: BaseException | None) -> None:
    # A forked child has a record of its own, which nobody reads.
    if _getpid() == pid:
        # Arguments may be of any kind, and a test must not fail for being watched.
        with contextlib.suppress(Exception):
            note(arguments, result, error)


def _address(sock: socket.socket, target: Any, names: dict[str, str]) -> tuple[str, int | str] | None:
    """How an address is written and what tells it from others: its port or path. None for what is not recorded."""
    if sock.type == socket.SOCK_DGRAM:
        # Nothing is sent by this, so nothing is reached.
        return None
    if sock.family == getattr(socket, "AF_UNIX", None):
        path = _text(target).replace("\0", "@", 1)
        return (path, path) if path else None
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    host, port = names.get(_text(target[0]), _text(target[0])), int(target[1])
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}", port


def _text(value: object) -> str:
    return os.fsdecode(bytes(value)) if isinstance(value, (bytes, bytearray)) else str(value)


def _error(code: int | None, otherwise: str = "") -> str:
    if code in _ERRORS:
        return _ERRORS[code]
    name = type(OSError(code, "")).__name__ if code else otherwise
    return errno.errorcode.get(code or 0, otherwise or name) if name == "OSError" else name


def _loopback(address: str, names: dict[str, str]) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    return any(each in ("::1", "localhost") or each.startswith(("127.", "::ffff:127."))
               for each in (host, *(ip for ip, name in names.items() if name == host)))


def read(filename: str) -> bytes:
    """The content of a file, up to MOST_READ, by nothing that a test may have replaced. Raises OSError, ValueError."""
    handle, content = _open(filename, os.O_RDONLY), b""
    try:
        while len(content) < MOST_READ:
            part = _read(handle, 1 << 16)
            if not part:
                break
            content += part
    finally:
        _close(handle)
    return content


def _sockets(key: int | str) -> set[str]:
    """The inodes of the sockets that listen on a port or path, on Linux; else none."""
    found = set()
    tables = ("tcp", "tcp6") if isinstance(key, int) else ("unix",)
    for table in tables:
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in read("/proc/self/net/" + table).decode("utf-8", "replace").splitlines()[1:]:
                fields = line.split()
                if isinstance(key, str):
                    if fields[-1] == key:
                        found.add(fields[6])
                elif fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == key:
                    found.add(fields[9])
    return found


def _family_sockets(pid: int, wanted: set[str]) -> set[str]:
    """Those of the inodes that this process or one that it started holds."""
    found: set[str] = set()
    for member in _family(pid) if wanted else ():
        with contextlib.suppress(OSError):
            for handle in _listdir(f"/proc/{member}/fd"):
                with contextlib.suppress(OSError):
                    link = _readlink(f"/proc/{member}/fd/{handle}")
                    if link.startswith("socket:["):
                        found.add(link[len("socket:["):-1])
    return found & wanted


def _family(pid: int) -> Iterator[int]:
    parents: dict[int, int] = {}
    for name in [each for each in _listdir("/proc") if each.isdigit()][:MOST_PROCESSES]:
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(name)] = int(read(f"/proc/{name}/stat").rpartition(b")")[2].split()[1])
    for member in parents:
        above: int | None = member
        for _ in range(100):
            if above == pid:
                yield member
            if above is None or above == pid:
                break
            above = parents.get(above)
