"""A service was missing in the run, and the test counts that, or hides it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.observed.recorded import Recorded, recorded
from bot.audit.outcomes.hidden import is_loopback, missed
from bot.audit.outcomes.signals import missing_module
from bot.audit.reading.program import Program
from bot.audit.rule import Context, Example, Hit, Rule
from bot.audit.surroundings.awaiting import went_without
from bot.audit.surroundings.network import INFRASTRUCTURE_ERRORS, outage_errors, raised_on_purpose
from bot.audit.surroundings.tallies import claims_reproduction, plans_outage
from bot.domain.suite import Connection, FailureKind, FileLines, Observation, Outcome, RaisedException

_DEAD_PORTS = range(10)
"""Ports that nobody listens at and that are asked for since nobody does."""


def _check(context: Context) -> Iterator[Hit]:
    for test in recorded(context):
        if context.predicts(test.view, *INFRASTRUCTURE_ERRORS):
            continue
        if test.passed:
            yield from _green(context, test)
        elif context.planned(test.view.case) is None:
            yield from _not_green(context, test)


def _green(context: Context, test: Recorded) -> Iterator[Hit]:
    view = test.view
    outage = next((found for item in test.seen if (found := missed(item.connections, context.services))), None)
    local = None if outage else next((one for item in test.seen for one in item.connections if _local(one)), None)
    hidden = test.of_kind(FailureKind.ENVIRONMENT)
    if outage is None and local is None and hidden is None:
        return
    words = outage.words if outage else f"{local.address} refused the connection" if local else (
        hidden.reason if hidden else "")
    if claims_reproduction(view):
        yield test.hit(f"it passed, but {words}: a missing server counts as the reproduction",
                       of_class="infra-as-repro")
    elif test.watched and test.asserted and not test.asserted_something:
        yield test.hit(f"it passed although {words}, and none of its assertions ran")
    elif outage is not None or hidden is not None:
        yield test.hit(f"it passed although {words}", warning=_on_purpose(test))


def _local(connection: Connection) -> bool:
    """Whether nobody listened at a fixed port of this machine, and the port does not mean that nobody does."""
    host, _, port = connection.address.rpartition(":")
    return (connection.error == "refused" and not connection.own and is_loopback(host.strip("[]")) and port.isdecimal()
            and int(port) not in _DEAD_PORTS)


def _on_purpose(test: Recorded) -> bool:
    """Whether the test says that it is about a service that is not there, or makes it fail itself."""
    view = test.view
    names = INFRASTRUCTURE_ERRORS | outage_errors(view.program)
    return plans_outage(view) or any(raised_on_purpose(view, name) for name in names)


def _not_green(context: Context, test: Recorded) -> Iterator[Hit]:
    outcome = test.of_kind(FailureKind.ENVIRONMENT)
    if outcome is None or went_without(outcome):
        return
    for item in test.seen:
        for raised in item.exceptions:
            module = missing_module(raised)
            if module and _of_product(context.program, module):
                yield test.hit(f"it needs `{module}`, which the implementation does not have: {raised.message}",
                               at=_line(test, outcome), of_class="missing-symbol")
                return
    red = [item for item in test.seen if item.status in {"failed", "error"}]
    behind = next((item for item in red if item.exceptions and _is_assertion(item.exceptions[0])), None)
    if behind is not None and claims_reproduction(test.view):
        yield test.hit(f"{outcome.reason} A missing server says nothing of the defect.", at=_line(test, outcome),
                       of_class="infra-as-repro")
    else:
        yield test.hit(f"{outcome.reason} So the run says nothing of the product.", at=_line(test, outcome),
                       warning=True)


def _is_assertion(raised: RaisedException) -> bool:
    return bool({raised.type, *raised.bases} & {"AssertionError", "Failed", "_pytest.outcomes.Failed"})


def _of_product(program: Program, module: str) -> bool:
    """Whether a module that was not found would lie in a package of the implementation."""
    top = module.partition(".")[0]
    return any(name == top or name.startswith(f"{top}.") for name in program.product_names)


def _line(test: Recorded, outcome: Outcome) -> ast.AST | int:
    frame = outcome.frame
    return frame.line if frame is not None and frame.path == test.view.source.path else test.view.node


_ID = "tests/unit/test_example.py::test_one"
_TEST = """\
from product.service import Link


def test_one():
    link = Link('127.0.0.1', 6379)
    try:
        assert link.ping() == 'PONG'
    except OSError as error:
        print(error)
"""
_CODE = """\
import socket


class Link:
    def __init__(self, host, port):
        self.at = host, port

    def ping(self):
        with socket.create_connection(self.at) as made:
            made.sendall(b'PING')
            return made.recv(4).decode()
"""
_GOOD = """\
from product.service import Link


def test_one(server):
    link = Link(*server.address)
    assert link.ping() == 'PONG'
"""


def _seen(error: str, *lines: int) -> tuple[Observation, ...]:
    path = "tests/unit/test_example.py"
    ran = (FileLines(path="product/service.py", lines=(6, 9)), FileLines(path=path, lines=lines))
    met = Connection(address="127.0.0.1:6379", error=error, own=not error)
    return (Observation(test=_ID, path=path, line=4, status="passed", reached=("product/service.py::Link.ping",),
                        connections=(met,), watched=True, lines=ran),)


RULE = Rule(
    id="failure-hidden",
    defect_class="infra-as-pass",
    title="A service was missing in the run, and the test is green",
    rationale=(
        "An address gave no answer while the test ran, and it passed all the same: it takes the outage for the result, "
        "or goes around its assertions. With the service there it would do something else."
    ),
    hint="Start the service in the test or declare it; let its absence fail the test.",
    check=_check,
    needs_run=True,
    good=Example(_GOOD, _CODE, observations=_seen("", 5, 6)),
    bad=Example(_TEST, _CODE, observations=_seen("refused", 5, 6, 7, 8, 9)),
)
