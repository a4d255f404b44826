"""Checks the accepted patch: its diff's counts and files, and that its edits make that diff of the kept code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from bot.domain.patch import Patch
from bot.domain.results import FiveWhys, Fixed, TestsWritten
from bot.proof.edits import FILE, apply_edits, diff_parts, unified_diff
from bot.recheck.material import REDACTED, Material
from bot.recheck.statement import Statement, judged, noted, same


def patches(material: Material) -> Iterator[Statement]:
    """Hold each accepted patch against its own diff, the frozen tests and the code that was kept."""
    frozen: set[str] = set()
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, TestsWritten):
            frozen = {file.path for file in step.result.files}
        if not isinstance(step.result, Fixed) or step.result.patch is None:
            continue
        patch, what = step.result.patch, f"step {number} ({step.step})"
        added, removed, paths = _counts(patch.diff)
        redacted = REDACTED.search(patch.diff) is not None
        for name, stored, again in (("lines added", patch.added, added), ("lines removed", patch.removed, removed)):
            if redacted and stored != again:
                yield noted(f"{what}, {name}", "its diff is redacted")
            else:
                yield same(f"{what}, {name}", stored, again, "its diff has")
        yield same(f"{what}, the files it changes", [file.path for file in patch.files], sorted(paths),
                   "its diff names")
        yield same(f"{what}, the files it edits", sorted({edit.path for edit in patch.edits}), sorted(paths),
                   "its diff names")
        touched = ", ".join(sorted(frozen & {file.path for file in patch.files}))
        yield judged(f"{what} leaves the tests as they are", f"it changes {touched}" if touched else "")
        yield from _applied(material, patch, what)


def _counts(diff: str) -> tuple[int, int, list[str]]:
    """Lines added and removed and the files of a unified diff."""
    signs = list(diff_parts(diff))
    return (sum(sign == "+" for sign, _ in signs), sum(sign == "-" for sign, _ in signs),
            [path for sign, path in signs if sign == FILE])


def sides(diff: str) -> dict[str, tuple[set[str], set[str]]]:
    """The lines that a unified diff shows of each file, before and after, without the white space at their ends."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    path = ""
    for sign, text in diff_parts(diff):
        if sign == FILE:
            path = text
            continue
        before, after = found.setdefault(path, (set(), set()))
        if sign != "+":
            before.add(text.rstrip())
        if sign != "-":
            after.add(text.rstrip())
    return found


def texts(material: Material, patch: Patch) -> tuple[dict[str, str], dict[str, str]] | str:
    """The files of a patch before and after it, byte for byte, or why the record does not give them, as a clause."""
    kept = _kept(material, patch)
    if isinstance(kept, str):
        return kept
    try:
        become = apply_edits(kept, patch.edits)
    except ValueError as error:
        return f"the edits cannot be applied: {error}"
    before, after = {}, {}
    for file in patch.files:
        for end in _ENDS:
            if hashlib.sha256(end(become[file.path]).encode()).hexdigest() == file.sha256:
                before[file.path], after[file.path] = end(kept[file.path]), end(become[file.path])
                break
        else:
            return f"the edits do not make the {file.path} of the patch"
    return before, after


_ENDS: tuple[Callable[[str], str], ...] = (
    lambda text: text, lambda text: f"{text}\n", lambda text: text.removesuffix("\n"),
)
"""What was kept as lines may have lost the line feed at its end."""


def _kept(material: Material, patch: Patch) -> dict[str, str] | str:
    """The files of a patch as the whys were shown them, or why they are not what was there."""
    found = material.record.latest(FiveWhys)
    places = {file.path: file.artifact for file in found.code} if found is not None else {}
    before = {file.path: text for file in patch.files
              if (text := material.text(places.get(file.path, ""))) is not None}
    lacking = sorted(file.path for file in patch.files if file.path not in before)
    if lacking:
        return f"the record does not keep {', '.join(lacking)}"
    if REDACTED.search(patch.diff) or any(REDACTED.search(text) for text in before.values()):
        return "the kept code is redacted"
    return before


def _applied(material: Material, patch: Patch, what: str) -> Iterator[Statement]:
    """The edits applied again, to files that the whys were shown, as far as those were kept."""
    before = _kept(material, patch)
    if isinstance(before, str):
        yield noted(f"{what}, its edits applied", before)
        return
    try:
        after = apply_edits(before, patch.edits)
    except ValueError as error:
        yield judged(f"{what}, its edits applied", str(error))
        return
    for file in patch.files:
        fits = file.sha256 in {hashlib.sha256(end(after[file.path]).encode()).hexdigest() for end in _ENDS}
        yield judged(f"{what}, what {file.path} becomes", "" if fits else
                     f"the edits give it another checksum than {file.sha256[:12]}…")
    ended = [unified_diff(_each(before, end), _each(after, end)) for end in ("", "\n")]
    yield judged(f"{what}, its diff from its edits", "" if patch.diff in ended else
                 "the edits, applied to the kept code, give another diff")


def _each(files: dict[str, str], end: str) -> dict[str, str]:
    """The files as they are, or each with a line feed at its end."""
    return {path: text if not end or text.endswith(end) else text + end for path, text in files.items()}
