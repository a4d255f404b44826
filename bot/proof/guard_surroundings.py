"""Fix guard: code that behaves in another way where it is tested, or in one environment."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile
from bot.proof.trees import is_log

_VARIABLES = {
    "CI", "TESTING", "TEST", "IS_TEST", "UNIT_TEST", "UNDER_TEST", "TEST_MODE", "UNITTEST", "GITHUB_ACTIONS",
    "GITLAB_CI", "CIRCLECI", "TRAVIS", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD", "TOX_ENV_NAME", "BUILDKITE",
    "CODEBUILD_BUILD_ID", "BUILD_ID", "NOX_CURRENT_SESSION", "COVERAGE_RUN",
}
_CERTAIN = _VARIABLES - {"TEST", "BUILD_ID"}
_MODULES = {"pytest", "unittest", "_pytest", "nose", "hypothesis", "py.test"}
_DOUBLES = re.compile(
    r"^(Magic|Async|NonCallable)?Mock\w*$|^(Fake|Stub|Dummy)[A-Z]\w*$|^assert_(called|awaited)|^mock_calls$")
_TESTER = re.compile(r"(?<![a-z])(pytest|unittest)(?![a-z])|^test_|_called_from_test|^/?tests?/$", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"(^|_)(env|environment|stage|deployment|profile)$", re.IGNORECASE)
_PLACES = {"test", "tests", "testing", "ci", "staging", "stage", "dev", "development", "local", "prod", "production",
           "pytest", "unittest"}
_FLAGS = re.compile(
    r"^(is_|under_|in_)?(testing|test_mode|unit_?test(s|ing)?|pytest|under_test|in_tests?|ci)$", re.IGNORECASE)
_CASES = {"lower", "upper", "strip", "casefold"}
_COPIES = {"dict", "copy", "OrderedDict", "ChainMap", "list", "set"}
_STACK = {"stack", "_getframe", "currentframe", "extract_stack", "walk_stack", "gettrace"}


@dataclass
class _Scope:
    """What the names of a module may stand for: texts, and the environment itself."""

    texts: dict[str, set[str]] = field(default_factory=dict)
    environments: set[str] = field(default_factory=set)
    getters: set[str] = field(default_factory=set)
    helpers: set[str] = field(default_factory=set)


def test_detection(file: ChangedFile) -> Iterator[GuardFinding]:
    """New questions whether this is a test or which environment it is, by any name."""
    known = Counter(what for what, _ in _detections(file.before))
    for what, node in _detections(file.after):
        if known[what]:
            known[what] -= 1
        elif what.startswith("environment ("):
            yield file.finding(
                "environment-special-case", f"The code now does something else in one {what}.", node, hard=True
            )
        else:
            yield file.finding(
                "test-detection", f"The code now asks whether it is being tested ({what}).", node, hard=True
            )


def _detections(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    scope = _scope(tree)
    skipped = _said_only(tree)
    for node in ast.walk(tree):
        if id(node) not in skipped:
            yield from ((what, node) for what in _asked(node, scope))


def _asked(node: ast.AST, scope: _Scope) -> Iterator[str]:
    """What a node asks of the surroundings."""
    match node:
        case ast.Import() | ast.ImportFrom():
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"import of {name}" for name in names if name.partition(".")[0] in _MODULES)
        case ast.Compare():
            yield from _compared(node, scope)
        case ast.Call():
            yield from _called(node, scope)
        case ast.Subscript():
            if _is_environment(node.value, scope):
                yield from _variables(node.slice, scope)
            elif last_name(node.value).lower() in {"config", "settings", "options", "conf", "flags"}:
                yield from (f"setting {name}" for name in sorted(_texts(node.slice, scope)) if _FLAGS.match(name))
        case ast.Attribute(ctx=ast.Load()):
            if _FLAGS.match(node.attr) and not isinstance(node.value, ast.Call):
                yield f"flag {node.attr}"
            elif node.attr in _STACK and last_name(node.value) in {"inspect", "sys", "traceback"}:
                yield f"the stack, by {node.attr}"
        case ast.Constant(value=str() as text) if _telling(text):
            yield f"text {text!r}"


def _telling(text: str) -> bool:
    return text.startswith("PYTEST_") or text in _MODULES - {"hypothesis", "nose"} or text == "_called_from_test" \
        or bool(_DOUBLES.match(text))


def _said_only(tree: ast.Module) -> set[int]:
    """Docstrings, and what is only logged or raised as a message."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and (isinstance(node.value, ast.Constant) or is_log(node.value)):
            found.update(id(item) for item in ast.walk(node.value))
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found.update(id(item) for part in node.exc.args for item in ast.walk(part)
                         if isinstance(item, ast.Constant))
    return found


def _scope(tree: ast.Module) -> _Scope:
    scope = _Scope(environments={"environ", "environb"}, getters={"getenv", "getenvb"})
    nodes = list(ast.walk(tree))
    for alias in (alias for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names):
        for kind in (scope.environments, scope.getters):
            if alias.name in kind:
                kind.add(alias.asname or alias.name)
    given = [pair for node in nodes for pair in _given(node)]
    for _ in range(3):  # a name for a name for a name
        for name, value in given:
            if _is_environment(value, scope):
                scope.environments.add(name)
            elif last_name(value) in scope.getters and not isinstance(value, ast.Call):
                scope.getters.add(name)
            elif texts := _texts(value, scope):
                known = scope.texts.setdefault(name, set())
                if len(known) < 50:
                    known |= texts
    scope.helpers.update(name for name, value in given if isinstance(value, ast.Lambda) and _is_helper(value, scope))
    scope.helpers.update(node.name for node in nodes
                         if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_helper(node, scope))
    return scope


def _is_helper(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope) -> bool:
    """Whether a function asks the environment for what it is given."""
    taken = {arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    return any(isinstance(key, ast.Name) and key.id in taken for key in _keys(node, scope))


def _given(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names that a node binds, and to what: of a loop over texts, each of them."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name | ast.Attribute):
                yield last_name(target), node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield last_name(node.target), node.value
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and isinstance(node.target, ast.Name) \
            and isinstance(node.iter, ast.Tuple | ast.List | ast.Set):
        for item in node.iter.elts:
            yield node.target.id, item


def _texts(node: ast.AST, scope: _Scope) -> set[str]:
    """The texts that an expression may be, as far as constants and names of constants say."""
    match node:
        case ast.Constant(value=str() as text):
            return {text}
        case ast.Constant(value=bytes() as raw):
            return {raw.decode("latin-1")}
        case ast.Name():
            return scope.texts.get(node.id, set())
        case ast.Attribute():
            return scope.texts.get(node.attr, set()) if last_name(node.value) in {"self", "cls"} else set()
        case ast.BinOp(op=ast.Add()):
            return _some({one + two for one in _texts(node.left, scope) for two in _texts(node.right, scope)})
        case ast.JoinedStr():
            found = {""}
            for part in node.values:
                inner = part.value if isinstance(part, ast.FormattedValue) else part
                found = _some({one + two for one in found for two in _texts(inner, scope)})
            return found
        case ast.Call(func=ast.Attribute(attr="join", value=glue), args=[ast.Tuple() | ast.List() as parts]):
            found = {""}
            for glued in _texts(glue, scope):
                for number, part in enumerate(parts.elts):
                    found = _some({one + (glued if number else "") + two
                                   for one in found for two in _texts(part, scope)})
            return found
        case ast.Call(func=ast.Attribute(attr=("upper" | "lower" | "strip") as how, value=inner), args=[]):
            return {getattr(text, how)() for text in _texts(inner, scope)}
    return set()


def _some(texts: set[str]) -> set[str]:
    return set(sorted(text for text in texts if len(text) < 100)[:20])


def _is_environment(node: ast.AST, scope: _Scope) -> bool:
    if isinstance(node, ast.Call) and last_name(node.func) in _COPIES:
        of = node.func.value if isinstance(node.func, ast.Attribute) and not node.args else None
        return any(_is_environment(part, scope) for part in (*node.args, *((of,) if of is not None else ())))
    return isinstance(node, ast.Name | ast.Attribute) and last_name(node) in scope.environments


def _keys(tree: ast.AST, scope: _Scope) -> Iterator[ast.expr]:
    """What the environment is asked for in a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_environment(node.value, scope):
            yield node.slice
        elif isinstance(node, ast.Call) and node.args and _asks_environment(node, scope):
            yield node.args[0]
        elif isinstance(node, ast.Compare) and any(_is_environment(side, scope) for side in node.comparators):
            yield node.left


def _asks_environment(node: ast.Call, scope: _Scope) -> bool:
    if isinstance(node.func, ast.Attribute) and _is_environment(node.func.value, scope):
        return node.func.attr in {"get", "pop", "setdefault", "__getitem__", "__contains__"}
    return last_name(node.func) in scope.getters


def _variables(key: ast.AST, scope: _Scope, names: Set[str] = _VARIABLES) -> Iterator[str]:
    for text in sorted(_texts(key, scope)):
        if text.upper() in names or text.upper().startswith("PYTEST"):
            yield f"environment variable {text}"


def _called(node: ast.Call, scope: _Scope) -> Iterator[str]:
    name = last_name(node.func)
    if node.args and (_asks_environment(node, scope) or name in scope.helpers):
        for key in (*node.args, *(word.value for word in node.keywords)) if name in scope.helpers else node.args[:1]:
            yield from _variables(key, scope)
    elif re.search(r"env|flag|config|setting", name, re.IGNORECASE):
        for key in node.args:
            yield from _variables(key, scope, _CERTAIN)
    if name in {"isinstance", "issubclass", "hasattr", "getattr"} and len(node.args) > 1:
        kinds = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
        yield from (f"whether it is given a {last_name(kind)}" for kind in kinds
                    if _DOUBLES.match(last_name(kind)) and name.startswith("is"))
    elif name in {"startswith", "endswith", "find_spec", "search", "match"} and node.args:
        for text in sorted(_texts(node.args[0], scope)):
            if _TESTER.search(text) and not _telling(text):
                yield f"name {text!r}"


def _compared(node: ast.Compare, scope: _Scope) -> Iterator[str]:
    sides = (node.left, *node.comparators)
    if any(_is_environment(side, scope) for side in node.comparators):
        yield from _variables(node.left, scope)
    for side in sides:
        if _is_place(side, scope):
            for other in sides:
                parts = other.elts if isinstance(other, ast.Tuple | ast.List | ast.Set) else [other]
                places = sorted(text for part in parts for text in _texts(part, scope) if text.lower() in _PLACES)
                if other is not side and places:
                    yield f"environment ({', '.join(places)})"
    if any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
        for text in sorted(_texts(node.left, scope)):
            if _TESTER.search(text) and not _telling(text):
                yield f"name {text!r}"


def _is_place(node: ast.expr, scope: _Scope) -> bool:
    """Whether an expression is the name of the environment: `os.getenv("ENV")`, `settings.environment`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CASES:
        return _is_place(node.func.value, scope)
    if isinstance(node, ast.Call) and node.args and _asks_environment(node, scope):
        return any(_ENVIRONMENT.search(text) for text in _texts(node.args[0], scope))
    if isinstance(node, ast.Subscript) and _is_environment(node.value, scope):
        return any(_ENVIRONMENT.search(text) for text in _texts(node.slice, scope))
    return isinstance(node, ast.Name | ast.Attribute) and bool(_ENVIRONMENT.search(last_name(node)))
