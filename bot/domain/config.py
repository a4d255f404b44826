"""What `bot.toml` may say. The types are the documentation: unknown keys are refused, defaults stand here."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from bot.domain.asking import Effort
from bot.domain.base import Fingerprint, Frozen, RepoPath
from bot.domain.effects import Priority, RepositoryName
from bot.domain.logs import Focus
from bot.domain.model_names import model_name, project_name, region_name
from bot.domain.notices import Destination, NoticeEvent


class Table(Frozen):
    """A table of `bot.toml`. Its numbers are finite and bounded, and `true` is none of them."""

    model_config = ConfigDict(allow_inf_nan=False)


Bytes = Annotated[int, Field(strict=True, gt=0, le=10**15)]
UpToAnHour = Annotated[float, Field(strict=True, gt=0, le=3600)]
Usd = Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=9)]


class Limits(Table):
    """What one run of generated or target code may use. Times in seconds, sizes in bytes."""

    seconds: UpToAnHour = 120.0
    output_bytes: Bytes = 4_000_000
    processes: Annotated[int, Field(strict=True, gt=0, le=4096)] = 64
    memory_bytes: Bytes = 2_000_000_000
    disk_bytes: Bytes = 200_000_000


class TargetConfig(Table):
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
    setup_seconds: UpToAnHour = 600.0
    code: Annotated[tuple[str, ...], Field(min_length=1)] = ("**/*.py",)
    tests: Annotated[tuple[RepoPath, ...], Field(min_length=1)] = ("tests",)
    suite: tuple[RepoPath, ...] = ("tests",)
    pytest_args: tuple[str, ...] = ()
    pythonpath: tuple[str, ...] = (".",)

    def in_repository(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Paths or globs of the target, relative to the repository."""
        return paths if self.root == "." else tuple(f"{self.root}/{path}" for path in paths)


class RepositoryConfig(Table):
    """`[repository]`: `name` is OWNER/NAME on the forge, `path` where the clone lies, relative to bot.toml."""

    name: RepositoryName = "local/repository"
    path: str = "."
    branch: str = "HEAD"


def _one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    if groups != 1:
        raise ValueError(f"{pattern!r} has {groups} groups; exactly one must hold the commit")
    return pattern


CommitSource = Annotated[str, StringConstraints(pattern=r"^(label:[^\s:]\S{0,199}|revision|image)$")]
CommitPattern = Annotated[str, AfterValidator(_one_group)]


class CommitRule(Table):
    """`[logs.commit]`: where it stands at which commit an entry ran. The first of `sources` that has one decides.

    `label:NAME` is a label of the entry; `revision` the name of its revision (say, deployed with
    --revision-suffix=$SHORT_SHA); `image` the tag of the image that its revision runs, as Cloud Run's audit
    entries in the same log say. The patterns have one group, which holds the commit.
    """

    sources: Annotated[tuple[CommitSource, ...], Field(min_length=1)] = ("label:commit-sha",)
    revision_pattern: CommitPattern = "-g?([0-9a-f]{7,40})$"
    image_pattern: CommitPattern = "(?:^|[-_.]g?)([0-9a-f]{7,40})$"

    @property
    def needs_images(self) -> bool:
        """Whether it has to be known what image a revision runs."""
        return "image" in self.sources


class LogsConfig(Table):
    """`[logs]`: `source` as for --logs; `project` is the Google Cloud project; `commit` finds the running commit."""

    source: str = ""
    project: str = ""
    commit: CommitRule = CommitRule()


class MuteConfig(Table):
    """`[[mute]]`: an incident that no cycle takes up, up to and including the day `until` (UTC), and why."""

    fingerprint: Fingerprint
    until: date
    why: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class RedactionConfig(Table):
    """`[redaction]`: addresses that stay in the stored log and so in prompts. Secrets and card numbers never do."""

    keep_ips: bool = False
    keep_emails: bool = False


Rate = Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=9)]
"""USD per million tokens."""


class PriceConfig(Table):
    """`[model.prices."MODEL"]`: USD per million tokens; MODEL as for --model, Claude's own by the id alone.

    Without `cache_read` and `cache_write`, cached tokens count at 1 and 1.25 times the input price.
    """

    input: Rate
    output: Rate
    cache_read: Rate = Decimal(0)
    cache_write: Rate = Decimal(0)


AskingStep = Literal["five_whys", "plan", "write_tests", "fix"]
"""A step that asks a model."""

MostOutput = Annotated[int, Field(strict=True, gt=0, le=128_000)]

ModelName = Annotated[str, AfterValidator(model_name)]
Region = Annotated[str, AfterValidator(region_name)]


class StepModelConfig(Table):
    """`[model.step.STEP]`: what one step asks with instead of what `[model]` says. A --model goes before `name`."""

    name: ModelName | None = None
    effort: Effort | None = None
    most_output_tokens: MostOutput | None = None


class InvestigationConfig(Table):
    """`[model.investigation]`: how far a model may look around before it has to answer.

    `most_turns` counts replies that ask for tools (0: none may be called), `most_tokens` the results that are shown,
    both for one question. `most_usd` bounds what the calls up to the last look cost, by an upper estimate of the next
    one (the answer itself is bounded by `[budget]`), `most_seconds` their time in one process.
    """

    most_turns: Annotated[int, Field(strict=True, ge=0, le=60)] = 12
    most_tokens: Annotated[int, Field(strict=True, gt=0, le=10_000_000)] = 60_000
    most_usd: Usd = Decimal("1.50")
    most_seconds: Annotated[float, Field(strict=True, gt=0, le=86_400)] = 900.0


class VertexConfig(Table):
    """`[model.vertex]`: for --model vertex:MODEL. Empty means: as the environment says."""

    project: Annotated[str, AfterValidator(project_name)] = ""
    region: Region = ""


class BedrockConfig(Table):
    """`[model.bedrock]`: for --model bedrock:MODEL. Empty means: as the environment says."""

    region: Region = ""


class ModelConfig(Table):
    """`[model]`: `name` as for --model. `pack_tokens` bounds the evidence that is shown before any tool is called."""

    name: ModelName = "claude-opus-5-5"
    effort: Effort = "high"
    most_output_tokens: MostOutput = 16_000
    timeout_seconds: UpToAnHour = 300.0
    pack_tokens: Annotated[int, Field(strict=True, ge=1_000, le=400_000)] = 20_000
    prices: dict[str, PriceConfig] = {}
    step: dict[AskingStep, StepModelConfig] = {}
    investigation: InvestigationConfig = InvestigationConfig()
    vertex: VertexConfig = VertexConfig()
    bedrock: BedrockConfig = BedrockConfig()

    def of_step(self, step: AskingStep, asked: str) -> Self:
        """What a step asks with in a run with the model `asked`: its own model only where `asked` is the usual one."""
        own = self.step.get(step, StepModelConfig())
        given = {key: value for key, value in own if value is not None}
        return self.model_copy(update=given if asked == self.name else {**given, "name": asked})


class BudgetConfig(Table):
    """`[budget]`: hard limits on what models may cost. USD and tokens."""

    usd_per_cycle: Usd = Decimal(5)
    usd_per_day: Usd = Decimal(20)
    tokens_per_cycle: Annotated[int, Field(strict=True, gt=0, le=10**12)] = 2_000_000


SandboxKind = Literal["auto", "bubblewrap", "container", "process"]

ImageName = Annotated[str, StringConstraints(max_length=500, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.:/@-]*)?$")]


class SandboxConfig(Table):
    """`[sandbox]`: `auto` takes bubblewrap where it works, else a container of `image` if one is named.

    Outside the demo it never takes `process`. `image` is for podman or docker, as `podman run` takes it, and has to be
    there: none is pulled during a run. It needs /bin/sh and a C library with which the target's Python runs.
    """

    kind: SandboxKind = "auto"
    image: ImageName = ""


class ForgeConfig(Table):
    """`[forge]`: `github` publishes with the token in `token_env`; `local` writes Markdown files.

    With `app_id` it acts as that GitHub App, whose private key (PEM) is in `private_key_env`. What a token other than
    that of Actions pushes starts the repository's CI, which runs code that no person has read, with the repository's
    secrets: a branch is pushed so only where `ci_on_unreviewed_code` says that this is meant. `state_branch` is the
    orphan branch that keeps what the bot remembers between runs in Actions; empty for none.
    """

    kind: Literal["local", "github"] = "local"
    api_url: str = "https://api.github.com"
    token_env: str = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
    app_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{0,40}$")] = ""
    private_key_env: str = "WHYBOT_APP_KEY"
    ci_on_unreviewed_code: Annotated[bool, Field(strict=True)] = False
    state_branch: Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9._-]{0,60})?$")] = "whybot-state"


class PolicyConfig(Table):
    """`[policy]`: what the publisher lets through. Read from the default branch, never from a patch."""

    labels: tuple[Annotated[str, StringConstraints(max_length=50)], ...] = ("whybot",)
    priority_labels: Annotated[bool, Field(strict=True)] = True
    tracking_issue: Literal["runs of many cycles", "never"] = "runs of many cycles"
    commands_per_hour: Annotated[int, Field(strict=True, ge=0, le=1_000)] = 20
    most_body_chars: Annotated[int, Field(strict=True, gt=500, le=65_000)] = 60_000
    forbidden_paths: tuple[str, ...] = (
        ".github/**", "**/conftest.py", "bot.toml", "**/*.lock", "**/package-lock.json", ".gitmodules",
        "**/.gitattributes", "**/sitecustomize.py", "**/usercustomize.py", "**/pytest.ini", "**/.pytest.ini",
        "**/pytest.toml", "**/.pytest.toml", "**/tox.ini", "**/setup.cfg", "**/pyproject.toml",
        ".bot/**", ".gitlab-ci.yml", ".gitlab/**", ".circleci/**", ".buildkite/**", ".travis.yml", ".ci/**",
        "**/Jenkinsfile", "**/azure-pipelines*.yml", "**/bitbucket-pipelines.yml", "**/cloudbuild*.y*ml",
        "**/cloudbuild*.json", "**/.pre-commit-config.yaml", "**/yarn.lock", "**/pnpm-lock.yaml",
        "**/npm-shrinkwrap.json", "**/go.sum",
    )


class ProofConfig(Table):
    """`[proof]`: how often each of base, fix and revert is run, how many small changes of the fixed lines are tried at
    most, and how many runs go on at a time.
    """

    reruns: Annotated[int, Field(strict=True, ge=1, le=50)] = 5
    mutants: Annotated[int, Field(strict=True, ge=0, le=500)] = 20
    workers: Annotated[int, Field(strict=True, ge=1, le=64)] = 2


class ServiceConfig(Table):
    """`[service.NAME]`: a server that tests need. `address` (host:port) is probed before a run.

    `start` is a command that brings it up where the tests run, given `seconds` to answer; without one it has to be
    there. A test needs it when its file matches a glob of `tests` (relative to the repository), or when it bears a
    marker of `markers`; what needs a service that does not answer is not run.
    """

    address: Annotated[str, StringConstraints(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):[0-9]{1,5}$")]
    start: str = ""
    seconds: Annotated[float, Field(strict=True, gt=0, le=600)] = 20.0
    tests: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()


class LevelConfig(Table):
    """`[audit.level.LEVEL]`: where tests of one level stand (globs), which markers and base classes they have."""

    paths: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    base_classes: tuple[str, ...] = ()


class AuditConfig(Table):
    """`[audit]`: the project's own conventions, and rules that it does not want.

    `file_name` is a regular expression for the names of test files, `test_name` for those of tests. Where nothing
    is said, the conventions are taken from the project's existing tests.
    """

    ignore: tuple[str, ...] = ()
    file_name: str = ""
    test_name: str = ""
    level: dict[Literal["unit", "integration", "e2e"], LevelConfig] = {}


NO_CONVENTIONS = AuditConfig()
"""A project that says nothing of its conventions."""


MOST_DESTINATIONS = 10


def _variable_name(text: str) -> str:
    # What stands there instead is a secret, so it is not repeated.
    if re.fullmatch(r"[A-Z_][A-Z0-9_]{0,99}", text) is None:
        raise ValueError("it is the name of a variable, in capitals; the address or secret stands in the environment")
    return text


EnvironmentName = Annotated[str, AfterValidator(_variable_name)]
NameOrNone = Annotated[str, AfterValidator(lambda text: text and _variable_name(text))]


class NotifyConfig(Table):
    """`[notify.NAME]`: who is told when something of `events` happens (`bot/domain/notices.py` says when each does).

    The address is a secret and stands in the variable `url_env`. `json` is a summary of the incident, signed by the
    Standard Webhooks specification with the secrets in `secret_env` ("" for none); `slack` is for Slack's incoming
    webhooks, whose address is their own secret. `focus` names focuses (none: all). What is about an incident of less
    than `least_priority` is not told; what is about none is.
    """

    format: Literal["json", "slack"] = "json"
    events: Annotated[tuple[NoticeEvent, ...], Field(min_length=1)]
    url_env: EnvironmentName = "WHYBOT_NOTIFY_URL"
    secret_env: NameOrNone = "WHYBOT_NOTIFY_SECRET"  # noqa: S105 - the name of a variable
    focus: tuple[str, ...] = ()
    least_priority: Priority = "P3"

    @model_validator(mode="after")
    def _slack_signs_nothing(self) -> Self:
        if self.format == "slack" and self.secret_env and "secret_env" in self.model_fields_set:
            raise ValueError("Slack checks no signature, so leave `secret_env` out")
        return self

    def wants(self, event: str, focus: str, priority: str | None) -> bool:
        """Whether somebody is to be told of an event; `priority` is the incident's, None where there is none."""
        within = priority is None or priority <= self.least_priority
        return event in self.events and within and (not self.focus or focus in self.focus)


def _few(tables: dict[str, NotifyConfig]) -> dict[str, NotifyConfig]:
    if len(tables) > MOST_DESTINATIONS:
        raise ValueError(f"there are {len(tables)} tables, and {MOST_DESTINATIONS} at most")
    return tables


class BotConfig(Table):
    """The whole of `bot.toml`."""

    repository: RepositoryConfig = RepositoryConfig()
    logs: LogsConfig = LogsConfig()
    redaction: RedactionConfig = RedactionConfig()
    model: ModelConfig = ModelConfig()
    budget: BudgetConfig = BudgetConfig()
    sandbox: SandboxConfig = SandboxConfig()
    forge: ForgeConfig = ForgeConfig()
    policy: PolicyConfig = PolicyConfig()
    proof: ProofConfig = ProofConfig()
    audit: AuditConfig = AuditConfig()
    service: dict[str, ServiceConfig] = {}
    notify: Annotated[dict[Destination, NotifyConfig], AfterValidator(_few)] = {}
    limits: Limits = Limits()
    mute: tuple[MuteConfig, ...] = ()
    target: dict[str, TargetConfig] = {}
    focus: dict[str, Focus] = {}
