"""Which failures a fix itself foretells, where no plan says how the tests must fail. Pure.

A test that fails without a fix says something of the fix only if it failed by what the fix changes: an assertion of
its own after it ran changed code, or an exception out of changed code. A mistake of the test, an environment that is
not there, and whatever went wrong before the test itself began foretell nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bot.domain.suite import FailureKind, Observation, Outcome
from bot.proof.naming import (
    Definition,
    bound,
    by_function,
    definitions,
    head,
    imported,
    mentions,
    other,
    parsed,
)

_PACKAGE = "__init__"
_MOST_ROUNDS = 20
_MOST_PATH = 200

@dataclass
class _Changes:
    """What a fix changes in the tree without it.

    `functions` are keys `path::qualified.name`, `classes` the same with a dot behind it, for those whose bodies change
    outside of their functions. `names` are what statements of modules and classes bind that change, `files` those in
    which a statement changes that binds nothing or registers what it defines. `data` are the names of changed files
    that are no Python, `folders` those of the folders that such files come into.
    """

    functions: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    data: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)


class FixedCode:
    """What a fix changes, and whether a test of the tree without it ran that.

    `before` and `after` hold the changed files that are no tests, None for one that is not there. `source` gives any
    file of the tree without the fix, None where there is none.
    """

    def __init__(self, before: Mapping[str, bytes | None], after: Mapping[str, bytes | None],
                 source: Callable[[str], bytes | None]) -> None:
        self.paths = frozenset(path for path in {*before, *after} if before.get(path) != after.get(path))
        self._source = source
        self._mentioned: dict[str, dict[str, frozenset[str]]] = {}
        self._texts: dict[str, bytes] = {}
        self._changes = _Changes()
        for path in sorted(self.paths):
            if path.endswith(".py"):
                self._compare(path, before.get(path), after.get(path))
            else:
                self._changes.data |= {PurePosixPath(path).name}
                if before.get(path) is None:
                    # It was not there, so nothing could name it: it is found by its folder.
                    self._changes.folders |= {PurePosixPath(path).parent.name} - {""}

    def why(self, seen: Observation) -> str:
        """What of the changed code a test ran, as a clause; empty when it ran none."""
        changes = self._changes
        for key in seen.reached:
            path, _, name = key.partition("::")
            if key in changes.functions or any(key.startswith(f"{one}.<locals>.") for one in changes.functions):
                return f"it ran `{key}`, which the fix changes"
            if any(key.startswith(one) for one in changes.classes):
                return f"it ran `{key}`, whose class the fix changes"
            if path in changes.files:
                return f"it ran `{key}`, in whose module the fix changes what runs at import"
            if used := changes.names & self._names(path).get(name.partition(".<locals>.")[0], frozenset()):
                return f"it ran `{key}`, which uses `{min(used)}`, which the fix changes"
        if used := changes.names & self._names(seen.path).get("", frozenset()):
            return f"its file uses `{min(used)}`, which the fix changes"
        return self._imports(seen) or self._reads(seen)

    def _imports(self, seen: Observation) -> str:
        modules = self._names(seen.path).get("import", frozenset())
        for path in sorted(self._changes.files):
            pure = PurePosixPath(path)
            stem = pure.parent.name if pure.stem == _PACKAGE else pure.stem
            if stem in modules:
                return f"its file imports `{stem}`, where the fix changes what runs at import"
        return ""

    def _reads(self, seen: Observation) -> str:
        reached = [key.partition("::")[0] for key in seen.reached]
        # A fixture may have read it before the test itself began.
        for path in dict.fromkeys([seen.path, *reached, *self._modules(seen.path)]):
            for name in sorted(self._changes.data):
                if name.encode() in self._text(path):
                    return f"`{path}`, which it ran, names {name}, which the fix changes"
            for name in sorted(self._changes.folders & self._said(path)):
                return f"`{path}`, which it ran, names the folder {name}, into which the fix puts a file"
        return ""

    # the two trees

    def _compare(self, path: str, old: bytes | None, new: bytes | None) -> None:
        before, after = parsed(old), parsed(new)
        if before is None or after is None:
            if old is not None:
                self._changes.files.add(path)
            return
        self._compare_bodies(path, "", before.body, after.body)
        # What is made of a changed name at import has changed, too.
        for _ in range(_MOST_ROUNDS):
            grown = {name for node in before.body if not isinstance(node, Definition)
                     and mentions(node) & self._changes.names for name in bound(node)} - self._changes.names
            if not grown:
                break
            self._changes.names |= grown

    def _compare_bodies(self, path: str, prefix: str, before: list[ast.stmt], after: list[ast.stmt]) -> None:
        old, new = definitions(before), definitions(after)
        for name, nodes in old.items():
            self._compare_definition(path, prefix, name, nodes, new.get(name, []))
        added = [node for name, nodes in new.items() if name not in old for node in nodes]
        if not prefix and any(node.decorator_list for node in added):
            # It registers itself somewhere.
            self._changes.files.add(path)
        rest = list(other(before, after))
        for node in rest:
            names = bound(node)
            self._changes.names |= names
            if not names and not prefix:
                self._changes.files.add(path)
        if prefix and (added or rest):
            self._class_changed(f"{path}::{prefix[:-1]}", prefix[:-1].rpartition(".")[2])

    def _compare_definition(self, path: str, prefix: str, name: str, old: list[Definition],
                            new: list[Definition]) -> None:
        """Compare all that a name is defined as in one body: a property has several."""
        key = f"{path}::{prefix}{name}"
        if len(old) == len(new) == 1 and isinstance(old[0], ast.ClassDef) and isinstance(new[0], ast.ClassDef):
            if head(old[0]) != head(new[0]):
                self._class_changed(key, name)
            self._compare_bodies(path, f"{prefix}{name}.", old[0].body, new[0].body)
        elif [ast.dump(node) for node in old] == [ast.dump(node) for node in new]:
            return
        elif isinstance(old[0], ast.ClassDef):
            self._class_changed(key, name)
        else:
            self._changes.functions.add(key)

    def _class_changed(self, key: str, name: str) -> None:
        self._changes.classes.add(f"{key}.")
        self._changes.names.add(name)

    # files of the tree without the fix

    def _text(self, path: str) -> bytes:
        if path not in self._texts:
            self._texts[path] = self._source(path) or b""
        return self._texts[path]

    def _modules(self, path: str) -> list[str]:
        """Where the modules that a file imports may lie."""
        tree = parsed(self._text(path))
        names = [name for node in (ast.walk(tree) if tree is not None else ()) for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else
            [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if isinstance(node, ast.ImportFrom) and node.module and not node.level else [])]
        return [f"{root}{name.replace('.', '/')}{end}" for name in sorted({*names}) for root in ("", "src/")
                for end in (".py", "/__init__.py")]

    def _said(self, path: str) -> set[str]:
        """The parts of the paths that stand as texts in a file."""
        tree = parsed(self._text(path))
        return set() if tree is None else {
            part for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and len(node.value) < _MOST_PATH for part in node.value.split("/")}

    def _names(self, path: str) -> dict[str, frozenset[str]]:
        """What each function of a file names, by its qualified name; all of the file under the empty one."""
        if path not in self._mentioned:
            tree = parsed(self._text(path))
            found: dict[str, frozenset[str]] = {}
            if tree is not None:
                found[""] = mentions(tree)
                found["import"] = frozenset(imported(tree))
                found.update(by_function(tree, ""))
            self._mentioned[path] = found
        return self._mentioned[path]


def implied(code: FixedCode, outcomes: tuple[Outcome, ...], seen: tuple[Observation, ...]) -> tuple[Outcome, ...]:
    """The outcomes, with those failures `as_predicted` that come of what the fix changes.

    So are a failure in the test itself that is no mistake of the test, no missing environment and no time limit, when
    the test ran changed code or the frame that decides is in a changed file; a wait that was given up within a changed
    file; and an error at import whose innermost frame is in a changed file.
    """
    by_test = {one.test: one for one in seen}
    return tuple(_held_to(code, outcome, by_test.get(outcome.test)) for outcome in outcomes)


def _held_to(code: FixedCode, outcome: Outcome, seen: Observation | None) -> Outcome:
    if seen is None or not seen.exceptions:
        return outcome
    frame = outcome.frame
    inside = f"it arose in {frame.path}, which the fix changes" if frame and frame.path in code.paths else ""
    match outcome.kind:
        case FailureKind.OTHER_FAILURE if seen.phase == "call":
            why = inside or code.why(seen)
        case FailureKind.TIMEOUT if seen.phase == "call" and seen.status == "failed":
            # Not what pytest-timeout ended: that says nothing of where it hung.
            why = inside if not _limited(seen) and code.why(seen) else ""
        case FailureKind.HARNESS if seen.phase == "collect":
            why = inside
        case _:
            why = ""
    if not why:
        return outcome
    return outcome.model_copy(update={
        "kind": FailureKind.AS_PREDICTED, "reason": f"{outcome.reason.removesuffix('.')}; {why}."})


def _limited(seen: Observation) -> bool:
    return seen.exceptions[0].type.endswith("Failed")
