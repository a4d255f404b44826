"""The verdict on staging against histories whose truth is known: python -m tests.bench.staging [--tuned] [--each N].

One row a kind: how often each verdict was given. The judge's numbers were chosen on the seeds of `--tuned`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from bot.domain.staging import StagingOutcome
from tests.staging_histories import BEYOND, REPORTED, TUNED, Shares, Told, by_kind, shares, told


def main() -> None:
    """Judge all and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tuned", action="store_true", help="the seeds that the judge was made with")
    parser.add_argument("--each", type=int, default=len(REPORTED), help="histories of each kind")
    given = parser.parse_args()
    start = (TUNED if given.tuned else REPORTED).start
    began = time.perf_counter()
    said = list(told(range(start, start + given.each)))
    seen_alike = list(told(range(start, start + given.each), BEYOND))
    for line in (*rows(said), "", "What no log can tell, in none of the figures above:", *table(seen_alike)):
        sys.stdout.write(line + "\n")
    many = len(said) + len(seen_alike)
    sys.stdout.write(f"\n{(time.perf_counter() - began) / many * 1000:.0f} ms a history, made and judged\n")


def rows(said: list[Told]) -> Iterator[str]:
    """The table, then the figures over all."""
    yield from table(said)
    yield ""
    yield from figures(shares(said))


def table(said: list[Told]) -> Iterator[str]:
    """One row a kind; what is right stands out."""
    yield "| truth | history | " + " | ".join(outcome.words for outcome in StagingOutcome) + " |"
    yield "|---|---|" + "---:|" * len(StagingOutcome)
    for kind, counts in by_kind(said).items():
        cells = (f"**{counts[one]}**" if one is kind.right else str(counts[one] or "") for one in StagingOutcome)
        yield f"| {kind.right.words} | {kind.name} | " + " | ".join(cells) + " |"


def figures(found: Shares) -> Iterator[str]:
    """The aims and what was reached."""
    yield f"histories: {found.histories}, of them not gone: {found.not_gone}"
    wrongly = found.wrongly_gone / found.not_gone
    yield f"wrongly gone: {found.wrongly_gone} ({wrongly:.2%} of those not gone; aim: under 1%)"
    yield f"right of those given: {found.right} of {found.given} ({found.right / found.given:.1%}; aim: at least 95%)"
    yield f"too little to say: {found.too_little} ({found.too_little / found.histories:.1%}; aim: at most 20%)"


if __name__ == "__main__":
    main()
