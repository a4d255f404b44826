"""What commands do about a pull request: audit its tests, prove its fix. Both go by commits, never by a branch."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.git_pull import bring_pull
from bot.adapters.git_workspace import GitWorkspace
from bot.domain.base import Sha
from bot.domain.config import BotConfig
from bot.reports.replies import audit_text, no_tests_text, proof_text
from bot.standalone.pull_request import files_with_tests, is_test


@dataclass(frozen=True)
class PullRequest:
    """A pull request whose commits are in the clone. `tests` are the files with tests that it adds or changes."""

    clone: GitWorkspace
    head: Sha
    base: Sha
    tests: tuple[str, ...]


def open_pull(root: Path, config: BotConfig, head: Sha, base: Sha, url: str, credential: str) -> PullRequest:
    """Bring a pull request's commits into the clone. Raises ConfigProblem, ForgeProblem."""
    start = bring_pull(root, head, base, url, credential)
    clone = GitWorkspace(root)
    return PullRequest(clone, head, start, changed_tests(clone, config, start, head))


def changed_tests(clone: GitWorkspace, config: BotConfig, base: Sha, head: Sha) -> tuple[str, ...]:
    """The files with tests that differ between two commits and are there in the second."""
    folders = [folder for target in config.target.values() for folder in target.in_repository(target.tests)]
    there = frozenset(clone.files(head))
    changed = [path for path in clone.changed_paths(base, head) if path in there and is_test(path, folders)]
    return files_with_tests(changed, lambda path: clone.read(head, path), changed)


def audit_pull(pull: PullRequest, config: BotConfig) -> str:
    """Read the changed tests, run nothing, and say what is wrong with them."""
    if not pull.tests:
        return no_tests_text(pull.head, "to audit")
    from bot.audit_command import AuditOptions, audited

    with tempfile.TemporaryDirectory(prefix="whybot-audit-") as folder:
        # Its paths are shown as from the root of the repository.
        tree = Path(folder).resolve() / "tree"
        pull.clone.export(pull.head, tree)
        with contextlib.chdir(tree):
            report, notes = audited(AuditOptions(paths=pull.tests).checked(), config, tree)
    return audit_text(report, notes, pull.head)


def prove_pull(
    pull: PullRequest, root: Path, config: BotConfig, state: Path, note: Callable[[str], None],
    environ: Mapping[str, str] | None = None,
) -> str:
    """Run the changed tests without the fix and with it, in the sandbox, and say whether they show it.

    Raises what `prove_commits` raises.
    """
    if not pull.tests:
        return no_tests_text(pull.head, "that could prove it")
    from bot.app import SETUP_ENV
    from bot.standalone.proof_question import Asked
    from bot.standalone.proving import prove_commits

    given = os.environ if environ is None else environ
    proved = prove_commits(
        root, Asked(base=pull.base, fix=pull.head, tests=pull.tests), config, state, environ=given, note=note,
        setup_env=_only(given, SETUP_ENV),
    )
    return proof_text(proved.proof, pull.tests, (*proved.notes, *((proved.warning,) if proved.warning else ())))


def _only(environ: Mapping[str, str], prefixes: Iterable[str]) -> dict[str, str]:
    wanted = tuple(prefixes)
    return {name: value for name, value in environ.items() if name.startswith(wanted)}
