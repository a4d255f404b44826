"""Which kind of behaviour the name of a test claims, as far as its words tell. Pure, English alone, and cautious."""

from __future__ import annotations

import re
from enum import StrEnum

from bot.audit.vacuity.phrases import content, words


class Claim(StrEnum):
    """A behaviour that shows only in a state where it matters: with an item to leave out, a limit to reach."""

    EXCLUDES = "leaves something out"
    REJECTS = "rejects something"
    LIMITS = "keeps to a limit"
    ONCE = "does something once"
    ORDERS = "keeps an order"
    SURVIVES = "goes on after an error"
    EXPIRES = "depends on time"
    ATOMIC = "does all or nothing"
    ISOLATES = "keeps things apart"
    TOGETHER = "holds when much happens at the same time"
    APPLIES = "applies something"


_SAYS = {
    Claim.EXCLUDES: r"exclud\w*|skip(s|ped)|ignor(es|ed)|filter(s|ed)?( out)?|hid(es|den)|omit(s|ted)?|only|"
    r"suppress(es|ed)",
    Claim.REJECTS: r"reject(s|ed|ion)|refus(es|ed)|den(ies|ied)|forbid(s|den)|prevent(s|ed)?|block(s|ed)|"
    r"disallow(s|ed)",
    Claim.LIMITS: r"limit(s|ed|er|ing)?|caps?|capped|never exceeds?|exceed(s|ed)|throttl(es|ed|ing)|bounded",
    Claim.ONCE: r"idempoten\w*|duplicates?|deduplicat\w*|dedup(e|es|ed)?|twice|double|only once|exactly once",
    Claim.ORDERS: r"sort(s|ed)|ordered|ordering|in order|overtakes?|overtook|priorit\w+|(newest|oldest|latest) first",
    Claim.SURVIVES: r"retr(y|ies|ied)|recover(s|ed|y)?|surviv(es|ed)|resilien\w+|toler(ates|ated|ant)|reconnect(s|ed)?|"
    r"fails? ?over|falls? ?back",
    Claim.EXPIRES: r"expir(es|ed|y|ation)|ttl|stale|grace( period)?|times? out",
    Claim.ATOMIC: r"atomic(ally|ity)?|roll(s|ed)?[ -]?backs?|rollback|all or nothing|transactional",
    Claim.ISOLATES: r"isolat(es|ed|ion)|leak(s|ed)?|cross (user|tenant|talk)|contaminat\w+",
    Claim.TOGETHER: r"concurren(t|tly)|parallel|simultaneous(ly)?|thread[ -]?safe(ty)?|races?|race condition",
    Claim.APPLIES: r"appl(ies|ied)|honou?r(s|ed)|enforc(es|ed)|respect(s|ed)|takes effect",
}
_CLAIMS = {claim: re.compile(rf"\b({said})\b") for claim, said in _SAYS.items()}
_OTHERWISE = re.compile(
    r"\b(not|no|never|without|non|isnt|doesnt|dont|cant|nothing|disabled?|unlimited|off|below|within|inside|until|"
    r"under (the )?(limit|max|cap|rate|threshold|burst|quota)|defaults?|allow(s|ed)?|accept(s|ed)?|permit(s|ted)?|"
    r"valid|config(uration)?|settings?|init|repr|constructor|attributes?|exists?|flag|option|parser?|helper|unless|"
    r"despite)\b"
)
"""What turns a claim round, or makes the title one about something else."""

def claimed(name: str) -> tuple[Claim, ...]:
    """The behaviours that a test's name claims; none where it may be about their absence or the case beside it."""
    text = " ".join(words(name))
    if _OTHERWISE.search(text):
        return ()
    return tuple(claim for claim, pattern in _CLAIMS.items() if pattern.search(text))


def telling(text: str) -> frozenset[str]:
    """The meanings of all words of a text that say something, those of the claim included."""
    return frozenset(word for word in content(text) if len(word) > 1)
