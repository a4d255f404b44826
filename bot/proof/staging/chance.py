"""Probabilities that the verdict on staging needs, from `math` alone."""

from __future__ import annotations

import math

_TINY = 1e-300
_MOST_STEPS = 5_000
_MANY = 1e6
"""Counts above this are scaled down to it: the chances that they leave are certain enough."""


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for positive a and b: DLMF 8.17.22 by Lentz's method."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    value, c, d = 1.0, 1.0, 0.0
    for step in range(_MOST_STEPS):
        if step == 0:
            term = 1.0
        elif step % 2:
            m = (step - 1) // 2
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            m = step // 2
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 + term * d
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = 1.0 + term / (c if abs(c) > _TINY else _TINY)
        value *= c * d
        if abs(1.0 - c * d) < 1e-12:
            break
    return min(1.0, max(0.0, math.exp(front) * (value - 1.0) / a))


def chance_of_so_few(before: float, expected: float, seen: float, spread: float, share: float = 1.0) -> float:
    """The probability of `seen` or fewer where `share` of `expected` were due, at a rate that `before` events gave.

    Given the sum of two Poisson counts, the second is binomial (Przyborowski and Wilenski, Biometrika 31, 1940):
    so the doubt about the old rate is in it. With a variance `spread` times that of Poisson counts, events come in
    clusters, and at least as many clusters are seen as `before / spread`: counts are divided by it (quasi-Poisson).
    """
    if before <= 0:
        return 1.0
    clusters, due, met = before / spread, expected * share / spread, seen / spread
    if met > _MANY:
        clusters, due, met = (value * _MANY / met for value in (clusters, due, met))
    clusters = min(clusters, _MANY)  # the old rate is known to a thousandth then
    stays = clusters / (clusters + due)
    return float(stays**clusters) if met <= 0 else incomplete_beta(stays, clusters, met + 1.0)


def chance_of_so_many(before: float, seen: float, share: float, spread: float) -> float:
    """The probability of `seen` or more of all where each falls to this side with `share`, clusters as above."""
    if seen <= 0:
        return 1.0
    scale = min(1.0, _MANY * spread / max(seen, before)) / spread
    met = seen * scale
    return incomplete_beta(share, met, before * scale + 1.0) if met > 0 else 1.0


def most_remaining(before: float, expected: float, seen: float, spread: float, level: float = 0.05) -> float:
    """The highest share of the old rate at which so few had a probability of at least `level`; infinite if none."""
    if before <= 0 or expected <= 0:
        return math.inf
    low, high = 0.0, 1.0
    while chance_of_so_few(before, expected, seen, spread, high) > level:
        low, high = high, high * 2
        if high > 1e6:
            return math.inf
    for _ in range(40):
        middle = (low + high) / 2
        if chance_of_so_few(before, expected, seen, spread, middle) > level:
            low = middle
        else:
            high = middle
    return high
