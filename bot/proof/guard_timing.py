"""Fix guard: patches that change how long something waits, how often it is tried, or what is logged, and no more."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from bot.audit.reading.definitions import last_name
from bot.domain.patch import GuardFinding
from bot.proof.guard_files import ChangedFile, fresh
from bot.proof.trees import (
    FunctionNode,
    copied,
    is_log,
    is_sleep,
    log_level,
    logging_removed,
    sleeps,
    timing_removed,
    without_docstrings,
)

_RANK = {"debug": 0, "print": 0, "info": 1, "warn": 2, "warning": 2, "error": 3, "exception": 3, "critical": 4,
         "fatal": 4}
_HIGH = {"ERROR", "CRITICAL", "FATAL", 40, 50}
_HELPFUL = {"functools", "time", "tenacity", "backoff", "stamina", "retrying"}
"""What is imported to try something again."""
_RETRYING = {"retry", "backoff", "on_exception", "retrying", "stamina"}


def sole_change(files: Sequence[ChangedFile]) -> Iterator[GuardFinding]:
    """What is said of a patch that changes nothing but layout, logging, or waiting and trying again."""
    first = files[0]
    try:
        plain = [(without_docstrings(file.before), without_docstrings(file.after)) for file in files]
    except RecursionError:
        return

    def same(picture: Callable[[ast.Module], ast.Module]) -> bool:
        try:
            return all(ast.dump(picture(before)) == ast.dump(picture(after)) for before, after in plain)
        except RecursionError:
            return False

    if same(lambda tree: tree):
        yield first.finding(
            "no-semantic-change", "Only comments, docstrings or layout change: the program is the same.", hard=True
        )
    elif same(logging_removed):
        yield first.finding("only-logging", "All that changes is what is logged, or at which level.", hard=True)
    elif same(lambda tree: timing_removed(logging_removed(tree))[0]):
        if any(map(_raised, files)):
            yield first.finding(
                "only-timing",
                "All that changes are timeouts, retries or sleeps: the race is made rarer, not impossible.",
                hard=True,
            )
        else:
            yield first.finding(
                "only-timing", "All that changes are times; none that was there is longer than before.", hard=False
            )
    elif same(lambda tree: timing_removed(retries_removed(logging_removed(tree)))[0]):
        yield first.finding(
            "only-timing", "All that changes is that a failing call is tried again: its cause is still there.",
            hard=True,
        )


def _raised(file: ChangedFile) -> bool:
    """Whether more is waited or tried. A time that was zero was a mistake, not patience."""
    if len(sleeps(file.after)) > len(sleeps(file.before)):
        return True
    (_, old), (_, new) = timing_removed(file.before), timing_removed(file.after)
    waits = _waits(file.before), _waits(file.after)
    if len(old) != len(new):
        return True
    pairs = [*zip(old, new, strict=True), *(zip(*waits, strict=True) if len(waits[0]) == len(waits[1]) else ())]
    return any(0 < was < now for was, now in pairs)


def _waits(tree: ast.Module) -> list[float]:
    found = []
    for call in sleeps(tree):
        value = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else 0
        found.append(float(value) if isinstance(value, float) or (isinstance(value, int) and value < 1e9) else 0.0)
    return found


class _Retries(ast.NodeTransformer):
    """Puts in the place of a loop that tries something again what it tries."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and any(isinstance(item, ast.stmt) for item in body):
                setattr(node, name, self._unrolled(body) or [ast.Pass()])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = [item for item in node.decorator_list if not _is_retrying(item)]
        return node

    def _unrolled(self, body: list[ast.stmt]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        after = False
        for item in body:
            tried = retried(item)
            if tried is not None:
                while found and isinstance(found[-1], ast.Assign) and isinstance(found[-1].value, ast.Constant):
                    found.pop()
                found.extend(part for part in (*tried.body, *tried.orelse) if not isinstance(part, ast.Break))
            elif not (after and isinstance(item, ast.Raise)):
                found.append(item)
            after = tried is not None
        return found


def _is_retrying(node: ast.expr) -> bool:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return last_name(node) in _RETRYING or bool(names & _RETRYING)


def retried(node: ast.stmt) -> ast.Try | None:
    """What a loop tries until it works; None where it is no such loop."""
    if not isinstance(node, ast.For | ast.While | ast.AsyncFor):
        return None
    rest = [item for item in node.body if not (
        is_sleep(item) or isinstance(item, ast.AugAssign | ast.Pass)
        or (isinstance(item, ast.Expr) and (is_log(item.value) or isinstance(item.value, ast.Constant))))]
    if len(rest) != 1 or not isinstance(rest[0], ast.Try) or not rest[0].handlers:
        return None
    tried = rest[0]
    goes_on = all(not isinstance(handler.body[-1], ast.Raise | ast.Return) for handler in tried.handlers)
    ends = any(isinstance(item, ast.Return | ast.Break) for item in (*tried.body, *tried.orelse))
    return tried if goes_on and ends else None


def retries_removed(tree: ast.Module) -> ast.Module:
    """A copy in which nothing is tried again, by a loop, by a library's decorator or by one of the module's own."""
    picture = copied(tree)
    wrappers = _wrappers(picture)
    picture.body = [item for item in picture.body if not (
        (isinstance(item, FunctionNode) and item.name in wrappers)
        or (isinstance(item, ast.Import | ast.ImportFrom)
            and {getattr(item, "module", None), *(alias.name for alias in item.names)} & _HELPFUL))]
    for item in ast.walk(picture):
        if isinstance(item, FunctionNode | ast.ClassDef):
            item.decorator_list = [one for one in item.decorator_list if last_name(one) not in wrappers]
    removed: ast.Module = _Retries().visit(picture)
    return removed


def _wrappers(tree: ast.Module) -> set[str]:
    """The functions of a module that only decorate others, and try again what they wrap."""
    used = {last_name(one) for item in ast.walk(tree) if isinstance(item, FunctionNode | ast.ClassDef)
            for one in item.decorator_list}
    return {item.name for item in tree.body if isinstance(item, FunctionNode) and item.name in used
            and any(isinstance(part, ast.stmt) and retried(part) is not None for part in ast.walk(item))}


def patience(file: ChangedFile) -> Iterator[GuardFinding]:
    """More sleeps and attempts, longer times: shown where they come with another change."""
    old, new = sleeps(file.before), sleeps(file.after)
    if len(new) > len(old):
        first = next(fresh(old, new), new[-1])
        yield file.finding(
            "sleep-added", f"{len(new) - len(old)} more sleep in the code: waiting is seldom a fix.", first, hard=False
        )
    again = [[item for item in ast.walk(tree) if isinstance(item, ast.stmt) and retried(item) is not None]
             for tree in (file.before, file.after)]
    if len(again[1]) > len(again[0]):
        yield file.finding(
            "retry-added", "A call is tried again: what makes it fail is still there.", next(fresh(*again), None),
            hard=False,
        )
    (_, was), (_, now) = timing_removed(file.before), timing_removed(file.after)
    if len(was) == len(now) and (longer := [pair for pair in zip(was, now, strict=True) if 0 < pair[0] < pair[1]]):
        changes = ", ".join(f"{one:g} to {two:g}" for one, two in longer[:3])
        yield file.finding("timing-raised", f"A time or a number of attempts is raised: {changes}.", hard=False)


def quieter(file: ChangedFile) -> Iterator[GuardFinding]:
    """What was logged as an error and is now logged as less, and loggers that are switched off."""
    old = {key: level for key, level, _ in _logged(file.before)}
    same = {(key, level) for key, level, _ in _logged(file.before)}
    for key, level, node in _logged(file.after):
        before = old.get(key)
        if before is None or (key, level) in same:
            continue
        rank, now = _RANK.get(before, 1), _RANK.get(level, 1)
        if now < rank:
            yield file.finding(
                "log-level-lowered", f"What was logged as {before} is now logged as {level}.", node,
                hard=rank >= 3 and now < 2,
            )
    for item in fresh(_silenced(file.before), _silenced(file.after)):
        yield file.finding("log-silenced", "Less is logged from here on.", item, hard=True)


def _logged(tree: ast.Module) -> Iterator[tuple[str, str, ast.AST]]:
    """What is logged, at which level, and where."""
    for item in ast.walk(tree):
        level = log_level(item)
        if level and isinstance(item, ast.Call):
            at = 1 if last_name(item.func) == "log" else 0
            if len(item.args) > at:
                yield ast.dump(item.args[at]), level, item


def _silenced(tree: ast.Module) -> Iterator[ast.AST]:
    for item in ast.walk(tree):
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute):
            of, name = last_name(item.func.value), item.func.attr
            quiet = any(last_name(arg) in _HIGH or (isinstance(arg, ast.Constant) and arg.value in _HIGH)
                        for arg in item.args)
            if (name == "disable" and of == "logging") or (name == "setLevel" and quiet) \
                    or (name in {"filterwarnings", "simplefilter"} and item.args
                        and isinstance(item.args[0], ast.Constant) and item.args[0].value == "ignore"):
                yield item
        elif isinstance(item, ast.Assign):
            value = item.value.value if isinstance(item.value, ast.Constant) else None
            for target in item.targets:
                if isinstance(target, ast.Attribute) and "log" in last_name(target.value).lower() \
                        and (target.attr, value) in {("disabled", True), ("propagate", False)}:
                    yield item
