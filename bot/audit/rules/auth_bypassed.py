"""Authentication is replaced or switched off where it is what the test is about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.dataflow.replacing import symbol_at
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.reading.references import function_of, is_product
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.view import Body, View

_GUARDS = re.compile(
    r"auth|current_user|verify_?\w*(token|jwt|user|session|key)|(check|validate|decode|require|get)_?\w*"
    r"(token|jwt|credential|permission|principal|identity|api_?key|login|session_user)|is_logged_in|login_required|"
    r"current_(principal|customer|account)",
    re.IGNORECASE,
)
_SWITCH = re.compile(
    r"(disable|skip|bypass|no|without|mock|fake)_?\w*auth|auth\w*_?(disabled|bypass|off|skip)|^NOAUTH$|"
    r"allow_anonymous",
    re.IGNORECASE,
)
_OFF = re.compile(r"auth\w*_?(enabled|required|on)$|^(require|enable|enforce)_?auth", re.IGNORECASE)
_CLAIMS = re.compile(
    r"(^|_)(auth|authentication|authenticates?|authoris?z?ation|login|jwt|oauth|tokens?|credentials?|api_?keys?|"
    r"unauthori[sz]ed|unauthenticated)(_|$)",
    re.IGNORECASE,
)
_NOT_CLAIMED = re.compile(
    r"authenticated_(user|client)|(with|without|no|disabled?|bypass(ed)?|mock(ed)?|override\w*|"
    r"after|skips?)_(auth|login)|auth_(disabled|bypass|off|override)|"
    r"csrf|token_(count|bucket|limit|usage)|tokeni",
    re.IGNORECASE,
)
_NONE = {"", "none", "no", "mock", "mocked", "fake", "not needed", "n/a", "anonymous", "bypassed"}


_LOGS_IN = "logs in without credentials"


def _bypasses(view: View, body: Body) -> Iterator[tuple[ast.AST, str]]:
    """Where code of the test takes authentication away: where, and what becomes of what."""
    for item in body.every(ast.Subscript):
        if isinstance(item.ctx, ast.Store) and last_name(item.value) == "dependency_overrides":
            if _GUARDS.search(last_name(item.slice)):
                yield item, f"`{last_name(item.slice)}` is overridden"
        elif isinstance(item.ctx, ast.Store) and last_name(item.value) == "environ" and _switched(item.slice, None):
            yield item, f"`{said(item)}` switches authentication off"
    for call in body.every(ast.Call):
        yield from _by_call(view, body, call)


def _by_call(view: View, body: Body, call: ast.Call) -> Iterator[tuple[ast.AST, str]]:
    name = last_name(call.func)
    if name in {"force_login", "force_authenticate"} and name not in view.node.name:
        yield call, f"`{said(call)}` {_LOGS_IN}"
    elif name == "setenv" and len(call.args) > 1 and _switched(call.args[0], call.args[1]):
        yield call, f"`{said(call)}` switches authentication off"
    elif name in {"dict", "update"} and "environ" in ast.dump(call.func if name == "update" else call):
        for given in every(call, ast.Dict):
            for key, value in zip(given.keys, given.values, strict=True):
                if key is not None and _switched(key, value):
                    yield call, f"`{said(call)}` switches authentication off"
    elif name in {"patch", "setattr", "object"} and call.args:
        target = _patched(view, body, call)
        if target and _GUARDS.search(target):
            yield call, f"`{target}` is replaced"
    elif name == "encode" and any(
        word.arg == "algorithm" and isinstance(word.value, ast.Constant) and str(word.value.value).lower() == "none"
        for word in call.keywords
    ):
        yield call, f"`{said(call)}` forges an unsigned token"


def _switched(key: ast.AST, value: ast.AST | None) -> bool:
    name = str(key.value) if isinstance(key, ast.Constant) else ""
    on = str(value.value).lower() if isinstance(value, ast.Constant) else "1"
    if _SWITCH.search(name):
        return on not in {"0", "false", "no", "off", ""}
    return bool(_OFF.search(name)) and on in {"0", "false", "no", "off", ""} and value is not None


def _patched(view: View, body: Body, call: ast.Call) -> str:
    """The name that a patch replaces, where it is the product's own."""
    first = call.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        found = symbol_at(view.program, first.value)
        return first.value.rpartition(".")[2] if found is None or is_product(found) else ""
    if len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
        owner = body.scope.resolve(first)
        if is_product(owner):
            found = body.scope.member(owner, str(call.args[1].value))
            library = found is not None and not is_product(found) and function_of(found) is None
            return "" if library else str(call.args[1].value)
    return ""


def _decorators(view: View) -> Iterator[tuple[ast.AST, str]]:
    for owner in (view.node, *view.case.classes):
        for decorator in owner.decorator_list:
            for call in every(decorator, ast.Call):
                yield from _by_call(view, view.body, call)


def _asked(context: Context, view: View) -> str:
    """Who asks for real authentication: the plan, or the test's own name; "" when nobody does."""
    planned = context.planned(view.case)
    if planned is not None and planned.auth.strip().lower() not in _NONE:
        return f"the plan asks for authentication ({planned.auth})"
    name = view.node.name
    if _CLAIMS.search(name) and not _NOT_CLAIMED.search(name):
        return "the test says that it is about authentication"
    return ""


def _look(context: Context, view: View) -> Iterator[Found]:
    if not (asked := _asked(context, view)):
        return
    for node, what in _decorators(view):
        yield node, f"{what}, although {asked}"
        return
    own = set(view.nodes)
    for node, what in view.found("auth-bypassed", lambda body: _bypasses(view, body)):
        if what.endswith(_LOGS_IN) and node not in own:
            # Logged in beforehand, a test may still ask what the product does of that: log out, who may do what.
            yield node, f"{what}, although {asked}", WARNING
        else:
            yield node, f"{what}, although {asked}"
        return


RULE = Rule(
    id="auth-bypassed",
    defect_class="auth-bypassed",
    title="Authentication is taken out of the test",
    rationale="With the check of credentials replaced, the test passes with no authentication in the product at all.",
    hint="Log in as a client does, with a token that the product itself issued and checks.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import read, sign


def test_token_opens_the_door():
    assert read(sign('ada')) == 'ada'
    assert read('ada:forged') is None
""",
        implementation="""\
def sign(name):
    return f'{name}:{hash(name)}'


def verify_token(token):
    name, _, mark = token.partition(':')
    return name if mark == str(hash(name)) else None


def read(token):
    return verify_token(token)
""",
    ),
    bad=Example(
        test="""\
from product import service
from product.service import read


def test_token_is_checked(monkeypatch):
    monkeypatch.setattr(service, 'verify_token', lambda token: 'ada')
    assert read('anything') == 'ada'
""",
        implementation="""\
def verify_token(token):
    name, _, mark = token.partition(':')
    return name if mark == str(hash(name)) else None


def read(token):
    return verify_token(token)
""",
    ),
)
