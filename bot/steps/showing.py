"""What may be kept and shown of a test run: everything without the secrets that tests printed, raised or bear."""

from __future__ import annotations

from collections.abc import Mapping

from bot.audit.outcomes.wording import named
from bot.domain.logs import Frame
from bot.domain.suite import Observation, Outcome, RaisedException
from bot.logs.redact import redact
from bot.probe.seen import TestRun


def redacted(run: TestRun) -> TestRun:
    """A run without the secrets in what the tests printed, raised or warned of. Its tests keep their names."""
    return run.model_copy(update={
        "completed": run.completed.model_copy(update={"output": redact(run.completed.output)}),
        "stopped_at": tuple(map(_frame, run.stopped_at)),
        "seen": run.seen.model_copy(update={"observations": tuple(
            seen.model_copy(update={
                "skip_reason": redact(seen.skip_reason),
                "exceptions": tuple(map(_raised, seen.exceptions)),
                "caught": tuple(map(_raised, seen.caught)),
                "warnings": tuple(
                    warning.model_copy(update={"message": redact(warning.message)}) for warning in seen.warnings
                ),
            }) for seen in run.observations
        )}),
    })


def _raised(raised: RaisedException) -> RaisedException:
    frames = tuple(map(_frame, raised.frames))
    return raised.model_copy(update={"message": redact(raised.message), "frames": frames})


def quotes_of(run: TestRun, shown: TestRun) -> dict[str, str]:
    """How an exception is quoted, and how it may be."""
    return {
        named(raised): named(instead)
        for seen, safe in zip(run.observations, shown.observations, strict=True)
        for raised, instead in zip((*seen.exceptions, *seen.caught), (*safe.exceptions, *safe.caught), strict=True)
    }


def redacted_outcomes(
    true: tuple[Outcome, ...], shown: tuple[Outcome, ...], quotes: Mapping[str, str],
) -> tuple[Outcome, ...]:
    """The kinds of what really happened, in the words of what may be shown of it.

    `true` was classified as it was seen, since a predicted message may look like a secret; `shown` is the same
    run redacted, and `quotes` are the exceptions of both as a reason quotes them: by their beginnings, and a
    secret that such a cut goes through is not recognised any more.
    """
    return tuple(
        each.model_copy(update={
            "test": _node_id(each.test), "frame": _frame(each.frame) if each.frame else None,
            "reason": redact(other.reason if other.kind is each.kind else _requoted(each.reason, quotes)),
        })
        for each, other in zip(true, shown, strict=True)
    )


def _requoted(reason: str, quotes: Mapping[str, str]) -> str:
    for quote, instead in quotes.items():
        reason = reason.replace(quote, instead)
    return reason


def _frame(frame: Frame) -> Frame:
    return frame.model_copy(update={"source": redact(frame.source)})


def observation_shown(seen: Observation) -> Observation:
    """A redacted observation under the name that its test may be shown by."""
    return seen.model_copy(update={"test": _node_id(seen.test)})


def _node_id(test: str) -> str:
    """A test's name with the secrets in its parameters replaced; `TestToken::test_v2` is none."""
    name, bracket, parameters = test.partition("[")
    return name + bracket + redact(parameters)
