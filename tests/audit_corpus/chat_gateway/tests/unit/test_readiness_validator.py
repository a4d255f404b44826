"""
Unit tests for the readiness validator.

The validator decides whether the gateway may accept websocket connections. In the cloud a backend that
reports "connected" gets a grace period before it is believed.
"""
import asyncio
import time
from unittest.mock import AsyncMock, MagicMock

import pytest

from chat_gateway.config import CLOUD_GRACE_PERIOD, GatewayConfig
from chat_gateway.readiness import ReadinessValidator, ServiceState

HANG_GUARD = 3.0


@pytest.fixture
def recorded_sleep():
    """Replaces the validator's sleep; grace periods cost no time."""
    return AsyncMock(return_value=None)


class LazyRedisManager:
    """Simulates a Redis manager whose background tasks need a while after the first contact."""

    def __init__(self, init_delay=0.3, background_delay=0.8):
        self.init_delay = init_delay
        self.background_delay = background_delay
        self._started_at = None

    def is_connected(self):
        if self._started_at is None:
            self._started_at = time.time()
        return time.time() - self._started_at >= self.init_delay


@pytest.mark.asyncio
class TestGracePeriod:
    """The 500 ms grace period and what it is for."""

    async def test_grace_period_follows_first_success(self, staging_config, recorded_sleep):
        """A service that is up from the start costs exactly one grace period."""
        redis = MagicMock()
        redis.is_connected.return_value = True
        validator = ReadinessValidator(staging_config, sleep=recorded_sleep)
        validator.register("redis", redis.is_connected, needs_grace=True)

        state = await validator.check_service("redis")

        assert state is ServiceState.READY
        recorded_sleep.assert_awaited_once_with(0.5)
        assert redis.is_connected.call_count == 2, "the check must be repeated after the grace period"

    async def test_service_that_flaps_during_grace_is_failed(self, staging_config, recorded_sleep):
        """Connected, then gone half a second later: that is the start-up race, not a ready service."""
        answers = iter([True, False])
        validator = ReadinessValidator(staging_config, sleep=recorded_sleep)
        validator.register("redis", lambda: next(answers), needs_grace=True)

        report = await validator.validate()

        assert report.states == {"redis": ServiceState.FAILED}
        assert report.failed == ["redis"]
        assert not validator.is_accepting()

    async def test_no_grace_period_outside_the_cloud(self, recorded_sleep):
        """Local developers do not pay for the cloud's slow start."""
        config = GatewayConfig.for_environment("local", grace_period=0.5)
        validator = ReadinessValidator(config, sleep=recorded_sleep)
        validator.register("redis", lambda: True, needs_grace=True)

        assert await validator.check_service("redis") is ServiceState.READY
        recorded_sleep.assert_not_awaited()

    async def test_real_grace_period_delays_acceptance(self):
        """With the real event loop clock: not accepting before the grace period is over."""
        config = GatewayConfig.for_environment("staging", grace_period=0.15)
        validator = ReadinessValidator(config)
        validator.register("redis", lambda: True, needs_grace=True)

        task = asyncio.create_task(validator.validate())
        started = time.monotonic()
        report = await asyncio.wait_for(task, HANG_GUARD)
        elapsed = time.monotonic() - started

        assert report.ready
        assert elapsed >= 0.14, f"accepted after {elapsed:.3f}s, grace period is 0.15s"

    async def test_race_condition_reproduction_without_grace_period(self):
        """
        RACE CONDITION REPRODUCTION: without a grace period Redis is validated too early.

        Timeline:
            t=0.0s  validation starts
            t=0.3s  Redis reports connected
            t=0.8s  background tasks stable
        Expected: validation fails because the grace period is off.
        """
        config = GatewayConfig.for_environment("staging", grace_period=0.0)
        redis = LazyRedisManager(init_delay=0.3, background_delay=0.8)
        validator = ReadinessValidator(config)
        validator.register("redis", redis.is_connected, needs_grace=True)

        state = await validator.check_service("redis")

        print("🔍 RACE CONDITION STATE:", state)
        assert state is ServiceState.FAILED, "Race condition not reproduced!"

    async def test_grace_period_constant_matches_validator(self, staging_config):
        """The grace period is applied: a healthy Redis ends up READY in staging."""
        validator = ReadinessValidator(staging_config)
        assert validator.config.grace_period == CLOUD_GRACE_PERIOD

        state = validator.check_service("redis")

        assert state, "Redis should be ready after the grace period"
        print(f"✅ GRACE PERIOD VALIDATED: {CLOUD_GRACE_PERIOD}s")


@pytest.mark.asyncio
class TestChecks:
    async def test_slow_check_is_cut_off_at_its_timeout(self, config):
        """A check that never answers counts as failed after *its* timeout."""
        cancelled = asyncio.Event()

        async def never():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        validator = ReadinessValidator(config)
        validator.register("database", never, timeout=0.02)

        state = await asyncio.wait_for(validator.check_service("database"), HANG_GUARD)

        assert state is ServiceState.FAILED
        assert cancelled.is_set(), "the check was abandoned, not cancelled"

    async def test_noncritical_failure_degrades_only(self, config):
        def broken():
            raise OSError("metrics sink is down")

        validator = ReadinessValidator(config)
        validator.register("redis", lambda: True)
        validator.register("metrics", broken, critical=False)

        report = await validator.validate()

        assert report.ready
        assert report.degraded == ["metrics"]
        assert report.failed == []
        assert validator.is_accepting()

    async def test_retries_until_success(self, config, recorded_sleep):
        """Two failures and a success are a success when two retries are allowed."""
        check = AsyncMock(side_effect=[False, ConnectionRefusedError(), True])
        validator = ReadinessValidator(config, sleep=recorded_sleep)
        validator.register("redis", check, retries=2)

        assert await validator.check_service("redis") is ServiceState.READY
        assert check.await_count == 3

    async def test_database_check_reports_ready(self, config):
        """The database check returns READY for a healthy database."""
        database = MagicMock()
        database.ping.return_value = True
        validator = ReadinessValidator(config)
        validator.register("database", database.ping)

        state = validator.check_service("database")

        assert state is ServiceState.READY, f"unexpected state {state}"
        assert database.ping.called

    async def test_three_checks_cost_as_much_as_one(self, config):
        """Performance benchmark: the difference between one and three checks is below 25 ms."""

        async def slow_check():
            await asyncio.sleep(0.03)
            return True

        async def measure(names):
            validator = ReadinessValidator(config)
            for name in names:
                validator.register(name, slow_check)
            start = time.time()
            await validator.validate()
            return time.time() - start

        single = await measure(["redis"])
        triple = await measure(["redis", "database", "auth"])

        print(f"📊 one: {single:.3f}s, three: {triple:.3f}s")
        assert abs(triple - single) < 0.025, f"overhead too high: {triple - single:.3f}s"

    async def test_nothing_registered_is_not_ready(self, config):
        validator = ReadinessValidator(config)
        report = await validator.validate()
        assert not report.ready
        assert validator.is_accepting() is False

    async def test_accepting_flag_survives_revalidation(self, config):
        """is_accepting() flips to False when a later validation finds Redis gone."""
        health = {"redis": True}
        validator = ReadinessValidator(config)
        validator.register("redis", lambda: health["redis"])
        await validator.validate()
        first = await validator.is_accepting()
        assert first is True

        health["redis"] = False
        await validator.validate()
        second = await validator.is_accepting()
        assert second is False


class TestTimeoutConfiguration:
    """60 s in the cloud, 10 s elsewhere."""

    @pytest.mark.parametrize(
        "environment, expected", [("staging", 60.0), ("production", 60.0), ("local", 10.0), ("ci", 10.0)]
    )
    def test_default_timeout_by_environment(self, environment, expected):
        config = GatewayConfig.from_env({"GATEWAY_ENV": environment, "GATEWAY_TOKEN_SECRET": "x"})
        validator = ReadinessValidator(config)
        validator.register("redis", lambda: True)
        assert validator.timeout_of("redis") == expected

    def test_timeout_increase_effectiveness_60s(self, monkeypatch):
        """
        Validates the timeout increase from 30 s to 60 s for Redis in GCP staging.
        """
        monkeypatch.setenv("ENVIRONMENT", "staging")
        monkeypatch.setenv("K_SERVICE", "chat-gateway")
        monkeypatch.delenv("GATEWAY_ENV", raising=False)
        config = GatewayConfig.from_env()
        validator = ReadinessValidator(config)
        validator.register("redis", lambda: True)

        assert validator.timeout_of("redis") == 60.0, (
            f"Redis timeout should be 60s in GCP, got {validator.timeout_of('redis')}s"
        )

    def test_cloud_needs_a_secret(self):
        with pytest.raises(ValueError, match="GATEWAY_TOKEN_SECRET"):
            GatewayConfig.from_env({"GATEWAY_ENV": "production"})

    def test_validator_grace_period_parameter(self, staging_config):
        """The validator takes the grace period explicitly, as documented in the fix."""
        validator = ReadinessValidator(staging_config, grace_period=0.5, clock=lambda: 0.0)
        validator.register("redis", lambda: True, needs_grace=True)
        assert validator.config.grace_period == 0.5
