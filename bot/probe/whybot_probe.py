"""A pytest plugin that records what really happened in each test, one JSON line at a time.

This file is copied out with its siblings and loaded with `-p whybot_probe` into the target's own Python, so it
stands alone: standard library and pytest 7 or later, Python 3.9 or later. It decides nothing, but one thing: a test
that needs a service which does not answer is not begun.

Environment: WHYBOT_PROBE_OUT is the file to append to; WHYBOT_PROBE_ROOT the repository's root, to which all
paths are made relative; WHYBOT_PROBE_CODE and WHYBOT_PROBE_TESTS are folders or globs relative to that root,
joined by os.pathsep: what is product code, and what is not although it matches. WHYBOT_PROBE_WATCH=1 asks for the
lines that run and what becomes of mocks. WHYBOT_PROBE_SERVICES is a JSON list of the services that tests need.
WHYBOT_PROBE_SEED draws the order of the tests; WHYBOT_PROBE_PRESSURE is how many processors to keep busy.

With pytest-xdist the controller records only the services, and worker N appends to OUT.N.
Product code that runs in other processes is not seen in `reached`.
"""

from __future__ import annotations

import ast
import faulthandler
import gc
import inspect
import json
import linecache
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import warnings
from opcode import opmap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING or __package__:
    from bot.probe import whybot_connections, whybot_lines, whybot_mocks, whybot_order, whybot_services
else:
    import whybot_connections
    import whybot_lines
    import whybot_mocks
    import whybot_order
    import whybot_services

if TYPE_CHECKING:
    # Never run, and annotations are not evaluated: names and unions newer than Python 3.9 may stand in both.
    from types import CodeType, CoroutineType, FrameType, ModuleType, TracebackType
    from typing import Any, Callable, Generator, Literal, Protocol, TextIO, TypedDict, TypeVar

    from bot.probe.whybot_connections import Connected
    from bot.probe.whybot_lines import Ran
    from bot.probe.whybot_mocks import Mocked

    # The class is `pytest.skip.Exception`, of which type checkers do not know.
    class Skipped(Exception):
        """What a skip raises."""

        msg: str | None

    _Result_co = TypeVar("_Result_co", covariant=True)

    class _Outcome(Protocol[_Result_co]):
        """What pluggy sends to a hook wrapper. Not every version exports the class."""

        @property
        def excinfo(self) -> tuple[type[BaseException], BaseException, TracebackType | None] | None: ...
        def get_result(self) -> _Result_co: ...

    class _Frame(TypedDict):
        path: str
        line: int
        function: str
        in_app: bool
        source: str

    class _Raised(TypedDict):
        type: str
        message: str
        bases: list[str]
        frames: list[_Frame]
        rewritten: bool

    class _Warned(TypedDict):
        category: str
        message: str
        path: str
        line: int

    class _Observation(TypedDict):
        test: str
        path: str
        line: int
        status: Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "not_run"]
        phase: Literal["setup", "call", "teardown"] | None
        exceptions: list[_Raised]
        skip_reason: str
        warnings: list[_Warned]
        reached: list[str]
        connections: list[Connected]
        caught: list[_Raised]
        watched: bool
        lines: list[Ran]
        mocks: list[Mocked]
        duration_s: float

    _Coroutine = CoroutineType[object, Any, object]
else:
    Skipped = pytest.skip.Exception

FORMAT = 1
MOST_MESSAGE = 4_000
MOST_FRAMES = 40
MOST_EXCEPTIONS = 12
MOST_WARNINGS = 50
MOST_REACHED = 2_000
MOST_BASES = 20
MOST_SOURCE = 240

# Bound now: a test may replace them and fail to put them back.
_open, _write, _close, _getpid = os.open, os.write, os.close, os.getpid
_lstat, _readlink, _getcwd, _dumps, _collect = os.lstat, os.readlink, os.getcwd, json.dumps, gc.collect
_collections = gc.get_stats

MOST_LINKS = 40


def _realpath(path: str) -> str:
    """As os.path.realpath, which calls what a test may have replaced, to find calls that block an event loop say."""
    path = path if path.startswith(os.sep) else _getcwd() + os.sep + path
    rest = [part for part in reversed(path.split("/")) if part and part != "."]
    real, links = "", 0
    while rest:
        part = rest.pop()
        if part == "..":
            real = real.rpartition(os.sep)[0]
            continue
        try:
            target = _readlink(real + os.sep + part) if stat.S_ISLNK(_lstat(real + os.sep + part).st_mode) else ""
        except (OSError, ValueError):
            target = ""
        links += bool(target)
        if not target or links > MOST_LINKS:
            real += os.sep + part
            continue
        if target.startswith(os.sep):
            real = ""
        rest += [each for each in reversed(target.split("/")) if each and each != "."]
    return real or os.sep


_OWN = frozenset(_realpath(module.__file__ or "") for module in (
    sys.modules[__name__], whybot_connections, whybot_lines, whybot_mocks, whybot_order, whybot_services))
_RUNNER = re.compile(r"[/\\](_pytest|pluggy|pytest_asyncio|pytest)[/\\]")
_LIBRARY = re.compile(r"(^|/)(site-packages|dist-packages)/")
_TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")
_GENERATIONS = sys.version_info < (3, 14)  # since then the collector works by increments
_CO_OPTIMIZED = 1
_CO_SUSPENDS = 0x20 | 0x80 | 0x200  # generators, coroutines, and asynchronous generators
_RETURN_GENERATOR = opmap.get("RETURN_GENERATOR", -1)  # since 3.11
# What the interpreter calls when it frees a coroutine that was never awaited.
_UNAWAITED = "_warn_unawaited_coroutine"


def glob_pattern(glob: str) -> str:
    """A regular expression for a glob (`*` within a folder, `**` over folders) or for all below a folder."""
    glob = glob.rstrip("/")
    if glob in ("", "."):
        return ".*"
    if not any(character in glob for character in "*?["):
        return re.escape(glob) + "(?:/.*)?"
    meaning = {"**/": "(?:[^/]+/)*", "**": ".+", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"((?:^|(?<=/))\*\*(?:/|$)|\*|\?|\[!?[^/\]\\^\[]+\])", glob)
    return "".join(
        "[" + piece[1:].replace("!", "^", 1) if len(piece) > 2 and piece[1] == "!" and piece.endswith("]")
        else piece if len(piece) > 2 and piece.startswith("[") and piece.endswith("]")
        else meaning.get(piece, re.escape(piece)) for piece in pieces)


def _union(globs: list[str]) -> re.Pattern[str] | None:
    pattern = "|".join(glob_pattern(glob) for glob in globs)
    return re.compile("(?:" + pattern + r")\Z", re.DOTALL) if globs else None


class Places:
    """Says where a file belongs."""

    def __init__(self, root: str, code: list[str], tests: list[str]) -> None:
        self.root = _realpath(root)
        self.code = _union(code)
        self.tests = _union(tests)
        self.prefixes = tuple(
            prefix + os.sep for prefix in {_realpath(sys.prefix), _realpath(sys.base_prefix)}
            if prefix != self.root and prefix.startswith(self.root + os.sep)
        )
        self._known: dict[str, tuple[str, bool, bool]] = {}

    def watched(self, filename: str) -> str | None:
        """The path of a file of product or test code; None for all others."""
        path, in_app, product = self.place(filename)
        return path if product or (in_app and self._is_test(path)) else None

    def is_product(self, filename: str) -> bool:
        """Whether a file is product code."""
        return self.place(filename)[2]

    def _is_test(self, path: str) -> bool:
        return bool(_TEST_FILE.search(path) or (self.tests and self.tests.match(path)))

    def place(self, filename: str) -> tuple[str, bool, bool]:
        """(path, in_app, product) of a code object's file name; paths of libraries are shortened."""
        known = self._known.get(filename)
        if known is None:
            known = self._known[filename] = self._place(filename)
        return known

    def _place(self, filename: str) -> tuple[str, bool, bool]:
        if filename.startswith("<"):
            return filename, False, False
        full = _realpath(filename)
        if not full.startswith(self.root + os.sep) or full.startswith(self.prefixes):
            return _short(full), False, False
        path = full[len(self.root) + 1:].replace(os.sep, "/")
        if _LIBRARY.search(path):
            return _short(full), False, False
        return path, True, bool(self.code and self.code.match(path) and not self._is_test(path))


def _short(full: str) -> str:
    full = full.replace(os.sep, "/")
    for mark in ("/site-packages/", "/dist-packages/"):
        if mark in full:
            return full.rpartition(mark)[2]
    library = re.search(r"/lib/python[0-9.]+/(.*)", full)
    return library.group(1) if library else full


class Names:
    """Qualified names of code objects, also before Python 3.11."""

    def __init__(self) -> None:
        self._files: dict[str, dict[tuple[int, str], str]] = {}

    def of(self, code: CodeType, in_app: bool = True) -> str:
        """`Class.method` for a code object; for a library's code before 3.11 only `method`."""
        if hasattr(code, "co_qualname"):
            return code.co_qualname
        if not in_app:
            return code.co_name
        if code.co_filename not in self._files:
            self._files[code.co_filename] = _qualified_names(code.co_filename)
        return self._files[code.co_filename].get((code.co_firstlineno, code.co_name), code.co_name)


def _qualified_names(filename: str) -> dict[tuple[int, str], str]:
    found: dict[tuple[int, str], str] = {}

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = prefix + child.name
                first = min([child.lineno] + [decorator.lineno for decorator in child.decorator_list])
                found[(first, child.name)] = name
                walk(child, name + ("." if isinstance(child, ast.ClassDef) else ".<locals>."))
            else:
                walk(child, prefix)

    try:
        walk(ast.parse(whybot_connections.read(filename)), "")
    except (OSError, SyntaxError, ValueError, RecursionError):
        return {}
    return found


class Reach:
    """Which product functions are entered while it is switched on, in all threads. `lines` may share its tool."""

    def __init__(self, places: Places, names: Names, lines: whybot_lines.Lines | None = None) -> None:
        self.places = places
        self.names = names
        self.lines = lines
        self.active = False
        self.found: set[str] = set()
        self._keys: dict[int, tuple[CodeType, str | None]] = {}
        self._tool = 0
        self._monitoring: ModuleType | None = None  # stays so before Python 3.12, and where no tool's place is free
        monitoring: ModuleType | None = getattr(sys, "monitoring", None)
        if monitoring is not None:
            for tool in (4, 3):
                if monitoring.get_tool(tool) is None:
                    monitoring.use_tool_id(tool, "whybot_probe")
                    monitoring.register_callback(tool, monitoring.events.PY_START, self._started)
                    self._tool, self._monitoring = tool, monitoring
                    self._disable: object = monitoring.DISABLE
                    self._events: int = monitoring.events.PY_START
                    if lines is not None:
                        self._events |= monitoring.events.EXCEPTION_HANDLED
                    if lines is not None:
                        # What a fixture starts may run on in the test, hence for the whole session.
                        lines.use(monitoring, tool)
                        monitoring.set_events(tool, self._events)
                    break
        if self._monitoring is None:
            # Threads that a fixture starts are watched too, hence for the whole session.
            threading.setprofile(self._profile)

    def begin(self) -> None:
        """Forget what was found and start to watch."""
        self.found = set()
        self.active = True
        if self._monitoring is not None:
            self._monitoring.restart_events()
            self._monitoring.set_events(self._tool, self._events)
        elif sys.getprofile() is None:
            sys.setprofile(self._profile)

    def end(self) -> list[str]:
        """Stop to watch and return what was found, sorted."""
        self.active = False
        if self._monitoring is not None:
            if self.lines is None:
                self._monitoring.set_events(self._tool, 0)
        # Bound methods are made anew each time: equal, not identical.
        elif sys.getprofile() == self._profile:
            sys.setprofile(None)
        return sorted(self.found)[:MOST_REACHED]

    def _started(self, code: CodeType, _offset: int) -> object:
        self._note(code)
        if self.lines is not None:
            self.lines.started(code)
        return self._disable

    def _profile(self, frame: FrameType, event: str, _argument: object) -> None:
        # The key first: a look into the code of a generator costs a copy of it, and most are not the product's.
        if event == "call" and self.active and self._known(frame.f_code) and not _never_begun(frame):
            self._note(frame.f_code)

    def _note(self, code: CodeType) -> None:
        key = self._known(code)
        if key and self.active:
            self.found.add(key)

    def _known(self, code: CodeType) -> str | None:
        # By identity, since hashing a code object hashes all that is in it. The code is kept, so no id is reused.
        known = self._keys.get(id(code))
        if known is None:
            known = self._keys[id(code)] = (code, self._key(code))
        return known[1]

    def _key(self, code: CodeType) -> str | None:
        path, in_app, product = self.places.place(code.co_filename)
        if not product:
            return None
        if code.co_name != "<module>" and (code.co_name.startswith("<") or not code.co_flags & _CO_OPTIMIZED):
            return None
        return path + "::" + self.names.of(code, in_app)


def _never_begun(frame: FrameType) -> bool:
    """Whether a coroutine or generator is only closed or thrown into, which Python 3.11 calls a call of it too."""
    code = frame.f_code
    return bool(code.co_flags & _CO_SUSPENDS and frame.f_lasti >= 0
                and code.co_code[frame.f_lasti] == _RETURN_GENERATOR)


class Unawaited:
    """Attributes coroutines that were never awaited to the test that made them, and to the line that did.

    Python warns when such a coroutine is freed. One that a failed test's traceback holds is freed later, in
    another test's time, so those are looked for in the traceback, and their later warning is ignored.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self.found: list[_Warned] = []
        self._counted: dict[int, CodeType] = {}
        self._original: Callable[[_Coroutine], None] | None = getattr(warnings, _UNAWAITED, None)
        if self._original is not None:
            setattr(warnings, _UNAWAITED, self._warn)

    @property
    def installed(self) -> bool:
        """False on interpreters that do not warn through the warnings module."""
        return self._original is not None

    def take(self) -> list[_Warned]:
        """Return and forget what was found."""
        found, self.found = self.found, []
        return found

    def search(self, traceback: TracebackType | None) -> None:
        """Look for coroutines that never started in the frames of a traceback."""
        while traceback is not None:
            if self.places.place(traceback.tb_frame.f_code.co_filename)[1]:
                for value in list(traceback.tb_frame.f_locals.values()):
                    if not inspect.iscoroutine(value) or inspect.getcoroutinestate(value) != inspect.CORO_CREATED:
                        continue
                    if self._counted.get(id(value)) is not value.cr_code:
                        self._counted[id(value)] = value.cr_code
                        self._add(value)
            traceback = traceback.tb_next

    def _warn(self, coroutine: _Coroutine) -> None:
        if self._counted.pop(id(coroutine), None) is not coroutine.cr_code:
            self._add(coroutine)
        if self._original is not None:
            self._original(coroutine)

    def _add(self, coroutine: _Coroutine) -> None:
        origin = coroutine.cr_origin
        filename, line = origin[0][:2] if origin else (coroutine.cr_code.co_filename, coroutine.cr_code.co_firstlineno)
        self.found.append({
            "category": "RuntimeWarning",
            "message": _cut("coroutine '%s' was never awaited" % coroutine.__qualname__, 500),
            "path": self.places.place(filename)[0], "line": line,
        })


def _cut(text: str, most: int = MOST_MESSAGE) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= most else text[:most - 20] + "... [%d more]" % (len(text) - most + 20)


def _ends(text: str, most: int) -> str:
    """The beginning and the end: a thread's traceback names its error last."""
    return text if len(text) <= most else _cut(text[:most // 2], most) + "\n...\n" + _cut(text[-most // 2:], most)


def _qualified(kind: type[object]) -> str:
    module: str = getattr(kind, "__module__", "")
    name: str = getattr(kind, "__qualname__", str(kind))
    return name if module in ("builtins", "exceptions", "") else "%s.%s" % (module, name)


def _message(exception: object) -> str:
    try:
        return _cut(str(exception))
    except Exception as error:  # noqa: BLE001 - any code may run here, and the record must not depend on it
        return "<its message cannot be read: %s>" % type(error).__name__


def _text(output: object) -> str:
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else str(output or "")


class Chains:
    """Turns exceptions into plain data."""

    def __init__(self, places: Places, names: Names) -> None:
        self.places = places
        self.names = names

    def chain(self, exception: BaseException) -> list[_Raised]:
        """An exception, its causes, its contexts (hidden ones too) and the members of groups."""
        found: list[_Raised] = []
        seen: set[int] = set()
        waiting: list[BaseException | None] = [exception]
        while waiting and len(found) < MOST_EXCEPTIONS:
            current = waiting.pop(0)
            if current is None or id(current) in seen:
                continue
            seen.add(id(current))
            found.append(self.one(current))
            members = getattr(current, "exceptions", ())
            waiting += [current.__cause__, current.__context__]
            if isinstance(members, (list, tuple)):
                waiting += [member for member in members if isinstance(member, BaseException)]
        return found

    def one(self, exception: BaseException) -> _Raised:
        """One exception without its causes."""
        message = _message(exception)
        if isinstance(exception, subprocess.CalledProcessError):
            # What the other process said on its way out tells why.
            message = _cut("%s\n%s" % (message, _text(exception.stderr or exception.output)))
        return {
            "type": _qualified(type(exception)), "message": message,
            "bases": [_qualified(kind) for kind in type(exception).__mro__[:MOST_BASES] if kind is not object],
            "frames": self._frames(exception.__traceback__),
            "rewritten": isinstance(exception, AssertionError) and bool(re.search(r"(^|\n)assert ", message)),
        }

    def _frames(self, traceback: TracebackType | None) -> list[_Frame]:
        frames: list[_Frame] = []
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if not _RUNNER.search(code.co_filename) and _realpath(code.co_filename) not in _OWN:
                path, in_app, _ = self.places.place(code.co_filename)
                line = traceback.tb_lineno or 0
                frames.append({
                    "path": path, "line": line, "function": self.names.of(code, in_app), "in_app": in_app,
                    "source": linecache.getline(code.co_filename, line).strip()[:MOST_SOURCE],
                })
            traceback = traceback.tb_next
        if len(frames) > MOST_FRAMES:
            del frames[MOST_FRAMES // 2:len(frames) - MOST_FRAMES // 2]
        return frames


class Plain:
    """The file that lines are appended to."""

    def __init__(self, out: str) -> None:
        self.out = out
        self.pid = _getpid()

    def write(self, kind: str, **fields: object) -> None:
        """Append one line. A forked child that comes back here must not write."""
        if _getpid() != self.pid:
            return
        data = _dumps(dict(fields, k=kind), ensure_ascii=True, default=str).encode("ascii") + b"\n"
        handle = _open(self.out, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            while data:
                data = data[_write(handle, data):]
        finally:
            _close(handle)


class Needed:
    """The services that tests need, as found by the process that leads the session."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.tables: list[dict[str, Any]] = said["tables"]
        self.found: list[whybot_services.Served] = said["found"]

    def absent(self, item: pytest.Item, node: str, path: str) -> str:
        """Why a test is not to be begun; empty when all that it needs answers."""
        return whybot_services.absent_for(
            self.tables, self.found, node, path, item.get_closest_marker,
            lambda path, globs: bool(globs and _union(globs).match(path)))  # type: ignore[union-attr]


class Probe(Plain):
    """The plugin: keeps what is seen of the test that runs, and writes it when the test ends."""

    def __init__(self, out: str, root: str, code: list[str], tests: list[str], needed: Needed,
                 mocks: whybot_mocks.Mocks | None = None) -> None:
        super().__init__(out)
        self.places = Places(root, code, tests)
        self.names = Names()
        self.chains = Chains(self.places, self.names)
        self.needed = needed
        self.mocks = mocks
        self.lines = whybot_lines.Lines(self.places) if mocks is not None else None
        self.reach = Reach(self.places, self.names, self.lines)
        self.connections = whybot_connections.Connections([each["address"] for each in needed.found])
        self.unawaited = Unawaited(self.places)
        self.current: _Observation | None = None
        self.reported = False
        self.aged = 0
        self.ended = 0
        self.stacks: TextIO | None = None

    def _where(self, node: pytest.Item | pytest.Collector) -> str:
        path = getattr(node, "path", None)
        return self.places.place(str(path))[0] if path is not None else ""

    def _named(self, node: pytest.Item | pytest.Collector) -> str:
        """The node id with its path relative to the repository and not to pytest's own root."""
        _, separator, rest = node.nodeid.partition("::")
        path = self._where(node)
        return path + separator + rest if path else node.nodeid

    # collecting

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector,
    ) -> Generator[None, _Outcome[pytest.CollectReport], None]:
        """Record what could not be collected."""
        self.connections.take()
        outcome = yield
        report = outcome.get_result()
        if report.outcome == "passed":
            return
        call: pytest.CallInfo[object] | None = getattr(report, "call", None)
        exception = call.excinfo.value if call is not None and call.excinfo is not None else None
        skipped = report.outcome == "skipped"
        self.write("end", observation={
            "test": self._named(collector), "path": self._where(collector), "line": 0,
            "status": "skipped" if skipped else "error", "phase": "collect",
            "exceptions": self.chains.chain(exception) if exception is not None else [],
            "skip_reason": _message(exception) if skipped and exception is not None else "",
            "connections": self.connections.take(),
        })

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record what was collected, after deselection."""
        for item in session.items:
            self.write("collected", test=self._named(item), path=self._where(item), line=(item.location[1] or 0) + 1)
        # What exists now need not be looked at by the collection after each test.
        if hasattr(gc, "freeze"):
            _collect()
            gc.freeze()

    # running

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, _Outcome[object], None]:
        """Record that a test begins and, at last, what became of it."""
        self.current = {
            "test": self._named(item), "path": self._where(item), "line": (item.location[1] or 0) + 1,
            "status": "not_run", "phase": None, "exceptions": [], "skip_reason": "", "warnings": [],
            "reached": [], "connections": [], "caught": [],
            "watched": False, "lines": [], "mocks": [], "duration_s": 0.0,
        }
        self.reported = False
        self.aged = _collections()[1]["collections"]
        self.unawaited.take()
        self.connections.take()
        if self.mocks is not None:
            self.mocks.begin()
        self.write("start", test=self.current["test"], path=self.current["path"], line=self.current["line"])
        outcome = yield
        record, self.current = self.current, None
        if outcome.excinfo is not None:
            # The session is being broken off, and the test with it: it began and did not end.
            return
        self._complete(record)
        self.ended += 1
        self.write("end", observation=record)

    def _complete(self, record: _Observation) -> None:
        record["warnings"] = (self.unawaited.take() + record["warnings"])[:MOST_WARNINGS]
        record["connections"] = self.connections.take()
        record["mocks"] = self.mocks.take() if self.mocks is not None else []
        record["duration_s"] = round(record["duration_s"], 6)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Hold back a test that needs a service which does not answer, before any of its fixtures."""
        if self.current is not None:
            absent = self.needed.absent(item, self.current["test"], self.current["path"])
            if absent:
                raise Absent(absent)

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, _Outcome[object], None]:
        """Watch the test itself."""
        depth = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(max(depth, 1))
        if self.mocks is not None:
            self.mocks.counting = True
        # The switch of the lines first: the tool begins anew with what it is told.
        if self.lines is not None:
            self.lines.begin()
        self.reach.begin()
        outcome = yield
        reached = self.reach.end()
        lines = self.lines.end() if self.lines is not None else []
        sys.set_coroutine_origin_tracking_depth(depth)
        if self.mocks is not None:
            self.mocks.counting = False
        if self.current is not None:
            self.current["reached"] = reached
            self.current["lines"] = lines
            self.current["watched"] = self.lines is not None and self.lines.watched
            if self.lines is not None:
                self.current["caught"] = [
                    self.chains.one(each) for each in self.lines.take_met()
                    if outcome.excinfo is None or each is not outcome.excinfo[1]]
            if outcome.excinfo is not None:
                self.unawaited.search(outcome.excinfo[2])
        del outcome
        # A coroutine in a reference cycle must be freed in its own test's time. While the middle generation was not
        # collected, nothing of this test is in the old one, which takes the longest by far.
        young = _GENERATIONS and _collections()[1]["collections"] == self.aged
        _collect(1 if young else 2)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None],
    ) -> Generator[None, _Outcome[pytest.TestReport], None]:
        """Take over the result of a phase."""
        outcome = yield
        record = self.current
        if record is None or outcome.excinfo is not None:
            return
        report = outcome.get_result()
        if report.when == "setup" and self.reported:
            self._begin_again(record)
        self.reported = True
        record["duration_s"] += call.duration
        self._take(record, report, call.excinfo.value if call.excinfo is not None else None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take over the result of a phase that ran elsewhere, in a child of pytest-forked say."""
        record = self.current
        if record is not None and not self.reported and report.when is not None:
            record["duration_s"] += report.duration
            self._take(record, report, None)

    def _begin_again(self, record: _Observation) -> None:
        """A plugin that reruns failures begins again with setup: keep what this attempt came to."""
        self._complete(record)
        self.write("attempt", observation=record)
        if self.mocks is not None:
            self.mocks.begin()
        record.update({"status": "not_run", "phase": None, "exceptions": [], "skip_reason": "", "warnings": [],
                       "reached": [], "caught": [], "watched": False, "lines": [], "duration_s": 0.0})

    def _take(self, record: _Observation, report: pytest.TestReport, exception: BaseException | None) -> None:
        if isinstance(exception, Absent):
            record["skip_reason"] = _cut(exception.msg or "")
        elif report.outcome == "failed":
            self._failed(record, report, exception)
        elif report.outcome == "skipped" and record["status"] in ("not_run", "passed"):
            expected = hasattr(report, "wasxfail")
            record.update({"status": "xfailed" if expected else "skipped", "phase": report.when,
                           "skip_reason": _cut(report.wasxfail if expected else _skip_reason(report))})
            if exception is not None:
                record["exceptions"] = self.chains.chain(exception)
        elif report.when == "call" and record["status"] in ("not_run", "skipped", "xfailed"):
            # A skip that the test survived was one of its subtests.
            expected = hasattr(report, "wasxfail")
            record.update({"status": "xpassed" if expected else "passed", "phase": None, "exceptions": [],
                           "skip_reason": _cut(report.wasxfail) if expected else ""})

    def _failed(self, record: _Observation, report: pytest.TestReport, exception: BaseException | None) -> None:
        # The first failure is the one that tells: subtests come before "contains 1 failed subtest".
        if record["status"] in ("failed", "error"):
            return
        record["status"] = "error" if report.when in ("setup", "teardown") else "failed"
        record["phase"] = report.when if report.when in ("setup", "call", "teardown") else "call"
        if exception is not None:
            record["exceptions"] = self.chains.chain(exception)
            self.unawaited.search(exception.__traceback__)
        else:
            record["skip_reason"] = _cut(str(report.longrepr))

    @pytest.hookimpl
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, nodeid: str) -> None:
        """Take over a warning."""
        record = self.current
        if record is None or len(record["warnings"]) >= MOST_WARNINGS:
            return
        message = _message(warning_message.message)
        if self.unawaited.installed and "was never awaited" in message and "coroutine" in message:
            return
        record["warnings"].append({
            "category": _qualified(warning_message.category), "message": _ends(message, 1_000),
            "path": self.places.place(str(warning_message.filename))[0], "line": int(warning_message.lineno or 0),
        })

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
        """Record that pytest came to its end."""
        self.write("session", exit=int(exitstatus), ended=self.ended, collected=session.testscollected)


class Absent(Skipped):
    """Skips a test, for pytest, that is not begun."""


def _skip_reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) and len(longrepr) == 3 else str(longrepr or "")
    return text[len("Skipped: "):] if text.startswith("Skipped: ") else text


def _paths(name: str) -> list[str]:
    return [part for part in os.environ.get(name, "").split(os.pathsep) if part]


_early_mocks: list[whybot_mocks.Mocks] = []
"""Where mocks are watched: installed before a conftest can make one or bind a name."""


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Say that pytest runs, before anything of the target's can break it."""
    out = os.environ.get("WHYBOT_PROBE_OUT")
    if out:
        Plain(out).write("began", format=FORMAT, python=sys.version.split()[0], pytest=pytest.__version__)
        if os.environ.get("WHYBOT_PROBE_WATCH") == "1":
            places = Places(os.environ.get("WHYBOT_PROBE_ROOT") or os.getcwd(),  # noqa: PTH109
                            _paths("WHYBOT_PROBE_CODE"), _paths("WHYBOT_PROBE_TESTS"))
            _early_mocks.append(whybot_mocks.Mocks(places, pytest))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start to watch, unless this is the controller of pytest-xdist, whose workers do."""
    out = os.environ.get("WHYBOT_PROBE_OUT")
    if not out:
        return
    worker: dict[str, object] | None = getattr(config, "workerinput", None)
    needed = _needed(out, config) if worker is None else Needed(json.loads(os.environ["WHYBOT_PROBE_SERVICES"]))
    if worker is None and (getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None)):
        return
    if worker is not None:
        out += "." + re.sub(r"\W", "", str(worker.get("workerid", "")))
    root = os.environ.get("WHYBOT_PROBE_ROOT", "") or os.getcwd()  # noqa: PTH109
    code, tests = _paths("WHYBOT_PROBE_CODE"), _paths("WHYBOT_PROBE_TESTS")
    if os.environ.get("WHYBOT_PROBE_SEED"):
        order = whybot_order.Order(int(os.environ["WHYBOT_PROBE_SEED"]))
        config.pluginmanager.register(order, "whybot-order")
    if os.environ.get("WHYBOT_PROBE_PRESSURE") and worker is None:
        _pressure.append(whybot_order.Pressure(int(os.environ["WHYBOT_PROBE_PRESSURE"])))
    for name in [name for name in os.environ if name.startswith("WHYBOT_PROBE_")]:
        del os.environ[name]
    probe = Probe(out, root, code, tests, needed, _early_mocks[0] if _early_mocks else None)
    config.pluginmanager.register(probe, "whybot-probe")
    if worker is None and hasattr(faulthandler, "register"):
        # At the time limit SIGTERM comes first: leave a note of where the test was.
        probe.stacks = open(out + ".stacks", "w")  # noqa: PTH123, SIM115 - closed in pytest_unconfigure
        faulthandler.register(signal.SIGTERM, probe.stacks, all_threads=True, chain=True)


_services: list[whybot_services.Services] = []
_pressure: list[whybot_order.Pressure] = []
"""What this process leads, to be ended with the session."""


def _needed(out: str, config: pytest.Config) -> Needed:
    """Bring up the services that tests need, and leave word of them to the workers of pytest-xdist."""
    tables = json.loads(os.environ.get("WHYBOT_PROBE_SERVICES") or "[]")
    services = whybot_services.Services(tables, os.path.dirname(out), str(config.rootpath))  # noqa: PTH120
    if tables:
        _services.append(services)
        services.begin()
        Plain(out).write("services", services=services.found)
    said = {"tables": tables, "found": services.found}
    os.environ["WHYBOT_PROBE_SERVICES"] = json.dumps(said)
    return Needed(said)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the file for stacks, and end what was started."""
    probe: Probe | None = config.pluginmanager.get_plugin("whybot-probe")
    if probe is not None and probe.stacks is not None:
        faulthandler.unregister(signal.SIGTERM)
        probe.stacks.close()
    while _pressure:
        _pressure.pop().end()
    while _services:
        _services.pop().end()
