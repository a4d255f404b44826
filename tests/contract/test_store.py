from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.asking import Charge, Exchange, Message, ModelReply, ModelRequest, StopReason, Usage, total
from bot.domain.effects import Receipt
from bot.domain.errors import RecordDamaged, StaleRecord, StateLocked, UsageProblem
from bot.domain.logs import Focus
from bot.domain.record import SCHEMA, CycleRecord, CycleRef, CycleStatus, Settings
from bot.domain.record_document import MIGRATIONS
from tests.unit import records

REF = CycleRef(focus="startup", run="20251107T081500Z-0a1b2c", number=1)


def record(ref: CycleRef = REF) -> CycleRecord:
    focus = Focus(name="startup", title="Startup", impact="Nothing starts.")
    return CycleRecord(
        ref=ref,
        settings=Settings(
            demo=False, logs="file:x", model="script:x", scripted=True, forge="local", sandbox="process",
            repository="acme/shop", publish="now", until=None, focus=focus, cycles=1,
        ),
        created_at=datetime(2025, 11, 7, 8, 15, tzinfo=UTC),
    )


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "state")


def test_create_load_save(store: DirectoryStore) -> None:
    first = store.create(record())
    assert first.version == 1
    assert store.load(REF) == first
    second = store.save(first.model_copy(update={"status": CycleStatus.PAUSED}), 1)
    assert second.version == 2
    assert store.load(REF).status is CycleStatus.PAUSED


def test_a_cycle_is_created_once(store: DirectoryStore) -> None:
    store.create(record())
    with pytest.raises(StaleRecord, match="exists already"):
        store.create(record())


def test_a_stale_writer_is_refused_and_changes_nothing(store: DirectoryStore) -> None:
    first = store.create(record())
    store.save(first.model_copy(update={"paused_because": "by the other"}), 1)
    with pytest.raises(StaleRecord, match="version 2, but version 1"):
        store.save(first.model_copy(update={"paused_because": "by me"}), 1)
    assert store.load(REF).paused_because == "by the other"


def test_no_such_cycle(store: DirectoryStore) -> None:
    with pytest.raises(UsageProblem, match="no cycle"):
        store.load(REF)


def test_a_document_of_a_run_lies_beside_its_cycles(store: DirectoryStore) -> None:
    store.create(record())
    store.put_run_document(REF, "run.md", b"one cycle")
    store.put_run_document(REF.model_copy(update={"number": 2}), "run.md", b"two cycles")
    assert (Path(store.folder(REF)).parent / "run.md").read_bytes() == b"two cycles"
    assert store.cycles() == (REF,)


@pytest.mark.parametrize("name", ["../run.md", "cycle-01/record.json", "/run.md", ""])
def test_a_document_of_a_run_is_a_file_of_its_folder(store: DirectoryStore, name: str) -> None:
    with pytest.raises(ValueError, match=r"path|file of a run|1 to 400"):
        store.put_run_document(REF, name, b"x")


def test_cycles_are_listed_oldest_run_first(store: DirectoryStore) -> None:
    later = CycleRef(focus="errors", run="20251108T000000Z-000000", number=1)
    second = REF.model_copy(update={"number": 2})
    for ref in (later, second, REF):
        store.create(record(ref))
    assert store.cycles() == (REF, second, later)
    assert store.cycles("errors") == (later,)


def test_artifacts(store: DirectoryStore) -> None:
    store.create(record())
    artifact = store.put_artifact(REF, "junit/base-1.xml", b"<testsuites/>")
    assert artifact.size == 13
    assert store.get_artifact(REF, "junit/base-1.xml") == b"<testsuites/>"
    with pytest.raises(RecordDamaged, match=r"missing\.xml"):
        store.get_artifact(REF, "missing.xml")
    with pytest.raises(ValueError, match="normalised"):
        store.put_artifact(REF, "../../escape", b"")


def test_a_file_that_is_dropped_is_gone(store: DirectoryStore) -> None:
    store.create(record())
    store.put_artifact(REF, "proof.md", b"x")
    store.drop_artifact(REF, "proof.md")
    store.drop_artifact(REF, "proof.md")
    with pytest.raises(RecordDamaged):
        store.get_artifact(REF, "proof.md")
    with pytest.raises(ValueError, match="normalised"):
        store.drop_artifact(REF, "../../record.json")


def test_exchanges_are_kept_under_their_digest(store: DirectoryStore) -> None:
    store.create(record())
    request = ModelRequest(
        step="plan", attempt=1, model="m", system="s", messages=(Message(role="user", text="q"),), answer="A",
        answer_schema={"type": "object"}, most_tokens=10,
    )
    exchange = Exchange(
        digest=request.digest(), request=request, reply=ModelReply(model="m", text="{}", stop=StopReason.END)
    )
    assert store.get_exchange(REF, exchange.digest) is None
    store.put_exchange(REF, exchange)
    assert store.get_exchange(REF, exchange.digest) == exchange


def test_notes_of_lost_calls_are_charges_until_they_are_dropped(store: DirectoryStore) -> None:
    store.create(record())
    note = Charge(digest="a" * 64, usage=Usage(input_tokens=5, output_tokens=7, cost_usd=Decimal("0.25")),
                  paid_at=datetime(2025, 11, 7, 8, 15, 0, 1, tzinfo=UTC), lost="1")
    second, other = note.model_copy(update={"lost": "2"}), note.model_copy(update={"digest": "b" * 64})
    for charge in (other, second, note):
        store.put_lost(REF, charge)
    assert store.charges(REF) == (note, second, other)
    assert DirectoryStore(Path(store.folder(REF)).parents[2]).charges(REF) == (note, second, other)
    assert store.charges(REF.model_copy(update={"number": 2})) == ()
    assert total(store.charges(REF)).cost_usd == Decimal("0.75")
    changed = note.model_copy(update={"usage": Usage(input_tokens=1, cost_usd=None)})
    store.put_lost(REF, changed)
    assert store.charges(REF) == (changed, second, other)
    store.drop_lost(REF, changed)
    store.drop_lost(REF, changed)
    assert store.charges(REF) == (second, other)
    assert store.get_exchange(REF, note.digest) is None


def test_a_damaged_note_is_named(store: DirectoryStore) -> None:
    store.create(record())
    store.put_lost(REF, Charge(digest="a" * 64, usage=Usage(), lost="1"))
    (path,) = Path(store.folder(REF)).glob("exchanges/lost/*.json")
    path.write_text("{")
    with pytest.raises(RecordDamaged, match="not the note of a call"):
        store.charges(REF)


def test_a_note_cannot_be_put_elsewhere(store: DirectoryStore) -> None:
    store.create(record())
    with pytest.raises(ValueError, match="normalised"):
        store.put_lost(REF, Charge(digest="a" * 64, usage=Usage(), lost="../../../x"))


def damaged_documents(whole: str) -> list[tuple[str, str]]:
    document = json.loads(whole)
    edited = {**document, "record": {**document["record"], "paused_because": "edited by hand"}}
    return [
        ("empty", ""),
        ("torn", whole[: len(whole) // 2]),
        ("not a record", "[1, 2]"),
        ("no record in it", '{"schema": "whybot/record/1"}'),
        ("edited", json.dumps(edited)),
        ("nested too deep", "[" * 100_000),
    ]


@pytest.mark.parametrize("kind", ["empty", "torn", "not a record", "no record in it", "edited", "nested too deep"])
def test_a_damaged_record_is_named_and_left_alone(store: DirectoryStore, kind: str) -> None:
    store.create(record())
    path = Path(store.folder(REF)) / "record.json"
    content = dict(damaged_documents(path.read_text()))[kind]
    path.write_text(content)
    with pytest.raises(RecordDamaged, match=r"record\.json is damaged"):
        store.load(REF)
    with pytest.raises(RecordDamaged):
        store.save(record(), 1)
    assert path.read_text() == content


def test_a_record_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    newer = DirectoryStore(tmp_path, schema=SCHEMA + 1)
    first = newer.create(record())
    path = Path(newer.folder(REF)) / "record.json"
    assert json.loads(path.read_text())["schema"] == f"whybot/record/{SCHEMA + 1}"
    rewritten = DirectoryStoreOf(tmp_path, first)
    rewritten.write_as(SCHEMA + 1)
    with pytest.raises(RecordDamaged, match="newer whybot"):
        DirectoryStore(tmp_path).load(REF)


def test_a_record_of_an_older_schema_is_migrated(tmp_path: Path) -> None:
    store = DirectoryStore(
        tmp_path, migrations={**MIGRATIONS, 0: lambda body: {**body, "paused_because": "migrated"}}
    )
    DirectoryStoreOf(tmp_path, store.create(record())).write_as(0)
    assert store.load(REF).paused_because == "migrated"
    with pytest.raises(RecordDamaged, match="older than any"):
        DirectoryStore(tmp_path).load(REF)


def test_a_record_of_schema_1_is_read_with_its_incident(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    given = records.record(records.step("retrieve", result=records.retrieved(records.incident())))
    made = store.create(given)
    later = frozenset({"fixed", "timeline", "followed", "shown_with", "why", "lost"})
    DirectoryStoreOf(tmp_path, made).write_as(1, lambda body: _without(body, later))
    found = store.load(made.ref)
    assert found == made
    assert found.fingerprint == records.FINGERPRINT
    assert store.save(found, 1).version == 2
    assert json.loads((Path(store.folder(made.ref)) / "record.json").read_text())["record"]["schema_version"] == SCHEMA


@pytest.mark.parametrize(("dry_run", "publish"), [(True, "never"), (False, "now")])
def test_a_record_of_schema_4_says_when_it_publishes(tmp_path: Path, dry_run: bool, publish: str) -> None:
    store = DirectoryStore(tmp_path)
    effect = records.issue_effect(Receipt(did="created", number=7))
    made = store.create(records.record(records.step("file_issue", effects=(effect,)), publish=publish))

    def as_then(body: dict[str, Any]) -> dict[str, Any]:
        body = _without(body, frozenset({"publish", "retries", "priority", "related", "news"}))
        return {**body, "settings": {**body["settings"], "dry_run": dry_run}}

    DirectoryStoreOf(tmp_path, made).write_as(4, as_then)
    found = store.load(made.ref)
    assert found == made
    assert found.settings.dry_run is dry_run
    saved = store.save(found, 1)
    assert store.load(made.ref) == saved


def _without(value: Any, keys: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    return [_without(item, keys) for item in value] if isinstance(value, list) else value


class DirectoryStoreOf:
    """Writes a record as if by a whybot of another schema."""

    def __init__(self, folder: Path, record: CycleRecord) -> None:
        self._path = Path(DirectoryStore(folder).folder(record.ref)) / "record.json"

    def write_as(self, schema: int, change: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body) -> None:
        written = change(json.loads(self._path.read_text())["record"])
        body = {**written, "schema_version": schema}
        text = json.dumps(body, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._path.write_text(json.dumps({"schema": f"whybot/record/{schema}", "sha256": digest, "record": body}))


def hold(folder: Path, ready: multiprocessing.synchronize.Event, seconds: float) -> None:
    with DirectoryStore(folder).lock("bot cycle --focus startup", 0):
        ready.set()
        time.sleep(seconds)


def test_the_lock_names_its_holder_and_can_be_waited_for(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready, 1.0))
    process.start()
    try:
        assert ready.wait(20)
        with (
            pytest.raises(StateLocked, match=f"process {process.pid}, bot cycle --focus startup"),
            DirectoryStore(tmp_path).lock("me", 0),
        ):
            pass
        with DirectoryStore(tmp_path).lock("me", 20):
            assert "me" in (tmp_path / "lock.holder").read_text()
    finally:
        process.join(20)


def test_a_killed_holder_leaves_the_lock_free(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready, 60.0))
    process.start()
    assert ready.wait(20)
    process.kill()
    process.join(20)
    with DirectoryStore(tmp_path).lock("me", 0):
        pass


def test_what_was_remembered_is_there_again(store: DirectoryStore) -> None:
    assert store.memory() is None
    store.create(record())
    for content in (b"one", b"two\n"):
        store.put_memory(content)
        assert store.memory() == content
    assert store.cycles() == (REF,)


def test_what_takes_room_is_listed_and_goes_as_a_whole(store: DirectoryStore) -> None:
    assert store.holdings() == ()
    second = REF.model_copy(update={"number": 2})
    other = CycleRef(focus="errors", run="20251108T081500Z-0a1b2c", number=1)
    for ref in (REF, second, other):
        store.create(record(ref))
        store.put_artifact(ref, "logs/a.ndjson", b"x" * 1_000)
    assert (store.artifact_size(REF, "logs/a.ndjson"), store.artifact_size(REF, "logs/b.ndjson")) == (1_000, 0)
    errors, startup = store.holdings()
    assert (startup.kind, startup.path, startup.cycles) == ("run", f"startup/{REF.run}", (REF, second))
    assert startup.size > errors.size > 1_000
    assert not startup.hindered
    with store.lock("prune", 0):
        assert store.discard(startup)
        assert not store.discard(startup), "it is gone"
    assert store.cycles() == (other,)
    assert store.holdings() == (errors,)
    assert store.get_artifact(other, "logs/a.ndjson") == b"x" * 1_000
    with pytest.raises(UsageProblem):
        store.load(REF)
    # Nothing of it is in the way of a new one.
    store.create(record())
    assert store.artifact_size(REF, "logs/a.ndjson") == 0
