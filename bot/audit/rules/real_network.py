"""A test that reaches out to hosts beyond this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Hit, Rule, per_test, said
from bot.audit.surroundings.levels import level_of, opted_in
from bot.audit.surroundings.network import LOOPBACK, addresses, connecting, served
from bot.audit.view import View
from bot.domain.plan import Level

_HOST = re.compile(r"^\[?(?P<host>[^\]/]+?)\]?(?::\d+)?$")


def _declared(context: Context) -> set[str]:
    return {service.address.rpartition(":")[0] for service in context.services}


def _look(context: Context, view: View) -> Iterator[Found]:
    far = None
    for address in addresses(view):
        if (
            not address.loopback
            and not address.reserved
            and "." in address.host
            and address.host not in _declared(context)
        ):
            far = address
            break
    if far is None or served(view) or connecting(view, (far.call, *view.node.body)) is None:
        return
    level = level_of(context, view.case)
    severity = WARNING if level in {Level.INTEGRATION, Level.E2E} or opted_in(view) else ERROR
    yield far.call, f"`{said(far.call)}` needs the host {far.host} in the network", severity


def _seen(context: Context) -> Iterator[Hit]:
    """Connections of the run to hosts that are not this machine."""
    for case in context.cases:
        level = level_of(context, case)
        for seen in context.observations_of(case.id):
            for connection in seen.connections:
                match = _HOST.match(connection.address)
                host = match["host"] if match else ""
                if connection.own or not host or "/" in connection.address or LOOPBACK.match(host):
                    continue
                if host in _declared(context) or (connection.error == "unknown host" and not host.count(".")):
                    continue
                severity = WARNING if level in {Level.INTEGRATION, Level.E2E} else ERROR
                what = "reached" if not connection.error else f"tried to reach ({connection.error})"
                yield Hit(
                    case.source.path,
                    case.node.lineno,
                    case.id,
                    f"the run {what} {connection.address}",
                    case.source.line(case.node.lineno),
                    severity,
                )
                break


def _check(context: Context) -> Iterator[Hit]:
    yield from per_test(_look)(context)
    yield from _seen(context)


RULE = Rule(
    id="real-network",
    defect_class="real-network",
    title="A host in the network is needed",
    rationale="The verdict depends on a machine that others run, and on the way there.",
    hint="Start a server in the test on port 0, or give the client a transport of the test's own.",
    check=_check,
    good=Example(
        test="""\
import httpx
from product.service import name


def test_name():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={'name': 'ada'}))
    client = httpx.Client(transport=transport, base_url='https://api.github.com')
    assert name(client) == 'ada'
""",
        implementation="""\
def name(client):
    return client.get('/user').json()['name']
""",
    ),
    bad=Example(
        test="""\
import httpx
from product.service import name


def test_name():
    response = httpx.get('https://api.github.com/users/ada')
    assert name(response.json()) == 'ada'
""",
        implementation="""\
def name(answer):
    return answer['name']
""",
    ),
)
