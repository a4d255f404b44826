"""What every kind of effect is brought about with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.domain.config import PolicyConfig
from bot.domain.effects import CycleKey, IssueKey, Key, RecordedEffect
from bot.domain.errors import ForgeProblem
from bot.domain.publication import Scope
from bot.engine.publishing.links import Links, number_of
from bot.engine.publishing.region import Place, Said
from bot.engine.publishing.wording import Wording
from bot.ports import Forge


@dataclass(frozen=True)
class Means:
    """The forge, the rules and the words; `known` are all effects of the scope, those before with their receipts."""

    forge: Forge
    policy: PolicyConfig
    wording: Wording
    scope: Scope
    known: Sequence[RecordedEffect]

    @cached_property
    def find(self) -> Links:
        """What a body links to."""
        return Links(self.forge, self.scope, self.known, self.wording.record)

    def number(self, key: Key) -> int | None:
        """The forge's number for what was published under a key, if it was."""
        return number_of(key, self.known)

    def needed_number(self, key: Key) -> int:
        """The same; raises ForgeProblem when there is none yet."""
        number = self.number(key)
        if number is None:
            raise ForgeProblem(f"There is no number yet for {key}.", "Run `bot resume`; what it refers to comes first.")
        return number

    def body(self, place: Place, key: Key, text: str, said: Said | None = None, tail: str = "") -> str | None:
        """A whole body with `text` in the bot's part of it; None where people's text leaves no room.

        Only bodies of issues and pull requests say where people may write: nobody writes into a bot's comment.
        """
        room = place.room(self.wording.most_body)
        if not room:
            return None
        return place.filled(
            str(key), self.wording.body(text, room, self.find, tail), said,
            hint=isinstance(key, IssueKey) or (isinstance(key, CycleKey) and key.of == "pull_request"),
        )
