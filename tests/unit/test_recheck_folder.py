"""What a record folder may hold, and what of it is read: it comes from somebody else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bot.domain.errors import RecordDamaged
from bot.recheck import folder as reading
from bot.recheck.folder import read_folder
from bot.recheck.material import read_material
from tests.unit.recheck_records import WORKFLOW, content_of, document_of
from tests.unit.records import record, step


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
