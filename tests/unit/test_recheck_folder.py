"""What a record folder may hold, and what of it is read: it comes from somebody else."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.domain.effects import Artifact
from bot.domain.errors import RecordDamaged
from bot.domain.record import Decision
from bot.recheck import folder as reading
from bot.recheck.comparing import compared
from bot.recheck.files import artifacts, known
from bot.recheck.folder import lacking, read_folder
from bot.recheck.material import read_material
from bot.recheck.statement import Found
from tests.unit.recheck_records import WORKFLOW, content_of, document_of
from tests.unit.records import record, retrieved, step


@pytest.fixture
def place(tmp_path: Path) -> Path:
    cycle = tmp_path / "cycle-01"
    (cycle / "logs").mkdir(parents=True)
    (cycle / "record.json").write_text("{}")
    (cycle / "logs" / "a.txt").write_text("printed")
    return cycle


def test_regular_files_are_read_by_their_paths(place: Path) -> None:
    content = read_folder(place)
    assert content.files == {"record.json": b"{}", "logs/a.txt": b"printed"}
    assert content.odd == {}


def test_the_folder_itself_may_be_named_by_a_link(place: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(place)
    assert "record.json" in read_folder(tmp_path / "latest").files


def test_links_and_special_files_are_named_and_not_opened(place: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("hunter2")
    (place / "file.txt").symlink_to(secret / "key.txt")
    (place / "dangling.txt").symlink_to(tmp_path / "nowhere")
    (place / "folder").symlink_to(secret)
    os.mkfifo(place / "pipe")
    content = read_folder(place)
    assert set(content.files) == {"record.json", "logs/a.txt"}
    assert content.odd == {
        "dangling.txt": "is a symbolic link", "file.txt": "is a symbolic link", "folder": "is a symbolic link",
        "pipe": "is no regular file",
    }


def test_a_record_that_is_a_link_is_none(place: Path) -> None:
    (place / "record.json").rename(place / "other.json")
    (place / "record.json").symlink_to(place / "other.json")
    with pytest.raises(RecordDamaged, match=r"its record\.json is a symbolic link"):
        read_folder(place)


def test_what_answers_with_an_error_or_with_nothing_yet_is_named(tmp_path: Path) -> None:
    process = os.open("/proc/self", os.O_RDONLY)
    try:
        broken = reading._read("mem", process, 100)
    finally:
        os.close(process)
    assert isinstance(broken, OSError)
    assert broken.strerror == "Input/output error"


def test_a_file_that_fails_costs_no_other(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "broken").write_text("")
    (place / "waiting").write_text("")
    true = os.fdopen

    class Waiting(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return None  # type: ignore[return-value] # as a file does that has nothing yet

    def fdopen(file: int, mode: str) -> object:
        name = Path(f"/proc/self/fd/{file}").readlink().name
        if name == "broken":
            os.close(file)
            return true(os.open("/proc/self/mem", os.O_RDONLY), mode)
        return Waiting(file, mode) if name == "waiting" else true(file, mode)

    monkeypatch.setattr(os, "fdopen", fdopen)
    content = read_folder(place)
    assert set(content.files) == {"record.json", "logs/a.txt"}
    assert content.odd == {"broken": "cannot be read (Input/output error)", "waiting": "cannot be read"}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that others may reach; what a test makes unreadable in it is readable again before it is removed."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        yield top
        for folder, names, _ in os.walk(top):
            Path(folder).chmod(0o755)
            for inner in names:
                (Path(folder) / inner).chmod(0o755)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    root = os.geteuid() == 0
    if root:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)


def test_unreadable_folders_are_named_by_their_paths(shared: Path) -> None:
    (shared / "record.json").write_text("{}")
    for above in ("a", "b"):
        (shared / above / "inner").mkdir(parents=True)
        (shared / above / "inner" / "file.txt").write_text("x")
        (shared / above / "inner").chmod(0)
    (shared / "secret.txt").write_text("x")
    (shared / "secret.txt").chmod(0)
    with as_nobody():
        content = read_folder(shared)
    denied = "cannot be read (Permission denied)"
    assert content.odd == {"a/inner": denied, "b/inner": denied, "secret.txt": denied}
    assert lacking("a/inner/file.txt", content.odd) == f"cannot be read: a/inner {denied}"
    assert lacking("a/other.txt", content.odd) == "is not there"


@pytest.mark.parametrize("closed", ["folder", "record"])
@pytest.mark.parametrize("named", ["folder", "record"])
def test_a_record_that_may_not_be_read_is_a_matter_of_permissions(closed: str, named: str, shared: Path) -> None:
    (shared / "cycle-01").mkdir()
    (shared / "cycle-01" / "record.json").write_text("{}")
    (shared / "cycle-01" if closed == "folder" else shared / "cycle-01" / "record.json").chmod(0)
    with as_nobody(), pytest.raises(RecordDamaged, match="Permission denied") as raised:
        read_folder(shared / "cycle-01" if named == "folder" else shared / "cycle-01" / "record.json")
    assert "permissions" in raised.value.remedy


def test_a_name_that_is_no_text_is_one_more_file(place: Path) -> None:
    Path(os.fsdecode(os.fsencode(place) + b"/\xff.txt")).write_text("x")
    content = read_folder(place)
    assert content.files["\\xff.txt"] == b"x"


def test_more_files_than_are_read_leave_the_record_readable(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_FILES", 20)
    for number in range(30):
        (place / f"a{number:02}").write_text("")
    content = read_folder(place)
    assert content.files["record.json"] == b"{}"
    assert content.odd == {".": "holds more than 20 files and folders"}
    assert "was not read, since the folder holds more than 20" in lacking("logs/a.txt", content.odd)


def test_nothing_is_read_where_there_is_no_record(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "record.json").unlink()
    monkeypatch.setattr(os, "fdopen", None)
    with pytest.raises(RecordDamaged, match=r"there is no record\.json in it"):
        read_folder(place)


@pytest.mark.parametrize("levels", [0, 1, 2, 3], ids=["run", "focus", "state", "clone"])
def test_of_a_folder_above_the_cycles_are_named(levels: int, tmp_path: Path) -> None:
    run = tmp_path / ".bot" / "startup" / "20251107-080000-abcdef"
    for number in (1, 2, 3, 4):
        (run / f"cycle-{number:02}").mkdir(parents=True)
        (run / f"cycle-{number:02}" / "record.json").write_text("{}")
    (run / "cycle-05").mkdir()
    above = [run, *run.parents][levels]
    with pytest.raises(RecordDamaged) as raised:
        read_folder(above)
    assert [f"cycle-{number:02}" in raised.value.remedy for number in (1, 2, 3, 4, 5)] == [
        False, True, True, True, False]
    for number in (1, 2, 3):
        shutil.rmtree(run / f"cycle-{number:02}")
    with pytest.raises(RecordDamaged) as raised:
        read_folder(above)
    assert raised.value.remedy == f"Did you mean {run / 'cycle-04'}?"


def test_the_record_is_read_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 12)
    (place / "record.json").write_text("[" * 10)
    (place / "logs" / "a.txt").unlink()
    assert read_folder(place) == reading.Content({"record.json": b"[" * 10})


def test_the_record_itself_may_be_named(place: Path) -> None:
    assert read_folder(place / "record.json") == read_folder(place)


def test_sizes_numbers_and_depth_are_bounded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES_A_FILE", 100)
    monkeypatch.setattr(reading, "MOST_BYTES", 250)
    monkeypatch.setattr(reading, "MOST_DEPTH", 3)
    (place / "large.bin").write_bytes(b"x" * 101)
    for name in ("s1", "s2", "s3"):
        (place / name).write_bytes(b"x" * 90)
    (place / "a" / "b" / "c" / "d").mkdir(parents=True)
    (place / "a" / "b" / "c" / "d" / "deep.txt").write_text("down here")
    content = read_folder(place)
    assert "is larger than the" in content.odd["large.bin"]
    assert "s3" in content.odd, "all files together are bounded, too"
    assert content.odd["a/b/c"] == "lies deeper than 3 folders"
    assert sum(map(len, content.files.values())) <= 250
    monkeypatch.setattr(reading, "MOST_FILES", 3)
    assert "holds more than 3 files" in read_folder(place).odd["."]


@pytest.mark.parametrize("make", ["missing", "file", "empty"])
def test_where_there_is_no_record_that_is_said(make: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if make == "file":
        place.write_text("x")
    elif make == "empty":
        place.mkdir()
    with pytest.raises(RecordDamaged, match="There is no readable record in"):
        read_folder(place)


# What is read of record.json

@pytest.mark.parametrize(("text", "why"), [
    ("", "not whole JSON"),
    ("[" * 100_000, "not whole JSON"),
    ('{"record": {"a": 1, "a": 2}}', "a key stands twice"),
    ("[]", "no record in it"),
    ('{"record": []}', "no record in it"),
    ('{"record": {}}', "does not say its schema"),
    ('{"record": {"schema_version": true}}', "does not say its schema"),
    ('{"record": {"schema_version": 0}}', "older than any"),
    ('{"record": {"schema_version": 99}}', "newer whybot"),
    ('{"record": {"schema_version": 3}}', "ref: Field required"),
], ids=lambda value: None if len(value) > 40 else value)
def test_what_cannot_be_checked_is_refused(text: str, why: str) -> None:
    with pytest.raises(RecordDamaged) as raised:
        read_material(reading.Content({"record.json": text.encode()}), WORKFLOW)
    assert why in str(raised.value)


def test_half_of_a_character_is_named_with_its_place() -> None:
    document = document_of(record(step("retrieve"), step("five_whys"), step("plan")))
    document["record"]["steps"][1]["said"] = "half \ud83d"
    material = read_material(reading.Content({"record.json": json.dumps(document).encode()}), WORKFLOW)
    assert [one.step for one in material.record.steps] == ["retrieve"]
    assert material.unread == "steps.1.said: half of a character, which is no text"
    document["record"]["settings"]["\udc00"] = 1
    with pytest.raises(RecordDamaged) as raised:
        read_material(reading.Content({"record.json": json.dumps(document).encode()}), WORKFLOW)
    assert raised.value.what == (
        "record.json cannot be read as a record: settings: half of a character, which is no text.")


def test_a_whole_character_in_two_escapes_is_text() -> None:
    document = document_of(record(step("retrieve")))
    document["record"]["steps"][0]["said"] = "\U0001f600"
    text = json.dumps(document, ensure_ascii=True)
    assert "\\ud83d" in text
    assert not read_material(reading.Content({"record.json": text.encode()}), WORKFLOW).unread


def test_why_a_file_is_missing_is_said_by_every_check_that_needs_it() -> None:
    kept = Artifact(name="junit/a.xml", sha256="0" * 64, size=1)
    done = step("retrieve", decision=Decision.GO, result=retrieved()).model_copy(update={"artifacts": (kept,)})
    document = document_of(record(done))
    odd = {"junit": "cannot be read (Permission denied)", "logs.ndjson": "is a symbolic link",
           ".": "holds more than 5,000 files and folders"}
    material = read_material(reading.Content({"record.json": json.dumps(document).encode()}, odd), WORKFLOW)
    assert material.entries == "logs.ndjson is a symbolic link"
    (said,) = artifacts(material)
    assert said.why == "it cannot be read: junit cannot be read (Permission denied)"
    failed = {one.what: one.why for one in known(material) if one.found is Found.FAILS}
    assert failed == {
        "junit was read": "it cannot be read (Permission denied)", "logs.ndjson was read": "it is a symbolic link",
        "everything in the folder was read": "it holds more than 5,000 files and folders, and the rest was not read",
    }


def test_what_differs_is_quoted_as_json_and_in_short() -> None:
    cause = {"statement": "it's " + "long " * 100, "held": None}
    (said,) = compared("the cause", None, cause, "its answer gives")
    assert said.why.startswith('the record says nothing, and its answer gives {"statement": "it\'s long')
    assert len(said.why) < 200
    assert [one.why for one in compared("x", {"a": True}, {"a": None}, "it gives")] == [
        "the record says true, and it gives nothing"]


def test_the_steps_before_one_that_cannot_be_read_are_kept() -> None:
    document = document_of(record(step("retrieve"), step("five_whys"), step("plan")))
    document["record"]["steps"][1]["status"] = "finished"
    material = read_material(reading.Content({"record.json": json.dumps(document).encode()}), WORKFLOW)
    assert [one.step for one in material.record.steps] == ["retrieve"]
    assert material.unread.startswith("steps.1.status: ")


def test_an_older_record_is_brought_up_to_date() -> None:
    document = document_of(record())
    document["record"]["schema_version"] = 1
    material = read_material(reading.Content({"record.json": json.dumps(document).encode()}), WORKFLOW)
    assert material.older
    assert material.schema == 1
    assert not read_material(content_of(record()), WORKFLOW).older
