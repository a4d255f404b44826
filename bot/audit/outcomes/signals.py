"""Single exceptions that tell of a missing environment or of a wrong call, whatever else happened."""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.domain.plan import ServiceNeed
from bot.domain.suite import RaisedException


class WrongCall(NamedTuple):
    """A mistake of the caller. `by_double` when it shows in product code but a test double made it."""

    words: str
    by_double: bool = False


_CONNECTION_TYPES = frozenset({
    "ConnectionRefusedError", "socket.gaierror", "socket.herror", "gaierror",
    "redis.exceptions.ConnectionError", "redis.exceptions.TimeoutError", "kombu.exceptions.OperationalError",
    "httpx.ConnectError", "httpx.ConnectTimeout", "httpcore.ConnectError", "httpx2.ConnectError",
    "httpx2.ConnectTimeout",
    "requests.exceptions.ConnectionError", "requests.exceptions.ConnectTimeout",
    "urllib3.exceptions.NewConnectionError", "urllib3.exceptions.NameResolutionError",
    "urllib3.exceptions.ConnectTimeoutError", "aiohttp.client_exceptions.ClientConnectorError",
    "pymongo.errors.ServerSelectionTimeoutError", "kafka.errors.NoBrokersAvailable", "docker.errors.DockerException",
    "botocore.exceptions.EndpointConnectionError", "pika.exceptions.AMQPConnectionError",
    "asyncpg.exceptions.CannotConnectNowError", "nats.errors.NoServersError",
})
_CREDENTIAL_TYPES = frozenset({
    "google.auth.exceptions.DefaultCredentialsError", "google.auth.exceptions.RefreshError",
    "botocore.exceptions.NoCredentialsError", "botocore.exceptions.PartialCredentialsError",
})
_CONNECTION_TEXT = re.compile(
    r"\[Errno -[235]\]|\[Errno 1(?:01|10|11|13)\]|Connect call failed \(|Multiple exceptions: \[Errno 111\]"
    r"|Error -?\d+ connecting to |Name or service not known|Temporary failure in name resolution|getaddrinfo failed"
    r"|Network is unreachable|No route to host|timed out during opening handshake"
    r"|could not connect to server|connection to server at .* failed|Can't connect to (?:local )?MySQL server")
_REFUSED_TEXT = re.compile(r"connection refused|actively refused", re.IGNORECASE)
_PLACE_TEXT = re.compile(r"\[Errno (?:1|13|28|30)\] ")
_VARIABLE_TEXT = re.compile(
    r"environment variable|(?:^|\W)env(?:ironment)? var\w* |\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b[\"'`]? (?:is |was |must be |"
    r"should be |has to be )?(?:not |un)?(?:set|defined|configured|provided|missing|required)")
_MISSING = re.compile(
    r"missing|not set|unset|must be set|required|not found|undefined|not (?:defined|configured|provided)",
    re.IGNORECASE)
_CONNECTING = re.compile(r"(^|[._])(create_connection|sock_connect|connect|_connect|open_connection|getaddrinfo|"
                         r"connect_tcp|__await_impl__|_create_connection_transport|handshake)$")
_TIMEOUTS = frozenset({"TimeoutError", "socket.timeout", "asyncio.exceptions.TimeoutError"})
_OS_ERRORS = frozenset({"OSError", "IOError"})


NAMED, UNNAMED = "The service `{}` does not answer", "A service that is needed does not answer"
_CREDENTIAL_TEXT = re.compile(
    r"default credentials were not found|unable to locate credentials|could not (?:find|load|automatically determine) "
    r"(?:\w+ )?credentials|\b(?:missing|no) (?:\w+ ){0,2}(?:credentials?|api[ _-]?key)\b|"
    r"(?:credentials?|api[ _-]?key)(?: client option)? (?:is |are |was |were |must be )?(?:not |un)?"
    r"(?:set|found|configured|provided|missing|required)\b", re.IGNORECASE)
"""Credentials that are not there. Product code may say so of its users, so it counts outside of it alone."""

_INSTALL_TEXT = re.compile(r"\b(?:must|to) be installed\b|\bpip3? install\b", re.IGNORECASE)


def misses_credentials(raised: RaisedException) -> bool:
    """Whether an exception says that credentials are not there."""
    return bool(_CREDENTIAL_TEXT.search(raised.message))


def environment_signal(raised: RaisedException, services: tuple[ServiceNeed, ...]) -> str:
    """What an exception says is missing in the environment, as the beginning of a sentence; empty when nothing.

    An assertion counts only with an errno or address text: it may quote any message of the product's.
    """
    kinds = {raised.type, *raised.bases}
    text = raised.message
    service = _declared(raised, services)
    about = NAMED.format(service) if service else UNNAMED
    if _INSTALL_TEXT.search(text) and _may_miss_package(raised, kinds):
        return "Something is not installed where the tests ran"
    if "AssertionError" in kinds or raised.type == "Failed":
        return about if _CONNECTION_TEXT.search(text) else ""
    if kinds & _CREDENTIAL_TYPES:
        return "Credentials are missing"
    if _CONNECTION_TEXT.search(text) or (kinds & _CONNECTION_TYPES and not _said_by_code(raised)):
        return about
    if _OS_ERRORS & kinds or "urllib.error.URLError" in kinds or raised.type.endswith("OperationalError"):
        if _REFUSED_TEXT.search(text):
            return about
        if kinds & _TIMEOUTS and _connects(raised):
            return about
        if ("PermissionError" in kinds and not _said_by_code(raised)) or _PLACE_TEXT.search(text):
            return "The environment forbids or lacks what the code needs"
    if _misses_variable(raised, kinds):
        return "An environment variable is missing"
    return ""


def _said_by_code(raised: RaisedException) -> bool:
    """Whether a `raise` of the repository's code says so of its own, and no call to the system."""
    innermost = raised.frames[-1] if raised.frames else None
    return (innermost is not None and innermost.in_app and innermost.source.lstrip().startswith("raise")
            and "[Errno" not in raised.message)


def _may_miss_package(raised: RaisedException, kinds: set[str]) -> bool:
    """Whether an exception is of a kind by which code tells of a package that it needs. An assertion is a library's."""
    if "AssertionError" in kinds:
        return bool(raised.frames) and not raised.frames[-1].in_app
    return bool(kinds & {"RuntimeError", "ImportError"})


def _connects(raised: RaisedException) -> bool:
    return any(_CONNECTING.search(frame.function) for frame in raised.frames if not frame.in_app)


def _misses_variable(raised: RaisedException, kinds: set[str]) -> bool:
    if "KeyError" in kinds:
        innermost = raised.frames[-1] if raised.frames else None
        return innermost is not None and innermost.path in {"os.py", "<frozen os>"}
    return bool(_VARIABLE_TEXT.search(raised.message) and _MISSING.search(raised.message))


def _declared(raised: RaisedException, services: tuple[ServiceNeed, ...]) -> str:
    """The declared service that the error, or a line of code on its way, names by its address."""
    text = "\n".join((raised.message, *(frame.source for frame in raised.frames if frame.in_app)))
    for service in services:
        host, _, port = service.address.rpartition(":")
        if service.address in text or (port and re.search(rf"\b{re.escape(port)}\b", text)) or (
                host and host not in {"localhost", "127.0.0.1"} and host in text):
            return service.name
    return ""


_MODULE = re.compile(r"No module named '?([\w.]+)'?")


def missing_module(raised: RaisedException) -> str:
    """The module that an import did not find; empty when the exception is none of that."""
    if "ModuleNotFoundError" not in {raised.type, *raised.bases} and raised.type != "Skipped":
        return ""
    found = _MODULE.search(raised.message)
    return found[1] if found else ""


_NEEDS = re.compile(r"\b(?i:requires?|needs?|without|no|set|export|provide|configure)\b(.{1,60})")
_NEEDED = re.compile(
    r"(?i:\bredis\b|postgres|mysql|mongo|kafka|rabbit|\bdatabase\b|credential|api[ _-]?key|\btoken\b|\bsecret\b|"
    r"\bnetwork\b|\binternet\b|docker|\b(?:live|running) (?:server|service|broker))|\b[A-Z][A-Z0-9]*_[A-Z0-9_]{2,}\b")
_VERSION = re.compile(r"\bversion\b|[<>=]=|\d\.\d|\bnewer\b|\bolder\b", re.IGNORECASE)
_ABSENT = re.compile(
    r"(?:is |are |was |were )?(?:not |un)(?:available|reachable|running|installed|configured|set\b|responding|"
    r"accessible|ready|up\b|present|connected)|"
    r"(?:can(?:no|')t|could not|cannot|failed to|unable to) (?:connect|reach|import)|offline|\bdown\b|refused|missing|"
    r"absent|no connection|not? .{0,30}(?:available|reachable|running)|timed? ?out",
    re.IGNORECASE)
_INFRASTRUCTURE = re.compile(
    r"redis|postgres|mysql|mongo|kafka|rabbit|broker|database|\bdb\b|server|service|network|internet|docker|gcp|"
    r"google|aws|credential|token|api[ _-]?key|secret|environment|\benv\b|connection|host|websocket|staging|"
    r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]{2,}\b|No module named|could not import", re.IGNORECASE)


def skip_hides_environment(reason: str, services: tuple[ServiceNeed, ...]) -> str:
    """What a skip's reason says is missing, as a clause; empty when it speaks of something else."""
    needs = not _VERSION.search(reason) and any(_NEEDED.search(each[1]) for each in _NEEDS.finditer(reason))
    if not needs and not _ABSENT.search(reason):
        return ""
    for service in services:
        if service.name.lower() in reason.lower() or service.address in reason:
            return f"the service `{service.name}` is missing"
    return "something of the environment is missing" if needs or _INFRASTRUCTURE.search(reason) else ""


_SIGNATURE = re.compile(
    r"\w\(\) (?:got an unexpected keyword argument|missing \d+ required|takes no |got multiple values for|"
    r"takes (?:exactly |at most |at least |from )?\d+|got some positional-only)|^takes \d+ positional")
_NO_AWAIT = re.compile(r"can't be used in 'await' expression|a coroutine was expected, got|object \S+ can't be used in"
                       r"|An asyncio\.Future, a coroutine or an awaitable is required")
_NO_MANAGER = re.compile(r"does not support the (?:asynchronous )?context manager protocol|"
                         r"requires an object with __aiter__|'coroutine' object (?:is not|has no|does not)|"
                         r"object is not (?:callable|iterable|subscriptable)")
_HELD = re.compile(r"TypeError\(|got an unexpected keyword argument|can't be used in 'await' expression|"
                   r"missing \d+ required (?:positional|keyword-only) argument")
_DOUBLE = re.compile(r"\b(?:Magic|Async|NonCallable|NonCallableMagic)?Mock\b")
_UNKNOWN = {"AttributeError": "uses an attribute that does not exist", "NameError": "uses an unknown name",
            "ImportError": "imports a name that does not exist"}


def wrong_call(raised: RaisedException) -> WrongCall | None:
    """The caller's mistake that an exception tells of: signature, sync for async, unknown name; else None.

    It is the test's mistake when its innermost frame is the test's, or when a double of the test made it.
    """
    kinds = {raised.type, *raised.bases}
    if "TypeError" in kinds:
        by_double = bool(_DOUBLE.search(raised.message))
        if _SIGNATURE.search(raised.message):
            return WrongCall("calls with arguments that the signature does not have", by_double)
        if _NO_AWAIT.search(raised.message):
            return WrongCall("awaits what cannot be awaited", by_double)
        if _NO_MANAGER.search(raised.message):
            return WrongCall("uses a value as what it is not", by_double)
    for kind, words in _UNKNOWN.items():
        if kind in kinds:
            return WrongCall(words, kind == "AttributeError" and bool(_DOUBLE.search(raised.message)))
    return None


def mentioned_mistake(message: str) -> str:
    """The line of an assertion's message that quotes a wrong call: many failures that were counted, say; else empty."""
    for line in message.splitlines():
        if _HELD.search(line) and (_SIGNATURE.search(line) or _NO_AWAIT.search(line)):
            return line.strip()[:200]
    return ""
