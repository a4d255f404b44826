"""The outcome depends on facts of the machine that the test does not set."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.reading.definitions import FunctionInfo, last_name
from bot.audit.reading.flat import every, own_nodes, walk
from bot.audit.reading.references import Bound, Coroutine, is_product
from bot.audit.reading.scope import Scope
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.surroundings.network import has_server
from bot.audit.view import View

_FACTS = {
    "os.cpu_count": "the number of processors",
    "multiprocessing.cpu_count": "the number of processors",
    "socket.gethostname": "the host's name",
    "socket.getfqdn": "the host's name",
    "platform.node": "the host's name",
    "os.uname": "the host",
    "getpass.getuser": "the user",
    "os.getlogin": "the user",
    "os.getuid": "the user",
    "os.getcwd": "the working folder",
    "pathlib.Path.cwd": "the working folder",
    "pathlib.Path.home": "the home folder",
    "locale.getlocale": "the locale",
    "locale.getdefaultlocale": "the locale",
    "time.tzname": "the time zone",
    "platform.system": "the system",
    "platform.machine": "the processor",
    "os.getloadavg": "the load",
    "psutil.cpu_count": "the number of processors",
    "psutil.virtual_memory": "the memory",
    "shutil.disk_usage": "the disk",
}
_MARKS = re.compile(r"^/\.dockerenv$|^/proc/(self|1)/|^/run/secrets|cgroup$|^/var/run/docker\.sock$")
_IDENTITY = {"gethostname", "getfqdn", "node", "getuser", "getlogin", "getuid"}
"""Facts that stand for themselves: where the product asks for the same one, it is the same on any machine."""
_SYSTEM = re.compile(r"^/(etc|proc|sys|usr|var|root|home|opt|bin|sbin|lib|boot)(/|$)")
_HOME = re.compile(r"^(/root/|/home/[^/{}]+/|/Users/[^/{}]+/|[A-Z]:\\Users\\)")
_PLATFORM_VARIABLES = re.compile(
    r"^(K_SERVICE|K_REVISION|GAE_\w+|GOOGLE_CLOUD_PROJECT|KUBERNETES_SERVICE_HOST|AWS_LAMBDA_\w+|AWS_EXECUTION_ENV|DYNO|"
    r"CI|GITHUB_ACTIONS|GITLAB_CI|HOSTNAME|USER|LOGNAME|HOME|TZ|LANG|LC_ALL|PWD|VIRTUAL_ENV|CODESPACES)$"
)
_READS = re.compile(r"^(open|scandir|listdir|walk|iterdir|r?glob|read_text|read_bytes|exists|is_file|is_dir|l?stat)$")
_ASKS = {"exists", "is_file", "is_dir", "read_text", "read_bytes", "isfile", "isdir", "stat", "open", "iterdir", "glob"}
_SHARED = re.compile(r"^(/var)?/tmp/.")
_SETS = {"chdir", "isolated_filesystem", "contextlib_chdir", "runpytest", "makepyfile"}
_FOLDERS = {"home", "cwd", "getcwd"}
_MOST_DEPTH = 3


def _facts_in(scope: Scope, node: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    """The facts of the machine that code asks for: where, which, and the name that a test would replace."""
    for call in every(node, ast.Call):
        name = scope.dotted(call.func)
        if name in _FACTS:
            yield call, _FACTS[name], name.rpartition(".")[2]
        elif last_name(call.func) in {"getenv", "get"} and call.args and _is_environment(scope, call):
            first = call.args[0]
            if variable := _variable(first):
                yield call, f"the variable {variable}", variable
    for text in every(node, ast.Constant):
        if isinstance(text.value, str) and _MARKS.search(text.value):
            yield text, text.value, text.value
    yield from _variables_in(scope, node)


def _variables_in(scope: Scope, node: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    """The variables of the machine that code reads from `os.environ`, or asks for in it."""
    for item in every(node, ast.Subscript):
        variable = _variable(item.slice)
        if variable and isinstance(item.ctx, ast.Load) and scope.dotted(item.value) == "os.environ":
            yield item, f"the variable {variable}", variable
    for compare in every(node, ast.Compare):
        variable = _variable(compare.left) if isinstance(compare.ops[0], ast.In) else ""
        if variable and scope.dotted(compare.comparators[0]) == "os.environ":
            yield compare, f"the variable {variable}", variable


def _variable(node: ast.expr) -> str:
    """The variable that tells of the machine which an expression names; "" for all else."""
    text = node.value if isinstance(node, ast.Constant) else None
    return text if isinstance(text, str) and _PLATFORM_VARIABLES.match(text) else ""


def _is_environment(scope: Scope, call: ast.Call) -> bool:
    if scope.dotted(call.func) in {"os.getenv", "os.environ.get"}:
        return True
    return isinstance(call.func, ast.Attribute) and scope.dotted(call.func.value) == "os.environ"


def _sets(view: View, name: str) -> bool:
    """Whether the test or what it runs of the tests' own code sets or replaces a fact."""
    if name in view.replaced or view.replaced & {"environ", "exists", "isfile", "is_file", "open", "path", "Path"}:
        return True
    folder = name in {"getcwd", "cwd"}
    for body in (view.body, *view.helpers):
        for call in body.every(ast.Call):
            called = last_name(call.func)
            if folder and called in _SETS:
                return True
            if any(word.arg == "clear" for word in call.keywords) or (
                called == "clear" and "environ" in ast.dump(call)
            ):
                return True
        about = body.every(ast.Attribute)
        writes = any(item.attr in {"setenv", "delenv", "environ", "putenv"} for item in about)
        if writes and not name.startswith("/") and any(text.value == name for text in body.every(ast.Constant)):
            return True
    decorators = [item for owner in (view.node, *view.case.classes) for item in owner.decorator_list]
    return any(text.value == name for item in decorators for text in every(item, ast.Constant))


def _sets_variables(view: View) -> bool:
    """Whether the test sets variables at all: which of them decide was thought of."""
    return any(
        last_name(call.func) in {"setenv", "delenv"}
        or (last_name(call.func) == "dict" and any(last_name(item) == "environ" for item in call.args))
        for call in (*view.calls, *(item for owner in view.node.decorator_list for item in every(owner, ast.Call)))
    )


def _in_test(view: View) -> Iterator[Found]:
    """Facts that the test itself asks for and that decide what it asserts."""
    scope = view.bare_scope
    for node, fact, name in _facts_in(scope, view.node):
        if _sets(view, name) or (name in _IDENTITY and _product_asks(view, name)):
            continue
        names = _names_of(view, node)
        if name in _FOLDERS and (_writes_there(view, names) or _changes(view) or _for_process(view, node)):
            continue
        for check in view.checks:
            test = predicate(check)
            if test is None:
                continue
            inside = set(walk(test)) if getattr(test, "_flat", None) else set(ast.walk(test))
            about = node in inside or any(item.id in names for item in inside if isinstance(item, ast.Name))
            if about and (_against_literal(view, test) or _asks_disk(test)):
                message = f"what is asserted depends on {fact} (`{said(node)}`), which the test does not set"
                # Where the product is told the same place, the place matters little.
                yield node, message, WARNING if name in _FOLDERS and _is_given(view, names, test) else ERROR
                break
        else:
            branch = next(
                (
                    item
                    for item in view.every(ast.If)
                    if node in walk(item.test) or any(name_node.id in names for name_node in every(item.test, ast.Name))
                ),
                None,
            )
            if branch is not None and _MARKS.search(fact) and any(check in walk(branch) for check in view.checks):
                yield node, f"what is asserted depends on {fact}, which the test does not set"


def _product_asks(view: View, name: str) -> bool:
    """Whether product code asks for a fact too."""
    return any(
        last_name(call.func) == name
        for module in view.program.product_modules
        if name in module.source.text
        for call in every(module.source.tree, ast.Call)
    )


def _for_process(view: View, node: ast.AST) -> bool:
    """Whether the folder is just where another process is started, which it would be without a word too."""
    starts = {item for call in view.calls for word in call.keywords if word.arg == "cwd" for item in walk(word.value)}
    if node in starts:
        return True
    names = {target.id for assign in view.every(ast.Assign) if node in walk(assign.value)
             for target in assign.targets if isinstance(target, ast.Name)}
    uses = [item for item in view.every(ast.Name) if item.id in names and isinstance(item.ctx, ast.Load)]
    return bool(uses) and all(item in starts for item in uses)


def _writes_there(view: View, names: set[str]) -> bool:
    """Whether the test itself writes the files that it looks at: what the machine had there does not count."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in {"write_text", "write_bytes", "touch", "mkdir", "unlink"}
        and last_name(call.func.value) in names
        for call in view.calls
    )


def _changes(view: View) -> bool:
    """Whether the test asserts that something is first not there and then is, or the other way round."""
    wanted: dict[str, set[bool]] = {}
    for check in view.checks:
        test, positive = predicate(check), True
        while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, positive = test.operand, not positive
        if test is not None:
            wanted.setdefault(ast.dump(test), set()).add(positive)
    return any(len(both) == 2 for both in wanted.values())


def _is_given(view: View, names: set[str], test: ast.expr) -> bool:
    """Whether a value that the test made is an argument of a call outside the assertion."""
    inside = set(ast.walk(test))
    return any(
        last_name(argument) in names or any(item.id in names for item in every(argument, ast.Name))
        for call in view.calls
        if call not in inside and last_name(call.func) not in {*_ASKS, "Path", "join", "str", "resolve"}
        for argument in (*call.args, *(word.value for word in call.keywords))
    )


def _names_of(view: View, node: ast.AST) -> set[str]:
    names: set[str] = set()
    for _ in range(3):
        for assign in view.every(ast.Assign):
            parts = walk(assign.value)
            if node in parts or any(isinstance(item, ast.Name) and item.id in names for item in parts):
                names.update(last_name(target) for target in assign.targets)
    return names - {""}


def _against_literal(view: View, test: ast.expr) -> bool:
    """Whether a fact alone is compared with something written in the test; the product may give the same fact."""
    if not isinstance(test, ast.Compare):
        if isinstance(test, ast.Call) and any(True for _ in every(test, ast.GeneratorExp)):
            return False  # it is looked for among other things, which the product may have by the same fact
        return isinstance(test, ast.Call | ast.Name) and not any(
            is_product(view.bare_scope.resolve(call.func)) for call in every(test, ast.Call)
        )
    sides = [test.left, *test.comparators]
    literal = any(isinstance(side, ast.Constant) for side in sides)
    product = any(is_product(view.bare_scope.resolve(call.func)) for side in sides for call in every(side, ast.Call))
    return literal and not product


def _asks_disk(test: ast.expr) -> bool:
    return any(isinstance(item, ast.Call) and last_name(item.func) in _ASKS for item in ast.walk(test))


def _entered(view: View, expression: ast.AST) -> Iterator[tuple[ast.Call, FunctionInfo]]:
    for call in every(expression, ast.Call):
        found = view.bare_scope.resolve(call.func)
        function = found.function if isinstance(found, Bound | Coroutine) else found
        if isinstance(function, FunctionInfo) and function.module.product:
            yield call, function


def _values(view: View, test: ast.expr) -> Iterator[ast.AST]:
    """An asserted expression and what the names in it were set to."""
    yield test
    for name in (item for item in ast.walk(test) if isinstance(item, ast.Name)):
        bindings = view.bare_scope.bound(view.node).get(name.id, [])
        if len(bindings) == 1 and bindings[0][0] == "value":
            yield bindings[0][1]


def _in_product(view: View) -> Iterator[Found]:
    """Facts that a product function gives back or decides by, compared with a literal."""
    for check in view.checks:
        test = predicate(check)
        if test is None or not (isinstance(test, ast.Compare) or not isinstance(check, ast.Call)):
            continue
        compared = isinstance(test, ast.Compare) and any(
            isinstance(side, ast.Constant) for side in (test.left, *test.comparators)
        )
        plain = isinstance(test, ast.Name | ast.Call | ast.UnaryOp)
        if isinstance(test, ast.Call) and last_name(test.func) in {"isinstance", "hasattr", "callable"}:
            continue
        if not (compared and isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq | ast.Is)) and not plain:
            continue
        for value in _values(view, test):
            for call, function in _entered(view, value):
                if found := _given_back(view, function, call):
                    fact, name = found
                    same = name in _IDENTITY and any(last_name(asked.func) == name for asked in view.calls)
                    if not same and not _sets(view, name) and not _sets_variables(view):
                        message = (
                            f"`{function.qualname}` goes by {fact}, which the test does not set: what is asserted "
                            "holds on some machines only"
                        )
                        yield check, message
                        return


def _given_back(view: View, function: FunctionInfo, call: ast.Call) -> tuple[str, str] | None:
    """The fact by which a product function that is given nothing decides what it returns."""
    if call.args or call.keywords:
        return None
    scope = Scope.of(view.program, function.module, (*function.outer, function.node), function.owner)
    key = ("facts", function.node)
    if key not in view.program.memo:
        view.program.memo[key] = tuple(
            (fact, name) for node, fact, name in _facts_in(scope, function.node) if _returned(function, node)
        )
    known: tuple[tuple[str, str], ...] = view.program.memo[key]
    return known[0] if known else None


def _returned(function: FunctionInfo, node: ast.AST) -> bool:
    for item in own_nodes(function.node):
        if isinstance(item, ast.Return) and item.value is not None and node in walk(item.value):
            return True
        if isinstance(item, ast.If) and node in walk(item.test):
            return any(isinstance(part, ast.Return) for part in walk(item))
    return False


def _system_files(view: View) -> Iterator[Found]:
    """Folders of the machine that are given to product code which reads them."""
    for call in view.calls:
        paths = [
            item
            for item in (*call.args, *(word.value for word in call.keywords))
            if isinstance(item, ast.Constant) and isinstance(item.value, str) and _SYSTEM.match(item.value)
        ]
        paths += [
            inner
            for item in call.args
            if isinstance(item, ast.Call) and last_name(item.func) == "Path"
            for inner in item.args
            if isinstance(inner, ast.Constant) and _SYSTEM.match(str(inner.value))
        ]
        if not paths or view.under_raises(call) or view.replaced & {"open", "exists", "scandir", "listdir", "walk"}:
            continue
        found = view.bare_scope.resolve(call.func)
        function = found.function if isinstance(found, Bound) else found
        reads = isinstance(function, FunctionInfo) and function.module.product and _reads(view, function, 0)
        if reads and any(_wants_content(view, check, call) for check in view.checks):
            yield call, f"`{said(call)}` reads what the machine has in {paths[0].value!r}"


def _wants_content(view: View, check: ast.AST, call: ast.Call) -> bool:
    test = predicate(check)
    if test is None:
        return False
    names = _names_of(view, call)
    inside = list(ast.walk(test))
    about = call in inside or any(isinstance(item, ast.Name) and item.id in names for item in inside)
    refusal = isinstance(test, ast.UnaryOp) or (
        isinstance(test, ast.Compare)
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value in (None, False, 0, 403, 404)
    )
    return about and not refusal


def _reads(view: View, function: FunctionInfo, depth: int) -> bool:
    key = ("reads files", function.node)
    if key not in view.program.memo:
        view.program.memo[key] = False
        scope = Scope.of(view.program, function.module, (*function.outer, function.node), function.owner)
        for call in every(function.node, ast.Call):
            if _READS.match(last_name(call.func)):
                view.program.memo[key] = True
                break
            found = scope.resolve(call.func)
            inner = found.function if isinstance(found, Bound) else found
            if depth < _MOST_DEPTH and isinstance(inner, FunctionInfo) and _reads(view, inner, depth + 1):
                view.program.memo[key] = True
                break
    known: bool = view.program.memo[key]
    return known


def _home_written(view: View) -> Iterator[Found]:
    """A path under one user's home that the test expects without having given it."""
    given = [item.value for item in view.every(ast.Constant) if isinstance(item.value, str)]
    for check in view.checks:
        test = predicate(check)
        if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
            continue
        for side in (test.left, *test.comparators):
            text = side.value if isinstance(side, ast.Constant) else None
            if isinstance(text, str) and (home := _HOME.match(text)) and not _sets(view, "HOME"):
                others = [item for item in given if item is not text and home[0].rstrip("/\\") in item]
                outside = view.source.text.count(home[0].rstrip("/\\")) > 1
                if not others and not outside:
                    yield side, f"{text!r} is one user's home folder: HOME is not set by the test"


def _fixed_things(view: View) -> Iterator[Found]:
    """Fixed ports that are listened on, fixed names in the shared temporary folder."""
    for call in view.calls:
        if last_name(call.func) in {
            "bind",
            "start_server",
            "HTTPServer",
            "ThreadingHTTPServer",
            "TCPServer",
            "serve",
            "create_server",
        }:
            for item in (*call.args, *(word.value for word in call.keywords)):
                for number in every(item, ast.Constant):
                    if type(number.value) is int and 1024 <= number.value <= 65535 and has_server(view):
                        yield call, f"`{said(call)}` needs port {number.value} to be free on the machine", WARNING
        if last_name(call.func) in {"open", "Path"} and call.args and isinstance(call.args[0], ast.Constant):
            path = str(call.args[0].value)
            if _SHARED.match(path):
                yield call, f"`{said(call)}` uses a fixed name that other runs and users of the machine share", WARNING


def _look(context: Context, view: View) -> Iterator[Found]:
    if not view.checks:
        return
    yield from _in_test(view)
    yield from _in_product(view)
    yield from _system_files(view)
    yield from _home_written(view)
    yield from _fixed_things(view)


RULE = Rule(
    id="host-dependent",
    defect_class="host-dependent",
    title="The outcome depends on the machine",
    rationale="In a container, under another user or in another folder the same code gives another verdict.",
    hint="Set the fact in the test: monkeypatch.setenv, monkeypatch.chdir, tmp_path, a port of 0.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import environment


def test_container(monkeypatch):
    monkeypatch.setenv('K_SERVICE', 'web')
    assert environment() == 'cloud'
""",
        implementation="""\
import os


def environment():
    if os.environ.get('K_SERVICE'):
        return 'cloud'
    return 'local'
""",
    ),
    bad=Example(
        test="""\
from product.service import environment


def test_environment():
    assert environment() == 'local'
""",
        implementation="""\
import os


def environment():
    if os.path.exists('/.dockerenv'):
        return 'container'
    return 'local'
""",
    ),
)
