"""Which kind of behaviour the name of a test claims, as far as its words tell. Pure, English alone, and cautious."""

from __future__ import annotations

import re
from enum import StrEnum

from bot.audit.vacuity.phrases import content, meaning, words


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

_EQUALS = re.compile(r"\b(equal(ly)?|same|ties?|stable|stably)\b")
"""What makes a title about an order one about things between which the order does not decide."""


def claimed(name: str) -> tuple[Claim, ...]:
    """The behaviours that a test's name claims; none where it may be about their absence or the case beside it."""
    text = " ".join(words(name))
    if _OTHERWISE.search(text):
        return ()
    return tuple(claim for claim, pattern in _CLAIMS.items() if pattern.search(text)
                 and not (claim is Claim.ORDERS and _EQUALS.search(text)))


def telling(text: str) -> frozenset[str]:
    """The meanings of all words of a text that say something, those of the claim included."""
    return frozenset(word for word in content(text) if len(word) > 1)


class Feature(StrEnum):
    """A behaviour that only one kind of code carries, or that a title denies, so that its words have to say more."""

    PREVENTS = "keeps something from happening"
    TURNS_AWAY = "leaves out, turns away or bounds something"
    COUNTS_THESE = "is about one thing and not another"
    EFFECT = "leaves something behind"
    PREFERS = "takes one thing before another"
    SINGLE = "lets one in"
    RECENCY = "goes by the order of use"
    BYTES = "counts bytes"
    BESIDE = "does things beside each other"
    STALLS = "does not wait for long"
    GROWS = "counts up"
    USES = "makes use of something"


_AUXILIARY = r"(?:is|are|was|were|be|been|being|do|does|did|has|have|had|should|will|would|must|may|can|could|if|when)"
_HAPPENS = (
    r"reach\w*|leak\w*|log(?:ged|s)?|expos\w+|includ\w+|contain\w*|deliver\w*|send\w*|sent|receiv\w+|stor(?:e|es|ed)|"
    r"sav(?:e|es|ed)|persist\w*|cach(?:e|es|ed)|return(?:s|ed)?|call(?:s|ed)?|invok\w+|count(?:s|ed)?|replac\w+|"
    r"overwr\w+|mov(?:e|es|ed)|go(?:es)?|grow(?:s|n)?|duplicated?|repeat\w*|reprocess\w*|process(?:ed|es)?|retr(?:y|ied)|"
    r"run(?:s)?|execut\w+|start(?:s|ed)?|creat(?:e|es|ed)|publish\w*|emit\w*|notif\w+|charg(?:e|es|ed)|book(?:s|ed)?|"
    r"updat(?:e|es|ed)|shar(?:e|es|ed)|reus(?:e|es|ed)|reconnect\w*|register\w*|trigger\w*|open(?:s|ed)?|trip(?:s|ped)?|"
    r"exceed\w*|visible|shown|listed|seen|applied|added|queued|forwarded|consumed|acknowledged|revived|resurrected"
)
_DENIES = re.compile(
    rf"\b(?:never|not|no longer)\b(?: (?:be|been|get|gets|being|to))?(?: \w+ly)? (?:{_HAPPENS})\b")
_DENIAL = re.compile(r"\b(?:never|not|no)\b")
_CONTRAST = re.compile(rf"\b(?!{_AUXILIARY}\b)\w+ not (?:the |a |an |just |only |simply )?\w+s?$")
_LEAVES_BEHIND = (
    "extend refresh renew reset clear remove delete save persist publish notify emit send close cancel register mark "
    "invalidate evict restore enqueue increment decrement unsubscribe flush detach attach revoke become"
)
_FEATURES = {
    Feature.PREFERS: r"(?:has|have|takes?|gets?|gives?) (?:\w+ )?(?:priority|precedence)|wins over|beats|overrides|"
    r"(?:is|are) preferred",
    Feature.SINGLE: r"(?:a|one) single|(?:only|just|exactly|at most) one|one at a time|admits (?:a|one)",
    Feature.RECENCY: r"(?:least|most) recently(?: used)?|recency|lru (?:\w+ )?(?:evict|order|drop|remov)\w*|"
    r"(?:evict|order|drop|remov)\w* (?:\w+ )*lru",
    Feature.BYTES: r"(?:limit|length|size|measured?|counts?|long|max\w*|cap)\b.*\b(?:bytes?|utf 8|utf8|multi ?byte)|"
    r"(?:bytes?|utf 8|utf8|multi ?byte)\b.*\b(?:limit|length|size|measured?|counts?|long|max\w*|cap)",
    Feature.BESIDE: r"side by side|concurrently|in parallel|at the same time|simultaneously",
    Feature.STALLS: r"stalls?|slow|hangs?|hanging|stuck|never answers|unresponsive",
    Feature.GROWS: r"increas(?:es|ed|ing)|increments?(?:ed)?|monoton\w+|grows|counts up|strictly (?:greater|rising)|"
    r"consecutive",
    Feature.USES: r"uses|sends|carries|passes|attaches|forwards|propagates|revalidat\w+",
}
_FEATURE = {feature: re.compile(rf"\b(?:{said})\b") for feature, said in _FEATURES.items()}
_CONTROL = re.compile(
    r"\b(valid|disabled?|unlimited|below|within|inside|until|under (the )?(limit|max|cap|rate|threshold|burst|quota)|"
    r"defaults?|allow(s|ed)?|accept(s|ed)?|permit(s|ted)?|config(uration)?|settings?|init|repr|constructor|parser?|helper|"
    r"unless|despite|returns? (none|false|true|empty)|missing|unknown|nonexistent|noop|no op)\b"
)
"""Words of a title that is about the case beside it, where nothing is to happen."""


def features(name: str) -> frozenset[Feature]:
    """The features that a test's name asks for; none where it is about the case beside them."""
    text = " ".join(words(name))
    if _CONTROL.search(text):
        return frozenset()
    found = {feature for feature, pattern in _FEATURE.items() if pattern.search(text)}
    denied = _DENIES.search(text)
    if denied is not None:
        found.add(Feature.PREVENTS)
    contrast = _CONTRAST.search(text)
    if {Claim.EXCLUDES, Claim.REJECTS} & set(claimed(name)):
        found.add(Feature.TURNS_AWAY)
    if contrast is not None and denied is None:
        found.add(Feature.COUNTS_THESE)
    if not _OTHERWISE.search(text) and verbs_of(name):
        found.add(Feature.EFFECT)
    return frozenset(found)


def subject(name: str) -> frozenset[str]:
    """The meanings of the words before the first denial of a name: what it says something of."""
    return telling(_DENIAL.split(" ".join(words(name)), maxsplit=1)[0])


def claim_words(name: str, *claims: Claim) -> frozenset[str]:
    """The words of a name by which it makes some claims."""
    return frozenset(word for word in words(name) if any(_CLAIMS[claim].fullmatch(word) for claim in claims))


def verbs_of(name: str) -> frozenset[str]:
    """The meanings of the words of a name that tell of something left behind."""
    found = (word for word in words(name) if word.endswith(("s", "ed", "t")))
    return frozenset(meaning(word) for word in found if meaning(word) in _LEFT_BEHIND)


_LEFT_BEHIND = telling(_LEAVES_BEHIND)
ABBREVIATED = {
    "exp": "expire", "expires": "expire", "expiry": "expire", "seq": "sequence", "conn": "connection", "msg": "message",
    "req": "request", "resp": "response", "cfg": "config", "idx": "index", "num": "number", "ts": "timestamp",
    "auth": "authentication", "prio": "priority", "ttl": "expire", "evt": "event", "sub": "subject", "dup": "duplicate",
    "err": "error", "pwd": "password", "uid": "user", "svc": "service", "cb": "callback", "addr": "address",
}
"""Short forms that code uses for words of titles."""
