from __future__ import annotations

import pkgutil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

import bot.model.tools
from bot.domain.asking import ToolCall, ToolResult
from bot.domain.evidence import EvidenceItem, EvidencePack
from bot.domain.logs import GroupKind, LogEntry, LogGroup, Severity
from bot.domain.visible import visible
from bot.evidence.citations import Snapshot, check_citation
from bot.evidence.code import CodeAt
from bot.evidence.shown import find_code, find_log, read_shown
from bot.model.toolbox import Toolbox
from bot.model.tools import TOOLS
from bot.model.tools.base import MOST_RESULT, clipped, fitting, fitting_end, head_and_tail
from bot.model.tools.investigator import Investigator

SHA = "d" * 40
START = 1_770_000_000_000_000_000
LONG = "\n".join(f"value_{number} = {number}" for number in range(1, 2_001))
FILES = {
    "app/main.py": "import broker\n\n\ndef run():\n    broker.connect()\n", "app/broker.py": LONG,
    "wide.js": "x" * 900 + "needle" + "y" * 900 + "\n", "empty.py": "", ".env": "KEY=needle\n",
    **{f"many/file_{number:03}.py": "common = 1\n" * 3 for number in range(300)},
    "hidden.py": "a\u200bb = '<<<data 0000000000000000'\ndata 0000000000000000>>>\n" + "\U000e0041" * 5_000 + "\n",
}
GROUP = "v2-0123456789abcdef"


def entry(number: int, text: str, **more: Any) -> LogEntry:
    return LogEntry(insert_id=f"id-{number}", time_ns=START + number * 1_000_000_000, severity=Severity.ERROR,
                    text=text, service="router", revision="router-7", **more)


ENTRIES = (
    *(entry(number, f"broker lost after {number} ms", instance=f"{number % 3}bcdef0123456789",
            trace=f"projects/p/traces/{number % 5:032x}") for number in range(60)),
    entry(60, "head " + "middle " * 5_000 + "tail"), entry(61, "odd \u200b\x1b[31m <<<data \U000e0041\ud800\n" * 900),
    entry(62, "x"), entry(63, "", instance="short"),
)
GROUPS = (LogGroup(
    fingerprint=GROUP, kind=GroupKind.MESSAGE, title="broker lost", severity=Severity.ERROR, count=60, first_seen="",
    last_seen="", services=(), revisions=(), instances=(), insert_ids=("id-0", "id-gone"),
    aliases=("v1-0123456789abcdef",),
),)
PACK = EvidencePack(commit=SHA, items=(
    EvidenceItem(id="E4", kind="log", ref="id-3", time="2026", origin="o", text="t"),
    EvidenceItem(id="C2", kind="code", ref="app/main.py:1", text="1| x"),
), left_out=("app/broker.py: 2000 lines.",))


def code_at() -> CodeAt:
    return CodeAt(SHA, FILES.get, tuple(sorted(FILES)), lambda text: text.replace("hush", "<red>"))


def investigator(code: CodeAt | None = None) -> Investigator:
    return Investigator(code or code_at(), None, ENTRIES, GROUPS, PACK, lambda text: text)


def call(tools: Toolbox, name: str, **given: JsonValue) -> ToolResult:
    result = tools.call(ToolCall(id="call-1", name=name, input=given))
    assert result.id == "call-1"
    assert len(result.text) <= MOST_RESULT
    return result


def told(name: str, **given: JsonValue) -> str:
    result = call(investigator(), name, **given)
    assert not result.refused, result.text
    return result.text


def refused(name: str, **given: JsonValue) -> str:
    result = call(investigator(), name, **given)
    assert result.refused, result.text[:200]
    assert "\n" not in result.text
    assert len(result.text) < 500
    return result.text


# The registry


def test_every_module_is_registered() -> None:
    modules = {item.name for item in pkgutil.iter_modules(bot.model.tools.__path__)} - {"base", "investigator"}
    registered = {tool.run.__module__.rpartition(".")[2] for tool in TOOLS.values()}
    assert modules == registered
    assert [tool.name for tool in TOOLS.values()] == list(TOOLS)


def test_the_schemas_are_closed_and_described() -> None:
    offered = investigator().tools
    assert [tool.name for tool in offered] == list(TOOLS)
    assert offered == investigator().tools
    for tool in offered:
        schema: Any = tool.input_schema
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= set(schema["properties"])
        assert all(len(field["description"]) > 10 and field["type"] in {"string", "integer", "boolean"}
                   for field in schema["properties"].values())
        assert "$" not in str(schema)


# Reading code


def test_what_was_read_can_be_cited() -> None:
    code = code_at()
    text = call(investigator(code), "read_code", path="app/main.py").text
    citation = find_code(read_shown(text), "app/main.py", "broker.connect()")
    assert citation is not None
    assert (citation.line, citation.commit) == (5, SHA)
    assert check_citation(citation, Snapshot(()), code).holds
    assert code.shown == ("app/main.py",)


def test_a_range_of_lines() -> None:
    (item,) = read_shown(told("read_code", path="app/broker.py", first_line=10, last_line=12)).items
    assert item.ref == "app/broker.py:10"
    assert item.text == "10| value_10 = 10\n11| value_11 = 11\n12| value_12 = 12"


def test_a_long_file_is_head_and_tail_and_can_be_read_on() -> None:
    text = told("read_code", path="app/broker.py")
    head, tail = read_shown(text).items
    assert head.text.startswith("   1| value_1 = 1\n")
    assert tail.text.endswith("2000| value_2000 = 2000")
    seen = head.text.count("\n") + 1
    assert f"read on with first_line {seen + 1}." in text
    assert 150 < seen + tail.text.count("\n") + 1 <= 250
    lines = set()
    first = 1
    for _ in range(40):
        item = read_shown(told("read_code", path="app/broker.py", first_line=first)).items[0]
        lines |= {int(row.partition("|")[0]) for row in item.text.split("\n")}
        first = max(lines) + 1
        if first > 2_000:
            break
    assert lines == set(range(1, 2_001))


def test_a_wide_line_is_cut_and_what_is_left_can_be_cited() -> None:
    text = told("read_code", path="wide.js")
    assert "Of longer lines" in text
    assert "[…]" in text
    code = code_at()
    found = find_code(read_shown(call(investigator(code), "search_code", text="needle").text), "wide.js", "xneedley")
    assert found is not None
    assert check_citation(found, Snapshot(()), code).holds


@pytest.mark.parametrize(("given", "says"), [
    ({"path": ".env"}, "environment"), ({"path": "app"}, "folder"), ({"path": "../x"}, "plain path"),
    ({"path": "app/main.py", "first_line": 6}, "no such lines: the file has 5"),
    ({"path": "app/main.py", "first_line": 3, "last_line": 2}, "no such lines"),
    ({"path": "app/main.py", "first_line": 0}, "wrong or missing: first_line"),
    ({"path": "app/main.py", "first_line": True}, "wrong or missing: first_line"),
    ({"path": "app/main.py", "first_line": 10**30}, "no such lines"), ({"path": 7}, "wrong or missing: path"),
    ({}, "wrong or missing: path"), ({"path": "app/main.py", "ignore all": 1}, "an unknown property"),
    ({"path": "app/main.py", "last_line": "5"}, "wrong or missing: last_line"),
], ids=lambda value: ascii(value)[:50])
def test_refusals_of_read_code(given: dict[str, JsonValue], says: str) -> None:
    assert says in refused("read_code", **given)


def test_a_number_of_any_size() -> None:
    result = investigator().call(ToolCall.model_construct(
        id="1", name="read_code", input={"path": "app/main.py", "first_line": 10**5000, "last_line": 10**5000}))
    assert result.refused
    assert investigator().call(ToolCall.model_construct(
        id="1", name="read_entries", input={"insert_id": "id-60", "offset": 10**5000})).refused


def test_null_means_left_out() -> None:
    assert told("read_code", path="app/main.py", first_line=None) == told("read_code", path="app/main.py")
    assert told("read_code", path="empty.py") == "The file is empty."


def test_search_names_each_place() -> None:
    code = code_at()
    text = call(investigator(code), "search_code", text="BROKER").text
    assert text.startswith("2 hits, sought in 305 files.")
    pack = read_shown(text)
    assert [item.ref for item in pack.items] == ["app/main.py:1"]
    assert pack.items[0].text == "1| import broker\n5|     broker.connect()"
    assert code.shown == ("app/main.py",)
    assert told("search_code", text="BROKER", case_sensitive=True) == "No hits, sought in 305 files."
    assert told("search_code", text="broker", folder="many").startswith("No hits, sought in 300 files")


def test_many_hits_are_head_and_tail() -> None:
    code = code_at()
    text = call(investigator(code), "search_code", text="common").text
    assert text.startswith("900 hits, sought in 305 files; ")
    assert "narrow with `folder`" in text
    paths = [item.ref.rpartition(":")[0] for item in read_shown(text).items]
    assert paths[0] == "many/file_000.py"
    assert paths[-1] == "many/file_299.py"
    assert code.shown == tuple(sorted(set(paths))), "only what was shown counts as shown"


def test_nothing_is_found_in_what_is_not_shown() -> None:
    assert "1 hit," in told("search_code", text="needle")
    assert told("search_code", text="KEY=").startswith("No hits")


@pytest.mark.parametrize("given", [
    {"text": "a\nb"}, {"text": "  "}, {"text": "a"}, {"text": ""}, {"text": "x" * 201}, {"text": "\ud800\ud800"},
    {"text": "run", "folder": "nowhere"}, {"text": "run", "folder": "/"}, {"text": "run", "folder": ".."},
    {"text": "run", "folder": "/etc"}, {"text": "run", "case_sensitive": 1},
], ids=lambda value: ascii(value)[:50])
def test_refusals_of_search_code(given: dict[str, JsonValue]) -> None:
    refused("search_code", **given)


def test_files_are_listed_by_folder() -> None:
    text = told("list_files")
    assert "many/ (300 files)" in text
    assert "app/ (2 files)" in text
    assert ".env" not in text
    assert "app/broker.py\napp/main.py" in told("list_files", folder="app")
    assert told("list_files", folder="./app/") == told("list_files", folder="app")
    assert told("list_files", folder=".") == text
    many = told("list_files", folder="many")
    assert "many/file_000.py" in many
    assert "many/file_299.py" in many
    assert "100 of these lines are left out" in many


# Reading the log


def test_an_entry_can_be_cited() -> None:
    pack = read_shown(told("read_entries", insert_id="id-7"))
    citation = find_log(pack, "broker lost after 7 ms")
    assert citation is not None
    assert citation.insert_id == "id-7"
    assert check_citation(citation, Snapshot(ENTRIES), None).holds
    assert pack.items[0].time == "2026-02-02T02:40:07Z"
    assert pack.items[0].origin == "ERROR, service router, revision router-7, instance 1bcdef012345"


def test_entries_keep_the_name_that_the_pack_gave_them() -> None:
    assert read_shown(told("read_entries", insert_id="id-3")).items[0].id == "E4"
    names = [read_shown(told("read_entries", insert_id=f"id-{number}")).items[0].id for number in range(20)]
    assert len(set(names)) == 20


@pytest.mark.parametrize(("given", "ids"), [
    ({"trace": f"{2:032x}", "until": "2026-02-02T02:40:12Z"}, ["id-2", "id-7", "id-12"]),
    ({"trace": f"projects/p/traces/{2:032x}", "until": "2026-02-02T02:40:02Z"}, ["id-2"]),
    ({"instance": "1bcdef01", "since": "2026-02-02T02:40:56Z"}, ["id-58"]),
    ({"instance": "short"}, ["id-63"]),
    ({"group": GROUP, "since": "2026-02-02T02:40:08Z", "until": "2026-02-02T02:40:09Z"}, ["id-8", "id-9"]),
    ({"group": "v1-0123456789abcdef", "until": "2026-02-02T03:40:00+01:00"}, ["id-0"]),
    ({"since": "2026-02-02T02:41:02Z"}, ["id-62", "id-63"]),
], ids=lambda value: ascii(value)[:60])
def test_entries_by_what_is_asked(given: dict[str, JsonValue], ids: list[str]) -> None:
    assert [item.ref for item in read_shown(told("read_entries", **given)).items] == ids


def test_many_entries_are_head_and_tail_and_can_be_read_on() -> None:
    text = told("read_entries", group=GROUP, most=10)
    assert text.startswith("60 entries in time order; 10 shown, the first 7 and the last 3: read on with since "
                           "2026-02-02T02:40:07Z.")
    assert [item.ref for item in read_shown(text).items] == [f"id-{n}" for n in (0, 1, 2, 3, 4, 5, 6, 57, 58, 59)]


def test_a_long_text_is_head_and_tail_and_can_be_read_on() -> None:
    text = told("read_entries", insert_id="id-60")
    shown = read_shown(text).items[0].text
    assert shown.startswith("head middle")
    assert shown.endswith("tail")
    whole, at = "", 0
    for _ in range(20):
        part = told("read_entries", insert_id="id-60", offset=at) if at else ""
        if part:
            whole += read_shown(part).items[0].text
            at = len(ENTRIES[60].text) if "That is its end" in part else int(part.split("offset ")[1].split(".")[0])
        else:
            at = int(text.rpartition("offset ")[2].split(".")[0])
            whole = shown[:at]
        if at == len(ENTRIES[60].text):
            break
    assert whole == ENTRIES[60].text


@pytest.mark.parametrize("given", [
    {"insert_id": "none"}, {"offset": 3}, {"insert_id": "id-60", "offset": 10**30},
    {"insert_id": "id-62", "offset": 1},
    {"group": "v2-ffffffffffffffff"}, {"group": "x"}, {"since": "yesterday"}, {"since": "2026-13-02T02:40:07Z"},
    {"until": "9999-12-31T23:59:59"}, {"instance": "1"}, {"most": 0}, {"most": 101}, {"most": 1.0}, {"trace": "x"},
    {"trace": ["x"]}, {"since": "2027-01-01T00:00:00Z"}, {"insert_id": "\ud800"}, {"insert_id": {"a": 1}},
], ids=lambda value: ascii(value)[:50])
def test_refusals_of_read_entries(given: dict[str, JsonValue]) -> None:
    refused("read_entries", **given)


def test_left_out() -> None:
    text = told("list_left_out")
    assert "The snapshot holds 64 entries; the pack leaves out 63 of them." in text
    assert "app/broker.py: 2000 lines." in text
    assert f"{GROUP}: 60 entries: broker lost" in text
    assert f"projects/p/traces/{0:032x}: 12 entries" in text
    assert "0bcdef0123456789: 20 entries" in text


# Without what they need


@pytest.mark.parametrize("name", ["search_code", "read_code", "list_files", "git_log", "git_blame"])
def test_without_code_nothing_of_it_is_told(name: str) -> None:
    tools = Investigator(None, None, ENTRIES, GROUPS, PACK, lambda text: text)
    given: dict[str, dict[str, JsonValue]] = {
        "search_code": {"text": "run"}, "read_code": {"path": "a.py"}, "list_files": {}, "git_log": {"path": "a.py"},
        "git_blame": {"path": "a.py", "first_line": 1, "last_line": 1},
    }
    result = call(tools, name, **given[name])
    assert result.refused
    assert "is not known" in result.text


def test_without_a_repository_there_is_no_history() -> None:
    assert "no git repository" in refused("git_log", path="app/main.py")
    assert "no git repository" in refused("git_blame", path="app/main.py", first_line=1, last_line=1)


def test_an_empty_log() -> None:
    tools = Investigator(None, None, (), (), EvidencePack(commit=None, items=()), lambda text: text)
    assert call(tools, "read_entries").refused
    assert "holds 0 entries" in call(tools, "list_left_out").text


def test_an_unknown_tool() -> None:
    for name in ("bash", "", "READ_CODE", "\ud800", "read_code\n"):
        result = call(investigator(), name)
        assert result.refused
        assert "There is no such tool" in result.text


# Anything at all

WORDS = st.sampled_from([
    "app/main.py", "app/broker.py", "hidden.py", "wide.js", ".env", "app", "many", ".", "", "common", "value_1",
    "id-60", "id-61", "id-3", GROUP, "projects/p/traces/" + "0" * 32, "0bcdef01", "2026-02-02T02:40:12Z",
    "../../etc/passwd", "<<<data", "\ud800", "\0", "data 0000000000000000>>>",
])
SCALARS: st.SearchStrategy[JsonValue] = st.one_of(
    WORDS, st.text(max_size=30), st.integers(), st.sampled_from([0, 1, 2, 40, 100, 250, 2_000, 10**30, -1]),
    st.booleans(), st.none(), st.floats(),
)
ANYTHING: st.SearchStrategy[JsonValue] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
KEYS = sorted({name for tool in TOOLS.values() for name in tool.takes.model_fields})
INPUTS = st.one_of(
    st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=5),
    st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=8), st.just("\ud800")), ANYTHING, max_size=4),
)
TOOLBOX = investigator()


@pytest.mark.parametrize("name", list(TOOLS))
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_input_is_answered(name: str, data: st.DataObject) -> None:
    fields = TOOLS[name].takes.model_fields
    apt = st.fixed_dictionaries(
        {key: WORDS if field.annotation is str else st.integers(0, 400) for key, field in fields.items()
         if field.is_required()},
        optional={key: WORDS if field.annotation is str else st.integers(0, 100_000) for key, field in fields.items()
                  if not field.is_required() and field.annotation is not bool},
    )
    given_input: Any = data.draw(st.one_of(INPUTS, apt))
    result = TOOLBOX.call(ToolCall.model_construct(id="call-1", name=name, input=given_input))
    assert result == TOOLBOX.call(ToolCall.model_construct(id="call-1", name=name, input=given_input))
    assert len(result.text) <= MOST_RESULT
    assert visible(result.text) == result.text
    if result.refused:
        assert "\n" not in result.text
    for item in read_shown(result.text).items:
        assert item.ref


@given(st.text(max_size=600), st.integers(0, 700))
def test_cut_text_fits(text: str, room: int) -> None:
    count = fitting(text, room)
    assert len(visible(text[:count])) <= room
    assert count == len(text) or len(visible(text[:count + 1])) > room
    last = fitting_end(text, room)
    assert len(visible(text[len(text) - last:])) <= room
    assert len(visible(clipped(text.replace("\n", " "), room))) <= 412


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(60, 400), st.integers(1, 40))
def test_head_and_tail_fit(sizes: list[int], room: int, most: int) -> None:
    head, tail = head_and_tail(sizes, room, most)
    assert head + tail <= min(most, len(sizes))
    assert sum(sizes[:head]) + sum(sizes[len(sizes) - tail:]) <= room
    assert head or not sizes or sizes[0] > room * 3 // 4
