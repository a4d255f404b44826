"""Fix guard for tests: which tests pytest collects from a file, and which it no longer does."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from pathlib import PurePosixPath

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_asserts import claims
from bot.proof.guard_files import ChangedFile
from bot.proof.trees import FunctionNode


def tests_in(path: str, tree: ast.Module) -> dict[str, FunctionNode]:
    """The tests that pytest collects from a file by its usual names, by qualified name."""
    name = PurePosixPath(path).name
    if not (name.startswith("test_") or name.endswith("_test.py") or name in {"tests.py", "test.py"}):
        return {}
    found: dict[str, FunctionNode] = {}
    stack: list[tuple[ast.stmt, str]] = [(item, "") for item in reversed(tree.body)]
    while stack:
        item, prefix = stack.pop()
        if isinstance(item, FunctionNode) and item.name.startswith("test") and not _is_fixture(item):
            found[f"{prefix}{item.name}"] = item
        elif isinstance(item, ast.ClassDef) and _is_collected(item):
            stack.extend((inner, f"{prefix}{item.name}.") for inner in reversed(item.body))
        elif isinstance(item, ast.Assign | ast.Delete) and not prefix:
            for target in item.targets:
                found.pop(last_name(target), None)
        elif isinstance(item, ast.If | ast.Try | ast.With):
            stack.extend((inner, prefix) for inner in reversed(item.body))
    return found


def _is_fixture(node: FunctionNode) -> bool:
    return any(last_name(item) == "fixture" for item in node.decorator_list)


def _is_collected(node: ast.ClassDef) -> bool:
    unit = any(last_name(base).endswith("TestCase") for base in node.bases)
    refused = any(
        (isinstance(item, FunctionNode) and item.name == "__init__" and not unit)
        or (isinstance(item, ast.Assign) and any(last_name(target) == "__test__" for target in item.targets)
            and isinstance(item.value, ast.Constant) and not item.value.value)
        for item in node.body)
    return (node.name.startswith("Test") or unit) and not refused


def arrived(files: Sequence[ChangedFile]) -> set[str]:
    """Tests that are new in some file: by name, and by what they do."""
    found: set[str] = set()
    for file in files:
        old = tests_in(file.path, file.before)
        for name, node in tests_in(file.path, file.after).items():
            if name not in old:
                found |= {node.name, _body(node)}
    return found


def _body(node: FunctionNode) -> str:
    try:
        return "".join(map(ast.dump, node.body))
    except RecursionError:
        return node.name


def gone(file: ChangedFile, new_tests: Set[str]) -> Iterator[GuardFinding]:
    """Tests that are gone, or are there and not collected. One that was renamed is still there: another does the same,
    or is new in this file and asserts all that it did. Moved to another file, it is known by its name.
    """
    new = tests_in(file.path, file.after)
    came = [Counter(claim.key for claim in claims(node)) for name, node in new.items()
            if name not in tests_in(file.path, file.before)]
    for name, node in tests_in(file.path, file.before).items():
        if name in new or _body(node) in new_tests or node.name in new_tests:
            continue
        asserted = Counter(claim.key for claim in claims(node))
        if asserted and any(asserted <= other for other in came):
            continue
        hides = any(_body(other) == _body(node) for other in file.new_functions.values())
        if hides or name in file.new_functions:
            yield file.removed("test-uncollected", f"{name} is there, but pytest does not collect it any more.", node,
                               hard=True)
        else:
            yield file.removed("test-deleted", f"The test {name} is gone.", node, hard=True)
