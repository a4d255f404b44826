"""Checks the documents: each is rendered again from the record and compared line by line."""

from __future__ import annotations

from collections.abc import Iterator

from bot.recheck.comparing import by_line
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted
from bot.reports.documents import documents_of


def documents(material: Material) -> Iterator[Statement]:
    """Render every document that the record has the material for, and hold the stored one against it."""
    for name, again in documents_of(material.record, material.workflow):
        stored = material.text(name)
        if material.older:
            yield noted(name, f"it was rendered from a record of schema {material.schema}, so it may read otherwise")
        elif material.unread:
            yield noted(name, "the record cannot be read to its end")
        elif stored is None:
            yield judged(name, f"it {material.lacks(name)}")
        elif material.unsettled and stored != again:
            yield noted(name, "the cycle runs, was interrupted or given up: it may be ahead of the record")
        else:
            # What cannot be encoded is written as a question mark.
            yield from by_line(name, stored, again.encode("utf-8", "replace").decode())
