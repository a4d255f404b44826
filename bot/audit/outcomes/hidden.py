"""What a test met besides the exception that it ended with: addresses that gave no answer, and printed tracebacks."""

from __future__ import annotations

import builtins
import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from bot.domain.logs import LoggedException
from bot.domain.plan import Expectation, ServiceNeed
from bot.domain.suite import Connection, RaisedException, SeenWarning
from bot.logs.tracebacks import HEADER, parse_tracebacks

USUAL_PORTS = {
    1433: "SQL Server", 1521: "Oracle", 1883: "MQTT", 2181: "ZooKeeper", 2379: "etcd", 3306: "MySQL", 4222: "NATS",
    4566: "LocalStack", 5432: "PostgreSQL", 5671: "RabbitMQ", 5672: "RabbitMQ", 6379: "redis", 7687: "Neo4j",
    8085: "the Pub/Sub emulator", 8086: "InfluxDB", 8500: "Consul", 9042: "Cassandra", 9092: "Kafka",
    9200: "Elasticsearch", 11211: "memcached", 26257: "CockroachDB", 26379: "redis", 27017: "MongoDB",
    61616: "ActiveMQ",
}
"""Where services listen unless told otherwise."""
_USUAL_SOCKETS = re.compile(r"(docker\.sock|\.s\.PGSQL\.\d+|mysqld?\.sock|redis[\w-]*\.sock)$")
_GAVE_NO_ANSWER = {
    "refused": "{} refused the connection", "timed out": "{} did not answer in time",
    "unknown host": "{} is not known", "unreachable": "{} cannot be reached",
    "PermissionError": "{} may not be reached", "FileNotFoundError": "{} does not exist",
}
_MADE_UP = re.compile(r"(^|\.)(invalid|test|example|localhost)\.?$", re.IGNORECASE)
"""Names that are reserved so that nothing answers there (RFC 2606, RFC 6761): whoever asks for one means that."""
_ASKS_WHERE_IT_RUNS = re.compile(r"^(169\.254\.\d+\.\d+|metadata(\.google\.internal)?\.?|fd00:ec2::254)$")
"""The metadata servers of clouds. Libraries ask there whether they run in one, and no answer is an answer."""


class Outage(NamedTuple):
    """An address that gave no answer, and the service that is declared or usual there; empty when none is."""

    connection: Connection
    service: str

    @property
    def words(self) -> str:
        """As a clause."""
        at = self.connection.address
        place = f"{self.service} at {at}" if self.service else f"the address {at}"
        return _GAVE_NO_ANSWER[self.connection.error].format(place)


def missed(
    connections: Iterable[Connection], services: tuple[ServiceNeed, ...], *, lenient: bool = True,
) -> Outage | None:
    """The first address without an answer that tells of a missing service; None when there is none.

    One that the test process itself had listened at is its own affair, and so is a local one where no service is
    declared or usual. So is, when `lenient`, one that is reserved for having no answer.
    """
    for connection in connections:
        if connection.error not in _GAVE_NO_ANSWER or connection.own:
            continue
        host, port = _host_and_port(connection)
        service = _declared(connection, host, port, services)
        if service is None and host is None:
            service = _usual_socket(connection.address)
        elif service is None and host is not None:
            service = _usual(host, port, lenient)
        if service is not None:
            return Outage(connection, service)
    return None


def _host_and_port(connection: Connection) -> tuple[str | None, int]:
    """The host (None for a socket's path) and the port (0 where only a name was asked for)."""
    address = connection.address
    if connection.error == "unknown host":
        return address, 0
    host, _, port = address.rpartition(":")
    if address.startswith(("/", "@")) or not port.isdecimal() or len(port) > 5:
        return None, 0
    return host.strip("[]"), int(port)


def _declared(connection: Connection, host: str | None, port: int, services: tuple[ServiceNeed, ...]) -> str | None:
    for service in services:
        its_host, _, its_port = service.address.rpartition(":")
        its_host = its_host.strip("[]")
        if service.address == connection.address:
            return service.name
        if host is None or not its_host:
            continue
        same = host == its_host or (is_loopback(host) and is_loopback(its_host))
        if same and (its_port == str(port) or port == 0):
            return service.name
    return None


def _usual(host: str, port: int, lenient: bool) -> str | None:
    if is_loopback(host):
        return USUAL_PORTS.get(port)
    if _ASKS_WHERE_IT_RUNS.match(host) or (lenient and (_MADE_UP.search(host) or _is_unroutable(host))):
        return None
    return USUAL_PORTS.get(port, "")


def _usual_socket(path: str) -> str | None:
    return "" if _USUAL_SOCKETS.search(path) else None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    return host in {"localhost", "0.0.0.0", "::1", "::"} or host.startswith(("127.", "::ffff:127."))  # noqa: S104


def _is_unroutable(host: str) -> bool:
    """Whether an address can be nobody's: those kept for documentation and for later (RFC 5737, 3849, 1112)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_reserved or address.is_multicast or any(
        address.version == net.version and address in net for net in _FOR_DOCUMENTS)


_FOR_DOCUMENTS = tuple(map(ipaddress.ip_network, (
    "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.255.255.0/24", "2001:db8::/32")))

_OUTAGE_TYPE = re.compile(r"Connect|gaierror|herror|OSError|URLError|OperationalError|Unreachable|Unavailable|"
                          r"NoBrokers|NoServers|ServerSelection|Timeout")
_OUTAGE_WORDS = re.compile(
    r"refus|unreachab|unavailab|not.{0,5}available|outage|\bdown\b|offline|no.{0,3}route.{0,3}to.{0,3}host|Errno|"
    r"name.resolution|unknown.host|getaddrinfo|\bdns\b", re.IGNORECASE)


def foretells_outage(expectation: Expectation) -> bool:
    """Whether a prediction speaks of a service that does not answer."""
    return bool(_OUTAGE_TYPE.search(expectation.exception) or _OUTAGE_WORDS.search(expectation.message))


# Printed tracebacks

class Printed(NamedTuple):
    """An exception that was printed and not seen. Its frames have bare names of functions, and printed paths."""

    raised: RaisedException
    by: str


def printed_exceptions(text: str, by: str) -> list[Printed]:
    """The exceptions whose tracebacks a text holds, the one that was printed last first; `by` says whose they are."""
    return [Printed(raised_from(logged), by) for logged in reversed(parse_tracebacks(_moved_back(text)))]


_INDENTED = re.compile(rf"{re.escape(HEADER)}\n( +)  File \"")


def _moved_back(text: str) -> str:
    """The text without the indentation that pytest gives to all lines of an assertion's message but the first."""
    found = _INDENTED.search(text)
    return text if found is None else text.replace(f"\n{found[1]}", "\n")


def raised_from(logged: LoggedException) -> RaisedException:
    """A printed exception as one that was seen: its classes are known where Python itself has them."""
    return RaisedException(type=logged.type.removeprefix("builtins."), message=logged.message,
                           bases=bases_of(logged.type), frames=logged.frames)


_OTHER_BASES = {"gaierror": OSError, "herror": OSError, "timeout": TimeoutError, "Failed": Exception}


def bases_of(name: str) -> tuple[str, ...]:
    """The names of an exception's classes, its own first, as far as its name tells."""
    short = name.rpartition(".")[2]
    kind = getattr(builtins, short, None) or _OTHER_BASES.get(short)
    known = tuple(each.__name__ for each in kind.__mro__[:-1]) if isinstance(kind, type) else ()
    return tuple(dict.fromkeys((name, *known)))


def died_in_threads(warnings: Iterable[SeenWarning]) -> list[Printed]:
    """The exceptions of threads and of freed objects that pytest warned of."""
    found: list[Printed] = []
    for warning in warnings:
        if warning.category.endswith("PytestUnhandledThreadExceptionWarning"):
            found += printed_exceptions(warning.message, "a thread")
        elif warning.category.endswith("PytestUnraisableExceptionWarning"):
            found += printed_exceptions(warning.message, "a task")
    return found


_COPY = re.compile(r"^/.*?/tree/")
_TEMPORARY = re.compile(r"(^|/)(pytest-of-[^/]*|tmp[a-z0-9_]{8})/")


def at_home(path: str, known: Iterable[str], is_product: Callable[[str], bool]) -> str:
    """A printed path, which tells nothing of the repository's root, relative to that root as well as can be said."""
    if not path.startswith("/"):
        return path
    for each in known:
        if each and path.endswith(f"/{each}"):
            return each
    if _TEMPORARY.search(path):
        return path
    inside = _COPY.sub("", path, count=1)
    if inside != path:
        return inside
    parts = path.strip("/").split("/")
    return next((end for at in range(1, len(parts)) if is_product(end := "/".join(parts[at:]))), path)
