"""`bot status` on a real terminal while a cycle runs, and as a table everywhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.adapters.directory_store import DirectoryStore
from bot.domain.record import CycleRecord, CycleStatus, StepRecord, StepStatus
from tests.e2e.command import BOT, bot, environment
from tests.unit.whole_records import plainly, whole

WHOLE = whole(plainly)
RUN = WHOLE.ref.run
_MAIN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom bot.cli import main; main()"
"""Where the tests run in the background, SIGINT may be ignored, and a child inherits that."""
_CSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def until(step: str) -> CycleRecord:
    """The cycle as it was when that step ran."""
    at = next(number for number, one in enumerate(WHOLE.steps) if one.step == step)
    running = StepRecord(step=step, attempt=WHOLE.steps[at].attempt, status=StepStatus.RUNNING,
                         started_at=WHOLE.steps[at].started_at)
    return WHOLE.model_copy(update={
        "steps": (*WHOLE.steps[:at], running), "status": CycleStatus.RUNNING, "end": None, "version": 0,
    })


class Terminal:
    """A command on a pseudo-terminal, of which the newest screen is kept."""

    def __init__(self, *arguments: str, cwd: Path, rows: int, columns: int, **env: str) -> None:
        self._end, slave = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            [BOT[0], "-c", _MAIN, *arguments], cwd=cwd, env=environment(**{"TERM": "xterm-256color", **env}),
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )
        os.close(slave)
        self.written = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def screen(self) -> list[str]:
        """The last whole picture: each begins at the upper left corner."""
        return [line.rstrip() for line in _CSI.sub("", self.written.split("\x1b[H")[-1]).split("\r\n")]

    def wait_for(self, text: str, since: int = 0, seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while text not in self.written[since:]:
            assert time.monotonic() < until, self.written
            self._read(0.2)

    def _read(self, seconds: float) -> bool:
        if select.select([self._end], [], [], seconds)[0]:
            try:
                content = os.read(self._end, 65536)
            except OSError:  # how Linux says that nobody has it open any more
                return False
            self.written += content.decode()
            return bool(content)
        return self.process.poll() is None

    def end(self) -> tuple[int, str]:
        """The exit code, and what stands on the terminal after the live view."""
        until = time.monotonic() + 30
        while self._read(0.2):
            assert time.monotonic() < until, self.written
        os.close(self._end)
        return self.process.wait(10), _CSI.sub("", self.written.rpartition("\x1b[?1049l")[2]).replace("\r\n", "\n")


@contextmanager
def cycle(state: Path, record: CycleRecord) -> Iterator[tuple[DirectoryStore, CycleRecord]]:
    """The state while a process works on it: this one."""
    store = DirectoryStore(state)
    with store.lock("bot cycle", 0):
        yield store, store.create(record)


def test_a_cycle_is_watched_to_its_end(tmp_path: Path) -> None:
    with cycle(tmp_path / ".bot", until("plan")) as (store, record):
        terminal = Terminal("status", cwd=tmp_path, rows=24, columns=100)
        terminal.wait_for("running: step 2,")
        terminal.wait_for("Ctrl-C leaves this view")
        assert "\x1b[?1049h" in terminal.written
        before = len(terminal.written)
        saved = store.save(until("audit").model_copy(update={"version": record.version}), record.version)
        terminal.wait_for("running: step 4,", before)
        terminal.wait_for("\x1b[H", len(terminal.written))
        terminal.resize(10, 48)
        before = len(terminal.written)
        terminal.wait_for("\x1b[H", before)
        before = len(terminal.written)
        terminal.wait_for("\x1b[H", before)
        screen = terminal.screen
        assert len(screen) <= 10
        assert max(map(len, screen)) <= 48
        assert any("audit" in line for line in screen), screen
        store.save(WHOLE.model_copy(update={"version": saved.version}), saved.version)
        code, left = terminal.end()
    assert code == 0
    assert "Traceback" not in terminal.written
    assert terminal.written.rindex("\x1b[?25h") > terminal.written.rindex("\x1b[?25l")
    assert f"ended: {WHOLE.end}" in left
    assert "Status log: .bot/" in " ".join(left.split())
    assert RUN in left


def test_leaving_the_view_stops_nothing(tmp_path: Path) -> None:
    with cycle(tmp_path / ".bot", until("audit")) as (store, record):
        terminal = Terminal("status", RUN, cwd=tmp_path, rows=30, columns=80, NO_COLOR="1")
        terminal.wait_for("Ctrl-C leaves this view")
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", terminal.written), "a colour"
        terminal.process.send_signal(signal.SIGINT)
        code, left = terminal.end()
        assert (code, store.load(record.ref)) == (0, record)
    assert "The cycle goes on. `bot status` shows it again." in left


def test_a_process_that_is_gone(tmp_path: Path) -> None:
    with cycle(tmp_path / ".bot", until("audit")):
        terminal = Terminal("status", cwd=tmp_path, rows=30, columns=80)
        terminal.wait_for("running: step 4,")
    code, left = terminal.end()
    assert code == 0
    assert "interrupted: step 4," in left
    assert "`bot resume` goes on where it was." in " ".join(left.split())


def test_the_table_on_a_terminal(tmp_path: Path) -> None:
    with cycle(tmp_path / ".bot", until("audit")):
        terminal = Terminal("status", "--once", cwd=tmp_path, rows=24, columns=80)
        code, left = terminal.end()
    assert code == 0
    assert "\x1b[?1049h" not in terminal.written
    assert "running: step 4" in left
    assert max(map(len, left.split("\n"))) <= 80


def test_the_table_elsewhere(tmp_path: Path) -> None:
    with cycle(tmp_path / ".bot", until("audit")):
        said = bot("status", cwd=tmp_path)
        one = bot("status", str(WHOLE.ref), cwd=tmp_path)
    assert (said.code, said.err, one.code, one.err) == (0, "", 0, "")
    assert "running: step 4" in said.out
    assert re.search(r"^running  4   audit ", one.out, re.MULTILINE), one.out
    gone = bot("status", RUN, cwd=tmp_path)
    assert re.search(r"^stopped  4   audit ", gone.out, re.MULTILINE), gone.out
    assert "`bot resume` goes on where it was." in gone.out
