"""What the code around a test stages: failures, things at the same time, calls made again, values of fields."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.audit.reading.checks import is_check
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import walk
from bot.audit.reading.source import FunctionNode
from bot.audit.vacuity.phrases import stem, words
from bot.audit.view import View

_FAILS = re.compile(
    r"fail|error|exception|refus|drop|lost|lose|kill|crash|flak|fault|abort|timeout|unavailable|broken|break|outage|"
    r"down$|raise|side$|reject|disconnect|unreachable|reset|stop|restart|shutdown|chaos|boom|corrupt|bad$|invalid|missing|"
    r"deny|throttl|unstable|interrupt|cancel|close|offline|explod|partial|wrong|patch|setattr|once$|then$|sequence|script",
    re.IGNORECASE)
_TOGETHER = re.compile(
    r"thread|gather|taskgroup|group$|soon|submit|executor|pool|fork|popen|subprocess|barrier|lock|semaphore|nursery|"
    r"completed|ensure|parallel|concurren|spawn|interleav|callback|hook|side$|greenlet|gevent|multiprocess|patch|setattr|"
    r"tasks?$|together|simultan|event$|queue|wait$",
    re.IGNORECASE)
_PASSES = re.compile(
    r"advance|tick|sleep|freez|travel|shift|move|past$|ago$|old|elaps|timedelta|patch|setattr|mock|monotonic|now$|time$|"
    r"clock|later|wait|expired$|skip|forward|jump|age$|stale|exp$|date|rewind|backdat|expir", re.IGNORECASE)
_PEEKS = re.compile(
    r"listdir|iterdir|r?glob|exists|stat$|ino$|rename|replace|inspect|rollback|savepoint|connection|spy|scandir|walk|"
    r"open$|leftover|mock|setattr",
    re.IGNORECASE)
_LOOPS = ast.For | ast.AsyncFor | ast.While | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_MARKS = {"asyncio", "anyio", "trio", "django_db", "fixture"}
_ERROR_STATUS = range(400, 600)


@dataclass(frozen=True, eq=False)
class Staging:
    """The nodes that run with a test, from the test files alone, and what they can bring about."""

    view: View

    @cached_property
    def roots(self) -> tuple[ast.AST, ...]:
        """The test, its parametrisation, and the functions and classes of the test files that it leads to."""
        functions = [item.node for item in self.view.reach.functions if not item.module.product]
        classes = [item.node for item in self.view.reach.classes if not item.module.product]
        return (self.view.node, *functions, *classes)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the roots but texts that stand alone and what is only printed."""
        found: dict[ast.AST, None] = {}
        for root in self.roots:
            bodies = [*getattr(root, "decorator_list", []), *getattr(root, "body", [])]
            if isinstance(root, FunctionNode):
                bodies += [item for item in (*root.args.defaults, *root.args.kw_defaults) if item is not None]
            for statement in bodies:
                if not _is_prose(statement):
                    found.update(dict.fromkeys(walk(statement)))
        return tuple(found)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The names and short texts of the code, the names of arguments included."""
        texts = []
        for node in self.nodes:
            texts += [item for item in _texts(node) if len(item) < 60]
        return tuple(texts)

    @cached_property
    def fixtures(self) -> tuple[str, ...]:
        """The names of what the test and its helpers are given."""
        return tuple(arg.arg for root in self.roots if isinstance(root, FunctionNode)
                     for arg in (*root.args.args, *root.args.kwonlyargs))

    @cached_property
    def fails(self) -> bool:
        """Whether anything in it may make something fail: an exception, a mock, a status, a name that says so."""
        return any(isinstance(node, ast.Raise | ast.Try) or (
            isinstance(node, ast.Constant) and type(node.value) is int and node.value in _ERROR_STATUS
        ) for node in self.chosen) or self._says(_FAILS) or any(
            isinstance(statement, ast.Raise) for root in self.roots if isinstance(root, FunctionNode)
            for statement in root.body)

    @cached_property
    def together(self) -> bool:
        """Whether anything in it may make two things happen at the same time, or one in the middle of another."""
        return any(isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef) and node not in self.roots
                   for node in self.chosen) or self._says(_TOGETHER)

    @cached_property
    def passes_time(self) -> bool:
        """Whether anything in it may let time pass, or make something that is old already."""
        return self._says(_PASSES) or any(isinstance(node, ast.Sub | ast.USub) for node in self.chosen)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many things it makes or does, as far as the text tells: ranges and literal lists."""
        found = []
        for node in self.chosen:
            if isinstance(node, ast.Call) and last_name(node.func) == "range" and len(node.args) == 1:
                size = node.args[0]
                found.append(size.value if isinstance(size, ast.Constant) and isinstance(size.value, int) else 10**9)
            elif isinstance(node, ast.List | ast.Tuple | ast.Set) and isinstance(getattr(node, "ctx", None), ast.Load):
                found.append(len(node.elts))
            elif isinstance(node, ast.While | ast.Starred) or (isinstance(node, ast.BinOp) and isinstance(
                    node.op, ast.Mult)):
                found.append(10**9)
        return tuple(found)

    @cached_property
    def peeks(self) -> bool:
        """Whether anything in it looks at what lies between: files, their identity, connections."""
        return self._says(_PEEKS)

    def mentions(self, *stems: str) -> bool:
        """Whether a name or text of the code has one of these word stems."""
        return any(stem(word) in stems for word in self.said)

    @cached_property
    def repeats(self) -> bool:
        """Whether any call may be made more than once: twice in the text, in a loop, or by parametrisation."""
        counted = Counter(last_name(node.func) for node in self.nodes if isinstance(node, ast.Call))
        checks = {last_name(node.func) for node in self.nodes if isinstance(node, ast.Call) and is_check(node)}
        return any(count > 1 and name not in checks for name, count in counted.items()) or any(
            isinstance(node, _LOOPS) for node in self.nodes)

    def settings(self, name: str) -> Iterator[ast.expr]:
        """The values that the code gives to a field: by keyword, by assignment, in a dict."""
        for node in self.nodes:
            if isinstance(node, ast.keyword) and node.arg == name:
                yield node.value
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if last_name(target) == name:
                        yield node.value
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == name:
                        yield value

    @cached_property
    def chosen(self) -> tuple[ast.AST, ...]:
        """The nodes that the test asks for: its own, and those of helpers and fixtures that it names.

        Not those of doubles, which can do much that this test does not use, nor of fixtures that surround every test.
        """
        methods = {item.node for item in self.view.reach.functions if item.owner is not self.view.cls and item.owner}
        found: dict[ast.AST, None] = {}
        for root in self.roots:
            if isinstance(root, FunctionNode) and root not in methods and not _surrounds(root):
                for statement in (*(item for item in root.decorator_list if last_name(item) not in _MARKS), *root.body):
                    if not _is_prose(statement):
                        found.update(dict.fromkeys(walk(statement)))
        return tuple(found)

    @cached_property
    def said(self) -> frozenset[str]:
        """The single words of the names and short texts."""
        texts = [text for node in self.chosen for text in _texts(node) if len(text) < 60]
        given = [arg.arg for arg in self.view.node.args.args]
        return frozenset(word for text in (*texts, *given) for word in words(text))

    def _says(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.match(word) for word in self.said)


def staging(view: View) -> Staging:
    """What a test stages; found once."""
    key = ("staging", view.case.id)
    if key not in view.program.memo:
        view.program.memo[key] = Staging(view)
    known: Staging = view.program.memo[key]
    return known


def _surrounds(function: FunctionNode) -> bool:
    return any(keyword.arg == "autouse" for item in function.decorator_list if isinstance(item, ast.Call)
               for keyword in item.keywords)


def _is_prose(statement: ast.AST) -> bool:
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and (
        last_name(value.func) in {"print", "info", "debug", "warning"}))


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.keyword):
        yield node.arg or ""
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.alias):
        yield node.name
