"""What a failure comes to that was joined from several entries."""

from __future__ import annotations

from collections.abc import Sequence

from bot.logs.forms import Groups, Shape
from bot.logs.joining import Piece
from bot.logs.origins import Origins
from bot.logs.refs import entries_at
from bot.ports import LogReading


class ChainShapes:
    """Finds the shape of a chain. The texts that pieces do not carry are had again once for each kind of chain."""

    def __init__(self, groups: Groups, origins: Origins, reading: LogReading) -> None:
        self._groups = groups
        self._origins = origins
        self._reading = reading
        self._known: dict[tuple[str | int, ...], Shape] = {}

    def of(self, parts: Sequence[Piece]) -> Shape:
        """The shape of the parts together. Raises RetrievalFailed when the log changed meanwhile."""
        forms = self._origins.all[parts[0].origin].forms
        if all(part.text or part.shape < 0 for part in parts):
            return forms.shape("\n".join(part.text for part in parts))
        key = tuple(part.text or part.shape for part in parts)
        shape = self._known.get(key)
        if shape is None:
            shape = self._known[key] = forms.shape("\n".join(map(self._text, parts)))
        return shape

    def _text(self, piece: Piece) -> str:
        if piece.text or piece.shape < 0:
            return piece.text
        return entries_at(self._reading, [piece.ref])[piece.ref].text
