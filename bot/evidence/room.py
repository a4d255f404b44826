"""The room in an evidence pack: what has been given a place so far, what found none, counted in tokens as shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from bot.domain.base import Sha, counted
from bot.domain.evidence import EvidenceItem, EvidencePack
from bot.domain.moments import rfc3339
from bot.domain.tokens import estimate_tokens
from bot.domain.visible import visible
from bot.evidence.shown import item_id, shown_item, shown_left_out

LEAST_TOKENS = 200
"""The least size of a pack: with less, not even what was left out could be said."""
MOST_ITEM_TOKENS = 2_700
"""Tokens of one log entry's text that are shown, and at most a quarter of the pack; of a longer one head and tail."""
_MOST_LEFT_OUT_TOKENS = 800
_MOST_REF_CHARS = 120
_TOOLS = {"log": "`read_entries`", "code": "`read_code`", "commit": "`git_log`"}
_NAMES = {"log": ("log entry", "log entries"), "code": ("piece of code", "pieces of code"),
          "commit": ("commit", "commits"), "finding": ("earlier finding", "earlier findings")}
_ORDER = ("log", "code", "commit", "finding")
_ANY_NUMBER = 9_999


class Wish(NamedTuple):
    """An item that wants a place. `at` is in nanoseconds since 1970, 0 for what has no time."""

    kind: str
    ref: str
    text: str
    at: int = 0
    origin: str = ""

    def item(self, number: int) -> EvidenceItem:
        """The item, as the `number`th of its kind."""
        time = rfc3339(self.at) if self.kind in ("log", "commit") else ""
        return EvidenceItem.model_validate({
            "id": item_id(self.kind, number), "kind": self.kind, "ref": self.ref, "time": time,
            "origin": self.origin, "text": self.text,
        })


class Room:
    """Takes items in order of rank as long as they fit: `show` of its pack has at most `most_tokens` by estimate.

    `tools` says that the model may look up by itself what was left out, so that the pack names the tool.
    """

    def __init__(self, most_tokens: int, commit: Sha | None, tools: bool) -> None:
        most = max(most_tokens, LEAST_TOKENS)
        self._commit = commit
        self._tools = tools
        self._for_left_out = min(_MOST_LEFT_OUT_TOKENS, most // 4)
        self.left = most - self._for_left_out
        self.most_item = min(MOST_ITEM_TOKENS, most // 4)
        self._wishes: list[Wish] = []
        self._refused: list[Wish] = []
        self._left_out: list[str] = []

    def take(self, wishes: Sequence[Wish], leaving: int = 0) -> None:
        """Give each a place that fits into what is left, less `leaving` tokens; note the others."""
        for wish in wishes:
            self.take_first([wish], leaving)

    def take_first(self, wishes: Sequence[Wish], leaving: int = 0) -> None:
        """Give the first that fits a place; where none does, the last found none."""
        for wish in wishes:
            if any(wish[:2] == other[:2] for other in self._wishes):
                return
            size = self.size(wish)
            if size <= self.left - max(0, leaving):
                self.left -= size
                self._wishes.append(wish)
                return
        self._refused += [wish for wish in wishes[-1:] if all(wish[:2] != other[:2] for other in self._refused)]

    def size(self, wish: Wish) -> int:
        """The tokens that an item takes as it is shown, at most."""
        return _tokens(shown_item(wish.item(_ANY_NUMBER), self._commit))

    def note(self, sentences: Sequence[str]) -> None:
        """Say that something was left out for another reason than its size, the most important first."""
        self._left_out += [text for text in sentences if text not in self._left_out]

    def by(self, tool: str) -> str:
        """A tail for a sentence: how the model gets what was left out."""
        return f" {tool} gives what is asked for." if self._tools else ""

    def covers(self, path: str, first: int, last: int) -> bool:
        """Whether lines of a file have a place already."""
        for wish in self._wishes:
            if wish.kind == "code" and wish.ref.rpartition(":")[0] == path:
                start = int(wish.ref.rpartition(":")[2])
                if start <= first and last < start + wish.text.count("\n") + 1:
                    return True
        return False

    def pack(self) -> EvidencePack:
        """The items, logs in time order with what went before after what failed, and what was left out."""
        places = {id(wish): place for place, wish in enumerate(self._wishes)}

        def order(wish: Wish) -> tuple[int, bool, int, str, int]:
            in_time = wish.kind == "log"
            return (_ORDER.index(wish.kind), in_time and wish.origin.startswith("context"), wish.at if in_time else 0,
                    wish.ref if in_time else "", places[id(wish)])

        numbers: Counter[str] = Counter()
        items: list[EvidenceItem] = []
        for wish in sorted(self._wishes, key=order):
            numbers[wish.kind] += 1
            items.append(wish.item(numbers[wish.kind]))
        return EvidencePack(commit=self._commit, items=tuple(items), left_out=self._said())

    def _said(self) -> tuple[str, ...]:
        said = [*self._sized(), *self._left_out]
        kept: list[str] = []
        for place, text in enumerate(said):
            rest = len(said) - place - 1
            tail = [f"And more, of {counted(rest, 'kind')}."] if rest else []
            if _tokens(shown_left_out([*kept, text, *tail])) > self._for_left_out:
                shorter = [*kept, f"And more, of {counted(rest + 1, 'kind')}."]
                return tuple(shorter if _tokens(shown_left_out(shorter)) <= self._for_left_out else kept)
            kept.append(text)
        return tuple(kept)

    def _sized(self) -> list[str]:
        """A sentence for each kind of which something found no room."""
        said = []
        for kind in _ORDER:
            refs = [_short(wish.ref) for wish in self._refused if wish.kind == kind]
            if refs:
                more = f" and {len(refs) - 5} more" if len(refs) > 5 else ""
                tool = self.by(_TOOLS[kind]) if kind in _TOOLS else ""
                said.append(f"For its size, {counted(len(refs), *_NAMES[kind])}: {', '.join(refs[:5])}{more}.{tool}")
        return said


def cut(text: str, most_tokens: int) -> str:
    """Return a text of at most `most_tokens` by estimate, as it is shown: of a longer one its head and tail."""
    if estimate_tokens(visible(text)) <= most_tokens:
        return text
    half = min(len(text) // 2, most_tokens * 3 // 2)
    while True:
        tail = text[len(text) - half:]
        shorter = f"{text[:half]}\n[… {len(text) - 2 * half} characters not shown …]\n{tail}"
        if half == 0 or estimate_tokens(visible(shorter)) <= most_tokens:
            return shorter
        half = half * 3 // 4


def _short(ref: str) -> str:
    return ref if len(ref) <= _MOST_REF_CHARS else f"{ref[:_MOST_REF_CHARS]}…"


def _tokens(block: str) -> int:
    """Tokens of a block of a prompt and of the empty line after it."""
    return estimate_tokens(f"{block}\n\n")
