"""Try again, with growing pauses."""

import functools
import time


class GaveUp(Exception):
    """All attempts failed; the last error is the cause."""

    def __init__(self, attempts):
        super().__init__(f"gave up after {attempts} attempts")
        self.attempts = attempts


def delays(attempts, base=0.1, maximum=2.0):
    """The pauses between some attempts: base, doubled each time, but not above the maximum."""
    return [min(base * 2**number, maximum) for number in range(attempts - 1)]


def call_with_retry(function, *, attempts=3, base=0.1, maximum=2.0, retry_on=(OSError,), sleep=time.sleep):
    """Call a function until it succeeds; errors that are not in retry_on go through at once."""
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    pauses = delays(attempts, base, maximum)
    for number in range(attempts):
        try:
            return function()
        except retry_on as error:
            if number == attempts - 1:
                raise GaveUp(attempts) from error
            sleep(pauses[number])


def retrying(**options):
    """call_with_retry as a decorator."""

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return call_with_retry(lambda: function(*args, **kwargs), **options)

        return wrapper

    return decorate
