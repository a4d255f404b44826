"""Another local GitHub, made by others: `emulate` from npm, for a second opinion on our own.

It serves REST for issues, pull requests, check runs and git's data, but no git, no GraphQL and no reactions.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

_USUAL = Path(__file__).parents[2] / ".ci/emulate/package"
FOLDER = Path(os.environ.get("WHYBOT_EMULATE", _USUAL)).resolve()
"""The unpacked package, version 0.11.2."""

_SCRIPT = """
import net from 'node:net';
import { pathToFileURL } from 'node:url';
const [folder, port, seed] = process.argv.slice(1);
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (at, _, ...rest) { return listen.call(this, at, '127.0.0.1', ...rest); };
const { createEmulator } = await import(pathToFileURL(folder + '/dist/api.js').href);
const github = await createEmulator({
  service: 'github', port: Number(port), baseUrl: `http://127.0.0.1:${port}`, seed: JSON.parse(seed),
});
const key = github.generatedSecrets.find((secret) => secret.kind === 'github.app_private_key');
console.log(JSON.stringify({ url: github.url, key: key?.value ?? '' }));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
"""
"""It would listen to the whole network; here only this machine may ask it. It ends when its input does."""


def without_emulate() -> str:
    """Why it cannot be asked here; empty when it can."""
    if not (FOLDER / "dist/api.js").is_file():
        return "no emulate: .ci/run fetches it, WHYBOT_EMULATE names its folder"
    return "" if shutil.which("node") else "emulate needs Node.js"


class Emulate:
    """Serves `acme/shop` with one commit to the token `ada`, while the block lasts. `key` is that of App 12345."""

    def __init__(self) -> None:
        granted = {**dict.fromkeys(("contents", "issues", "pull_requests", "checks"), "write"), "metadata": "read"}
        seed = {
            "tokens": {"ada": {"login": "ada", "scopes": ["repo"]}},
            "github": {
                "users": [{"login": "ada"}],
                "orgs": [{"login": "acme", "members": [{"login": "ada", "role": "admin"}]}],
                "repos": [{"owner": "acme", "name": "shop", "auto_init": True}],
                "apps": [{
                    "app_id": 12345, "slug": "whybot", "name": "whybot", "permissions": granted,
                    "installations": [{"installation_id": 4711, "account": "acme", "permissions": granted}],
                }],
            },
        }
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self._process = subprocess.Popen(
            ["node", "--input-type=module", "--eval", _SCRIPT, str(FOLDER), port, json.dumps(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]},
        )
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        self.url: str = said["url"]
        self.key: str = said["key"]
        self._await(int(port))

    @staticmethod
    def _await(port: int) -> None:
        """It says that it is there a moment before it listens."""
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
            else:
                return

    def __enter__(self) -> Emulate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
