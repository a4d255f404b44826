"""Fix guard for tests: assertions that are still written, and are not made or cannot fail."""

from __future__ import annotations

import ast
from collections.abc import Set

from bot.audit.reading.definitions import last_name
from bot.proof.guard_asserts import claims
from bot.proof.guard_files import own_statements, within
from bot.proof.trees import FunctionNode


def hidden(node: FunctionNode) -> dict[str, ast.AST]:
    """What keeps assertions of a function from being made or from failing, by what it is: `return` before them, a
    condition or a loop that may not run around them, a handler that catches them.
    """
    found: dict[str, ast.AST] = {}
    asserting = [claim.node for claim in claims(node)]
    own = {id(item) for item in asserting}
    last = max((getattr(item, "lineno", 0) for item in asserting), default=0)
    for item in within(node):
        inside = isinstance(item, ast.stmt) and _holds(item, own)
        if isinstance(item, ast.Return) and item.lineno < last:
            found[f"return {ast.dump(item)} {_around(node, item)}"] = item
        elif isinstance(item, ast.If) and inside:
            found[f"if {ast.dump(item.test)}"] = item
        elif isinstance(item, ast.Try | ast.TryStar) and any(_holds(part, own) for part in item.body):
            for handler in item.handlers:
                if not any(isinstance(part, ast.Raise) or last_name(part) == "fail" for part in ast.walk(handler)):
                    found[f"except {ast.dump(handler.type) if handler.type else ''}"] = handler
        elif isinstance(item, ast.With | ast.AsyncWith) and inside:
            for entered in item.items:
                if last_name(entered.context_expr) == "suppress":
                    found[f"suppress {ast.dump(entered.context_expr)}"] = item
    return found


def _holds(node: ast.AST, own: Set[int]) -> bool:
    return any(id(part) in own for part in ast.walk(node))


def _around(node: FunctionNode, item: ast.Return) -> str:
    top = next((part for part in own_statements(node) if item in ast.walk(part)), None)
    return ast.dump(top.test) if isinstance(top, ast.If) else ""
