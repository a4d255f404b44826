"""What the probe wrote, read back with suspicion: the tests it watched can write to the same file."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from bot.domain.base import Frozen
from bot.domain.logs import Frame
from bot.domain.suite import Ended, Observation
from bot.ports import Completed

MOST_BYTES = 64_000_000
MOST_LINE = 2_000_000
MOST_TESTS = 100_000


class SeenTest(Frozen):
    """A test that was collected or began to run. `test` is its node id, `path` its file in the repository."""

    test: str
    path: str
    line: int = 0


class SeenService(Frozen):
    """A service that tests need, as it was found before the first of them. `said`: why it does not answer, if known."""

    name: str
    address: str
    answered: bool
    started: bool = False
    said: str = ""


class Seen(Frozen):
    """All lines of the probe. `running` began and did not end; `bad_lines` could not be believed.

    `attempts` are the earlier ends of tests that a plugin ran again within the run, in their order; what counts of
    such a test at last is in `observations`.
    """

    began: bool = False
    finished: bool = False
    python: str = ""
    pytest: str = ""
    collected: tuple[SeenTest, ...] = ()
    observations: tuple[Observation, ...] = ()
    attempts: tuple[Observation, ...] = ()
    running: tuple[SeenTest, ...] = ()
    services: tuple[SeenService, ...] = ()
    bad_lines: int = 0


class TestRun(Frozen):
    """One run of pytest in a sandbox, as it was seen from inside and outside.

    `command` is what a person types in the target's root to repeat it; `seconds` was its time limit.
    `junit` is the file that pytest wrote, None when it did not come to that. `stopped_at` is the stack of the
    test that ran at the time limit, outermost first. `damaged`: the probe's record holds lines that cannot be right.
    """

    __test__ = False

    label: str
    command: str
    completed: Completed
    seen: Seen
    seconds: float = 0.0
    junit: bytes | None = None
    stopped_at: tuple[Frame, ...] = ()

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What became of each test that ended, in the order in which they ended."""
        return self.seen.observations

    @property
    def running(self) -> tuple[SeenTest, ...]:
        """The tests that began and did not end (more than one only with pytest-xdist)."""
        return self.seen.running

    @property
    def damaged(self) -> bool:
        """True when the record holds lines that cannot be right."""
        return self.seen.bad_lines > 0

    @property
    def complaint(self) -> str:
        """Why pytest ran no tests, in its own words; empty when it ran to its end."""
        if self.seen.finished or self.completed.ended is not Ended.EXITED:
            return ""
        lines = [line.strip() for line in self.completed.output.splitlines() if line.strip()]
        telling = [line for line in lines if re.match(r"E  |ERROR|INTERNALERROR>|\w*Error\b|.*: error:", line)]
        return " ".join((telling or lines)[-2:])[:400] or f"it ended with exit code {self.completed.exit_code}"


def read_seen(texts: Iterable[bytes], killed: bool, unreadable: int = 0) -> Seen:
    """Read the probe's files. A torn last line is expected when the run was `killed`.

    `unreadable` files count as bad lines.
    """
    reader = _Reader()
    reader.bad = unreadable
    for text in texts:
        reader.open()
        lines = text.split(b"\n")
        torn = lines.pop()
        for line in lines:
            reader.take(line)
        if torn and not killed:
            reader.bad += 1
    return reader.seen()


class _Reader:
    def __init__(self) -> None:
        self.bad = 0
        self.began: dict[str, Any] = {}
        self.finished = False
        self.closed = False
        self.ends = 0
        self.collected: dict[str, SeenTest] = {}
        self.started: dict[str, SeenTest] = {}
        self.ended: dict[str, Observation] = {}
        self.attempts: list[Observation] = []
        self.services: tuple[SeenService, ...] | None = None

    def open(self) -> None:
        """Begin with the next file."""
        self.closed, self.ends = False, 0

    def take(self, line: bytes) -> None:
        if len(line) > MOST_LINE:
            self.bad += 1
            return
        try:
            # Lone surrogates are legal in JSON and in nothing else.
            said = json.loads(json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8", "replace"))
            self._take(said)
        except (ValueError, ValidationError, KeyError, TypeError, RecursionError):
            self.bad += 1

    def _take(self, said: Any) -> None:
        if not isinstance(said, dict):
            raise TypeError("not an object")
        kind = said.pop("k")
        if self.closed:
            raise ValueError("after the end of the session")
        if kind == "began":
            self.began = {"python": str(said["python"]), "pytest": str(said["pytest"])}
        elif kind == "session":
            self._finish(said["ended"])
        elif kind in {"collected", "start"}:
            test = SeenTest.model_validate(said)
            table = self.collected if kind == "collected" else self.started
            if len(table) < MOST_TESTS:
                table[test.test] = test
        elif kind == "end":
            self._end(Observation.model_validate(said["observation"]))
        elif kind == "attempt":
            self._attempt(Observation.model_validate(said["observation"]))
        elif kind == "services":
            self._serve(said["services"])
        else:
            raise ValueError(kind)

    def _finish(self, ended: object) -> None:
        self.closed = self.finished = True
        if ended != self.ends:
            # Lines that the probe did not write, or not all that it wrote.
            raise ValueError("not the number of tests that ended")

    def _end(self, seen: Observation) -> None:
        if seen.phase != "collect":
            self.ends += 1
        if len(self.ended) >= MOST_TESTS:
            raise ValueError("too many tests")
        if seen.phase != "collect" and seen.test not in self.started:
            raise ValueError("it ended and had not begun")
        earlier = self.ended.get(seen.test)
        if earlier is not None and earlier.status != seen.status:
            # A test ends once. Whoever wrote the other line, the worse one is believed.
            self.bad += 1
            if earlier.status not in {"passed", "xpassed", "skipped", "xfailed"}:
                return
        self.ended[seen.test] = seen

    def _attempt(self, seen: Observation) -> None:
        if seen.test not in self.started or seen.test in self.ended or len(self.attempts) >= MOST_TESTS:
            raise ValueError("no test that runs")
        self.attempts.append(seen)

    def _serve(self, services: list[object]) -> None:
        # They are seen to before anything of the target's could write here, and once.
        if self.services is not None or self.collected or self.started:
            raise ValueError("services after the first test")
        self.services = tuple(SeenService.model_validate(service) for service in services[:MOST_TESTS])

    def seen(self) -> Seen:
        running = tuple(test for name, test in self.started.items() if name not in self.ended)
        return Seen(
            began=bool(self.began), finished=self.finished, python=self.began.get("python", ""),
            pytest=self.began.get("pytest", ""), collected=tuple(self.collected.values()),
            observations=tuple(self.ended.values()), attempts=tuple(self.attempts), running=running,
            services=self.services or (), bad_lines=self.bad,
        )


def read_plain(folder: int, name: str, most: int = MOST_BYTES) -> bytes | None:
    """The content of a plain file in an open folder, up to `most` bytes; None when there is no such file.

    A test may have put anything in its place: links and pipes are not followed or opened.
    """
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read(most)


_STACK_LINE = re.compile(r'^  File "(?P<path>[^"]*)", line (?P<line>\d+) in (?P<function>.*)$')


def read_stacks(text: str, root: str, test_path: str) -> tuple[Frame, ...]:
    """The stack, outermost first, of the thread that was in `test_path`, from faulthandler's dump."""
    best: tuple[Frame, ...] = ()
    for thread in re.split(r"\n\n|^(?=Thread |Current thread )", text, flags=re.MULTILINE):
        frames = []
        for line in thread.splitlines()[:200]:
            found = _STACK_LINE.match(line)
            if found:
                path = found["path"]
                inside = path.startswith(root + "/")
                frames.append(Frame(path=path[len(root) + 1:] if inside else path, line=int(found["line"]),
                                    function=found["function"], in_app=inside and "site-packages" not in path))
        if any(frame.path == test_path for frame in frames):
            return tuple(reversed(frames))
        best = best or tuple(reversed([frame for frame in frames if frame.in_app]))
    return best
