"""Where a test's code reaches for a server: fixed addresses, clients, and servers that it starts itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.program import Program
from bot.audit.references import Bound, is_product
from bot.audit.scope import Scope
from bot.audit.source import FunctionNode
from bot.audit.view import View

INFRASTRUCTURE_ERRORS = frozenset(
    {
        "ConnectionRefusedError",
        "ConnectionError",
        "OSError",
        "IOError",
        "gaierror",
        "herror",
        "ConnectError",
        "ConnectTimeout",
        "ClientConnectorError",
        "ClientConnectionError",
        "ClientOSError",
        "MaxRetryError",
        "NewConnectionError",
        "URLError",
        "OperationalError",
        "ServerSelectionTimeoutError",
        "NoBrokersAvailable",
        "InterfaceError",
        "ConnectionFailure",
        "ServiceUnavailable",
    }
)
"""Names of exceptions that say that a server is not there."""

_LOOPBACK = re.compile(r"^(localhost|127(?:\.\d+){3}|0\.0\.0\.0|::1|\[::1\])$", re.IGNORECASE)
_ADDRESS = re.compile(
    r"^(?:(?P<scheme>[a-z][a-z0-9+]*)://)?(?:[^/@\s]*@)?(?P<host>[A-Za-z0-9.-]+|\[::1\])(?::(?P<port>\d{2,5}))?(?:[/?#]\S*)?$"
)
_SCHEMES = {
    "http",
    "https",
    "ws",
    "wss",
    "redis",
    "rediss",
    "amqp",
    "postgres",
    "postgresql",
    "mysql",
    "mongodb",
    "nats",
    "tcp",
    "kafka",
    "grpc",
    "memcached",
}
_CLIENTS = re.compile(
    r"^(websockets\.(\w+\.)*connect|asyncio\.open_connection|socket\.create_connection|socket\.socket\.connect|"
    r"(requests|httpx)\.(get|post|put|patch|delete|head|options|request|Session|Client|AsyncClient|stream)|urllib\.request\.urlopen|"
    r"aiohttp\.(ClientSession|request)|redis\.(\w+\.)*(Redis|StrictRedis|from_url)|psycopg2?\.connect|asyncpg\.(connect|create_pool)|"
    r"pymongo\.MongoClient|pika\.\w+|http\.client\.HTTPS?Connection|websocket\.create_connection|grpc\.(aio\.)?insecure_channel)$"
)
_STARTERS = re.compile(
    r"(serve|start_server|start_unix_server|listen|bind|HTTPServer|TCPServer|Popen|uvicorn|create_server|"
    r"create_subprocess|TestServer|TestClient|LiveServer|run_server|Container|MockTransport|ASGITransport)",
    re.IGNORECASE,
)
_MOST_DEPTH = 3
_FAKES = {
    "responses",
    "respx",
    "requests_mock",
    "httpretty",
    "vcr",
    "aioresponses",
    "pytest_httpserver",
    "pytest_httpx",
    "fakeredis",
    "moto",
    "pook",
    "mocket",
}


@dataclass(frozen=True, eq=False)
class Address:
    """A fixed address in a test's code, and the call it is given to."""

    node: ast.AST
    call: ast.Call
    host: str
    port: int | None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine."""
        return bool(_LOOPBACK.match(self.host))


def _calls(view: View) -> Iterator[tuple[ast.Call, Scope]]:
    """The calls of the test and of the test code it leads to, each with the scope that resolves it."""
    for node in view.nodes:
        if isinstance(node, ast.Call):
            yield node, view.bare_scope
    for function in view.reach.functions:
        if not function.module.product:
            scope = Scope.of(view.program, function.module, (*function.outer, function.node), function.owner)
            for node in ast.walk(function.node):
                if isinstance(node, ast.Call):
                    yield node, scope


def _literal(scope: Scope, node: ast.expr) -> object:
    """The constant that an expression is or names; None for all else."""
    if isinstance(node, ast.Name):
        bindings = [value for function in scope.functions for _, value in scope.bound(function).get(node.id, [])]
        if not bindings and node.id in scope.module.bindings:
            symbol = scope.program.member(scope.module, node.id)
            return symbol.value if isinstance(symbol, ast.Constant) else None
        return bindings[0].value if len(bindings) == 1 and isinstance(bindings[0], ast.Constant) else None
    return node.value if isinstance(node, ast.Constant) else None


def addresses(view: View) -> Iterator[Address]:
    """The fixed addresses that the test gives to network clients, or to product code that leads to one."""
    for call, scope in _calls(view):
        if not _is_client(scope, call) and not _leads_to_client(scope, call):
            continue
        given = [item for argument in call.args for item in _flat(argument)]
        values = [(item, _literal(scope, item)) for item in (*given, *(word.value for word in call.keywords))]
        for node, value in values:
            if isinstance(value, str) and (found := _address(value, values)):
                yield Address(node, call, *found)


def _flat(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _address(value: str, values: list[tuple[ast.expr, object]]) -> tuple[str, int | None] | None:
    match = _ADDRESS.match(value)
    if match is None:
        return None
    host, port = match["host"], match["port"]
    if ((match["scheme"] or "").lower() in _SCHEMES) or (port and _LOOPBACK.match(host)):
        return host, int(port) if port else None
    if not _LOOPBACK.match(host):
        return None
    for _, number in values:
        if isinstance(number, int) and not isinstance(number, bool) and 1024 <= number <= 65535:
            return host, number
    return None


def _is_client(scope: Scope, call: ast.Call) -> bool:
    return bool(_CLIENTS.match(scope.dotted(call.func)))


def _leads_to_client(scope: Scope, call: ast.Call) -> bool:
    """Whether a call into the product gives an object, or enters a function, whose code opens connections."""
    called = scope.resolve(call.func)
    if not is_product(called) or not isinstance(called, ClassInfo | FunctionInfo | Bound):
        return False
    return _opens(scope.program, called.function if isinstance(called, Bound) else called, 0)


def _opens(program: Program, target: ClassInfo | FunctionInfo, depth: int) -> bool:
    key = ("opens", target.node)
    if key not in program.memo:
        program.memo[key] = False  # while it is being found out
        functions = (
            [target]
            if isinstance(target, FunctionInfo)
            else [
                FunctionInfo(item.module, node, item)
                for item in target.order
                for node in item.node.body
                if isinstance(node, FunctionNode)
            ]
        )
        program.memo[key] = any(_function_opens(program, function, depth) for function in functions)
    found: bool = program.memo[key]
    return found


def _function_opens(program: Program, function: FunctionInfo, depth: int) -> bool:
    scope = Scope.of(program, function.module, (*function.outer, function.node), function.owner)
    for node in ast.walk(function.node):
        if isinstance(node, ast.Call):
            if _is_client(scope, node):
                return True
            called = scope.resolve(node.func)
            if (
                depth < _MOST_DEPTH
                and isinstance(called, ClassInfo | FunctionInfo)
                and _opens(program, called, depth + 1)
            ):
                return True
    return False


def opens_network(view: View) -> ast.Call | None:
    """A call of a network client, made by the test's own code."""
    return next((call for call, scope in _calls(view) if _is_client(scope, call)), None)


def has_server(view: View) -> bool:
    """Whether the test's code seems to start a server of its own or to replace the network."""
    names = {name.partition(".")[0] for name in view.reach.external}
    if names & _FAKES or any(
        name in ast.dump(view.node.args) for name in ("httpx_mock", "httpserver", "requests_mock", "respx", "mocker")
    ):
        return True
    if view.reach.external & {"unittest.mock.patch", "unittest.mock.patch.object"} or view.replaced & {
        "open_connection",
        "create_connection",
        "connect",
        "urlopen",
        "get",
        "post",
        "request",
        "Redis",
        "socket",
    }:
        return True
    return any(_STARTERS.search(last_name(call.func)) for call, _ in _calls(view))


def raised_on_purpose(view: View, name: str) -> bool:
    """Whether product or test code raises this exception, or makes a stand-in raise it."""
    for module in view.program.by_path.values():
        if name not in module.source.text:
            continue
        for node in ast.walk(module.source.tree):
            if isinstance(node, ast.Raise) and node.exc is not None and last_name(node.exc) == name:
                return True
            if isinstance(node, ast.keyword) and node.arg == "side_effect" and last_name(node.value) == name:
                return True
            if (
                isinstance(node, ast.Assign)
                and last_name(node.targets[0]) == "side_effect"
                and last_name(node.value) == name
            ):
                return True
    return False
