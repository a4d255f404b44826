from __future__ import annotations

from bot.domain.evidence import Suspect
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
from bot.evidence.code import CodeAt
from bot.evidence.pack import MOST_LOG_ITEM, build_code_pack, build_pack

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


def entry(name: str, second: float, text: str, *, instance: str = "inst-1",
          severity: Severity = Severity.ERROR) -> LogEntry:
    return LogEntry(insert_id=name, time_ns=int(second * SECOND), severity=severity, text=text, service="router",
                    revision="router-1", instance=instance)


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
    assert logs == [("E1", "r1"), ("E2", "wrap"), ("E3", "other"), ("E4", "old2"), ("E5", "up")]
    assert pack.items[0].time == "1970-01-01T00:01:50Z"
    assert "ERROR" in pack.items[0].origin
    assert pack.items[4].origin.startswith("context, same instance, INFO")
    assert pack.commit is None
    # 9 entries and 5 of context, of which 5 are shown.
    assert "9 more entries of the log: like one shown, of another instance, later, or long before." in pack.left_out
    assert any("commit" in text for text in pack.left_out)


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


def test_the_size_is_kept_by_rank_and_what_did_not_fit_is_said() -> None:
    whole = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), ("svc/**",), 50_000)
    for most in (0, 20, 60, 200, 400):
        pack = build_pack(INCIDENT, ENTRIES, CONTEXT, code(), ("svc/**",), most)
        assert sum(len(item.text) for item in pack.items) <= most
        assert len(pack.items) < len(whole.items)
        assert any(text.startswith("For its size") for text in pack.left_out)
    assert [item.ref for item in build_pack(INCIDENT, ENTRIES, CONTEXT, code(), (), 40).items] == ["r1", "wrap"]


def test_a_long_entry_is_shown_as_head_and_tail() -> None:
    long = entry("long", 100, "start " + "x" * 50_000 + " the end")
    pack = build_pack(incident(group(1, ("long",))), (long,), (), None, (), 50_000)
    assert len(pack.items[0].text) < MOST_LOG_ITEM + 100
    assert pack.items[0].text.startswith("start ")
    assert pack.items[0].text.endswith(" the end")
    assert f"{len(long.text) - MOST_LOG_ITEM} characters not shown" in pack.items[0].text


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


def test_the_code_pack_takes_only_the_suspect_of_a_large_file() -> None:
    long = APP + "".join(f"x{number} = {number}\n" for number in range(4000))
    pack = build_code_pack(code({"a.py": long}), (Suspect(path="a.py", function="handle"),), (), 10_000)
    assert [item.ref for item in pack.items] == ["a.py:4"]
