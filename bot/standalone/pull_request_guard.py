"""What speaks against a pull request, whatever its tests show: the fix guard, for changes that people made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.domain.base import counted
from bot.domain.config import PolicyConfig
from bot.domain.patch import GuardFinding
from bot.proof.guard import guard
from bot.proof.guard_oracle import asks_for_the_fix
from bot.proof.guard_tests import guard_tests
from bot.standalone.pull_request import PullRequest

_SOFT = frozenset({"dependency-file", "file-deleted", "outside-code"})
"""What a model may not do and a person may: it is told, and speaks not against the proof."""
_BY_PATH = frozenset({"dependency-file", "forbidden-path"})
_ANY = ("**",)


def guarded(change: PullRequest, policy: PolicyConfig, others: Mapping[str, str]) -> tuple[GuardFinding, ...]:
    """What speaks against the fix and what it does to tests. Paths are forbidden only where bot.toml says so.

    `others` are product files that stay as they are, in which callers are looked for.
    """
    if not change.fix:
        path = min((*change.tests, *change.aside), default="?")
        return (GuardFinding(rule="no-fix", hard=True, path=path,
                             message="No code differs between the two commits, so nothing is fixed."),)
    forbidden = policy.forbidden_paths if "forbidden_paths" in policy.model_fields_set else ()
    found = list(guard(*_texts(change, change.fix), _ANY, forbidden, others=others,
                       new_tests=_texts(change, change.tests)[1]))
    found += [one for one in guard(*_texts(change, change.aside), _ANY, forbidden) if one.rule in _BY_PATH]
    # With documents beside it, the change of the code is still the only one.
    code = {path: both for path, both in change.fix.items() if path.endswith(".py")}
    if code and len(code) < len(change.fix):
        found += [one for one in guard(*_texts(change, code), _ANY) if one not in found and one.rule.startswith(
            ("only-", "no-semantic"))]
    found += guard_tests(*_texts(change, change.tests))
    found += asks_for_the_fix(*_texts(change, change.tests), *_texts(change, change.fix))
    return tuple(one.model_copy(update={"hard": False}) if one.rule in _SOFT else one for one in found)


def _texts(change: PullRequest, side: Mapping[str, tuple[bytes | None, bytes | None]],
           ) -> tuple[dict[str, str], dict[str, str]]:
    return _decoded(change.before(side)), _decoded(change.after(side))


def _decoded(files: Mapping[str, bytes | None]) -> dict[str, str]:
    return {path: content.decode("utf-8", "replace") for path, content in files.items() if content is not None}


def beside(change: PullRequest) -> Iterator[str]:
    """What the two commits differ in and no run looks at, in sentences."""
    if change.aside:
        yield f"No run depends on {_listed(change.aside)}, which the two commits differ in, too."
    if change.unseen:
        yield f"Not looked at, since it is no plain file or only its mode differs: {_listed(change.unseen)}."


def _listed(paths: Iterable[str]) -> str:
    every = sorted(paths)
    return ", ".join(every[:5]) + (f" and {counted(len(every) - 5, 'more')}" if len(every) > 5 else "")
