"""Checks the stored exchanges with the model: that each is whole, and that what was charged is what it used."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pydantic import ValidationError

from bot.domain.asking import Charge, Exchange
from bot.domain.record import STEPS, StepRecord
from bot.model.prices import PRICES, PRICES_READ, cost
from bot.recheck.comparing import compared
from bot.recheck.material import Material, first_problem
from bot.recheck.statement import Statement, judged, noted, same


def stored(material: Material) -> Iterator[Statement]:
    """Hold each exchange's digest against its request, and name those that no step was charged for."""
    charged = {charge.digest for charge in material.record.charges}
    for name, found in material.exchanges.items():
        what = f"exchange {name[:12]}"
        if isinstance(found, str):
            yield judged(what, found)
            continue
        true = found.request.digest()
        yield judged(what, "" if name == found.digest == true else
                     f"its request has the digest {true[:12]}…, and it is stored under {name[:12]}…")
        if name in charged:
            yield judged(f"{what} was charged", "")
        elif material.unsettled or material.unread:
            yield noted(f"{what} was charged", "the record does not know it yet")
        else:
            yield judged(f"{what} was charged", f"no step was charged for it; it says step {found.request.step}")
        yield from _price(material, found)
    yield from _lost(material)


def charges(material: Material) -> Iterator[Statement]:
    """Hold each charge of a step against the exchange that it was for."""
    for number, step in enumerate(material.record.steps, 1):
        for charge in step.charges:
            if charge.lost:
                continue
            found = material.exchanges.get(charge.digest)
            what = f"step {number} ({step.step}), call {charge.digest[:12]}"
            if not isinstance(found, Exchange):
                yield judged(what, found or "the exchange that was charged is not there")
                continue
            yield from compared(f"{what}, usage", charge.usage, found.reply.usage, "its exchange")
            yield same(f"{what}, paid at", charge.paid_at, found.paid_at, "its exchange")
            yield judged(f"{what}, asked by", _asked_by(step, found))


def _asked_by(step: StepRecord, found: Exchange) -> str:
    asked = found.request.step, found.request.attempt
    # What was paid for and not used comes into the record with a later step.
    later = STEPS.index(asked[0]) > STEPS.index(step.step) if {asked[0], step.step} <= set(STEPS) else True
    if not later and (asked[0] != step.step or asked[1] <= step.attempt):
        return ""
    return f"it was asked by attempt {asked[1]} at {asked[0]}, and charged to attempt {step.attempt} at {step.step}"


def _price(material: Material, found: Exchange) -> Iterator[Statement]:
    """What the usage costs by the table. Prices may be configured, so another price is no failure."""
    usage, what = found.reply.usage, f"exchange {found.digest[:12]}, cost"
    if found.request.model.startswith(("script:", "replay:")):
        yield judged(what, "" if usage.cost_usd == Decimal(0) else
                     f"it says {usage.cost_usd} USD, and answers from files cost nothing")
        return
    price = PRICES.get(found.request.model)
    if price is None or usage.cost_usd is None:
        yield noted(what, f"the price table has no {found.request.model!r}" if price is None else "it is unknown")
        return
    again = cost(price, usage)
    if again == usage.cost_usd:
        yield judged(what, "")
    else:
        yield noted(what, f"it says {usage.cost_usd} USD; by the table of {PRICES_READ} it is {again} USD, so prices "
                          "were configured or have changed, or the cost is not true")


def _lost(material: Material) -> Iterator[Statement]:
    """Notes of calls that gave no stored reply."""
    noticed = {(charge.digest, charge.lost): charge for charge in material.record.charges if charge.lost}
    for name, content in material.files.items():
        if not (name.startswith("exchanges/lost/") and name.endswith(".json")):
            continue
        try:
            charge = Charge.model_validate_json(content)
        except (ValidationError, RecursionError) as error:
            yield judged(name, f"it is not the note of a call ({first_problem(error)})")
            continue
        file = name.rpartition("/")[2]
        yield judged(name, "" if file == f"{charge.digest}-{charge.lost}.json" else "it notes another call")
        known = noticed.get((charge.digest, charge.lost))
        if known is not None:
            yield from compared(f"{name}, usage", known.usage, charge.usage, "its note")
