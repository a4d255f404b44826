"""Small changes of source text: what is changed and what is not, and that the rest of the file stays as it was."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.proof.mutants import Mutant, Weight, functions_of, mutated
from bot.standalone.choosing import GreenTest, chosen
from bot.standalone.claims import Claims, TestCode, words


def changes(source: str, path: str = "shop.py") -> list[str]:
    return [mutant.change for function in functions_of(path, source.encode()) for mutant in function.mutants]


def body(*lines: str) -> str:
    return "\n".join(["def f(a, b):", *(f"    {line}" for line in lines), ""])


@pytest.mark.parametrize(("line", "change"), [
    ("return a < b", "`a < b` became `a <= b`"),
    ("return a >= b", "`a >= b` became `a > b`"),
    ("x = a == b", "`a == b` became `a != b`"),
    ("x = a is not b", "`a is not b` became `a is b`"),
    ("x = (a) not  in (b)", "`(a) not in (b)` became `(a) in (b)`"),
    ("x = a and b", "`a and b` became `a or b`"),
    ("x = not a", "`not a` became `(a)`"),
    ("x = a - b", "`a - b` became `a + b`"),
    ("x = a // b", "`a // b` became `a * b`"),
    ("x = 41", "`41` became `42`"),
    ("x = -0.5", "`0.5` became `1.5`"),
    ("x = True", "`True` became `False`"),
    ("x = 'on'", "`'on'` became `\"mutated\"`"),
    ("a.x += b", "`a.x += b` became `a.x -= b`"),
    ("a.save(b)", "`a.save(b)` was removed"),
    ("a.x = b", "`a.x = b` was removed"),
    ("a[0] = b", "`a[0] = b` was removed"),
    ("del a[b]", "`del a[b]` was removed"),
    ("raise KeyError(a)", "`raise KeyError(a)` was removed"),
    ("return a(b)", "`a(b)` became `object()`"),
    ("return None", "`None` became `object()`"),
    ("return a > b", "`a > b` became `(not (a > b))`"),
    ("x = a if b else 3", "`b` became `(not (b))`"),
    ("x = [y for y in a if y]", "`y` became `(not (y))`"),
    ("return a(b, key=1)", "`a(b, key=1)` became `a(b, )`"),
    ('return {"id": a, "n": b}', '`{"id": a, "n": b}` became `{"n": b}`'),
], ids=lambda value: value if isinstance(value, str) and " became " not in value and "removed" not in value else "")
def test_one_thing_is_changed(line: str, change: str) -> None:
    assert change in changes(body(line))


@pytest.mark.parametrize(("lines", "change"), [
    (("if a:", "    return 1"), "`a` became `(not (a))`"),
    (("if not a:", "    return 1"), "`not a` became `(a)`"),
    (("if a in b:", "    return 1"), "`a in b` became `a not in b`"),
    (("if a:", "    return", "print(b)"), "`return` was removed"),
    (("try:", "    a()", "except KeyError:", "    b()"), "`KeyError` became `Exception`"),
    (("for x in a:", "    if x:", "        continue", "    b(x)"), "`continue` became `break`"),
], ids=["if", "if not", "if in", "early return", "except", "continue"])
def test_control_is_changed(lines: tuple[str, ...], change: str) -> None:
    assert change in changes(body(*lines))


def test_coroutines_and_the_waiting_in_them() -> None:
    found = changes("async def f(a):\n    await a.send(1)\n    await asyncio.sleep(1)\n    return await a.read()\n")
    assert {"`await a.send(1)` was removed", "`await asyncio.sleep(1)` was removed",
            "`await a.read()` became `object()`", "`f` does nothing and returns None"} <= set(found)


def test_default_arguments_and_what_a_constructor_keeps() -> None:
    found = changes("class A:\n    def __init__(self, n=3):\n        self.n = n\n")
    assert found == ["`3` became `4`", "`n` became `None`"]


@pytest.mark.parametrize("source", [
    body("logger.info('x %s', a)"), body("self._log.warning(3)"), body("print(1)"), body("assert a == 1"),
    body("if isinstance(a, str):", "    pass"), body("if TYPE_CHECKING:", "    a = 1"),
    body("if sys.version_info >= (3, 12):", "    pass"),
    "class A:\n    def __repr__(self):\n        return 'A' + 1\n",
    "@overload\ndef f(a: int) -> int: ...\n", "class P(Protocol):\n    def f(self) -> int: ...\n",
    "class B:\n    @abstractmethod\n    def f(self):\n        return 1\n",
    body("raise NotImplementedError").replace("raise NotImplementedError", '"""Nothing."""'),
    "if TYPE_CHECKING:\n    def f():\n        return 1\n", "VERSION = '1.2'\n__version__ = 3\n",
], ids=range(14))
def test_what_says_nothing_of_behaviour_is_left_as_it_is(source: str) -> None:
    assert [change for change in changes(source) if "does nothing" not in change] == []


def test_unreachable_lines_annotations_and_f_strings_are_left_as_they_are() -> None:
    found = changes(body("x: Literal['on'] = a", "y = f'{a + 1}'", "return y", "a.never(2)"))
    assert found == ["`f` does nothing and returns None", "`y` became `object()`"]


def test_a_function_that_does_nothing() -> None:
    source = '@app.get("/x")\ndef f(a):\n    """Doc."""\n    if a:\n        return 1  # one\n    return 2\n\n\ng = 1\n'
    (function,) = functions_of("shop.py", source.encode())
    hollow = function.mutants[0]
    assert (hollow.weight, hollow.line, function.routes) == (Weight.HOLLOW, 2, ("/x",))
    now = mutated(source.encode(), [hollow]).decode()
    assert now == '@app.get("/x")\ndef f(a):\n    """Doc."""\n    return None\n\n\n\n\ng = 1\n'
    namespace: dict[str, object] = {}
    exec(now.replace('@app.get("/x")', ""), namespace)
    assert namespace["f"](1) is None  # type: ignore[operator]


@pytest.mark.parametrize(("source", "hollow"), [
    ("def f(a):\n    yield a\n", "`f` yields nothing"),
    ("async def f(a):\n    async for x in a:\n        yield x\n", "`f` yields nothing"),
    ("@contextmanager\ndef f(a):\n    yield a\n", ""),
    ("class A:\n    def __init__(self):\n        self.go()\n", ""),
    ("def f():\n    return None\n", ""),
    ("def f():\n    pass\n", ""),
    ("class A:\n    def __call__(self):\n        return 1\n", "`A.__call__` does nothing and returns None"),
    ("def f():\n    def g():\n        yield 1\n    return g\n", "`f` does nothing and returns None"),
], ids=["generator", "async generator", "context", "constructor", "None", "pass", "call", "nested"])
def test_what_doing_nothing_is(source: str, hollow: str) -> None:
    found = functions_of("a.py", source.encode())[0].mutants
    assert [one.change for one in found if one.weight is Weight.HOLLOW] == ([hollow] if hollow else [])


def test_names_are_those_of_the_record() -> None:
    source = ("class A:\n    class B:\n        def m(self):\n            def inner():\n                return 1\n"
              "            return 2\n")
    found = functions_of("p/a.py", source.encode())
    assert [(one.key, one.owner) for one in found] == [
        ("p/a.py::A.B.m", "B"), ("p/a.py::A.B.m.<locals>.inner", ""),
    ]
    assert [one.key for one in functions_of("p/a.py", source.encode(), frozenset({"p/a.py::A.B.m"}))] == [
        "p/a.py::A.B.m"]
    assert {mutant.function for one in found for mutant in one.mutants if mutant.line == 5} == {
        "p/a.py::A.B.m.<locals>.inner"}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "mark"])
def test_columns_are_bytes_and_the_rest_stays(ending: str, start: str) -> None:
    text = start + ending.join(("def f(a): return 'ü' if a == 'é' and a > 1 else 2  # ß", "x = 'ü'", ""))
    source = text.encode()
    (function,) = functions_of("a.py", source)
    assert "`a > 1` became `a >= 1`" in [one.change for one in function.mutants]
    for one in function.mutants:
        assert mutated(source, [one]) == source[:one.start] + one.replacement + source[one.end:]
        ast.parse(mutated(source, [one]))


def test_several_at_once_and_never_over_each_other() -> None:
    source = b"def f(a):\n    return a + 1\n\n\ndef g(a):\n    return a - 1\n"
    f, g = functions_of("a.py", source)
    plus = next(one for one in f.mutants if one.change == "`a + 1` became `a - 1`")
    minus = next(one for one in g.mutants if one.change == "`a - 1` became `a + 1`")
    assert mutated(source, [plus, minus]) == b"def f(a):\n    return a - 1\n\n\ndef g(a):\n    return a + 1\n"
    with pytest.raises(ValueError, match="overlap"):
        mutated(source, [plus, f.mutants[0]])


_PIECES = st.sampled_from([
    "if a < 1 and b:\n", "return a\n", "x = {'k': 1,\n  'l': 2}\n", "a.b(c=1,\n    d=2)\n", "raise E('ü')\n", "pass\n",
    "for i in a: x += i\n", "try: a()\nexcept E: b()\n", "with a as b:\n", "  ", "    ", "        ", "def g(z=1):\n",
    "class C:\n", "@d('/x')\n", "yield a\n", "await b\n", "x = '''a\nb'''\n", "\r\n", "\t", "# c\n", "lambda: 1\n",
    "match a:\n", "case 1: pass\n", "return (a if b\n   else 3)\n", "\x00", "\x0c", "é = 1; ü(2)\n", "async ",
    "else:\n", "\\\n",
])


@settings(max_examples=100, deadline=None)
@given(st.lists(_PIECES, max_size=14).map(lambda parts: "def f(a, b):\n    x = 1\n" + "".join(parts)))
def test_whatever_the_text_is_each_change_is_python_of_as_many_lines(text: str) -> None:
    source = text.encode()
    for function in functions_of("a.py", source):
        for one in function.mutants:
            now = mutated(source, [one])
            assert now != source
            assert now.count(b"\n") == source.count(b"\n")
            assert "\n" not in one.change
            ast.parse(now)


# which of them are tried

SHOP = b'''\
class Cart:
    def __init__(self):
        self.items = []

    def add(self, price, count=1):
        if count < 1:
            raise ValueError("count")
        self.items.append(price * count)

    def total(self):
        return rounded(sum(self.items))


def rounded(value):
    return round(value, 2)


@app.get("/carts/{cart}")
async def show(cart):
    return cart.total()
'''
TEST = '''\
import pytest
from shop import Cart as Basket


@pytest.fixture
def basket():
    one = Basket()
    one.add(2)
    return one


class TestCart:
    def test_total_is_the_sum(self, basket):
        """Prices are added."""
        assert basket.total() == 2

    def test_page(self, client):
        assert client.get(f"/v1/carts/{1}?x=2").status_code == 200
'''
TEST_CODE = TestCode({"tests/test_shop.py": TEST, "tests/broken.py": "def ("})


def _chosen(name: str, *reached: str, lines: dict[str, frozenset[int]] | None = None) -> tuple[Mutant, ...]:
    test = GreenTest(f"tests/test_shop.py::TestCart::{name}", "tests/test_shop.py",
                     frozenset(f"shop.py::{one}" for one in reached), lines or {})
    return chosen(test, TEST_CODE.claims(test.id), functions_of("shop.py", SHOP))


def test_what_a_test_claims() -> None:
    claims = TEST_CODE.claims("tests/test_shop.py::TestCart::test_total_is_the_sum")
    assert {"total", "basket"} <= claims.called
    assert not {"Cart", "add"} & claims.called
    assert {"Cart", "add"} <= claims.around
    assert claims.title == {"cart", "total", "sum", "price", "added"}
    assert TEST_CODE.claims("tests/gone.py::test_total") == Claims(title=frozenset({"total"}))
    assert {"Basket", "Cart", "add"} <= TEST_CODE.shared()
    assert "total" not in TEST_CODE.shared()


def test_what_the_test_calls_comes_first_and_then_what_is_behind_it() -> None:
    found = _chosen("test_total_is_the_sum", "Cart.total", "rounded", "Cart.add", "Cart.__init__")
    assert found[0].change == "`Cart.total` does nothing and returns None"
    assert "`rounded` does nothing and returns None" in [one.change for one in found]
    assert len(found) <= 14
    assert found == _chosen("test_total_is_the_sum", "Cart.__init__", "Cart.add", "rounded", "Cart.total")


def test_only_what_ran_is_changed() -> None:
    everything = _chosen("test_total_is_the_sum", "Cart.add")
    ran = _chosen("test_total_is_the_sum", "Cart.add", lines={"shop.py": frozenset({6, 8})})
    assert "`raise ValueError(\"count\")` was removed" in [one.change for one in everything]
    assert "`raise ValueError(\"count\")` was removed" not in [one.change for one in ran]
    assert ran
    assert _chosen("test_total_is_the_sum", "Cart.add", lines={"shop.py": frozenset({11})}) == ()


def test_a_request_leads_to_the_function_of_its_route() -> None:
    found = _chosen("test_page", "show", "Cart.total", "rounded")
    assert found[0].change == "`show` does nothing and returns None"


def test_words_of_names() -> None:
    assert words("test_parseHTTPRequests returns the names") == {"parse", "http", "request", "name"}
