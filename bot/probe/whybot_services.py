"""The servers that tests need: whether they answer, starting those that can be started, and which tests to leave out.

Copied out together with `whybot_probe.py` and loaded by it into the target's own Python, so it needs nothing but the
standard library of Python 3.9 or later.

A table is what `[service.NAME]` of bot.toml says, with `name`, and `needed_by`: node ids without parameters (the class
may be left out), or names of test functions.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Never run, and annotations are not evaluated: names and unions newer than Python 3.9 may stand in both.
    from collections.abc import Callable
    from typing import Any, TypedDict

    class Served(TypedDict):
        """As in the record."""

        name: str
        address: str
        answered: bool
        started: bool
        said: str

CONNECT_S = 1.0
END_S = 5.0
POLL_S = 0.05
MOST_SAID = 300

# Bound now: the probe wraps or a test replaces them.
_socket, _lookup, _connect = socket.socket, socket.getaddrinfo, socket.socket.connect


class Services:
    """The servers of one session, in the process that leads it."""

    def __init__(self, tables: list[dict[str, Any]], folder: str, cwd: str) -> None:
        self.tables = tables
        self.found: list[Served] = []
        self._folder, self._cwd = folder, cwd
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self) -> None:
        """Probe each, start what does not answer and can be started, and wait for that."""
        silent = {table["name"]: _silence(table["address"]) for table in self.tables}
        problems: dict[str, str] = {}
        for table in self.tables:
            if silent[table["name"]] and table.get("start"):
                problems[table["name"]] = self._start(table)
        began = time.monotonic()
        for table in self.tables:
            name = table["name"]
            if name in self._started:
                silent[name], problems[name] = self._wait(table, began + float(table["seconds"]))
        for table in self.tables:
            name = table["name"]
            self.found.append({
                "name": name, "address": table["address"], "answered": not silent[name],
                "started": name in self._started, "said": problems.get(name, "") if silent[name] else ""})

    def end(self) -> None:
        """End what was started, with all that it started in its group."""
        running = dict(self._started)
        for how in (signal.SIGTERM, signal.SIGKILL):
            for process in running.values():
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, how)
            until = time.monotonic() + END_S
            while time.monotonic() < until and any(process.poll() is None for process in running.values()):
                time.sleep(POLL_S)
        self._started = {}

    def _start(self, table: dict[str, Any]) -> str:
        try:
            env = {name: value for name, value in os.environ.items() if not name.startswith("WHYBOT_")}
            with open(self._output(table["name"]), "wb") as output:  # noqa: PTH123
                self._started[table["name"]] = subprocess.Popen(
                    shlex.split(table["start"]), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    cwd=self._cwd, env=env, start_new_session=True)
        except (OSError, ValueError) as error:
            return f"`{table['start']}` could not be started: {error}"
        return ""

    def _wait(self, table: dict[str, Any], until: float) -> tuple[str, str]:
        process, start = self._started[table["name"]], table["start"]
        while True:
            silence = _silence(table["address"])
            if not silence:
                return "", ""
            code = process.poll()
            if code:
                return silence, f"`{start}` ended with exit code {code}{self._last_line(table['name'])}"
            if time.monotonic() >= until:
                given = f"`{start}` was started and given {table['seconds']:g} s"
                return silence, given + self._last_line(table["name"])
            time.sleep(POLL_S)

    def _output(self, name: str) -> str:
        return os.path.join(self._folder, "service-" + re.sub(r"[^A-Za-z0-9_-]", "_", name) + ".txt")  # noqa: PTH118

    def _last_line(self, name: str) -> str:
        with contextlib.suppress(OSError), open(self._output(name), "rb") as output:  # noqa: PTH123
            output.seek(0, os.SEEK_END)
            output.seek(max(0, output.tell() - 10_000))
            lines = output.read().decode("utf-8", "replace").split("\n")
            said = next((line.strip() for line in reversed(lines) if line.strip()), "")
            return f", and said: {said[:MOST_SAID]}" if said else ""
        return ""


def _silence(address: str) -> str:
    """Why nothing answers at an address; empty when something does."""
    host, _, port = address.rpartition(":")
    try:
        places = _lookup(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError, OverflowError):
        return "its host is not known"
    for family, kind, protocol, _, target in places:
        with contextlib.suppress(OSError), _socket(family, kind, protocol) as sock:
            sock.settimeout(CONNECT_S)
            _connect(sock, target)
            return ""
    return "no answer"


def reason_for(table: dict[str, Any], served: Served) -> str:
    """Why a test that needs this service is not begun."""
    reason = f"{served['name']} does not answer at {served['address']}"
    if served["said"]:
        return f"{reason} ({served['said']})"
    return reason if table.get("start") else reason + " (and bot.toml gives no `start`)"


def absent_for(
    tables: list[dict[str, Any]], served: list[Served], node: str, path: str, has_marker: Callable[[str], object],
    matches: Callable[[str, list[str]], bool],
) -> str:
    """Why the test `node` of the file `path` is not to be begun; empty when all that it needs answers."""
    bare = node.partition("[")[0]
    name = bare.rpartition("::")[2]
    for table, found in zip(tables, served):  # noqa: B905 - Python 3.9 has no `strict`
        if found["answered"]:
            continue
        needed = table.get("needed_by", ())
        if (bare in needed or f"{path}::{name}" in needed or name in needed
                or matches(path, list(table.get("tests", ()))) or any(map(has_marker, table.get("markers", ())))):
            return reason_for(table, found)
    return ""
