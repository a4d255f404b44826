import anyio
import pytest

from task_runner.jobs import Job


@pytest.fixture
def anyio_backend():
    return "asyncio"


class VirtualTime:
    """A clock that moves only when somebody sleeps on it."""

    def __init__(self):
        self.now = 0.0
        self.naps = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.naps.append(round(seconds, 6))
        self.now += seconds
        await anyio.lowlevel.checkpoint()


@pytest.fixture
def vtime():
    return VirtualTime()


@pytest.fixture
def make_job():
    """Jobs that return their name after a checkpoint."""

    def make(name, **options):
        async def run():
            await anyio.lowlevel.checkpoint()
            return name

        return Job(name, options.pop("run", run), **options)

    return make
