"""The cycles of a run as a picture: which worked on which incident, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bot.domain.record import CycleEnd
from bot.reports.mermaid.labels import block, label

if TYPE_CHECKING:
    # Its texts are escaped by what asks the grammar of these pictures.
    from bot.reports.run_lines import CycleLine

_NAME = 90


def run_picture(lines: Sequence[CycleLine]) -> str:
    """Each incident with the cycles on it, in their order, and how each stands; empty where none was found.

    A thick line is a fix that was proposed.
    """
    found = [line for line in lines if line.incident_fingerprint]
    return block(_lines(found)) if found else ""


def _lines(lines: Sequence[CycleLine]) -> Iterator[str]:
    yield "flowchart LR"
    yield "    accTitle: The cycles of the run by incident"
    last: dict[str, str] = {}
    for line in lines:
        name = f"c{line.number}"
        if line.incident_fingerprint not in last:
            incident = f"i{len(last) + 1}"
            last[line.incident_fingerprint] = incident
            yield f'    {incident}["{label(line.incident, _NAME)}"]'
        yield f'    {name}(["Cycle {line.number}: {label(line.state)}"])'
        arrow = "==>" if line.state == CycleEnd.FIX_PROPOSED else "-->"
        yield f"    {last[line.incident_fingerprint]} {arrow} {name}"
        last[line.incident_fingerprint] = name
