"""The error tree. Each family has the exit code of DESIGN section 7; each error says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from bot.domain.asking import Usage


class BotError(Exception):
    """An error that a user can cause or meet: one sentence on what happened, one on what to do.

    `shown` is set once it is part of a document that was printed, so that there are not two.
    """

    exit_code: ClassVar[int] = 70
    family: ClassVar[str] = "bug"
    name: ClassVar[str] = ""
    """Tells errors of a family apart, where people or programs need to."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.shown = False

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


class UsageProblem(BotError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2
    family = "usage"


class ConfigProblem(BotError):
    """`bot.toml`, a workflow file or an environment variable is wrong, or output cannot be written."""

    exit_code = 3
    family = "configuration"


class RetrievalFailed(BotError):
    """Logs could not be read. Never the same as a log that is clean."""

    exit_code = 4
    family = "retrieval"


class BudgetSpent(BotError):
    """The next model call could exceed the budget, so it was not made. The cycle can be resumed."""

    exit_code = 5
    family = "budget"


class StateLocked(BotError):
    """Another process works on this state."""

    exit_code = 6
    family = "locked"


class RecordDamaged(BotError):
    """A stored record cannot be believed: torn, edited by hand, or from a newer version."""

    exit_code = 7
    family = "record"


class StaleRecord(RecordDamaged):
    """Somebody else saved this record since it was read."""


class ModelProblem(BotError):
    """The model did not give a usable answer.

    `usage` is what the provider had counted when it broke off, so that it is charged; None when nothing is known
    to have been used.
    """

    exit_code = 8
    family = "model"

    def __init__(self, what: str, remedy: str, usage: Usage | None = None) -> None:
        super().__init__(what, remedy)
        self.usage = usage


class RateLimited(ModelProblem):
    """The provider's rate limit is reached, and waiting for it would take longer than the call may."""

    name = "rate limited"


class Overloaded(ModelProblem):
    """The provider says that it is overloaded, each time."""

    name = "overloaded"


class ProviderFailed(ModelProblem):
    """The provider answers with server errors."""

    name = "provider failed"


class Unreachable(ModelProblem):
    """The provider cannot be reached, or does not answer in time."""

    name = "unreachable"


class StreamBroken(ModelProblem):
    """An answer began and did not come to its end."""

    name = "stream broken"


class RequestRefused(ModelProblem):
    """The provider does not take the request as it is."""

    name = "request refused"


class OutOfScript(ModelProblem):
    """A scripted or replayed model has no answer to this question."""

    name = "out of script"


class AnswerRefused(ModelProblem):
    """The model replied, but with nothing usable, also when told why.

    A family of its own, since asking the same again would find the same stored replies.
    """

    family = "answer"
    name = "answer refused"


class Refusal(AnswerRefused):
    """The model refused to answer."""

    name = "refusal"


class AnswerCutOff(AnswerRefused):
    """The answer is longer than it may be, so its end is missing."""

    name = "cut off"


class AnswerNotJson(AnswerRefused):
    """The answer is no JSON."""

    name = "not JSON"


class AnswerUnfit(AnswerRefused):
    """The answer is JSON, but not of the schema that was asked for."""

    name = "not the schema"


class AnswerUnfounded(AnswerRefused):
    """The answer fits its schema, and code objects to what it says."""

    name = "unfounded"


class ForgeProblem(BotError):
    """The forge (GitHub or the local folder) refused or failed, or git did."""

    exit_code = 9
    family = "forge"


class NotOffered(ForgeProblem):
    """The forge does not do this for the bot's kind of account. The cycle goes on without it and says so."""


class ForgeGone(ForgeProblem):
    """What is to be changed is no longer there: deleted, or moved to another repository."""


class ForgeBusy(ForgeProblem):
    """It did not answer, or asked to be left alone for a while: the same again may work."""


class ForgeConflict(ForgeProblem):
    """Somebody else changed it since it was read."""


class PolicyRefused(ForgeProblem):
    """An effect is not allowed by policy, so it was not published."""


class SandboxProblem(BotError):
    """The sandbox could not be set up or a run went over its limits."""

    exit_code = 10
    family = "sandbox"


class TargetSetupFailed(BotError):
    """The target's own environment or its own tests do not work, before any change of ours."""

    exit_code = 11
    family = "target"


FAMILIES: tuple[type[BotError], ...] = (
    UsageProblem, ConfigProblem, RetrievalFailed, BudgetSpent, StateLocked, RecordDamaged,
    ModelProblem, ForgeProblem, SandboxProblem, TargetSetupFailed,
)
"""One class a family, in the order of their exit codes, 2 to 11."""

def no_repository(path: str) -> ConfigProblem:
    """The error for a step or an adapter that needs the repository where there is none."""
    return ConfigProblem(
        f"There is no git repository in {path!r}.",
        "Run bot inside a clone, or set `path` under [repository] in bot.toml.",
    )


def ci_not_meant(login: str) -> PolicyRefused:
    """The error for an account whose pushes start CI, where nobody said that this is meant."""
    return PolicyRefused(
        f"A fix could not be published: what {login} pushes starts the repository's CI, which would run "
        "code that no person has read, with the repository's secrets.",
        "Publish with the token of Actions, whose pushes start no CI (`bot init --github` sets that up), or set "
        "`ci_on_unreviewed_code = true` in [forge] if CI may run such code; then run `bot resume`.",
    )


EXIT_ANSWER_IS_NO = 1
EXIT_INTERRUPTED = 130


class Interrupted(BotError):
    """Somebody pressed Ctrl-C. No family of errors, and an exit code that shells know."""

    exit_code = EXIT_INTERRUPTED
    family = "interrupted"
