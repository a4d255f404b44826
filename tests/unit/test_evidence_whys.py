from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.evidence import (
    CodeCitation,
    Confidence,
    EvidenceItem,
    EvidencePack,
    LogCitation,
    Remediation,
    Support,
    Suspect,
)
from bot.domain.logs import GroupKind, Incident, LogEntry, LogGroup, RootSignature, Severity
from bot.domain.proposals import ProposedRootCause, ProposedRuledOut, ProposedWhy, ProposedWhys
from bot.evidence.citations import Snapshot, check_citation
from bot.evidence.code import CodeAt
from bot.evidence.comments import running_lines, running_part
from bot.evidence.ground import Ground
from bot.evidence.whys import MOST_CITATIONS, MOST_RULED_OUT, NO_CULPRIT, check_whys

SHA = "b" * 40
BROKER = '''import asyncio


class Broker:
    async def connect(self):
        self.connected = True
        self._subscriber = asyncio.create_task(self._run())

    async def _run(self):
        await self._subscribe()


class Readiness:
    def is_ready(self, broker):
        return broker.connected


TOKEN = "hunter2-secret"
'''
SNAPSHOT = {
    "id-close": "ERROR closing client 17 with code 1011: subscriber is not running",
    "id-ready": "INFO readiness: broker connected after 0.002 s, accepting clients",
    "id-sub": "INFO subscriber running after 0.350 s",
}
PACK = EvidencePack(commit=SHA, items=(
    EvidenceItem(id="E1", kind="log", ref="id-ready", time="2025-11-07T08:15:00.1Z", text=SNAPSHOT["id-ready"]),
    EvidenceItem(id="E2", kind="log", ref="id-close", time="2025-11-07T08:15:00.2Z", text=SNAPSHOT["id-close"]),
    EvidenceItem(id="C1", kind="code", ref="router/broker.py:1", text="1| …"),
))
ENTRIES = tuple(
    LogEntry(insert_id=name, time_ns=1_762_503_300_000_000_000 + after * 1_000_000, severity=Severity.INFO,
             text=SNAPSHOT[name], service="router", revision="router-00007-abc", instance="00aa" * 8)
    for name, after in (("id-ready", 100), ("id-close", 200), ("id-sub", 450))
)
INCIDENT = Incident(
    fingerprint="v1-0000000000000001", root=RootSignature(type="Close", message="1011"), severity=Severity.ERROR,
    groups=(LogGroup(fingerprint="v1-0000000000000001", kind=GroupKind.MESSAGE, title="closing", count=1,
                     severity=Severity.ERROR, first_seen="2025-11-07T08:15:00.2Z", last_seen="2025-11-07T08:15:00.2Z",
                     services=("router",), revisions=(), instances=(), insert_ids=("id-close",)),),
    entries=1, error_entries=1, first_seen="2025-11-07T08:15:00.2Z", last_seen="2025-11-07T08:15:00.2Z",
    services=("router",), revisions=(), instances=(),
)


def code() -> CodeAt:
    return CodeAt(SHA, {"router/broker.py": BROKER}.get, ("router/broker.py",),
                  lambda text: text.replace("hunter2-secret", "<secret:1>"))


def ground(entries: tuple[LogEntry, ...] = ENTRIES, known: bool = True) -> Ground:
    return Ground(INCIDENT, PACK, entries, code() if known else None, ("router/**",), ("tests",))


def log(insert_id: str = "id-close", quote: str = "subscriber is not running") -> LogCitation:
    return LogCitation(insert_id=insert_id, quote=quote)


def line(number: int = 6, quote: str = "self.connected = True", *, path: str = "router/broker.py",
         commit: str = SHA) -> CodeCitation:
    return CodeCitation(path=path, line=number, commit=commit, quote=quote)


def holds(citation: LogCitation | CodeCitation) -> bool:
    return check_citation(citation, Snapshot(ENTRIES), code()).holds


@pytest.mark.parametrize("citation", [
    log(), log(quote=SNAPSHOT["id-close"]), log("id-ready", "connected after 0.002 s"), line(),
    line(quote="        self.connected = True"), line(7, "asyncio.create_task(self._run())"),
    line(18, 'TOKEN = "<secret:1>"'),
])
def test_true_citations_hold(citation: LogCitation | CodeCitation) -> None:
    assert holds(citation)


@pytest.mark.parametrize(("citation", "reason"), [
    (log(quote="subscriber is now running"), "does not stand"), (log("id-sub"), "another entry"),
    (log("id-none"), "no entry"), (log(quote=""), "too short"), (log(quote="        "), "too short"),
    (log(quote="running"), "too short"), (log(quote=": : : : : :"), "too short"), (log(quote="x" * 3000), "at most"),
    (log(quote="Subscriber is not running"), "does not stand"),
    (log(quote="subscriber is\u00a0not running"), "does not"),
    (log(quote="subscriber іs not running"), "does not stand"),
    (log(quote="subscriber is not running\u200b"), "does not"),
    (log(quote="subscriber  is not running"), "does not stand"), (line(5), "another line"), (line(60), "18 lines"),
    (line(0), "lines"), (line(-1), "lines"), (line(path="router/app.py"), "no such file"),
    (line(commit="a" * 40), "another commit"), (line(quote="self.connected = False"), "does not stand"),
    (line(quote="self.connected = True\n        self._subscriber"), "one line"),
    (line(18, 'TOKEN = "hunter2-secret"'), "does not stand"),
])
def test_false_citations_do_not(citation: LogCitation | CodeCitation, reason: str) -> None:
    checked = check_citation(citation, Snapshot(ENTRIES), code())
    assert not checked.holds
    assert reason in checked.reason


def test_code_at_an_unknown_commit_cannot_be_cited() -> None:
    assert "not known" in check_citation(line(), Snapshot(ENTRIES), None).reason


@given(st.sampled_from(sorted(SNAPSHOT)), st.integers(0, 200), st.integers(8, 40), st.integers(0, 60), st.characters())
def test_a_quote_with_one_other_character_never_holds(name: str, start: int, size: int, place: int, other: str) -> None:
    text = SNAPSHOT[name]
    quote = text[start % len(text):][:size]
    assume(quote)
    place %= len(quote)
    forged = quote[:place] + other + quote[place + 1:]
    assume(forged not in text)
    assert not holds(log(name, forged))


@given(st.text(max_size=60), st.text(max_size=30))
def test_whatever_holds_stands_there(quote: str, name: str) -> None:
    assert not holds(log(name, quote))
    assert holds(log("id-sub", quote)) <= (quote in SNAPSHOT["id-sub"])


@given(st.integers(-3, 30), st.sampled_from(BROKER.split("\n")))
def test_a_code_quote_holds_only_on_its_line(number: int, quote: str) -> None:
    lines = BROKER.split("\n")
    assert holds(line(number, quote)) <= (1 <= number <= len(lines) and quote in lines[number - 1])


WHYS = (
    ProposedWhy(statement="Clients are closed with code 1011 because the subscriber is not running.",
                citations=(log(quote="with code 1011: subscriber is not running"),)),
    ProposedWhy(statement="Readiness lets clients in as soon as the broker says that it is connected.",
                citations=(log("id-ready", "broker connected after 0.002 s, accepting clients"),
                           line(15, "return broker.connected"))),
    ProposedWhy(statement="Broker.connect sets `self.connected = True` before the subscriber is even created.",
                citations=(line(), line(7, "self._subscriber = asyncio.create_task(self._run())"))),
)
ROOT = ProposedRootCause(
    statement="The broker reports connected before its subscriber runs.",
    mechanism="`self.connected = True` is set first, then `_run` is scheduled as a task.",
    trigger="A client that connects before the task has run.",
    suspects=(Suspect(path="router/broker.py", function="Broker.connect"),),
)
PROPOSED = ProposedWhys(
    whys=WHYS, root_cause=ROOT,
    ruled_out=(ProposedRuledOut(hypothesis="The subscriber never starts.",
                                against="The subscriber is running, a little later.",
                                citations=(log("id-sub", "subscriber running"),)),),
    remediation=Remediation(immediate="a", short_term="b", long_term="c"),
)


def test_an_honest_answer_holds_whole() -> None:
    found = check_whys(PROPOSED, ground())
    assert found.failures == ()
    assert [why.support for why in found.result.whys] == [Support.CITED] * 3
    assert found.result.root_cause is not None
    assert found.result.root_cause.support is Support.CITED
    assert found.result.ruled_out[0].support is Support.CITED
    assert found.result.stopped == "The evidence carries the chain as far as why 3."
    assert found.result.pack == PACK
    assert found.result.remediation == PROPOSED.remediation


def test_no_culprit_is_an_answer() -> None:
    found = check_whys(ProposedWhys(whys=()), ground(known=False))
    assert found.failures == ()
    assert (found.result.whys, found.result.root_cause, found.result.stopped) == ((), None, NO_CULPRIT)


def test_a_root_cause_without_whys_is_not_taken() -> None:
    assert check_whys(ProposedWhys(whys=(), root_cause=ROOT), ground()).result.root_cause is None


def swapped(index: int, **changes: object) -> tuple[ProposedWhy, ...]:
    return (*WHYS[:index], WHYS[index].model_copy(update=changes), *WHYS[index + 1:])


LIES: dict[str, tuple[int, tuple[ProposedWhy, ...]]] = {
    "no citation": (2, swapped(1, citations=())),
    "forged quote": (1, swapped(0, citations=(log(quote="subscriber is not running anymore"),))),
    "right quote, wrong id": (1, swapped(0, citations=(log("id-ready", "subscriber is not running"),))),
    "one real and one forged": (1, swapped(0, citations=(log(), log(quote="redis is not running")))),
    "quote does not carry the number": (1, swapped(0, citations=(log(quote="subscriber is not running"),))),
    "invented number": (1, swapped(0, statement="75 clients are closed with code 1011.")),
    "invented number word": (1, swapped(0, statement="Thousands of clients are closed with code 1011.")),
    "invented duration": (2, swapped(1, statement="The broker is connected after 7.51 s.")),
    "invented file": (2, swapped(1, statement="The broker is connected in router/redis.py.")),
    "invented class": (2, swapped(1, statement="RedisManager is connected.")),
    "line drift": (3, swapped(2, citations=(line(7),))),
    "file not there": (3, swapped(2, citations=(line(path="router/redis.py"),))),
    "other commit": (3, swapped(2, citations=(line(commit="f" * 40),))),
    "the same again": (4, (*WHYS, WHYS[0])),
    "the same, padded": (4, (*WHYS, WHYS[0].model_copy(update={
        "statement": "Clients are closed with code 1011, because the subscriber is really not running!"}))),
    "the same evidence, other words": (4, (*WHYS, WHYS[1].model_copy(update={
        "statement": "Clients come in as soon as the broker says it is connected."}))),
    "a look-alike in the statement": (1, swapped(0, statement="Clients are closed\u200b with code 1011.")),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_ends_the_chain_where_it_stands(name: str) -> None:
    number, whys = LIES[name]
    found = check_whys(PROPOSED.model_copy(update={"whys": whys}), ground())
    assert [why.support for why in found.result.whys] == [Support.CITED] * (number - 1) + [Support.UNPROVEN]
    assert found.result.whys[-1].reason
    assert f"why {number}" in found.result.stopped
    assert found.failures[0].startswith(f"Why {number}")
    assert ("dropped" in found.result.stopped) is (len(whys) > number)


@pytest.mark.parametrize(("changes", "words"), [
    ({"suspects": (Suspect(path="router/broker.py", function="Broker.reconnect"),)}, "no function"),
    ({"suspects": (Suspect(path="asyncio/tasks.py", function="create_task"),)}, "not in this service's code"),
    ({"suspects": (Suspect(path="router/broker.py", function="Broker"),)}, "no function"),
    ({"suspects": (*ROOT.suspects, Suspect(path="router/broker.py", function="nope"))}, "no function"),
    ({"statement": "A 60 s timeout is too short."}, "60 s"),
    ({"mechanism": "RedisManager is not awaited."}, "RedisManager"),
    ({"trigger": "After 17 minutes."}, "17 minutes"),
])
def test_a_root_cause_that_is_not_held_is_unproven(changes: dict[str, object], words: str) -> None:
    proposed = PROPOSED.model_copy(update={"root_cause": ROOT.model_copy(update=changes)})
    found = check_whys(proposed, ground())
    assert found.result.root_cause is not None
    assert found.result.root_cause.support is Support.UNPROVEN
    assert any(text.startswith("Root cause") and words in text for text in found.failures)


def test_a_root_cause_that_no_cited_why_points_at_is_unproven() -> None:
    found = check_whys(PROPOSED.model_copy(update={"whys": WHYS[:1]}), ground())
    assert found.result.root_cause is not None
    assert found.result.root_cause.support is Support.UNPROVEN
    assert any("points at" in text for text in found.failures)


def test_without_a_cited_why_nothing_supports_a_root_cause() -> None:
    found = check_whys(PROPOSED.model_copy(update={"whys": LIES["forged quote"][1]}), ground())
    assert found.result.root_cause is not None
    assert found.result.root_cause.support is Support.UNPROVEN


def test_a_ruled_out_hypothesis_needs_evidence() -> None:
    ruled = (ProposedRuledOut(hypothesis="Memory."), ProposedRuledOut(hypothesis="Disk.", citations=(log("id-none"),)))
    found = check_whys(PROPOSED.model_copy(update={"ruled_out": ruled}), ground())
    assert [item.support for item in found.result.ruled_out] == [Support.UNPROVEN] * 2
    assert len(found.failures) == 2


def test_a_flood_of_citations_supports_nothing_and_is_not_kept() -> None:
    whys = swapped(0, citations=WHYS[0].citations * 5_000)
    ruled = (ProposedRuledOut(hypothesis="Memory."),) * 5_000
    found = check_whys(PROPOSED.model_copy(update={"whys": whys, "ruled_out": ruled}), ground())
    assert found.result.whys[0].support is Support.UNPROVEN
    assert len(found.result.whys[0].citations) == MOST_CITATIONS + 1
    assert len(found.result.ruled_out) == MOST_RULED_OUT


def entry(name: str, second: float, text: str, instance: str = "one") -> LogEntry:
    return LogEntry(insert_id=name, time_ns=1_762_503_300_000_000_000 + int(second * 1e9), severity=Severity.INFO,
                    text=text, instance=instance)


EFFECT = ("closing client 17 with code 1011", "closing client 18 with code 1011")
FIRST = ProposedWhy(statement="Clients are closed with code 1011.", citations=(log("e1", EFFECT[0]),))


@pytest.mark.parametrize(("entries", "supported"), [
    ((entry("e1", 10, EFFECT[0]), entry("c1", 5, "redis link lost")), True),
    ((entry("e1", 10, EFFECT[0]), entry("c1", 10.9, "redis link lost")), True),
    ((entry("e1", 10, EFFECT[0]), entry("c1", 11.1, "redis link lost")), False),
    ((entry("e1", 10, EFFECT[0]), entry("c1", 70, "redis link lost", "two")), False),
    ((entry("e1", 10, EFFECT[0]), entry("c1", 70, "redis link lost", "two"),
      entry("e2", 75, EFFECT[1], "two")), True),
    ((entry("e1", 10, EFFECT[0]), entry("c1", 70, "redis link lost", "two"),
      entry("e2", 65, EFFECT[1], "two")), False),
    ((entry("e1", 10, EFFECT[0]), entry("c0", 4, "redis link lost"), entry("c1", 20, "redis link lost")), True),
    ((entry("e1", 10, EFFECT[0]), entry("c1", 9, "redis link lost", "")), True),
    ((entry("e1", 10, EFFECT[0]), entry("c1", 12, "redis link lost", "")), False),
], ids=["before", "within a second", "after", "after, elsewhere", "recurs: before it there", "recurs: after it there",
        "again, first before", "no instance, before", "no instance, after"])
def test_a_cause_comes_first(entries: tuple[LogEntry, ...], supported: bool) -> None:
    second = ProposedWhy(statement="The redis link was lost.", citations=(log("c1", "redis link lost"),))
    group = INCIDENT.groups[0].model_copy(update={"insert_ids": ("e1",), "first_seen": "2025-11-07T08:15:10Z"})
    incident = INCIDENT.model_copy(update={"groups": (group,)})
    found = check_whys(ProposedWhys(whys=(FIRST, second)), ground(entries)._replace(incident=incident))
    assert found.result.whys[0].support is Support.CITED
    assert (found.result.whys[1].support is Support.CITED) is supported, found.failures
    assert supported or "logged after" in found.result.whys[1].reason


def test_a_quote_stands_in_one_of_two_entries_of_one_insert_id() -> None:
    entries = (entry("twice", 0, "redis link lost"), entry("twice", 1, "closing client 17 with code 1011"))
    for quote in ("redis link lost", "closing client 17"):
        assert check_citation(log("twice", quote), Snapshot(entries), None).holds
    assert not check_citation(log("twice", "lost\nclosing client"), Snapshot(entries), None).holds
    why = ProposedWhy(statement="At 08:15:01 client 17 is closed.", citations=(log("twice", "closing client 17"),))
    wrong = why.model_copy(update={"statement": "At 08:15:00 client 17 is closed."})
    assert check_whys(ProposedWhys(whys=(why,)), ground(entries)).failures == ()
    assert check_whys(ProposedWhys(whys=(wrong,)), ground(entries)).result.whys[0].unheld == ("08:15:00",)


def test_what_prompts_show_escaped_can_be_quoted_as_shown() -> None:
    entries = (entry("odd", 1, "render\ufe0f slow\r"),)
    assert check_citation(log("odd", "render\\u{fe0f} slow\\u{d}"), Snapshot(entries), None).holds
    assert not check_citation(log("odd", "render slow"), Snapshot(entries), None).holds


def test_an_idle_citation_carries_nothing() -> None:
    idle = swapped(0, citations=(*WHYS[0].citations, line(1, "import asyncio")))
    found = check_whys(PROPOSED.model_copy(update={"whys": idle}), ground())
    assert found.failures == ()
    assert found.result.whys[0].confidence is Confidence.LOW


def test_the_incident_alone_orders_the_first_why() -> None:
    late = ProposedWhy(statement="The subscriber is running.", citations=(log("id-sub", "subscriber running after"),))
    entries = (*ENTRIES[:2], ENTRIES[2].__class__(**{**{name: getattr(ENTRIES[2], name) for name in
               ENTRIES[2].__struct_fields__}, "time_ns": ENTRIES[2].time_ns + 5_000_000_000}))
    found = check_whys(ProposedWhys(whys=(late,)), ground(entries))
    assert "logged after" in found.result.whys[0].reason
    not_yet = late.model_copy(update={"statement": "The subscriber was not yet running."})
    assert check_whys(ProposedWhys(whys=(not_yet,)), ground(entries)).failures == ()


SOURCE = (
    '"""Module text here."""', "import os  # the import comment", "def run():", '    """Two', "    lines of text.",
    '    """', "    x = 'not a docstring'", "    # a comment of its own", "    'a dead string'", "    return x",
    "def broken(:", "    # after the break",
)


@pytest.mark.parametrize(("number", "quote", "running"), [
    (1, "Module text here.", ""), (2, "import os", "import os"), (2, "the import comment", ""),
    (2, "import os  # the import", "import os  "), (4, "Two", ""), (5, "lines of text.", ""),
    (7, "'not a docstring'", "'not a docstring'"), (8, "a comment of its own", ""), (9, "'a dead string'", ""),
    (10, "return x", "return x"), (12, "after the break", ""),
], ids=str)
def test_what_runs_of_a_line(number: int, quote: str, running: str) -> None:
    assert running_part(quote, number, "a.py", SOURCE) == running


def test_what_runs_of_several_lines() -> None:
    assert list(running_lines(2, 11, "a.py", SOURCE)) == [
        (2, "import os  "), (3, "def run():"), (7, "    x = 'not a docstring'"), (10, "    return x"),
        (11, "def broken(:")]
    assert list(running_lines(1, 3, "a.js", ("// one", "two", "* three"))) == [(2, "two")]


@pytest.mark.parametrize(("path", "text", "runs"), [
    ("a.js", "// words of a comment", False), ("a.go", "\t * words of a comment", False),
    ("Dockerfile", "# words of a comment", False), ("a.yaml", "  # words of a comment", False),
    ("a.c", "#include <words of code>", True), (".dockerignore", "**/words", True), ("a.ts", "let words = 1", True),
], ids=str)
def test_comments_of_other_languages(path: str, text: str, runs: bool) -> None:
    assert bool(running_part(text.strip(), 1, path, (text,))) is runs


@pytest.mark.parametrize(("text", "quote", "runs"), [
    ("a" * 200_000, "a" * 500, True), (f"# {'a' * 200_000}", "a" * 500, False),
    ("x = 1 # x = 1 # " * 10_000, "x = 1 # ", True), (f"x = 1 # {'a ' * 100_000}", "a a " * 100, False),
], ids=["no comment", "a comment", "code at first", "comment behind code"])
def test_a_line_that_repeats_its_quote_costs_little(text: str, quote: str, runs: bool) -> None:
    started = time.process_time()
    assert bool(running_part(quote, 1, "a.py", (text,))) is runs
    assert time.process_time() - started < 1.0


@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=30), min_size=1, max_size=12),
       st.integers(0, 11), st.integers(0, 29), st.integers(1, 30))
def test_any_text_can_be_read_as_code(lines: list[str], number: int, start: int, size: int) -> None:
    number %= len(lines)
    quote = lines[number][start:start + size]
    assume(quote)
    found = running_part(quote, number + 1, "a.py", tuple(lines))
    assert set(found) <= set(quote)
