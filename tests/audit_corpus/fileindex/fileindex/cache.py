"""A cache in memory with a time to live and a maximal size."""

import threading
import time
from collections import OrderedDict


class TTLCache:
    """Values expire `ttl` seconds after they were set; the least recently used go first when it is full."""

    def __init__(self, ttl, max_items=128, clock=time.monotonic):
        self.ttl = ttl
        self.max_items = max_items
        self.clock = clock
        self.hits = 0
        self.misses = 0
        self._items = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key, default=None):
        """The value, or the default if there is none or it expired."""
        with self._lock:
            item = self._items.get(key)
            if item is None or self.clock() - item[1] >= self.ttl:
                self._items.pop(key, None)
                self.misses += 1
                return default
            self._items.move_to_end(key)
            self.hits += 1
            return item[0]

    def set(self, key, value):
        """Keep a value."""
        with self._lock:
            self._items[key] = (value, self.clock())
            self._items.move_to_end(key)
            while len(self._items) > self.max_items:
                self._items.popitem(last=False)

    def get_or_compute(self, key, compute):
        """The cached value, or the computed one; errors are not cached."""
        marker = object()
        value = self.get(key, marker)
        if value is marker:
            value = compute()
            self.set(key, value)
        return value

    def __len__(self):
        return len(self._items)
