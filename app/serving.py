"""The champion as the API serves it: loaded anew when another is promoted, or policy changes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from credit_core.errors import CandorError
from credit_core.oversight.policies import latest_policy, load_in_force
from credit_core.oversight.registry import find_version
from credit_core.oversight.registry import stamp as registry_stamp
from credit_core.settings import Settings
from credit_core.workflows.single import SingleScorer

T = TypeVar("T")
_LOOK_EVERY = 1.0
_MOST_WAITING = 256


class BusyError(CandorError):
    """More work is waiting than can be answered in time."""


class Serving:
    """Worker threads, and the champion they score with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._champion: SingleScorer | None = None
        self._stamp = (-1, -1)
        self._looked = float("-inf")
        self._lock = threading.Lock()
        self._waiting = 0
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="score")

    @property
    def fresh(self) -> bool:
        """Whether the champion is at hand, without a look at the store."""
        return self._champion is not None and time.monotonic() - self._looked <= _LOOK_EVERY

    def champion(self) -> SingleScorer:
        """Return the model that scores now.

        Raises
        ------
        CandorError
            Where no model was promoted, or the champion's files are not those registered.
        """
        with self._lock:
            champion = self._champion
            if champion is None or time.monotonic() - self._looked > _LOOK_EVERY:
                stamp = (registry_stamp(self.settings), latest_policy(self.settings))
                if champion is None or stamp != self._stamp:
                    version = find_version(self.settings, "champion")
                    same_policy = stamp[1] == self._stamp[1]
                    if champion is None or version != champion.version or not same_policy:
                        champion = SingleScorer(load_in_force(self.settings, version), version)
                    self._champion, self._stamp = champion, stamp
                self._looked = time.monotonic()
            return champion

    async def run(self, work: Callable[[], T]) -> T:
        """Run work on a worker thread, within the time that an answer may take.

        Raises
        ------
        BusyError
            Where too much is waiting, or the work takes too long.
        """
        if self._waiting >= _MOST_WAITING:
            raise BusyError("Too many requests are waiting; ask again in a second.")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(self.settings.api_seconds):
                return await loop.run_in_executor(self._threads, work)
        except TimeoutError as error:
            raise BusyError("The answer took too long and was given up.") from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
