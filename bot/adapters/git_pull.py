"""Brings the commits of a pull request into a clone's objects, and nothing else of it: no branch, no file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bot.adapters.git_command import Git
from bot.adapters.git_push import authorised, check_url
from bot.domain.base import Sha
from bot.domain.errors import ForgeProblem

_MOST_SECONDS: Final = 600.0


def bring_pull(root: Path, head: Sha, base: Sha, url: str, credential: str) -> Sha:
    """Fetch the commits that the clone lacks, and return where the two sides part.

    Commits are asked for by their ids, so that a branch that moved on since changes nothing. Raises ConfigProblem
    without a repository, ForgeProblem when they cannot be had, or when the clone's history does not go back so far.
    """
    git = Git(root, _MOST_SECONDS)
    missing = [commit for commit in dict.fromkeys((base, head)) if not _has(git, commit)]
    if missing:
        check_url(url, credential)
        env, secrets = authorised(url, credential)
        done = git.run(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--", url, *missing,
            env=env, secrets=secrets,
        )
        if done.code != 0:
            raise _not_had(url, done.err)
    found = git.run("merge-base", base, head)
    if found.code != 0:
        raise ForgeProblem(
            f"Where {head[:12]} parts from {base[:12]} is not in the clone {root}.",
            "Check out the whole history: `fetch-depth: 0` for actions/checkout.",
        )
    return found.out.decode().strip()


def _has(git: Git, commit: Sha) -> bool:
    return git.run("cat-file", "-e", f"{commit}^{{commit}}").code == 0


def _not_had(url: str, said: str) -> ForgeProblem:
    what = f"The commits of the pull request could not be fetched from {url}: {said or 'git said nothing'}."
    if re.search(r"not our ref|not found|couldn't find remote ref|returned error: 404", said):
        return ForgeProblem(what, "They may be gone; give the command again.")
    return ForgeProblem(what, "Check the network, and that the token may read the repository's contents.")
