"""What is special to logs in files: forms, damage, folders, standard input."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import sys
import tempfile
import threading
import tracemalloc
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.adapters import byte_streams, file_reading, line_pages
from bot.adapters.file_logs import FileLogs, open_log_source
from bot.adapters.file_reading import FileReading
from bot.config import absolute_source
from bot.domain.errors import RetrievalFailed, UsageProblem
from bot.domain.logs import Focus, LogQuery, Severity

QUERY = LogQuery(focus=Focus(name="all", title="All", impact="None", least_severity=Severity.DEFAULT))
ENTRIES: list[dict[str, Any]] = [
    {"insertId": f"id-{number:04d}", "severity": "ERROR", "textPayload": f"{number * 7919 % 1000:x}" * 15}
    for number in range(300)
]
NDJSON = b"".join(json.dumps(one).encode() + b"\n" for one in ENTRIES)
NAMES = [one["insertId"] for one in ENTRIES]


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def read(source: FileLogs, most: int = 1_000_000) -> tuple[list[bytes], tuple[str, ...]]:
    """All lines that are not blank, and what was not read; every page is had again on the way."""
    reading = source.read(QUERY.model_copy(update={"most_entries": most}))
    try:
        pages = list(reading)
        assert [page.number for page in pages] == list(range(len(pages)))
        for page in random.Random(len(pages)).sample(pages, min(len(pages), 40)):
            assert reading.page(page.number) == page.lines
        return [line for page in pages for line in page.lines if line.strip()], reading.unread()
    finally:
        reading.close()


def names(lines: list[bytes]) -> list[str]:
    found = []
    for line in lines:
        try:
            found.append(str(json.loads(line)["insertId"]))
        except (ValueError, KeyError, TypeError):
            found.append("damaged")
    return found


def fails(source: FileLogs, *words: str) -> RetrievalFailed:
    with pytest.raises(RetrievalFailed) as caught:
        read(source)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy
    return caught.value


# Plain files


@pytest.mark.parametrize("page", [1, 7, 100, 101, 4_096, 1 << 20])
def test_lines_come_in_their_order_whatever_the_page(tmp_path: Path, page: int) -> None:
    lines, unread = read(FileLogs(write(tmp_path / "a.ndjson", NDJSON), page=page))
    assert b"\n".join(lines) + b"\n" == NDJSON
    assert unread == ()


@pytest.mark.parametrize("page", [1, 50, 1 << 20])
@pytest.mark.parametrize("text", [
    NDJSON.rstrip(), b"\xef\xbb\xbf" + NDJSON, NDJSON.replace(b"\n", b"\r\n"),
    b"\n \n" + NDJSON.replace(b"\n", b"\n\n"),
], ids=["no-last-newline", "mark", "returns", "blank-lines"])
def test_line_ends_and_marks_do_no_harm(tmp_path: Path, text: bytes, page: int) -> None:
    lines, _ = read(FileLogs(write(tmp_path / "a.ndjson", text), page=page))
    assert names(lines) == NAMES
    assert not any(b"\n" in line for line in lines)


def test_a_mark_before_an_array_does_no_harm(tmp_path: Path) -> None:
    lines, _ = read(FileLogs(write(tmp_path / "a.json", b"\xef\xbb\xbf" + json.dumps(ENTRIES).encode())))
    assert names(lines) == NAMES


def test_damaged_lines_are_passed_on_to_be_counted(tmp_path: Path) -> None:
    rows = NDJSON.splitlines()
    text = b'{"torn\n' + rows[0] + b"\nplain words\n\xff\xfe\x00\n" + rows[1] + b"\n"
    assert names(read(FileLogs(write(tmp_path / "a.ndjson", text)))[0]) == [
        "damaged", "id-0000", "damaged", "damaged", "id-0001"
    ]


def test_a_log_that_was_emptied_while_it_was_written_begins_with_zeros(tmp_path: Path) -> None:
    lines, _ = read(FileLogs(write(tmp_path / "a.ndjson", b"\x00" * 9_000 + NDJSON)))
    assert names(lines) == ["damaged", *NAMES[1:]]


@pytest.mark.parametrize("page", [1 << 10, 1 << 20])
def test_a_line_without_end_is_shown_by_its_start_and_said(tmp_path: Path, page: int) -> None:
    long = line_pages.MOST_LINE + 5_000
    rows = NDJSON.splitlines(keepends=True)
    text = rows[0] + b'{"insertId": "' + b"y" * long + b'"}\n' + rows[1] + b"z" * long
    lines, unread = read(FileLogs(write(tmp_path / "a.ndjson", text), page=max(page, 1 << 16)))
    assert names(lines) == ["id-0000", "damaged", "id-0001", "damaged"]
    assert len(lines[1]) == len(lines[3]) == line_pages.SAMPLE
    assert ["Line 2 " in unread[0], "Line 4 " in unread[1]] == [True, True]


@pytest.mark.parametrize("end", [b"", b'"}', b'"}\n'])
def test_a_log_that_is_one_line_too_long_says_so_wherever_it_is_spoken_of(tmp_path: Path, end: bytes) -> None:
    text = b'{"insertId": "' + b"y" * (line_pages.MOST_LINE + 5_000) + end
    reading = FileLogs(write(tmp_path / "a.ndjson", text)).read(QUERY)
    [page] = reading
    assert [len(line) for line in page.lines] == [line_pages.SAMPLE]
    assert reading.where(0, 0) == "object 1 has more than 16 MB and only its start was read"
    assert reading.unread() == (f"Object 1 of file:{tmp_path}/a.ndjson has more than 16 MB: only its start was read.",)
    reading.close()


@pytest.mark.parametrize("page", [7, 100, 1 << 20])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("piped", [False, True])
def test_many_blank_lines_are_not_given_and_count_as_lines(
    tmp_path: Path, page: int, end: bytes, piped: bool
) -> None:
    rows = NDJSON.splitlines()[:3]
    text = end * 500 + rows[0] + end * 600 + rows[1] + end + rows[2] + end * 900
    source = FileLogs(write(tmp_path / "a.ndjson", text), page=page)
    if piped:
        source = FileLogs(None, io.BytesIO(text), page=page)
    assert names(read(source, most=2)[0]) == NAMES[:2]
    if piped:
        source = FileLogs(None, io.BytesIO(text), page=page)
    reading = source.read(QUERY)
    pages = list(reading)
    assert sum(len(one.lines) for one in pages) < 1_500 if page < 1 << 20 else [one.lines for one in pages] == [
        [row + end[:-1] for row in rows]]
    places = {reading.where(one.number, index): line.rstrip()
              for one in pages for index, line in enumerate(one.lines) if line.strip()}
    assert places == {"line 501": rows[0], "line 1,101": rows[1], "line 1,102": rows[2]}
    assert [reading.page(one.number) for one in pages] == [one.lines for one in pages]
    reading.close()


def test_a_line_of_many_pages_comes_whole(tmp_path: Path) -> None:
    text = b'{"insertId": "long", "x": "' + b"y" * 3_000_000 + b'"}\n' + NDJSON
    lines, unread = read(FileLogs(write(tmp_path / "a.ndjson", text)))
    assert names(lines) == ["long", *NAMES]
    assert unread == ()


@pytest.mark.parametrize(("name", "content"), [
    ("a.ndjson", b""), ("b.json", b"[]"), ("c.gz", gzip.compress(b"", mtime=0)),
    ("d.ndjson", b"\n \n"), ("e.json", b" [\n]\n"),
    ("f.json", b"\xef\xbb\xbf"),
])
def test_an_empty_file_is_an_empty_log(tmp_path: Path, name: str, content: bytes) -> None:
    assert read(FileLogs(write(tmp_path / name, content))) == ([], ())


def test_where_counts_lines_from_one(tmp_path: Path) -> None:
    reading = FileLogs(write(tmp_path / "a.ndjson", NDJSON), page=1_000).read(QUERY)
    places = [(line, reading.where(page.number, index)) for page in reading for index, line in enumerate(page.lines)]
    assert [place for _, place in places] == [f"line {number:,}" for number in range(1, 301)]
    assert json.loads(places[41][0])["insertId"] == "id-0041"
    reading.close()


def test_where_counts_objects_where_lines_do_not_tell(tmp_path: Path) -> None:
    reading = FileLogs(write(tmp_path / "a.json", json.dumps(ENTRIES, indent=1).encode()), page=1_000).read(QUERY)
    pages = list(reading)
    assert reading.where(pages[-1].number, len(pages[-1].lines) - 1) == "object 300"
    reading.close()


@pytest.mark.parametrize(("content", "words"), [
    (bytes(range(256)) * 10, ("binary file",)),
    (gzip.compress(bytes(range(256)) * 10, mtime=0), ("binary file",)),
    (NDJSON.decode().encode("utf-16"), ("UTF-16", "iconv")),
    (NDJSON.decode().encode("utf-16-le"), ("UTF-16",)),
    (NDJSON.decode().encode("utf-16-be"), ("UTF-16",)),
    (b"\x28\xb5\x2f\xfd" + NDJSON, ("zstd", "zstd -d")),
    (b"BZh91AY" + NDJSON, ("bzip2",)),
    (b"PK\x03\x04" + NDJSON, ("zip",)),
])
def test_what_cannot_be_a_log_is_named(tmp_path: Path, content: bytes, words: tuple[str, ...]) -> None:
    fails(FileLogs(write(tmp_path / "a.ndjson", content)), "a.ndjson", *words)


@pytest.mark.parametrize("content", [b"[", b"[" * 200_000, b"[\n\n,", gzip.compress(b"[", mtime=0)])
def test_an_array_of_which_only_the_start_is_there_is_no_empty_log(tmp_path: Path, content: bytes) -> None:
    fails(FileLogs(write(tmp_path / "a.json", content)), "a.json ends too early", "not closed", "nothing is in it")
    fails(FileLogs(None, io.BytesIO(content)), "ends too early", "nothing is in it")
    write(tmp_path / "b.json", b"[]")
    fails(FileLogs(tmp_path), "gave no entry", "a.json ends too early")


def test_blank_lines_before_the_damage_are_nothing_either(tmp_path: Path) -> None:
    fails(FileLogs(write(tmp_path / "a.gz", gzip.compress(b"\n\n\n", mtime=0)[:-4])), "ends too early", "nothing of it")


def test_an_array_with_lines_after_it_is_whole(tmp_path: Path) -> None:
    lines, unread = read(FileLogs(write(tmp_path / "a.json", json.dumps(ENTRIES[:9]).encode() + b"\n" + NDJSON)))
    assert names(lines) == NAMES[:9] + NAMES
    assert unread == ()


def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("self")
    fails(open_log_source(str(tmp_path / "self"), None), "self cannot be read", "symbolic links")  # type: ignore[arg-type]


def test_missing_paths_are_named(tmp_path: Path) -> None:
    fails(FileLogs(tmp_path / "none.ndjson"), "There is no file")
    fails(FileLogs(tmp_path / "no" / "none.ndjson"), "folder", "does not exist")
    fails(FileLogs(tmp_path / ("x" * 300)), "cannot be read")
    fails(FileLogs(Path("a\0b")), "cannot be read")


def test_a_name_is_shown_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    error = fails(FileLogs(tmp_path / "no\x1b[31mne\udcff.json"))
    assert "\x1b" not in error.what
    error.what.encode()


def test_no_path_is_a_usage_problem() -> None:
    with pytest.raises(UsageProblem, match="names no file"):
        open_log_source("", None)  # type: ignore[arg-type]
    assert open_log_source("-", None).name == "file:-"  # type: ignore[arg-type]
    assert open_log_source("logs/a.ndjson", None).name == "file:logs/a.ndjson"  # type: ignore[arg-type]


# Files that change


def started(path: Path, **options: Any) -> FileReading:
    return FileLogs(path, **options).read(QUERY)


def test_a_file_that_grows_is_read_as_far_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", NDJSON * 40)
    reading = started(path)
    pages = iter(reading)
    first = next(pages)
    with path.open("ab") as more:
        more.write(b'{"insertId": "late"}\n')
    lines = first.lines + [line for page in pages for line in page.lines]
    assert names(lines) == NAMES * 40
    assert "grew while it was read" in reading.unread()[0]
    assert f"first {len(lines):,} lines" in reading.unread()[0]
    assert reading.page(0) == first.lines
    reading.close()


def test_a_file_that_shrinks_gives_its_whole_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", NDJSON * 80)
    reading = started(path)
    pages = iter(reading)
    lines = list(next(pages).lines)
    os.truncate(path, len(NDJSON) * 60 + 10)
    lines += [line for page in pages for line in page.lines]
    assert names(lines) == NAMES * 60
    assert "became shorter" in reading.unread()[0]
    reading.close()


@pytest.mark.parametrize("change", ["rewritten", "one-byte", "shorter"])
def test_a_page_that_changed_is_not_given_again(tmp_path: Path, change: str) -> None:
    path = write(tmp_path / "a.ndjson", NDJSON)
    reading = started(path, page=1_000)
    list(reading)
    if change == "rewritten":
        path.write_bytes(NDJSON[::-1])
    elif change == "shorter":
        os.truncate(path, 10)
    else:
        with path.open("r+b") as stream:
            stream.seek(30)
            stream.write(b"#")
    with pytest.raises(RetrievalFailed, match="changed while it was read"):
        reading.page(0)
    reading.close()


def test_a_file_that_is_gone_or_replaced_is_still_had_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", NDJSON)
    reading = started(path)
    pages = list(reading)
    path.unlink()
    assert reading.page(0) == pages[0].lines
    write(path, b"other\n")
    assert reading.page(0) == pages[0].lines
    reading.close()


# gzip


@pytest.mark.parametrize("page", [1, 13, 1_000, 1 << 20])
@pytest.mark.parametrize("packed", [
    gzip.compress(NDJSON, mtime=0),
    b"".join(gzip.compress(line, mtime=0) for line in NDJSON.splitlines(keepends=True)),
    gzip.compress(NDJSON[:777], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(NDJSON[777:], mtime=0)
    + b"\x00" * 70_000,
    gzip.compress(NDJSON[:777], mtime=0) + b"\x00" * 512 + gzip.compress(NDJSON[777:], mtime=0),
], ids=["one", "many", "padded", "padded-between"])
def test_gzip_of_any_number_of_members_is_read(tmp_path: Path, packed: bytes, page: int) -> None:
    lines, unread = read(FileLogs(write(tmp_path / "a.gz", packed), page=page))
    assert names(lines) == NAMES
    assert unread == ()


def test_a_name_does_not_decide_what_is_gzip(tmp_path: Path) -> None:
    assert names(read(FileLogs(write(tmp_path / "a.ndjson.gz", NDJSON)))[0]) == NAMES
    assert names(read(FileLogs(write(tmp_path / "a.ndjson", gzip.compress(NDJSON, mtime=0))))[0]) == NAMES


@pytest.mark.parametrize("text", [NDJSON, json.dumps(ENTRIES, indent=2).encode()], ids=["ndjson", "array"])
@pytest.mark.parametrize("left", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_gzip_gives_its_whole_entries_and_says_so(tmp_path: Path, text: bytes, left: float) -> None:
    packed = gzip.compress(text, mtime=0)
    lines, unread = read(FileLogs(write(tmp_path / "a.json.gz", packed[: int(len(packed) * left)])))
    count = len(lines) - lines.count(b"")
    assert 0 < count <= len(NAMES)
    assert names(lines) == NAMES[:count]
    kind = "line" if text is NDJSON else "object"
    assert unread == (
        f"file:{tmp_path}/a.json.gz ends too early: what follows its first {count} {kind}s was not read.",
    )


def test_only_the_sum_at_the_end_being_wrong_costs_no_line(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(NDJSON, mtime=0))
    packed[-6] ^= 0xFF
    lines, unread = read(FileLogs(write(tmp_path / "a.gz", bytes(packed))))
    assert names(lines) == NAMES
    assert "is a damaged gzip file (incorrect data check)" in unread[0]


def test_what_follows_gzip_and_is_none_is_said(tmp_path: Path) -> None:
    lines, unread = read(FileLogs(write(tmp_path / "a.gz", gzip.compress(NDJSON, mtime=0) + b"hello")))
    assert names(lines) == NAMES
    assert "goes on with what is not gzip" in unread[0]


def test_a_gzip_of_which_nothing_can_be_read_fails(tmp_path: Path) -> None:
    fails(FileLogs(write(tmp_path / "a.gz", gzip.compress(NDJSON, mtime=0)[:15])), "ends too early", "nothing of it")
    fails(FileLogs(write(tmp_path / "b.gz", b"\x1f\x8b" + b"\xff" * 50)), "damaged gzip", "nothing of it")


def test_going_back_in_gzip_does_not_start_at_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_streams, "_SPACING", 50_000)
    monkeypatch.setattr(byte_streams, "_MOST_MARKS", 6)
    rng = random.Random(3)
    rows = [json.dumps({"insertId": f"{number}", "x": rng.randbytes(60).hex()}).encode() for number in range(12_000)]
    packed = b"".join(gzip.compress(b"".join(row + b"\n" for row in rows[start : start + 3_000]), mtime=0)
                      for start in range(0, 12_000, 3_000))
    reading = started(write(tmp_path / "a.gz", packed), page=9_000)
    pages = list(reading)
    for page in rng.choices(pages, k=60):
        assert reading.page(page.number) == page.lines
    assert reading._again is not None
    stream = reading._again[1]
    assert isinstance(stream, byte_streams.GzipBytes)
    assert 3 < len(stream._marks) <= 6
    inflated = 0
    some = byte_streams.GzipBytes._some

    def counted(self: byte_streams.GzipBytes, size: int) -> bytes:
        nonlocal inflated
        text = some(self, size)
        inflated += len(text)
        return text

    monkeypatch.setattr(byte_streams.GzipBytes, "_some", counted)
    reading.page(pages[-1].number)
    inflated = 0
    reading.page(pages[-2].number)
    assert inflated < len(b"\n".join(rows)) / 2
    reading.close()


# Arrays and objects over several lines


@pytest.mark.parametrize("page", [1, 100, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_torn_array_gives_what_is_whole_and_a_damaged_rest(tmp_path: Path, page: int, indent: int | None) -> None:
    text = json.dumps(ENTRIES, indent=indent).encode()
    lines, unread = read(FileLogs(write(tmp_path / "a.json", text[:-20]), page=page))
    assert names(lines) == [*NAMES[:-1], "damaged"]
    assert "its JSON array is not closed" in unread[0]


def test_an_array_that_ends_between_two_entries_does_not_pass_for_whole(tmp_path: Path) -> None:
    text = json.dumps(ENTRIES).encode()
    lines, unread = read(FileLogs(write(tmp_path / "a.json", text[: text.rindex(b", {")])))
    assert names(lines) == NAMES[:-1]
    assert unread == (f"file:{tmp_path}/a.json ends too early: its JSON array is not closed.",)


def test_a_full_disk_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.json", json.dumps(ENTRIES).encode())
    write(tmp_path / "b.ndjson", NDJSON)

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("bot.adapters.line_spool.TemporaryFile", lambda **_: Full())
    fails(FileLogs(tmp_path / "a.json"), "No space left", "TMPDIR")
    fails(FileLogs(tmp_path), "No space left", "TMPDIR")


# Folders


HOUR = "run.googleapis.com%2Fstderr/2026/03/01/{0:02d}:00:00_{0:02d}:59:59_S0.json"


def folder_of_hours(root: Path, hours: int = 5) -> Path:
    rows = NDJSON.splitlines(keepends=True)
    each = len(rows) // hours
    for hour in range(hours):
        write(root / HOUR.format(hour), b"".join(rows[hour * each : (hour + 1) * each]))
    return root


def test_a_folder_of_hourly_exports_is_read_in_the_order_of_its_paths(tmp_path: Path) -> None:
    lines, unread = read(FileLogs(folder_of_hours(tmp_path), page=500))
    assert names(lines) == NAMES
    assert unread == ()


def test_files_of_every_form_are_read_together(tmp_path: Path) -> None:
    write(tmp_path / "a.ndjson", NDJSON)
    write(tmp_path / "b" / "b.JSON", json.dumps(ENTRIES, indent=2).encode())
    write(tmp_path / "c.log.gz", gzip.compress(NDJSON, mtime=0))
    write(tmp_path / "d.jsonl", b"")
    reading = FileLogs(tmp_path, page=3_000).read(QUERY)
    pages = list(reading)
    places = [reading.where(page.number, index) for page in pages for index in range(len(page.lines))]
    assert [places[0], places[300], places[-1]] == ["a.ndjson, line 1", "b/b.JSON, object 1", "c.log.gz, line 300"]
    for page in reversed(pages):
        assert reading.page(page.number) == page.lines
    assert reading.unread() == ()
    assert [page.lines for page in reading] == [page.lines for page in pages]
    reading.close()


def test_what_is_no_log_is_left_out_and_counted(tmp_path: Path) -> None:
    folder_of_hours(tmp_path)
    write(tmp_path / "notes.txt", b"x")
    write(tmp_path / "sums.md5", b"x")
    write(tmp_path / ".hidden.json", NDJSON)
    write(tmp_path / ".git" / "a.json", NDJSON)
    lines, unread = read(FileLogs(tmp_path))
    assert names(lines) == NAMES
    said = " ".join(unread)
    assert "2 files without a log's name" in said
    assert "notes.txt" in said
    assert "2 hidden files or folders" in said


def test_one_of_a_kind_is_counted_as_one(tmp_path: Path) -> None:
    folder_of_hours(tmp_path)
    write(tmp_path / ".hidden.json", NDJSON)
    write(tmp_path / "notes.txt", b"x")
    (tmp_path / "away.json").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.json")
    assert [sentence.split(",")[0].split("(")[0].strip() for sentence in read(FileLogs(tmp_path))[1]] == [
        "Not read: 1 file without a log's name", "Not read: 1 hidden file or folder",
        "Not read: 1 link that leads out of the folder or nowhere", "Not read: 1 thing that is no file",
    ]


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret.json", b'{"insertId": "secret"}\n')
    root = folder_of_hours(tmp_path / "logs")
    write(root / "blob", b'{"insertId": "blob"}\n')
    (root / "latest.json").symlink_to(root / HOUR.format(4))
    (root / "blob.json").symlink_to("blob")
    (root / "secret.json").symlink_to(tmp_path / "outside" / "secret.json")
    (root / "all").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    (root / "self.json").symlink_to("self.json")
    lines, unread = read(FileLogs(root))
    assert sorted(names(lines)) == sorted([*NAMES, "blob"])
    assert any("3 links that lead out of the folder or nowhere" in sentence for sentence in unread)


def test_a_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    folder_of_hours(tmp_path / "logs")
    (tmp_path / "link").symlink_to("logs")
    assert names(read(FileLogs(tmp_path / "link"))[0]) == NAMES


def test_one_unreadable_file_among_many_is_said(tmp_path: Path) -> None:
    folder_of_hours(tmp_path)
    write(tmp_path / "broken.json.gz", gzip.compress(NDJSON, mtime=0)[:12])
    write(tmp_path / "wide.json", NDJSON.decode().encode("utf-16"))
    lines, unread = read(FileLogs(tmp_path))
    assert names(lines) == NAMES
    assert sorted(sentence.split(" ")[0] for sentence in unread) == ["broken.json.gz", "wide.json"]


def test_a_folder_of_which_only_empty_files_could_be_read_is_no_empty_log(tmp_path: Path) -> None:
    write(tmp_path / "a.json", b"[]")
    write(tmp_path / ".hidden.json", NDJSON)
    assert read(FileLogs(tmp_path))[0] == []
    write(tmp_path / "b.json.gz", gzip.compress(NDJSON, mtime=0)[:20])
    fails(FileLogs(tmp_path), "gave no entry", "b.json.gz ends too early")


def test_a_folder_within_that_cannot_be_listed_is_no_empty_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.json", b"[]")
    write(tmp_path / "closed" / "b.json", NDJSON)
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    fails(FileLogs(tmp_path), "gave no entry", "1 folder that could not be listed (Permission denied), such as closed")
    write(tmp_path / "c.ndjson", NDJSON)
    lines, unread = read(FileLogs(tmp_path))
    assert names(lines) == NAMES
    assert "1 folder that could not be listed" in unread[0]


def test_many_unreadable_files_are_counted_and_not_all_named(tmp_path: Path) -> None:
    folder_of_hours(tmp_path)
    for number in range(500):
        write(tmp_path / "broken" / f"{number:03d}.json", b"\x00" * 50)
    lines, unread = read(FileLogs(tmp_path))
    assert names(lines) == NAMES
    assert len(unread) == 21
    assert unread[-1].startswith("480 more parts")


def test_a_file_that_goes_away_before_its_turn_is_said(tmp_path: Path) -> None:
    folder_of_hours(tmp_path)
    reading = FileLogs(tmp_path).read(QUERY)
    (tmp_path / HOUR.format(1)).unlink()
    lines = [line for page in reading for line in page.lines]
    assert len(lines) == 240
    assert "cannot be read: No such file" in reading.unread()[0]
    reading.close()


def test_a_folder_without_one_readable_log_fails(tmp_path: Path) -> None:
    fails(FileLogs(tmp_path), "There is no log file in the folder", ".ndjson")
    write(tmp_path / "notes.txt", b"x")
    fails(FileLogs(tmp_path), "There is no log file", "notes.txt")
    write(tmp_path / "a.json", b"\x00" * 90)
    write(tmp_path / "b.json", b"\x28\xb5\x2f\xfd")
    fails(FileLogs(tmp_path), "2 log files", "none could be read", "a.json is a binary file")


def test_the_limit_counts_over_all_files(tmp_path: Path) -> None:
    lines, unread = read(FileLogs(folder_of_hours(tmp_path), page=700), most=130)
    assert names(lines) == NAMES[:130]
    assert unread == ("Reading stopped after 130 entries, the limit; the rest was not read.",)
    assert read(FileLogs(tmp_path), most=300)[1] == ()
    assert names(read(FileLogs(tmp_path), most=0)[0]) == []


def test_blank_lines_are_not_counted_against_the_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", NDJSON.replace(b"\n", b"\r\n\r\n\n"))
    assert names(read(FileLogs(path, page=200), most=299)[0]) == NAMES[:299]
    assert read(FileLogs(path, page=200), most=300)[1] == ()


# Standard input and pipes


@pytest.mark.parametrize("content", [
    NDJSON, gzip.compress(NDJSON, mtime=0), json.dumps(ENTRIES, indent=2).encode(),
    gzip.compress(json.dumps(ENTRIES).encode(), mtime=0),
], ids=["ndjson", "gzip", "array", "gzip-array"])
def test_a_pipe_is_read_once_and_its_pages_again(content: bytes) -> None:
    ours, theirs = os.pipe()

    def feed() -> None:
        with os.fdopen(theirs, "wb", buffering=0) as out:
            for start in range(0, len(content), 777):
                out.write(content[start : start + 777])

    writer = threading.Thread(target=feed)
    writer.start()
    with os.fdopen(ours, "rb") as stream:
        reading = FileLogs(None, stream, page=2_000).read(QUERY)
        pages = list(reading)
        writer.join()
        assert names([line for page in pages for line in page.lines]) == NAMES
        assert [page.lines for page in reading] == [page.lines for page in pages]
        assert reading.unread() == ()
        reading.close()
        assert not stream.closed


def test_a_named_pipe_is_read_like_standard_input(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(NDJSON,))
    writer.start()
    assert names(read(FileLogs(pipe))[0]) == NAMES
    writer.join()


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_the_pipe_of_another_command_is_read_by_its_name(tmp_path: Path, folder: str) -> None:
    ours, theirs = os.pipe()
    assert os.write(theirs, NDJSON) == len(NDJSON)
    os.close(theirs)
    _, _, path = absolute_source(f"file:{folder}/{ours}", tmp_path).partition(":")
    assert names(read(open_log_source(path, None))[0]) == NAMES  # type: ignore[arg-type]
    os.close(ours)


class Breaking(io.RawIOBase):
    """Gives some bytes and then fails."""

    def __init__(self, content: bytes) -> None:
        self.left = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.left.read(min(len(buffer), 500))
        if not data:
            raise OSError(5, "Input/output error")
        buffer[: len(data)] = data
        return len(data)


@pytest.mark.parametrize("wrap", [lambda raw: raw, io.BufferedReader], ids=["raw", "buffered"])
def test_a_pipe_that_breaks_gives_its_whole_lines_and_says_so(wrap: Any) -> None:
    stream: BinaryIO = wrap(Breaking(NDJSON[:-30]))
    lines, unread = read(FileLogs(None, stream))
    assert names(lines) == NAMES[:-1]
    assert unread == (
        "file:- could not be read to its end (Input/output error): what follows its first 299 lines was not read.",
    )
    fails(FileLogs(None, wrap(Breaking(b""))), "Input/output error", "nothing of it could be read")


def test_a_terminal_and_a_closed_input_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.BytesIO()
    closed.close()
    fails(FileLogs(None, closed), "is closed", "gcloud logging read")
    monkeypatch.setattr(sys, "stdin", None)
    fails(FileLogs(None), "is closed")
    master, terminal = os.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        fails(FileLogs(None, stream), "is a terminal", "gcloud logging read")
    os.close(master)


def test_an_empty_input_is_an_empty_log() -> None:
    assert read(FileLogs(None, io.BytesIO())) == ([], ())


# All of them


def test_iterating_again_after_a_break_gives_everything_once() -> None:
    reading = FileLogs(None, io.BytesIO(NDJSON), page=1_000).read(QUERY)
    next(iter(reading))
    assert names([line for page in reading for line in page.lines]) == NAMES
    reading.close()


def test_a_failed_reading_does_not_pass_for_an_empty_one(tmp_path: Path) -> None:
    reading = FileLogs(write(tmp_path / "a.json", b"\x00" * 50)).read(QUERY)
    for _ in range(2):
        with pytest.raises(RetrievalFailed, match="binary"):
            list(reading)
    with pytest.raises(RetrievalFailed, match="binary"):
        reading.page(0)
    reading.close()


def test_a_closed_reading_says_so(tmp_path: Path) -> None:
    reading = FileLogs(write(tmp_path / "a.ndjson", NDJSON), page=1_000).read(QUERY)
    next(iter(reading))
    reading.close()
    for again in (lambda: list(reading), lambda: reading.page(0)):
        with pytest.raises(RetrievalFailed, match="was closed"):
            again()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    big = tmp_path / "big.ndjson"
    with big.open("wb") as out:
        for _ in range(700):
            out.write(NDJSON)
    array = tmp_path / "big.json"
    with array.open("wb") as out:
        out.write(b"[")
        for elements in [json.dumps(ENTRIES)[1:-1].encode()] * 700:
            out.write(elements + b",")
        out.write(b"{}]")
    packed = write(tmp_path / "big.gz", gzip.compress(big.read_bytes(), 1, mtime=0))
    for path in (big, array, packed):
        tracemalloc.start()
        reading = FileLogs(path).read(QUERY)
        pages = sum(1 for _ in reading)
        for number in range(0, pages, 9):
            reading.page(number)
        reading.close()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert path.stat().st_size > 16 << 20 or path == packed
        assert pages > 50
        assert peak < 6 << 20


PIECES = st.lists(st.sampled_from([
    b"\x1f\x8b", gzip.compress(b'{"insertId":"1"}\n' * 30, mtime=0), b'{"insertId":"2"}\n',
    b"[", b"]", b"{", b'"', b"\n",
    b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"x" * 300, b"\\", b",", b"\x28\xb5\x2f\xfd",
]) | st.binary(max_size=12), max_size=12).map(b"".join)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=PIECES, page=st.integers(1, 40), as_file=st.booleans())
@example(content=gzip.compress(b"", mtime=0)[:-1], page=1, as_file=True)
def test_no_content_raises_anything_but_retrieval_failed(content: bytes, page: int, as_file: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = FileLogs(None, io.BytesIO(content), page=page)
        if as_file:
            source = FileLogs(write(Path(folder) / "a.json", content), page=page)
        try:
            lines, unread = read(source)
        except RetrievalFailed:
            return
        assert not any(b"\n" in line for line in lines)
        if content.strip(b" \t\r\n\f\v,[]\x1e") and not content.startswith((b"\x1f\x8b", b"\xef\xbb\xbf")):
            assert lines or unread


@settings(max_examples=120, deadline=None)
@given(content=PIECES, page=st.integers(1, 40))
def test_the_size_of_pages_changes_no_line(content: bytes, page: int) -> None:
    def outcome(size: int) -> object:
        try:
            return read(FileLogs(None, io.BytesIO(content), page=size))
        except RetrievalFailed as error:
            return error.what

    head = file_reading._HEAD
    file_reading._HEAD = 64
    try:
        assert outcome(page) == outcome(1 << 16)
    finally:
        file_reading._HEAD = head


@settings(max_examples=100, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(0, 2_000), st.binary(max_size=3)), max_size=3), cut=st.integers(0, 3_000))
def test_damaged_gzip_never_raises_anything_else(damage: list[tuple[int, bytes]], cut: int) -> None:
    packed = bytearray(gzip.compress(NDJSON[:5_000], mtime=0) + gzip.compress(NDJSON[5_000:9_000], mtime=0))
    for at, junk in damage:
        packed[at : at + len(junk)] = junk
    try:
        lines, unread = read(FileLogs(None, io.BytesIO(bytes(packed[: max(cut, 12)])), page=500))
    except RetrievalFailed:
        return
    assert lines or unread
