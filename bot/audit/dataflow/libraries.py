"""What is known of things from outside the files at hand: which of them can carry what other code did."""

from __future__ import annotations

import ast
import sys
from enum import StrEnum

from bot.audit.reading.checks import MOCKS


class Kind(StrEnum):
    """What a value comes from.

    `PRODUCT`: code of the implementation ran, or its data. `CONSTANT`: an exception class or enumeration of it,
    which runs nothing. `MOCK`: an object of unittest.mock that the test made. `LITERAL`: written in the tests.
    `LOCAL`: a function or class of the tests. `LIBRARY`: the language's library or a known one, in isolation.
    `AMBIENT`: something that all code of the process shares (clock, files, log, patched place), so the product too
    where any of it runs. `UNKNOWN`: cannot be told, so it may be the product.
    """

    PRODUCT = "product"
    CONSTANT = "constant"
    MOCK = "mock"
    LITERAL = "literal"
    LOCAL = "local"
    LIBRARY = "library"
    AMBIENT = "ambient"
    UNKNOWN = "unknown"


_SHARED = {
    "os", "sys", "time", "pathlib", "logging", "gc", "tempfile", "shutil", "warnings", "tracemalloc", "resource",
    "psutil", "signal", "sqlite3", "glob", "platform", "locale", "atexit", "faulthandler", "contextvars", "io",
    "linecache", "shelve", "dbm", "mmap", "fcntl", "select", "selectors", "freezegun", "time_machine",
}
_SHARED_NAMES = {
    "builtins.open", "builtins.input", "builtins.globals", "builtins.vars", "builtins.locals", "builtins.__file__",
    "builtins.__name__", "threading.enumerate", "threading.active_count", "threading.current_thread",
    "asyncio.all_tasks", "asyncio.get_event_loop", "asyncio.get_running_loop", "asyncio.current_task",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today",
}
_OUTSIDE = {
    "subprocess", "socket", "urllib", "http", "importlib", "runpy", "multiprocessing", "ctypes", "pkgutil", "ssl",
    "smtplib", "ftplib", "imaplib", "poplib", "telnetlib", "xmlrpc", "socketserver", "asyncore", "imp", "code",
    "codeop", "doctest", "pickle", "copyreg", "marshal", "zipimport", "ast", "dis", "inspect", "tokenize", "pdb",
    "site", "sysconfig", "types",
}
_OUTSIDE_NAMES = {
    "builtins.exec", "builtins.eval", "builtins.__import__", "builtins.compile", "asyncio.open_connection",
    "asyncio.start_server", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell",
}
_PLAIN_DATA = {"types.SimpleNamespace", "httpx.MockTransport", "httpx.Request", "httpx.Response", "httpx.Headers"}
_KNOWN = {
    "fastapi", "starlette", "pydantic", "jwt", "jose", "fakeredis", "numpy", "tenacity", "pytest", "unittest", "mock",
    "hypothesis", "pytest_asyncio", "pytest_mock", "anyio", "trio", "faker", "typing_extensions", "yaml", "dateutil",
    "redis", "websockets", "httpx", "aiohttp", "requests",
}
"""Libraries that know nothing of the product. Of those that reach over the network, only exceptions are isolated."""
_SELF_CONTAINED = ("django.forms", "django.core.signing", "django.core.validators", "django.http", "django.utils")
"""The parts of django that run none of a project's code of their own accord."""
_NETWORK = {"redis", "websockets", "httpx", "aiohttp", "requests"}
_TAKING = {
    "len", "isinstance", "issubclass", "print", "str", "repr", "int", "float", "bool", "id", "type", "hasattr",
    "callable", "sorted", "min", "max", "sum", "any", "all", "abs", "round", "format", "hash", "range", "ascii",
    "bytes", "chr", "ord", "divmod", "pow", "bin", "hex", "frozenset",
}


def is_mock_name(name: str) -> bool:
    """Whether a dotted name is a class of unittest.mock."""
    return "mock" in name and name.rpartition(".")[2] in MOCKS


def kind_of(name: str) -> Kind:
    """What using something external (`asyncio.Event`, `os.environ`) brings in."""
    root, _, leaf = name.partition(".")[0], "", name.rpartition(".")[2]
    if "mock" in name and root in {"unittest", "mock"}:
        return Kind.MOCK if leaf in MOCKS or leaf == "mock_open" else Kind.LITERAL
    if name in _PLAIN_DATA:
        return Kind.LIBRARY
    if name in _OUTSIDE_NAMES or root in _OUTSIDE:
        return Kind.UNKNOWN
    if name in _SHARED_NAMES or (root in _SHARED and leaf not in {"StringIO", "BytesIO"}):
        return Kind.AMBIENT
    if root == "builtins":
        return Kind.LITERAL
    if root == "django":
        return Kind.LIBRARY if name.startswith(_SELF_CONTAINED) else Kind.UNKNOWN
    if leaf.endswith(("Error", "Exception", "Closed", "ClosedOK", "ClosedError", "Timeout")):
        return Kind.LIBRARY
    if root in _NETWORK:
        return Kind.UNKNOWN
    return Kind.LIBRARY if root in sys.stdlib_module_names or root in _KNOWN else Kind.UNKNOWN


def kind_of_call(name: str, call: ast.Call) -> Kind:
    """What calling something external brings in: a client that was given its transport goes nowhere else."""
    if name in {"httpx.Client", "httpx.AsyncClient"} and any(word.arg == "transport" for word in call.keywords):
        return Kind.LIBRARY
    return Kind.UNKNOWN if name == "pytest.importorskip" else kind_of(name)


def takes_only(name: str) -> bool:
    """Whether a function neither keeps nor changes what it is given: what becomes of its result is no influence."""
    root, _, leaf = name.partition(".")
    if root == "builtins":
        return leaf in _TAKING
    return root in {"json", "math", "re", "hashlib", "base64", "statistics", "operator"} or name in {
        "asyncio.iscoroutine", "asyncio.iscoroutinefunction", "copy.deepcopy", "pytest.approx", "time.sleep",
        "asyncio.sleep",
    }
