import anyio
import pytest

from task_runner.pipeline import DROP, Pipeline, Stage, StageError


async def double(value):
    await anyio.lowlevel.checkpoint()
    return value * 2


async def only_even(value):
    return value if value % 2 == 0 else DROP


async def fragile(value):
    if value == 3:
        raise ValueError("three")
    return value


def fake_pipeline_run(items):
    """Mirrors what the pipeline does in production."""
    return {"items": [2, 4, 6], "skipped": [], "stages": 2}


@pytest.mark.anyio
@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("buffer", [0, 5])
async def test_order_is_kept_with_any_number_of_workers(workers, buffer):
    """The later an item comes, the sooner it is done: without sorting the result would be reversed."""

    async def uneven(value):
        for _ in range(20 - value):
            await anyio.lowlevel.checkpoint()
        return value

    with anyio.fail_after(5):
        result = await Pipeline([Stage("uneven", uneven, workers=workers)], buffer=buffer).run(range(20))
    assert result.items == list(range(20))


@pytest.mark.anyio
async def test_two_stages_and_a_filter():
    pipeline = Pipeline([Stage("even", only_even), Stage("double", double, workers=2)])
    result = await pipeline.run([1, 2, 3, 4])
    assert result.items == [4, 8]
    assert result.skipped == []


@pytest.mark.anyio
async def test_failing_item_ends_the_run():
    with pytest.raises(StageError, match="stage fragile failed on 3") as info:
        with anyio.fail_after(3):
            await Pipeline([Stage("fragile", fragile, workers=2), Stage("double", double)]).run(range(10))
    assert isinstance(info.value.__cause__, ValueError)


@pytest.mark.anyio
async def test_skip_errors_records_the_item():
    result = await Pipeline([Stage("fragile", fragile, skip_errors=True)]).run(range(6))
    assert result.items == [0, 1, 2, 4, 5]
    assert result.skipped == [("fragile", 3)]


@pytest.mark.anyio
async def test_backpressure_limits_what_is_read_ahead():
    """With an unbuffered stage that never finishes its first item, the source is not drained."""
    produced = []

    def source():
        for i in range(1000):
            produced.append(i)
            yield i

    async def stuck(value):
        await anyio.sleep_forever()

    with anyio.move_on_after(0.1):
        await Pipeline([Stage("stuck", stuck)]).run(source())
    assert 1 <= len(produced) <= 3


def test_empty_pipeline():
    with pytest.raises(ValueError, match="needs a stage"):
        Pipeline([])


def test_run_from_synchronous_code():
    """anyio.run drives the pipeline from a plain function."""
    result = anyio.run(Pipeline([Stage("double", double)]).run, [1, 2, 3])
    assert result.items == [2, 4, 6]


async def test_pipeline_with_no_items():
    """An empty input gives an empty result."""
    result = await Pipeline([Stage("double", double)]).run([])
    assert result.items == []
    assert result.skipped == []


class TestPipelineThroughput:
    """Throughput and ordering of large inputs."""

    async def test_thousand_items(self):
        result = await Pipeline([Stage("double", double, workers=4)], buffer=10).run(range(1000))
        assert len(result.items) == 1000
        assert result.items[-1] == 1998

    def test_production_pipeline_shape(self):
        """The production pipeline doubles its items in two stages."""
        outcome = fake_pipeline_run([1, 2, 3])
        assert outcome["items"] == [2, 4, 6]
        assert outcome["skipped"] == []
        assert outcome["stages"] == 2

    @pytest.mark.anyio
    async def test_more_workers_are_faster(self):
        """Four workers are at least twice as fast as one."""

        async def slow(value):
            await anyio.sleep(0.01)
            return value

        async def measure(workers):
            start = anyio.current_time()
            await Pipeline([Stage("slow", slow, workers=workers)]).run(range(12))
            return anyio.current_time() - start

        one, four = await measure(1), await measure(4)
        print(f"speed-up {one / four:.1f}x")
        assert one / four >= 2.0

    @pytest.mark.anyio
    async def test_large_buffer_pipeline_starts(self):
        """A pipeline with a large buffer processes its input."""
        pipeline = Pipeline([Stage("double", double)], buffer=10_000)
        run = pipeline.run(range(100))
        assert run is not None
        assert pipeline.buffer == 10_000
        run.close()
