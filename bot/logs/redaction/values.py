"""Whether what is written after a telling name is a secret itself, or a word, a place or code about one."""

from __future__ import annotations

import re

from bot.logs.redaction.places import PLACEHOLDER

_WORDS = frozenset({
    "true", "false", "none", "null", "nil", "undefined", "redacted", "hidden", "masked", "missing", "invalid",
    "expired", "required", "optional", "incorrect", "empty", "unset", "str", "string", "bytes", "int", "bool",
    "secretstr", "ok", "valid", "wrong", "not", "must", "is", "was", "for", "the", "a", "an", "no", "yes", "change",
    "changed", "denied", "password", "passwd", "secret", "token", "key", "username", "user", "api_key", "apikey",
    "credentials", "provided", "present", "failed", "set", "unknown", "disabled", "enabled", "text", "hash",
})
_CODE_PLACE = re.compile(r"[A-Za-z_<][\w.<>]*:\d+")
"""`emit:650`, as loggers print function and line after a module's name such as `app.token`."""
_CODE = re.compile(
    r"(?:self|cls|os|settings|config|cfg|conf|env|environ|request|req|args|kwargs|options|params|ctx|context|secrets|"
    r"data|payload|body|credentials|creds|user|form|app|current_app)\.[A-Za-z_][\w.]*+(?![\w-])|[A-Za-z_][A-Za-z_.]*[(\[]"
)
"""Source code: `settings.db.password`, `os.environ["X"]`, `get_token()`."""
_LETTER = re.compile(r"[^\W\d_]")
_SAYS_NOTHING = re.compile(r"[\W_]*+")
_DIGIT = re.compile(r"\d")
_NOT_ITSELF = ("${", "{{", "%(", "$(", "/", "projects/", "<redacted", "[redacted")


def looks_random(value: str, least: int) -> bool:
    """Whether a value reads like a token rather than a word: long enough, and digits or both cases in it."""
    if len(value) < least:
        return False
    letters, digits = _LETTER.search(value) is not None, _DIGIT.search(value) is not None
    mixed = len(value) >= 16 and value not in {value.lower(), value.upper()}
    return (letters and digits) or mixed or (digits and len(value) >= 16)


def is_word(value: str) -> bool:
    """Whether a value says something about a secret, or stands for one already."""
    bare = value.strip("*<>[]().,")
    return (
        PLACEHOLDER.fullmatch(value) is not None or bare.lower() in _WORDS or value.startswith(_NOT_ITSELF)
        or _SAYS_NOTHING.fullmatch(bare) is not None
    )


def is_code(value: str, given: bool) -> bool:
    """Whether a value is source code or, where it is not `given` by an equals sign, a place in it."""
    if _CODE.match(value) is not None:
        return True
    return not given and _CODE_PLACE.fullmatch(value) is not None and not looks_random(value.partition(":")[0], 12)
