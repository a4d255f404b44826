"""Output that cannot be written, misuse and Ctrl-C: each ends in its own way, none as a bug."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import BOT, Said, bot, environment

FULL = Path("/dev/full")
COMMANDS = ["status", "status --json", "init --print", "--version", "--help", "doctor --demo",
            "logs --focus errors --logs demo", "logs --focus errors --logs demo --json"]


def in_shell(line: str, cwd: Path) -> Said:
    """Run a line in which `bot` is the command, by a shell that starts the command with closed streams, too."""
    bash = f'bot() {{ "{BOT[0]}" -m bot.cli "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", bash], cwd=cwd, env=environment(HOME=str(cwd)), capture_output=True, timeout=120, check=False)
    said = Said(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in said.err, said.err
    assert "Exception ignored" not in said.err, said.err
    assert "bug" not in said.err, said.err
    return said


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: text.replace(" ", "_"))
def test_a_full_disk_is_named(command: str, tmp_path: Path) -> None:
    said = in_shell(f"bot {command} >/dev/full", tmp_path)
    assert said.code == 3
    assert said.err.count("Standard output cannot be written: No space left on device.\n") == 1
    assert len([line for line in said.err.splitlines() if not line.startswith("logs: ")]) == 2


@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: text.replace(" ", "_"))
def test_a_closed_output_is_named(command: str, tmp_path: Path) -> None:
    said = in_shell(f"bot {command} >&-", tmp_path)
    assert said.code == 3
    assert "Standard output cannot be written: it is closed.\n" in said.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: text.replace(" ", "_"))
def test_a_reader_that_is_gone_ends_it_in_silence(command: str, tmp_path: Path) -> None:
    # The reader is gone before the command begins to write.
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*BOT, *command.split()], cwd=tmp_path, env=environment(HOME=str(tmp_path)), stdout=write,
        stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    os.close(write)
    assert done.returncode == 130
    assert [line for line in done.stderr.splitlines() if not line.startswith("logs: ")] == []


def test_an_error_keeps_its_code_where_its_document_cannot_be_written(tmp_path: Path) -> None:
    said = in_shell("bot recheck nowhere --json >&-", tmp_path)
    assert said.code == 7
    assert "There is no readable record in nowhere" in said.err
    assert "Standard output cannot be written" in said.err


@pytest.mark.parametrize("stream", ["/dev/full", "&-"])
def test_a_lost_standard_error_stops_nothing(stream: str, tmp_path: Path) -> None:
    if stream == "/dev/full" and not FULL.exists():
        pytest.skip("there is no /dev/full")
    said = in_shell(f"bot logs --focus errors --logs demo --json 2>{stream}", tmp_path)
    assert said.code == 0
    assert json.loads(said.out)["schema"] == "whybot/logs/1"
    failed = in_shell(f"bot recheck nowhere --json 2>{stream}", tmp_path)
    assert failed.code == 7
    assert json.loads(failed.out)["family"] == "record"


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """Files that a command opens get the lowest free numbers; a subprocess would write its output into them."""
    code = "import os, sys; from bot.output import Output\nwith Output(): sys.exit(os.open('made', os.O_CREAT) > 2)"
    done = subprocess.run(["bash", "-c", f'"{sys.executable}" -c "$0" <&- >&- 2>&-', code], cwd=tmp_path,
                          env=environment(), check=False, timeout=60)
    assert done.returncode == 1


def test_an_output_that_takes_nothing_just_now_is_waited_for() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    code = "from bot.output import Output\nwith Output() as out: print('x' * 300_000); out.finish()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=write, env=environment()) as process:
        os.close(write)
        with os.fdopen(read, "rb") as stream:
            assert len(stream.read()) == 300_001
        assert process.wait(60) == 0


# With --json, one document, whatever happens

@pytest.mark.parametrize(("command", "what"), [
    ("recheck --json", "Missing argument"),
    ("recheck --nope --json", "No such option"),
    ("cycle --json", "Missing option"),
    ("nosuch --json", "No such command"),
    ("logs --focus errors --top none --json", "Invalid value"),
], ids=lambda text: text.replace(" ", "_"))
def test_misuse_is_a_document_too(command: str, what: str, tmp_path: Path) -> None:
    said = bot(*command.split(), cwd=tmp_path)
    document = said.json()
    assert said.code == 2
    assert (document["schema"], document["family"], document["exit_code"]) == ("whybot/error/1", "usage", 2)
    assert what in str(document["what"])
    assert what in said.err
    plain = bot(*[word for word in command.split() if word != "--json"], cwd=tmp_path)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err == said.err
    assert list(tmp_path.iterdir()) == []


def test_misuse_prints_no_workflow_command(tmp_path: Path) -> None:
    said = bot("recheck", "--x\n::add-mask::secret ##[error]", cwd=tmp_path)
    assert said.code == 2
    assert "add-mask" in said.err
    assert not [line for line in said.err.splitlines() if line.startswith("::") or "##[" in line]


def interrupted(*command: str, cwd: Path, after: str) -> Said:
    """Press Ctrl-C as soon as a line of standard error starts with `after`."""
    # Where the tests run in the background, SIGINT may be ignored, and a child inherits that.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom bot.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *command], cwd=cwd, env=environment(HOME=str(cwd)), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:
        assert process.stderr is not None
        seen = list(_until(process.stderr, after))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return Said(process.returncode, out, "".join(seen) + err)


def _until(lines: Iterator[str], start: str) -> Iterator[str]:
    for line in lines:
        yield line
        if line.startswith(start):
            return


@pytest.mark.parametrize(("command", "after", "remedy"), [
    (("logs", "--focus", "errors", "--logs", "file:-"), "logs: ", "Start it again."),
    (("cycle", "--focus", "message-routing", "--demo"), "retrieve: ", "`bot resume` goes on where it was."),
], ids=["logs", "cycle"])
def test_ctrl_c(command: tuple[str, ...], after: str, remedy: str, tmp_path: Path) -> None:
    said = interrupted(*command, "--json", cwd=tmp_path, after=after)
    assert said.code == 130, said.everything
    assert said.json() == {
        "schema": "whybot/error/1", "family": "interrupted", "exit_code": 130, "what": "It was interrupted.",
        "remedy": remedy,
    }
    assert said.err.count("bot: interrupted.") == 1
    plain = interrupted(*command, cwd=tmp_path, after=after)
    assert (plain.code, plain.out) == (130, "")
