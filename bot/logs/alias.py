"""Rare groups that read like a frequent one, so that lists can show them with it. Nothing is decided by it.

A fingerprint is a function of one entry; what reads alike can be seen only beside the others. So this looks at all
groups at once, and its answer may differ from log to log: it is never stored as an identity. Failures are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from bot.domain.base import Fingerprint
from bot.domain.logs import GroupKind, Severity
from bot.logs.masking import ANY, is_state

LEAST_WORDS = 4
"""Words that two messages must share: shorter ones say too little for one word of them to be beside the point."""
LEAST_RATIO = 2
"""How many times as frequent a group must be as one that is shown with it."""
MOST_WORDS = 60
"""Longer messages are not compared."""


class Template(msgspec.Struct, frozen=True, gc=False):
    """A group as far as it matters here: `text` is its masked message, `severity` the highest in it."""

    fingerprint: Fingerprint
    service: str
    text: str
    severity: Severity
    kind: GroupKind
    count: int


_Place = tuple[str, Severity, tuple[str, ...], int]
"""Service, severity, the words of a message with one of them blank, and which."""


def aliases(groups: Iterable[Template]) -> Mapping[Fingerprint, Fingerprint]:
    """For each rare look-alike the fingerprint of the group to show it with, which is itself shown as it is.

    A group is shown with one that has a masked value where it has a word of its own, of the same form around it, and
    is alike in every other word: `chart(north) failed` with `chart(<*>) failed`. Both are messages of one service and
    one severity. Severity ERROR and above, tracebacks and requests are never part of it; nor is a word that tells a
    state. Of several the most frequent is taken. The order of the groups does not matter.
    """
    fit = {
        group.fingerprint: (group, tuple(group.text.split()))
        for group in groups
        if group.kind is GroupKind.MESSAGE and group.severity.rank < Severity.ERROR.rank
    }
    frequent: dict[_Place, Template] = {}
    for group, words in fit.values():
        for place in _places(group, words, masked=True):
            other = frequent.get(place)
            if other is None or _rank(group) > _rank(other):
                frequent[place] = group
    shown: dict[Fingerprint, Fingerprint] = {}
    for group, words in fit.values():
        best: Template | None = None
        for place in _places(group, words, masked=False):
            other = frequent.get(place)
            if other is None or other.count < LEAST_RATIO * group.count or (best and _rank(other) <= _rank(best)):
                continue
            if _fits(words[place[3]], fit[other.fingerprint][1][place[3]]):
                best = other
        if best is not None:
            shown[group.fingerprint] = best.fingerprint
    return {fingerprint: _last(shown, fingerprint) for fingerprint in shown}


def _places(group: Template, words: tuple[str, ...], *, masked: bool) -> Iterable[_Place]:
    """The message with each word in turn blank, if it is masked or if it is not; the first word always counts."""
    if not LEAST_WORDS < len(words) <= MOST_WORDS:
        return
    for index, word in enumerate(words):
        if index and (ANY in word or not masked):
            yield group.service, group.severity, (*words[:index], "", *words[index + 1 :]), index


def _rank(group: Template) -> tuple[int, Fingerprint]:
    return group.count, group.fingerprint


def _fits(word: str, form: str) -> bool:
    """Whether a word is one of the form, which has a masked value in it, and tells no state."""
    before, _, after = form.partition(ANY)[0], ANY, form.rpartition(ANY)[2]
    value = word[len(before) : len(word) - len(after)]
    return word != form and bool(value) and word.startswith(before) and word.endswith(after) and not is_state(value)


def _last(shown: Mapping[Fingerprint, Fingerprint], fingerprint: Fingerprint) -> Fingerprint:
    """The end of a chain of groups, each shown with a more frequent one."""
    while fingerprint in shown:
        fingerprint = shown[fingerprint]
    return fingerprint
