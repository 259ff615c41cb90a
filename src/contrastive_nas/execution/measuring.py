"""How long something took and how much memory it held."""

import threading
import time

import psutil

SECONDS_BETWEEN_SAMPLES = 0.05
# Looking for child processes takes milliseconds.
SAMPLES_BETWEEN_LOOKS = 20


class ResourceMonitor:
    """Wall time, and the peak of the resident memory of this process and its children."""

    def __init__(self) -> None:
        self._started = self._touched = time.perf_counter()
        self._process = psutil.Process()
        self._peak = self._process.memory_info().rss
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def touch(self) -> None:
        """The work goes on until now."""
        self._touched = time.perf_counter()

    def end(self) -> tuple[float, int]:
        """Seconds until the last touch, and the peak in MB."""
        self._ended.set()
        self._thread.join()
        return self._touched - self._started, self._peak >> 20

    def _sample(self) -> None:
        children: list[psutil.Process] = []
        count = 0
        while not self._ended.wait(SECONDS_BETWEEN_SAMPLES):
            if count % SAMPLES_BETWEEN_LOOKS == 0:
                children = self._process.children(recursive=True)
            count += 1
            self._peak = max(self._peak, sum(_resident(process) for process in (self._process, *children)))


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0
