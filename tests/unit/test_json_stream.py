from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.adapters import json_stream
from bot.adapters.json_stream import SAMPLE, ObjectSplitter, is_spread

Json = Any
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(['"', "\\", "}{", "]},{", '\\"', "\n", "\u2028", "\U0001f6a2", "{\"a\":1}"])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.text(max_size=5), inner, max_size=3), max_leaves=8)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=6)
SIZES = [1, 2, 3, 7, 64, 1_000_000]


def split(text: bytes, size: int, most: int = 1 << 20, *, drop_rest: bool = False) -> list[bytes]:
    splitter = ObjectSplitter(most)
    found = [one for start in range(0, len(text), size) for one in splitter.feed(text[start : start + size])]
    return found + splitter.finish(drop_rest=drop_rest)


def compact(objects: list[Json]) -> str:
    return json.dumps(objects, separators=(",", ":"), ensure_ascii=False)


def pretty(objects: list[Json]) -> str:
    return json.dumps(objects, indent=2)


def unindented(objects: list[Json]) -> str:
    return json.dumps(objects, indent=0)


def with_returns(objects: list[Json]) -> str:
    return pretty(objects).replace("\n", "\r\n")


def glued(objects: list[Json]) -> str:
    return "".join(json.dumps(one) for one in objects)


def over_lines(objects: list[Json]) -> str:
    return "\n".join(json.dumps(one, indent="\t") for one in objects)


def two_arrays(objects: list[Json]) -> str:
    return pretty(objects) + "\n" + compact(objects)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("write", [compact, pretty, unindented, with_returns, glued, over_lines])
@settings(max_examples=12, deadline=None)
@given(objects=OBJECTS)
def test_every_form_gives_the_same_objects_at_any_size(
    write: Callable[[list[Json]], str], size: int, objects: list[Json]
) -> None:
    found = split(write(objects).encode(), size)
    assert [json.loads(one) for one in found] == objects
    assert not any(b"\n" in one for one in found)


def test_arrays_after_each_other_are_read_as_one() -> None:
    objects = [{"a": 1}, {"b": [{"c": 2}]}]
    assert [json.loads(one) for one in split(two_arrays(objects).encode(), 5)] == objects * 2


HOSTILE = st.lists(st.sampled_from([
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b" ", b"x", b'{"a":', b'"insertId":"1"',
    b'{"insertId":"2"}', b"\xff", b"\x00", b"1", b"null", b'{"labels":{"x":"y"}', b"\r\n", b"tru", b"\xe2\x80",
]) | st.binary(max_size=3), max_size=40).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(text=HOSTILE, size=st.integers(1, 9), most=st.sampled_from([8, 40, 1_000]))
@example(text=b'{"a":1 x}', size=1, most=1_000)
def test_whatever_a_text_holds_the_size_of_its_pieces_changes_nothing(text: bytes, size: int, most: int) -> None:
    assert split(text, size, most) == split(text, max(len(text), 1), most)


@settings(max_examples=150, deadline=None)
@given(text=HOSTILE, size=st.integers(1, 50))
def test_nothing_but_separators_is_passed_over_in_silence(text: bytes, size: int) -> None:
    found = split(text, size)
    assert bool(found) == bool(text.strip(b" \t\r\n\f\v,[]\x1e"))
    assert not any(b"\n" in one for one in found)


def entry(name: str, **more: Json) -> Json:
    return {"insertId": name, "labels": {"instanceId": "a1"}, **more}


def readable(found: list[bytes]) -> list[str]:
    names = []
    for one in found:
        try:
            names.append(str(json.loads(one)["insertId"]))
        except (ValueError, KeyError):
            names.append("damaged")
    return names


WHOLE = [entry(str(number), text=f"}} no {{ {number}") for number in range(5)]
WRITERS = [compact, pretty]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("write", WRITERS)
def test_an_array_that_is_cut_off_gives_whole_objects_and_a_damaged_rest(
    write: Callable[[list[Json]], str], size: int
) -> None:
    text = write(WHOLE).encode()
    found = split(text[: text.rindex(b'"labels"') + 12], size)
    assert readable(found) == ["0", "1", "2", "3", "damaged"]
    assert b'"4"' in found[-1]


def test_the_rest_can_be_dropped_where_it_is_known_to_be_torn() -> None:
    text = pretty(WHOLE).encode()
    assert readable(split(text[:-40], 7, drop_rest=True)) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(("text", "cut_off"), [
    ("[", True), ("[{}", True), ("[{},", True), ("[]", False), ("[{}]\n", False), ("{}{}", False), ("", False),
    ('[{"a":1}]\n{"a":2}\n', False), ("[{}] words", False), ("[{}]\n[{}", True), ("[[{}],[{}", True), ("[[[[", True),
])
def test_an_array_without_its_end_is_noticed(text: str, cut_off: bool) -> None:
    splitter = ObjectSplitter()
    splitter.feed(text.encode())
    splitter.finish()
    assert splitter.cut_off is cut_off


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("garbage", [b"oops ", b"null, ", b'"a string", ', b"\x00\xff", b"}}}"])
def test_garbage_between_elements_costs_no_element(
    write: Callable[[list[Json]], str], size: int, garbage: bytes
) -> None:
    text = write(WHOLE).encode()
    at = text.index(b'{"insertId":"2"') if write is compact else text.index(b'{\n    "insertId": "2"')
    assert readable(split(text[:at] + garbage + text[at:], size)) == ["0", "1", "damaged", "2", "3", "4"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("torn", [b'"2"', b'"labels"', b'"a1"', b"} no {"])
def test_a_torn_export_with_another_after_it_costs_one_object(
    write: Callable[[list[Json]], str], size: int, torn: bytes
) -> None:
    text = write(WHOLE).encode()
    third = text.index(b'"2"') - 20
    stump = text[: text.index(torn, third) + 2]
    found = split(stump + text, size)
    assert readable(found) == ["0", "1", "damaged", "0", "1", "2", "3", "4"]


@pytest.mark.parametrize("size", SIZES)
def test_an_object_that_is_no_json_is_one_damaged_piece(size: int) -> None:
    found = split(b'[{"insertId": "1"}, {"insertId" "2", "labels": {"a": "b"}}, {"insertId": "3"}]', size)
    assert readable(found) == ["1", "damaged", "3"]
    assert found[1] == b'{"insertId" "2", "labels": {"a": "b"}}'


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_an_object_that_is_too_long_is_shown_by_its_start(size: int) -> None:
    long = entry("long", text="y" * 5_000)
    text = pretty([entry("1"), long, entry("2")]).encode()
    found = split(text, size, most=4_000)
    assert readable(found) == ["1", "damaged", "2"]
    assert len(found[1]) == SAMPLE


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_which_objects_are_too_long_is_told(size: int) -> None:
    long = entry("long", text="y" * 5_000)
    text = pretty([entry("1"), long, entry("2"), long]).encode()
    for whole in (text, text[:-100]):
        splitter = ObjectSplitter(4_000)
        for start in range(0, len(whole), size):
            splitter.feed(whole[start : start + size])
        splitter.finish()
        assert splitter.too_long == [2, 4]


def test_an_object_that_is_never_closed_does_not_fill_the_memory() -> None:
    splitter = ObjectSplitter(most=100_000)
    splitter.feed(b'[{"insertId": "1", "text": [')
    for _ in range(300):
        splitter.feed(b'"zzzzzzzzzz",' * 100)
    assert len(splitter._buffer) < 400_000
    found = splitter.feed(b"{" + b'"insertId": "2"}') + splitter.finish()
    assert readable(found)[0] == "damaged"
    assert "2" in readable(found)


@pytest.mark.parametrize("text", [
    b"{" * 300_000,
    b'{"a":' * 60_000,
    b'[{"a":[' * 40_000,
    b'{"' * 150_000,
    b"\\" * 300_000,
    b'[{"' + b"\\" * 300_000,
    b'{"insertId":"1","a":' * 15_000,
    b"[" * 300_000,
    b"}" * 300_000,
    b'"{"a":1' * 40_000,
], ids=lambda text: text[:8].decode())
def test_hostile_nesting_is_read_in_reasonable_time(text: bytes) -> None:
    started = time.process_time()
    split(text, 64 << 10, most=200_000)
    assert time.process_time() - started < 10


def test_what_nests_too_deep_for_the_decoder_is_one_piece() -> None:
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    found = split(b"[" + deep + b',{"insertId":"1"}]', 1_000)
    assert found == [deep, b'{"insertId":"1"}']


def test_other_words_of_the_decoder_cost_speed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_size", lambda text: json_stream._BROKEN)
    assert [json.loads(one) for one in split(pretty(WHOLE).encode(), 100)] == WHOLE


@pytest.mark.parametrize("text", [
    '{"a":1}', '{"a":1}\n{"b":2}\n', '{"a": 1}\r\n{"b', '{torn\n{"a":1}\n', "words\n", "", "\n\n", '  {"a":1}\n',
    "[2026-03-01] [9] started\n{\"a\":1}\n", "{}\n{}\n", "42\n", "<html>{", '\n\n{"a":1}\n{"b":2}',
])
def test_ndjson_is_told_by_a_line_that_is_an_object(text: str) -> None:
    assert not is_spread(text.encode())


@pytest.mark.parametrize("text", [
    "[]", "[", ' [\n  {\n    "a": 1', '[{"a":1},\n{"b":2}\n]',
    '{\n  "a": {},\n  "b": [\n    {}\n  ]\n}', '{"a":1}{"b":2}',
    '{"a":1} {"b":2}\n', "{\n}\n",
])
def test_what_is_spread_over_lines_is_told(text: str) -> None:
    assert is_spread(text.encode())
