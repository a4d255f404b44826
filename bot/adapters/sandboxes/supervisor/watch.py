"""The watcher: starts the command, counts what its tree uses, ends it, and answers.

Standard input first brings the specification (one line of JSON) and then stays open as the lifeline: when it
ends, the tree is killed. The answer is one line of JSON and the kept output, on standard output.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import time
from typing import Any

from .child import adopt_orphans, become, become_engine, die_with_parent, most_tasks
from .container import Container, State, kernel_events
from .disk import folder_bytes, free_bytes, remove_too_deep, tmpfs_bytes, unlinked_bytes
from .kept import Kept
from .tree import PAGE, children_by_scan, descendants, memory_of, stat_fields

POLL_S = 0.02
"""How often the tree is counted. A fork bomb makes a few hundred processes in that time, which is bearable."""

CHUNK = 1 << 20
TERM_GRACE_S = 0.5
GONE_WITHIN_S = 10.0
STARTED_WITHIN_S = 60.0
"""How long an engine may take to start a container, beside the time of the command."""

LOOK_S = 0.1
"""How often an engine is asked whether its container runs yet."""

_F_SETPIPE_SZ = 1031


class Abandoned(Exception):
    """The bot is gone."""


class Watch:
    """One run under supervision."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.container = Container(spec["prefix"][0], spec["container"], spec["env"]) if spec["container"] else None
        self.walled = bool(spec["prefix"]) and self.container is None
        self.last: State | None = None
        self.limits = spec["limits"]
        self.tasks = most_tasks(self.limits["processes"])
        self.me = os.getpid()
        self.main = 0
        self.inside = 0
        self.status: int | None = None
        self.output = Kept(self.limits["output_bytes"])
        self.ended = ""
        self.baseline = folder_bytes(spec["folder"]).total
        self.free = self.free_before = free_bytes(spec["folder"])
        self.next_disk = 0.0
        self.next_memory = 0.0

    def start(self) -> tuple[int, int]:
        """Start the command. Return its output and, for bubblewrap, its status pipe (else -1)."""
        out_read, out_write = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(out_read, _F_SETPIPE_SZ, CHUNK)
        os.set_blocking(out_read, False)
        failed_read, failed_write = os.pipe()
        prefix = self.spec["prefix"]
        status_read = status_write = gate_read = gate_write = -1
        if self.walled:
            status_read, status_write = os.pipe()
            gate_read, gate_write = os.pipe()
        self.main = os.fork()
        if self.main == 0:
            for handle in (status_write, gate_read):
                if handle >= 0:
                    os.set_inheritable(handle, True)
            names = {"@STATUS": str(status_write), "@GATE": str(gate_read)}
            argv = [*(names.get(part, part) for part in prefix), *self.spec["argv"]]
            if self.container is not None:
                become_engine(argv, self.spec["env"], out_write, failed_write)
            become(argv, {} if prefix else self.spec["env"], "/" if prefix else self.spec["cwd"], out_write,
                   failed_write, self.limits["disk_bytes"], None if prefix else self.limits["processes"])
        for handle in (out_write, failed_write, status_write, gate_read):
            if handle >= 0:
                os.close(handle)
        failure = os.read(failed_read, 4096)
        os.close(failed_read)
        if failure:
            raise OSError(failure.decode(errors="replace"))
        if self.walled:
            self._open_gate(status_read, gate_write)
        return out_read, status_read

    def _open_gate(self, status: int, gate: int) -> None:
        """Learn the sandbox's first process, limit it in its own user namespace, let it go on.

        The kernel counts processes per user namespace since Linux 5.14, so a limit set here, and not before
        bubblewrap, counts only what is in the sandbox. It does not bind root, whom the counting holds.
        """
        text = b""
        while b"}" not in text:
            ready, _, _ = select.select([status], [], [], 5.0)
            part = os.read(status, 4096) if ready else b""
            if not part:
                break
            text += part
        with contextlib.suppress(ValueError, KeyError, OSError):
            self.inside = int(json.loads(text)["child-pid"])
            resource.prlimit(self.inside, resource.RLIMIT_NPROC, (self.tasks, self.tasks))
        with contextlib.suppress(BrokenPipeError):
            os.write(gate, b"1")
        os.close(gate)

    def run(self) -> dict[str, Any]:
        """Run to the end or a limit, leave nothing behind, and say what happened."""
        began = time.monotonic()
        try:
            out, status = self.start()
        except OSError as error:
            return {"error": f"{error}"}
        try:
            self._watch(out, began + self.limits["seconds"])
        finally:
            if self.ended == "timeout":
                self._ask_to_stop(out)
            if self.container is not None:
                self.last = self.container.state()
            survivors = self.kill()
        took = time.monotonic() - began
        while self._read(out):
            continue
        if self._disk_used([]) > self.limits["disk_bytes"]:
            self.ended = self.ended or "disk_limit"
            # Else those who remove the folder fail at it. (The count stops at the limit, so it need not have seen it.)
            remove_too_deep(self.spec["folder"])
        if self.container is not None:
            set_up = self._container_ended()
        else:
            set_up = status < 0 or bool(self.ended) or b'"exit-code"' in _rest(status)
        return {"ended": self.ended or "exited", "status": self.status, "seconds": took, "set_up": set_up,
                "survivors": survivors}

    def _container_ended(self) -> bool:
        """Take over how the container ended, as the engine says; False when it never ran."""
        if self.last is None or not self.last.started:
            return False
        if self.last.out_of_memory:
            self.ended = "memory_limit"
        if self.status is not None:
            self.status = self.last.exit_code
        return True

    def _watch(self, out: int, deadline: float) -> None:
        poller = select.poll()
        poller.register(out, select.POLLIN)
        poller.register(0, select.POLLIN)
        with contextlib.suppress(OSError):
            poller.register(os.pidfd_open(self.main), select.POLLIN)
        next_count = 0.0
        waits = self.container is not None
        if waits:
            deadline += STARTED_WITHIN_S
        while not self.ended:
            wait = max(0.0, min(next_count, deadline) - time.monotonic())
            for handle, event in poller.poll(wait * 1000):
                if handle == 0 and not os.read(0, 4096):
                    raise Abandoned
                if handle == out and not self._read(out) and event & select.POLLHUP:
                    poller.unregister(out)
            self._reap()
            if self.status is not None:
                return
            now = time.monotonic()
            if now >= deadline:
                self.ended = self.ended or "timeout"
            elif waits and now >= next_count:
                if self._has_started():
                    waits, deadline = False, time.monotonic() + self.limits["seconds"]
                next_count = time.monotonic() + (LOOK_S if waits else 0)
            elif now >= next_count:
                self._count(now)
                next_count = time.monotonic() + max(POLL_S, 4 * (time.monotonic() - now))

    def _has_started(self) -> bool:
        """Whether the container runs by now; learn its first process, where that can be seen from here."""
        state = self.container.state() if self.container is not None else None
        if state is None or not state.started:
            return False
        self.inside = state.pid
        return True

    def _processes(self) -> list[int]:
        """The command's own processes, without those that bubblewrap or the engine adds."""
        if self.container is not None:
            return self.container.processes(self.inside) if self.inside else []
        own = {self.main, self.inside} if self.spec["prefix"] else set()
        return [pid for pid in descendants(self.me) if pid not in own]

    def _read(self, out: int) -> bool:
        """Take what is there; False when there is nothing, now or any more."""
        try:
            data = os.read(out, CHUNK)
        except BlockingIOError:
            return False
        self.output.add(data)
        if self.output.total > self.limits["output_bytes"]:
            self.ended = self.ended or "output_limit"
        return bool(data)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.main:
                    self.status = os.waitstatus_to_exitcode(status)

    def _count(self, now: float) -> None:
        pids = self._processes()
        killed, refused = kernel_events(self.inside) if self.container is not None and self.inside else (0, 0)
        tasks = memory = 0
        for pid in pids:
            fields = stat_fields(pid)
            if fields:
                tasks += int(fields[17])
                memory += int(fields[21]) * PAGE
        free = free_bytes(self.spec["folder"])
        if self.free - free > self.limits["disk_bytes"]:
            # Somebody wrote a lot to this file system: look at once whether it was this run.
            self.next_disk, self.free = now, free
        if killed:
            self.ended = self.ended or "memory_limit"
        elif len(pids) > self.limits["processes"] or tasks > self.tasks or refused:
            self.ended = self.ended or "process_limit"
        elif memory > self.limits["memory_bytes"] and now >= self.next_memory:
            # Resident sizes count shared pages again and again; the exact figure is dear, so it comes second.
            if sum(memory_of(pid) for pid in pids) > self.limits["memory_bytes"]:
                self.ended = self.ended or "memory_limit"
            self.next_memory = time.monotonic() + 5 * (time.monotonic() - now)
        elif now >= self.next_disk:
            if self._disk_used(pids) > self.limits["disk_bytes"]:
                self.ended = self.ended or "disk_limit"
            self.next_disk = time.monotonic() + min(2.0, max(0.05, 10 * (time.monotonic() - now)))

    def _disk_used(self, pids: list[int]) -> int:
        """What the run has written; more than allowed where it hides what it writes."""
        found = folder_bytes(self.spec["folder"], self.baseline + self.limits["disk_bytes"])
        used = found.total - self.baseline
        if found.too_deep:
            return int(self.limits["disk_bytes"]) + 1
        if found.hidden:
            used = max(used, self.free_before - free_bytes(self.spec["folder"]))
        if pids:
            used += unlinked_bytes(pids) + tmpfs_bytes(self.inside, self.spec["tmpfs"])
        return used

    def _ask_to_stop(self, out: int) -> None:
        """SIGTERM, and a moment to obey it."""
        for pid in self._processes():
            _signal(pid, signal.SIGTERM)
        until = time.monotonic() + TERM_GRACE_S
        while time.monotonic() < until and self.status is None:
            self._read(out)
            time.sleep(0.01)
            self._reap()

    def kill(self) -> int:
        """SIGKILL until nothing is left below this process; return how many would not go.

        Whole process groups first: that is one step for the kernel, which a forking process cannot outrun.
        """
        until = time.monotonic() + GONE_WITHIN_S
        if self.container is not None:
            # What else is below this process belongs to the engine, which may need it for other containers.
            while self.status is None and self.main and time.monotonic() < until:
                _signal(self.main, signal.SIGKILL)
                time.sleep(0.001)
                self._reap()
            return self.container.remove()
        while True:
            self._reap()
            pids = descendants(self.me) or children_by_scan().get(self.me, [])
            if not pids or time.monotonic() > until:
                return len(pids)
            if self.inside:
                _signal(self.inside, signal.SIGKILL)
            groups = set()
            for pid in pids:
                with contextlib.suppress(OSError):
                    groups.add(os.getpgid(pid))
            for group in groups - {os.getpgrp(), 0, 1}:
                with contextlib.suppress(OSError):
                    os.killpg(group, signal.SIGKILL)
            for pid in pids:
                _signal(pid, signal.SIGKILL)
            time.sleep(0.001)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def _rest(handle: int) -> bytes:
    text = b""
    os.set_blocking(handle, False)
    with contextlib.suppress(BlockingIOError):
        while part := os.read(handle, 4096):
            text += part
    return text


def _abandon(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Abandoned


def main() -> int:
    """Read the specification, run, answer. Exit code 0 when there is an answer."""
    adopt_orphans()
    signal.signal(signal.SIGTERM, _abandon)
    die_with_parent(signal.SIGTERM)
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 1 << 16)
        if not part:
            return 1
        line += part
    spec = json.loads(line)
    if os.getppid() != spec["parent"]:
        return 1
    watch = Watch(spec)
    try:
        said = watch.run()
    except Abandoned:
        watch.kill()
        return 1
    data = json.dumps(said).encode() + b"\n" + watch.output.bytes()
    while data:
        data = data[os.write(1, data):]
    return 0
