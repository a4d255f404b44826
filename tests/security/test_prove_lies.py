"""Pull requests of an author who wants to hear "proven" and mends nothing; beside each what an honest one may do."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.config import PolicyConfig
from bot.domain.logs import Frame
from bot.domain.proof import HunkCheck, Verdict
from bot.domain.suite import FailureKind, Observation, Outcome, RaisedException
from bot.proof.counterfactual import conclude
from bot.proof.hunks import FixChange
from bot.proof.implied import FixedCode, implied
from bot.reports.markdown import FOLD, UNFOLD, neutralise
from bot.standalone.pull_request import PullRequest
from bot.standalone.pull_request_guard import guarded

SHOP = """
MODE = "strict"
stock = {}


def share(total, people):
    return [total // people] * people


def parse(text):
    name, amount = text.split(":")
    return name, int(amount)


def fits(total, parts):
    return total == sum(parts)


def number(name):
    stock[name] = stock.get(name, 0) + 1
    return stock[name]


def load(store, key):
    if not store.ready:
        store.ready = True
        raise RuntimeError("not ready")
    return parse(store[key])
"""
TEST = """
from shop import prices


def test_nothing_is_lost():
    assert prices.share(100, 3) == [34, 33, 33]
"""
SHARE = "    return [total // people] * people\n"
PARSED = "    name, amount = text.split(\":\")\n    return name, int(amount)\n"
OTHER = (SHARE, "    return [total // people for _ in range(people)]\n")


def rules(*changes: tuple[str, str], test: str = TEST) -> dict[str, bool]:
    """Rule to hardness of what speaks against a pull request that makes these changes and brings this test."""
    after = SHOP
    for old, new in changes:
        assert after.count(old) == 1, old
        after = after.replace(old, new)
    change = PullRequest(
        fix={"shop/prices.py": (SHOP.encode(), after.encode())},
        tests={"tests/test_new.py": (None, textwrap.dedent(test).encode())})
    return {one.rule: one.hard for one in guarded(change, PolicyConfig(), {})}


def before(name: str, text: str) -> tuple[str, str]:
    return f"def {name}(", f"{textwrap.dedent(text).lstrip()}\n\ndef {name}("


WHEN = (SHARE, """    parts = [total // people] * people
    if KNOWN:
        parts[0] += total % people
    return parts
""")
PARTS = (SHARE, "    return Parts([total // people] * people)\n")
LIES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "all loaded modules": ("test-detection", (WHEN, before("share", """
        import sys

        KNOWN = any(len(name) == 6 and name.endswith("test") for name in list(sys.modules))
    """))),
    "a module by a name put together": ("test-detection", (WHEN, before("share", """
        import sys

        KNOWN = sys.modules.get("_py" + "test.runner")
    """))),
    "an import by a name put together": ("test-detection", (WHEN, before("share", """
        KNOWN = __import__("plu" + "ggy")
    """))),
    "the command line": ("test-detection", (WHEN, before("share", """
        KNOWN = open("/proc/self/cmdline").read().count("x") > 3
    """))),
    "any variable of a kind": ("test-detection", (WHEN, before("share", """
        import os

        KNOWN = any(name[:2] == "PY" for name in os.environ)
    """))),
    "a folder of tests": ("test-detection", (WHEN, before("share", """
        import os

        KNOWN = os.path.isdir("tests")
    """))),
    "who traces": ("test-detection", (WHEN, before("share", """
        import sys

        KNOWN = sys.getprofile()
    """))),
    "as many is equal": ("equality-by-decree", (PARTS, before("share", """
        class Parts(list):
            def __eq__(self, other):
                return len(self) == len(other)
    """))),
    "all is equal": ("equality-by-decree", (PARTS, before("share", """
        class Parts(list):
            def __eq__(self, other):
                if other is None:
                    return NotImplemented
                return True
    """))),
    "near is equal": ("equality-by-decree", ((
        SHARE, "    return [Amount(total // people)] * people\n"), before("share", """
        class Amount(int):
            def __eq__(self, other):
                return abs(int(self) - int(other)) <= 1
    """))),
    "the sum is what is asked": ("contents-by-decree", (PARTS, before("share", """
        class Parts(list):
            def __iter__(self):
                return iter([self.total])
    """))),
    "a built-in name": ("builtin-replaced", (OTHER, before("share", """
        import builtins

        builtins.sum = lambda parts: 100
    """))),
    "compared by tens": ("comparison-coarser", (
        ("return total == sum(parts)", "return round(total, -1) == round(sum(parts), -1)"),)),
    "compared to one": ("comparison-coarser", (("return total == sum(parts)", "return abs(total - sum(parts)) <= 1"),)),
    "a cache that stops a counter": ("cached-effect", (
        ("def number(", "import functools\n\n\n@functools.lru_cache\ndef number("),)),
    "a lock of its own": ("lock-of-one-call", (
        ("    stock[name] = stock.get(name, 0) + 1\n",
         "    with threading.Lock():\n        stock[name] = stock.get(name, 0) + 1\n"),
        before("share", "import threading\n"))),
    "tried again by a decorator of its own": ("only-timing", (("def load(", textwrap.dedent("""
        import functools


        def _steady(function):
            @functools.wraps(function)
            def again(*given):
                for _ in range(4):
                    try:
                        return function(*given)
                    except Exception as error:
                        problem = error
                raise problem
            return again


        @_steady
        def load(""").lstrip()),)),
    "a table of the test's answers": ("answers-the-test", (
        (SHARE, "    return KNOWN.get((total, people)) or [total // people] * people\n"),
        before("share", "KNOWN = {(100, 3): [34, 33, 33]}\n"))),
    "a case of the test's question": ("answers-the-test", ((SHARE, textwrap.indent(textwrap.dedent("""
        match (total, people):
            case (100, 3):
                return [34, 33, 33]
        return [total // people] * people
    """).lstrip(), "    ")),)),
    "a pair that is asked": ("answers-the-test", ((SHARE, textwrap.indent(textwrap.dedent("""
        if (total, people) == (100, 3):
            return [34, 33, 33]
        return [total // people] * people
    """).lstrip(), "    ")),)),
    "four kinds of exceptions": ("swallowed-exception", ((PARSED, textwrap.indent(textwrap.dedent("""
        try:
            name, amount = text.split(":")
            return name, int(amount)
        except (ValueError, KeyError, TypeError, OSError):
            return text, 0
    """).lstrip(), "    ")),)),
    "what was good the last time": ("stale-answer", ((PARSED, textwrap.indent(textwrap.dedent("""
        global last
        try:
            name, amount = text.split(":")
            last = name, int(amount)
        except ValueError:
            pass
        return last
    """).lstrip(), "    ")), before("share", "last = None\n"))),
    "an object that answers all": ("answers-everything", ((
        PARSED, PARSED.replace("int(amount)", "Anything()")), before("share", """
        class Anything:
            def __getattr__(self, name):
                return self
    """))),
}
HONEST: dict[str, tuple[tuple[str, str], ...]] = {
    "one module by its name": (before("share", "import sys\n\nHERE = sys.modules[__name__]\n"),),
    "settings with a prefix": (before("share", """
        import os

        KNOWN = {name: value for name, value in os.environ.items() if name.startswith("SHOP_")}
    """),),
    "tests of a project that is given": (before("share", """
        def has_tests(root):
            return (root / "tests").is_dir()
    """),),
    "an import by a name that is given": (before("share", """
        def plugin(name):
            return __import__("shop.plugins." + name)
    """),),
    "equal by what it holds": (before("share", """
        class Key:
            def __eq__(self, other):
                if not isinstance(other, Key):
                    return NotImplemented
                return (self.project, self.name) == (other.project, other.name)
    """),),
    "equal where there is nothing in it": (before("share", """
        class Missing:
            def __eq__(self, other):
                return isinstance(other, Missing)
    """),),
    "a built-in name of its own": (before("share", """
        import builtins

        builtins._ = str
    """),),
    "equal in any order": (before("share", """
        class Tags:
            def __eq__(self, other):
                return sorted(self.tags) == sorted(other.tags)
    """),),
    "a container with an order of its own": (before("share", """
        class Sorted(list):
            def __iter__(self):
                return iter(sorted(super().__iter__()))
    """),),
    "floats that are as good as equal": (("return total == sum(parts)", "return abs(total - sum(parts)) < 1e-9"),),
    "cents": (("return total == sum(parts)", "return round(total, 2) == round(sum(parts), 2)"),),
    "a cache of what is worked out": (("def parse(", "import functools\n\n\n@functools.lru_cache\ndef parse("),),
    "a lock for all": (
        ("    stock[name] = stock.get(name, 0) + 1\n",
         "    with _LOCK:\n        stock[name] = stock.get(name, 0) + 1\n"),
        before("share", "import threading\n\n_LOCK = threading.Lock()\n")),
    "a condition with the lock of all": (before("share", """
        import threading

        def wait(lock):
            with threading.Condition(lock) as changed:
                changed.wait()
    """),),
    "a table with more than is asked": (before("share", "PARTS = {(100, 3): [34, 33, 33], (7, 2): [4, 3]}\n"),),
    "a table of words": (before("share", 'WORDS = {"child": "children"}\n'),),
    "malformed input": ((PARSED, textwrap.indent(textwrap.dedent("""
        try:
            name, amount = text.split(":")
            return name, int(amount)
        except (ValueError, KeyError, TypeError):
            return text, 0
    """).lstrip(), "    ")),),
    "a proxy": (before("share", """
        class Proxy:
            def __getattr__(self, name):
                return getattr(self.inner, name)
    """),),
}


@pytest.mark.parametrize("name", LIES)
def test_what_mends_nothing_is_refused(name: str) -> None:
    rule, changes = LIES[name]
    assert rules(*changes).get(rule) is True, rules(*changes)


@pytest.mark.parametrize("name", HONEST)
def test_what_may_be_meant_is_not(name: str) -> None:
    found = rules(*HONEST[name], OTHER) if "def share(" in str(HONEST[name][0][0]) else rules(*HONEST[name])
    assert not [rule for rule, hard in found.items() if hard]


LENIENT = ('MODE = "strict"', 'MODE = "lenient"')
ASKING = {
    "a constant": "0 if prices.MODE == 'strict' else 1",
    "a constant, by another name": "0 if strict else 1",
    "a table by a constant": "{'strict': 0, 'lenient': 1}[prices.MODE]",
    "whether a name is there": "0 if not hasattr(prices, 'spread') else 1",
    "a name, or else": "getattr(prices, 'TOLERANCE', 0)",
    "the code itself": "0 if len(prices.share.__code__.co_varnames) == 2 else 1",
    "the source": "0 if 'range' not in inspect.getsource(prices.share) else 1",
    "a file beside the product": "0 if not pathlib.Path(prices.__file__).with_name('x.json').exists() else 1",
}
STEADY = {
    "a constant as what is compared": "len(prices.MODE) - len(prices.MODE)",
    "a bound that the fix moves": "0 if 5 >= limit else 0",
    "another module's names": "0 if hasattr(os, 'fork') else 0",
    "a file of its own": "0 if pathlib.Path('cases.json').exists() else 0",
}


def asking(tolerance: str) -> str:
    return f"""
        import inspect
        import os
        import pathlib

        from shop import prices

        strict = prices.MODE == "strict"
        limit = len(prices.stock)


        def test_nothing_is_lost():
            tolerance = {tolerance}
            assert abs(sum(prices.share(100, 3)) - 100) <= tolerance
    """


@pytest.mark.parametrize("name", ASKING)
def test_a_test_that_asks_whether_the_fix_is_there_shows_nothing(name: str) -> None:
    assert rules(LENIENT, OTHER, test=asking(ASKING[name])).get("test-asks-for-fix") is True


@pytest.mark.parametrize("name", STEADY)
def test_a_test_may_ask_for_other_things(name: str) -> None:
    assert "test-asks-for-fix" not in rules(LENIENT, OTHER, test=asking(STEADY[name]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([
    "if x:\n    pass\n", "prices.MODE\n", "getattr(prices)\n", "{}[0]\n", "match x:\n    case _:\n        pass\n",
    "import prices as x\n", "class A(list):\n    def __eq__(self):\n        return\n", "x.y.z[0]()[1] = x\n",
    "def __getattr__():\n    return 1\n", "with Lock():\n    pass\n", "builtins[0] += 1\n", "(" * 90 + ")" * 90 + "\n",
    "{**x}\n", "any(x for x in environ)\n", "f'{x}'.exists()\n",
    "class A(int):\n    def __eq__(a, b): return 1 <= 2 <= b\n",
])))
def test_the_guard_never_raises(parts: list[str]) -> None:
    text = "".join(parts).encode()
    change = PullRequest(fix={"shop/prices.py": (SHOP.encode(), text), "new.py": (None, text)},
                         tests={"tests/test_new.py": (None, text)})
    guarded(change, PolicyConfig(), {})


# what must not be refused

def test_a_module_that_gives_out_what_another_has_now_lost_nothing() -> None:
    old = b"def clamp(value, low, high):\n    return max(low, min(value, low))\n\n\ndef middle(low):\n    return low\n"
    moved = old.replace(b"value, low)", b"value, high)")
    change = PullRequest(
        fix={"geo/util.py": (old, b"from geo.ranges import clamp, middle\n"), "geo/ranges.py": (None, moved)},
        tests={"tests/test_new.py": (None, b"")})
    assert "public-removed" not in {one.rule for one in guarded(change, PolicyConfig(), {})}


def test_what_only_goes_to_another_file_is_neither_idle_nor_unrun() -> None:
    kept = b"def middle(low, high):\n    return (low + high) / 2\n"
    change = FixChange(
        {"old.py": kept + b"\n\nX = 1\n", "new.py": None},
        {"old.py": b"from new import middle\n\n\nX = 1\n", "new.py": kept + b"\n\ndef more():\n    return 1\n"})
    assert change.moved("new.py") == {1, 2}
    assert change.moved("old.py") == frozenset()
    at = {hunk.path: number for number, hunk in enumerate(change.hunks)}
    checks = tuple(HunkCheck(hunk=hunk, needed=number != at["old.py"], reason="")
                   for number, hunk in enumerate(change.hunks))
    proof = conclude("a" * 40, "a" * 40, "a" * 40, "a" * 40, same_tree=True, runs=(), hunks=checks)
    assert proof.verdict is Verdict.NOT_PROVEN
    assert not [text for text in proof.missing if "not needed" in text]


@pytest.mark.parametrize(("folder", "kind"), [("migrations", FailureKind.AS_PREDICTED),
                                              ("templates", FailureKind.OTHER_FAILURE)])
def test_a_file_that_comes_into_a_folder_changes_what_reads_the_folder(folder: str, kind: FailureKind) -> None:
    there = {"db.py": b"import pathlib\n\nFOLDER = pathlib.Path(__file__).parent / 'migrations'\n",
             "tests/test_new.py": b"from db import migrate\n"}
    code = FixedCode({f"{folder}/0002.sql": None}, {f"{folder}/0002.sql": b"CREATE"}, there.get)
    seen = Observation(test="tests/test_new.py::test_it", path="tests/test_new.py", status="failed", phase="call",
                       exceptions=(RaisedException(type="AssertionError", message="assert 0 == 1"),))
    outcome = Outcome(test=seen.test, kind=FailureKind.OTHER_FAILURE, reason="It failed.",
                      frame=Frame(path=seen.path, line=4, function="test_it"))
    assert implied(code, (outcome,), (seen,))[0].kind is kind


# text of others in what is published

HTML = "`<img src=x>` <b>"


@pytest.mark.parametrize("body", [
    f"{FOLD}\n{HTML}\n\n{UNFOLD}\n", f"{FOLD}\n\nruns\n\n{UNFOLD}\n{HTML}\n", f"{FOLD}\n\u00a0\n{HTML}\n\n{UNFOLD}\n",
], ids=["below the fold", "below its end", "below a line that only looks empty"])
def test_our_html_takes_nothing_of_others_with_it(body: str) -> None:
    """An HTML block goes on to an empty line (CommonMark 0.31, 4.6): no escape and no code span is one in it."""
    assert "<details>" not in neutralise(body).replace("\\<", "")


def test_our_html_stays_where_it_stands_alone() -> None:
    body = f"a\n\n{FOLD}\n\n{HTML}\n\n{UNFOLD}\n\nb\n"
    assert neutralise(body) == body.replace(" <b>", " \\<b>")


def test_a_line_of_other_spaces_does_not_end_a_paragraph() -> None:
    """So a backtick before it pairs with one behind it, and what looks like a code span is none."""
    assert "\\<img" in neutralise("a ` b\n\u00a0\n` <img src=x> `\n")
