"""Where a test's code reaches for a server: fixed addresses, clients, and servers that it starts itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from bot.audit.reading.checks import handler_names
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, is_name, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import ModuleInfo, Program
from bot.audit.reading.references import Bound, Coroutine, Made, Reference, is_product
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode, Source
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
        "TransportError",
        "NetworkError",
        "NoServersError",
        "AMQPConnectionError",
        "EndpointConnectionError",
        "BrokenPipeError",
        "ConnectionResetError",
        "ConnectionAbortedError",
        "InvalidStatus",
        "InvalidHandshake",
    }
)
"""Names of exceptions that say that a server is not there."""

_TIMEOUTS = frozenset(
    {
        "TimeoutError",
        "timeout",
        "TimeoutException",
        "ReadTimeout",
        "Timeout",
        "HTTPError",
        "RequestException",
        "RequestError",
        "ClientError",
        "RedisError",
    }
)
"""Names that a wrapper of a client catches beside those; alone they say too little."""

LOOPBACK = re.compile(r"^(localhost|127(?:\.\d+){3}|0\.0\.0\.0|::1|\[::1\])$", re.IGNORECASE)
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
    r"((?<![a-z])serve|(?<!ob)server|start_server|start_unix_server|listen|bind|HTTPServer|TCPServer|Popen|uvicorn|create_server|"
    r"create_subprocess|TestServer|TestClient|LiveServer|run_server|Container|MockTransport|ASGITransport)",
    re.IGNORECASE,
)
_PROVIDES = re.compile(
    r"server|port|url|host|service|redis|broker|container|postgres|database|httpx|requests|mock|"
    r"transport|client|connection|network|socket",
    re.IGNORECASE,
)
_RESERVED = re.compile(
    r"\.(invalid|test|example|localhost)$|^example\.(com|org|net)$|\.example\.(com|org|net)$|"
    r"^(192\.0\.2|198\.51\.100|203\.0\.113)\.|^0\.0\.0\.[1-9]|^(nonexist|no-such|does-not-exist|unreachable)",
    re.IGNORECASE,
)
_FIRST_USED_PORT = 20
_QUESTION = re.compile(r"availab|running|reachab|alive|is_up|ping|online|^is_|^check|^has_|^can_", re.IGNORECASE)
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
        return bool(LOOPBACK.match(self.host))

    @property
    def reserved(self) -> bool:
        """Whether nothing can answer there by agreement (RFC 6761 and 5737 names, ports that stay closed)."""
        return bool(_RESERVED.search(self.host)) or (self.port is not None and self.port < _FIRST_USED_PORT)


def _calls(view: View) -> Iterator[tuple[ast.Call, Scope]]:
    """The calls of the test and of the test code it leads to, each with the scope that resolves it."""
    for node in view.calls:
        yield node, view.bare_scope
    for function in view.reach.functions:
        if not function.module.product:
            scope = Scope.of(view.program, function.module, (*function.outer, function.node), function.owner)
            for node in every(function.node, ast.Call):
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
        key = ("addresses", call, scope)
        if key not in view.program.memo:
            view.program.memo[key] = tuple(_given_to(scope, call))
        yield from view.program.memo[key]


def _given_to(scope: Scope, call: ast.Call) -> Iterator[Address]:
    if not _is_client(scope, call) and not _leads_to_client(scope, call):
        return
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
    if ((match["scheme"] or "").lower() in _SCHEMES) or (port and LOOPBACK.match(host)):
        return host, int(port) if port else None
    if not LOOPBACK.match(host):
        return None
    for _, number in values:
        if isinstance(number, int) and not isinstance(number, bool) and 1024 <= number <= 65535:
            return host, number
    return None


def _is_client(scope: Scope, call: ast.Call) -> bool:
    if _CLIENTS.match(scope.dotted(call.func) or _imported_twice(scope, call.func)):
        return True
    if not isinstance(call.func, ast.Attribute):
        return False
    if is_name(call.func.value, "self") and scope.cls is not None and _falls_back(scope.cls).get(call.func.attr):
        return True
    owner = scope.resolve(call.func.value)
    return isinstance(owner, Made) and bool(_CLIENTS.match(owner.by) or _CLIENTS.match(f"{owner.by}.{call.func.attr}"))


def _falls_back(cls: ClassInfo) -> dict[str, str]:
    """The attributes that hold a network client unless the constructor was given another, with the parameter's name.

    `self._open = opener or asyncio.open_connection`, or a parameter whose default is one.
    """
    key = ("falls back", cls.node)
    if key in cls.module.program.memo:
        known: dict[str, str] = cls.module.program.memo[key]
        return known
    found: dict[str, str] = {}
    for item in cls.order:
        init = item.method("__init__") if item.module.product else None
        if init is None:
            continue
        scope = Scope.of(item.module.program, init.module, (init.node,), init.owner)
        arguments = init.node.args
        defaults = dict(zip(reversed(arguments.args), reversed(arguments.defaults), strict=False))
        defaults |= {one: two for one, two in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if two}
        clients = {one.arg for one, two in defaults.items() if _names_client(scope, two)}
        taken = {one.arg for one in (*arguments.args, *arguments.kwonlyargs)}
        for name, values in item.set_by_methods.items():
            for value in values:
                if value is None:
                    continue
                names = [part.id for part in every(value, ast.Name) if part.id in taken]
                choice = isinstance(value, ast.BoolOp | ast.IfExp)
                other = choice and any(_names_client(scope, part) for part in every(value, ast.Attribute, ast.Name))
                if names and (other or (isinstance(value, ast.Name) and value.id in clients)):
                    found.setdefault(name, names[0])
    cls.module.program.memo[key] = found
    return found


def _names_client(scope: Scope, node: ast.expr) -> bool:
    return bool(_CLIENTS.match(scope.dotted(node) or _imported_twice(scope, node)))


def _hands_in_a_client(scope: Scope, call: ast.Call) -> bool:
    """Whether a product object is made with something in place of its network client or its transport."""
    cls = scope.resolve(call.func)
    if not isinstance(cls, ClassInfo) or not cls.module.product or (parameters := cls.constructor) is None:
        return False
    wanted = {*_falls_back(cls).values(), "transport"}
    names = [item.name for item in parameters.positional]
    given = {word.arg: word.value for word in call.keywords if word.arg} | dict(zip(names, call.args, strict=False))
    return any(not (isinstance(given[name], ast.Constant)) for name in wanted & given.keys())


def _imported_twice(scope: Scope, func: ast.expr) -> str:
    """The dotted name of something in a package of which several modules are imported (`urllib.error`, `.request`)."""
    root = func
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name) or root is func:
        return ""
    bound = scope.module.bindings.get(root.id, [])
    plain = len(bound) > 1 and all(isinstance(item, ast.alias) and item.asname is None for item in bound)
    return ast.unparse(func) if plain else ""


def _target(called: Reference) -> ClassInfo | FunctionInfo | None:
    if isinstance(called, Bound | Coroutine):
        return called.function
    return called if isinstance(called, ClassInfo | FunctionInfo) else None


def _leads_to_client(scope: Scope, call: ast.Call) -> bool:
    """Whether a call into the product gives an object, or enters a function, whose code opens connections."""
    called = scope.resolve(call.func)
    target = _target(called)
    return target is not None and is_product(called) and _opens(scope.program, target, 0)


def connecting(view: View, nodes: Iterable[ast.AST]) -> ast.Call | None:
    """The first call in some nodes of a test that opens a connection, or runs test or product code that does.

    A class that only keeps an address opens nothing by being made, unless it is a library's client.
    """
    for node in nodes:
        scope = _scope_at(view, node)
        for call in every(node, ast.Call):
            if _is_client(scope, call):
                return call
            target = _target(scope.resolve(call.func))
            if isinstance(target, FunctionInfo) and _opens(view.program, target, 0):
                return call
    return None


def _scope_at(view: View, node: ast.AST) -> Scope:
    """What resolves the names in a statement of the test, or of a helper that it uses."""
    module = view.program.home_of(node)
    source = module.source if module else view.source
    functions = [item for item in source.above(node) if isinstance(item, FunctionNode)]
    helper = next((body for body in view.helpers if functions and body.node is functions[-1]), None)
    if helper is None or module is None:
        return view.bare_scope
    return Scope.of(view.program, module, tuple(reversed(functions)), helper.scope.cls)


_REPLACED = ("requests", "aiohttp", "httpx", "urllib3", "http.client", "socket")


def _takes_the_place(program: Program) -> bool:
    """Whether the product is a stand-in for the network itself: it puts its own in the place of a client's methods."""
    key = "the product stands in for a client"
    if key not in program.memo:
        program.memo[key] = any(
            "mock" in module.source.text.lower() and _replaces_client(module) for module in program.product_modules
        )
    return bool(program.memo[key])


def _replaces_client(module: ModuleInfo) -> bool:
    clients = any(module.imports(name) for name in _REPLACED)
    for call in every(module.source.tree, ast.Call):
        first = call.args[0] if call.args else None
        name = last_name(call.func)
        text = str(first.value) if isinstance(first, ast.Constant) else ""
        if name == "patch" and text.startswith(tuple(f"{client}." for client in _REPLACED)):
            return True
        if name == "setattr" and clients and isinstance(first, ast.Name) and first.id not in {"self", "cls"}:
            return True
    return False


def served(view: View) -> bool:
    """Whether what a test connects to may be there: it starts or fakes a server, or is given one from elsewhere."""
    if has_server(view) or _takes_the_place(view.program):
        return True
    arguments = [*view.node.args.args, *view.node.args.kwonlyargs]
    return any(_PROVIDES.search(item.arg) and view.bare_scope.fixture(item.arg) is None for item in arguments)


def fixed_place(view: View, declared: Container[str] = ()) -> str:
    """The undeclared fixed address that a test connects to; "" when it gives none itself or the plan declares it."""
    for address in addresses(view):
        if str(address) not in declared and not address.reserved:
            return str(address)
    return ""


def outage_errors(program: Program) -> frozenset[str]:
    """Names of exceptions of the product that its code raises in place of an error of infrastructure."""
    if ("outage errors",) not in program.memo:
        found: set[str] = set()
        size = -1
        while len(found) != size:
            size = len(found)
            for module in program.product_modules:
                for node in every(module.source.tree, ast.Try):
                    opening = _inside_opening(program, module, node)
                    for handler in node.handlers:
                        if opening or handler_names(handler) & (INFRASTRUCTURE_ERRORS | _TIMEOUTS | found):
                            found |= _raised_for(program, module.source, node, handler)
        program.memo[("outage errors",)] = frozenset(found)
    known: frozenset[str] = program.memo[("outage errors",)]
    return known


def _inside_opening(program: Program, module: ModuleInfo, node: ast.Try) -> bool:
    """Whether a `try` of the product stands in a function that opens connections."""
    above = [item for item in module.source.above(node) if isinstance(item, FunctionNode | ast.ClassDef)]
    if not above or not isinstance(above[0], FunctionNode):
        return False
    cls = above[1] if len(above) > 1 else None
    owner = program.class_info(module, cls) if isinstance(cls, ast.ClassDef) else None
    return _opens(program, FunctionInfo(module, above[0], owner), 0)


def _raised_for(program: Program, source: Source, node: ast.Try, handler: ast.ExceptHandler) -> set[str]:
    """The product's exceptions that a handler raises, or the end of its function when the handler lets it go on."""
    raises = [item for statement in handler.body for item in every(statement, ast.Raise)]
    if not raises:
        function = next((item for item in source.above(node) if isinstance(item, FunctionNode)), None)
        last: ast.AST | None = function.body[-1] if function else None
        while isinstance(last, ast.With | ast.AsyncWith):
            last = last.body[-1]
        raises = [last] if isinstance(last, ast.Raise) else []
    names = {last_name(item.exc) for item in raises if item.exc is not None}
    function = next((item for item in source.above(node) if isinstance(item, FunctionNode)), None)
    later = {last_name(item.exc) for item in every(function, ast.Raise) if item.exc is not None} if function else set()
    for statement in handler.body:  # `last = Unavailable(...)`, raised after the last attempt
        for assign in every(statement, ast.Assign):
            if isinstance(assign.value, ast.Call) and {last_name(one) for one in assign.targets} & later:
                names.add(last_name(assign.value.func))
    return {item.node.name for item in program.classes if item.module.product and item.node.name in names}


def _opens(program: Program, target: ClassInfo | FunctionInfo, depth: int) -> bool:
    key = ("opens", target.node, depth)
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
    for node in every(function.node, ast.Call):
        if _is_client(scope, node):
            return True
        called = _target(scope.resolve(node.func))
        if depth < _MOST_DEPTH and called is not None and _opens(program, called, depth + 1):
            return True
    return False


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
    if any(_hands_in_a_client(scope, call) for call, scope in _calls(view)):
        return True
    called = (last_name(call.func) for call, _ in _calls(view))
    return any(_STARTERS.search(name) and not _QUESTION.search(name) for name in called)


def raised_on_purpose(view: View, name: str) -> bool:
    """Whether product code, or the test code that this test leads to, raises this exception or has a stand-in do it."""
    own: list[ast.AST] = [view.node, *(item.node for item in view.reach.functions if not item.module.product)]
    own += [item.node for item in view.reach.classes if not item.module.product]
    product = [item.source.tree for item in view.program.product_modules if name in item.source.text]
    for place in (*product, *own):
        for node in walk(place):
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
