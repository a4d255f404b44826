"""Which behaviours of the code a title names, and the source with them taken away for single tests."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audit.examine import examine
from bot.audit.observed.aimed import Aimed
from bot.audit_command import AuditOptions
from bot.domain.audit import Tried
from bot.domain.errors import UsageProblem
from bot.domain.suite import FailureKind, Outcome
from bot.proof.behaviours import removals_of
from bot.proof.removals import Removal, switched
from bot.standalone.aiming import Aim, aims, vocabulary
from bot.standalone.choosing import GreenTest
from bot.standalone.claims import TestCode

CODE = b'''\
from contextlib import nullcontext


class TooLarge(ValueError):
    pass


def scan(files, limit=10, hidden=False):
    """All files of a folder."""
    found = []
    for name, size in files:
        if size > limit:
            continue
        if name.startswith(".") and not hidden:  # hidden files
            continue
        found.append(name)
    return sorted(found)


def upload(store, key, size):
    if key in store:
        return store[key]
    if size > 100:
        raise TooLarge("upload is too large")
    with store.transaction.atomic():
        store[key] = size
    return size


def fetch(ask, attempts=3):
    for _ in range(attempts):
        try:
            return ask()
        except ConnectionError:
            pass
    raise RuntimeError("gave up")


def delay(number, cap=8):
    return min(2 ** number, cap)


def active_users(users, only=None):
    return [user for user in users if user["active"]]
'''
FUNCTIONS = removals_of("box.py", CODE)
EVERYTHING = frozenset(one.key for one in FUNCTIONS)


def _aims(name: str, lines: frozenset[int] | None = None) -> tuple[Aim, ...]:
    test = GreenTest(f"tests/test_box.py::{name}", "tests/test_box.py", EVERYTHING, {"box.py": lines} if lines else {})
    claims = TestCode({"tests/test_box.py": f"def {name}():\n    assert scan([]) == []\n"}).claims(test.id)
    return aims(test, claims, FUNCTIONS, vocabulary(FUNCTIONS))


@pytest.mark.parametrize(("name", "change"), [
    ("test_large_files_are_excluded", "`if size > limit` became `if False`"),
    ("test_large_files_are_skipped", "`if size > limit` became `if False`"),
    ("test_scan_ignores_hidden_files", "`if name.startswith(\".\") and not hidden` became `if False`"),
    ("test_too_large_upload_is_refused", "`raise TooLarge(\"upload is too large\")` was removed"),
    ("test_upload_of_a_known_key_is_idempotent", "`if key in store` became `if False`"),
    ("test_upload_is_atomic", "`store.transaction.atomic()` became `__import__('contextlib').nullcontext()`"),
    ("test_fetch_recovers_from_connection_errors", "`except ConnectionError` catches nothing"),
    ("test_delay_is_capped", "`min(2 ** number, cap)` became `2 ** number`"),
    ("test_inactive_users_are_hidden", "`user[\"active\"]` became `True`"),
    ("testScanExcludesHiddenFiles", "`if name.startswith(\".\") and not hidden` became `if False`"),
])
def test_a_title_leads_to_the_behaviour_that_it_names(name: str, change: str) -> None:
    found = _aims(name)
    assert change in [one.removal.change for one in found if one.certain]


@pytest.mark.parametrize("name", [
    "test_files_within_the_limit_are_kept", "test_large_files_are_not_excluded", "test_upload_without_a_key_is_allowed",
    "test_scan", "test_it_works", "test_files_are_listed_by_name", "test_small_upload_is_accepted",
    "test_first_answer_is_returned", "test_without_failure_it_does_not_retry", "test_rendering_of_the_invoice_footer",
    "test_forged_upload_is_rejected_and_counted_by_the_monitor", "test_skipped_hidden_files_are_reported",
    "test_" + "x" * 300,
])
def test_a_title_that_denies_or_says_little_names_nothing_for_certain(name: str) -> None:
    assert not [one.removal.change for one in _aims(name) if one.certain]


def test_only_what_ran_is_taken_away() -> None:
    guard = CODE.decode().split("\n").index("        if size > limit:") + 1
    assert any(one.removal.line == guard for one in _aims("test_large_files_are_excluded", frozenset({guard})))
    assert not _aims("test_large_files_are_excluded", frozenset({1}))


def _removal(change: str) -> Removal:
    (found,) = [one for function in FUNCTIONS for one in function.removals if one.change == change]
    return found


def _module(source: bytes) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "box"}
    exec(compile(source, "box.py", "exec"), space)
    return space


def _scanned(space: dict[str, Any], running: str | None) -> list[str]:
    with mock.patch.dict(os.environ):
        os.environ.pop("PYTEST_CURRENT_TEST", None)
        if running is not None:
            os.environ["PYTEST_CURRENT_TEST"] = running
        found: list[str] = space["scan"]([("b", 1), ("a", 20), (".h", 1)])
    return found


def test_a_behaviour_is_gone_for_its_tests_alone() -> None:
    large = _removal("`if size > limit` became `if False`")
    order = _removal("`sorted(found)` became `list(found)`")
    source, made = switched(CODE, {large: ["tests/test_box.py::A::test_large"], order: ["tests/test_box.py::test_o"]})
    assert made == {large, order}
    assert source.count(b"\n") == CODE.count(b"\n")
    space = _module(source)
    for running in (None, "tests/test_box.py::test_large (call)", "tests/test_other.py::A::test_large (call)",
                    "tests/test_box.py::A::test_larger (call)"):
        assert _scanned(space, running) == ["b"]
    for running in ("tests/test_box.py::A::test_large (call)", "test_box.py::A::test_large[x-1] (setup)"):
        assert _scanned(space, running) == ["a", "b"]


def test_a_statement_is_gone_and_what_overlaps_waits() -> None:
    gone = _removal("`found.append(name)` was removed")
    source, made = switched(CODE, {gone: ["tests/test_box.py::test_a"]})
    assert made == {gone}
    assert _scanned(_module(source), "tests/test_box.py::test_a (call)") == []
    whole = _removal("`if name.startswith(\".\") and not hidden` became `if False`")
    part = _removal("`name.startswith(\".\")` became `True`")
    assert switched(CODE, {whole: ["t.py::a"], part: ["t.py::b"]})[1] == {whole}


@pytest.mark.parametrize(("text", "hides"), [
    ("def test_a(monkeypatch):\n    monkeypatch.setenv('A', '1')\n", False),
    ("def test_a():\n    with patch.dict('os.environ', {'A': '1'}):\n        pass\n", False),
    ("def test_b():\n    os.environ.clear()\n\n\ndef test_a():\n    pass\n", False),
    ("def test_a():\n    with patch.dict(os.environ, {}, clear=True):\n        pass\n", True),
    ("@pytest.fixture(autouse=True)\ndef a(m):\n    m.setattr('os.environ', {})\ndef test_a():\n    pass\n", True),
    ("@patch.dict(os.environ, {}, clear=True)\nclass TestX:\n    def test_a(self):\n        pass\n", True),
])
def test_a_test_that_hides_the_environment_is_known(text: str, hides: bool) -> None:
    id_ = "tests/test_e.py::TestX::test_a" if "class" in text else "tests/test_e.py::test_a"
    assert TestCode({"tests/test_e.py": text}).claims(id_).hides is hides


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*CODE.decode().split("\n"), "    if x: return 1; y()", "é = ('ü' if a else b)  # ü"]),
                max_size=12))
def test_whatever_the_text_is_what_comes_out_is_python(lines: list[str]) -> None:
    source = "\n".join(lines).encode()
    for function in removals_of("x.py", source):
        for one in function.removals:
            text, made = switched(source, {one: ["t.py::a"]})
            assert made <= {one}
            compile(text, "x.py", "exec", dont_inherit=True)


TEST = "tests/test_box.py::test_large_files_are_excluded"


def _aimed(*, certain: bool, noticed: bool) -> Aimed:
    return Aimed(test=TEST, path="box.py", line=12, change="`a` became `b`", noticed=noticed, certain=certain)


@pytest.mark.parametrize(("tried", "severities"), [
    ((_aimed(certain=True, noticed=False),), ["error"]),
    ((_aimed(certain=False, noticed=False), _aimed(certain=True, noticed=False)), ["error"]),
    ((_aimed(certain=False, noticed=False),), ["warning"]),
    ((_aimed(certain=False, noticed=False), Tried(test=TEST, path="box.py", line=1, change="c", noticed=True)),
     ["warning"]),
    ((_aimed(certain=True, noticed=False), _aimed(certain=True, noticed=True)), []),
    ((_aimed(certain=True, noticed=True),), []),
    ((), []),
], ids=["certain", "one-certain", "likely", "other-noticed", "one-noticed", "noticed", "nothing"])
def test_what_went_unnoticed_is_judged_by_the_title(tried: tuple[Tried, ...], severities: list[str]) -> None:
    text = "from box import scan\n\n\ndef test_large_files_are_excluded():\n    assert scan([('a', 1)]) == ['a']\n"
    outcomes = (Outcome(test=TEST, kind=FailureKind.PASSED, reason=""),)
    report = examine({"tests/test_box.py": text}, {"box.py": CODE.decode()}, None, (), outcomes, "mutate", tried=tried)
    found = [one for one in report.findings if "its name is about" in one.message]
    assert [one.severity.value for one in found] == severities


def test_there_must_be_a_run_to_make() -> None:
    with pytest.raises(UsageProblem, match="--mutants 0 leaves no run"):
        AuditOptions(paths=("tests",), mutants=0).checked()
    assert AuditOptions(paths=("tests",), mutants=1).checked().mutants == 1
