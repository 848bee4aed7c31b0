"""What arrives, in order, for one reader: a bounded queue that ends."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

from gbcs.errors import LocalError

T = TypeVar("T")


class StreamEnded(LocalError):
    """Nothing comes any more."""


class Stream(Generic[T]):
    """Items in order of arrival. `put` never waits; iteration ends after `end` when all were taken."""

    def __init__(self, limit: int) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._ended = False
        self._news = asyncio.Event()

    def put(self, item: T) -> bool:
        """False if the reader is too far behind, or gone: the item is dropped."""
        if self._ended or len(self._items) >= self._limit:
            return False
        self._items.append(item)
        self._news.set()
        return True

    def end(self) -> None:
        """Nothing comes after what is there."""
        self._ended = True
        self._news.set()

    def __len__(self) -> int:
        return len(self._items)

    async def get(self) -> T:
        """The next item. Raises StreamEnded."""
        while not self._items:
            if self._ended:
                raise StreamEnded
            self._news.clear()
            await self._news.wait()
        return self._items.popleft()

    def get_nowait(self) -> T | None:
        """The next item, None if there is none yet."""
        return self._items.popleft() if self._items else None

    def __aiter__(self) -> Stream[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except StreamEnded:
            raise StopAsyncIteration from None
