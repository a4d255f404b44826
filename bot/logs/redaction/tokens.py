"""Tokens and keys that tell by their own shape what they are, whatever stands around them.

Prefixes and alphabets are those that the vendors document or that GitHub's secret scanning lists by name.
Every such token holds a run of at least 14 letters, digits, `_` and `-`, and nothing else is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.logs.redaction.places import Cut, cut_group, cut_out, placeholder

LONG = "a" * 14
_RUN = bytes(97 if chr(code).isascii() and (chr(code).isalnum() or chr(code) in "_-") else 32 for code in range(256))

_W = r"[A-Za-z0-9_-]"
_AN = r"[A-Za-z0-9]"
_END = rf"(?!{_AN})"
_MIXED = r"(?=[A-Za-z_-]{0,64}[0-9])(?=[a-z0-9_-]{0,64}[A-Z])"
_BY_PREFIX: dict[str, tuple[str, str]] = {
    "eyJrIjoi": ("api-key", r"[A-Za-z0-9+/=]{60,}+"),
    "eyJ": ("jwt", rf"{_W}{{8,}}+\.(?:{_W}{{8,}}+(?:\.{_W}*+){{1,3}}|eyJ{_W}{{8,}}+|\.{_W}{{8,}}+)"),
    "AIza": ("google-key", rf"{_W}{{30,60}}+"),
    "GOCSPX-": ("google-secret", rf"{_W}{{20,}}+"),
    **{f"gh{kind}_": ("github-token", r"[A-Za-z0-9_]{20,}+") for kind in "pour"},
    # The newer tokens of Apps hold a JWT.
    "ghs_": ("github-token", rf"{_W}{{20,}}+(?:\.{_W}{{10,}}+){{0,2}}"),
    "github_pat_": ("github-token", r"[A-Za-z0-9_]{20,}+"),
    "sk-ant-": ("anthropic-key", rf"{_W}{{16,}}+"),
    **{f"sk-{kind}-": ("api-key", rf"{_W}{{20,}}+") for kind in ("proj", "svcacct", "admin", "or-v1", "lf")},
    # Plain ones: a name such as `sk-service-…` has no capitals, and no 32 hexadecimal digits after the sign.
    "sk-": ("api-key", rf"(?:[0-9a-f]{{32}}(?!{_W})|{_MIXED}{_W}{{32,}}+)"),
    **dict.fromkeys(("AKIA", "ASIA", "AROA", "AIDA", "ABIA", "ACCA"), ("aws-key", rf"[A-Z0-9]{{16}}{_END}")),
    **{f"xox{kind}-": ("slack-token", r"[A-Za-z0-9%-]{10,}+") for kind in "abcdeoprs"},
    "xapp-": ("slack-token", r"[A-Za-z0-9-]{10,}+"),
    **{f"{kind}_{mode}_": ("api-key", rf"{_AN}{{10,}}+") for kind in ("sk", "pk", "rk") for mode in ("live", "test")},
    "whsec_": ("api-key", r"[A-Za-z0-9+/=]{16,}+"),
    "npm_": ("api-key", rf"{_AN}{{30,}}+"),
    "hf_": ("api-key", rf"{_AN}{{30,}}+"),
    **{f"gl{kind}-": ("api-key", rf"{_W}{{20,}}+(?:\.{_AN}+){{0,2}}")
       for kind in ("pat", "dt", "rt", "rtr", "ft", "cbt", "ptt", "soat", "agent", "imt", "ffct", "oas")},
    "GR1348941": ("api-key", rf"{_W}{{20,}}+"),
    "pypi-": ("api-key", rf"AgEI{_W}{{16,}}+"),
    "dckr_pat_": ("api-key", rf"{_W}{{20,}}+"),
    **{f"do{kind}_v1_": ("api-key", rf"[0-9a-f]{{64}}{_END}") for kind in "por"},
    "dapi": ("api-key", rf"[0-9a-f]{{32}}{_END}"),
    **{f"NR{kind}-": ("api-key", rf"{_W}{{19,}}+") for kind in ("AK", "JS", "II", "RA", "IQ")},
    **{f"sntry{kind}_": ("api-key", r"[A-Za-z0-9_+/=-]{30,}+") for kind in "su"},
    **{f"shp{kind}_": ("api-key", rf"[0-9a-fA-F]{{32}}{_END}") for kind in ("at", "ss", "ca", "pa")},
    **{f"sq0{kind}-": ("api-key", rf"{_W}{{22,}}+") for kind in ("atp", "csp", "idp")},
    "lin_api_": ("api-key", rf"{_AN}{{32,}}+"),
    "ntn_": ("api-key", rf"{_AN}{{40,}}+"),
    "figd_": ("api-key", rf"{_W}{{32,}}+"),
    "glsa_": ("api-key", rf"{_AN}{{32}}_[0-9a-fA-F]{{8}}"),
    "glc_": ("api-key", r"[A-Za-z0-9+/=]{32,}+"),
    **{f"pscale_{kind}_": ("api-key", r"[A-Za-z0-9_.=-]{32,}+") for kind in ("tkn", "pw", "oauth")},
    "sbp_": ("api-key", rf"[0-9a-f]{{40}}{_END}"),
    "PMAK-": ("api-key", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    "rubygems_": ("api-key", rf"[0-9a-f]{{48}}{_END}"),
    **dict.fromkeys(("r8_", "gsk_", "xai-", "pplx-", "nfp_"), ("api-key", rf"{_AN}{{30,}}+")),
    "tskey-": ("api-key", rf"[a-z]+-{_W}{{16,}}+"),
    "HRKU-": ("api-key", rf"{_W}{{36,}}+"),
    **dict.fromkeys(("ATATT3x", "ATCTT3x", "ATBB"), ("api-key", r"[A-Za-z0-9_=-]{20,}+(?!%)")),
    "LTAI": ("api-key", rf"{_AN}{{16,20}}{_END}"),
    "SK": ("api-key", rf"(?:[0-9a-f]{{32}}|[0-9a-fA-F]{{32}}){_END}"),
    "key-": ("api-key", rf"[0-9a-f]{{32}}{_END}"),
    "AGE-SECRET-KEY-1": ("private-key", r"[A-Z0-9]{50,}+"),
    # Opaque ones whose prefix is all there is to tell them by.
    **{kind: ("api-key", rf"{_AN}{{{least},}}+{_END}") for kind, least in (
        ("p8e-", 32), ("AKCp", 60), ("cmVmd", 50), ("CLOJARS_", 60), ("EZAK", 54), ("EZTK", 54), ("api_org_", 34),
        ("ico-", 32), ("API-", 26), ("pnu_", 36), ("rdme_", 70), ("EAAM", 80), ("EAAC", 80), ("sm_aat_", 16),
        ("sm_pat_", 16), ("sm_sat_", 16), ("FLWSECK-", 12), ("FLWSECK_TEST-", 12), ("shippo_live_", 40),
        ("shippo_test_", 40),
    )},
    **{kind: ("api-key", rf"{_W}{{{least},}}+") for kind, least in (
        ("bedrock-api-key-", 20), ("EAAA", 22), ("tk-us-", 48), ("xkeysib-", 64), ("ZXlK", 60),
        ("A3-", 30),
    )},
    **dict.fromkeys(("duffel_live_", "duffel_test_", "fio-u-"), ("api-key", r"[A-Za-z0-9_=-]{40,}+")),
    "4b1d": ("api-key", rf"(?=[a-z0-9]{{0,37}}[A-Z]){_AN}{{38}}{_END}"),
    "pul-": ("api-key", rf"[0-9a-f]{{40}}{_END}"),
    **dict.fromkeys(("s-s4t2ud-", "s-s4t2af-"), ("api-key", rf"[0-9a-f]{{64}}{_END}")),
    "pat": ("api-key", rf"{_AN}{{14}}\.[0-9a-f]{{64}}{_END}"),
}
"""By how it begins: the kind that a stand-in names, and what must follow."""
_LONGEST_FIRST = sorted(_BY_PREFIX, key=len, reverse=True)
_DISCORD = rf"(?=[A-Za-z_-]{{1,27}}[0-9])[MNO]{_W}{{23,27}}\.{_W}{{6}}\.(?=[A-Za-z_-]{{0,44}}[0-9]){_W}{{27,45}}{_END}"
_MAILCHIMP = rf"[0-9a-f]{{32}}-us[0-9]{{1,2}}{_END}"
_MAXMIND = rf"{_AN}{{6}}_{_AN}{{29}}_mmk{_END}"
_AT_RUN = re.compile("|".join(
    (*(re.escape(prefix) + _BY_PREFIX[prefix][1] for prefix in _LONGEST_FIRST), _DISCORD, _MAILCHIMP, _MAXMIND)
))
_STARTS = frozenset(prefix[:2] for prefix in _BY_PREFIX)
_AFTER_SIGN = re.compile(
    rf"(?<=ya29\.)[A-Za-z0-9._-]{{20,}}+|(?<=1//)0{_W}{{30,}}+|(?<=SG\.){_W}{{16,}}+\.{_W}{{16,}}+"
    rf"|(?:(?<=\bhvs\.)|(?<=\bhvb\.)|(?<=\bhvr\.)){_W}{{20,}}+|(?<=\bdp\.[a-z]{{2}}\.){_AN}{{32,}}+"
    rf"|(?<=\bdp\.scim\.){_AN}{{32,}}+|(?<=[0-9]{{8}}:)AA{_W}{{30,}}+"
    rf"|(?<=\bdt0[a-z][0-9]{{2}}\.){_AN}{{24}}\.{_AN}{{64}}|(?<=\b[ps]at\.){_W}{{22}}\.{_AN}{{24}}\.{_AN}{{20}}"
    rf"|(?<=\bs\.)(?=[A-Za-z]*[0-9][A-Za-z]*[0-9]){_AN}{{24}}(?!{_W})|(?<=\bv1\.)0-[0-9a-f]{{24}}-[0-9a-f]{{120,}}+"
    rf"|(?<=\.)acc[_-][a-z0-9-]{{10,32}}\.[A-Za-z0-9+/_=-]{{30,}}+|(?<=[0-9]{{15}}\|){_W}{{27,}}+|(?<=sha256~){_W}{{43}}"
    rf"|(?<=\bsl\.)[A-Za-z0-9_.-]{{60,}}+"
)
"""Those with a sign after their prefix, which stays: Google, SendGrid, Vault, Doppler, Terraform, Telegram, …"""
_WITH_SIGNS = re.compile(
    r"(?:(?:\bABSK|\bops_eyJ|\bfm[12][ar]?_|\bfo1_|\.atlasv1\.)(?P<secret>[A-Za-z0-9+/=_-]{40,}+)"
    r"|(?<=[0-9]Q~)(?P<azure>[A-Za-z0-9_.~-]{31,34}))"
)
_SIGN_STARTS = ("ABSK", "ops_eyJ", "fm1", "fm2", "fo1_", ".atlasv1.", "Q~")
"""Those with `+`, `/` and `=` among their characters, which no run spans."""
_OPAQUE = re.compile(r"(?<![+/%])(?:[A-Za-z0-9]{1,12}[_-]){0,3}(?P<body>[A-Za-z0-9]{40,}+)={0,2}+(?![+/%])")
"""A long word that stands for itself, not a piece of something that is encoded."""
_DIGITS = re.compile(r"[0-9]+")
_LEAST_OPAQUE = 40
_LEAST_DIGITS = 4
_HOOK = re.compile(
    r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|/api/webhooks|\.webhook\.office\.com/webhookb2)/"
    r"(?P<secret>[A-Za-z0-9/_@-]{10,}+)"
)
_SEARCHED = (("hook", _HOOK), *((sign, _WITH_SIGNS) for sign in _SIGN_STARTS))


def shape(raw: bytes) -> str:
    """A text in Latin-1 with `a` for each character of a run and a space for every other."""
    return raw.translate(_RUN).decode("latin-1")


def holds_token(text: str, shaped: str) -> bool:
    """Whether a text holds a token; `shaped` is its `shape` and holds LONG."""
    start = shaped.find(LONG)
    while start >= 0:
        end = shaped.find(" ", start + len(LONG))
        if _at(text, start, end if end >= 0 else len(text)) is not None:
            return True
        start = shaped.find(LONG, end) if end >= 0 else -1
    if (
        "hook" in text or "ABSK" in text or "ops_" in text or "fm" in text or "fo1_" in text or ".atlasv1." in text
        or "Q~" in text
    ):
        return any(sign in text and rule.search(text) is not None for sign, rule in _SEARCHED)
    return False


def without_tokens(text: str) -> str:
    """The text with a stand-in for each token."""
    shaped = shape(text.encode("latin-1", "replace"))
    if LONG not in shaped:
        return text
    for sign, rule in _SEARCHED:
        if sign in text:
            kind = "webhook" if rule is _HOOK else "api-key"
            text = cut_out(text, (cut_group(match, str(match.lastgroup), kind) for match in rule.finditer(text)))
    return cut_out(text, _cuts(text, shape(text.encode("latin-1", "replace"))))


def _cuts(text: str, shaped: str) -> Iterator[Cut]:
    start = shaped.find(LONG)
    while start >= 0:
        end = shaped.find(" ", start)
        end = len(text) if end < 0 else end
        cut = _at(text, start, end)
        if cut is not None:
            yield cut
            end = max(end, cut.end)
        start = shaped.find(LONG, end)


def _at(text: str, start: int, end: int) -> Cut | None:
    r"""The token at the start of a run up to `end`, if it is one. The `n` of a `\n` in front reads as part of it."""
    before = text[start - 1] if start else ""
    if before == "\\":
        start += 1
    ending = text.startswith("-us", start + 32) or text.startswith("_mmk", start + 36)
    if ending or text[start : start + 2] in _STARTS or text[start] in "MNO":
        match = _AT_RUN.match(text, start)
        if match is not None:
            kinds = (_BY_PREFIX[prefix][0] for prefix in _LONGEST_FIRST if text.startswith(prefix, start))
            return Cut(start, match.end(), placeholder(next(kinds, "api-key"), match.group()))
    match = None
    if before and (before in ".:~|" or text.startswith("1//", start - 3)):
        match = _AFTER_SIGN.match(text, start)
    if match is None and end - start >= _LEAST_OPAQUE:
        match = _OPAQUE.match(text, start)
        if match is not None and not _is_opaque(match["body"]):
            match = None
    return None if match is None else Cut(start, match.end(), placeholder("token", match.group()))


def _is_opaque(body: str) -> bool:
    """Whether so long a word is random: letters of both cases and digits in many places, as in no name and no hash."""
    return not body.islower() and not body.isupper() and len(_DIGITS.findall(body)) >= _LEAST_DIGITS
