"""Hostile tests: each gives the lines before the test function and those in it."""

from __future__ import annotations

ATTACKS: dict[str, tuple[str, str]] = {
    "wraps globals": (r"""
import functools, json
""", r"""
class D:
    __globals__ = None
d = D()
functools.update_wrapper(d, json.dumps, assigned=('__globals__',), updated=())
g = d.__dict__['__globals__']
g['__builtins__']['eval']("__import__('os').system('touch {canary}')")
"""),
    "wraps globals2": (r"""
import functools, json
""", r"""
class D:
    pass
d = D()
functools.wraps(json.dumps, assigned=('__globals__',), updated=())(d)
b = d.__dict__['__globals__']['__builtins__']
b['__import__']('os').system('touch {canary}')
b['open']('{canary}', 'w')
"""),
    "unbound format": (r"""
import json
class E(Exception):
    def __init__(self): pass
""", r"""
s = str.format("{0.__init__.__globals__}", E())
assert s == one()
"""),
    "map format": (r"""
class E(Exception):
    def __init__(self): pass
""", r"""
assert list(map("{0.__class__.__mro__}".format, [E()])) == one()
"""),
    "fmt env": (r"""
import pathlib
""", r"""
s = str.format("{0.parser.os.environ}{0._flavour}", pathlib.PurePath('a'))
assert s == one()
"""),
    "fmt env2": (r"""
import json
""", r"""
s = str.format("{0.__globals__[codecs].builtins}", json.dumps)
assert s == one()
"""),
    "dc annotations": (r"""
import dataclasses
""", r"""
@dataclasses.dataclass
class A:
    __annotations__ = {"x=__import__('os').system('touch {canary}')):\n  pass #": int}
"""),
    "dc annotations2": (r"""
import dataclasses
""", r"""
@dataclasses.dataclass
class A:
    __annotations__ = {"x:__import__('os').system('touch {canary}')=0,y": int}
"""),
    "dc fields": (r"""
import dataclasses
""", r"""
class F:
    def __init__(self):
        self.name="x:__import__('os').system('touch {canary}')=0,y"
        self.type=int; self.default=dataclasses.MISSING; self.default_factory=dataclasses.MISSING
        self.init=True; self.repr=True; self.hash=None; self.compare=True; self.kw_only=False
        self._field_type=G.__dataclass_fields__['a']._field_type
@dataclasses.dataclass
class G:
    a: int = 1
G.__dataclass_fields__['z'] = F()
@dataclasses.dataclass
class H(G):
    pass
"""),
    "abcmeta call": (r"""
import dataclasses, abc
""", r"""
X = abc.ABCMeta('X', (), {'__annotations__': {"x:__import__('os').system('touch {canary}')=0,y": int}})
dataclasses.dataclass(X)
"""),
    "type setattr": ("", r"""
from unittest import mock
type.__setattr__(mock.Mock, 'pwned', 1)
"""),
    "type setattr path": ("", r"""
import pathlib
type.__setattr__(pathlib.PurePath, '__truediv__', lambda a, b: 1)
"""),
    "dc real": ("", r"""
import dataclasses, fractions
dataclasses.dataclass(fractions.Fraction)
"""),
    "object setattr fn": ("", r"""
import json
object.__setattr__(json.dumps, '__kwdefaults__', {'indent': 4})
"""),
    "monkey kw": (r"""
import json, pytest
""", r"""
monkeypatch.setattr(json.dumps, '__kwdefaults__', {'indent': 4}, raising=False)
"""),
    "fn attr": ("", r"""
import json
json.dumps.x = 1
json.dumps.__doc__ = 'x'
"""),
    "update real": ("", r"""
import json, functools
functools.update_wrapper(json.dumps, one)
"""),
    "abstract real": ("", r"""
import json, abc
abc.abstractmethod(json.dumps)
"""),
    "final real": ("", r"""
import json, typing
typing.final(json.dumps)
typing.no_type_check(json.dumps)
"""),
    "harmless answer": ("", r"""
import time
time.time.answer = 5
"""),
    "typing attr": ("", r"""
import typing
typing.ContextManager.foo = 1
"""),
    "case class": (r"""
import unittest
""", r"""
class T(unittest.TestCase):
    def test_a(self): pass
T.mro()[2].assertEqual = lambda *a: None
"""),
    "environ class": ("", r"""
import os
os.environ.__class__.pwned = 1
"""),
    "call attr": ("", r"""
from unittest import mock
mock.call.foo = 5
mock.ANY.foo = 5
"""),
    "configure": ("", r"""
from unittest import mock
mock.Mock(**{'__class__.__base__.pwned': 1})
"""),
    "configure2": ("", r"""
from unittest import mock
import json
mock.Mock(wraps=json.dumps, **{'_mock_wraps.__kwdefaults__': {'indent': 4}})
"""),
    "machine steps": ("", r"""
from unittest import mock
p = mock.patch('app.one')
p.machine.steps = 10**18
while True: pass
"""),
    "machine getattr": ("", r"""
import json
m = getattr(json, ' machine')
m.steps = 10**18
while True: pass
"""),
    "dns": ("", r"""
import asyncio
async def f():
    await asyncio.get_running_loop().getaddrinfo('secret.example.invalid', 80)
asyncio.run(f())
"""),
    "dns2": ("", r"""
import asyncio
async def f():
    await asyncio.get_running_loop().create_connection(lambda: None, 'secret.example.invalid', 80)
asyncio.run(f())
"""),
    "loopsub": ("", r"""
import asyncio
async def f():
    class L(type(asyncio.get_running_loop())): pass
    L().run_in_executor(None, print, 'x')
asyncio.run(f())
"""),
    "loop handler": ("", r"""
import asyncio
async def bad():
    raise ValueError('::error::x')
async def f():
    asyncio.get_running_loop().set_exception_handler(None)
    t = asyncio.create_task(bad())
    await asyncio.sleep(1)
    del t
asyncio.run(f())
"""),
    "iadd count": ("", r"""
import itertools
x = []
x += itertools.count()
"""),
    "iadd range": ("", r"""
x = []
x += range(10**10)
"""),
    "slice count": ("", r"""
import itertools
x = []
x[:] = itertools.count()
"""),
    "ior": ("", r"""
import itertools
d = {}
d |= itertools.repeat((1, 2))
"""),
    "iter count": ("", r"""
import itertools
class A:
    def __iter__(self): return itertools.count()
list(A())
"""),
    "in count": ("", r"""
import itertools
assert 5.5 in itertools.count()
"""),
    "kw repeat": ("", r"""
import itertools
d = {**itertools.repeat(('a', 1))}
"""),
    "kw repeat2": ("", r"""
import itertools
one(**itertools.repeat(('a', 1)))
"""),
    "match range": ("", r"""
match range(10**10):
    case [a, *b]: pass
"""),
    "accum": ("", r"""
import itertools
list(itertools.accumulate(itertools.repeat('a' * 100000)))
"""),
    "perm big": ("", r"""
import itertools
list(itertools.combinations(range(10000), 9990))
"""),
    "prod repeat": ("", r"""
import itertools
next(itertools.product([0] * 10000, repeat=9999))
"""),
    "zip big": ("", r"""
r = range(10000)
list(zip(*[r] * 10000))
"""),
    "subclass bytes": ("", r"""
class B(bytes): pass
B(10**11)
"""),
    "subclass list": ("", r"""
import itertools
class L(list): pass
L(itertools.count())
"""),
    "new bytes": ("", r"""
bytes.__new__(bytes, 10**11)
"""),
    "index": ("", r"""
class N:
    def __index__(self): return 10**11
'a' * N()
"""),
    "index2": ("", r"""
class N:
    def __index__(self): return 10**11
bytes(N())
"""),
    "int sub": ("", r"""
class I(int):
    def bit_length(self): return 0
    def __abs__(self): return 0
I(10) ** I(10**9)
"""),
    "str sub": ("", r"""
class S(str):
    def __len__(self): return 0
S('abc') * 10**11
"""),
    "int sub2": ("", r"""
class I(int):
    def __abs__(self): return 0
'a'.ljust(I(10**11))
"""),
    "list sub": ("", r"""
class L(list):
    def __iter__(self): return iter(())
    def __len__(self): return 0
a = L()
b = L()
for i in range(60):
    a = L([a, a]); b = L([b, b])
a == b
"""),
    "map types": ("", r"""
list(map(bytes, [10**11]))
"""),
    "lru types": ("", r"""
import functools
functools.lru_cache(bytes)(10**11)
"""),
    "mock side": ("", r"""
from unittest import mock
m = mock.Mock(side_effect=bytes)
m(10**11)
"""),
    "mock side2": ("", r"""
from unittest import mock
m = mock.Mock()
m.side_effect = bytes
m(10**11)
"""),
    "partial default": ("", r"""
import functools, collections
d = collections.defaultdict(functools.partial(bytes, 10**11))
d[1]
"""),
    "unbound replace": ("", r"""
str.replace('a' * 100000, 'a', 'b' * 100000)
"""),
    "ba replace": ("", r"""
bytearray(b'a' * 100000).replace(b'a', b'b' * 100000)
"""),
    "re sub": ("", r"""
import re
re.sub('a', 'b' * 100000, 'a' * 100000)
"""),
    "re expand": ("", r"""
import re
re.match('(a*)', 'a' * 100000).expand('\\1' * 40000)
"""),
    "re opt": ("", r"""
import re
re.match('a?' * 40 + 'a' * 40, 'a' * 40)
"""),
    "re alt": ("", r"""
import re
re.match('(?:a|a)' * 60 + 'b', 'a' * 60)
"""),
    "re 16": ("", r"""
import re
re.match('a{0,9}' * 40 + 'b', 'a' * 400)
"""),
    "re unbound": ("", r"""
import re
re.Pattern.match(re.compile('a*a*a*a*a*a*b'), 'a' * 10000)
"""),
    "re debug": ("", r"""
import re
re.compile('::error::x', 128)
"""),
    "re unittest": (r"""
import unittest
""", r"""
class T(unittest.TestCase):
    def test_a(self): pass
T('test_a').assertRegex('a' * 50 + 'b', '(a+)+$')
"""),
    "re loop": ("", r"""
import re
while True:
    re.match('a*a*a*b', 'a' * 140)
"""),
    "expandtabs": ("", r"""
('\t' * 100000).expandtabs(10000)
"""),
    "indent": ("", r"""
import textwrap
textwrap.indent('a\n' * 40000, 'b' * 100000)
"""),
    "wrap": ("", r"""
import textwrap
textwrap.wrap('a ' * 40000, 1, subsequent_indent='b' * 100000)
"""),
    "wrap2": ("", r"""
import textwrap
while True:
    textwrap.wrap('a-' * 50000)
"""),
    "json indent": ("", r"""
import json
json.dumps([1], indent=10**10)
"""),
    "json sep": ("", r"""
import json
json.dumps([1] * 9000, separators=('a' * 100000, 'b'))
"""),
    "punycode": ("", r"""
('\xe9\u1234' * 50000).encode('punycode')
"""),
    "punycode2": ("", r"""
x = ''.join([chr(0x4e00 + i) for i in range(8000)])
while True: x.encode('punycode')
"""),
    "bytesio": ("", r"""
import io
b = io.BytesIO()
b.seek(10**11)
b.write(b'x')
"""),
    "stringio": ("", r"""
import io
b = io.StringIO()
b.seek(2 * 10**9)
b.write('x')
"""),
    "stringio2": ("", r"""
import io
b = io.StringIO()
while True: b.write('x' * 100000)
"""),
    "extend": ("", r"""
x = [0] * 9999
y = []
while True: y.extend(x)
"""),
    "strings": ("", r"""
xs = []
while True: xs.append('a' * 100000)
"""),
    "cmp loop": ("", r"""
x = [0] * 9000
y = [0] * 9000
while True: x == y
"""),
    "collide": ("", r"""
xs = [i * (2**61 - 1) for i in range(9000)]
while True: set(xs)
"""),
    "hash t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
{t}
"""),
    "call t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
t()
"""),
    "is t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
u = ()
for i in range(60):
    u = (u, u)
u is t
"""),
    "sort t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
u = ()
for i in range(60):
    u = (u, u)
x=[t, u]
x.sort()
"""),
    "del t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
d = {}
del d[t]
"""),
    "str exc": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
str(ValueError(t))
"""),
    "ns eq": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
u = ()
for i in range(60):
    u = (u, u)
import types
types.SimpleNamespace(a=t) == types.SimpleNamespace(a=u)
"""),
    "repr repeat": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
import itertools
repr(itertools.repeat(t))
"""),
    "repr partial": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
import functools
repr(functools.partial(one, t))
"""),
    "repr mp": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
import types
repr(types.MappingProxyType({1: t}))
"""),
    "view eq": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
u = ()
for i in range(60):
    u = (u, u)
{1: t}.items() == {1: u}.items()
"""),
    "getattr t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
getattr(one, t)
"""),
    "getenv t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
import os
os.getenv(t)
"""),
    "unit eq": (r"""
import unittest
""", r"""
t = ()
for i in range(60):
    t = (t, t)
u = ()
for i in range(60):
    u = (u, u)
class T(unittest.TestCase):
    def test_a(self): pass
T('test_a').assertEqual(t, u)
"""),
    "unit in": (r"""
import unittest, itertools
""", r"""
class T(unittest.TestCase):
    def test_a(self): pass
T('test_a').assertIn(1.5, itertools.count())
"""),
    "mock repr": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
from unittest import mock
m = mock.Mock()
m(t)
m.assert_called_with(1)
"""),
    "lru t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
import functools
@functools.lru_cache
def f(x): return 1
f(t)
"""),
    "deepcopy lib": (r"""
import copy, pytest
""", r"""
copy.deepcopy(pytest)
"""),
    "quantiles": ("", r"""
import statistics
statistics.quantiles([1, 2], n=10**9)
"""),
    "tee": ("", r"""
import itertools
itertools.tee([1], 10**9)
"""),
    "frac mul": ("", r"""
from fractions import Fraction
f = Fraction(3, 7)
for i in range(40): f = f * f
"""),
    "dec exp": ("", r"""
from decimal import Decimal
f'{Decimal("1e9_9_9_9_9_9_9_9_9_9"):f}'
"""),
    "dec ratio": ("", r"""
from decimal import Decimal
Decimal((0, (1,), 10**10)).as_integer_ratio()
"""),
    "mro": ("", r"""
class C: pass
for i in range(9000):
    class C(C): pass
"""),
    "nest map": ("", r"""
it = iter([1])
for i in range(9000): it = map(str, it)
next(it)
"""),
    "nest zip": ("", r"""
it = iter([1])
for i in range(9000): it = zip(it)
next(it)
"""),
    "nest chain": ("", r"""
import itertools
it = iter([1])
for i in range(9000): it = itertools.islice(it, 1)
next(it)
"""),
    "nest method": ("", r"""
import types
m = one
for i in range(9000): m = types.MethodType(m, 1)
m()
"""),
    "nest partial": ("", r"""
import functools
m = one
for i in range(9000):
    m = functools.partial(m)
    m.x = 1
m()
"""),
    "nest tuple": ("", r"""
t = ()
for i in range(9900): t = (t,)
hash(t); {t}
"""),
    "nest exc": ("", r"""
e = ValueError()
for i in range(9000):
    n = ValueError()
    n.__cause__ = e
    e = n
raise e
"""),
    "nest static": ("", r"""
m = one
for i in range(9000): m = staticmethod(m)
m()
"""),
    "frozen t": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
frozenset([t])
"""),
    "ki": ("", r"""
raise KeyboardInterrupt
"""),
    "se": ("", r"""
raise SystemExit(3)
"""),
    "ge": ("", r"""
raise GeneratorExit
"""),
    "restore": (r"""
from unittest import mock
""", r"""
class A:
    x = 1
    def __setattr__(self, n, v): raise ValueError('x')
    def __delattr__(self, n): raise ValueError('x')
a = A()
a.__dict__['y'] = 1
mock.patch.object(a, 'y', 2).start()
"""),
    "restore2": (r"""
from unittest import mock
class A:
    y = 1
    def __setattr__(self, n, v):
        if 'armed' in self.__dict__: raise ValueError('x')
        self.__dict__[n] = v
    def __delattr__(self, n): raise ValueError('x')
""", r"""
a = A()
mock.patch.object(a, 'y', 2).start()
a.armed = 1
"""),
    "purepath": ("", r"""
import pathlib
pathlib.PurePath('a')._flavour.sep = 'x'
"""),
    "loop selector": ("", r"""
import asyncio
async def f():
    loop = asyncio.get_running_loop()
    loop._selector.turns = -10**12
    while True: await asyncio.sleep(0)
asyncio.run(f())
"""),
    "enum del": ("", r"""
import enum
E = enum.Enum('E', {'__del__': lambda s: 1, '__reduce_ex__': lambda s, p: (str, ('x',)), 'A': 1})
E.A
"""),
    "dunder fmt": ("", r"""
class A(str):
    __add__ = str.format
assert A('{0.__class__.__mro__}') + 1 == one()
"""),
    "sum frac": ("", r"""
from fractions import Fraction
sum([Fraction(1, 2**3000 + i) for i in range(3000)])
"""),
    "fac": ("", r"""
import math
math.perm(10**7)
math.factorial(10**7)
"""),
    "pct": ("", r"""
('%999d' * 20000) % ((1,) * 20000)
"""),
    "sub fn": ("", r"""
import re
B = 'b' * 100000
re.sub('a', lambda m: B, 'a' * 9000)
"""),
    "join iter": ("", r"""
B = 'b' * 100000
class A:
    def __iter__(self):
        for i in range(9000): yield B
''.join(A())
"""),
    "fixture count": (r"""
import pytest, itertools
@pytest.fixture(params=itertools.count(), autouse=True)
def fx(request): pass
""", r"""
pass
"""),
    "param count": (r"""
import pytest, itertools
@pytest.mark.parametrize('a', itertools.count())
def test_y(a): pass
""", r"""
pass
"""),
    "param names": (r"""
import pytest, itertools
@pytest.mark.parametrize(itertools.count(), [1])
def test_y(a): pass
""", r"""
pass
"""),
    "param tuple": (r"""
import pytest, itertools
@pytest.mark.parametrize('a,b', [itertools.count()])
def test_y(a, b): pass
""", r"""
pass
"""),
    "param ints": (r"""
import pytest
@pytest.mark.parametrize([1, 2], [(1, 2)])
def test_y(a): pass
""", r"""
pass
"""),
    "usefixtures": (r"""
import pytest
class F:
    name='usefixtures'
    args=__import__
@pytest.mark.usefixtures(*[[1]])
def test_y(): pass
""", r"""
pass
"""),
    "fake mark": (r"""
import itertools
class F:
    name='usefixtures'
    args=itertools.count()
    kwargs={}
pytestmark=[F()]
""", r"""
pass
"""),
    "marks attr": (r"""
import itertools
class TestX:
    _marks = itertools.count()
    def test_z(self): pass
""", r"""
pass
"""),
    "pytestmark hasattr": (r"""
class F:
    def __getattr__(self, n): raise ValueError('x')
    def __repr__(self): raise KeyError('y')
pytestmark=[F()]
""", r"""
pass
"""),
    "setup repr": (r"""
import pytest
class E(Exception):
    def __repr__(self): raise ValueError('x')
@pytest.fixture(autouse=True)
def fx(): raise E()
""", r"""
pass
"""),
    "setup repr2": (r"""
import pytest
t = ()
for i in range(60):
    t = (t, t)
@pytest.fixture(autouse=True)
def fx(): raise ValueError(t)
""", r"""
pass
"""),
    "scope t": (r"""
import pytest
t = ()
for i in range(60):
    t = (t, t)
@pytest.fixture(autouse=True, scope=t)
def fx(): pass
""", r"""
pass
"""),
    "slots": (r"""
class A:
    __slots__ = ('a',)
    def __getattr__(self, n): raise ValueError('x')
x = A()
""", r"""
pass
"""),
    "exit trace": ("", r"""
class C:
    def __enter__(self): return self
    def __exit__(self, k, e, t):
        assert str.format('{0.tb_frame.f_globals}', t) == one()
with C():
    1/0
"""),
    "err repr": (r"""
class E(Exception):
    def __str__(self): raise ValueError('x')
    __repr__ = __str__
""", r"""
raise E()
"""),
    "err repr2": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
raise ValueError(t)
"""),
    "met repr": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
assert t == 1
"""),
    "met repr2": (r"""
class A:
    def __repr__(self): raise ValueError('x')
""", r"""
assert A() == 1
"""),
    "met repr3": (r"""
class A:
    def __repr__(self):
        while True: pass
""", r"""
assert A() == 1
"""),
    "name bytes": ("", r"""
assert int.from_bytes(b'a' * 100000, 'big') == 1
"""),
    "async mock": (r"""
from unittest import mock
""", r"""
m = mock.AsyncMock()
m(1)
x = [m(2)]
x.append(x)
"""),
    "gen late": (r"""
def G():
    try:
        yield 1
    finally:
        raise ValueError('::error::late')
""", r"""
g = G()
next(g)
x = [g]
x.append(x)
"""),
    "task late": ("", r"""
import asyncio
async def g():
    try:
        await asyncio.sleep(1000)
    finally:
        raise ValueError('::error::late')
async def f():
    asyncio.create_task(g())
    await asyncio.sleep(0)
    raise KeyError(1)
asyncio.run(f())
"""),
    "run case": (r"""
import unittest
""", r"""
class T(unittest.TestCase):
    def test_a(self): return 1
T('test_a').run()
T('test_a').debug()
"""),
    "frac hash": ("", r"""
from fractions import Fraction
while True:
    hash(Fraction(1, 2**3000+1))
"""),
    "uuid": ("", r"""
import uuid
while True: uuid.uuid5(uuid.NAMESPACE_DNS, 'a' * 100000)
"""),
    "quote": ("", r"""
import urllib.parse
while True: urllib.parse.unquote('%41%42é' * 10000)
"""),
    "quote enc": ("", r"""
import urllib.parse
urllib.parse.quote('\u4e00' * 50000, encoding='punycode')
"""),
    "str enc": ("", r"""
x = ''.join([chr(0x4e00 + i) for i in range(8000)])
while True: bytes(x, 'punycode')
"""),
    "html": ("", r"""
import html
while True: html.unescape('&amp' * 20000)
"""),
    "dedent": ("", r"""
import textwrap
while True: textwrap.dedent((' ' * 300 + '\n') * 300)
"""),
    "b64": ("", r"""
import base64
while True: base64.b32encode(b'a' * 100000)
"""),
    "hash loop": ("", r"""
import hashlib
b = b'a' * 100000
while True: hashlib.sha3_256(b)
"""),
    "json loop": ("", r"""
import json
s = '[' + '1,' * 5000 + '1]'
while True: json.loads(s)
"""),
    "sort loop": ("", r"""
x = list(range(9999))
while True: sorted(x)
"""),
    "upper loop": ("", r"""
x = 'ab' * 50000
while True: x.title()
"""),
    "eq text": ("", r"""
x = 'ab' * 50000
y = x + ''
xs=[x]*5000
ys=['ab'*50000]*5000
while True: xs == ys
"""),
    "dict upd": ("", r"""
d = {i: i for i in range(5000)}
while True:
    e = dict(d); e |= d
"""),
    "tuple collide": ("", r"""
xs = [complex(-1000003 * b, b) for b in range(1, 6000)]
while True: set(xs)
"""),
    "deep fn": ("", r"""
def f(n):
    def g(): return f(n + 1)
    return g()
f(0)
"""),
    "gen deep": ("", r"""
def g(n):
    yield from g(n + 1)
list(g(0))
"""),
    "gen deep2": ("", r"""
def g(n):
    for x in g(n + 1): yield x
list(g(0))
"""),
    "coro deep": ("", r"""
import asyncio
async def g(n): await g(n + 1)
asyncio.run(g(0))
"""),
    "repr deep": ("", r"""
class A:
    def __repr__(self): return repr([self])
repr(A())
"""),
    "eq deep": ("", r"""
class A:
    def __eq__(self, o): return [self] == [o]
A() == A()
"""),
    "dc deep": (r"""
import dataclasses
""", r"""
@dataclasses.dataclass
class A:
    x: object
a = None
for i in range(5000): a = A(a)
repr(a); hash(str(a)); a == A(a)
"""),
    "abc many": (r"""
import collections.abc
""", r"""
for i in range(3000):
    class C(collections.abc.Mapping): pass
isinstance(5, collections.abc.Mapping)
"""),
    "flag": ("", r"""
import enum
F = enum.IntFlag('F', ['a%d' % i for i in range(500)])
while True: F(12345) | F(2**400)
"""),
    "sys mod": ("", r"""
import sys
sys.modules['os'].system('touch {canary}')
"""),
    "copyreg": ("", r"""
import copy
class B(bytes): pass
b = B(b'x')
b.__dict__['__getnewargs__'] = lambda: (10**11,)
copy.copy(b)
"""),
    "lenhint": ("", r"""
class A:
    def __iter__(self): return iter(())
    def __length_hint__(self): return 10**9
list(A())
"""),
    "maketrans": ("", r"""
('a' * 1999).translate({97: 'b' * 100000})
"""),
    "suggest": ("", r"""
class A: pass
getattr(A(), 'x' * 100000)
"""),
    "ctxvar": ("", r"""
import contextvars
c = contextvars.ContextVar('c', default=1)
c.foo = 1
"""),
    "modtype": ("", r"""
import types
m = types.ModuleType('x')
m.__class__ = 1
m.foo = 1
"""),
    "queue repr": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
import asyncio
q = asyncio.Queue()
q.put_nowait(t)
repr(q)
"""),
    "fieldrepr": ("", r"""
t = ()
for i in range(60):
    t = (t, t)
import dataclasses
repr(dataclasses.field(default=t))
"""),
    "addcleanup": (r"""
import unittest
""", r"""
class T(unittest.TestCase):
    def test_a(self): pass
t = T('test_a')
t.addCleanup(bytes, 10**11)
t.doCleanups()
"""),
    "class reg": ("", r"""
import abc
class A(abc.ABC): pass
A.register(dict)
isinstance({}, A)
"""),
    "fmt many": ("", r"""
'{:999}'.format(1)
('{:999}' * 10000).format(*range(10000))
"""),
}
