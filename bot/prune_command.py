"""`bot prune`: removes old records and what nobody needs from a state. Without `--yes` it only says what would go."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.app import App, Options
from bot.domain.base import counted
from bot.domain.errors import UsageProblem
from bot.domain.pruning import Item, Wish
from bot.domain.record import focus_slug
from bot.engine.pruning import Pruner
from bot.progress import harmless, say, say_json, say_table
from bot.reports.json.prune import prune_document

_SECONDS = {"h": 3_600, "d": 86_400, "w": 7 * 86_400}
_BYTES = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000, "t": 1_000_000_000_000,
          "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_MOST_SECONDS = 1_000 * 365 * 86_400


@dataclass(frozen=True)
class PruneOptions:
    """What the command line asks for."""

    state: Path
    config: Path | None = None
    older_than: str | None = None
    keep: str | None = None
    focus: str | None = None
    snapshots: bool = False
    yes: bool = False
    wait_s: float = 0.0
    json: bool = False


def run_prune(options: PruneOptions) -> int:
    """Show what would go, or remove it; return the exit code.

    Raises UsageProblem for an age, a size or a focus that is none, StateLocked while another process is at work here,
    RecordDamaged for a ledger of the state that cannot be believed, ConfigProblem where something cannot be removed.
    """
    wish = Wish(
        older_than=None if options.older_than is None else age_of(options.older_than),
        keep=None if options.keep is None else size_of(options.keep),
        focus=None if options.focus is None else focus_slug(options.focus), snapshots=options.snapshots,
    )
    app = App.open(Options(state=options.state, config=options.config))
    if wish.focus is not None and not app.store.cycles(wish.focus):
        known = ", ".join(sorted({ref.focus for ref in app.store.cycles()}))
        raise UsageProblem(f"There is no run on the focus {options.focus!r} in {options.state}.",
                           f"There are runs on: {known}." if known else "There are none at all.")
    pruner = Pruner(app.store, app.clock)
    done = options.yes and options.state.exists()
    if done:
        with app.lock("bot prune", options.wait_s):
            items = pruner.prune(wish)
    else:
        items = pruner.plan(wish)
    if options.json:
        say_json(prune_document(str(options.state), wish, items, done=done))
    else:
        _show(app, wish, items, done=done)
    return 0


def age_of(given: str) -> timedelta:
    """An age such as `30d`. Raises UsageProblem."""
    found = re.fullmatch(r"([0-9]{1,9})([hdw])", given.strip())
    seconds = 0 if found is None else int(found[1]) * _SECONDS[found[2]]
    if found is None or seconds > _MOST_SECONDS:
        raise UsageProblem(f"--older-than {given!r} is no age.", "Give hours, days or weeks: 12h, 30d, 8w.")
    return timedelta(seconds=seconds)


def size_of(given: str) -> int:
    """A size such as `2GB` (of 1,000 MB) or `2GiB` (of 1,024 MiB), in bytes. Raises UsageProblem."""
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,3})?) ?((?:[kmgt]i?)?)b?", given.strip().lower())
    if found is None:
        raise UsageProblem(f"--keep {given!r} is no size.", "Give one such as 500MB, 2GB or 1.5GiB.")
    return int(float(found[1]) * _BYTES[found[2]])


def size_in_words(size: int) -> str:
    """A size for people."""
    shown, unit = float(size), 0
    while shown >= 999.5 and unit < len(_UNITS) - 1:
        shown, unit = shown / 1_000, unit + 1
    if unit == 0:
        return counted(size, "byte")
    return f"{shown:.0f} {_UNITS[unit]}" if shown >= 99.95 else f"{shown:.1f} {_UNITS[unit]}"


def _show(app: App, wish: Wish, items: Sequence[Item], *, done: bool) -> None:
    going = [item for item in items if item.goes]
    staying = [item for item in items if not item.goes]
    if going:
        _say_going(going)
        total = size_in_words(sum(item.holding.size for item in going))
        say(f"\n{'Removed' if done else 'To be removed'}: {counted(len(going), 'thing')}, {total}.")
    else:
        say(f"Nothing {'went' if done else 'would go'}.")
    if staying:
        say("\nWhat stays:\n")
        _say_staying(staying)
    for sentence in _remarks(app, wish, going, done=done):
        say(f"\n{sentence}")


def _remarks(app: App, wish: Wish, going: Sequence[Item], *, done: bool) -> list[str]:
    kinds = {item.holding.kind for item in going}
    said = []
    if "run" in kinds:
        said.append(f"What later cycles have to know of these runs {'is' if done else 'will be'} kept in "
                    f"{app.state}/ledger.json: incidents that are known or fixed, issue numbers, what was spent. "
                    f"Their reports, evidence and replies {'are' if done else 'will be'} gone.")
    if "snapshots" in kinds:
        said.append("A record without its log entries cannot be rechecked, and its cycle cannot be gone over again.")
    if wish.older_than is None and wish.keep is None and not wish.snapshots:
        said.append("Records go by --older-than or --keep.")
    if not done and going:
        busy = " Another process works on this state just now, so it would have to wait." if app.store.held() else ""
        said.append(f"Nothing was removed. The same command with --yes does it.{busy}")
    return said


def _say_going(items: Sequence[Item]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what")
    table.add_column("size", justify="right", no_wrap=True)
    for heading in ("last used", "where", "why it goes"):
        table.add_column(heading, overflow="fold")
    for item in items:
        cycles = counted(len(item.holding.cycles), "cycle")
        what = {"run": f"run of {cycles}", "snapshots": f"log entries of {cycles}"}.get(
            item.holding.kind, item.holding.kind)
        table.add_row(what, size_in_words(item.holding.size), f"{item.holding.used_at:%Y-%m-%d %H:%M}",
                      harmless(item.holding.path), harmless(item.why))
    say_table(table)


def _say_staying(items: Sequence[Item]) -> None:
    """In few lines: what is alike in one."""
    from rich.table import Table

    alike: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        alike[item.holding.kind, item.why].append(item)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what")
    table.add_column("size", justify="right", no_wrap=True)
    for heading in ("where", "why it stays"):
        table.add_column(heading, overflow="fold")
    for (kind, why), same in sorted(alike.items()):
        where = same[0].holding.path if len(same) == 1 else counted(len(same), "folder")
        size = size_in_words(sum(item.holding.size for item in same))
        table.add_row(kind, size, harmless(where), harmless(why))
    say_table(table)
