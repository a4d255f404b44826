"""Clocks and random values: no real ones, but a few samples of each, so that what holds in all of them may be said."""

from __future__ import annotations

import base64
import datetime
import hashlib
import uuid
from typing import Any

from bot.audit.interpret import gates
from bot.audit.interpret.builtin import Builtins
from bot.audit.interpret.seeded import Seeded
from bot.audit.interpret.values import UNKNOWN, Bounded, is_interpreted, spend, undecided

SAMPLES = 3
"""How often a test is followed that asks for the time or for something random."""
_EPOCHS = (1_772_359_445.25, 1_718_454_645.5, 1_603_793_130.75)
_UPTIMES = (5_000.25, 91_000.5, 312.75)
_SHARES = (None, 0.0, 1.0 - 2.0**-30)
"""What is drawn from 0 to 1: anything, always the least, always nearly the most."""
_LOOK = 1e-6
"""Seconds that one look at a clock takes."""
_MOST_BYTES = 256
_LONGEST = 10_000_000.0
gates.allow(Seeded)


class Sampling(Builtins):
    """Gives interpreted code clocks and random values, and notes that it asked for them."""

    def set_up(self) -> None:
        """Make the tables; called once."""
        super().set_up()
        self.sample = 0
        self.dark = False
        self.fresh_sample()
        for name in ("time", "monotonic", "perf_counter", "process_time"):
            self.names["time"][name] = self._own(_named(name, self._clock(name)))
            self.names["time"][f"{name}_ns"] = self._own(_named(f"{name}_ns", self._clock(name, 1_000_000_000)))
        self.names["time"]["sleep"] = self._own(_named("sleep", self._sleep))
        for name in ("random", "uniform", "randint", "randrange", "choice", "getrandbits"):
            self.names["random"][name] = self._own(_named(name, getattr(self, f"_{name}")))
        self.names["random"]["Random"] = Seeded
        self.names["uuid"]["uuid4"] = self._own(_named("uuid4", self._uuid4))
        for name in ("token_hex", "token_urlsafe", "token_bytes"):
            self.names["secrets"][name] = self._own(_named(name, getattr(self, f"_{name}")))
        self.names["secrets"].update(choice=self.names["random"]["choice"],
                                     randbelow=self._own(_named("randbelow", self._randrange)))
        self.names["os"]["urandom"] = self.names["secrets"]["token_bytes"]

    def fresh_sample(self) -> None:
        """Begin a sample."""
        self.sampled = self.timed = False
        self.looks = self.drawn = 0
        self.slept = 0.0

    def asked(self) -> bool:
        """Note that a sampled value is asked for; not while modules are imported, since those are imported once."""
        if self.importing or self.over:
            return False
        self.sampled = True
        spend(1)
        return True

    # clocks

    def passed_time(self) -> float:
        """Seconds since the sample began."""
        self.timed = True
        self.looks += 1
        return self.looks * _LOOK + self.slept + sum(each.waited() for each in self.loops)

    def _clock(self, name: str, scale: int = 1) -> Any:
        base = _EPOCHS if name == "time" else _UPTIMES

        def look() -> Any:
            if self.dark or not self.asked():
                return UNKNOWN
            now = base[self.sample] + self.passed_time()
            return int(now * scale) if scale > 1 else now

        return look

    def _sleep(self, seconds: Any) -> Any:
        if isinstance(seconds, int | float) and 0 <= seconds < _LONGEST:
            self.slept += seconds
        return None

    def moment(self, cls: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What `datetime.now`, `utcnow` and `today` give; the machine's own zone is UTC."""
        given = (*args, *kwargs.values())
        zone = given[0] if given else None
        if is_interpreted(cls) or len(given) > 1 or not (zone is None or type(zone) is datetime.timezone) \
                or name not in {"now", "utcnow", "today"} \
                or self.dark or not self.asked():
            return UNKNOWN
        now = datetime.datetime.fromtimestamp(_EPOCHS[self.sample] + self.passed_time(), datetime.UTC)
        if cls is datetime.date:
            return now.date()
        return now.astimezone(zone) if zone is not None else now.replace(tzinfo=None)

    # random values

    def _share(self) -> float:
        self.drawn += 1
        fixed = _SHARES[self.sample]
        return int.from_bytes(self._bytes(6), "big") / 2.0**48 if fixed is None else fixed

    def _bytes(self, count: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_128(f"{self.sample} {self.drawn}".encode()).digest(count)

    def _random(self) -> Any:
        return self._share() if self.asked() else UNKNOWN

    def _uniform(self, low: Any, high: Any) -> Any:
        if not self.asked() or not _are_numbers(low, high):
            return UNKNOWN
        return low + (high - low) * self._share()

    def _randint(self, low: Any, high: Any) -> Any:
        return self._randrange(low, high + 1) if type(low) is type(high) is int else UNKNOWN

    def _randrange(self, *bounds: Any) -> Any:
        if len(bounds) not in (1, 2) or any(type(item) is not int for item in bounds) or not self.asked():
            return UNKNOWN
        low, high = (0, *bounds)[-2:]
        if low >= high:
            undecided("an empty range of random numbers")
        return low + min(int((high - low) * self._share()), high - low - 1) if high - low < 2**53 else UNKNOWN

    def _choice(self, items: Any) -> Any:
        if type(items) not in (list, tuple, str, range) or not len(items) or not self.asked():
            return UNKNOWN
        return items[self._randrange(len(items))]

    def _getrandbits(self, count: Any) -> Any:
        if type(count) is not int or not 0 < count <= 8 * _MOST_BYTES or not self.asked():
            return UNKNOWN
        return int.from_bytes(self._bytes(_MOST_BYTES), "big") % 2**count

    def _uuid4(self) -> Any:
        return uuid.UUID(bytes=self._bytes(16), version=4) if self.asked() else UNKNOWN

    def _token_bytes(self, count: Any = 32) -> Any:
        if count is None:
            count = 32
        if type(count) is not int or not self.asked():
            return UNKNOWN
        if not 0 <= count <= _MOST_BYTES:
            raise Bounded("too many random bytes")
        return self._bytes(count)

    def _token_hex(self, count: Any = 32) -> Any:
        found = self._token_bytes(count)
        return UNKNOWN if found is UNKNOWN else found.hex()

    def _token_urlsafe(self, count: Any = 32) -> Any:
        found = self._token_bytes(count)
        return UNKNOWN if found is UNKNOWN else base64.urlsafe_b64encode(found).rstrip(b"=").decode()


def _are_numbers(*values: Any) -> bool:
    return all(type(value) in (int, float) for value in values)


def _named(name: str, function: Any) -> Any:
    """A function under the name that the library gives it."""
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    call.__name__ = name
    return call

