"""A fixed address of a service that nobody declared and the test does not start."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.reading.references import is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.surroundings.levels import level_of, opted_in
from bot.audit.surroundings.network import INFRASTRUCTURE_ERRORS, Address, addresses, served
from bot.audit.view import View
from bot.domain.plan import Level

_CONNECTS = {
    "connect",
    "open",
    "start",
    "send",
    "ping",
    "get",
    "post",
    "fetch",
    "publish",
    "subscribe",
    "request",
    "__aenter__",
    "__enter__",
    "run",
    "login",
}


def _connects(view: View, call: ast.Call) -> bool:
    """Whether the address is used: by a client at once, or by a product object that is told to connect."""
    if not is_product(view.bare_scope.resolve(call.func)):
        return True
    return any(
        isinstance(node, ast.Call) and last_name(node.func) in _CONNECTS and isinstance(node.func, ast.Attribute)
        for node in view.nodes
    )


_PORTS = {
    6379: "redis", 5672: "amqp", 5432: "postgres", 3306: "mysql", 27017: "mongo", 2181: "zookeeper", 9092: "kafka",
    11211: "memcache", 4222: "nats",
}
"""The services that usually listen on a port (IANA's registry)."""
_TOO_COMMON = {"http", "https", "ws", "wss", "tcp"}


def _said_by_suite(view: View, found: Address) -> bool:
    """Whether the suite itself says that it needs this service: its conftest.py, or fixtures of that name."""
    text = found.node.value if isinstance(found.node, ast.Constant) else ""
    scheme = str(text).partition("://")[0].lower() if "://" in str(text) else ""
    word = scheme if scheme and scheme not in _TOO_COMMON else _PORTS.get(found.port or 0, "")
    if not word:
        return False
    if any(word in module.source.text.lower() for module in view.program.conftests):
        return True
    # Fixtures that are defined nowhere here come from a conftest.py that was not handed in, or from a plugin.
    tree = view.source.tree
    functions: list[FunctionNode] = [*every(tree, ast.FunctionDef), *every(tree, ast.AsyncFunctionDef)]
    asked = {item.arg for function in functions if function.name.startswith("test") for item in function.args.args}
    return any(word in name and view.bare_scope.fixture(name) is None for name in asked)


def _wants_refusal(view: View) -> bool:
    """Whether the test expects of all its connecting that nobody answers."""
    made = [call for call in view.calls if isinstance(call.func, ast.Attribute) and last_name(call.func) in _CONNECTS]
    return bool(made) and all(view.under_raises(call, *INFRASTRUCTURE_ERRORS) for call in made)


def _look(context: Context, view: View) -> Iterator[Found]:
    planned = context.planned(view.case)
    needs = set(planned.services) if planned else {service.name for service in context.services}
    declared = {service.address for service in context.services if service.name in needs}
    level = planned.level if planned is not None else level_of(context, view.case)
    found = next(
        (
            item
            for item in addresses(view)
            if str(item) not in declared and not item.reserved and _connects(view, item.call)
        ),
        None,
    )
    if found is None or served(view) or _wants_refusal(view):
        return
    severity = ERROR
    if level is Level.UNIT:
        why = "a unit test must not need a server"
    elif context.services or context.plan is not None:
        why = "neither the test nor a fixture starts it, and neither the plan nor bot.toml declares it"
    else:
        why = "neither the test nor a fixture starts it, and nothing declares it"
        said_so = level in {Level.INTEGRATION, Level.E2E} or _said_by_suite(view, found) or opted_in(view)
        severity = WARNING if said_so else ERROR
    yield found.call, f"`{said(found.call)}` needs a service at {found}: {why}", severity


RULE = Rule(
    id="undeclared-service",
    defect_class="undeclared-service",
    title="A service that nobody declared",
    rationale="The outcome depends on what happens to listen on that port of the machine.",
    hint="Start the service in a fixture on port 0, or declare it in the plan so that its absence is reported as such.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import Link


def test_address():
    assert Link('127.0.0.1', 6379).at == ('127.0.0.1', 6379)
""",
        implementation="""\
class Link:
    def __init__(self, host, port):
        self.at = host, port
""",
    ),
    bad=Example(
        test="""\
import socket
from product.service import parse


def test_ping():
    with socket.create_connection(('localhost', 6379)) as link:
        link.sendall(b'PING')
        assert parse(link.recv(10)) == 'PONG'


def test_link():
    link = socket.create_connection('localhost:6379')
    assert parse(link.recv(10)) == 'PONG'
""",
        implementation="""\
def parse(data):
    return data.decode().strip('+')
""",
    ),
)
