"""Check runs on GitHub, with any number of annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from bot.adapters.github_answers import CheckAnswer
from bot.adapters.github_place import GitHubPlace
from bot.adapters.github_refusals import Refused
from bot.domain.base import Sha
from bot.domain.effects import Annotation
from bot.domain.errors import NotOffered
from bot.ports import ForgeCheck

PORTION: Final = 50
"""Annotations that one request may bring; more come with further ones, which add (GitHub, REST, "Update a check
run")."""


class GitHubChecks:
    """The check runs of one repository. Only an App or Actions can make any."""

    def __init__(self, place: GitHubPlace) -> None:
        self._place = place

    def of(self, head: Sha) -> Iterator[ForgeCheck]:
        """The bot's checks on a commit; a person's token can have made none."""
        if self._place.account.kind == "person":
            return
        # The default filter, `latest`, hides all but one check of a name.
        try:
            for item in self._place.api.many(
                f"{self._place.root}/commits/{head}/check-runs", CheckAnswer, {"filter": "all"}, key="check_runs",
                doing="list the checks",
            ):
                if item.app is not None and f"{item.app.slug}[bot]" == self._place.account.login:
                    yield item.as_check()
        except Refused as refused:
            if not refused.refusal.says("no commit found"):
                raise

    def create(
        self, head: Sha, external_id: str, name: str, conclusion: str, title: str, summary: str,
        annotations: tuple[Annotation, ...],
    ) -> ForgeCheck:
        """Add a finished check to a commit."""
        content = {
            "name": name, "head_sha": head, "external_id": external_id, "status": "completed",
            "conclusion": conclusion, "output": _output(title, summary, annotations[:PORTION]),
        }
        made = self._write("POST", f"{self._place.root}/check-runs", content, "add a check")
        return self._add(made, title, summary, annotations[PORTION:])

    def update(
        self, check: int, conclusion: str, title: str, summary: str, annotations: tuple[Annotation, ...]
    ) -> ForgeCheck:
        """Change a check, and add the annotations that it does not have yet."""
        doing = f"change check {check}"
        has = 0
        if annotations:
            path = f"{self._place.root}/check-runs/{check}"
            has = self._place.api.one("GET", path, CheckAnswer, doing=doing).output.annotations_count
        content = {"status": "completed", "conclusion": conclusion, "output": _output(title, summary, ())}
        changed = self._write("PATCH", f"{self._place.root}/check-runs/{check}", content, doing)
        return self._add(changed, title, summary, annotations[has:])

    # How

    def _add(
        self, check: CheckAnswer, title: str, summary: str, annotations: tuple[Annotation, ...]
    ) -> ForgeCheck:
        """Not repeated after an answer was lost, since annotations are added each time; a resume counts them."""
        path, doing = f"{self._place.root}/check-runs/{check.id}", f"annotate check {check.id}"
        for start in range(0, len(annotations), PORTION):
            content = {"output": _output(title, summary, annotations[start : start + PORTION])}
            check = self._write("PATCH", path, content, doing, repeatable=False)
        return check.as_check()

    def _write(
        self, verb: Literal["POST", "PATCH"], path: str, content: Mapping[str, object], doing: str,
        repeatable: bool | None = None,
    ) -> CheckAnswer:
        try:
            return self._place.api.one(verb, path, CheckAnswer, content, doing=doing, repeatable=repeatable)
        except Refused as refused:
            if refused.forbidden:
                raise NotOffered(
                    refused.what, "Checks need an App's or the Actions token with the permission checks: write."
                ) from refused
            raise


def _output(title: str, summary: str, annotations: tuple[Annotation, ...]) -> dict[str, object]:
    output: dict[str, object] = {"title": title, "summary": summary}
    if annotations:
        output["annotations"] = [
            {
                "path": one.path, "start_line": one.start_line, "end_line": one.end_line,
                "annotation_level": one.level, "title": one.title, "message": one.message,
            }
            for one in annotations
        ]
    return output
