"""The fix guard: dishonest patches are refused, honest ones pass."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.config import PolicyConfig
from bot.domain.patch import Edit, GuardFinding
from bot.proof.edits import apply_edits
from bot.proof.guard import guard

BEFORE = '''"""A service."""

import asyncio
import logging
import os

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10.0


class Validator:
    def __init__(self, broker, timeout=TIMEOUT_SECONDS, retries=3):
        self.broker = broker
        self.timeout = timeout
        self.retries = retries

    def ready(self):
        if self.broker is None:
            return False
        return self.broker.connected

    async def validate(self):
        try:
            await asyncio.wait_for(self.broker.wait(), timeout=10)
        except TimeoutError:
            log.error("no broker")
            raise
        return self.ready()

    def check(self, value):
        if value < 0:
            raise ValueError(value)
        return value


def parse(text):
    return int(text)
'''


def run(*changes: tuple[str, str], path: str = "router/readiness.py") -> dict[str, bool]:
    """Rule to hardness of what the guard says to replacements in the service."""
    edits = tuple(Edit(path=path, find=find, replace=replace) for find, replace in changes)
    before = {path: BEFORE}
    return {item.rule: item.hard for item in guard(before, apply_edits(before, edits), ("router/**",))}


def hard(found: tuple[GuardFinding, ...]) -> list[str]:
    return [item.rule for item in found if item.hard]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        (
            [
                (
                    "        if self.broker is None:\n            return False\n        return self.broker.connected",
                    "        return True",
                )
            ],
            "constant-result",
        ),
        (
            [
                (
                    "            return False\n        return self.broker.connected",
                    "            return True\n        return True",
                )
            ],
            "constant-result",
        ),
        (
            [
                (
                    "        if self.broker is None:\n            return",
                    "        return True\n        if self.broker is None:\n            return",
                )
            ],
            "early-return",
        ),
        (
            [
                (
                    "        if self.broker is None:",
                    "        if True:\n            return True\n        if self.broker is None:",
                )
            ],
            "early-return",
        ),
        ([("return self.broker.connected", "return self.broker.connected or True")], "constant-condition"),
        ([("if value < 0:", "if value < 0 and False:")], "constant-condition"),
        ([("if value < 0:", "if False:")], "constant-condition"),
        (
            [("    return int(text)", "    try:\n        return int(text)\n    except Exception:\n        pass")],
            "swallowed-exception",
        ),
        (
            [("    return int(text)", "    try:\n        return int(text)\n    except:\n        return None")],
            "swallowed-exception",
        ),
        (
            [
                (
                    "    return int(text)",
                    "    try:\n        return int(text)\n    except (A, BaseException) as e:\n        log.info(e)",
                )
            ],
            "swallowed-exception",
        ),
        (
            [
                (
                    "    return int(text)",
                    "    import contextlib\n    with contextlib.suppress(Exception):\n        return int(text)",
                )
            ],
            "swallowed-exception",
        ),
        (
            [
                (
                    "    return int(text)",
                    "    if os.environ.get('PYTEST_CURRENT_TEST'):\n        return 1\n    return int(text)",
                )
            ],
            "test-detection",
        ),
        (
            [("    return int(text)", "    if os.environ['CI']:\n        return 1\n    return int(text)")],
            "test-detection",
        ),
        (
            [("    return int(text)", "    if 'CI' in os.environ:\n        return 1\n    return int(text)")],
            "test-detection",
        ),
        (
            [
                (
                    "    return int(text)",
                    "    import sys\n    if 'pytest' in sys.modules:\n        return 1\n    return int(text)",
                )
            ],
            "test-detection",
        ),
        ([("TIMEOUT_SECONDS = 10.0", "TIMEOUT_SECONDS = 60.0")], "only-timing"),
        ([("retries=3", "retries=30"), ("timeout=10)", "timeout=60)")], "only-timing"),
        (
            [("        return self.ready()", "        await asyncio.sleep(0.5)\n        return self.ready()")],
            "only-timing",
        ),
        (
            [
                (
                    "        return self.ready()",
                    "        await asyncio.sleep(0.5)\n        log.info('slept')\n        return self.ready()",
                )
            ],
            "only-timing",
        ),
        ([('log.error("no broker")', 'log.info("no broker")')], "only-logging"),
        ([('            log.error("no broker")\n', "")], "only-logging"),
        ([('"""A service."""', '"""A better service."""')], "no-semantic-change"),
        ([("import os\n", "import os  # needed\n")], "no-semantic-change"),
        ([("def parse(text):", "def parse(text:")], "syntax-error"),
    ],
)
def test_a_dishonest_patch_is_refused(changes: list[tuple[str, str]], rule: str) -> None:
    found = run(*changes)
    assert found.get(rule) is True, found


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        (
            [
                (
                    "        return self.ready()",
                    "        await asyncio.sleep(0.5)\n        return self.ready() and self.timeout > 0",
                )
            ],
            "sleep-added",
        ),
        (
            [
                (
                    "    return int(text)",
                    "    try:\n        return int(text)\n    except Exception as e:\n        return repair(e, text)",
                )
            ],
            "broad-except",
        ),
        ([("def parse(text):", "def parse(text, base=10):"), ("int(text)", "int(text, base)")], "signature-changed"),
        ([("def parse(text):", "async def parse(text):")], "signature-changed"),
        ([("def parse(text):", "def read(text):")], "public-removed"),
        ([("            raise ValueError(value)", "            value = 0")], "raise-removed"),
    ],
)
def test_what_needs_a_look_is_noted_softly(changes: list[tuple[str, str]], rule: str) -> None:
    found = run(*changes)
    assert found.get(rule) is False, found
    assert not any(found.values()), found


@pytest.mark.parametrize(
    "changes",
    [
        [("return self.broker.connected", "return self.broker.connected and self.broker.subscribed")],
        [
            (
                "await asyncio.wait_for(self.broker.wait(), timeout=10)",
                "await asyncio.wait_for(self.broker.subscribed.wait(), timeout=self.timeout)",
            )
        ],
        [("    return int(text)", "    try:\n        return int(text)\n    except ValueError:\n        return 0")],
        [
            (
                "    return int(text)",
                "    try:\n        return int(text)\n    except Exception:\n        log.error('bad')\n        raise",
            )
        ],
        [("if value < 0:", "if value < 1:")],
        [("if value < 0:", "if value is None or value < 0:")],
        [
            ("timeout=TIMEOUT_SECONDS", "timeout=None"),
            ("self.timeout = timeout", "self.timeout = timeout or TIMEOUT_SECONDS"),
        ],
        [("return int(text)", "return int(text.strip() or 0)")],
        [
            (
                "        return self.ready()",
                "        await asyncio.sleep(0)\n        return self.ready() and self.timeout > 0",
            )
        ],
    ],
)
def test_an_honest_patch_passes(changes: list[tuple[str, str]]) -> None:
    found = run(*changes)
    assert not any(found.values()), found


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("tests/unit/test_new.py", ["frozen-test", "outside-code"]),
        ("router/test_a.py", ["test-file"]),
        ("router/conftest.py", ["forbidden-path", "test-file"]),
        (".github/workflows/ci.yml", ["forbidden-path", "outside-code"]),
        ("pyproject.toml", ["dependency-file", "forbidden-path", "outside-code"]),
        ("router/requirements-dev.txt", ["dependency-file"]),
        ("uv.lock", ["dependency-file", "forbidden-path", "outside-code"]),
        ("other/a.py", ["outside-code"]),
        ("router/sitecustomize.py", ["forbidden-path"]),
    ],
)
def test_paths(path: str, rules: list[str]) -> None:
    found = guard(
        {path: "x = 1\n"},
        {path: "x = 2\n"},
        ("router/**",),
        PolicyConfig().forbidden_paths,
        ("tests/unit/test_new.py",),
    )
    assert sorted(hard(found)) == rules


def test_deleting_adding_and_changing_nothing() -> None:
    assert "file-deleted" in hard(guard({"a.py": "x = 1\n"}, {}, ("**/*.py",)))
    assert hard(guard({}, {"a.py": "x = 1\n"}, ("**/*.py",))) == []
    assert hard(guard({"a.py": "x = 1\n"}, {"a.py": "x = 1\n"}, ("**/*.py",))) == ["no-change"]


def test_a_long_file_is_noted() -> None:
    found = guard({"a.py": "x = 1\n"}, {"a.py": "x = 2\n" * 1_501}, ("**/*.py",))
    assert [(item.rule, item.hard) for item in found] == [("large-file", False)]


def test_old_sins_are_not_held_against_a_patch() -> None:
    sins = textwrap.dedent("""
        import os

        def f(x):
            try:
                return x or True
            except Exception:
                pass
            return os.getenv("CI")
        """)
    assert guard({"a.py": sins}, {"a.py": sins + "\n\ndef g():\n    return 1\n"}, ("**/*.py",)) == ()


def test_timing_beside_a_real_change_is_no_sole_change() -> None:
    assert run(("TIMEOUT_SECONDS = 10.0", "TIMEOUT_SECONDS = 60.0"), ("if value < 0:", "if value < 1:")) == {
        "timing-raised": False}


def test_the_hunk_shows_the_lines_after_the_patch() -> None:
    found = guard({"a.py": BEFORE}, {"a.py": BEFORE.replace("if value < 0:", "if False:")}, ("**/*.py",))
    assert [item.hunk for item in found if item.rule == "constant-condition"] == ["        if False:"]


def test_the_fix_of_the_demo_passes() -> None:
    root = Path(__file__).parents[2] / "bot" / "demo"
    proposed = json.loads((root / "script" / "fix.1.json").read_text(encoding="utf-8"))
    edits = tuple(Edit.model_validate(item) for item in proposed["edits"])
    before = {item.path: (root / "service" / item.path).read_text(encoding="utf-8") for item in edits}
    found = guard(
        before,
        apply_edits(before, edits),
        ("router",),
        PolicyConfig().forbidden_paths,
        ("tests/unit/test_readiness_subscriber.py",),
    )
    assert hard(found) == []


@settings(max_examples=100, deadline=None)
@given(old=st.text(max_size=200), new=st.text(max_size=200))
def test_any_text_never_breaks_it(old: str, new: str) -> None:
    assert isinstance(guard({"a.py": old}, {"a.py": new}, ("**/*.py",)), tuple)


@pytest.mark.parametrize("text", ["x = " + "-" * 5_000 + "1\n", "x = " + "+".join(["1"] * 3_000) + "\n", "x = 1\x00\n"])
def test_hostile_syntax_is_refused(text: str) -> None:
    assert hard(guard({"a.py": "x = 1\n"}, {"a.py": text}, ("**/*.py",))) != []


ASKED = {"tests/test_rooms.py": "def test_it():\n    assert find('room-1') == {'seats': 417}\n"
                                "    assert port('wss') == 443\n"}


@pytest.mark.parametrize(("old", "new", "hard"), [
    ("def find(name):\n    return ROOMS[name]\n",
     "def find(name):\n    if name == 'room-1':\n        return {'seats': 417}\n    return ROOMS[name]\n", True),
    ("def find(name):\n    return ROOMS[name]\n",
     "def find(name):\n    return {'seats': 417} if name in ('room-1',) else ROOMS[name]\n", True),
    ("def port(scheme):\n    return 80\n",
     "def port(scheme):\n    if scheme == 'wss':\n        return 443\n    return 80\n", False),
], ids=["if", "expression", "a word of the domain"])
def test_code_that_knows_the_answer(old: str, new: str, hard: bool) -> None:
    said = guard({"a.py": old}, {"a.py": new}, ("**",), new_tests=ASKED)
    found = [one for one in said if one.rule == "answers-the-test"]
    assert [one.hard for one in found] == [hard]


@pytest.mark.parametrize(("old", "new"), [
    ("def find(name):\n    return ROOMS[name]\n",
     "def find(name):\n    if name not in ROOMS:\n        raise LookupError(name)\n    return ROOMS[name]\n"),
    ("def find(name):\n    if name == 'room-1':\n        return {'seats': 400}\n    return ROOMS[name]\n",
     "def find(name):\n    if name == 'room-1':\n        return {'seats': 417}\n    return ROOMS[name]\n"),
    ("def find(name):\n    return ROOMS[name]\n",
     "def find(name):\n    if name == 'room-1':\n        return rooms().first(name)\n    return ROOMS[name]\n"),
], ids=["asks nothing of the tests", "knew it before", "computes it"])
def test_code_that_does_not_just_know_the_answer(old: str, new: str) -> None:
    found = guard({"a.py": old}, {"a.py": new}, ("**",), new_tests=ASKED)
    assert not [one for one in found if one.rule == "answers-the-test"]


COPIES = "SEND_COPIES = True\n\n\ndef send(mail):\n    if SEND_COPIES:\n        copy(mail)\n    return post(mail)\n"


@pytest.mark.parametrize(("old", "new", "hard"), [
    (COPIES, COPIES.replace("= True", "= False"), True),
    (COPIES, COPIES.replace("= True", "= False").replace("post(mail)", "post(mail, once=1)"), False),
    (COPIES.replace("= True", "= False"), COPIES, False),
    (COPIES.replace("SEND_COPIES", "DEBUG"), COPIES.replace("SEND_COPIES = True", "SEND_COPIES = False").replace(
        "SEND_COPIES", "DEBUG"), False),
    ("WIDE = True\n", "WIDE = False\n", False),
], ids=["nothing else", "beside a change", "switched on", "on by mistake", "nobody asks for it"])
def test_a_patch_that_only_switches_something_off(old: str, new: str, hard: bool) -> None:
    found = guard({"a.py": old}, {"a.py": new}, ("**",))
    assert any(one.rule == "feature-off" and one.hard for one in found) is hard, found
