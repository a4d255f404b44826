"""A fixed window counter in the cache."""

import functools
import time

from django.core.cache import cache
from django.http import JsonResponse


def allow(name, client, limit, window, clock=time.time):
    """Count a request; True for the first `limit` requests of a client within a window of seconds."""
    slot = int(clock() // window)
    key = f"throttle:{name}:{client}:{slot}"
    cache.add(key, 0, timeout=window * 2)
    return cache.incr(key) <= limit


def throttled(name, limit, window):
    """Answer 429 to clients that come too often."""

    def decorate(view):
        @functools.wraps(view)
        def wrapper(request, *args, **kwargs):
            client = request.META.get("REMOTE_ADDR", "?")
            if not allow(name, client, limit, window):
                response = JsonResponse({"error": "slow down"}, status=429)
                response["Retry-After"] = str(window)
                return response
            return view(request, *args, **kwargs)

        return wrapper

    return decorate
