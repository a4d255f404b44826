"""Checks the whys: the gate runs again over the stored answer and evidence; each citation is looked up by itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from bot.domain.asking import Exchange
from bot.domain.evidence import CheckedCitation, CodeCitation, EvidencePack, Support
from bot.domain.proposals import ProposedWhys
from bot.domain.results import FiveWhys, Retrieved
from bot.evidence.citations import stands
from bot.evidence.code import CodeAt
from bot.evidence.ground import Ground
from bot.evidence.shown import shown_item
from bot.evidence.whys import CheckedWhys, check_whys
from bot.recheck.answers import AGAIN, NOT_KEPT, answers, no_answer
from bot.recheck.comparing import compared
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted, same


def whys(material: Material) -> Iterator[Statement]:
    """Run the gate again over the stored answer, snapshot and code; all that it gives must be what the record says."""
    for number, step in enumerate(material.record.steps, 1):
        if not isinstance(step.result, FiveWhys):
            continue
        what = f"step {number} ({step.step})"
        asked = material.exchanges_of(step)
        ground = _ground(material, step.result)
        if isinstance(ground, str):
            yield judged(what, ground)
            continue
        if not material.older:
            yield from _shown(what, step.result.pack, asked)
        if not asked:
            yield noted(f"{what}, its answer", NOT_KEPT)
        elif material.older:
            yield noted(f"{what}, its whys", f"rules and answers of schema {material.schema} were others")
        else:
            yield from _gated(material, what, step.result, asked, ground)


def citations(material: Material) -> Iterator[Statement]:
    """Look up each citation that is said to hold, without the gate: its quote stands there, or it does not."""
    for number, step in enumerate(material.record.steps, 1):
        if not isinstance(step.result, FiveWhys):
            continue
        code = _code(material, step.result)
        for place, checked in _citations(step.result):
            what = f"step {number} ({step.step}), {place}"
            if not checked.holds:
                yield judged(what, "" if checked.reason else "it does not hold, and no reason is given")
            elif isinstance(checked.citation, CodeCitation) and code is None:
                yield noted(what, "the record keeps no code, so this needs the repository")
            else:
                yield judged(what, _missing(material, checked, code))


def _ground(material: Material, result: FiveWhys) -> Ground | str:
    """What the whys were held against, or why it cannot be had."""
    incident, entries = material.incident, material.entries
    if incident is None:
        return "it has whys without an incident"
    if isinstance(entries, str):
        return f"the snapshot cannot be read: {entries}"
    return Ground(incident, result.pack, entries, _code(material, result), *_places(result))


def _places(result: FiveWhys) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Product globs and test folders, where the result keeps them; else every file counts as product."""
    return result.product or ("**",), result.tests


def _may_be_elsewhere(result: FiveWhys) -> bool:
    """Whether a cause may be unproven for a reason that cannot be looked at here."""
    cause = result.root_cause
    return cause is not None and cause.support is Support.UNPROVEN and not result.product


def _code(material: Material, result: FiveWhys) -> CodeAt | None:
    """The code that was kept, as evidence; it was redacted before it was stored. None where none could be kept."""
    retrieved = material.record.latest(Retrieved)
    if retrieved is None or retrieved.commit is None or (material.older and not result.code):
        return None
    places = {file.path: file.artifact for file in result.code}
    listed = material.text(result.paths) if result.paths else None

    @cache
    def read(path: str) -> str | None:
        return material.text(places[path]) if path in places else None

    files = {*places, *(listed or "").splitlines()}
    return CodeAt(retrieved.commit.sha, read, tuple(sorted(files)), lambda text: text)


def _shown(what: str, pack: EvidencePack, asked: tuple[Exchange, ...]) -> Iterator[Statement]:
    """The model was shown what the record says it was shown."""
    if not asked:
        return
    prompt = "\n".join(message.text for message in asked[0].request.messages[:1])
    for item in pack.items:
        yield judged(f"{what}, item {item.id} of its evidence", "" if shown_item(item, pack.commit) in prompt else
                     "the prompt of its first question does not hold it so")


def _gated(
    material: Material, what: str, result: FiveWhys, asked: tuple[Exchange, ...], ground: Ground
) -> Iterator[Statement]:
    proposed = list(answers(asked, ProposedWhys, material.keeps_emails))
    if not proposed:
        yield no_answer(what)
        return
    again = _chosen([check_whys(answer, ground) for answer in proposed]).result
    for number, (left, right) in enumerate(zip(result.whys, again.whys, strict=False), 1):
        yield from compared(f"{what}, why {number}", left, right, AGAIN)
    yield same(f"{what}, number of whys", len(result.whys), len(again.whys), AGAIN)
    if result.root_cause != again.root_cause and _may_be_elsewhere(result):
        yield noted(f"{what}, root cause", "it is unproven, maybe for where its suspects are, and the record does not "
                    "keep what is the service's own code")
    else:
        yield from compared(f"{what}, root cause", result.root_cause, again.root_cause, AGAIN)
    for number, (one, other) in enumerate(zip(result.ruled_out, again.ruled_out, strict=False), 1):
        yield from compared(f"{what}, hypothesis ruled out {number}", one, other, AGAIN)
    yield same(f"{what}, number of hypotheses ruled out", len(result.ruled_out), len(again.ruled_out), AGAIN)
    yield from compared(f"{what}, remediation", result.remediation, again.remediation, AGAIN)
    yield same(f"{what}, why the chain is not longer", result.stopped, again.stopped, AGAIN)


def _chosen(checked: list[CheckedWhys]) -> CheckedWhys:
    """The answer that counts, by the rule of `bot/model/asking.py`: the first that nothing speaks against, or of two
    the better founded.
    """
    first = checked[0]
    if len(checked) == 1 or not first.failures or len(checked[1].failures) > len(first.failures):
        return first
    return checked[1]


def _citations(result: FiveWhys) -> Iterator[tuple[str, CheckedCitation]]:
    for number, why in enumerate(result.whys, 1):
        for at, checked in enumerate(why.citations, 1):
            yield f"why {number}, citation {at}", checked
        for at, ruled in enumerate(why.ruled_out, 1):
            for inner, checked in enumerate(ruled.citations, 1):
                yield f"why {number}, hypothesis ruled out {at}, citation {inner}", checked
    for at, ruled in enumerate(result.ruled_out, 1):
        for inner, checked in enumerate(ruled.citations, 1):
            yield f"hypothesis ruled out {at}, citation {inner}", checked


def _missing(material: Material, checked: CheckedCitation, code: CodeAt | None) -> str:
    """Why the quote does not stand where it is cited; empty when it does."""
    citation = checked.citation
    if not citation.quote.strip():
        return "it quotes nothing"
    if isinstance(citation, CodeCitation):
        lines = None if code is None else code.lines(citation.path)
        if lines is None:
            return f"the record keeps no {citation.path}"
        if code is not None and citation.commit != code.commit:
            return f"it names the commit {citation.commit[:12]}, and the code is of {code.commit[:12]}"
        there = 1 <= citation.line <= len(lines) and stands(citation.quote, lines[citation.line - 1])
        return "" if there else f"the quote does not stand in {citation.path}:{citation.line}"
    if isinstance(material.entries, str):
        return f"the snapshot cannot be read: {material.entries}"
    texts = [entry.text for entry in material.entries if entry.insert_id == citation.insert_id]
    if not texts:
        return f"the snapshot has no entry {citation.insert_id}"
    return "" if any(stands(citation.quote, text) for text in texts) else (
        f"the quote does not stand in the entry {citation.insert_id}"
    )
