"""Which lines of product and test code a test executes, and which exceptions its own code caught.

Copied out together with `whybot_probe.py` and loaded by it into the target's own Python, so it needs nothing but the
standard library of Python 3.9 or later.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Never run, and annotations are not evaluated: names and unions newer than Python 3.9 may stand in both.
    from collections.abc import Callable
    from types import CodeType, FrameType, ModuleType
    from typing import Any, Protocol, TypedDict

    class _Places(Protocol):
        def watched(self, filename: str) -> str | None: ...

        def is_product(self, filename: str) -> bool: ...

    class Ran(TypedDict):
        """As in the record."""

        path: str
        lines: list[int]

MOST_LINES = 20_000
MOST_CAUGHT = 12

# What ends loops, generators and tasks, or the test itself, is no mistake that somebody caught.
_PLAIN = ("StopIteration", "StopAsyncIteration", "GeneratorExit", "CancelledError", "Skipped", "Failed", "Exit",
          "XFailed")


class Lines:
    """Which lines of product and test files run while it is switched on, in all threads and tasks.

    From Python 3.12 on it goes with the probe's own tool of sys.monitoring (`use`). Before, it is the tracer of
    the process, unless there is one already: then nothing is recorded, and `watched` stays False.
    """

    def __init__(self, places: _Places) -> None:
        self.places = places
        self.active = False
        self.watched = False
        self.found: dict[str, set[int]] = {}
        self.met: list[BaseException] = []
        self._keys: dict[int, tuple[CodeType, str | None]] = {}
        self._monitoring: ModuleType | None = None
        self._tool = 0
        self._event = self._disable = object()
        if getattr(sys, "monitoring", None) is None and threading.__dict__.get("_trace_hook") is None:
            # Threads that a fixture starts are watched too, hence for the whole session.
            threading.settrace(self._trace)

    def use(self, monitoring: ModuleType, tool: int) -> None:
        """Take the lines from this tool of sys.monitoring. `started` is to be called for each code that starts."""
        self._monitoring, self._tool, self._disable = monitoring, tool, monitoring.DISABLE
        self._event = monitoring.events.LINE
        monitoring.register_callback(tool, monitoring.events.LINE, self._line)
        monitoring.register_callback(tool, monitoring.events.EXCEPTION_HANDLED, self._handled)

    def started(self, code: CodeType) -> None:
        """A code object starts for the first time."""
        if self._monitoring is not None and self._path(code) is not None:
            self._monitoring.set_local_events(self._tool, code, self._event)

    def begin(self) -> None:
        """Forget what was found and start to watch."""
        self.found, self.met = {}, []
        self.active = True
        self.watched = self._monitoring is not None
        if not hasattr(sys, "monitoring") and sys.gettrace() is None:
            sys.settrace(self._trace)
            self.watched = True

    def end(self) -> list[Ran]:
        """Stop to watch and return what was found, by path."""
        self.active = False
        if self._monitoring is None:
            # Bound methods are made anew each time: equal, not identical.
            if sys.gettrace() == self._trace:
                sys.settrace(None)
            else:
                # Somebody took its place.
                self.watched = False
        found: list[Ran] = []
        room = MOST_LINES
        for path, lines in sorted(self.found.items()) if self.watched else ():
            found.append({"path": path, "lines": sorted(lines)[:room]})
            room -= len(found[-1]["lines"])
            if room <= 0:
                self.watched = False
                return []
        return found

    def take_met(self) -> list[BaseException]:
        """Return and forget the exceptions that came to code of a test file, caught there or on their way out."""
        met, self.met = self.met, []
        return met if self.watched else []

    def _meet(self, code: CodeType, exception: object) -> None:
        if (self.active and isinstance(exception, BaseException) and len(self.met) < MOST_CAUGHT
                and type(exception).__name__ not in _PLAIN and not any(exception is each for each in self.met)
                and self._path(code) is not None and not self.places.is_product(code.co_filename)):
            self.met.append(exception)

    def _handled(self, code: CodeType, _offset: int, exception: BaseException) -> None:
        self._meet(code, exception)

    def _path(self, code: CodeType) -> str | None:
        # By identity, since hashing a code object hashes all that is in it. The code is kept, so no id is reused.
        known = self._keys.get(id(code))
        if known is None:
            known = self._keys[id(code)] = (code, self.places.watched(code.co_filename))
        return known[1]

    def _line(self, code: CodeType, line: int) -> object:
        path = self._path(code)
        if path is not None and self.active:
            self.found.setdefault(path, set()).add(line)
        return self._disable

    def _trace(self, frame: FrameType, _event: str, _argument: object) -> Callable[..., Any] | None:
        return self._local if self._path(frame.f_code) is not None else None

    def _local(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        if event == "line" and self.active:
            self._line(frame.f_code, frame.f_lineno)
        elif event == "exception" and isinstance(argument, tuple):
            self._meet(frame.f_code, argument[1])
        return self._local
