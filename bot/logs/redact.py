"""Takes obvious secrets out of text and JSON before anything is stored, shown to a model or published.

Every pattern starts at a literal or at the beginning of a run and has bounded or possessive repeats,
so that hostile text costs linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from pydantic import JsonValue

PLACEHOLDER = re.compile(r"<[a-z][a-z-]{1,20}:[0-9a-f]{4}>")
"""What stands where a secret stood: its kind and four hex digits of its hash."""

_MOST_ROUNDS = 8
_MOST_DEPTH = 200
_MOST_KEY_CHARS = 10_000


def placeholder(kind: str, secret: str) -> str:
    """The stable stand-in for a secret: the same secret always gives the same text."""
    digest = blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=2).hexdigest()
    return f"<{kind}:{digest}>"


class _Rule(NamedTuple):
    """A pattern, the lower-case literals one of which must occur, and what takes a match's place."""

    guards: tuple[str, ...]
    pattern: re.Pattern[str]
    replace: Callable[[re.Match[str]], str]


def _rule(guards: tuple[str, ...], replace: Callable[[re.Match[str]], str], pattern: str, flags: int = 0) -> _Rule:
    """A rule that steps over placeholders as wholes: `<password:3f2a>` must not read as an assignment."""
    compiled = re.compile(f"(?P<done>{PLACEHOLDER.pattern})|(?:{pattern})", flags)
    return _Rule(guards, compiled, lambda match: match.group() if match["done"] is not None else replace(match))


def _token(kind: str, guards: tuple[str, ...], pattern: str) -> _Rule:
    """A rule for a token of a known shape that starts where no word runs."""
    return _rule(guards, lambda match: placeholder(kind, match.group()), rf"(?<![A-Za-z0-9_-])(?:{pattern})")


def _part(match: re.Match[str], group: str, kind: str) -> str:
    """The match with one of its groups replaced."""
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    return match.group()[:start] + placeholder(kind, match[group]) + match.group()[end:]


def _looks_random(value: str, least: int) -> bool:
    """Whether a value reads like a token rather than a word: long enough, and digits or both cases in it."""
    if len(value) < least:
        return False
    letters = any(character.isalpha() for character in value)
    digits = any(character.isdigit() for character in value)
    mixed = len(value) >= 16 and value not in {value.lower(), value.upper()}
    return (letters and digits) or mixed or (digits and len(value) >= 16)


def _url_password(match: re.Match[str]) -> str:
    return match.group() if PLACEHOLDER.fullmatch(match["secret"]) else _part(match, "secret", "password")


def _url_token(match: re.Match[str]) -> str:
    return _part(match, "secret", "token") if _looks_random(match["secret"], 16) else match.group()


_FILE_ENDINGS = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "py", "json", "md", "so"})


def _email(match: re.Match[str]) -> str:
    local, _, domain = match.group().partition("@")
    if local == "git" or domain.rpartition(".")[2].lower() in _FILE_ENDINGS or re.match(r"v?\d+\.\d", domain):
        return match.group()
    return placeholder("email", match.group().lower())


_BENIGN = frozenset({
    "true", "false", "none", "null", "nil", "undefined", "redacted", "hidden", "masked", "missing", "invalid",
    "expired", "required", "optional", "incorrect", "empty", "unset", "str", "string", "bytes", "int", "bool",
    "secretstr", "ok", "valid", "wrong", "not", "must", "is", "was", "for", "the", "a", "an", "no", "yes", "change",
    "changed", "denied",
})
_CODE_PLACE = re.compile(r"[A-Za-z_<][\w.<>]*:\d+")
"""`emit:650`, as loggers print function and line after a module's name such as `app.token`."""
_PASSWORD_WORDS = ("passw", "pwd", "passphrase")


def _authorization(match: re.Match[str]) -> str:
    value = match["value"]
    word = value.lower() in _BENIGN or (value.isalpha() and value.islower())
    if word or not (match["header"] or _looks_random(value, 12)):
        return match.group()
    return _part(match, "value", "credential")


def _is_secret_value(word: str, sign: str, value: str, quoted: bool) -> bool:
    """Whether what is assigned to a telling name is itself a secret and not a word about one."""
    bare = value.strip("*<>[]().,")
    if PLACEHOLDER.fullmatch(value) or bare.lower() in _BENIGN or value.startswith(("${", "{{", "%(", "$(", "/")):
        return False
    if not any(character.isalnum() for character in bare) or _CODE_PLACE.fullmatch(value):
        return False
    if not word.lower().startswith(_PASSWORD_WORDS):
        return _looks_random(value, 8) or (quoted and len(value) >= 20 and " " not in value)
    if quoted or "=" in sign:
        return len(value) >= 3 and not (quoted and " " in value.strip())
    return len(value) >= 4 and not (bare.isalpha() and bare.islower())


def _assignment(match: re.Match[str]) -> str:
    group = next(name for name in ("quoted", "escaped", "bare") if match[name] is not None)
    if not _is_secret_value(match["word"], match["sign"], match[group], group != "bare"):
        return match.group()
    return _part(match, group, "password" if match["word"].lower().startswith(_PASSWORD_WORDS) else "secret")


def _cookie(match: re.Match[str]) -> str:
    return match.group() if PLACEHOLDER.fullmatch(match["value"]) else _part(match, "value", "cookie")


_WORDS = (
    r"passwords?|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|"
    r"encryption[_-]?key|account[_-]?key|credentials?|signature"
)
_WORD_GUARDS = ("passw", "pwd", "passphrase", "secret", "token", "key", "credential", "signature")
_DATABASES = r"postgres(?:ql)?|mysql|mariadb|rediss?|mongodb|amqps?|clickhouse|mssql|cockroachdb"

_RULES: tuple[_Rule, ...] = (
    _token("jwt", ("eyj",), r"eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+"),
    _token("google-key", ("aiza",), r"AIza[A-Za-z0-9_-]{30,60}+"),
    _token("google-token", ("ya29.",), r"ya29\.[A-Za-z0-9._-]{20,}+"),
    _token("google-secret", ("gocspx-",), r"GOCSPX-[A-Za-z0-9_-]{20,}+"),
    _token("google-token", ("1//0",), r"1//0[A-Za-z0-9_-]{30,}+"),
    _token("github-token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
           r"(?:gh[pousr]|github_pat)_[A-Za-z0-9_]{20,}+"),
    _token("anthropic-key", ("sk-ant-",), r"sk-ant-[A-Za-z0-9_-]{16,}+"),
    _token("api-key", ("sk-",), r"sk-(?:proj-|svcacct-|or-)?(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{32,}+"),
    _token("aws-key", ("akia", "asia", "aroa", "aida"), r"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _token("slack-token", ("xox", "xapp-"), r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}+"),
    _token("slack-hook", ("hooks.slack.com",), r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{10,}+"),
    _token("api-key", ("k_live_", "k_test_", "whsec_"), r"(?:[prs]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}+"),
    _token("api-key", ("npm_", "hf_", "glpat-", "sg."),
           r"(?:npm|hf)_[A-Za-z0-9]{30,}+|glpat-[A-Za-z0-9_-]{20,}+|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}+"),
    _rule(("@",), _url_password, rf"(?<![a-z])(?:{_DATABASES})(?:\+[a-z0-9]{{1,20}}){{0,2}}"
          r"://[^\s:@\"',]{0,200}:(?P<secret>[^\s\"',]{1,300})@", re.IGNORECASE),
    _rule(("@",), _url_password, r"://[^\s:/?#@\"']{0,200}+:(?P<secret>[^\s/@\"']{1,300}+)@"),
    _rule(("@",), _url_token, r"://(?P<secret>[A-Za-z0-9_.~-]{16,300}+)@"),
    _rule(("cookie",), _cookie, r"\b(?:set-)?cookie\\?[\"']?\s{0,3}:\s{0,3}\\?[\"']?"
          r"(?P<value>[^\s\"'\\][^\n\"'\\]{7,4000}+)", re.IGNORECASE),
    _rule(("authorization", "bearer", "basic"), _authorization,
          r"(?:(?P<header>authorization[\\\"']{0,3}\s{0,3}[:=]\s{0,3}[\\\"']{0,2})"
          r"(?:(?:bearer|basic|digest|negotiate|token)\s{1,3})?|\b(?:bearer|basic)\s{1,3})"
          r"(?P<value>[A-Za-z0-9._~+/=-]{8,4000}+)", re.IGNORECASE),
    _rule(("@",), _email, r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+][A-Za-z0-9._%+-]{0,63}+@"
          r"(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"),
    _rule(_WORD_GUARDS, _assignment,
          rf"(?P<word>{_WORDS})(?:[_-]?(?:key|value))?(?P<sign>\\?[\"']?\]?\s{{0,3}}(?::=|=>|[:=])\s{{0,3}})"
          r"(?:(?P<q>[\"'])(?P<quoted>(?:(?!(?P=q))[^\n\\]|\\.){1,500}+)"
          r"|\\[\"'](?P<escaped>[^\"'\n\\]{1,500}+)"
          r"|(?P<bare>[^\s\"',;&\\)}\]]{3,500}+))", re.IGNORECASE),
)
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINES = re.compile(r"(?:(?:\s|\\n|\\r)*+[A-Za-z0-9+/=]{16,}+)*+")


def _without_private_keys(text: str) -> str:
    """Replace PEM private keys, whole or cut off."""
    pieces: list[str] = []
    position = 0
    while (begin := _BEGIN.search(text, position)) is not None:
        end = _END.search(text, begin.end(), begin.end() + _MOST_KEY_CHARS)
        lines = _KEY_LINES.match(text, begin.end())
        stop = end.end() if end else lines.end() if lines else begin.end()
        if stop == begin.end():
            pieces.append(text[position:stop])
        else:
            pieces += [text[position : begin.start()], placeholder("private-key", text[begin.start() : stop])]
        position = stop
    return "".join([*pieces, text[position:]]) if pieces else text


_GUARDS = tuple(sorted({guard for rule in _RULES for guard in rule.guards}))
_FIRST_GUARDS = tuple(guard for guard in _GUARDS if not any(other in guard for other in _GUARDS if other != guard))
"""All guards but those that another one is part of: whoever holds them holds that one, too."""


def _holds(guards: tuple[str, ...], lower: str) -> bool:
    # A plain loop: with a generator inside any() it takes twice as long, and it runs for every entry.
    for guard in guards:  # noqa: SIM110
        if guard in lower:
            return True
    return False


def may_hold_secret(text: str) -> bool:
    """Whether any rule could apply: False means that `redact` gives the text back unchanged."""
    return _holds(_FIRST_GUARDS, text.lower())


def redact(text: str) -> str:
    """Replace the secrets in a text by stable placeholders such as `<email:3f2a>`.

    Idempotent. Leaves alone: commit ids, UUIDs, module paths, versions, times and Cloud Logging's own ids.
    """
    for _ in range(_MOST_ROUNDS):
        lower = text.lower()
        before = text
        if "private key" in lower:
            text = _without_private_keys(text)
        for rule in _RULES:
            if _holds(rule.guards, lower):
                text = rule.pattern.sub(rule.replace, text)
        if text == before:
            break
    return text


_SECRET_KEY = re.compile(
    r"(?i)(?:^|[_.-]|(?<=[a-z])(?=[A-Z]))(?:password|passwd|pwd|passphrase|secret|client[_-]?secret|api[_-]?key|"
    r"access[_-]?token|refresh[_-]?token|id[_-]?token|auth[_-]?token|bearer|token|authorization|private[_-]?key|"
    r"secret[_-]?key|access[_-]?key|cookie|credentials?|connection[_-]?string)$"
)


def redact_json(value: JsonValue) -> JsonValue:
    """Redact every text in a JSON value, keys included, and whatever stands under a key that names a secret."""
    return _walk(value, 0)


def _walk(value: JsonValue, depth: int) -> JsonValue:
    if depth > _MOST_DEPTH:
        return "<left out: nested too deeply>"
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_walk(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {redact(key): _under(key, item, depth + 1) for key, item in value.items()}
    return value


def _under(key: str, value: JsonValue, depth: int) -> JsonValue:
    if not _SECRET_KEY.search(key):
        return _walk(value, depth)
    if isinstance(value, str):
        plain = PLACEHOLDER.fullmatch(value) or value.strip("*<>[]().,").lower() in _BENIGN or not value.strip("* ")
        return value if plain else placeholder("secret", value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 999:
        return placeholder("secret", str(value))
    return _walk(value, depth)
