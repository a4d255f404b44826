from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from bot import cli
from bot.progress import LiveProgress, PlainProgress, harmless, harmless_lines, say_json, say_table
from bot.setting_up import run_doctor

HOSTILE = (
    "::add-mask::x", "  ::error file=a::b", "\u00a0::set-output name=x::y", "\u3000::debug::x", "foo ##[error]x",
    "##[group]x", "####[x", ":::", "::::", "a\n::add-mask::x\n\t::x", "\r::error::x", "\u2060::x", "[/x]", ":bug:",
)
hostile = st.one_of(st.sampled_from(HOSTILE), st.lists(st.sampled_from((*HOSTILE, " ", "\n", "word"))).map("".join),
                    st.text(alphabet=" \t\n\r\u00a0\u2028:#[a\u2060", max_size=40))
# As the runner reads it: cut at any line end, trimmed, `::` at the start or `##[` anywhere.
LINE_ENDS = re.compile("\r\n|\r|\n")


def commands_in(output: str) -> list[str]:
    return [line for line in LINE_ENDS.split(output) if line.lstrip().startswith("::") or "##[" in line]


@given(hostile)
@example("foo ##[error]x")
def test_no_workflow_command_survives(text: str) -> None:
    assert not commands_in(harmless(text))
    assert not commands_in(harmless_lines(text))
    assert "\n" not in harmless(text)


def test_what_is_no_command_stays() -> None:
    assert harmless("a::b  c ## [x]") == "a::b c ## [x]"
    assert harmless_lines("  tests/a.py::test  \n\n    x") == "  tests/a.py::test\n\n    x"
    assert harmless("::add-mask::x") == ":\u2060:add-mask::x"
    assert harmless("foo ##[error]x") == "foo ##\u2060[error]x"


@given(hostile, st.integers(8, 40))
def test_a_wrapped_table_holds_no_command(text: str, width: int) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    table.add_row("", "some words " + harmless(text))
    table.add_row(harmless(text), "")
    with pytest.MonkeyPatch.context() as patch:
        stream = io.StringIO()
        patch.setattr("sys.stdout", stream)
        say_table(table, width)
    assert not commands_in(stream.getvalue())
    assert all(line == line.rstrip() for line in stream.getvalue().split("\n"))


def test_a_word_that_a_table_wraps_to_the_start_of_a_line_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_row("said: ::add-mask::secret")
    say_table(table, 20)
    assert capsys.readouterr().out == "said:\n:\u2060:add-mask::secret\n"


@given(hostile)
def test_json_stays_json_and_holds_no_command(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stream = io.StringIO()
        patch.setattr("sys.stdout", stream)
        say_json({"text": text, text: [text], "list": [1]})
    assert json.loads(stream.getvalue()) == {"text": text, text: [text], "list": [1]}
    assert not commands_in(stream.getvalue())


@given(hostile)
def test_plain_progress_holds_no_command(text: str) -> None:
    stream = io.StringIO()
    with PlainProgress(stream) as progress:
        progress.step_began(text, text, 2)
        progress.note(text)
        progress.step_ended(text, text, 1.0, "go")
    assert not commands_in(stream.getvalue())
    assert stream.getvalue().count("\n") == 3


def test_an_error_holds_no_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                   tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["bot", "cycle", "--focus", "x\n::add-mask::y ##[error]z\x1b[2J"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code not in (0, 70)
    assert "add-mask" in said
    assert not commands_in(said)
    assert "\x1b" not in said


def test_the_doctor_takes_words_for_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                          tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    config = '[repository]\nname = "acme/shop"\npath = "[/x]:bug:[red]"\n'
    (tmp_path / "bot.toml").write_text(config, encoding="utf-8")
    assert run_doctor(demo=False, state=tmp_path / ".bot", config=None, json=False) == 1
    assert "[/x]:bug:[red]" in "".join(capsys.readouterr().out.split())


def test_a_running_step_shows_its_time() -> None:
    now = [0.0]
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60, get_time=lambda: now[0], color_system=None)
    with LiveProgress(console) as progress:
        progress.step_began("plan", "Plan the [/tests]", 2)
        now[0] = 83.0
        progress.note("asking ::add-mask::x " + "y" * 80)
    shown = stream.getvalue()
    assert "Plan the [/tests] (attempt 2)" in shown
    assert "0:00:00" in shown
    assert "0:01:23" in shown


def test_a_line_that_stays_is_one_line() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=30, color_system=None)
    with LiveProgress(console) as progress:
        progress.step_ended("plan", "words ::add-mask::x [/x] " + "y" * 80, 2.0, "go")
        progress.note("::add-mask::x ##[error]")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "ok  plan" in lines[0]
    assert not commands_in(stream.getvalue())
