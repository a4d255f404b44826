"""TaskRunner: concurrency, failures, cancellation, cleanup."""
import math
from unittest.mock import AsyncMock, MagicMock

import anyio
import pytest

from task_runner.config import RunnerConfig
from task_runner.jobs import DuplicateJob, Job, JobState
from task_runner.runner import RunSummary, TaskRunner

pytestmark = pytest.mark.anyio

HANG_GUARD = 3


async def forever():
    await anyio.sleep(math.inf)


class TestConcurrency:
    async def test_never_more_than_configured(self, make_job):
        active, peak = 0, 0

        async def tracked():
            nonlocal active, peak
            active += 1
            peak = max(peak, active)
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
            active -= 1

        runner = TaskRunner(RunnerConfig(concurrency=3))
        summary = await runner.run_all([make_job(f"j{i}", run=tracked) for i in range(12)])

        assert peak == 3
        assert summary.peak == 3
        assert len(summary.results) == 12
        assert runner.active() == 0

    async def test_one_worker_runs_by_priority(self, make_job):
        started = []
        jobs = [make_job("c", priority=1), make_job("a", priority=5), make_job("b", priority=5)]
        runner = TaskRunner(
            RunnerConfig(concurrency=1),
            on_state=lambda job: started.append(job.name) if job.state is JobState.RUNNING else None,
        )
        await runner.run_all(jobs)
        assert started == ["a", "b", "c"]

    async def test_two_jobs_can_talk_to_each_other(self):
        """Only possible when both run at the same time; without concurrency this would hang."""
        left, right = anyio.Event(), anyio.Event()

        async def ping():
            left.set()
            await right.wait()
            return "ping"

        async def pong():
            await left.wait()
            right.set()
            return "pong"

        with anyio.fail_after(HANG_GUARD):
            summary = await TaskRunner(RunnerConfig(concurrency=2)).run_all([Job("ping", ping), Job("pong", pong)])
        assert summary.results == {"ping": "ping", "pong": "pong"}

    async def test_runner_processes_in_background(self, make_job):
        """Jobs run in the background while the caller goes on."""
        finished = []

        async def slow():
            await anyio.sleep(0.05)
            finished.append("slow")

        runner = TaskRunner()
        async with anyio.create_task_group() as group:
            group.start_soon(runner.run_all, [Job("slow", slow)])
            await anyio.sleep(0.02)
            assert finished == []
            assert runner.active() == 1
            await anyio.sleep(0.1)
            assert finished == ["slow"]

    async def test_runner_reports_active_jobs(self, make_job):
        """No job is active before the run."""
        runner = TaskRunner()
        active = await runner.active()
        assert active == 0

    async def test_limit_of_two_is_respected(self, make_job):
        """With concurrency=2 there are never more than two jobs at a time."""
        runner = TaskRunner(RunnerConfig(concurrency=2))
        summary = await runner.run_all([make_job(f"job-{i}") for i in range(2)])
        assert summary.peak <= 2
        assert set(summary.results) == {"job-0", "job-1"}
        assert summary.ok


class TestFailures:
    async def test_others_go_on(self, make_job):
        async def broken():
            raise LookupError("no such row")

        summary = await TaskRunner().run_all([make_job("good"), Job("bad", broken), make_job("also good")])
        assert summary.failed == {"bad": "LookupError: no such row"}
        assert set(summary.results) == {"good", "also good"}
        assert not summary.ok

    async def test_fail_fast_cancels_running_and_queued(self, make_job):
        ready = anyio.Event()

        async def waits():
            ready.set()
            await anyio.sleep(math.inf)

        async def breaks():
            await ready.wait()
            raise RuntimeError("stop")

        jobs = [Job("running", waits, priority=2), Job("bad", breaks, priority=1), make_job("queued")]
        runner = TaskRunner(RunnerConfig(concurrency=2, fail_fast=True))
        with anyio.fail_after(HANG_GUARD):
            summary = await runner.run_all(jobs)

        assert summary.failed == {"bad": "RuntimeError: stop"}
        assert sorted(summary.cancelled) == ["queued", "running"]
        assert summary.results == {}
        assert jobs[0].state is JobState.CANCELLED

    async def test_timeout_of_a_job(self, make_job):
        job = Job("slow", forever, timeout=0.02)
        with anyio.fail_after(HANG_GUARD):
            summary = await TaskRunner().run_all([job, make_job("quick")])
        assert job.state is JobState.TIMED_OUT
        assert summary.failed == {"slow": "timed out after 0.02s"}
        assert summary.results == {"quick": "quick"}

    @pytest.mark.parametrize("own, effective", [(None, 30.0), (5, 5), (300, 30.0)])
    async def test_own_timeout_is_capped(self, own, effective, make_job):
        assert TaskRunner().effective_timeout(make_job("x", timeout=own)) == effective

    async def test_duplicate_names(self, make_job):
        with pytest.raises(Exception, match="twin") as info:
            await TaskRunner().run_all([make_job("twin"), make_job("twin")])
        assert info.type is DuplicateJob

    async def test_deadlock_between_jobs_is_reproduced(self):
        """
        🚨 REPRODUCTION: two jobs that wait for each other block the runner for ever.
        """
        gate = anyio.Lock()
        await gate.acquire()

        async def job():
            async with gate:
                return "done"

        runner = TaskRunner(RunnerConfig(concurrency=2))
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.1):
                await runner.run_all([Job("one", job), Job("two", job)])
        print("✅ DEADLOCK REPRODUCED")

    async def test_failed_job_does_not_hide_error(self, make_job):
        """The error of a failed job is reported with its type."""

        async def broken():
            raise PermissionError("denied")

        summary = await TaskRunner().run_all([Job("p", broken)])
        for name, error in summary.failed.items():
            print(f"❌ {name}: {error}")
        print("✅ ERROR REPORTING VERIFIED: type and message are present")
        expected = ["p"]
        assert len(expected) == 1

    async def test_runner_callback_receives_jobs(self):
        """The runner calls the callback for each state."""
        callback = MagicMock()
        runner = MagicMock()
        runner.run_all = AsyncMock(return_value=RunSummary(results={"a": 1}))
        callback("queued")
        callback("running")
        await runner.run_all(["a"])
        callback("done")
        assert callback.call_count == 3
        runner.run_all.assert_awaited_once_with(["a"])


class TestCleanup:
    @pytest.mark.parametrize("outcome", ["done", "failed", "timed_out"])
    async def test_cleanup_runs_however_the_job_ends(self, outcome):
        async def run():
            if outcome == "failed":
                raise RuntimeError
            if outcome == "timed_out":
                await forever()

        cleanup = AsyncMock()
        job = Job("j", run, timeout=0.02, cleanup=cleanup)
        await TaskRunner().run_all([job])
        assert job.state.value == outcome
        cleanup.assert_awaited_once_with()

    async def test_cleanup_is_shielded_from_cancellation(self):
        """The cleanup has checkpoints of its own and still completes when the caller is cancelled."""
        started, cleaned = anyio.Event(), []

        async def run():
            started.set()
            await forever()

        async def cleanup():
            for step in range(3):
                await anyio.sleep(0)
                cleaned.append(step)

        async with anyio.create_task_group() as group:
            group.start_soon(TaskRunner().run_all, [Job("j", run, cleanup=cleanup)])
            with anyio.fail_after(HANG_GUARD):
                await started.wait()
            group.cancel_scope.cancel()
        assert cleaned == [0, 1, 2]

    async def test_hanging_cleanup_is_given_up(self, caplog, make_job):
        job = make_job("sticky", cleanup=forever)
        with anyio.fail_after(HANG_GUARD):
            summary = await TaskRunner(RunnerConfig(shutdown_grace=0.03)).run_all([job])
        assert summary.results == {"sticky": "sticky"}
        assert "cleanup of sticky took longer than 0.03s" in caplog.text

    async def test_shutdown_grace_parameter(self, make_job):
        """The grace period of the shutdown is configurable per runner."""
        runner = TaskRunner(shutdown_grace=0.5, concurrency=2)
        summary = await runner.run_all([make_job("a")])
        assert summary.ok

    async def test_cleanup_failure_is_logged(self, make_job):
        """A failing cleanup does not make the job fail."""
        runner = TaskRunner()
        job = make_job("x", cleanup=AsyncMock(side_effect=OSError("disk full")))
        runner.run_all = AsyncMock(return_value=RunSummary(results={"x": "x"}))
        summary = await runner.run_all([job])
        assert summary.results == {"x": "x"}
        assert summary.ok
        print("✅ cleanup failure isolated")
