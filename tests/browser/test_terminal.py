"""The terminal of which the README's pictures are made."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from tests.browser.terminal import COLUMNS, Terminal

SAYS = r"""
import shutil, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("bye\n" * 100_000))
sys.stdout.write("first\nsecond\r\x1b[2K\x1b[32mok\x1b[0m  <b>&\x1b[1A\rFIRST\x1b[1B\n")
print(shutil.get_terminal_size().columns, flush=True)
if len(sys.argv) > 1:
    # Who is stopped has more to say than a terminal holds.
    time.sleep(60)
"""


def test_what_was_written_over_is_gone_and_colours_are_kept(tmp_path: Path) -> None:
    with Terminal((sys.executable, "-c", SAYS), tmp_path, {}) as terminal:
        assert terminal.until() == f"FIRST\nok  <b>&\n{COLUMNS}"
        picture = terminal.svg("a <title>")
    texts = list(Xml.fromstring(picture).iter("{http://www.w3.org/2000/svg}text"))
    assert [one.text for one in texts] == ["a <title>", "FIRST", "ok", "<b>&", str(COLUMNS)]
    assert texts[2].get("fill") not in {None, texts[1].get("fill")}
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_a_command_that_goes_on_is_looked_at_and_stopped(tmp_path: Path) -> None:
    with Terminal((sys.executable, "-c", SAYS, "stay"), tmp_path, {}) as terminal:
        assert "FIRST" in terminal.until(rf"^{COLUMNS}$")
    with (
        Terminal((sys.executable, "-c", SAYS), tmp_path, {}) as terminal,
        pytest.raises(AssertionError, match="without 'never'"),
    ):
        terminal.until("never")
