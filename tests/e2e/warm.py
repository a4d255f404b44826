"""A Python that has whybot loaded and forks for each command, since to load it takes longer than most commands run.

A command that runs so is a process of its own, with the arguments, environment, folder and streams that it is given;
only the imports were done before. Usage: `Warm().run(...)`; the server itself is `python -m tests.e2e.warm FD`.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
LOADED = (
    "anthropic", "github", "jinja2", "rich.console", "rich.progress", "rich.table", "bot.cli", "bot.commands",
    "bot.app", "bot.adapters.claude", "bot.adapters.github_forge", "bot.adapters.local_forge",
    "bot.adapters.scripted_model", "bot.audit.examine", "bot.proof.guard", "bot.recheck", "bot.standalone.proving",
    "bot.standalone.running",
)
"""What commands load late. Nothing that starts threads, which do not survive a fork."""


class Warm:
    """The server, started at the first command and ended with this process."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, arguments: tuple[str, ...], cwd: Path, env: Mapping[str, str], stdin: bytes | None,
            timeout: float) -> tuple[int, bytes, bytes]:
        """Run `bot` with these arguments: its exit code (negative for a signal) and what it wrote.

        Raises subprocess.TimeoutExpired, after it was killed.
        """
        talk = self._connected()
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin or b"")
            given.seek(0)
            request = json.dumps({"argv": ["bot", *arguments], "cwd": str(cwd), "env": dict(env)}).encode()
            socket.send_fds(talk, [len(request).to_bytes(8, "big")], [given.fileno(), out.fileno(), err.fileno()])
            talk.sendall(request)
            pid = int.from_bytes(_received(talk, 8), "big")
            talk.settimeout(timeout)
            try:
                code = int.from_bytes(_received(talk, 8), "big", signed=True)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                talk.settimeout(None)
                _received(talk, 8)
                raise subprocess.TimeoutExpired(("bot", *arguments), timeout) from None
            talk.settimeout(None)
            return code, _read(out), _read(err)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            with theirs:
                number = theirs.fileno()
                self._server = subprocess.Popen(
                    [sys.executable, "-m", "tests.e2e.warm", str(number)], cwd=ROOT, pass_fds=[number],
                    env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
                    stdin=subprocess.DEVNULL, start_new_session=True,
                )
            atexit.register(self._close)
        return self._socket

    def _close(self) -> None:
        # The server ends when nobody holds the other end; so it does when this process is killed.
        if self._socket is not None and self._server is not None:
            self._socket.close()
            self._server.wait()


def _read(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def _received(talk: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = talk.recv(size - len(found))
        if not part:
            raise EOFError("the other end is gone")
        found += part
    return found


def serve(talk: socket.socket) -> None:
    """Fork for each request until the other end is gone."""
    import importlib

    for name in LOADED:
        importlib.import_module(name)
    while True:
        head, streams, _, _ = socket.recv_fds(talk, 8, 3)
        if not head:
            return
        request = json.loads(_received(talk, int.from_bytes(head, "big")))
        child = os.fork()
        if child == 0:
            talk.close()
            os.setpgid(0, 0)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            _command(request["argv"], request["cwd"], request["env"])
        for stream in streams:
            os.close(stream)
        talk.sendall(child.to_bytes(8, "big"))
        _, status = os.waitpid(child, 0)
        talk.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def _command(argv: list[str], cwd: str, env: dict[str, str]) -> None:
    from bot.cli import main

    code: object = 70
    try:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = argv
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter would show it
        import traceback

        traceback.print_exc()
        code = 1
    finally:
        if isinstance(code, str):
            sys.stderr.write(f"{code}\n")
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
