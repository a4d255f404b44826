"""The guard of tests: what a pull request does to tests and their configuration so that they say less."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.logs.redact import redact
from bot.proof.guard_asserts import claims, weaker
from bot.proof.guard_collected import arrived, gone, tests_in
from bot.proof.guard_files import ChangedFile, fresh, read_changed, within
from bot.proof.guard_hidden import hidden
from bot.proof.guard_settings import is_settings, settings_changes
from bot.proof.trees import FunctionNode

_SKIPS = {"skip", "skipif", "xfail", "skipIf", "skipUnless", "expectedFailure", "skipTest", "SkipTest", "importorskip",
          "exit", "skip_unless", "skip_if"}
_RERUNS = {"flaky", "rerun", "retry", "repeat"}
_MOCKS = {"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "PropertyMock", "create_autospec", "patch", "stub"}
_PATCHING = {"object", "dict", "multiple", "setattr", "setitem", "delattr", "replace"}
_PATCHERS = {"patch", "monkeypatch", "mocker", "mock", "mp", "monkey"}
_HOOKS = ("pytest_collection_modifyitems", "pytest_ignore_collect", "pytest_collect_", "pytest_pycollect_",
          "pytest_itemcollected", "pytest_deselected", "pytest_runtest_", "pytest_pyfunc_call", "pytest_generate_tests",
          "pytest_report_teststatus", "pytest_sessionfinish", "pytest_make_", "pytest_fixture_setup",
          "pytest_assertrepr_compare", "pytest_load_initial_conftests", "pytest_cmdline_")


def guard_tests(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[GuardFinding, ...]:
    """What speaks against a change of test files and test configuration, hard findings first, then by path.

    `before` and `after` hold files by path; one that is in one of them only was deleted or added. Python files are
    compared test by test, pytest's configuration option by option; of any other file it is told that it changed, since
    it may hold what a test expects. New tests and stronger assertions give nothing. Pure; never raises for anything
    in the files.
    """
    found: list[GuardFinding] = []
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    files: list[ChangedFile] = []
    for path in changed:
        if is_settings(path):
            found += [GuardFinding(rule="test-settings", hard=hard, path=path, message=message)
                      for hard, message, _ in settings_changes(path, before.get(path), after.get(path))]
        elif not path.endswith(".py"):
            if path in before:
                found.append(GuardFinding(rule="expected-changed", hard=False, path=path,
                                          message=f"{path} changes, which a test may compare with."))
        else:
            file = read_changed(path, before.get(path, ""), after.get(path, ""))
            if isinstance(file, ChangedFile):
                files.append(file)
            else:
                found.append(GuardFinding(rule="syntax-error", hard=True, path=path,
                                          message=f"After the change {path} is no valid Python: {file}."))
    new_tests = arrived(files)
    for file in files:
        try:
            found += [*gone(file, new_tests), *_skipped(file), *_functions(file), *_conftest(file)]
        except RecursionError:
            found.append(file.finding("unreadable", "Its syntax is nested too deeply to be examined.", hard=True))
    shown = dict.fromkeys(item.model_copy(update={"message": redact(item.message), "hunk": redact(item.hunk)})
                          for item in found)
    return tuple(sorted(shown, key=lambda item: (not item.hard, item.path, item.rule, item.message)))


def _skipped(file: ChangedFile) -> Iterator[GuardFinding]:
    kept = {ast.dump(item) for item in _steps_aside(file.before)}
    new_tests = [node for name, node in tests_in(file.path, file.after).items() if name not in file.old_functions]
    own = {id(part) for node in new_tests for part in ast.walk(node)}
    for item in fresh(_steps_aside(file.before), _steps_aside(file.after)):
        if id(item) in own and not _is_module_wide(item):
            continue
        again = last_name(item) in _RERUNS
        if ast.dump(item) not in kept or not again:
            yield file.finding(
                "test-rerun" if again else "test-skipped",
                f"`{ast.unparse(item)}` is new: {'a failure is tried again' if again else 'tests step aside'}.", item,
                hard=True,
            )


def _is_module_wide(node: ast.AST) -> bool:
    return any(isinstance(item, ast.keyword) and item.arg == "allow_module_level" for item in ast.walk(node))


def _steps_aside(tree: ast.Module) -> list[ast.AST]:
    """Where tests are skipped, expected to fail or run again: marks, calls, decorators."""
    found: list[ast.AST] = []
    inner: set[int] = set()
    for item in ast.walk(tree):
        if id(item) in inner:
            continue
        func = item.func if isinstance(item, ast.Call) else item
        name = last_name(func) if isinstance(func, ast.Name | ast.Attribute) else ""
        marked = isinstance(func, ast.Attribute) and last_name(func.value) in {"mark", "pytest", "unittest", "self"}
        plain = isinstance(func, ast.Name) and (isinstance(item, ast.Call) or name == "SkipTest")
        if (name in _SKIPS and (marked or plain)) or (name in _RERUNS and (marked or isinstance(item, ast.Call))):
            found.append(item)
            inner.update(id(part) for part in ast.walk(item))
    return found


def _functions(file: ChangedFile) -> Iterator[GuardFinding]:
    """What functions assert, before and after: tests, and the helpers and fixtures beside them."""
    elsewhere = _moved(file)
    for name, old, new in file.pairs:
        for change, claim, other in weaker(old, new, elsewhere):
            message = {
                "assertion-deleted": f"{name} no longer asserts `{_text(claim.node)}`.",
                "assertion-weakened": f"{name} asserts less than `{_text(claim.node)}`.",
                "expected-changed": f"{name} asserts something else than `{_text(claim.node)}`.",
            }[change]
            hard = change != "expected-changed"
            yield file.removed(change, message, claim.node, hard=hard) if other is None else \
                file.finding(change, message, other.node, hard=hard)
        before = hidden(old)
        for what, node in hidden(new).items():
            if what not in before:
                kind = what.partition(" ")[0]
                yield file.finding(
                    "assertion-hidden",
                    {"return": f"{name} returns before it asserts.", "if": f"{name} asserts under a condition.",
                     "except": f"{name} catches what its assertions raise.",
                     "suppress": f"{name} suppresses what its assertions raise."}[kind], node, hard=True,
                )
        yield from _mocked(file, name, old, new)
        yield from _fewer_cases(file, name, old, new)


def _moved(file: ChangedFile) -> Counter[str]:
    """What functions assert that did not before: tests, and helpers that something calls."""
    called = {last_name(item.func) for item in ast.walk(file.after) if isinstance(item, ast.Call)}
    found: Counter[str] = Counter()
    for name, node in file.new_functions.items():
        if node.name in called or node.name.startswith("test"):
            before = file.old_functions.get(name)
            found += Counter(claim.key for claim in claims(node)) - Counter(
                claim.key for claim in (claims(before) if before is not None else ()))
    return found


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _mocked(file: ChangedFile, name: str, old: FunctionNode, new: FunctionNode) -> Iterator[GuardFinding]:
    known = {ast.dump(item) for item in _mocks(old)}
    for item in _mocks(new):
        if ast.dump(item) not in known:
            yield file.finding("mock-added", f"{name} now puts a double in place of what was real: "
                               f"`{_text(item)}`.", item, hard=True)


def _mocks(node: FunctionNode) -> Iterator[ast.AST]:
    for item in ast.walk(node):
        if isinstance(item, ast.Call):
            name = last_name(item.func)
            of = last_name(item.func.value) if isinstance(item.func, ast.Attribute) else ""
            if name in _MOCKS or (name in _PATCHING and of in _PATCHERS):
                yield item


def _fewer_cases(file: ChangedFile, name: str, old: FunctionNode, new: FunctionNode) -> Iterator[GuardFinding]:
    was, now = _cases(old), _cases(new)
    if was and (gone := was - now):
        less = sum(now.values()) < sum(was.values())
        yield file.finding(
            "cases-removed" if less else "expected-changed",
            f"{name} {'no longer runs' if less else 'runs otherwise'} {'; '.join(sorted(gone)[:3])}.", new, hard=less,
        )


def _cases(node: FunctionNode) -> Counter[str]:
    found: Counter[str] = Counter()
    for item in node.decorator_list:
        if isinstance(item, ast.Call) and last_name(item.func) == "parametrize" and len(item.args) > 1 \
                and isinstance(item.args[1], ast.List | ast.Tuple):
            found.update(f"`{ast.unparse(case)}`" for case in item.args[1].elts)
    return found


def _conftest(file: ChangedFile) -> Iterator[GuardFinding]:
    """Hooks, lists and fixtures of a file that reach over all tests."""
    for name, node in file.new_functions.items():
        old = file.old_functions.get(name)
        if node.name.startswith(_HOOKS) and (old is None or ast.dump(old) != ast.dump(node)):
            yield file.finding("test-hook", f"{name} decides which tests run or what comes of them.", node, hard=True)
        elif old is None and _is_autouse(node) and any(True for _ in _mocks(node)):
            yield file.finding("mock-added", f"{name} puts a double into every test.", node, hard=True)
    for item in fresh(file.before.body, file.after.body):
        targets = item.targets if isinstance(item, ast.Assign) else []
        named = {last_name(target) for target in targets}
        if named & {"collect_ignore", "collect_ignore_glob"} or any(
                isinstance(target, ast.Attribute) and target.attr == "__test__" for target in targets):
            yield file.finding("test-uncollected", f"`{_text(item)}` keeps tests from being collected.", item,
                               hard=True)
    for item in fresh(_loosened(file.before), _loosened(file.after)):
        yield file.finding("test-settings", f"`{_text(item)}` lets warnings pass.", item, hard=True)


def _is_autouse(node: FunctionNode) -> bool:
    return any(word.arg == "autouse" for item in node.decorator_list if isinstance(item, ast.Call)
               for word in item.keywords)


def _loosened(tree: ast.Module) -> list[ast.AST]:
    return [item for item in ast.walk(tree) if isinstance(item, ast.Call)
            and last_name(item.func) in {"filterwarnings", "simplefilter"} and item.args
            and isinstance(item.args[0], ast.Constant) and str(item.args[0].value).startswith(("ignore", "default"))
            and not _inside_new_test(tree, item)]


def _inside_new_test(tree: ast.Module, item: ast.AST) -> bool:
    return any(part is item for node in tree.body if isinstance(node, FunctionNode) and node.name.startswith("test")
               for statement in node.body for part in within(statement))
