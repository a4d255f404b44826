"""A new capture, from real processes, yields the incident that the committed log holds."""

from __future__ import annotations

import asyncio
import gzip
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from bot.config import PRESETS
from bot.demo import logs_path
from bot.demo.capture import SHORT, capture, write
from bot.domain.logs import Incident
from bot.logs.entries import entry_from_json
from bot.logs.ranking import rank
from tests.fakes.log_lines import analysed


def winner(lines: Iterable[bytes]) -> Incident:
    selection = rank(analysed(map(entry_from_json, lines), PRESETS["message-routing"]).incidents, {})
    assert selection.winner is not None
    return selection.winner.incident


def frames(incident: Incident) -> list[tuple[str, str]]:
    exception = next(group.exceptions[0] for group in incident.groups if group.exceptions)
    return [(frame.path, frame.function) for frame in exception.frames if frame.in_app]


@pytest.mark.slow
def test_a_new_capture_yields_the_same_incident(tmp_path: Path) -> None:
    write(asyncio.run(capture(SHORT)), tmp_path / "new.ndjson")

    text = (tmp_path / "new.ndjson").read_text()
    assert set(re.findall(r'File \\"(/[^/]+/[^/]+)', text)) <= {"/app/router", "/usr/local"}
    assert tempfile.gettempdir() not in text
    new = winner((tmp_path / "new.ndjson").read_bytes().splitlines())
    committed = winner(gzip.decompress(logs_path().read_bytes()).splitlines())

    assert new.fingerprint == committed.fingerprint
    assert new.root.type == committed.root.type
    assert frames(new) == frames(committed)
    assert new.commits == committed.commits
    assert 1 <= len(new.instances) <= SHORT.slow
