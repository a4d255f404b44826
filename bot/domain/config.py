"""What `bot.toml` may say. The types are the documentation: unknown keys are refused, defaults stand here."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bot.domain.base import Frozen, RepoPath
from bot.domain.effects import RepositoryName
from bot.domain.logs import Focus


class Limits(Frozen):
    """What one run of generated or target code may use. Times in seconds, sizes in bytes."""

    seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0
    output_bytes: Annotated[int, Field(gt=0)] = 4_000_000
    processes: Annotated[int, Field(gt=0, le=4096)] = 64
    memory_bytes: Annotated[int, Field(gt=0)] = 2_000_000_000
    disk_bytes: Annotated[int, Field(gt=0)] = 200_000_000


class TargetConfig(Frozen):
    """`[target.NAME]`: one service of the repository. NAME is its Cloud Run service name.

    `root` is its folder in the repository; all other paths are relative to it. `setup` are commands that
    make its environment, once per base commit; `python` is the interpreter to use, relative to `root`
    or absolute. `code` are folders or globs that a fix may touch, `tests` folders in which tests may be written.
    `suite` are the paths of its own tests (empty: it has none, and the proof says so), `pytest_args` are added
    to every run, `pythonpath` are the folders from which the copy under test is imported.
    """

    root: RepoPath | Literal["."] = "."
    python: str = "python3"
    setup: tuple[str, ...] = ()
    setup_seconds: Annotated[float, Field(gt=0, le=3600)] = 600.0
    code: Annotated[tuple[str, ...], Field(min_length=1)] = ("**/*.py",)
    tests: Annotated[tuple[RepoPath, ...], Field(min_length=1)] = ("tests",)
    suite: tuple[RepoPath, ...] = ("tests",)
    pytest_args: tuple[str, ...] = ()
    pythonpath: tuple[str, ...] = (".",)

    def in_repository(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Paths or globs of the target, relative to the repository."""
        return paths if self.root == "." else tuple(f"{self.root}/{path}" for path in paths)


class RepositoryConfig(Frozen):
    """`[repository]`: `name` is OWNER/NAME on the forge, `path` where the clone lies, relative to bot.toml."""

    name: RepositoryName = "local/repository"
    path: str = "."
    branch: str = "HEAD"


class LogsConfig(Frozen):
    """`[logs]`: `source` as for --logs; `project` is the Google Cloud project; `commit_label` is the
    label of an entry that holds the commit it ran at.
    """

    source: str = ""
    project: str = ""
    commit_label: str = "commit-sha"


class PriceConfig(Frozen):
    """`[model.prices."MODEL"]`: USD per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal = Decimal(0)
    cache_write: Decimal = Decimal(0)


class ModelConfig(Frozen):
    """`[model]`: `name` as for --model."""

    name: str = "claude-opus-5-5"
    effort: Literal["low", "medium", "high", "max"] = "high"
    most_output_tokens: Annotated[int, Field(gt=0, le=128_000)] = 16_000
    timeout_seconds: Annotated[float, Field(gt=0)] = 300.0
    prices: dict[str, PriceConfig] = {}


class BudgetConfig(Frozen):
    """`[budget]`: hard limits on what models may cost. USD and tokens."""

    usd_per_cycle: Annotated[Decimal, Field(gt=0)] = Decimal(5)
    usd_per_day: Annotated[Decimal, Field(gt=0)] = Decimal(20)
    tokens_per_cycle: Annotated[int, Field(gt=0)] = 2_000_000


SandboxKind = Literal["auto", "bubblewrap", "process"]


class SandboxConfig(Frozen):
    """`[sandbox]`: `auto` takes bubblewrap where it works; outside the demo it never takes `process`."""

    kind: SandboxKind = "auto"


class ForgeConfig(Frozen):
    """`[forge]`: `github` publishes with the token in `token_env`; `local` writes Markdown files."""

    kind: Literal["local", "github"] = "local"
    api_url: str = "https://api.github.com"
    token_env: str = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable


class PolicyConfig(Frozen):
    """`[policy]`: what the publisher lets through. Read from the default branch, never from a patch."""

    labels: tuple[Annotated[str, StringConstraints(max_length=50)], ...] = ("whybot",)
    most_body_chars: Annotated[int, Field(gt=500, le=65_000)] = 60_000
    forbidden_paths: tuple[str, ...] = (
        ".github/**", "**/conftest.py", "bot.toml", "**/*.lock", "**/package-lock.json", ".gitmodules",
        "**/.gitattributes", "**/sitecustomize.py", "**/usercustomize.py", "**/pytest.ini", "**/.pytest.ini",
        "**/pytest.toml", "**/.pytest.toml", "**/tox.ini", "**/setup.cfg", "**/pyproject.toml",
    )


class ProofConfig(Frozen):
    """`[proof]`: how often each of base, fix and revert is run."""

    reruns: Annotated[int, Field(ge=1, le=50)] = 3


class BotConfig(Frozen):
    """The whole of `bot.toml`."""

    repository: RepositoryConfig = RepositoryConfig()
    logs: LogsConfig = LogsConfig()
    model: ModelConfig = ModelConfig()
    budget: BudgetConfig = BudgetConfig()
    sandbox: SandboxConfig = SandboxConfig()
    forge: ForgeConfig = ForgeConfig()
    policy: PolicyConfig = PolicyConfig()
    proof: ProofConfig = ProofConfig()
    limits: Limits = Limits()
    target: dict[str, TargetConfig] = {}
    focus: dict[str, Focus] = {}
