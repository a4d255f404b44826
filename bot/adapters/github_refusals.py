"""What a refusal by GitHub means, and what a person can do about it. No secret gets into these words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bot.domain.errors import ForgeGone, ForgeProblem, NotOffered

if TYPE_CHECKING:
    from github.GithubException import GithubException

_MOST_SHOWN: Final = 300

_GRAPHQL_STATUS: Final = {
    "FORBIDDEN": HTTPStatus.FORBIDDEN, "INSUFFICIENT_SCOPES": HTTPStatus.FORBIDDEN, "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMIT": HTTPStatus.TOO_MANY_REQUESTS,
    "SERVICE_UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE, "INTERNAL": HTTPStatus.BAD_GATEWAY,
}
"""GraphQL answers 200 and names the error's type; these are the statuses that REST has for the same."""


class Refusal(NamedTuple):
    """An answer of 400 or more. `message` is GitHub's own."""

    status: int
    message: str
    headers: Mapping[str, str]

    def says(self, word: str) -> bool:
        """True when GitHub's message has a word in it."""
        return word in self.message.lower()


class Refused(ForgeProblem):
    """A refusal that a caller may look into."""

    def __init__(self, refusal: Refusal, doing: str, secrets: tuple[str, ...]) -> None:
        said = shown(refusal.message, secrets)
        why = f"{refusal.status}: {said}" if said else str(refusal.status)
        super().__init__(f"GitHub refused to {doing} ({why}).", _remedy(refusal))
        self.refusal = refusal

    @property
    def forbidden(self) -> bool:
        """True when the token may not do this, which is no matter of a rate limit or of an archived repository."""
        return (
            self.refusal.status == HTTPStatus.FORBIDDEN and not is_limit(self.refusal)
            and not self.refusal.says("archived")
        )

    @property
    def gone(self) -> bool:
        """True when there is no such thing (any more): deleted, or never there for this token."""
        return self.refusal.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE} and not self.refusal.says("disabled")


def is_limit(refusal: Refusal) -> bool:
    """True when GitHub refused because of a rate limit, so that nothing was carried out.

    Primary limits answer 403 or 429 with x-ratelimit-remaining 0, secondary ones 403 or 429 and say so, mostly with
    retry-after (GitHub, "Rate limits for the REST API").
    """
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    if refusal.status != HTTPStatus.FORBIDDEN:
        return False
    return (
        "retry-after" in refusal.headers or refusal.headers.get("x-ratelimit-remaining") == "0"
        or refusal.says("rate limit") or refusal.says("abuse detection")
    )


def is_passing_conflict(refusal: Refusal) -> bool:
    """True for a conflict that the same request may not meet again: something changed at the same moment.

    That a repository is empty, or a run completed, does not pass.
    """
    return refusal.status == HTTPStatus.CONFLICT and not refusal.says("empty") and not refusal.says("completed")


def _remedy(refusal: Refusal) -> str:
    if is_limit(refusal):
        return "This token's rate limit is spent; wait up to an hour, then run `bot resume`."
    if refusal.says("archived"):
        return "The repository is archived, so nobody can write to it; unarchive it in its settings."
    if refusal.says("not permitted to create or approve pull requests"):
        return ("Allow it: Settings, Actions, General, Workflow permissions, \"Allow GitHub Actions to create and "
                "approve pull requests\"; an organisation can forbid it for all its repositories.")
    match refusal.status:
        case 401:
            return "The token is wrong or has expired; make a new one."
        case 403:
            return "Give the token write access to this repository's contents, issues and pull requests."
        case 404:
            return "Check `name` in [repository]; GitHub also answers so when the token lacks access to it."
        case 409 if refusal.says("empty"):
            return "The repository has no commit yet; push a first one."
        case 409:
            return "Something changed at the same moment; run `bot resume`."
        case 410:
            return "Issues are switched off in the repository, or it was deleted; switch them on in its settings."
        case 422:
            return "GitHub found the content invalid; report this if nothing was changed by hand."
        case status if status >= 500:
            return "GitHub has a fault; see githubstatus.com, then run `bot resume`, which makes nothing twice."
        case _:
            return "Run `bot doctor`, then `bot resume`."


def refusal_of(error: GithubException) -> Refusal:
    """What PyGithub raised, in words of ours."""
    data = error.data if isinstance(error.data, dict) else {}
    details = [str(item.get("message") or item.get("code") or "") for item in data.get("errors") or ()
               if isinstance(item, dict)]
    message = "; ".join(part for part in (str(data.get("message") or ""), *details) if part)
    return Refusal(error.status, message, {key.lower(): value for key, value in (error.headers or {}).items()})


def graphql_refusal(answer: Any, headers: Mapping[str, str]) -> Refusal | None:
    """The refusal in an answer to a GraphQL request, None when there is none."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if not isinstance(errors, list) or not errors:
        return None
    told = [item for item in errors if isinstance(item, dict)]
    kinds = {str(item.get("type")) for item in told}
    known = [status for kind, status in _GRAPHQL_STATUS.items() if kind in kinds]
    status = known[0] if known else HTTPStatus.UNPROCESSABLE_ENTITY
    return Refusal(status, "; ".join(str(item.get("message") or "") for item in told), headers)


@contextmanager
def speaking_of(what: str) -> Iterator[None]:
    """Say what a refusal means where it is about something that was there: it is gone, or locked."""
    try:
        yield
    except Refused as refused:
        if refused.gone:
            raise gone(what, refused) from refused
        if refused.forbidden and refused.refusal.says("locked"):
            raise NotOffered(refused.what, "Unlock the conversation, if the bot is to go on in it.") from refused
        raise


def gone(what: str, refused: Refused) -> ForgeGone:
    """The error for something that was deleted."""
    return ForgeGone(
        f"{what} is not there any more ({refused.refusal.status}).",
        "It was deleted, or moved to where this token sees nothing; a new run opens another.",
    )


def moved(what: str, where: str) -> ForgeGone:
    """The error for something that is in another repository by now."""
    return ForgeGone(
        f"{what} was moved to {shown(where, ())}.", "Move it back, or start a new run, which opens another."
    )


def broken(error: Exception, doing: str, again: bool, secrets: tuple[str, ...]) -> ForgeProblem:
    """The error for a request without an answer. `again`: repeating it would have done no harm."""
    what = f"GitHub did not answer the request to {doing} ({shown(f'{type(error).__name__}: {error}', secrets)})."
    if again:
        return ForgeProblem(what, "Check the network and `api_url` in [forge], then run `bot resume`.")
    return ForgeProblem(what, "It may have been carried out; run `bot resume`, which finds it and makes nothing twice.")


def not_understood(doing: str, why: str) -> ForgeProblem:
    """The error for an answer that is not of the form that GitHub promises."""
    return ForgeProblem(
        f"GitHub's answer to the request to {doing} was not understood ({why}).",
        "Check `api_url` in [forge]; it must be the API's root.",
    )


def shown(text: str, secrets: tuple[str, ...]) -> str:
    """Text of GitHub's for an error message: without secrets and control characters, and not long."""
    for secret in secrets:
        text = text.replace(secret, "***")
    printable = "".join(character for character in text if character.isprintable())
    return printable if len(printable) <= _MOST_SHOWN else f"{printable[:_MOST_SHOWN]} …"
