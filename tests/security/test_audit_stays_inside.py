"""Tests under audit are hostile: reading them runs none of their code, changes nothing here, and ends soon."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fractions
import functools
import json
import math
import os
import pathlib
import posixpath
import re
import resource
import textwrap
import typing
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit.examine import examine
from bot.audit.interpret import builtin, host, ops, pytests, values
from tests.security.hostile_tests import ATTACKS

ESCAPES = {
    "subclasses": """
x = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen']
x[0](['touch','{canary}'])
""",
    "tb": """
try:
    1/0
except ZeroDivisionError as e:
    g = e.__traceback__.tb_frame.f_globals
    g['__builtins__']['__import__']('os').system('touch {canary}')
""",
    "tb2": """
try:
    raise ValueError
except ValueError as e:
    f = e.__traceback__.tb_frame
    f.f_builtins['__import__']('os').system('touch {canary}')
""",
    "gi": """
def g():
    yield 1
x = g()
x.gi_frame.f_globals['os'].system('touch {canary}')
""",
    "getattr": """
f = getattr(getattr((), '__class__'), '__base__')
s = getattr(f, '__subclasses__')()
s[0]
""",
    "func globals": """
import json
json.dumps.__globals__['codecs'].builtins.__import__('os').system('touch {canary}')
""",
    "func globals2": """
from contextlib import contextmanager
contextmanager.__globals__['sys'].modules['os'].system('touch {canary}')
""",
    "reduce": """
import copy
class X:
    def __reduce__(self):
        import os
        return (os.system, ('touch {canary}',))
copy.deepcopy(X())
""",
    "reduce2": """
import copy
class X:
    def __reduce_ex__(self, n):
        return (eval, ("__import__('os').system('touch {canary}')",))
copy.copy(X())
""",
    "eval": """
eval("__import__('os').system('touch {canary}')")
""",
    "builtins": """
import builtins
builtins.__import__('os').system('touch {canary}')
""",
    "forward": """
import dataclasses, typing
@dataclasses.dataclass
class A:
    x: "__import__('os').system('touch {canary}')" = 1
typing.get_type_hints(A)
assert A().x == 1
""",
    "namedtuple": """
import collections
collections.namedtuple('X', ['a'], module='os', defaults=[1])
collections.namedtuple('A, __import__("os").system("touch {canary}")', ['a'])
""",
    "defaultfield": """
import dataclasses
make = dataclasses.field(default_factory=lambda: __import__('os').system('touch {canary}'))
A = dataclasses.make_dataclass('A', [('x', int, make)])
A()
""",
    "fmt": """
'{0.__class__.__init__.__globals__}'.format(ValueError())
""",
    "operator": """
import operator
operator.attrgetter('__class__.__base__.__subclasses__')(())()
""",
    "operator2": """
import operator
operator.methodcaller('__subclasses__')(object)
""",
    "reduce3": """
import functools
functools.reduce(getattr, ['__class__','__base__'], ())
""",
    "partialfunc": """
import functools
functools.wraps.__globals__
functools.partial(print).func.__self__.__import__('os').system('touch {canary}')
""",
    "mock": """
from unittest import mock
m = mock.Mock()
m._mock_parent.__class__.__init__.__globals__['sys'].modules['os'].system('touch {canary}')
""",
    "mock2": """
from unittest import mock
with mock.patch('os.system') as s:
    s('x')
with mock.patch.dict('os.environ', {'A':'1'}):
    pass
mock.patch('builtins.len', lambda x: 3).start()
assert len('a') == 3
""",
    "mock3": """
from unittest import mock
mock._importer('os').system('touch {canary}')
""",
    "types": """
import types
types.FunctionType(compile('import os; os.system("touch {canary}")','x','exec'), {})()
""",
    "modtype": """
import types
m = types.ModuleType('os')
m.__loader__.load_module('os')
""",
    "enum": """
import enum
E = enum.Enum('E', {'A': 1})
E.__class__.__call__.__globals__['sys'].modules['os'].system('touch {canary}')
""",
    "pathopen": """
import pathlib
pathlib.Path('{canary}').write_text('x')
""",
    "open": """
open('{canary}','w').write('x')
""",
    "io": """
import io
io.open('{canary}','w')
""",
    "io2": """
import io
io.FileIO('{canary}','w')
""",
    "asyncio": """
import asyncio
asyncio.run(asyncio.create_subprocess_exec('touch','{canary}'))
""",
    "asyncio2": """
import asyncio
asyncio.gather.__globals__['sys']
""",
    "str sub": """
class S(str):
    def __eq__(self, o):
        return True
    __hash__ = str.__hash__
assert getattr((), S('__class__')) is tuple
""",
    "setattr": """
import json
json.dumps = 1
assert json.dumps == 1
""",
    "setattr2": """
import math
math.floor.__self__.pi = 4
""",
    "ctx": """
import contextlib
contextlib.ExitStack().callback(print, 'x')
""",
}
"""Ways to what must not be reached: a process, a file, the modules of whoever reads the tests."""

BOMBS = {
    "loop": """
while True:
    pass
""",
    "gen": """
x = [0] * 10 ** 9
""",
    "mult": """
x = 'a' * 2 ** 40
""",
    "pow": """
x = 10 ** 10 ** 8
""",
    "nest": """
x = []
for i in range(100000):
    x = [x]
assert x == x
""",
    "reg": """
import re
re.match('(a+)+$', 'a' * 40 + 'b')
""",
    "sort": """
x = list(range(10000))
for i in range(1000):
    x = sorted(x + x)[:10000]
""",
    "join": """
x = ['a' * 1000] * 1000
y = ''.join(x * 1000)
""",
    "fmtw": """
x = '{:>1000000000}'.format(1)
y = f'{1:>1000000000}'
""",
    "rec": """
def f(n):
    return f(n + 1)
f(0)
""",
    "intstr": """
x = 1 << 10 ** 9
""",
    "dict": """
d = {}
for i in range(10**7):
    d[i] = i
""",
    "perm": """
import itertools
list(itertools.permutations(range(20)))
""",
    "counter": """
import itertools
list(itertools.count())
""",
    "cyc": """
import itertools
sum(itertools.cycle([1]))
""",
    "dec": """
from decimal import Decimal
Decimal(10) ** Decimal(10 ** 9)
""",
    "dec2": """
from decimal import Decimal
x = Decimal('1e1000000000')
int(x)
""",
    "frac": """
from fractions import Fraction
Fraction('1e1000000000')
""",
    "json": """
import json
json.loads('[' * 100000)
""",
    "hash": """
import hashlib
hashlib.sha256(b'a' * 10 ** 10)
""",
    "date": """
import datetime
datetime.timedelta(days=10**20)
""",
    "textwrap": """
import textwrap
textwrap.wrap('a ' * 10**6, 1)
""",
    "range": """
assert 5 in range(10**30)
list(range(10**12))
""",
    "bytes": """
bytes(10**12)
""",
    "zfill": """
'1'.zfill(10**11)
""",
    "enumhuge": """
import enum
enum.Flag('F', ['a%d' % i for i in range(5000)])
""",
    "deepcopy": """
import copy
a = []
for i in range(30):
    a = [a, a]
copy.deepcopy(a)
repr(a)
""",
    "eqbomb": """
a = []
b = []
for i in range(40):
    a = [a, a]
    b = [b, b]
assert a == b
""",
    "strbomb": """
s = 'a'
for i in range(60):
    s = s + s
""",
    "fdiv": """
a = 1
for i in range(100000):
    a = a * 3 + 1
""",
    "sorted key": """
sorted(range(9000), key=lambda x: sum(range(9000)))
""",
}
"""What would take for ever, or all memory, if it were done as it is written."""


WATCHED: tuple[ModuleType, ...] = (
    asyncio, contextlib, dataclasses, fractions, functools, json, math, mock, os, pathlib, posixpath, re, textwrap,
    typing, builtin, host, ops, pytests, values,
)


def audited(body: str, top: str = "") -> str:
    inside = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    test = f"from app import one\n{top}\n\ndef test_x():\n{inside}    assert one() == 2\n"
    compile(test, "test_x.py", "exec")
    return repr(examine({"tests/test_x.py": test}, {"app.py": "def one():\n    return 1\n"}))


def reachable() -> dict[str, object]:
    """What hostile code could change in this process: the names of modules and classes, and functions' defaults."""
    found: dict[str, object] = {"cwd": str(Path.cwd()), "environ": dict(os.environ)}
    for module in WATCHED:
        for name, value in vars(module).items():
            place = f"{module.__name__}.{name}"
            found[place] = id(value)
            if isinstance(value, type):
                found.update({f"{place}.{key}": id(part) for key, part in vars(value).items()
                              if key not in {"__abstractmethods__", "_abc_impl"}})
            elif callable(value) and hasattr(value, "__kwdefaults__"):
                found[f"{place}()"] = (list(value.__kwdefaults__ or ()), list(vars(value)))
    for path, names in host.TABLE.items():
        for name, value in names.items():
            if not isinstance(value, type) and hasattr(value, "__dict__"):
                found[f"{path}.{name}{{}}"] = {key: id(part) for key, part in vars(value).items()}
    return {key: value for key, value in found.items() if "__warningregistry__" not in key}


@pytest.mark.parametrize("name", ESCAPES)
def test_nothing_of_a_test_is_run(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "reached"
    audited(ESCAPES[name].replace("{canary}", str(canary)))
    assert not canary.exists()
    assert callable(json.dumps)
    assert math.pi < 4
    assert len("abc") == 3


@pytest.mark.parametrize("name", BOMBS)
def test_nothing_of_a_test_takes_for_ever_or_all_memory(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    audited(BOMBS[name])
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 20
    assert after.ru_maxrss - before.ru_maxrss < 400_000  # KiB


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_reaches_nothing_and_ends(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:
    canary = tmp_path / "reached"
    monkeypatch.setenv("TOKEN_OF_THE_HOST", "do-not-show-this")
    top, body = (part.replace("{canary}", str(canary)) for part in ATTACKS[name])
    before, used = reachable(), resource.getrusage(resource.RUSAGE_SELF)
    report = audited(body, top)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert reachable() == before
    assert not canary.exists()
    assert "do-not-show-this" not in report
    assert capfd.readouterr() == ("", "")
    assert after.ru_utime - used.ru_utime < 10
    assert after.ru_maxrss - used.ru_maxrss < 300_000  # KiB


@pytest.mark.parametrize("line", ["while True: pass", "x = ('%9999d' * 9000) % ((1,) * 9000)", "x = 10 ** 10 ** 9"])
def test_a_file_of_many_bombs_costs_little_more_than_one(line: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    audited("pass", "\n".join([line] * 1_000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before.ru_utime < 10


_VALUES = st.sampled_from([
    "()", "[]", "{}", "''", "b'ab'", "'a' * 90000", "10 ** 900", "range(10 ** 9)", "itertools.count()", "json.dumps",
    "functools.partial(bytes, 10 ** 9)", "str.format", "bytes", "type", "object", "mock.Mock()", "mock.MagicMock()",
    "X()", "X", "x", "y", "z", "(x, x)", "[x, y]", "{1: x}", "lambda *a: x", "lambda *a: a[9]", "KeyboardInterrupt",
    "ValueError(x)", "pathlib.PurePath('a')", "re.compile('a*b')", "decimal.Decimal(7)", "fractions.Fraction(1, 3)",
    "itertools.repeat(x)", "map(str, [x])", "(i for i in [x])", "os.environ", "asyncio.sleep(1)", "one", "x.__class__",
    "asyncio.new_event_loop()", "types.SimpleNamespace(a=x)", "io.BytesIO(b'a')", "'{0.__class__}'", "'(a|a)+$'",
])
_NAMES = st.sampled_from(["__class__", "__dict__", "__init__", "__globals__", "a", "machine", "run", "__setattr__",
                          "side_effect", "append", "extend", "format", "join", "sub", "update", "write", "_own"])
_LINES = st.one_of(
    st.builds("{} = {}".format, st.sampled_from("xyz"), _VALUES),
    st.builds("{} = {}({}, {})".format, st.sampled_from("xyz"), st.sampled_from([
        "list", "map", "sorted", "functools.reduce", "functools.wraps", "functools.update_wrapper", "copy.deepcopy",
        "bytes", "str", "getattr", "mock.patch.object", "object.__setattr__",
        "itertools.zip_longest", "re.sub", "zip",
        "functools.lru_cache", "enum.Enum", "abc.ABCMeta", "dataclasses.dataclass", "print", "isinstance", "x", "y",
        "asyncio.run", "json.dumps", "textwrap.indent", "str.join", "dict.fromkeys", "collections.namedtuple",
    ]), _VALUES, _VALUES),
    st.builds("{} = x.{}".format, st.sampled_from("xyz"), _NAMES),
    st.builds("{} = x.{}({})".format, st.sampled_from("xyz"), _NAMES, _VALUES),
    st.builds("x.{} = {}".format, _NAMES, _VALUES),
    st.builds("{} = x {} {}".format, st.sampled_from("xyz"), st.sampled_from(
        ["+", "*", "**", "%", "==", "in", "is", "|", "<", "<<", "//"]), _VALUES),
    st.builds("{} {}= {}".format, st.sampled_from("xyz"), st.sampled_from(["+", "*", "|"]), _VALUES),
    st.sampled_from(["for i in range(50): x = (x, x)", "for i in range(9000): x = iter([x])", "{x}", "raise x",
                     "for i in range(900): x = zip(x)", "x[:] = y", "del x.a", "with x: y", "assert x == y",
                     "f'{x!r:>9}'",
                     "class X(x): a = y", "class X(bytes): __eq__ = x", "one(**x)", "one(*x)", "while x: y = [y, y]"]),
)


@settings(max_examples=100, deadline=10_000, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(_LINES, min_size=3, max_size=12))
def test_random_hostile_programs_reach_nothing_and_end(lines: list[str]) -> None:
    modules = ("abc asyncio collections copy dataclasses decimal enum fractions functools io itertools json os pathlib "
               "re textwrap types").replace(" ", ", ")
    top = f"import {modules}\nfrom unittest import mock\nclass X: a = 1"
    before = reachable()
    with contextlib.suppress(SyntaxError):
        audited("\n".join(["x = y = z = 1", *lines]), top)
    assert reachable() == before
