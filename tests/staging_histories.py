"""Histories of a simulated staging whose truth is known: what the log would show of an incident before and since a fix.

A history is a function of its kind and its seed. The numbers of the judge were chosen on the seeds of TUNED; the table
that counts is of REPORTED, on which none was. Whoever changes a number after a look at these takes others. The world
here is not the judge's model: traffic has a random drift, bursts have lengths and sizes of their own, and what the
judge has to find out is not told to it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from bot.domain.moments import nanoseconds_of, rfc3339
from bot.domain.staging import (
    FaceCount,
    LogStretch,
    OtherFace,
    StagingCell,
    StagingObserved,
    StagingOutcome,
    StagingRevision,
)
from bot.proof.staging.judging import judge

TUNED = range(30)
REPORTED = range(2_000, 2_030)
FINGERPRINT = "v2-00000000000000aa"
FACE = "v2-00000000000000bb"
FIX = "f" * 40
GONE, THERE, NOT_DEPLOYED = StagingOutcome.GONE, StagingOutcome.STILL_THERE, StagingOutcome.NOT_DEPLOYED
TOO_LITTLE, CHANGED = StagingOutcome.TOO_LITTLE, StagingOutcome.CHANGED_FACE
DAY = 24

Rate = Callable[[int], float]


def always(_: int) -> float:
    return 1.0


@dataclass
class Run:
    """One revision: from when it is there, whether it has the fix (and whether anybody knows), its share of traffic."""

    name: str
    first: int
    carries: bool
    share: Rate
    ill: float = 0.0
    """The share of the old rate at which it has the incident."""
    known: bool = True
    chatter: float = 1.0
    """How much else it logs, against the other revisions."""


@dataclass
class World:
    """What a history is made of. Hours count from its beginning; `fix` is when the fix goes into service."""

    random: Random
    days_before: int
    days_since: int
    weekly: float
    peak: float
    driver: str = "traffic"
    season: Rate = always
    ill_when: Rate = always
    bursts: tuple[float, float] | None = None
    """Bursts a week and hours of one; the rate between them is nothing."""
    bursts_left: float = 1.0
    """The share of bursts that still come with the fix."""
    amount: Rate = always
    """Of traffic, beside the time of day."""
    kept: Rate = always
    """Of the incident's and other entries; requests are logged by another way."""
    kept_of_requests: Rate = always
    stretches: list[LogStretch] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    committed: int = -1
    face: Callable[[int, Run], float] | None = None
    stray: int = 0
    starts_known: bool = True
    others_known: bool = True
    wrapped: float = 0.0
    """Entries of other groups for each occurrence."""

    @property
    def fix(self) -> int:
        return self.days_before * DAY + self.offset

    @property
    def hours(self) -> int:
        return (self.days_before + self.days_since) * DAY

    offset: int = 0


def poisson(random: Random, mean: float) -> int:
    if mean <= 0:
        return 0
    if mean > 40:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    level, count, product = math.exp(-mean), 0, random.random()
    while product > level:
        count += 1
        product *= random.random()
    return count


def world(random: Random, least_days: int = 4, most_days: int = 24, **changes: object) -> World:
    made = World(
        random, random.randint(12, 35), random.randint(least_days, most_days),
        weekly=10 ** random.uniform(1.3, 3.0), peak=10 ** random.uniform(1.5, 3.2), offset=random.randint(-9, 9),
        starts_known=random.random() < 0.7, others_known=random.random() < 0.85, wrapped=random.choice([0, 0, 1, 2]),
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def before(made: World, ill: float = 1.0) -> None:
    """Revisions without the fix, one after another, until the fix goes into service."""
    cuts = sorted(made.random.sample(range(DAY, made.fix - 12), made.random.randint(0, 5)))
    for number, (first, after) in enumerate(zip([0, *cuts], [*cuts, made.fix], strict=True)):
        made.runs.append(Run(f"api-{number:05d}", first, carries=False, share=between(first, after), ill=ill))


def since(made: World, ill: float = 0.0, revisions: int | None = None, share: Rate = always) -> None:
    """Revisions with the fix, one after another, until the end."""
    many = made.random.randint(1, 3) if revisions is None else revisions
    cuts = sorted(made.random.sample(range(made.fix + 12, made.hours), many - 1))
    for number, (first, after) in enumerate(zip([made.fix, *cuts], [*cuts, made.hours], strict=True)):
        made.runs.append(Run(f"api-1{number:04d}", first, carries=True, share=within(first, after, share), ill=ill))


def between(first: int, after: int) -> Rate:
    return lambda at: 1.0 if first <= at < after else 0.0


def within(first: int, after: int, share: Rate) -> Rate:
    return lambda at: share(at) if first <= at < after else 0.0


def nights(at: int) -> float:
    return 1.0 if at % DAY in {22, 23, 0, 1, 2, 3, 4, 5} else 0.0


def make(made: World) -> StagingObserved:
    """Let the world run, and note what its log shows."""
    random = made.random
    begins = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=random.randrange(200))
    weekday, weekends, dip = begins.weekday(), random.choice([1.0, 0.6, 0.25]), random.uniform(0.05, 0.8)
    chatter, drift, level = random.choice([0.2, 1.0, 4.0]), 0.0, _bursts(made)
    base = _normal(made, weekday, weekends, dip)
    cells, face = [], []
    traced = made.stray
    for at in range(made.hours):
        drift = 0.9 * drift + random.gauss(0, 0.12)
        usual = made.peak * _of_day(at, weekday, weekends, dip) * math.exp(drift)
        for run in made.runs:
            share = run.share(at)
            if share <= 0:
                continue
            traffic = poisson(random, usual * share * made.amount(at))
            starts = poisson(random, 0.03 * share + traffic / 1500) + (random.randint(1, 4) if at == run.first else 0)
            exposed = {"traffic": traffic, "starts": starts, "time": share * float(traffic > 0)}[made.driver]
            due = exposed * base * made.season(at) * level[at]
            ill = run.ill * (made.ill_when(at) if run.carries else 1.0)
            true = poisson(random, due * ill)
            usual_others = run.chatter * (traffic * chatter + 1.5 * share) * random.gammavariate(12, 1 / 12)
            others = poisson(random, usual_others + true * made.wrapped)
            seen = _thin(random, true, made.kept(at))
            begun = 0
            if run.carries and traced and at <= run.first + 1:
                begun, traced = traced, 0
            if made.face is not None:
                shown = poisson(random, exposed * base * made.season(at) * level[at] * made.face(at, run))
                face += [FaceCount(bin=at, revision=run.name, occurrences=shown)] * bool(shown)
            traffic = _thin(random, traffic, made.kept_of_requests(at))
            others = _thin(random, others, made.kept(at))
            if traffic or starts or others or seen or begun:
                cells.append(StagingCell(
                    bin=at, revision=run.name, traffic=traffic, starts=starts if made.starts_known else 0,
                    others=others if made.others_known else 0, occurrences=seen + begun, begun_before=begun))
    start = nanoseconds_of(begins)
    hour = 3_600 * 10**9
    return StagingObserved(
        service="api", fingerprint=FINGERPRINT, begins=rfc3339(start), bin_seconds=3_600, bins=made.hours,
        starts_known=made.starts_known, others_known=made.others_known, fix_commit=FIX,
        fix_committed_at=rfc3339(start + (made.fix - 2 if made.committed < 0 else made.committed) * hour),
        revisions=tuple(
            StagingRevision(revision=run.name, first_seen=rfc3339(start + run.first * hour),
                            carries=run.carries if run.known else None) for run in made.runs),
        cells=tuple(cells), log=tuple(made.stretches),
        faces=(OtherFace(fingerprint=FACE, why="same root location", counts=tuple(face)),) if face else (),
    )


def _of_day(at: int, weekday: int, weekends: float, dip: float) -> float:
    light = dip + (1 - dip) * max(0.0, math.sin(math.pi * ((at % DAY) - 5) / 17))
    return light * (weekends if (weekday + at // DAY) % 7 >= 5 else 1.0)


def _normal(made: World, weekday: int, weekends: float, dip: float) -> float:
    """The rate for one unit of exposure that gives `weekly` occurrences a week, on average before the fix."""
    hours = range(made.fix)
    due = made.weekly * made.fix / (7 * DAY)
    light = [_of_day(at, weekday, weekends, dip) * made.season(at) for at in hours]
    if made.driver == "traffic":
        return due / (made.peak * sum(light))
    if made.driver == "starts":
        return min(0.9, due / sum(0.03 + made.peak * much / 1500 for much in light))
    return due / sum(made.season(at) for at in hours)


def _bursts(made: World) -> list[float]:
    if made.bursts is None:
        return [1.0] * made.hours
    a_week, hours = made.bursts
    level = [0.0] * made.hours
    at = made.random.expovariate(a_week / 168)
    while at < made.hours:
        size, left = made.random.lognormvariate(-0.3, 0.8), max(1, round(made.random.expovariate(1 / hours)))
        if at < made.fix or made.bursts_left == 1 or made.random.random() < made.bursts_left:
            for hour in range(int(at), min(made.hours, int(at) + left)):
                level[hour] += size * 168 / (a_week * hours)
        at += made.random.expovariate(a_week / 168)
    return level


def _thin(random: Random, count: int, share: float) -> int:
    if share >= 1:
        return count
    if count > 40:
        return min(count, poisson(random, count * share))
    return sum(random.random() < share for _ in range(count))


# Kinds: fixed


def steady(random: Random) -> World:
    made = world(random)
    before(made)
    since(made)
    return made


def bursts(random: Random) -> World:
    made = world(random, 7, bursts=(random.uniform(8, 25), random.uniform(1, 4)))
    before(made)
    since(made)
    return made


def weekly_bursts(random: Random) -> World:
    made = world(random, 7, bursts=(random.uniform(0.8, 1.5), random.uniform(2, 8)))
    before(made)
    since(made)
    return made


def at_night(random: Random) -> World:
    made = world(random, 5, season=nights)
    before(made)
    since(made)
    return made


def on_weekdays(random: Random) -> World:
    phase = random.randrange(7)
    made = world(random, 7, season=lambda at: 1.0 if (at // DAY + phase) % 7 < 5 else 0.0)
    before(made)
    since(made)
    return made


def at_start(random: Random) -> World:
    made = world(random, 7, driver="starts", starts_known=random.random() < 0.9)
    before(made)
    since(made)
    return made


def by_the_clock(random: Random) -> World:
    made = world(random, 5, driver="time")
    before(made)
    since(made)
    return made


def rare(random: Random) -> World:
    made = world(random, 7, weekly=random.uniform(3, 15))
    before(made)
    since(made)
    return made


def canary(random: Random) -> World:
    made = world(random, 7)
    _split(made, ill=0.0)
    return made


def slow_ramp(random: Random) -> World:
    made = world(random, 8)
    _ramp(made, ill=0.0)
    return made


def began_lately(random: Random) -> World:
    made = world(random, 5)
    before(made)
    at = made.fix - random.randint(2, 6) * DAY
    for run in made.runs:
        run.share = _until(run.share, at)
        run.ill = 0.0
    made.runs.append(Run("api-00900", at, carries=False, share=between(at, made.fix), ill=1.0))
    made.runs = [run for run in made.runs if run.first < at or run.name == "api-00900"]
    since(made)
    return made


def neighbour(random: Random) -> World:
    rate = random.uniform(0.05, 1.0)
    made = world(random, face=lambda _, __: rate)
    before(made)
    since(made)
    return made


def known_sampling(random: Random) -> World:
    made = world(random, 6)
    share = random.choice([0.5, 0.25, 0.1])
    made.kept = lambda at: share if at >= made.fix else 1.0
    before(made)
    since(made)
    made.stretches.append(LogStretch(first_bin=made.fix, last_bin=made.hours - 1, kept=share))
    return made


def part_of_log_lost(random: Random) -> World:
    made = world(random, 8)
    before(made)
    since(made)
    first = random.randint(made.fix, made.hours - 3 * DAY)
    hole = between(first, first + random.randint(6, 48))
    made.kept = made.kept_of_requests = lambda at: 1.0 - hole(at)
    return made


def late_deploy(random: Random) -> World:
    made = world(random, 8)
    before(made)
    made.committed = made.fix - random.randint(2, 9) * DAY
    since(made)
    return made


def stray_request(random: Random) -> World:
    made = world(random, 5, stray=random.randint(1, 4))
    before(made)
    since(made)
    return made


def unknown_before(random: Random) -> World:
    made = world(random, 5)
    before(made)
    for run in made.runs:
        run.known = random.random() < 0.5
    since(made)
    return made


def fixed_and_busier(random: Random) -> World:
    made = world(random, 4)
    factor = random.uniform(1.5, 6)
    made.amount = lambda at: factor if at >= made.fix else 1.0
    before(made)
    since(made)
    return made


def quieter_revision(random: Random) -> World:
    """The revision with the fix logs less of everything else, which looks like a log that is sampled."""
    made = world(random, 6)
    before(made)
    since(made)
    for run in made.runs:
        run.chatter = 0.4 if run.carries else 1.0
    return made


# Kinds: not fixed


def same_rate(random: Random) -> World:
    made = steady(random)
    return _ill(made, 1.0)


def reduced(random: Random) -> World:
    return _ill(steady(random), 0.3)


def reduced_bursts(random: Random) -> World:
    return _ill(bursts(random), 0.3)


def reduced_to_a_tenth(random: Random) -> World:
    return _ill(steady(random), 0.1)


def only_at_night(random: Random) -> World:
    made = _ill(steady(random), 1.0)
    made.ill_when = nights
    return made


def on_one_revision(random: Random) -> World:
    made = world(random, 6)
    before(made)
    since(made, revisions=3)
    random.choice(made.runs[-3:]).ill = 1.0
    return made


def not_deployed(random: Random) -> World:
    made = world(random)
    before(made)
    made.runs[-1].share = between(made.runs[-1].first, made.hours)
    return made


def deploy_gap(random: Random) -> World:
    """Committed long ago, deployed hours before the end, and not helping."""
    made = world(random, 1, 1)
    made.offset = random.randint(6, 20)
    made.committed = made.fix - random.randint(3, 8) * DAY
    before(made)
    since(made, ill=1.0, revisions=1)
    return made


def changed_face(random: Random) -> World:
    made = world(random, 5)
    rate = random.uniform(0.3, 1.2)
    made.face = lambda _, run: rate if run.carries else 0.0
    before(made)
    since(made)
    return made


def changed_into_neighbour(random: Random) -> World:
    made = world(random, 6)
    rate = random.uniform(0.02, 0.2)
    made.face = lambda _, run: rate + (0.9 if run.carries else 0.0)
    before(made)
    since(made)
    return made


def traffic_collapse(random: Random) -> World:
    made = _ill(world(random), 1.0)
    share = 10 ** random.uniform(-3, -1)
    made.amount = lambda at: share if at >= made.fix else 1.0
    before(made)
    since(made, ill=1.0)
    return made


def silent_sampling(random: Random) -> World:
    made = world(random, others_known=True)
    share = random.choice([0.2, 0.05, 0.01])
    made.kept = lambda at: share if at >= made.fix else 1.0
    before(made)
    since(made, ill=1.0)
    return made


def log_outage(random: Random) -> World:
    """Requests go on to be logged, what the application writes does not, but for some hours at the end."""
    made = world(random, 5, others_known=True)
    first, after = made.fix, made.hours - random.randint(0, 30)
    made.kept = lambda at: 0.0 if first <= at < after else 1.0
    before(made)
    since(made, ill=1.0)
    return made


def whole_log_outage(random: Random) -> World:
    made = world(random, 5)
    first, after = made.fix + random.randint(0, 3), made.hours - random.randint(0, 30)
    made.kept = made.kept_of_requests = lambda at: 0.0 if first <= at < after else 1.0
    before(made)
    since(made, ill=1.0)
    return made


def out_of_season(random: Random) -> World:
    """Some days every three to five weeks; the fix comes after them."""
    made = world(random, 4, 20)
    long, every = random.randint(3, 6), random.randint(21, 35)
    end = made.days_before - random.randint(0, 4)
    made.season = lambda at: 1.0 if (end - 1 - at // DAY) % every < long else 0.0
    before(made)
    since(made, ill=1.0)
    return made


def weekly_bursts_go_on(random: Random) -> World:
    return _ill(weekly_bursts(random), 1.0)


def bursts_go_on(random: Random) -> World:
    return _ill(bursts(random), 1.0)


def rolled_back(random: Random) -> World:
    """A fix that works, out of service again."""
    made = world(random, 7)
    before(made)
    back = made.fix + random.randint(6, (made.hours - made.fix) * 3 // 4)
    old = made.runs[-1]
    share = old.share
    old.share = lambda at: 1.0 if at >= back else share(at)
    made.runs.append(Run("api-10000", made.fix, carries=True, share=between(made.fix, back), ill=0.0))
    return made


def split_same_rate(random: Random) -> World:
    made = world(random, 5)
    _split(made, ill=1.0)
    return made


def ramp_same_rate(random: Random) -> World:
    made = world(random, 5)
    _ramp(made, ill=1.0)
    return made


def stopped_before(random: Random) -> World:
    """It rests days before a fix that does nothing, and comes again after the end."""
    made = world(random, 4, 14)
    stop = made.fix - random.randint(2, 8) * DAY
    made.season = between(0, stop)
    made.weekly = min(made.weekly, 800.0)
    before(made)
    since(made, ill=1.0)
    return made


def at_start_goes_on(random: Random) -> World:
    return _ill(at_start(random), 1.0)


def clock_goes_on(random: Random) -> World:
    return _ill(by_the_clock(random), 1.0)


def night_not_reached(random: Random) -> World:
    """Only at night, and the history ends before the first night with the fix."""
    made = world(random, 1, 1, season=nights)
    made.offset = 7
    before(made)
    since(made, ill=1.0, revisions=1)
    end = made.fix + random.randint(4, 14)
    made.amount = between(0, end)
    return made


def rare_goes_on(random: Random) -> World:
    return _ill(rare(random), 1.0)


def ended_in_a_split(random: Random) -> World:
    """It ends by itself when the fix comes, at the revision without the fix as well."""
    made = world(random, 7)
    made.season = between(0, made.fix)
    _split(made, ill=1.0)
    return made


def ended_with_the_fix(random: Random) -> World:
    """It ends by itself when the fix comes, and nothing without the fix is in service any more."""
    made = world(random, 7)
    made.season = between(0, made.fix)
    before(made)
    since(made, ill=1.0)
    return made


def rare_and_reduced(random: Random) -> World:
    """So rare that what is left may well not show itself."""
    made = world(random, 3, 10, weekly=random.uniform(3, 30))
    before(made)
    since(made, ill=0.3, revisions=1)
    return made


def rare_bursts_reduced(random: Random) -> World:
    """Of the bursts, three in ten are left."""
    made = world(random, 4, 12, weekly=random.uniform(20, 300), bursts=(random.uniform(2, 12), random.uniform(1, 5)))
    before(made)
    since(made, ill=1.0, revisions=1)
    made.bursts_left = 0.3
    return made


def shortly_since(random: Random) -> World:
    """A fix that does nothing, with some hours of log since."""
    made = world(random, 1, 1, weekly=10 ** random.uniform(1.3, 2.5))
    before(made)
    since(made, ill=1.0, revisions=1)
    return made


def rare_and_sampled(random: Random) -> World:
    made = silent_sampling(random)
    made.weekly = 10 ** random.uniform(1.3, 2.3)
    return made


def unknown_since(random: Random) -> World:
    """What serves since the fix says nothing of its commit, and has the incident."""
    made = _ill(world(random), 1.0)
    before(made)
    since(made, ill=1.0)
    for run in made.runs:
        run.known = not run.carries
    return made


def _ill(made: World, share: float) -> World:
    for run in made.runs:
        if run.carries:
            run.ill = share
    return made


def _until(share: Rate, end: int) -> Rate:
    return lambda at: share(at) if at < end else 0.0


def _split(made: World, ill: float) -> None:
    part = made.random.choice([0.1, 0.25, 0.5])
    before(made)
    old = made.runs[-1]
    share = old.share
    old.share = lambda at: 1 - part if at >= made.fix else share(at)
    since(made, ill=ill, revisions=1, share=lambda _: part)


def _ramp(made: World, ill: float) -> None:
    whole = made.random.randint(2, 6) * DAY
    before(made)
    old = made.runs[-1]
    share = old.share

    def rises(at: int) -> float:
        return min(1.0, 0.01 + ((at - made.fix) / whole) ** 2)

    old.share = lambda at: 1 - rises(at) if at >= made.fix else share(at)
    since(made, ill=ill, revisions=1, share=rises)


@dataclass(frozen=True)
class Kind:
    """A kind of history: how its world is made, whether the incident is gone, and the verdict that is right."""

    make: Callable[[Random], World]
    gone: bool
    right: StagingOutcome

    @property
    def name(self) -> str:
        return self.make.__name__.replace("_", " ")


FIXED = (
    steady, bursts, weekly_bursts, at_night, on_weekdays, at_start, by_the_clock, rare, canary, slow_ramp, began_lately,
    neighbour, known_sampling, part_of_log_lost, late_deploy, stray_request, unknown_before, fixed_and_busier,
    quieter_revision,
)
STILL = (
    same_rate, reduced, reduced_bursts, reduced_to_a_tenth, only_at_night, on_one_revision, traffic_collapse,
    silent_sampling, log_outage, whole_log_outage, out_of_season, weekly_bursts_go_on, bursts_go_on, split_same_rate,
    ramp_same_rate, stopped_before, at_start_goes_on, clock_goes_on, night_not_reached, rare_goes_on, deploy_gap,
    unknown_since, rare_and_reduced, rare_bursts_reduced, shortly_since, rare_and_sampled,
    ended_in_a_split,
)
KINDS = (
    *(Kind(one, gone=True, right=GONE) for one in FIXED),
    *(Kind(one, gone=False, right=THERE) for one in STILL),
    *(Kind(one, gone=False, right=NOT_DEPLOYED) for one in (not_deployed, rolled_back)),
    *(Kind(one, gone=False, right=CHANGED) for one in (changed_face, changed_into_neighbour)),
)
BEYOND = (Kind(ended_with_the_fix, gone=False, right=THERE),)
"""What no log can tell from a fix that works; in no figure, but in the table of the bench."""


def history(kind: Kind, seed: int) -> StagingObserved:
    """The history of a kind and a seed."""
    return make(kind.make(Random(f"{kind.name} {seed}")))


@dataclass(frozen=True)
class Told:
    """What was said of one history."""

    kind: Kind
    seed: int
    outcome: StagingOutcome


def told(seeds: Iterable[int], kinds: Iterable[Kind] = KINDS) -> Iterator[Told]:
    """Judge every kind at every seed."""
    every = list(seeds)
    for kind in kinds:
        for seed in every:
            yield Told(kind, seed, judge(history(kind, seed)).outcome)


@dataclass(frozen=True)
class Shares:
    """The figures that count, of a number of histories."""

    histories: int
    not_gone: int
    wrongly_gone: int
    given: int
    right: int
    too_little: int


def shares(said: Iterable[Told]) -> Shares:
    every = list(said)
    given = [one for one in every if one.outcome is not TOO_LITTLE]
    return Shares(
        len(every), sum(not one.kind.gone for one in every),
        sum(not one.kind.gone and one.outcome is GONE for one in every), len(given),
        sum(one.outcome is one.kind.right for one in given), len(every) - len(given),
    )


def by_kind(said: Iterable[Told]) -> dict[Kind, Counter[StagingOutcome]]:
    found: dict[Kind, Counter[StagingOutcome]] = {}
    for one in said:
        found.setdefault(one.kind, Counter())[one.outcome] += 1
    return found
