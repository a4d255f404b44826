"""The guard of tests: what makes tests say less is refused, what makes them say more or as much passes."""

from __future__ import annotations

import json
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.patch import GuardFinding
from bot.proof.guard import guard_tests

TESTS = textwrap.dedent("""
    import pytest
    import unittest

    from shop import Cart, price


    @pytest.fixture
    def cart():
        return Cart(real=True)


    def check_total(cart, total):
        assert cart.total == total


    @pytest.mark.parametrize("n", [0, 1, 2])
    def test_price(n):
        assert price(n) == n * 3


    def test_total(cart):
        cart.add("tea", 2)
        assert cart.total == 6
        assert cart.items == ["tea", "tea"]
        assert cart.age < 5 and cart.name is not None


    def test_rate(cart):
        assert cart.rate == pytest.approx(0.3, abs=0.01)


    def test_refuses(cart):
        with pytest.raises(KeyError, match="no such tea"):
            cart.take("tea")


    class TestOrder:
        def test_sent(self, cart):
            assert cart.send().ok
            cart.log.assert_called_once_with("sent")


    class OrderCase(unittest.TestCase):
        def test_open(self):
            self.assertEqual(Cart().state, "open")
    """)
PATH = "tests/test_cart.py"


def judged(*changes: tuple[str, str]) -> tuple[GuardFinding, ...]:
    new = TESTS
    for find, replace in changes:
        assert new.count(find) == 1, find
        new = new.replace(find, replace)
    return guard_tests({PATH: TESTS}, {PATH: new})


def hard(found: tuple[GuardFinding, ...]) -> list[str]:
    return [item.rule for item in found if item.hard]


PRICE = "    assert price(n) == n * 3\n"
TAKE = '    with pytest.raises(KeyError, match="no such tea"):\n        cart.take("tea")\n'
WEAKER: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "deleted": ("test-deleted", ((f"def test_refuses(cart):\n{TAKE}", ""),)),
    "renamed": ("test-uncollected", (("def test_rate(", "def _test_rate("),)),
    "class renamed": ("test-uncollected", (("class TestOrder:", "class XTestOrder:"),)),
    "made a fixture": ("test-uncollected", (("def test_rate(", "@pytest.fixture\ndef test_rate("),)),
    "class not collected": (
        "test-uncollected",
        (("class TestOrder:\n", "class TestOrder:\n    __test__ = False\n\n"),),
    ),
    "bound to nothing": ("test-uncollected", (("class TestOrder:", "test_rate = None\n\n\nclass TestOrder:"),)),
    "defined twice": (
        "assertion-deleted",
        (("class TestOrder:", "def test_rate(cart):\n    pass\n\n\nclass TestOrder:"),),
    ),
    "skip": ("test-skipped", (("def test_rate(", "@pytest.mark.skip\ndef test_rate("),)),
    "skipif": ("test-skipped", (("def test_rate(", "@pytest.mark.skipif(True, reason='slow')\ndef test_rate("),)),
    "xfail": ("test-skipped", (("def test_rate(", "@pytest.mark.xfail(strict=False)\ndef test_rate("),)),
    "skip inside": ("test-skipped", ((PRICE, f"    if n:\n        pytest.skip('later')\n{PRICE}"),)),
    "unittest skip": (
        "test-skipped",
        (("        self.assertEqual", "        self.skipTest('x')\n        self.assertEqual"),),
    ),
    "SkipTest": ("test-skipped", ((PRICE, f"    raise unittest.SkipTest\n{PRICE}"),)),
    "module skip": ("test-skipped", (("import pytest\n", "import pytest\npytestmark = pytest.mark.skip\n"),)),
    "one case is expected to fail": (
        "test-skipped",
        (("[0, 1, 2]", "[0, 1, pytest.param(2, marks=pytest.mark.xfail)]"),),
    ),
    "rerun": ("test-rerun", (("def test_rate(", "@pytest.mark.flaky(reruns=3)\ndef test_rate("),)),
    "a case less": ("cases-removed", (("[0, 1, 2]", "[0, 1]"),)),
    "assertion gone": ("assertion-deleted", (("    assert cart.total == 6\n", ""),)),
    "half of an assertion": ("assertion-deleted", ((" and cart.name is not None", ""),)),
    "a comment now": ("assertion-deleted", (("    assert cart.total == 6\n", "    # assert cart.total == 6\n"),)),
    "mock assertion gone": ("assertion-deleted", (('        cart.log.assert_called_once_with("sent")\n', ""),)),
    "raises gone": ("assertion-deleted", ((TAKE, "    cart.add('tea', 1)\n"),)),
    "truth": ("assertion-weakened", (("assert cart.total == 6", "assert cart.total"),)),
    "membership": ("assertion-weakened", (("assert cart.total == 6", "assert cart.total in (5, 6)"),)),
    "a bound": ("assertion-weakened", (("assert cart.total == 6", "assert cart.total >= 1"),)),
    "not None": ("assertion-weakened", (("assert cart.total == 6", "assert cart.total is not None"),)),
    "or": ("assertion-weakened", (("assert cart.total == 6", "assert cart.total == 6 or cart.total == 4"),)),
    "only how many": ("assertion-weakened", (('cart.items == ["tea", "tea"]', "len(cart.items) == 2"),)),
    "in any order": ("assertion-weakened", (('cart.items == ["tea", "tea"]', 'set(cart.items) == {"tea"}'),)),
    "always true": ("assertion-weakened", (("assert cart.total == 6", "assert True"),)),
    "equal to itself": ("assertion-weakened", (("assert cart.total == 6", "assert cart.total == cart.total"),)),
    "a looser bound": ("assertion-weakened", (("cart.age < 5", "cart.age < 50"),)),
    "a closed bound": ("assertion-weakened", (("cart.age < 5", "cart.age <= 5"),)),
    "a wider tolerance": ("assertion-weakened", (("abs=0.01", "abs=0.5"),)),
    "raises anything": ("assertion-weakened", (("raises(KeyError, ", "raises(Exception, "),)),
    "raises one of two": ("assertion-weakened", (("raises(KeyError, ", "raises((KeyError, ValueError), "),)),
    "raises with any text": ("assertion-weakened", ((', match="no such tea"', ""),)),
    "called at all": ("assertion-weakened", (('assert_called_once_with("sent")', "assert_called()"),)),
    "unittest truth": (
        "assertion-weakened",
        (('self.assertEqual(Cart().state, "open")', "self.assertTrue(Cart().state)"),),
    ),
    "a helper asserts less": ("assertion-weakened", (("assert cart.total == total", "assert cart.total"),)),
    "early return": ("assertion-hidden", (("    assert cart.total == 6", "    return\n    assert cart.total == 6"),)),
    "early return sometimes": (
        "assertion-hidden",
        (("    assert cart.total == 6", "    if cart.slow:\n        return\n    assert cart.total == 6"),),
    ),
    "under a condition": (
        "assertion-hidden",
        (("    assert cart.total == 6", "    if cart.total:\n        assert cart.total == 6"),),
    ),
    "caught": (
        "assertion-hidden",
        (
            (
                "    assert cart.total == 6",
                "    try:\n        assert cart.total == 6\n    except AssertionError:\n        pass",
            ),
        ),
    ),
    "suppressed": (
        "assertion-hidden",
        (("    assert cart.total == 6", "    with suppress(AssertionError):\n        assert cart.total == 6"),),
    ),
    "a mock for what was real": ("mock-added", (("return Cart(real=True)", "return Mock(spec=Cart, total=6)"),)),
    "patched": (
        "mock-added",
        (('    cart.add("tea", 2)\n', '    mocker.patch("shop.Cart.add")\n    cart.add("tea", 2)\n'),),
    ),
    "patched by a decorator": ("mock-added", (("def test_total(", '@mock.patch("shop.price")\ndef test_total('),)),
    "monkeypatched": (
        "mock-added",
        (('    cart.add("tea", 2)\n', '    monkeypatch.setattr(Cart, "total", 6)\n    cart.add("tea", 2)\n'),),
    ),
}

AS_MUCH: dict[str, tuple[tuple[str, str], ...]] = {
    "a new test": (("class TestOrder:", "def test_new(cart):\n    assert cart\n\n\nclass TestOrder:"),),
    "a new test that is skipped elsewhere": (
        (
            "class TestOrder:",
            "@pytest.mark.skipif(True, reason='x')\ndef test_new(cart):\n    assert cart\n\n\nclass TestOrder:",
        ),
    ),
    "a new test with a mock": (
        (
            "class TestOrder:",
            "def test_new(mocker):\n    mocker.patch('x.y')\n    assert price(1) == 3\n\n\nclass TestOrder:",
        ),
    ),
    "one assertion more": (
        ("    assert cart.total == 6\n", "    assert cart.total == 6\n    assert cart.paid == 0\n"),
    ),
    "membership to equality": (("cart.name is not None", 'cart.name == "tea"'),),
    "a tighter bound": (("cart.age < 5", "cart.age < 2"),),
    "a tighter tolerance": (("abs=0.01", "abs=0.001"),),
    "one more case": (("[0, 1, 2]", "[0, 1, 2, 3]"),),
    "a better name": (("def test_rate(", "def test_rate_of_a_new_cart("),),
    "a better name and more": (
        ("def test_rate(cart):\n", "def test_rate_of_a_new_cart(cart):\n    assert cart.new\n"),
    ),
    "a message": (("    assert cart.total == 6\n", '    assert cart.total == 6, "two teas"\n'),),
    "two assertions of one": ((" and cart.name is not None", "\n    assert cart.name is not None"),),
    "inside a with": (("    assert cart.total == 6\n", "    with cart.lock:\n        assert cart.total == 6\n"),),
    "into a helper": (
        ("    assert cart.total == 6\n", "    check_six(cart)\n"),
        ("def check_total(", "def check_six(cart):\n    assert cart.total == 6\n\n\ndef check_total("),
    ),
    "another set-up": (('cart.add("tea", 2)', 'cart.add("tea", count=2)'),),
    "an environment variable": (
        ('    cart.add("tea", 2)\n', '    monkeypatch.setenv("TZ", "UTC")\n    cart.add("tea", 2)\n'),
    ),
}

OTHERWISE: dict[str, tuple[tuple[str, str], ...]] = {
    "another value": (("cart.total == 6", "cart.total == 7"),),
    "another exception": (("raises(KeyError, ", "raises(LookupError, "),),
    "another text": (("no such tea", "no tea"),),
    "another case": (("[0, 1, 2]", "[0, 1, 7]"),),
}


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_test_is_refused(name: str) -> None:
    rule, changes = WEAKER[name]
    found = judged(*changes)
    assert rule in hard(found), found
    assert all(item.hunk and item.path == PATH for item in found)


@pytest.mark.parametrize("name", AS_MUCH)
def test_a_stronger_test_gives_nothing(name: str) -> None:
    assert judged(*AS_MUCH[name]) == ()


@pytest.mark.parametrize("name", OTHERWISE)
def test_another_expectation_is_shown(name: str) -> None:
    assert {(item.rule, item.hard) for item in judged(*OTHERWISE[name])} == {("expected-changed", False)}


def test_files() -> None:
    assert set(hard(guard_tests({PATH: TESTS}, {}))) >= {"test-deleted"}
    assert set(hard(guard_tests({PATH: TESTS}, {"tests/cart.py": TESTS}))) == {"test-deleted"}
    assert guard_tests({PATH: TESTS}, {"tests/test_basket.py": TESTS}) == ()
    assert guard_tests({}, {PATH: TESTS}) == ()
    assert hard(guard_tests({PATH: TESTS}, {PATH: "def broken(:\n"})) == ["syntax-error"]
    found = guard_tests({"tests/data/page.html": "a"}, {"tests/data/page.html": "b"})
    assert [(item.rule, item.hard) for item in found] == [("expected-changed", False)]
    assert guard_tests({}, {"tests/data/page.html": "b"}) == ()


@pytest.mark.parametrize(
    "new",
    [
        "def pytest_collection_modifyitems(items):\n    items[:] = items[:1]\n",
        "import pytest\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport():\n    yield\n",
        "collect_ignore = ['test_cart.py']\n",
        "collect_ignore_glob = ['*_slow.py']\n",
        "import warnings\nwarnings.simplefilter('ignore')\n",
        (
            "import pytest\nfrom unittest import mock\n\n@pytest.fixture(autouse=True)\ndef calm():\n"
            "    with mock.patch('x.y'):\n        yield\n"
        ),
        "import pytest\npytest.skip('not today', allow_module_level=True)\n",
    ],
    ids=["items", "report", "ignore", "ignore glob", "warnings", "autouse", "skip"],
)
def test_a_conftest_that_decides(new: str) -> None:
    assert hard(guard_tests({}, {"tests/conftest.py": new}))
    assert hard(guard_tests({"tests/conftest.py": "X = 1\n"}, {"tests/conftest.py": f"X = 1\n{new}"}))
    assert hard(guard_tests({"tests/conftest.py": new}, {"tests/conftest.py": f"{new}\nX = 1\n"})) == []


def test_a_conftest_that_helps() -> None:
    new = "import pytest\n\n@pytest.fixture\ndef clock():\n    return Clock()\n"
    assert guard_tests({"tests/conftest.py": "X = 1\n"}, {"tests/conftest.py": new}) == ()


INI = (
    "[pytest]\naddopts = -q --strict-markers\ntestpaths = tests more\nfilterwarnings =\n    error\n"
    "xfail_strict = true\n"
)


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("-q", "-q -k 'not slow'"),
        ("-q", "-q -knot_slow"),
        ("-q", "-q -m 'not slow'"),
        ("-q", "-q --deselect=tests/test_cart.py"),
        ("-q", "-q --deselect tests/test_cart.py::test_total"),
        ("-q", "-q --ignore tests/slow"),
        ("-q", "-q --ignore-glob=*slow*"),
        ("-q", "-q --reruns 3"),
        ("-q", "-q -p no:warnings"),
        ("-q", "-q -W ignore"),
        ("-q", "-q -o xfail_strict=false"),
        ("-q", "-q --noconftest"),
        ("tests more", "tests"),
        ("    error\n", "    error\n    ignore::ResourceWarning\n"),
        ("    error\n", "    default\n"),
        ("xfail_strict = true\n", ""),
        ("xfail_strict = true", "norecursedirs = slow"),
        ("xfail_strict = true", "python_files = test_c*.py"),
        ("xfail_strict = true", "python_functions = check_*"),
    ],
)
def test_settings_that_run_less(find: str, replace: str) -> None:
    assert INI.count(find) == 1
    new = INI.replace(find, replace)
    for path in ("pytest.ini", "service/tox.ini"):
        assert set(hard(guard_tests({path: INI}, {path: new}))) == {"test-settings"}, path
    new_cfg, old_cfg = (text.replace("[pytest]", "[tool:pytest]") for text in (new, INI))
    assert hard(guard_tests({"setup.cfg": old_cfg}, {"setup.cfg": new_cfg}))
    assert hard(guard_tests({"pyproject.toml": toml(INI)}, {"pyproject.toml": toml(new)}))


def toml(ini: str) -> str:
    lines: list[str] = []
    for line in ini.splitlines()[1:]:
        name, _, value = line.partition(" = ")
        if line.startswith("    "):
            lines[-1] = f"{lines[-1][:-1]}{json.dumps(line.strip())}, ]"
        elif line.startswith("filterwarnings"):
            lines.append("filterwarnings = []")
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "[tool.pytest.ini_options]\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("-q", "-q -ra"),
        ("-q", "-q -x"),
        ("-q", "-q -p randomly"),
        ("-q", "-q -W error"),
        ("-q", ""),
        ("tests more", "tests more third"),
        ("xfail_strict = true", "xfail_strict = true\nmarkers =\n    slow: takes time"),
        ("    error\n", "    error\n    error::UserWarning\n"),
        ("xfail_strict = true", "xfail_strict = true\npython_files = test_*.py check_*.py"),
    ],
)
def test_settings_that_run_as_much(find: str, replace: str) -> None:
    assert guard_tests({"pytest.ini": INI}, {"pytest.ini": INI.replace(find, replace)}) == ()


def test_other_parts_of_a_settings_file_give_nothing() -> None:
    old, new = ('[project]\nname = "a"\n', '[project]\nname = "b"\n[tool.ruff]\nignore = ["E1"]\n')
    assert guard_tests({"pyproject.toml": old}, {"pyproject.toml": new}) == ()
    assert hard(guard_tests({"pyproject.toml": old}, {"pyproject.toml": "[tool"})) == ["test-settings"]


_SNIPPETS = st.sampled_from(
    [*TESTS.splitlines(keepends=True), "assert", "def test_", "(", ")", "\t", "if x:\n", "\\\n", "\x00"]
)
_TEXTS = st.text(max_size=200) | st.lists(_SNIPPETS, max_size=15).map("".join)
_NAMES = st.sampled_from(
    [PATH, "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "tests/conftest.py", "tests/a.bin"]
)


@settings(max_examples=100, deadline=None)
@given(path=_NAMES, old=_TEXTS, new=_TEXTS)
def test_any_text_never_breaks_it(path: str, old: str, new: str) -> None:
    assert isinstance(guard_tests({path: old}, {path: new}), tuple)
    assert isinstance(guard_tests({path: TESTS}, {path: new}), tuple)
    assert isinstance(guard_tests({path: old}, {}), tuple)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "-" * 5_000 + "1\n",
        "assert " + "+".join(["1"] * 3_000) + "\n",
        "[a]\n" * 2_000,
        "[[" * 3_000,
        "a=" + "[" * 5_000,
    ],
    ids=["signs", "sum", "sections", "tables", "lists"],
)
def test_hostile_syntax(text: str) -> None:
    for path in (PATH, "pytest.ini", "pyproject.toml"):
        assert isinstance(guard_tests({path: TESTS}, {path: text}), tuple)
