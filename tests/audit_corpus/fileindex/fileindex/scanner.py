"""Walks a folder and hashes its files."""

import fnmatch
import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

CHUNK = 64 * 1024


@dataclass(frozen=True, order=True)
class FileRecord:
    """A file in the index."""

    path: str
    size: int
    digest: str


def digest_of(path, chunk=CHUNK):
    """The SHA-256 of a file, read in chunks."""
    state = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(chunk):
            state.update(block)
    return state.hexdigest()


def ignored(name, patterns):
    """Whether a name matches one of the patterns."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def scan(root, config, *, include_hidden=False, on_error=None):
    """Records of the files below root, sorted by path, with `/` in their paths.

    Ignored names, files larger than `max_size`, symbolic links, and (unless include_hidden) everything hidden,
    folders with all that is in them included, are left out. Files that cannot be read are given to on_error, or
    raise when there is none.
    """
    root = Path(root)
    if not root.is_dir():
        raise NotADirectoryError(root)
    records = []
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not ignored(name, config.ignore))
        for name in sorted(files):
            path = Path(folder) / name
            if ignored(name, config.ignore) or path.is_symlink():
                continue
            if name.startswith(".") and not include_hidden:
                continue
            try:
                size = path.stat().st_size
                if size > config.max_size:
                    continue
                records.append(FileRecord(path.relative_to(root).as_posix(), size, digest_of(path)))
            except OSError as error:
                if on_error is None:
                    raise
                on_error(path, error)
    return sorted(records)


def duplicates(records):
    """Groups of paths with the same content, the largest files first; empty files are no duplicates."""
    groups = defaultdict(list)
    for record in records:
        if record.size:
            groups[record.size, record.digest].append(record.path)
    found = [(key, sorted(paths)) for key, paths in groups.items() if len(paths) > 1]
    return [paths for _, paths in sorted(found, key=lambda item: (-item[0][0], item[1]))]


def compare(old, new):
    """Paths that were added, removed and changed between two lists of records."""
    before = {record.path: record.digest for record in old}
    after = {record.path: record.digest for record in new}
    return {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(path for path in before.keys() & after.keys() if before[path] != after[path]),
    }
