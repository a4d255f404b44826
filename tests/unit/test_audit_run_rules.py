"""The rules that read what a run recorded, each on tests of many styles and on good tests that look like them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit.examine import examine
from bot.audit.observed.support import Claim, Word, judge
from bot.audit.reading.program import Program
from bot.domain.audit import Finding, FindingSeverity
from bot.domain.logs import Frame
from bot.domain.suite import (
    Connection,
    FailureKind,
    FileLines,
    Observation,
    Outcome,
    RaisedException,
    RawStatus,
    SeenMock,
    SeenWarning,
)

PATH = "tests/unit/test_shop.py"
CODE = '''\
"""Carts and their prices."""

import requests

LIMIT = 10


def find(name):
    """The items of this name; an empty list when there are none."""
    return [item for item in requests.get(name) if item]


async def load(name):
    """Load an item."""
    return find(name)


class Cart:
    """Holds items. A cart never holds more than `LIMIT` items of one kind."""

    def __init__(self):
        self.items = []

    def add(self, item, count=1):
        """Add an item. Raises CartFull when it is full. Ten or more of one kind are 5 % cheaper."""
        self.items += [item] * count  # blanks around the name do not count
        return len(self.items)

    def timeout(self):
        """Thirty seconds: what the shop waits for."""
        return 30.0
'''
HEAD = (
    "import asyncio\nimport json\nimport pytest\nimport unittest\nfrom unittest import mock\n"
    "from product.service import Cart, LIMIT, find, load\n\n\n"
)


@dataclass(frozen=True)
class Seen:
    """What is said to have happened. Lines of the test file that hold `# not run` did not run, all others did."""

    status: RawStatus = "passed"
    product: bool = True
    raised: tuple[RaisedException, ...] = ()
    kind: FailureKind = FailureKind.PASSED
    connections: tuple[Connection, ...] = ()
    mocks: tuple[SeenMock, ...] = ()
    warnings: tuple[SeenWarning, ...] = ()
    skip_reason: str = ""
    reached: tuple[str, ...] = ("product/service.py::Cart.add",)


def audited(body: str, seen: Seen, name: str = "") -> dict[str, Finding]:
    """The findings of rules that need a run, by rule; of several of one rule an error, if there is one."""
    text = HEAD + textwrap.dedent(body)
    lines = tuple(at for at, line in enumerate(text.split("\n"), 1) if line.strip() and "# not run" not in line)
    report = examine({PATH: text}, {"product/__init__.py": "", "product/service.py": CODE})
    test = name or report.tests[0]
    ran = [FileLines(path=PATH, lines=lines)]
    if seen.product:
        ran.append(FileLines(path="product/service.py", lines=(10,)))
    observation = Observation(
        test=test,
        path=PATH,
        line=1,
        status=seen.status,
        phase=None if seen.status == "passed" else "call",
        exceptions=seen.raised,
        connections=seen.connections,
        watched=True,
        lines=tuple(ran),
        mocks=seen.mocks,
        warnings=seen.warnings,
        skip_reason=seen.skip_reason,
        reached=seen.reached,
    )
    outcome = Outcome(test=test, kind=seen.kind, reason="So it was.")
    report = examine(
        {PATH: text}, {"product/__init__.py": "", "product/service.py": CODE}, None, (observation,), (outcome,), "run"
    )
    found: dict[str, Finding] = {}
    for item in report.findings:
        if item.test == test and (item.rule not in found or item.severity is FindingSeverity.ERROR):
            found[item.rule] = item
    return found


def error_of(found: dict[str, Finding], rule: str) -> str:
    """The class of a rule's error; empty when it gave none."""
    item = found.get(rule)
    return item.defect_class if item is not None and item.severity is FindingSeverity.ERROR else ""


UNREACHED = {
    "under if": ("def test_x():\n    if find('a'):\n        assert True is LIMIT  # not run\n", "conditional-assert"),
    "empty loop": (
        "def test_x():\n    for item in find('a'):\n        assert item == 'a'  # not run\n",
        "conditional-assert",
    ),
    "early return": (
        (
            "def test_x():\n    found = find('a')\n    if not found:\n        return\n"
            "    assert found == ['a']  # not run\n"
        ),
        "conditional-assert",
    ),
    "in try": (
        (
            "def test_x():\n    try:\n        found = find('a')\n        assert found  # not run\n"
            "    except ValueError:\n        pass\n"
        ),
        "swallowed-failure",
    ),
    "unittest": (
        (
            "class TestX(unittest.TestCase):\n    def test_x(self):\n        for item in find('a'):\n"
            "            self.assertEqual(item, 'a')  # not run\n"
        ),
        "conditional-assert",
    ),
    "helper": (
        (
            "def check_all(items):\n    for item in items:\n        assert item == 'a'  # not run\n\n\n"
            "def test_x():\n    check_all(find('a'))  # not run\n    found = find('a')\n"
        ),
        "conditional-assert",
    ),
    "callback never called": (
        ("def test_x():\n    def done(item):\n        assert item == 'a'  # not run\n    Cart().add(done)\n"),
        "conditional-assert",
    ),
    "while": (
        "def test_x():\n    items = find('a')\n    while items:\n        assert items.pop()  # not run\n",
        "conditional-assert",
    ),
    "raises under if": (
        (
            "def test_x():\n    if LIMIT > 99:\n        with pytest.raises(ValueError):  # not run\n"
            "            find('a')  # not run\n    Cart()\n"
        ),
        "conditional-assert",
    ),
    "parametrised": (
        ("@pytest.mark.parametrize('n', [1])\ndef test_x(n):\n    if find(n):\n        assert n == 2  # not run\n"),
        "conditional-assert",
    ),
    "async": (
        (
            "@pytest.mark.asyncio\nasync def test_x():\n    for item in await load('a'):\n"
            "        assert item == 'a'  # not run\n"
        ),
        "conditional-assert",
    ),
    "async body": (
        (
            "class TestX(unittest.TestCase):\n    async def test_x(self):\n"
            "        self.assertEqual(await load('a'), 1)  # not run\n"
        ),
        "async-test-not-run",
    ),
}


@pytest.mark.parametrize("name", UNREACHED)
def test_a_test_that_passed_without_an_assertion_is_found(name: str) -> None:
    body, of_class = UNREACHED[name]
    assert error_of(audited(body, Seen()), "assertions-not-reached") == of_class


REACHED = {
    "one of two": "def test_x():\n    assert find('a') == []\n    for i in find('a'):\n        assert i  # not run\n",
    "fail": "def test_x():\n    try:\n        find('a')\n    except ValueError:\n        return\n"
    "    pytest.fail('no error')  # not run\n",
    "raise": "def test_x():\n    if find('a'):\n        raise AssertionError  # not run\n",
    "never called back": "def test_x():\n    def never(item):\n        assert False, 'called'  # not run\n"
    "    Cart().add(never)\n",
    "raises": "def test_x():\n    with pytest.raises(ValueError):\n        find('a')\n",
    "helper": "def check(found):\n    assert found == []\n\n\ndef test_x():\n    check(find('a'))\n",
    "several lines": "def test_x():\n    got = find('a')\n    assert (  # not run\n        got ==\n        []\n    )\n",
    "unittest": "class TestX(unittest.TestCase):\n    def test_x(self):\n        self.assertEqual(find('a'), [])\n",
    "else": "def test_x():\n    if find('a'):\n        assert LIMIT == 1  # not run\n    else:\n        assert LIMIT\n",
    "async": "@pytest.mark.asyncio\nasync def test_x():\n    assert await load('a') == []\n",
    "finally": "def test_x():\n    try:\n        find('a')\n    finally:\n        assert LIMIT == 10\n",
    "assert in fixture": "@pytest.fixture(autouse=True)\ndef clean():\n    yield\n    assert LIMIT == 10\n\n\n"
    "def test_x():\n    find('a')\n",
}


@pytest.mark.parametrize("name", REACHED)
def test_an_assertion_that_ran_or_must_not_run_is_no_error(name: str) -> None:
    found = audited(REACHED[name], Seen())
    assert "assertions-not-reached" not in found
    assert "no-product-code-ran" not in found


def test_an_assertion_that_only_a_mock_made_counts() -> None:
    body = "def test_x():\n    m = mock.Mock()\n    if Cart().add(m) == 9:\n        m.assert_called()  # not run\n"
    seen = Seen(mocks=(SeenMock(path=PATH, line=10, calls=1, checked=True),))
    assert "assertions-not-reached" not in audited(body, seen)


def test_what_was_not_watched_is_not_judged() -> None:
    body = "def test_x():\n    for item in find('a'):\n        assert item\n"
    text = HEAD + body
    report = examine(
        {PATH: text},
        {"product/service.py": CODE},
        None,
        (Observation(test=f"{PATH}::test_x", path=PATH, status="passed"),),
        (),
        "run",
    )
    assert not [item for item in report.findings if item.rule in {"assertions-not-reached", "no-product-code-ran"}]


NO_PRODUCT = {
    "library": ("def test_x():\n    assert json.loads('[1]') == [1]\n", "tests-dependency"),
    "reimplemented": (
        (
            "def total(items):\n    found = 0\n    for item in items:\n        found += item\n    return found\n\n\n"
            "def test_x():\n    assert total([1, 2]) == 3\n"
        ),
        "sut-reimplemented",
    ),
    "class": (
        (
            "class FakeCart:\n    def __init__(self):\n        self.items = []\n\n    def add(self, item):\n"
            "        self.items.append(item)\n        return len(self.items)\n\n\n"
            "def test_x():\n    assert FakeCart().add('a') == 1\n"
        ),
        "sut-reimplemented",
    ),
    "mock": (
        "def test_x():\n    cart = mock.Mock()\n    cart.add.return_value = 3\n    assert cart.add('a') == 3\n",
        "mock-only",
    ),
    "async mock": (
        (
            "@pytest.mark.asyncio\nasync def test_x():\n    service = mock.AsyncMock(return_value=3)\n"
            "    assert await service('a') == 3\n"
        ),
        "mock-only",
    ),
    "replaced": (
        (
            "def test_x(monkeypatch):\n    cart = mock.MagicMock(spec=Cart)\n    cart.add.return_value = 3\n"
            "    assert cart.add('a') == 3\n"
        ),
        "mock-only",
    ),
    "own values": (
        "def answer():\n    return {'status': 'ok'}\n\n\ndef test_x():\n    assert answer()['status'] == 'ok'\n",
        "hardcoded-result",
    ),
    "sleep": (
        (
            "@pytest.mark.asyncio\nasync def test_x():\n    found = await asyncio.gather(asyncio.sleep(0, 1))\n"
            "    assert found == [1]\n"
        ),
        "tests-dependency",
    ),
    "never awaited": (
        "def test_x():\n    found = load('a')\n    assert found is not None\n    found.close()\n",
        "unawaited-coroutine",
    ),
}


@pytest.mark.parametrize("name", NO_PRODUCT)
def test_a_test_in_which_no_product_line_ran_is_found(name: str) -> None:
    body, of_class = NO_PRODUCT[name]
    assert error_of(audited(body, Seen(product=False)), "no-product-code-ran") == of_class


PRODUCT_ELSEWHERE = {
    "constant": "def test_x():\n    assert LIMIT == 10\n",
    "subprocess": "import subprocess\nimport sys\n\n\ndef test_x():\n"
    "    done = subprocess.run([sys.executable, '-m', 'product'], capture_output=True)\n"
    "    assert done.returncode == 0\n",
    "helper with a process": "import subprocess\n\n\ndef run(*args):\n    return subprocess.check_output(args)\n\n\n"
    "def test_x():\n    assert run('shop', 'list') == b''\n",
    "fixture": "@pytest.fixture\ndef cart():\n    found = Cart()\n    found.add('a')\n    return found\n\n\n"
    "def test_x(cart):\n    assert cart.items == ['a']\n",
    "set-up": "class TestX(unittest.TestCase):\n    def setUp(self):\n        self.cart = Cart()\n\n"
    "    def test_x(self):\n        self.assertEqual(self.cart.items, [])\n",
    "schema": "from pathlib import Path\n\n\ndef test_x():\n    assert Path('product/schema.json').read_text()\n",
    "name": "def test_x():\n    assert Cart.__name__ == 'Cart'\n",
    "signature error": "def test_x():\n    with pytest.raises(TypeError):\n        find()\n",
    "unknown fixture": "def test_x(client):\n    assert client.get('/').status_code == 200\n",
    "subclass": "class Big(Cart):\n    limit = 20\n\n\ndef test_x():\n    assert Big.limit > LIMIT\n",
    "import": "import importlib\n\n\ndef test_x():\n    assert importlib.import_module('product.service')\n",
}


@pytest.mark.parametrize("name", PRODUCT_ELSEWHERE)
def test_a_product_that_is_not_seen_to_run_is_no_error_by_itself(name: str) -> None:
    assert error_of(audited(PRODUCT_ELSEWHERE[name], Seen(product=False)), "no-product-code-ran") == ""


REFUSED = Connection(address="127.0.0.1:6379", error="refused")
HIDDEN = {
    "reproduction": (
        "def test_race_is_reproduced():\n    errors = [find('a')]\n    assert len(errors) == 1\n",
        REFUSED,
        "infra-as-repro",
    ),
    "any port": (
        "def test_race_is_reproduced():\n    errors = [find('a')]\n    assert len(errors) == 1\n",
        Connection(address="127.0.0.1:8099", error="refused"),
        "infra-as-repro",
    ),
    "not asserted": (
        "def test_ping():\n    if find('a'):\n        assert LIMIT == 10  # not run\n",
        REFUSED,
        "infra-as-pass",
    ),
    "green anyway": ("def test_ping():\n    assert find('a') in (None, [])\n", REFUSED, "infra-as-pass"),
    "name": (
        "def test_ping():\n    assert find('a') == []\n",
        Connection(address="redis.internal.corp", error="unknown host"),
        "infra-as-pass",
    ),
    "late": (
        "def test_latency():\n    assert find('a') == []\n",
        Connection(address="127.0.0.1:5432", error="timed out"),
        "infra-as-pass",
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_missing_service_behind_a_green_test_is_found(name: str) -> None:
    body, connection, of_class = HIDDEN[name]
    assert error_of(audited(body, Seen(connections=(connection,))), "failure-hidden") == of_class


@pytest.mark.parametrize(
    ("name", "connection"),
    [
        ("test_ping", Connection(address="127.0.0.1:6379")),
        ("test_refused_connection_is_told", REFUSED),
        ("test_redis_is_down", REFUSED),
        ("test_ping", Connection(address="127.0.0.1:40123", error="refused", own=True)),
        ("test_ping", Connection(address="127.0.0.1:40123", error="refused")),
        ("test_race_is_reproduced", Connection(address="127.0.0.1:1", error="refused")),
        ("test_race_is_reproduced", Connection(address="127.0.0.1:40123", error="refused", own=True)),
        ("test_ping", Connection(address="nowhere.invalid", error="unknown host")),
    ],
    ids=["answered", "refused", "down", "own", "some port", "dead port", "own, under load", "reserved name"],
)
def test_an_outage_that_the_test_means_or_made_is_no_error(name: str, connection: Connection) -> None:
    body = f"def {name}():\n    assert find('a') == []\n"
    assert error_of(audited(body, Seen(connections=(connection,))), "failure-hidden") == ""


def test_a_plain_failure_for_a_missing_service_is_a_warning_and_counting_it_an_error() -> None:
    refused = RaisedException(
        type="ConnectionRefusedError",
        message="[Errno 111] Connection refused",
        bases=("ConnectionRefusedError", "OSError"),
    )
    seen = Seen("failed", raised=(refused,), kind=FailureKind.ENVIRONMENT)
    found = audited("def test_ping():\n    assert find('a') == []\n", seen)
    assert found["failure-hidden"].severity is FindingSeverity.WARNING
    counted = RaisedException(type="AssertionError", message="10/10 failed", bases=("AssertionError",))
    body = "def test_race_is_reproduced():\n    assert find('a') == [], 'race reproduced'\n"
    seen = Seen("failed", raised=(counted, refused), kind=FailureKind.ENVIRONMENT)
    assert error_of(audited(body, seen), "failure-hidden") == "infra-as-repro"


def test_a_module_that_the_product_should_have_is_a_missing_symbol() -> None:
    raised = RaisedException(
        type="ModuleNotFoundError",
        message="No module named 'product.refunds'",
        bases=("ModuleNotFoundError", "ImportError"),
    )
    found = audited(
        "def test_refund():\n    assert find('a') == []\n",
        Seen("failed", raised=(raised,), kind=FailureKind.ENVIRONMENT),
    )
    assert error_of(found, "failure-hidden") == "missing-symbol"


MISTAKES = {
    "wrong-signature": ("TypeError", "add() got an unexpected keyword argument 'size'"),
    "missing-symbol": ("AttributeError", "'Cart' object has no attribute 'merge'"),
    "await-on-sync": ("TypeError", "object bool can't be used in 'await' expression"),
    "unawaited-coroutine": ("AttributeError", "'coroutine' object has no attribute 'items'"),
    "harness-as-repro": ("KeyError", "'two'"),
}


@pytest.mark.parametrize("of_class", MISTAKES)
def test_a_mistake_of_the_test_is_told_by_its_class(of_class: str) -> None:
    kind, message = MISTAKES[of_class]
    raised = RaisedException(type=kind, message=message, bases=(kind, "Exception"))
    found = audited(
        "def test_x(cart):\n    assert cart.add('a') == 1\n", Seen("failed", raised=(raised,), kind=FailureKind.HARNESS)
    )
    assert error_of(found, "failed-by-itself") == of_class


def test_flaky_is_an_error_where_the_clock_decides() -> None:
    raised = RaisedException(type="AssertionError", message="assert 1 == 2", bases=("AssertionError",))
    seen = Seen("failed", raised=(raised,), kind=FailureKind.FLAKY)
    timed = audited("import time\n\n\ndef test_x():\n    time.sleep(0.1)\n    assert find('a') == []\n", seen)
    assert error_of(timed, "failed-by-itself") == "sleep-timing"
    plain = audited("def test_x():\n    assert find('a') == []\n", seen)
    assert plain["failed-by-itself"].severity is FindingSeverity.WARNING
    slow = Seen("failed", raised=(raised,), kind=FailureKind.TIMEOUT)
    assert (
        audited("def test_x():\n    assert find('a') == []\n", slow)["failed-by-itself"].severity
        is FindingSeverity.WARNING
    )


def red(
    body: str, message: str, *, kind: str = "AssertionError", place: str = PATH, line: int = 10, function: str = "test"
) -> Finding | None:
    raised = RaisedException(
        type=kind,
        message=message,
        bases=(kind, "Exception"),
        rewritten=True,
        frames=(Frame(path=place, line=line, function=function),),
    )
    seen = Seen(
        "failed",
        raised=(raised,),
        kind=FailureKind.OTHER_FAILURE,
        reached=("product/service.py::Cart.add", "product/service.py::Cart.timeout"),
    )
    return audited(body, seen).get("red-against-the-product")


MADE_UP = {
    "number": ("def test_timeout_is_sixty():\n    assert Cart().timeout() == 60.0\n", "assert 30.0 == 60.0"),
    "unittest": (
        "class TestX(unittest.TestCase):\n    def test_wait(self):\n        self.assertEqual(Cart().timeout(), 60)\n",
        "30.0 != 60 : expected 60",
    ),
    "not documented": (
        "def test_items_are_sorted():\n    assert Cart().add('b') == ['a', 'b']\n",
        "assert 1 == ['a', 'b']",
    ),
    "exception": (
        "def test_empty_name():\n    with pytest.raises(ValueError):\n        Cart().add('')\n",
        "DID NOT RAISE <class 'ValueError'>",
    ),
    "fail": ("def test_currency():\n    pytest.fail('no currency yet')\n", "no currency yet"),
    "number in name": ("def test_default_limit_is_eight():\n    assert LIMIT == 8\n", "assert 10 == 8"),
}


@pytest.mark.parametrize("name", MADE_UP)
def test_a_red_test_for_which_nothing_speaks_is_found(name: str) -> None:
    found = red(*MADE_UP[name])
    assert found is not None
    assert (found.severity, found.defect_class) == (FindingSeverity.ERROR, "expectation-contradicts-impl")


SPOKEN_FOR = {
    "quoted": (
        'def test_all():\n    """\'never holds more than `LIMIT` items\'"""\n    assert Cart().add(\'a\', 11) == 10\n',
        "assert 11 == 10",
    ),
    "by its words": (
        "def test_name_counts_without_blanks_around():\n    assert Cart().add(' a ') == 1\n",
        "assert ' a ' == 'a'",
    ),
    "exception": (
        "def test_full():\n    with pytest.raises(CartFull):\n        Cart().add('a', 11)\n",
        "DID NOT RAISE <class 'product.service.CartFull'>",
    ),
    "exception by its name": (
        "def test_full():\n    with pytest.raises(CartFull):\n        Cart().add('a', 11)\n",
        "DID NOT RAISE CartFull",
    ),
    "cheaper": (
        (
            'def test_discount():\n    """Ten or more of one kind are 5 % cheaper."""\n'
            "    assert Cart().add('a', 10) == 42.75\n"
        ),
        "assert 45.0 == 42.75",
    ),
}


@pytest.mark.parametrize("name", SPOKEN_FOR)
def test_a_red_test_that_the_products_words_speak_for_is_good(name: str) -> None:
    found = red(*SPOKEN_FOR[name])
    assert found is not None
    assert found.severity is FindingSeverity.WARNING


RACES = {
    "threads": (
        "import threading\n\n\ndef test_adds():\n    cart = Cart()\n"
        "    threads = [threading.Thread(target=cart.add, args=('a',)) for _ in range(8)]\n"
        "    assert len(cart.items) == 8\n"
    ),
    "gather": (
        "@pytest.mark.asyncio\nasync def test_loads():\n    n = 8\n"
        "    found = await asyncio.gather(*(load(i) for i in range(n)))\n    assert len(found) == n\n"
    ),
}


@pytest.mark.parametrize("name", RACES)
def test_what_runs_at_once_and_is_lost_needs_no_documentation(name: str) -> None:
    found = red(RACES[name], "assert 5 == 8", line=100)
    assert found is not None
    assert found.severity is FindingSeverity.WARNING
    made_up = red(RACES[name], "assert 30.0 == 60.0", line=100)
    assert made_up is not None
    assert made_up.severity is FindingSeverity.ERROR


STATUS = """\
def user(token):
    \"\"\"The caller. 401 without a token. 403 for a wrong token.\"\"\"
"""


@pytest.mark.parametrize(
    ("name", "expected", "actual", "word"),
    [
        ("test_wrong_token", "401", "403", Word.CONTRADICTED),
        ("test_wrong_token", "403", "401", Word.SUPPORTED),
        ("test_wrong_token", "404", "403", Word.CONTRADICTED),
        ("test_wrong_token", "403", "404", Word.SUPPORTED),
        ("test_it", "404", "500", Word.SILENT),
        ("test_it", "1", "2", Word.SILENT),
    ],
)
def test_the_sentence_about_what_the_test_is_about_decides(name: str, expected: str, actual: str, word: Word) -> None:
    program = Program.build({"product/service.py": STATUS}, {})
    assert judge(program, ("product/service.py::user",), Claim(name, (), expected, actual))[0] is word


def test_a_crash_of_the_product_is_no_made_up_expectation() -> None:
    body = "def test_add():\n    assert Cart().add('a') == 1\n"
    crash = red(
        body, "list index out of range", kind="IndexError", place="product/service.py", line=27, function="Cart.add"
    )
    assert crash is not None
    assert crash.severity is FindingSeverity.WARNING
    missing = red(
        body,
        "`yaml` must be installed",
        kind="AssertionError",
        place="product/service.py",
        line=27,
        function="Cart.add",
    )
    assert missing is not None
    assert missing.severity is FindingSeverity.WARNING


def test_an_async_test_that_nothing_awaits_is_told_so() -> None:
    found = red(
        "async def test_add():\n    assert Cart().add('a') == 1\n",
        "async def functions are not natively supported.",
        kind="Failed",
    )
    assert found is not None
    assert found.defect_class == "async-test-not-run"


def test_a_patch_that_was_never_called_is_found() -> None:
    body = (
        "@mock.patch('product.service.find', side_effect={1})\n"
        "def test_{0}(found):\n    assert Cart().add('a') == 1\n"
    )
    uncalled = Seen(mocks=(SeenMock(path=PATH, line=9, target="product.service.find"),))
    called = Seen(mocks=(SeenMock(path=PATH, line=9, target="product.service.find", calls=1),))
    rule = "patched-and-never-called"
    assert error_of(audited(body.format("outage", "ConnectionError"), uncalled), rule) == "unwired-double"
    assert rule not in audited(body.format("outage", "ConnectionError"), called)
    assert audited(body.format("adding", "None"), uncalled)[rule].severity is FindingSeverity.WARNING
    assert rule not in audited(body.format("outage_is_not_asked_for", "ConnectionError"), uncalled)
    silent = Seen(mocks=(SeenMock(path=PATH, line=9, target="product.service.logger"),))
    assert rule not in audited(body.format("adding", "None"), silent)


def test_a_coroutine_of_the_products_own_making_is_a_warning() -> None:
    body = "def test_x():\n    assert find('a') == []\n"
    rule = "coroutine-never-awaited"
    by_test = SeenWarning(category="RuntimeWarning", message="coroutine 'load' was never awaited", path=PATH, line=10)
    by_product = by_test.model_copy(update={"path": "product/service.py"})
    assert error_of(audited(body, Seen(warnings=(by_test,))), rule) == "unawaited-coroutine"
    assert audited(body, Seen(warnings=(by_product,)))[rule].severity is FindingSeverity.WARNING


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("coro = load('a')\n    assert coro is not None\n    coro.close()", True),
        ("load('a')\n    assert LIMIT == 10", True),
        ("coro = load('a')\n    assert asyncio.iscoroutine(coro)\n    coro.close()", False),
        ("got = asyncio.run(load('a'))\n    assert got == []", False),
        ("coro = load('a')  # not run\n    assert LIMIT == 10", False),
        ("with pytest.raises(TypeError):\n        coro = load()", False),
    ],
    ids=["closed", "dropped", "is one", "awaited", "not come to", "does not bind"],
)
def test_a_coroutine_whose_body_did_not_run_is_found_without_a_warning(lines: str, found: bool) -> None:
    of_class = error_of(audited(f"def test_x():\n    {lines}\n", Seen()), "coroutine-never-awaited")
    assert of_class == ("unawaited-coroutine" if found else "")


def test_a_green_and_honest_test_gets_nothing() -> None:
    assert audited("def test_add():\n    cart = Cart()\n    assert cart.add('a') + cart.add('b') == 3\n", Seen()) == {}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_the_judgement(name: str, prose: str, expected: str, actual: str) -> None:
    program = Program.build({"product/service.py": CODE}, {})
    keys = ("product/service.py::Cart.add", name, f"{prose}::{name}")
    assert judge(program, keys, Claim(name, (prose,), expected, actual))[0] in Word


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=120))
def test_no_message_of_a_failure_breaks_a_rule(message: str) -> None:
    found = red("def test_add():\n    assert Cart().add('a') == 1\n", message)
    assert found is None or found.rule == "red-against-the-product"


@pytest.mark.parametrize(("other", "found"), [
    ("len(wanted) == 1", True), ("json.dumps(wanted) == '[1]'", True), ("cart.items == []", False),
])
def test_assertions_on_the_product_that_were_left_out_are_not_made_up_for_by_others(other: str, found: bool) -> None:
    findings = audited(f"""\
        def test_one():
            cart, wanted = Cart(), [1]
            count = cart.add('tea')
            if count > 5:
                assert count == 6  # not run
            assert {other}
        """, Seen())
    assert (findings.get("assertions-not-reached") is not None) is found
