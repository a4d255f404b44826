"""Configuration from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

SIZES = {"k": 1024, "m": 1024**2, "g": 1024**3}


class ConfigError(ValueError):
    """A variable has a value that makes no sense."""

    def __init__(self, name, value):
        super().__init__(f"{name}={value!r} makes no sense")
        self.name = name


def parse_size(text):
    """`4096`, `64k`, `10M`, `1g`."""
    text = text.strip().lower()
    factor = SIZES.get(text[-1:], 1)
    number = text[:-1] if factor > 1 else text
    if not number.isdigit():
        raise ValueError(text)
    return int(number) * factor


@dataclass(frozen=True)
class IndexConfig:
    """What to index, where to keep it, and whom to tell."""

    cache_dir: Path = Path(".fileindex")
    max_size: int = 10 * 1024**2
    ignore: tuple = ("*.pyc", ".git")
    server: str = "127.0.0.1:7411"
    timeout: float = 2.0
    retries: int = 3
    cache_ttl: float = 300.0
    offline: bool = False

    @classmethod
    def from_env(cls, environ=None):
        """Read FILEINDEX_* variables; ConfigError names the one that is wrong.

        FILEINDEX_IGNORE is a comma separated list of patterns, blanks around them do not count. On CI (variable CI
        is set to anything) the timeout is ten seconds unless FILEINDEX_TIMEOUT says otherwise.
        """
        environ = os.environ if environ is None else environ
        values = {}

        def read(name, convert, field):
            raw = environ.get(f"FILEINDEX_{name}")
            if raw is None:
                return
            try:
                values[field] = convert(raw)
            except ValueError:
                raise ConfigError(f"FILEINDEX_{name}", raw) from None

        def positive(raw):
            value = float(raw)
            if value <= 0:
                raise ValueError(raw)
            return value

        read("CACHE_DIR", lambda raw: Path(raw).expanduser(), "cache_dir")
        read("MAX_SIZE", parse_size, "max_size")
        read("IGNORE", lambda raw: tuple(part for part in raw.split(",") if part), "ignore")
        read("SERVER", str, "server")
        read("TIMEOUT", positive, "timeout")
        read("RETRIES", int, "retries")
        read("CACHE_TTL", positive, "cache_ttl")
        read("OFFLINE", lambda raw: raw.lower() in {"1", "true", "yes"}, "offline")
        if environ.get("CI") and "timeout" not in values:
            values["timeout"] = 10.0
        return cls(**values)
