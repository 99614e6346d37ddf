"""A cache of the most recently used values, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """Values by key, the least recently used forgotten first when they take more than `limit` bytes. Not locked."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._entries: OrderedDict[str, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Value | None:
        """The value, now the most recently used, or None."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def put(self, key: str, value: Value, size: int) -> None:
        """Keep `value`, of `size` bytes, unless it alone is beyond the limit."""
        if key in self._entries:
            self.bytes -= self._entries.pop(key)[1]
        if size > self.limit:
            return
        self._entries[key] = (value, size)
        self.bytes += size
        while self.bytes > self.limit:
            self.bytes -= self._entries.popitem(last=False)[1][1]
