from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.earlier import EarlierFinding, EarlierRuledOut
from bot.domain.evidence import EvidencePack, Support, Suspect
from bot.domain.logs import (
    Frame,
    GroupKind,
    Incident,
    LogEntry,
    LoggedException,
    LogGroup,
    RootSignature,
    Severity,
)
from bot.domain.tokens import estimate_tokens
from bot.evidence.code import CodeAt
from bot.evidence.pack import build_code_pack, build_pack
from bot.evidence.past import MOST_COMMITS, Past
from bot.evidence.room import LEAST_TOKENS, MOST_ITEM_TOKENS, Room, Wish, cut
from bot.evidence.shown import find_code, find_log, read_shown, show
from bot.ports import PastCommit

SHA = "e" * 40
SECOND = 1_000_000_000
BROKER = '''"""The broker."""
import asyncio


class Broker:
    async def connect(self):
        self.connected = True
        log.info("broker connection established, starting subscriber")
        self._task = asyncio.create_task(self._run())
'''
APP = '''from router.broker import Broker


async def handle(socket):
    broker = Broker()
    await broker.publish(socket)
'''
FILES = {"svc/router/app.py": APP, "svc/router/broker.py": BROKER, "svc/unrelated.py": "x = 1\n",
         "svc/tests/test_app.py": "def test(): pass\n"}


def entry(name: str, second: float, text: str, *, instance: str = "inst-1", severity: Severity = Severity.ERROR,
          service: str = "router", trace: str = "") -> LogEntry:
    return LogEntry(insert_id=name, time_ns=int(second * SECOND), severity=severity, text=text, service=service,
                    revision=f"{service}-1", instance=instance, trace=trace)


def group(number: int, ids: tuple[str, ...], exceptions: tuple[LoggedException, ...] = ()) -> LogGroup:
    return LogGroup(fingerprint=f"v1-{number:016x}", kind=GroupKind.TRACEBACK, title="t", severity=Severity.ERROR,
                    count=len(ids), first_seen="", last_seen="", services=("router",), revisions=("router-1",),
                    instances=(), insert_ids=ids, exceptions=exceptions)


TRACEBACK = LoggedException(type="Lost", message="gone", frames=(
    Frame(path="/usr/lib/python3.11/asyncio/tasks.py", line=1, function="run", in_app=False),
    Frame(path="/app/router/app.py", line=6, function="handle"),
    Frame(path="/app/elsewhere.py", line=6, function="gone"),
))


def incident(*groups: LogGroup) -> Incident:
    return Incident(fingerprint=groups[0].fingerprint, root=RootSignature(type="Lost", message="gone"), groups=groups,
                    severity=Severity.ERROR, entries=10, error_entries=10, first_seen="", last_seen="",
                    services=("router",), revisions=("router-1",), instances=("inst-1",))


def code(files: dict[str, str] | None = None) -> CodeAt:
    held = FILES if files is None else files
    return CodeAt(SHA, held.get, tuple(sorted(held)), lambda text: text.replace("established", "<red>"))


ENTRIES = (
    *(entry(f"r{number}", 100 + 10 * number, f"Lost: client {number} gone", instance=f"inst-{number}")
      for number in range(1, 8)),
    entry("wrap", 110.2, "closed with 1011"),
    entry("other", 300, "another wording", instance="inst-9"),
)
CONTEXT = (
    entry("old", 1, "far away", severity=Severity.INFO), entry("old2", 2, "far away", severity=Severity.INFO),
    entry("up", 109.5, "broker connection established, starting subscriber", severity=Severity.INFO),
    entry("there", 109.9, "on another instance", instance="inst-2", severity=Severity.INFO),
    entry("late", 400, "afterwards", severity=Severity.INFO),
)
INCIDENT = incident(group(1, tuple(f"r{number}" for number in range(1, 8)), (TRACEBACK,)), group(2, ("wrap",)),
                    group(3, ("other",)))


def test_logs_are_the_chain_then_other_groups_then_what_came_before() -> None:
    pack = build_pack(INCIDENT, ENTRIES, CONTEXT, None, (), 50_000)
    logs = [(item.id, item.ref) for item in pack.items]
    assert logs == [("E1", "r1"), ("E2", "wrap"), ("E3", "other"), ("E4", "old2"), ("E5", "up"), ("E6", "there")]
    assert pack.items[0].time == "1970-01-01T00:01:50Z"
    assert "ERROR" in pack.items[0].origin
    origins = {item.ref: item.origin for item in pack.items}
    assert origins["up"].startswith("context, same instance, INFO")
    assert origins["there"].startswith("context, same revision, INFO")
    assert pack.commit is None
    # 9 entries of the incident, of which 3 are shown, and 5 of context, of which 3 are.
    own, beside = (next(text for text in pack.left_out if text.startswith(start)) for start in (
        "6 more entries of the incident: ", "2 more entries of the log beside it: "))
    assert own.endswith("`read_entries` gives what is asked for.")
    assert beside.endswith("`read_entries` gives what is asked for.")
    assert any("commit" in text for text in pack.left_out)
    without = build_pack(INCIDENT, ENTRIES, CONTEXT, None, (), 50_000, tools=False)
    assert without.items == pack.items
    assert "`" not in "".join(without.left_out)


def test_code_is_what_the_frames_name_then_who_wrote_the_lines_and_what_is_imported() -> None:
    pack = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), ("svc/router/**",), 50_000)
    shown = [(item.id, item.ref) for item in pack.items if item.kind == "code"]
    assert shown == [("C1", "svc/router/app.py:1"), ("C2", "svc/router/broker.py:1")]
    assert pack.commit == SHA
    assert pack.items[-2].text.split("\n")[3] == "4| async def handle(socket):"
    assert any("/app/elsewhere.py:6" in text for text in pack.left_out)


def test_code_is_redacted() -> None:
    pack = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), ("**/*.py",), 50_000)
    assert "established" not in "".join(item.text for item in pack.items if item.kind == "code")


def test_of_a_long_file_only_the_function_is_shown() -> None:
    long = APP + "".join(f"x{number} = {number}\n" for number in range(400))
    pack = build_pack(INCIDENT, ENTRIES, (), code({**FILES, "svc/router/app.py": long}), (), 50_000)
    shown = [item for item in pack.items if item.kind == "code"]
    assert [item.ref for item in shown] == ["svc/router/app.py:4"]
    assert shown[0].text.count("\n") == 2


def test_a_place_in_no_function_is_shown_with_its_surroundings() -> None:
    long = "".join(f"x{number} = {number}\n" for number in range(400))
    broken = TRACEBACK.model_copy(update={"frames": (Frame(path="/app/router/app.py", line=200, function="<module>"),)})
    held = code({"svc/router/app.py": long})
    pack = build_pack(incident(group(1, ("r1",), (broken,))), ENTRIES[:1], (), held, (), 50_000)
    shown = next(item for item in pack.items if item.kind == "code")
    assert shown.ref == "svc/router/app.py:185"
    assert shown.text.count("\n") == 30


def size(pack: EvidencePack) -> int:
    return estimate_tokens(show(pack))


def test_the_size_is_kept_by_rank_and_what_did_not_fit_is_said() -> None:
    whole = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), ("svc/**",), 50_000)
    seen = set()
    for most in (0, LEAST_TOKENS, 300, 400, 600, 800):
        pack = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), ("svc/**",), most)
        assert size(pack) <= max(most, LEAST_TOKENS)
        assert len(pack.items) < len(whole.items)
        seen |= {text.partition(",")[0] for text in pack.left_out}
    assert "For its size" in seen
    few = build_pack(INCIDENT, ENTRIES, CONTEXT, None, (), 350)
    assert [item.ref for item in few.items] == ["r1", "wrap", "other"]
    assert few.left_out[0].startswith("For its size, 3 log entries: up, old2, there.")


def test_nothing_is_given_a_place_beyond_the_room_there_is() -> None:
    room = Room(1_000, None, tools=True)
    room.take([Wish("log", "large", "x " * 1_400), Wish("log", "small", "x")], leaving=-5_000)
    room.take([Wish("log", "kept back", "y")], leaving=room.left - 5)
    pack = room.pack()
    assert [item.ref for item in pack.items] == ["small"]
    assert pack.left_out == ("For its size, 2 log entries: large, kept back. `read_entries` gives what is asked for.",)


def test_a_small_pack_shows_the_lines_around_a_frame_when_its_file_does_not_fit() -> None:
    long = "".join(f"def f{number}():\n    return {number}\n\n\n" for number in range(35))
    frame = Frame(path="/app/router/app.py", line=70, function="f17")
    told = incident(group(1, ("r1",), (TRACEBACK.model_copy(update={"frames": (frame,)}),)))
    held = code({"svc/router/app.py": long})
    refs = [[item.ref for item in build_pack(told, ENTRIES[:1], (), held, (), most).items if item.kind == "code"]
            for most in (5_000, 1_000)]
    assert refs == [["svc/router/app.py:1"], ["svc/router/app.py:69"]]


@pytest.mark.parametrize("text", ["start " + "x" * 50_000 + " the end", "start " + "語" * 9_000 + " the end",
                                  "start " + "\u200b" * 9_000 + " the end"], ids=["plain", "wide", "unseen"])
def test_a_long_entry_is_shown_as_head_and_tail(text: str) -> None:
    pack = build_pack(incident(group(1, ("long",))), (entry("long", 100, text),), (), None, (), 50_000)
    shown = pack.items[0].text
    assert size(pack) < MOST_ITEM_TOKENS + 400
    assert shown.startswith("start ")
    assert shown.endswith(" the end")
    head, _, tail = shown.partition("\n[… ")
    count, _, tail = tail.partition(" characters not shown …]\n")
    assert len(head) + int(count) + len(tail) == len(text)


def test_what_nearly_fits_is_not_cut_for_nothing() -> None:
    assert cut("x" * 30, 10) == "x" * 30
    assert "not shown" in cut("x" * 200, 40)
    assert len(cut("x" * 200, 40)) > 60


TRACE = "projects/acme/traces/1"


def test_the_trace_of_the_representative_is_shown_across_services() -> None:
    first = entry("r1", 110, "Lost: client 1 gone", trace=TRACE)
    asked = entry("asked", 109, "asked to route", service="gate", instance="g", severity=Severity.INFO, trace=TRACE)
    again = entry("again", 109.5, "asked to route", service="gate", instance="g", severity=Severity.INFO, trace=TRACE)
    sent = entry("sent", 111, "answered", service="gate", instance="g", severity=Severity.INFO, trace=TRACE)
    alien = entry("alien", 111, "answered", service="gate", instance="g", severity=Severity.INFO, trace=TRACE + "1")
    entries = (first, *ENTRIES[1:], asked, again, sent, alien)
    pack = build_pack(INCIDENT, entries, (), None, (), 50_000)
    origins = {item.ref: item.origin for item in pack.items}
    assert origins["again"].startswith("context, same trace, INFO, service gate")
    assert origins["sent"].startswith("meanwhile, same trace")
    assert not {"asked", "alien"} & origins.keys()


@pytest.mark.parametrize(("other", "shown"), [(TRACE, True), (TRACE + "1", False)], ids=["one", "two"])
def test_a_trace_of_the_chain_stands_in_only_when_it_is_the_only_one(other: str, shown: bool) -> None:
    chain = (entry("r1", 110, "Lost: client 1 gone"), entry("wrap", 110.2, "closed with 1011", trace=TRACE),
             entry("end", 110.3, "gave up", trace=other))
    told = incident(group(1, ("r1",)), group(2, ("wrap",)), group(3, ("end",)))
    beside = entry("beside", 109, "asked", service="gate", instance="g", trace=TRACE)
    pack = build_pack(told, (*chain, beside), (), None, (), 50_000)
    assert ("beside" in [item.ref for item in pack.items]) is shown


def test_deployments_and_the_revision_s_first_words_are_shown() -> None:
    deployed = entry("deployed", 20, "ReplaceService", instance="", severity=Severity.NOTICE)
    elsewhere = entry("elsewhere", 21, "ReplaceService", instance="", service="mill", severity=Severity.NOTICE)
    alike = entry("alike", 109.4, CONTEXT[2].text, instance="inst-3", severity=Severity.INFO)
    later = entry("later", 500, "ReplaceService twice", instance="", severity=Severity.NOTICE)
    pack = build_pack(INCIDENT, ENTRIES, (deployed, elsewhere, later, alike, CONTEXT[2]), None, (), 50_000)
    found = {item.ref: item.origin for item in pack.items}
    assert found["deployed"].startswith("context, same revision, NOTICE")
    assert not {"elsewhere", "later", "alike"} & found.keys()


FIRST = datetime(2025, 11, 7, 8, 0, tzinfo=UTC)


def commit(number: int, days: float, subject: str = "Change it") -> PastCommit:
    return PastCommit(commit=f"{number:040x}", when=FIRST - timedelta(days=days), subject=subject)


def test_commits_that_touched_the_frames_are_shown_newest_first_and_recent_ones_marked() -> None:
    asked: list[tuple[str, int, int]] = []

    def history(path: str, first: int, last: int) -> tuple[PastCommit, ...]:
        asked.append((path, first, last))
        return (commit(1, 2, "Route by s3cret key"), commit(2, 90), commit(3, -1))

    told = INCIDENT.model_copy(update={"first_seen": "2025-11-07T08:00:00Z"})
    past = Past(redact=lambda text: text.replace("s3cret", "<red>"), history=history)
    pack = build_pack(told, ENTRIES, CONTEXT, code(), (), 50_000, past=past)
    assert asked == [("svc/router/app.py", 4, 6)]
    shown = [(item.id, item.ref, item.origin) for item in pack.items if item.kind == "commit"]
    touched = "touched svc/router/app.py:4-6"
    assert shown == [("H1", f"{3:040x}", f"{touched}; after the first occurrence"),
                     ("H2", f"{1:040x}", f"{touched}; in the 7 days before the first occurrence"),
                     ("H3", f"{2:040x}", touched)]
    assert [item.text for item in pack.items if item.kind == "commit"][1] == "Route by <red> key"
    assert next(item for item in pack.items if item.id == "H2").time == "2025-11-05T08:00:00Z"
    assert "s3cret" not in show(pack)


def test_of_many_commits_a_handful_is_shown() -> None:
    past = Past(redact=str, history=lambda path, first, last: tuple(commit(n, n) for n in range(40)))
    pack = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), (), 50_000, past=past)
    assert [item.ref for item in pack.items if item.kind == "commit"] == [f"{n:040x}" for n in range(MOST_COMMITS)]


@pytest.mark.parametrize(("told", "words"), [
    ({"support": Support.CITED, "proven": True}, "and a fix proved it: "),
    ({"support": Support.CITED}, "its citations held, but nothing proved it: "),
    ({"support": Support.UNPROVEN}, "It claimed this root cause, which is unproven: "),
], ids=["proven", "cited", "unproven"])
def test_what_an_earlier_cycle_came_to_says_how_well_it_stood(told: dict[str, object], words: str) -> None:
    finding = EarlierFinding.model_validate({
        "cycle": "startup/20251101T000000Z-000001/cycle-01", "ended": "not reproduced",
        "cause": 'The queue\nis "full" of s3cret', **told,
        "ruled_out": (EarlierRuledOut(hypothesis="The network", support=Support.CITED),
                      EarlierRuledOut(hypothesis="The disk", support=Support.UNPROVEN)),
        "rejected": ("The fix guard rejected a fix: constant-result.",),
    })
    past = Past(redact=lambda text: text.replace("s3cret", "<red>"), findings=(finding,))
    pack = build_pack(INCIDENT, ENTRIES, (), None, (), 50_000, past=past)
    item = pack.items[-1]
    assert (item.id, item.kind, item.ref) == ("F1", "finding", finding.cycle)
    lines = item.text.split("\n")
    assert lines[0] == "The cycle ended: not reproduced."
    assert lines[1].endswith(f'{words}"The queue is \\"full\\" of <red>"')
    assert lines[2] == 'It ruled this out, with citations that held: "The network"'
    assert lines[3] == 'It claimed to rule this out, which is unproven: "The disk"'
    assert lines[4] == "The fix guard rejected a fix: constant-result."


def test_commits_and_findings_are_no_evidence() -> None:
    finding = EarlierFinding(cycle="c", ended="not reproduced", cause="the broker is the culprit")
    touched = (commit(1, 1, "the culprit broker"),)
    past = Past(redact=str, findings=(finding,), history=lambda path, first, last: touched)
    read = read_shown(show(build_pack(INCIDENT, ENTRIES, CONTEXT, code(), (), 50_000, past=past)))
    assert {item.kind for item in read.items} == {"log", "code", "commit", "finding"}
    for text in ("the culprit broker", "the broker is the culprit"):
        assert any(text in item.text for item in read.items)
        assert find_log(read, text) is None
        assert all(find_code(read, path, text) is None for path in FILES)


hostile = st.one_of(st.text(max_size=80), st.text(alphabet="<>data E1[]{}\":\n0123456789\u200b語 broker", max_size=400))
entries_of_any_kind = st.builds(
    lambda name, second, text, instance, service, trace: entry(name, second, text, instance=instance, service=service,
                                                               trace=trace),
    st.one_of(st.sampled_from(["r1", "r2", "wrap", "other"]), hostile), st.integers(0, 200), hostile,
    st.sampled_from(["inst-1", "", "inst-2"]), st.sampled_from(["router", "gate"]), st.sampled_from(["", TRACE]),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(entries_of_any_kind, max_size=25), st.integers(0, 6_000), hostile, hostile,
       st.randoms(use_true_random=False), st.booleans())
def test_no_pack_is_over_its_size_and_equal_input_gives_equal_bytes(
    entries: list[LogEntry], most: int, subject: str, cause: str, dice: random.Random, with_code: bool,
) -> None:
    entries = list({(one.time_ns, one.insert_id): one for one in entries}.values())
    past = Past(redact=str, findings=(EarlierFinding(cycle="c", ended="e", cause=cause, rejected=(subject,)),),
                history=lambda path, first, last: (commit(1, 1, subject), commit(2, 2, cause)))
    files = {**FILES, "svc/router/app.py": APP + f"# {cause}\n" * 30}

    def packed(order: list[LogEntry]) -> EvidencePack:
        held = code(files) if with_code else None
        return build_pack(INCIDENT, order, order[::2], held, ("svc/**",), most, past=past)

    pack = packed(entries)
    text = show(pack)
    assert estimate_tokens(text) <= max(most, LEAST_TOKENS)
    assert show(packed(dice.sample(entries, len(entries)))) == text
    suspects = (Suspect(path="svc/router/app.py", function="handle"), Suspect(path="svc/gone.py", function="f"))
    code_pack = build_code_pack(code(files), suspects, ("svc/**",), most)
    assert estimate_tokens(show(code_pack)) <= max(most, LEAST_TOKENS)
    # What is shown is what is read, whatever the texts say.
    assert [item.id for item in read_shown(text).items] == [item.id for item in pack.items]
    numbers = [item.id for item in pack.items]
    assert numbers == [f"{letter}{number}" for letter in "ECHF"
                       for number in range(1, 1 + sum(one.startswith(letter) for one in numbers))]


def test_the_same_input_in_any_order_gives_the_same_pack() -> None:
    forwards = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), ("svc/**",), 50_000)
    assert build_pack(INCIDENT, ENTRIES[::-1], CONTEXT[::-1], code(), ("svc/**",), 50_000) == forwards


def test_entries_and_context_may_be_one_snapshot() -> None:
    apart = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), ("svc/**",), 50_000)
    snapshot = (*ENTRIES, *CONTEXT)
    assert build_pack(INCIDENT, snapshot, snapshot, code(), ("svc/**",), 50_000) == apart


def test_what_follows_within_the_chain_is_shown() -> None:
    after = entry("during", 110.3, "During handling of the above exception", severity=Severity.DEFAULT)
    pack = build_pack(INCIDENT, ENTRIES, (after,), None, (), 50_000)
    assert "during" in [item.ref for item in pack.items]


def test_an_incident_without_entries_gives_an_honest_empty_pack() -> None:
    pack = build_pack(INCIDENT, (), CONTEXT, None, (), 50_000)
    assert pack.items == ()
    assert pack.left_out


def test_the_code_pack_holds_the_suspects_files_and_their_imports() -> None:
    pack = build_code_pack(code(), (Suspect(path="svc/router/app.py", function="handle"),
                                    Suspect(path="svc/gone.py", function="f")), ("svc/router/**",), 50_000)
    assert [item.ref for item in pack.items] == ["svc/router/app.py:1", "svc/router/broker.py:1"]
    assert any("svc/gone.py" in text for text in pack.left_out)


def test_a_withheld_file_is_not_shown_and_this_is_said() -> None:
    held = code({**FILES, "svc/router/.env": "TOKEN=open-sesame\n"})
    pack = build_code_pack(held, (Suspect(path="svc/router/.env", function="f"),), ("**",), 50_000)
    assert "open-sesame" not in show(pack)
    assert any(text.startswith("svc/router/.env: This is not shown") for text in pack.left_out)


def test_the_code_pack_takes_only_the_suspect_of_a_large_file() -> None:
    long = APP + "".join(f"x{number} = {number}\n" for number in range(4000))
    pack = build_code_pack(code({"a.py": long}), (Suspect(path="a.py", function="handle"),), (), 3_000)
    assert [item.ref for item in pack.items] == ["a.py:4"]
