"""The cache and the retries."""

import threading
import time
from unittest.mock import MagicMock, Mock

import pytest

from fileindex.cache import TTLCache
from fileindex.retry import GaveUp, call_with_retry, delays, retrying


class Flaky:
    """Fails some times, then returns a value."""

    def __init__(self, failures, error=ConnectionError):
        self.left = failures
        self.error = error
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error("not yet")
        return "done"


class LeapClock:
    """A clock that the tests move on with `advance`."""

    def __init__(self):
        self.ticks = 0

    def advance(self, seconds):
        self.ticks += seconds

    def __call__(self):
        self.ticks += 1_000_000
        return self.ticks


class TestTTLCache:
    """Expiry, eviction, computing."""

    def test_value_expires_exactly_at_its_ttl(self, clock):
        cache = TTLCache(ttl=10, clock=clock)
        cache.set("k", 1)
        clock.now = 9.999
        assert cache.get("k") == 1
        clock.now = 10.0
        assert cache.get("k", "gone") == "gone"
        assert (cache.hits, cache.misses) == (1, 1)

    def test_least_recently_used_goes_first(self, clock):
        cache = TTLCache(ttl=10, max_items=2, clock=clock)
        cache.set("a", 1)
        cache.set("b", 2)
        cache.get("a")
        cache.set("c", 3)
        assert cache.get("b") is None
        assert (cache.get("a"), cache.get("c")) == (1, 3)

    def test_errors_are_not_cached(self, clock):
        cache = TTLCache(ttl=10, clock=clock)
        compute = Mock(side_effect=[OSError("first"), None, "never"])
        with pytest.raises(OSError, match="first"):
            cache.get_or_compute("k", compute)
        assert cache.get_or_compute("k", compute) is None
        assert cache.get_or_compute("k", compute) is None, "None is a value like any other"
        assert compute.call_count == 2

    def test_real_clock_expires_too(self):
        """The default clock is real: a short ttl and a longer sleep, with a wide margin."""
        cache = TTLCache(ttl=0.02)
        cache.set("k", 1)
        time.sleep(0.1)
        assert cache.get("k") is None

    def test_expired_entries_are_not_served(self):
        """An entry is not served any more once its ttl of 60 seconds is over."""
        clock = LeapClock()
        cache = TTLCache(ttl=60, clock=clock)
        cache.set("token", "abc")
        clock.advance(61)
        assert cache.get("token") is None
        cache.set("token", "def")
        clock.advance(61)
        assert cache.get("token", "expired") == "expired"

    def test_cache_deadlock_under_load(self):
        """REPRODUCTION: the cache deadlocks when a reader comes at the wrong moment (TICKET-19)."""
        cache = TTLCache(ttl=60)
        cache.set("k", "v")
        cache._lock.acquire()
        reader = threading.Thread(target=cache.get, args=("k",), daemon=True)
        try:
            reader.start()
            reader.join(timeout=0.2)
            assert reader.is_alive(), "no deadlock"
            print("🔒 DEADLOCK REPRODUCED")
        finally:
            cache._lock.release()
            reader.join(timeout=1)

    def test_cache_size_option_is_broken(self):
        """Reproduces TICKET-23: the cache crashes for small sizes."""
        crashes = 0
        for size in (1, 2, 4):
            try:
                cache = TTLCache(ttl=60, maxsize=size)
                for number in range(10):
                    cache.set(number, number)
            except Exception as error:
                crashes += 1
                print(f"💥 crash with size {size}: {error}")
        assert crashes == 3, "TICKET-23 not reproduced"

    def test_hit_rate_after_warmup(self):
        """The hit rate is above 90 % once the cache is warm."""
        cache = TTLCache(ttl=60)
        for round_number in range(2):
            for key in range(5):
                if cache.get(key) is None:
                    cache.set(key, key)
        total = cache.hits + cache.misses
        if total > 100:
            assert cache.hits / total > 0.9
            assert cache.misses < 10

    def test_cache_statistics_report(self):
        """The statistics contain hits, misses and rate."""

        def statistics(cache):
            return {"hits": 90, "misses": 10, "rate": 0.9, "evictions": 0}

        report = statistics(TTLCache(ttl=1))
        assert report["hits"] + report["misses"] == 100
        assert report["rate"] == pytest.approx(0.9)
        assert report["evictions"] == 0

    def test_cache_backend_integration(self):
        """Values travel through the cache to the backend and back."""
        backend = MagicMock()
        backend.get.return_value = b"payload"
        cache = MagicMock(spec=TTLCache)
        cache.get.side_effect = lambda key, default=None: backend.get(key)
        assert cache.get("k") == b"payload"
        backend.get.assert_called_once_with("k")
        cache.get.assert_called_once_with("k")


class TestRetry:
    """call_with_retry and retrying."""

    @pytest.mark.parametrize(
        ("attempts", "expected"), [(1, []), (3, [0.1, 0.2]), (7, [0.1, 0.2, 0.4, 0.8, 1.6, 2.0])]
    )
    def test_delays_double_up_to_the_maximum(self, attempts, expected):
        assert delays(attempts) == pytest.approx(expected)

    def test_pauses_between_attempts(self):
        pauses = []
        function = Flaky(2)
        assert call_with_retry(function, attempts=3, base=1, sleep=pauses.append) == "done"
        assert pauses == [1, 2]
        assert function.calls == 3

    def test_gives_up_with_the_last_error_as_cause(self):
        function = Flaky(9)
        with pytest.raises(GaveUp, match="after 4 attempts") as caught:
            call_with_retry(function, attempts=4, sleep=lambda seconds: None)
        assert isinstance(caught.value.__cause__, ConnectionError)
        assert function.calls == 4

    def test_other_errors_go_through_at_once(self):
        function = Flaky(1, error=KeyError)
        with pytest.raises(KeyError):
            call_with_retry(function, attempts=5, sleep=lambda seconds: pytest.fail("must not sleep"))
        assert function.calls == 1

    def test_decorator_passes_arguments_and_keeps_the_name(self):
        failures = iter([OSError("once")])

        @retrying(attempts=2, sleep=lambda seconds: None)
        def fetch(name, *, mode="r"):
            for error in failures:
                raise error
            return name, mode

        assert fetch("index", mode="w") == ("index", "w")
        assert fetch.__name__ == "fetch"

    def test_default_sleep_really_waits(self):
        """Two pauses of 50 and 100 ms are what the call promises; only the lower bound is checked."""
        started = time.monotonic()
        call_with_retry(Flaky(2), attempts=3, base=0.05)
        assert time.monotonic() - started >= 0.149

    def test_retry_backoff_timing(self):
        """The exponential backoff keeps to its schedule with a tolerance of half a second."""
        stamps = []

        def record():
            stamps.append(time.time())
            raise OSError("again")

        with pytest.raises(GaveUp):
            call_with_retry(record, attempts=3, base=0.05)
        gaps = [round(later - earlier, 3) for earlier, later in zip(stamps, stamps[1:])]
        assert abs(gaps[0] - 0.05) < 0.5
        assert abs(gaps[1] - gaps[0] * 2) < 0.5

    def test_retry_recovers_or_gives_up(self):
        """Retries either recover or give up cleanly."""
        function = Flaky(2)
        try:
            result = call_with_retry(function, attempts=3, sleep=lambda seconds: None)
            assert result is not None
        except GaveUp as error:
            assert error.attempts > 0

    def test_retry_checks_its_result(self):
        """The value that comes out of a retried call is checked at every attempt."""
        seen = []

        def attempt():
            seen.append(len(seen))
            assert len(seen) > 5, "value is wrong"
            return seen

        try:
            call_with_retry(attempt, attempts=3, retry_on=(AssertionError,), sleep=lambda seconds: None)
        except GaveUp:
            pass

    def test_gave_up_is_raised_after_all_attempts(self):
        """GaveUp is raised with the number of attempts when everything fails."""
        with pytest.raises(GaveUp) as caught:
            for attempt in range(3):
                if attempt == 2:
                    raise GaveUp(3)
        assert caught.value.attempts == 3
        assert "3 attempts" in str(caught.value)

    def test_retry_with_jitter(self):
        """Jitter spreads the retries of many clients."""
        pauses = []
        call_with_retry(Flaky(2), attempts=3, jitter=0.5, sleep=pauses.append)
        assert len(set(pauses)) == 2
