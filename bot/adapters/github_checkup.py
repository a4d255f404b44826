"""What `bot doctor` says of GitHub: whose token it is, what that can do and cannot, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.adapters.github_app import NEEDED, AppTokens
from bot.adapters.github_forge import GitHubForge
from bot.domain.checkup import Remark, State

_KINDS: Final = {
    "actions": "the token of Actions", "app": "the token of a GitHub App", "person": "a person's token",
    "folder": "a folder",
}

_SCOPES: Final = frozenset({"repo", "public_repo"})
"""Either lets a classic token write; the second only to public repositories."""


def _remark(state: State, said: str, remedy: str = "") -> Remark:
    return Remark(what="forge", state=state, said=said, remedy=remedy)


def check_up(forge: GitHubForge, ci_is_meant: bool) -> Iterator[Remark]:
    """Look at the repository as the account sees it; nothing is written. Raises ForgeProblem and ConfigProblem."""
    repository, account = forge.place.repository, forge.account
    yield _remark(state="ok", said=f"{forge.name} answers; it is {account.login}, {_KINDS[account.kind]}")
    if repository.full_name.lower() != forge.place.given.lower():
        yield _remark(
            state="note", said=f"{forge.place.given} is called {repository.full_name} now",
            remedy="Set `name` under [repository] to that.",
        )
    if repository.archived:
        yield _remark(
            state="missing", said=f"{repository.full_name} is archived, so nothing can be written to it",
            remedy="Unarchive it in its settings, or name another under [repository].",
        )
    if repository.has_issues:
        yield _remark(state="ok", said=f"issues of the bot: {sum(1 for _ in forge.issues())}")
    else:
        yield _remark(
            state="missing", said=f"issues are switched off in {repository.full_name}, and every cycle files one",
            remedy="Switch them on: Settings, General, Features, Issues.",
        )
    yield from _rights(forge)
    if account.starts_ci and not ci_is_meant:
        yield _remark(
            state="missing",
            said=f"a fix will not be pushed: what {account.login} pushes starts CI, which would run code that no "
                 "person has read, with the repository's secrets",
            remedy="Run in Actions with its own token, whose pushes start nothing; or, if this is meant, set "
                   "`ci_on_unreviewed_code = true` under [forge].",
        )
    elif account.starts_ci:
        yield _remark(
            state="note",
            said="`ci_on_unreviewed_code` is set: CI runs a fix that no person has read, with the repository's secrets",
        )


def _rights(forge: GitHubForge) -> Iterator[Remark]:
    repository, account, tokens = forge.place.repository, forge.account, forge.place.api.tokens
    if account.kind == "person":
        # Of an App this says nothing: GitHub answers with what the person may do whose token it is.
        if repository.permissions is not None and not repository.permissions.push:
            yield _remark(
                state="missing", said=f"{account.login} may not write to {repository.full_name}",
                remedy=f"Ask its owner for the role Write, or use another token. {_permissions()}",
            )
        scopes = forge.place.api.scopes
        if scopes is not None and not _SCOPES.intersection(scopes):
            yield _remark(
                state="missing", said="the token has no scope that lets it write",
                remedy=f"Make a classic token with the scope repo, or a fine-grained one. {_permissions()}",
            )
        yield _remark(
            state="note", said="a person's token makes no check runs; what they say stands in the pull request, too",
            remedy="An App's token or that of Actions can.",
        )
    elif account.kind == "actions":
        yield _remark(
            state="note",
            said="what Actions' own token writes starts no other workflow: CI does not run on a fix until a person "
                 "pushes to it, or closes the pull request and opens it again. Its rights are the job's `permissions:`",
            remedy="Pull requests need, too: Settings, Actions, General, \"Allow GitHub Actions to create and approve "
                   "pull requests\".",
        )
    elif isinstance(tokens, AppTokens):
        lacking = ", ".join(f"{name}: {NEEDED[name]}" for name in tokens.lacking)
        if lacking:
            yield _remark(
                state="note", said=f"the App lacks {lacking}, so there will be no check runs",
                remedy="Give it to the App in its settings, then accept it where the App is installed.",
            )
        else:
            yield _remark(state="ok", said="the App has all permissions that it needs")
    else:
        yield _remark(
            state="note", said="what the App may do cannot be asked with its token alone", remedy=_permissions()
        )


def _permissions() -> str:
    return f"Needed: {', '.join(f'{name}: {right}' for name, right in NEEDED.items())}."
