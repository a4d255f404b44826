"""Queue and configuration: plain synchronous code."""
import pytest

from task_runner.config import RunnerConfig
from task_runner.jobs import DuplicateJob, JobQueue, JobState


def drain(queue):
    names = []
    while len(queue):
        names.append(queue.pop().name)
    return names


def test_priority_then_arrival(make_job):
    queue = JobQueue()
    for name, priority in [("low", -1), ("first", 0), ("urgent", 9), ("second", 0)]:
        queue.put(make_job(name, priority=priority))
    assert drain(queue) == ["urgent", "first", "second", "low"]


def test_many_equal_priorities_keep_their_order(make_job):
    """Jobs are never compared with each other (they are not orderable)."""
    queue = JobQueue()
    names = [f"job-{i:03}" for i in range(100)]
    for name in names:
        queue.put(make_job(name))
    assert drain(queue) == names


def test_name_is_free_again_after_pop(make_job):
    queue = JobQueue()
    queue.put(make_job("a"))
    with pytest.raises(DuplicateJob, match="a"):
        queue.put(make_job("a"))
    queue.pop()
    queue.put(make_job("a"))
    assert len(queue) == 1


@pytest.mark.parametrize("state", list(JobState))
def test_final_states(state):
    expected = state.value not in ("queued", "running")
    assert state.final is expected


@pytest.mark.parametrize("value, expected", [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("", False), ("on", False)])
def test_fail_fast_flag(value, expected):
    assert RunnerConfig.from_env({"RUNNER_FAIL_FAST": value}).fail_fast is expected


@pytest.mark.parametrize("value", ["0", "65", "-3"])
def test_concurrency_bounds(value):
    with pytest.raises(ValueError, match="1..64"):
        RunnerConfig.from_env({"RUNNER_CONCURRENCY": value})


def test_default_concurrency_is_eight(monkeypatch):
    """The runner starts eight workers by default (two per core on the standard machine)."""
    monkeypatch.delenv("RUNNER_CONCURRENCY", raising=False)
    config = RunnerConfig.from_env()
    assert config.concurrency == 8


def test_urgent_job_overtakes(make_job):
    """An urgent job overtakes everything that waits."""
    queue = JobQueue()
    queue.put(make_job("urgent", priority=100))
    for index in range(5):
        queue.put(make_job(f"normal-{index}", priority=0))

    first = queue.pop()

    assert first.name == "urgent"
    assert len(queue) == 5
    print("✅ urgent job overtook 5 waiting jobs")
