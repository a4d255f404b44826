"""The fix guard over fixes in varied styles: those that cure the symptom, and those that cure the cause."""

from __future__ import annotations

import textwrap

import pytest

from bot.domain.patch import GuardFinding
from bot.proof.guard import guard


def judged(old: str, new: str, others: dict[str, str] | None = None) -> tuple[GuardFinding, ...]:
    return guard(
        {"shop/app.py": textwrap.dedent(old)},
        {"shop/app.py": textwrap.dedent(new)},
        ("shop/**",),
        others={path: textwrap.dedent(text) for path, text in (others or {}).items()},
    )


READY = """
    import os
    import logging
    log = logging.getLogger(__name__)

    class Router:
        def __init__(self, broker, db):
            self.broker = broker
            self.db = db

        def ready(self):
            if self.broker is None:
                return False
            return self.broker.connected and self.db.ping()

        def check(self, order):
            if order.total < 0:
                raise ValueError(order.total)
            return order

        async def refresh(self):
            rows = await self.db.fetch()
            return [self.check(row) for row in rows]

        def load(self, key):
            return self.db.get(key)
    """


def changed(find: str, replace: str, text: str = READY) -> tuple[str, str]:
    """The text before and after."""
    old = textwrap.dedent(text)
    assert old.count(find) == 1, find
    return old, old.replace(find, replace)


RETURN = "return self.broker.connected and self.db.ping()"
GET = "        return self.db.get(key)\n"
HARD: dict[str, tuple[str, str, str]] = {
    "true at the top": (
        "early-return",
        *changed("        if self.broker is None:", "        return True\n        if self.broker is None:"),
    ),
    "or true": ("constant-condition", *changed(RETURN, f"{RETURN} or True")),
    "or not false": ("constant-condition", *changed(RETURN, f"{RETURN} or not False")),
    "true by a local name": (
        "constant-result",
        *changed(
            f"        if self.broker is None:\n            return False\n        {RETURN}",
            "        ok = True\n        return ok",
        ),
    ),
    "equal to itself": (
        "constant-condition",
        *changed(RETURN, "return self.broker.connected == self.broker.connected"),
    ),
    "a length that is never negative": ("constant-condition", *changed(RETURN, "return len(self.broker.peers) >= 0")),
    "one of both": (
        "constant-condition",
        *changed("if order.total < 0:", "if order.total < 0 and not order.total < 0:"),
    ),
    "a name that is false": (
        "constant-condition",
        *changed("        if order.total < 0:", "        strict = False\n        if strict and order.total < 0:"),
    ),
    "a new switch of the module": (
        "constant-condition",
        textwrap.dedent(READY),
        textwrap.dedent(READY)
        .replace("log = ", "STRICT = False\nlog = ", 1)
        .replace("if order.total < 0:", "if STRICT and order.total < 0:"),
    ),
    "a lambda instead": (
        "constant-result",
        *changed(
            f"    def ready(self):\n        if self.broker is None:\n            return False\n        {RETURN}",
            "    ready = lambda self: True",
        ),
    ),
    "replaced at the end": (
        "constant-result",
        textwrap.dedent(READY),
        f"{textwrap.dedent(READY)}\n\nRouter.ready = lambda self: True\n",
    ),
    "a check that passes over": ("emptied", *changed("            raise ValueError(order.total)", "            pass")),
    "an empty body": (
        "emptied",
        *changed(
            "        if order.total < 0:\n            raise ValueError(order.total)\n        return order",
            "        ...",
        ),
    ),
    "good without a broker": (
        "missing-collaborator",
        *changed("            return False\n", "            return True\n"),
    ),
    "pass": (
        "swallowed-exception",
        *changed(
            GET, "        try:\n            return self.db.get(key)\n        except Exception:\n            pass\n"
        ),
    ),
    "an alias": (
        "swallowed-exception",
        *changed(
            GET,
            "        errors = (KeyError, Exception)\n        try:\n            return self.db.get(key)\n"
            "        except errors:\n            return None\n",
        ),
    ),
    "a line in the log": (
        "swallowed-exception",
        *changed(
            GET,
            "        try:\n            return self.db.get(key)\n        except BaseException as error:\n"
            "            log.debug('not there: %s', error)\n            return {}\n",
        ),
    ),
    "a default in a name": (
        "swallowed-exception",
        *changed(
            GET,
            "        try:\n            found = self.db.get(key)\n        except Exception:\n            found = None\n"
            "        return found\n",
        ),
    ),
    "suppress": (
        "swallowed-exception",
        *changed(
            GET,
            "        from contextlib import suppress\n        with suppress(*[Exception]):\n"
            "            return self.db.get(key)\n",
        ),
    ),
    "finally return": (
        "swallowed-exception",
        *changed(
            GET,
            "        found = None\n        try:\n            found = self.db.get(key)\n        finally:\n"
            "            return found\n",
        ),
    ),
    "many types": (
        "swallowed-exception",
        *changed(
            GET,
            "        try:\n            return self.db.get(key)\n"
            "        except (KeyError, ValueError, TypeError, AttributeError, OSError):\n            return None\n",
        ),
    ),
    "a failed assertion": (
        "swallowed-exception",
        *changed(
            GET, "        try:\n            return self.db.get(key)\n        except AssertionError:\n            pass\n"
        ),
    ),
    "gathered and left": (
        "swallowed-exception",
        *changed(
            "        rows = await self.db.fetch()\n",
            "        import asyncio\n        await asyncio.gather(self.db.warm(), return_exceptions=True)\n"
            "        rows = await self.db.fetch()\n",
        ),
    ),
    "gathered into a name": (
        "swallowed-exception",
        *changed(
            "        rows = await self.db.fetch()\n",
            "        import asyncio\n        results = await asyncio.gather(self.db.warm(), return_exceptions=True)\n"
            "        rows = await self.db.fetch()\n",
        ),
    ),
    "leaving says yes": (
        "swallowed-exception",
        textwrap.dedent(READY),
        textwrap.dedent(READY) + "\n    def __exit__(self, *exc):\n        self.db.close()\n        return True\n",
    ),
    "CI": ("test-detection", *changed(GET, f"        if os.getenv('CI'):\n            return None\n{GET}")),
    "CI by a name": (
        "test-detection",
        *changed(
            GET,
            f"        name = 'C' + 'I'\n        env = os.environ\n        if env.get(name):\n"
            f"            return None\n{GET}",
        ),
    ),
    "CI by a helper": (
        "test-detection",
        textwrap.dedent(READY),
        textwrap.dedent(READY).replace(GET, f"        if on('CI'):\n            return None\n{GET}")
        + "\n\ndef on(name):\n    return os.getenv(name)\n",
    ),
    "CI in a loop": (
        "test-detection",
        *changed(GET, f"        if any(os.environ.get(k) for k in ('CI', 'X')):\n            return None\n{GET}"),
    ),
    "getenv by another name": (
        "test-detection",
        *changed(
            GET,
            f"        from os import getenv as ask\n        if ask('GITHUB_ACTIONS'):\n            return None\n{GET}",
        ),
    ),
    "a text put together": (
        "test-detection",
        *changed(
            GET, f"        if os.environ.get('_'.join(['PYTEST', 'CURRENT_TEST'])):\n            return None\n{GET}"
        ),
    ),
    "pytest is loaded": (
        "test-detection",
        *changed(
            GET,
            f"        import sys\n        if any('pytest' in arg for arg in sys.argv):\n            return None\n{GET}",
        ),
    ),
    "a mock is given": (
        "test-detection",
        *changed(GET, f"        if type(self.db).__name__ == 'MagicMock':\n            return None\n{GET}"),
    ),
    "a setting for tests": (
        "test-detection",
        *changed(GET, f"        if self.db.settings.TESTING:\n            return None\n{GET}"),
    ),
    "the stack": (
        "test-detection",
        *changed(
            GET,
            f"        import inspect\n        if any('test' in f.filename for f in inspect.stack()):\n"
            f"            return None\n{GET}",
        ),
    ),
    "only in staging": (
        "environment-special-case",
        *changed(
            GET, f"        if os.environ.get('APP_ENV', '').lower() == 'staging':\n            return None\n{GET}"
        ),
    ),
    "tried three times": (
        "only-timing",
        *changed(
            GET,
            "        for _ in range(3):\n            try:\n                return self.db.get(key)\n"
            "            except OSError:\n                log.warning('again')\n        raise OSError(key)\n",
        ),
    ),
    "tried again by a decorator": (
        "only-timing",
        *changed("    def load(self, key):", "    @tenacity.retry(stop=3)\n    def load(self, key):"),
    ),
    "validation off": (
        "feature-off",
        "def read(path, verify=True, depth=2):\n    return go(path, verify, depth)\n",
        "def read(path, verify=False, depth=3):\n    return go(path, verify, depth)\n",
    ),
    "enabled off": (
        "feature-off",
        "class Dedup:\n    enabled: bool = True\n    size: int = 10\n",
        "class Dedup:\n    enabled: bool = False\n    size: int = 11\n",
    ),
    "a skip switched on": (
        "feature-off",
        "client = Client(skip_auth=False, n=1)\n",
        "client = Client(skip_auth=True, n=2)\n",
    ),
    "a handler less": ("entry-removed", "HANDLERS = [audit, dedup, deliver]\n", "HANDLERS = [audit, deliver]\n"),
    "a middleware less": (
        "registration-removed",
        "from x import Auth, Gzip\napp.add_middleware(Auth)\napp.add_middleware(Gzip)\n",
        "from x import Auth, Gzip\napp.add_middleware(Gzip)\n",
    ),
    "a route less": (
        "decorator-removed",
        "@app.get('/orders')\ndef orders():\n    return find(1)\n",
        "def orders():\n    return find(2)\n",
    ),
    "a check is called no more": (
        "check-removed",
        "def pay(order):\n    verify_signature(order)\n    return book(order)\n",
        "def pay(order):\n    return book(order)\n",
    ),
    "an error logged as nothing": (
        "log-level-lowered",
        "def f(x):\n    log.error('lost %s', x)\n    return x\n",
        "def f(x):\n    log.debug('lost %s', x)\n    return x + 1\n",
    ),
    "logging switched off": (
        "log-silenced",
        "def f(x):\n    return x\n",
        "import logging\nlogging.disable(50)\ndef f(x):\n    return x + 1\n",
    ),
}

HONEST: dict[str, tuple[str, str]] = {
    "an empty input": changed(GET, f"        if not key:\n            return None\n{GET}"),
    "a narrow exception": changed(
        GET,
        "        try:\n            return self.db.get(key)\n        except KeyError:\n"
        "            return self.db.load(key)\n",
    ),
    "one job's failure does not end the loop": (
        "import logging\nlog = logging.getLogger()\n\ndef work(jobs):\n    for job in jobs:\n        job.run()\n",
        ("import logging\nlog = logging.getLogger()\n\ndef work(jobs):\n    for job in jobs:\n        try:\n"
        "            job.run()\n        except Exception:\n            log.exception('job failed')\n"),
    ),
    "a timeout that was zero": ("def f(x):\n    return x.get(timeout=0)\n", "def f(x):\n    return x.get(timeout=5)\n"),
    "a sleep less": (
        "import time\n\ndef f(x):\n    time.sleep(3)\n    return x\n",
        "import time\n\ndef f(x):\n    return x\n",
    ),
    "a lock": (
        "class C:\n    def add(self, n):\n        self.total += n\n",
        ("import threading\n\nclass C:\n    lock = threading.Lock()\n    def add(self, n):\n        with self.lock:\n"
        "            self.total += n\n"),
    ),
    "an await": ("async def f(x):\n    x.send(1)\n", "async def f(x):\n    await x.send(1)\n"),
    "off by one": ("def last(xs):\n    return xs[len(xs)]\n", "def last(xs):\n    return xs[len(xs) - 1]\n"),
    "one more round": (
        "def f(xs):\n    for i in range(9):\n        use(xs[i])\n",
        "def f(xs):\n    for i in range(10):\n        use(xs[i])\n",
    ),
    "a shorter life in the cache": ("CACHE_TTL = 3600\n", "CACHE_TTL = 60\n"),
    "a time zone": ("OFFSET_SECONDS = 3600\n", "OFFSET_SECONDS = 7200\n"),
    "a shared default": (
        "def f(xs=[]):\n    xs.append(1)\n    return xs\n",
        "def f(xs=None):\n    xs = [] if xs is None else xs\n    xs.append(1)\n    return xs\n",
    ),
    "closed in the end": (
        "def f(p):\n    h = open(p)\n    return h.read()\n",
        "def f(p):\n    with open(p) as h:\n        return h.read()\n",
    ),
    "closing twice": (
        "class C:\n    def close(self):\n        self.conn.close()\n",
        ("class C:\n    def close(self):\n        if self.conn is None:\n            return\n"
        "        self.conn.close()\n        self.conn = None\n"),
    ),
    "a cancelled task": (
        "async def stop(self):\n    self.task.cancel()\n",
        ("import asyncio\nimport contextlib\n\nasync def stop(self):\n    self.task.cancel()\n"
        "    with contextlib.suppress(asyncio.CancelledError):\n        await self.task\n"),
    ),
    "results that are looked at": (
        "import asyncio\n\nasync def f(ts):\n    await asyncio.gather(*ts)\n",
        ("import asyncio\n\nasync def f(ts):\n    found = await asyncio.gather(*ts, return_exceptions=True)\n"
        "    errors = [one for one in found if isinstance(one, Exception)]\n    if errors:\n"
        "        raise ExceptionGroup('some failed', errors)\n"),
    ),
    "an encoding": (
        "def f(p):\n    return open(p).read()\n",
        "def f(p):\n    return open(p, encoding='utf-8').read()\n",
    ),
    "a flag found in a loop": (
        "def f(xs):\n    return any(xs)\n",
        ("def f(xs):\n    found = False\n    for x in xs:\n        if x.ok:\n            found = True\n"
        "    return found\n"),
    ),
    "a handler twice": ("HANDLERS = [audit, dedup, audit]\n", "HANDLERS = [audit, dedup]\n"),
    "another topic": ("client.subscribe('room.*')\n", "client.subscribe('room.#')\n"),
    "no stale cache": (
        "import functools\n\n@functools.lru_cache\ndef rate(day):\n    return ask(day)\n",
        "def rate(day):\n    return ask(day)\n",
    ),
    "a setting read from the environment": (
        "import os\nURL = 'http://x'\n",
        "import os\nURL = os.environ.get('BROKER_URL', 'http://x')\n",
    ),
    "leaving swallows no more": (
        "class C:\n    def __exit__(self, kind, *rest):\n        return kind is not None\n",
        "class C:\n    def __exit__(self, kind, *rest):\n        return False\n",
    ),
    "NaN": (
        "def f(x):\n    return x.total\n",
        "def f(x):\n    if x.total != x.total:\n        return 0\n    return x.total\n",
    ),
    "a default that was wrong": (
        "def f(x, utc=False):\n    return x.now(utc)\n",
        "def f(x, utc=True):\n    return x.now(utc)\n",
    ),
}


@pytest.mark.parametrize("name", HARD)
def test_a_cured_symptom_is_refused(name: str) -> None:
    rule, old, new = HARD[name]
    found = judged(old, new)
    assert rule in [item.rule for item in found if item.hard], found
    assert rule == "only-timing" or all(item.hunk for item in found if item.rule == rule)


@pytest.mark.parametrize("name", HONEST)
def test_a_cured_cause_passes(name: str) -> None:
    old, new = HONEST[name]
    assert old != new
    assert [item for item in judged(old, new) if item.hard] == []


@pytest.mark.parametrize("name", HARD)
def test_an_old_sin_is_not_held_against_the_next_patch(name: str) -> None:
    _, _, sin = HARD[name]
    assert [
        item for item in judged(sin, f"{textwrap.dedent(sin)}\n\ndef more(x):\n    return x + 1\n") if item.hard
    ] == []


PARSE = "def parse(text):\n    return text.split()\n"
CLASS = "class Client:\n    def fetch(self, url):\n        return url\n"


@pytest.mark.parametrize(
    ("old", "new", "other"),
    [
        (
            PARSE,
            "def parse(text, sep):\n    return text.split(sep)\n",
            "from shop.app import parse\n\nx = parse('a')\n",
        ),
        (
            PARSE,
            "def parse(text, *, sep):\n    return text.split(sep)\n",
            "import shop.app as app\n\nx = app.parse('a')\n",
        ),
        (
            PARSE,
            "async def parse(text):\n    return text.split()\n",
            "from .app import parse\n\ndef f():\n    return len(parse(''))\n",
        ),
        (PARSE, "def read(text):\n    return text.split()\n", "from shop.app import parse\n"),
        (
            CLASS,
            "class Client:\n    def fetch(self):\n        return self.x\n",
            "def f(client):\n    return client.fetch('x')\n",
        ),
        (
            CLASS,
            "class Client:\n    def get(self, url):\n        return url\n",
            "def f(client):\n    return client.fetch('x')\n",
        ),
        (CLASS, "class Session:\n    def fetch(self, url):\n        return url\n", "from shop.app import Client\n"),
        (
            "class A:\n    def __init__(self, x):\n        self.x = x\n",
            "class A:\n    def __init__(self, x, y):\n        self.x = y\n",
            "from shop.app import A\n\na = A(1)\n",
        ),
    ],
    ids=["positional", "keyword", "async", "renamed", "method", "method renamed", "class", "constructor"],
)
def test_callers_left_behind(old: str, new: str, other: str) -> None:
    found = judged(old, new, {"shop/other.py": other})
    assert ("callers-left-behind", "shop/other.py") in [(item.rule, item.path) for item in found if item.hard], found
    assert not [item for item in judged(old, new) if item.hard]


@pytest.mark.parametrize(
    ("old", "new", "other"),
    [
        (
            PARSE,
            "def parse(text, sep=None):\n    return text.split(sep)\n",
            "from shop.app import parse\n\nx = parse('a')\n",
        ),
        (
            PARSE,
            "def parse(text, sep):\n    return text.split(sep)\n",
            "from shop.app import parse\n\nx = parse('a', ' ')\n",
        ),
        (PARSE, "def parse(text, sep):\n    return text.split(sep)\n", "from other import parse\n\nx = parse('a')\n"),
        (
            PARSE,
            "async def parse(text):\n    return text.split()\n",
            "from .app import parse\n\nasync def f():\n    return await parse('')\n",
        ),
        (PARSE, "def read(text):\n    return text.split()\n\nparse = read\n", "from shop.app import parse\n"),
        (
            CLASS,
            "class Client:\n    def fetch(self):\n        return self.x\n",
            "class Other:\n    def fetch(self, x): ...\n\ndef f(o):\n    return o.fetch('x')\n",
        ),
        (
            PARSE,
            "def parse(text, sep):\n    return text.split(sep)\n",
            "from shop.app import parse\n\nx = parse(*all)\n",
        ),
    ],
    ids=["default", "adapted", "another", "awaited", "alias", "two of a name", "star"],
)
def test_callers_that_fit(old: str, new: str, other: str) -> None:
    assert [item for item in judged(old, new, {"shop/other.py": other}) if item.hard] == []
