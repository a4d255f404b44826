"""Replaces what varies between two occurrences of one message, so that they read the same.

A pure function of one text, never of a corpus: the same text is masked alike today and tomorrow.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.logs.redact import may_hold_secret, redact

ANY = "<*>"
_MOST_CHARS = 1_000
_FOLD = str.maketrans("123456789", "000000000")

_HEX_WORDS = ("accede", "acceded", "facade", "decade", "efface", "effaced", "deface", "defaced", "decaf")
_NAMES = (
    r"(?:s0|ec0|r0|k0s|h0|x00|x00_00|utf-?0{1,2}|sha0{1,3}|md0|base00|http0|oauth0|ipv0|i00n|l00n|u?int0{1,2}|"
    r"float00|v0|log0j|es0|mp0|p00|0xx|python0|py0|c00)"
)
"""Names whose digits are part of the name, digits folded to 0: masking `s3` but not `redis` would split a group."""

_E = r"(?![0-9A-Za-z])"
_VARIABLE = re.compile(
    rf"(?P<keep><(?P<kind>[a-z][a-z-]{{1,20}}):[0-9a-f]{{4}}>|(?<![0-9A-Za-z]){_NAMES}{_E})"
    rf"|(?<![0-9A-Za-z])(?:"
    rf"0000-00-00(?:[T ]00:00(?::00(?:[.,]0{{1,9}})?)?(?:Z|\s?[+-]00:?00)?)?"
    rf"|00:00:00(?:[.,]0{{1,9}})?"
    rf"|[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}}"
    rf"|0{{1,3}}(?:\.0{{1,3}}){{3}}(?::0{{1,5}})?"
    rf"|(?:[0-9a-fA-F]{{1,4}}:){{3,7}}[0-9a-fA-F]{{0,4}}"
    rf"|0x[0-9a-fA-F]+"
    rf"|(?:[0-9a-f]{{6,}}|[0-9A-F]{{6,}}){_E}"
    rf"|(?=[A-Za-z_-]{{0,40}}0)(?=[a-z0-9_-]{{0,40}}[A-Z])(?=[A-Z0-9_-]{{0,40}}[a-z])[A-Za-z0-9_-]{{20,}}"
    rf")"
    rf"|(?<![0-9A-Za-z)\]])-(?=0)(?P<number>0[0-9]*(?:[.,]0+)*(?:e[+-]?0+)?)"
    rf"|(?P<digits>0+(?:[.,]0+)*(?:e[+-]?0+{_E})?)"
)
_URL_QUERY = re.compile(r"((?:https?|wss?)://[^\s\"'<>?#]{1,2000})[?#][^\s\"'<>]*")


def _instead(match: re.Match[str]) -> str:
    kind = match["kind"]
    if kind is not None:
        return f"<{kind}>"
    text = match.group()
    if match["keep"] is not None or text in _HEX_WORDS:
        return text
    return ANY


@lru_cache(maxsize=50_000)
def _mask_folded(folded: str) -> str:
    if "://" in folded:
        folded = _URL_QUERY.sub(r"\1", folded)
    return _VARIABLE.sub(_instead, folded)


def mask(text: str) -> str:
    """The text with times, ids, addresses, numbers and secrets replaced; at most its first 1,000 characters.

    Secrets are replaced by their kind, whether they were redacted before or not. Digits are folded to 0 first,
    which makes the result a function of the folded text, so that one cached answer serves many texts.
    """
    text = text[:_MOST_CHARS]
    if may_hold_secret(text):
        text = redact(text)
    return _mask_folded(text.translate(_FOLD))


def mask_path(url: str) -> str:
    """The path of a URL or request target without host and query, each varying segment replaced."""
    target = url.partition("?")[0].partition("#")[0]
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return "/".join(mask(segment) if segment else "" for segment in target.split("/")) or "/"
