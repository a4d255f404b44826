"""Success or a reproduction is printed instead of asserted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.controlflow.asserting import is_claim
from bot.audit.controlflow.paths import paths_in
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.vacuity.vacuous import silent
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    claims = [node for node in view.calls if is_claim(node)]
    if not claims:
        return
    paths = paths_in(view)
    if not paths.complete:
        return
    passing = {node: [path for path in paths.green if node in path.claims] for node in claims}
    for node in claims:
        through = passing[node]
        bare = [path for path in through if silent(view, path)]
        message = f"`{said(node)}` claims a result that no assertion before it establishes"
        if bare:
            yield node, message
        elif through and any(_too_early(view, node, path.checks) for path in through):
            yield node, message, WARNING


def _too_early(view: View, claim: ast.AST, checks: tuple[ast.AST, ...]) -> bool:
    """Whether all assertions of a path stand after a claim in the text."""
    line = getattr(claim, "lineno", 0)
    return all(getattr(check, "lineno", 0) > line for check in checks)


RULE = Rule(
    id="print-claim",
    defect_class="print-claim",
    title="A claim is printed, not asserted",
    rationale="Whoever reads the output believes the line. It is printed whatever the code did.",
    hint="Assert what the line claims, or delete the line.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import one


def test_one():
    assert one() == 1
    print('PASSED: one is one')
""",
        implementation="""\
def one():
    return 1
""",
    ),
    bad=Example(
        test="""\
from product.service import one


def test_one():
    if one() == 2:
        print('REPRODUCED')
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
