"""`python -m router`: run one instance until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from router import log
from router.config import Settings
from router.server import RouterServer


async def run(settings: Settings) -> None:
    """Serve until the process is told to stop."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = RouterServer(settings)
    await server.start()
    await stopping.wait()
    await server.stop()


def main() -> None:
    """Read the settings, configure logging, run."""
    print("message-router: starting", file=sys.stderr, flush=True)
    settings = Settings.from_env(os.environ)
    log.configure(settings.project)
    for name in settings.deprecated:
        logging.getLogger("router").log(log.NOTICE, "setting %s is deprecated", name)
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
