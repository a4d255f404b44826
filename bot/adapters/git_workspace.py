"""The repository with the code, through git's plumbing: objects and refs only, never a person's files or index."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.adapters.git_command import BOT_EMAIL, Git
from bot.adapters.git_export import EXECUTABLE, PLAIN, PLAIN_MODES, Entry, Listing, read_listing, write_files
from bot.adapters.git_history import ignored_paths, read_blame, read_history, read_parts
from bot.adapters.git_push import authorised, check_url, push_failed
from bot.domain.base import Sha, repo_path
from bot.domain.effects import BranchName
from bot.domain.errors import ForgeProblem
from bot.ports import CommitParts, FileChange, PastCommit

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH: TypeAdapter[str] = TypeAdapter(BranchName)


class GitWorkspace:
    """Implements the Workspace port over a clone at `path` (its root, or a bare repository).

    Raises ConfigProblem when `path` is none that git may use, ForgeProblem when a git command fails or
    takes longer than `most_seconds`.
    """

    def __init__(self, path: Path, most_seconds: float = 60.0) -> None:
        self._git = Git(path, most_seconds)
        # Commits never change, so a listing is right for ever.
        self._listing = lru_cache(maxsize=4)(partial(read_listing, self._git))

    def resolve(self, revision: str) -> Sha | None:
        """The full commit id of a revision, or None when there is none."""
        if not revision or revision.startswith("-") or len(revision) > 250 or not revision.isprintable():
            return None
        done = self._git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return done.out.decode().strip() if done.code == 0 else None

    def read(self, commit: Sha, path: str) -> bytes | None:
        """A file's content at a commit; None when it is no plain file there."""
        entry = self._listing(_id(commit)).get(path)
        if entry is None or entry.mode not in PLAIN_MODES:
            return None
        return self._git.ask("cat-file", "blob", entry.oid)

    def files(self, commit: Sha) -> tuple[str, ...]:
        """The paths of all plain files at a commit, sorted; without those whose name is not UTF-8."""
        listing = self._listing(_id(commit))
        return tuple(sorted(path for path, entry in listing.items() if entry.mode in PLAIN_MODES and _is_utf8(path)))

    def export(self, commit: Sha, into: Path) -> None:
        """Write the files of a commit into an empty or new folder, without git's own data.

        What is written is what is stored: no filter, no line-end conversion, no export-ignore. Symbolic
        links that lead out of the folder and submodules are left out.
        """
        listing = self._listing(_id(commit))
        try:
            into.mkdir(parents=True, exist_ok=True)
            if any(into.iterdir()):
                raise ForgeProblem(f"{into} is not empty.", "Export into a new folder.")
            write_files(self._git, listing, into)
        except OSError as failure:
            raise ForgeProblem(
                f"Commit {commit[:12]} could not be written to {into}: {failure.strerror or failure}.",
                "Free disk space, or check the folder's permissions.",
            ) from failure

    def commit(self, parent: Sha, changes: tuple[FileChange, ...], message: str, when: datetime) -> Sha:
        """Make a commit object by the bot. The same arguments give the same id.

        A file that was executable stays so. Raises ForgeProblem for a path that could leave the tree, stands
        twice, is or lies under something that is no plain file, or is to be deleted and is not there.
        """
        if when.tzinfo is None:
            raise ValueError("a commit's time must be aware of its zone")
        listing = self._listing(_id(parent))
        modes = _modes(listing, changes)
        try:
            text = message.encode()
        except UnicodeEncodeError as bad:
            raise ForgeProblem("The commit message is not valid Unicode.", "Give another message.") from bad
        try:
            tree, wanted = self._store(parent, changes, modes)
        except OSError as failure:
            raise ForgeProblem(
                f"The commit could not be prepared: {failure.strerror or failure}.", "Check the temporary folder."
            ) from failure
        # git leaves a name out, and says nothing, that some file system would take for its own folder.
        asked = {path for path, entry in wanted.items() if listing.get(path) != entry}
        if left_out := asked.difference(self._differing(parent, tree)):
            raise ForgeProblem(f"git does not allow the path {min(left_out)!r}.", "Give another path.")
        date = f"@{int(when.astimezone(UTC).timestamp())} +0000"
        made = self._git.ask(
            "commit-tree", "--no-gpg-sign", "-p", parent, "-F", "-", tree, stdin=text,
            env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
        )
        return made.decode().strip()

    def parts(self, commit: Sha) -> CommitParts:
        """What a commit of the bot's was made of. Raises ForgeProblem for one that it can not have made."""
        self._must_exist(commit)
        return read_parts(self._git, commit)

    def is_on_a_branch(self, commit: Sha) -> bool:
        """Whether a branch of people's, here or as fetched from elsewhere, has the commit in its history.

        What was fetched of a pull request (`refs/remotes/pull/…`) is no branch of the repository.
        """
        if self.resolve(_id(commit)) != commit:
            return False
        out = self._git.ask(
            "for-each-ref", "--format=%(refname)", "--contains", commit, "refs/heads/", "refs/remotes/"
        )
        return any(_of_people(ref) for ref in out.decode("utf-8", "replace").splitlines())

    def set_branch(self, branch: BranchName, commit: Sha) -> None:
        """Make or move a branch of the bot's own. Raises ForgeProblem for any other branch.

        A branch that is checked out, or that has commits of somebody else which `commit` lacks, is not moved.
        """
        ref = self._ref(branch)
        self._must_exist(commit)
        worktrees = self._git.ask("worktree", "list", "--porcelain").decode("utf-8", "replace")
        if f"branch {ref}" in worktrees.splitlines():
            raise ForgeProblem(f"The branch {branch} is checked out, so it was not moved.", "Switch to another branch.")
        old = self.resolve(ref)
        if old == commit:
            return
        if old is not None and not self._may_replace(old, commit):
            raise _not_ours(branch, "the repository")
        self._git.ask("update-ref", "--no-deref", ref, commit, old or "0" * len(commit))

    def changed_paths(self, base: Sha, head: Sha) -> tuple[str, ...]:
        """The paths in which two commits differ, sorted. Bytes that are not UTF-8 are escaped with backslashes."""
        return self._differing(_id(base), _id(head))

    def diff(self, base: Sha, head: Sha) -> str:
        """The unified diff between two commits, without renames; the same whatever the repository's settings."""
        out = self._git.ask(
            "diff-tree", "-r", "-p", "-U3", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color",
            "--full-index", "--diff-algorithm=myers", "--src-prefix=a/", "--dst-prefix=b/", _id(base), _id(head),
        )
        return out.decode("utf-8", "replace")

    def tree(self, commit: Sha) -> Sha:
        """The tree id of a commit."""
        return self._git.ask("rev-parse", "--verify", f"{_id(commit)}^{{tree}}").decode().strip()

    def history(self, commit: Sha, path: str, lines: tuple[int, int] | None, most: int) -> tuple[PastCommit, ...]:
        """The commits that touched a file, or lines (first, last) of it as they stand at `commit`, newest first.

        Nothing when there is no such plain file, or when it lacks one of the lines. A file is not followed through
        renames, lines are. In a shallow clone, what is there. The same whatever the repository's settings and
        attributes. Raises ForgeProblem.
        """
        count = self._line_count(commit, path)
        if count is None or most < 1 or (lines is not None and not 1 <= lines[0] <= lines[1] <= count):
            return ()
        return read_history(self._git, commit, path, lines, most)

    def blame(self, commit: Sha, path: str, lines: tuple[int, int]) -> tuple[Sha, ...]:
        """For each of the lines (first, last) the commit that wrote it; in a shallow clone perhaps its edge.

        Nothing when they are not all there. The same whatever the settings and attributes. Raises ForgeProblem.
        """
        count = self._line_count(commit, path)
        if count is None or not 1 <= lines[0] <= lines[1] <= count:
            return ()
        return read_blame(self._git, commit, path, lines)

    def ignored(self, commit: Sha, paths: tuple[str, ...]) -> frozenset[str]:
        """Those of the paths that the .gitignore files at the commit ignore, though they are in the tree."""
        return ignored_paths(lambda path: self.read(commit, path), paths)

    def push(self, commit: Sha, branch: BranchName, url: str, credential: str) -> None:
        """Push a commit to a branch of a remote repository (https, or http on this machine, or a file URL).

        The credential is a token; it goes to git in its environment, as a header for this URL alone. A
        remote branch is replaced only if what would be lost is the bot's own. Raises ForgeProblem.
        """
        ref = self._ref(branch)
        self._must_exist(commit)
        check_url(url, credential)
        env, secrets = authorised(url, credential)
        done = self._git.run("ls-remote", "--", url, ref, env=env, secrets=secrets)
        if done.code != 0:
            raise push_failed(branch, url, done.err)
        heads = [line.split("\t")[0] for line in done.out.decode().splitlines() if line.endswith(f"\t{ref}")]
        old = heads[0] if heads else ""
        if old == commit:
            return
        if old and not (self.resolve(old) and self._may_replace(old, commit)):
            raise _not_ours(branch, url)
        # The lease makes the remote refuse if the branch moved since it was looked at.
        done = self._git.run(
            "push", "--quiet", "--no-verify", "--no-signed", f"--force-with-lease={ref}:{old}", "--", url,
            f"{commit}:{ref}", env=env, secrets=secrets,
        )
        if done.code != 0:
            raise push_failed(branch, url, done.err)

    # How

    def _line_count(self, commit: Sha, path: str) -> int | None:
        content = self.read(commit, path)
        if content is None:
            return None
        return content.count(b"\n") + (not content.endswith(b"\n") and content != b"")

    def _differing(self, base: Sha, head: Sha) -> tuple[str, ...]:
        out = self._git.ask("diff-tree", "-r", "-z", "--no-renames", "--name-only", base, head)
        return tuple(sorted(name.decode("utf-8", "backslashreplace") for name in out.split(b"\0")[:-1]))

    def _must_exist(self, commit: Sha) -> None:
        if self.resolve(_id(commit)) != commit:
            raise ForgeProblem(f"There is no commit {commit} in {self._git.path}.", "Run `git fetch` there.")

    def _store(
        self, parent: Sha, changes: tuple[FileChange, ...], modes: Mapping[str, str]
    ) -> tuple[Sha, dict[str, Entry]]:
        """Write blobs and a tree by way of an index of our own; return the tree and what was put into it."""
        with tempfile.TemporaryDirectory(prefix="whybot-index-") as folder:
            names = []
            for number, content in enumerate(change.content for change in changes if change.content is not None):
                name = f"{folder}/{number}"
                Path(name).write_bytes(content)
                names.append(f"{name}\n")
            hashed = self._git.ask("hash-object", "-w", "--no-filters", "--stdin-paths", stdin="".join(names).encode())
            oids = iter(hashed.decode().split())
            wanted = {
                change.path: Entry("0", "0" * len(parent)) if change.content is None
                else Entry(modes[change.path], next(oids)) for change in changes
            }
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self._git.ask("read-tree", parent, env=env)
            lines = "".join(f"{entry.mode} {entry.oid}\t{path}\0" for path, entry in wanted.items())
            self._git.ask("update-index", "-z", "--index-info", stdin=lines.encode(), env=env)
            return self._git.ask("write-tree", env=env).decode().strip(), wanted

    def _ref(self, branch: BranchName) -> str:
        ref = f"refs/heads/{branch}"
        try:
            _BRANCH.validate_python(branch)
        except ValidationError as bad:
            raise ForgeProblem(
                f"{branch!r} is no branch of the bot's own, so it was not touched.", "Its branches begin with whybot/."
            ) from bad
        if self._git.run("check-ref-format", ref).code != 0:
            raise ForgeProblem(f"{branch!r} is no name that git allows for a branch.", "Give another name.")
        return ref

    def _may_replace(self, old: Sha, new: Sha) -> bool:
        """True when all that `old` has and `new` lacks was committed by the bot."""
        lost = self._git.ask("log", "--no-show-signature", "--format=%ce", old, f"^{new}").decode("utf-8", "replace")
        return set(lost.splitlines()) <= {BOT_EMAIL}


def _id(commit: str) -> str:
    if not _SHA.fullmatch(commit):
        raise ForgeProblem(f"{commit[:80]!r} is no full commit id.", "Resolve the revision first.")
    return commit


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parents(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts)))


def _modes(listing: Listing, changes: tuple[FileChange, ...]) -> dict[str, str]:
    """The mode of each file that is written. Raises ForgeProblem for a change that must not be made."""
    gone = {change.path for change in changes if change.content is None}
    written = {change.path for change in changes if change.content is not None}
    if len(gone) + len(written) != len(changes) or gone & written:
        raise ForgeProblem("A path stands twice in the changes of a commit.", "Give one change a path.")
    files = (listing.keys() - gone) | written
    folders = {parent for path in files for parent in _parents(path)}
    modes = {}
    for path in sorted(gone | written):
        try:
            repo_path(path).encode()
        except ValueError as bad:
            raise ForgeProblem(
                f"A commit may not touch {path!r}: {bad}.", "Give a plain path inside the repository."
            ) from bad
        entry = listing.get(path)
        if entry is not None and entry.mode not in PLAIN_MODES:
            raise ForgeProblem(
                f"{path} is a symbolic link or a submodule, so it was not replaced.", "Change it by hand if it must be."
            )
        if path in gone and entry is None:
            raise ForgeProblem(f"{path} cannot be deleted, since the commit does not have it.", "Check the path.")
        if path in written:
            blocking = [parent for parent in _parents(path) if parent in files]
            if blocking or path in folders:
                raise ForgeProblem(
                    f"{path} cannot be written, since {blocking[0] if blocking else path} is "
                    f"{'no folder' if blocking else 'a folder'}.", "Give another path, or delete what is in the way.",
                )
            modes[path] = EXECUTABLE if entry is not None and entry.mode == EXECUTABLE else PLAIN
    return modes


def _of_people(ref: str) -> bool:
    _, kind, rest = ref.split("/", 2)
    name = rest if kind == "heads" else rest.partition("/")[2]
    return not name.startswith("whybot/") and not (kind == "remotes" and rest.startswith("pull/"))


def _not_ours(branch: str, where: str) -> ForgeProblem:
    return ForgeProblem(
        f"The branch {branch} of {where} has commits that are not the bot's, so it was not moved.",
        "Merge or rename that branch, then run `bot resume`.",
    )
