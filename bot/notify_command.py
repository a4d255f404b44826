"""`bot notify`: who is told of what, and a test notice on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.app import App, Options
from bot.domain.checkup import Remark
from bot.domain.errors import EXIT_ANSWER_IS_NO, UsageProblem
from bot.ports import Clock
from bot.progress import harmless, say, say_json, say_table
from bot.reports.json.notify import NotifyDocument, TestDelivery, ToldDestination
from bot.reports.notices import trial


def run_notify(
    test: str | None, state: Path, config: Path | None, *, json: bool,
    environ: Mapping[str, str] | None = None, clock: Clock | None = None,
) -> int:
    """Show the destinations, or send a test notice to one; return 1 when something keeps notices from arriving.

    Raises UsageProblem for a destination that there is not.
    """
    app = App.open(Options(state=state, config=config))
    app.environ = app.environ if environ is None else environ
    app.clock = clock or app.clock
    if test is not None and test not in app.config.notify:
        known = ", ".join(app.config.notify) or "none"
        raise UsageProblem(
            f"bot.toml has no [notify.{test}].", f"Those there are: {known}. `bot init --print` shows how."
        )
    told = tuple(_destinations(app))
    delivery = None if test is None else _sent(app, test)
    if json:
        say_json(NotifyDocument(destinations=told, test=delivery))
    elif delivery is not None:
        say(f"Delivered to {delivery.destination} as {delivery.id}." if delivery.delivered
            else f"Not delivered to {delivery.destination}: {delivery.why}")
    else:
        _show(told)
    bad = any(one.trouble for one in told) if delivery is None else not delivery.delivered
    return EXIT_ANSWER_IS_NO if bad else 0


def _destinations(app: App) -> Iterator[ToldDestination]:
    for name, config in app.config.notify.items():
        yield ToldDestination(
            name=name, format=config.format, events=config.events, focus=config.focus,
            least_priority=config.least_priority, signed=config.format == "json" and bool(config.secret_env),
            trouble=app.notifier.trouble(name),
        )


def _sent(app: App, name: str) -> TestDelivery:
    notice = trial(app.config.repository.name, name, app.clock.now())
    delivery = app.notifier.send(name, notice)
    return TestDelivery(destination=name, id=notice.id, delivered=delivery.delivered, why=delivery.why)


def _show(told: tuple[ToldDestination, ...]) -> None:
    if not told:
        say("Nobody is told of anything: bot.toml has no [notify.NAME].")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "format", "told of", "state"):
        table.add_column(heading, overflow="fold")
    for one in told:
        only = f"; only {', '.join(one.focus)}" if one.focus else ""
        urgent = "" if one.least_priority == "P3" else f"; {one.least_priority} or more urgent"
        form = f"{one.format}, {'signed' if one.signed else 'not signed'}" if one.format == "json" else one.format
        state = one.trouble or "address and secret are there"
        table.add_row(one.name, form, harmless(f"{', '.join(one.events)}{only}{urgent}"), harmless(state))
    say_table(table)
    say("\n`bot notify --test NAME` sends a test notice.")


def look_at_destinations(app: App) -> Iterator[Remark]:
    """What the doctor says of them. Nothing is sent."""
    for name, config in app.config.notify.items():
        what, trouble = f"notify {name}", app.notifier.trouble(name)
        if trouble:
            # A cycle runs without; and where it runs, the variables may be those of another job.
            yield Remark(what=what, state="note", said=f"{trouble}, so from here nothing can be sent there",
                         remedy="Set it where effects are published: here, or as a secret of the job in Actions.")
            continue
        unknown = sorted(set(config.focus) - set(app.config.focus))
        if unknown:
            yield Remark(what=what, state="missing", said=f"it names the focus {unknown[0]}, which there is not",
                         remedy=f"Mend `focus` under [notify.{name}].")
            continue
        signed = "Slack's, by its address" if config.format == "slack" else "signed JSON"
        if config.format == "json" and not config.secret_env:
            yield Remark(what=what, state="note", said="JSON without a signature: who receives it cannot tell by whom",
                         remedy=f"Set `secret_env` under [notify.{name}] where the receiver checks signatures.")
            continue
        said = f"{signed}; told of {', '.join(config.events)} (nothing was sent; `bot notify --test {name}` does)"
        yield Remark(what=what, state="ok", said=said)
