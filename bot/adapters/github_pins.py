"""Pinned issues, which GitHub offers by GraphQL alone."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from bot.adapters.github_answers import DoneAnswer, PinsAnswer
from bot.adapters.github_place import GitHubPlace
from bot.adapters.github_refusals import Refused, gone
from bot.domain.errors import NotOffered

MOST_PINNED: Final = 3
"""GitHub, "Pinning an issue to your repository"."""

_ASK: Final = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    issue(number: $number) { id isPinned }
    pinnedIssues(first: 3) { totalCount }
  }
}"""
_CHANGE: Final = {
    True: "mutation($id: ID!) { pinIssue(input: {issueId: $id}) { issue { id } } }",
    False: "mutation($id: ID!) { unpinIssue(input: {issueId: $id}) { issue { id } } }",
}
_REMEDY: Final = "Pin it by hand; nothing else depends on it."


class GitHubPins:
    """The pins of one repository."""

    def __init__(self, place: GitHubPlace) -> None:
        self._place = place

    def set(self, number: int, pinned: bool) -> None:
        """Pin an issue or unpin it. Raises NotOffered where that is refused, ForgeGone without such an issue."""
        doing = f"{'pin' if pinned else 'unpin'} issue {number}"
        try:
            found = self._ask(number, doing)
            if found.issue.isPinned is pinned:
                return
            if pinned and found.pinnedIssues is not None and found.pinnedIssues.totalCount >= MOST_PINNED:
                raise NotOffered(
                    f"Issue {number} was not pinned: {MOST_PINNED} are pinned already, and GitHub allows no more.",
                    "Unpin one that is no longer needed.",
                )
            self._place.api.query(_CHANGE[pinned], DoneAnswer, {"id": found.issue.id}, doing=doing, writes=True)
        except Refused as refused:
            if refused.gone:
                raise gone(f"Issue {number}", refused) from refused
            if refused.forbidden:
                raise NotOffered(refused.what, f"Give the token issues: write. {_REMEDY}") from refused
            if refused.refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                # Another process may have done the same, or pinned a third one, in this moment.
                if self._ask(number, doing).issue.isPinned is pinned:
                    return
                raise NotOffered(refused.what, _REMEDY) from refused
            raise

    def _ask(self, number: int, doing: str) -> PinsAnswer._Data._Repository:
        owner, _, name = self._place.repository.full_name.partition("/")
        variables = {"owner": owner, "name": name, "number": number}
        return self._place.api.query(_ASK, PinsAnswer, variables, doing=doing).data.repository
