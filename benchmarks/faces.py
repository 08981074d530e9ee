"""Synthetic faces: images per second at 64, 128 and 256 px, on all processors.

    python benchmarks/faces.py                              # processes: one a processor
    python benchmarks/faces.py --sizes 128 --processes 1 --json

Every process draws with one thread and is warm before the clock starts. Of several rounds, which take turns over the
sizes so that a drift of the machine's speed meets all of them, the median counts.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import i2i

_CHUNK = 5


@functools.cache
def faces() -> Any:
    """The dataset, created once in each process."""
    return i2i.load_registry().get("dataset", "faces")()


def draw(job: tuple[int, int, int]) -> int:
    """Draw the faces of some seeds; how many."""
    import cv2

    first, count, size = job
    cv2.setNumThreads(1)
    for seed in range(first, first + count):
        faces().render(faces().values(seed), size)
    return count


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure(sizes: list[int], processes: int, count: int, rounds: int) -> list[dict[str, float]]:
    """Images a second of each size."""
    rates: dict[int, list[float]] = {size: [] for size in sizes}
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(draw, [(0, 1, min(sizes))] * (8 * processes)))
        for _ in range(rounds):
            for size in sizes:
                jobs = [(start, min(_CHUNK, count - start), size) for start in range(0, count, _CHUNK)]
                start = time.perf_counter()
                drawn = sum(pool.map(draw, jobs))
                rates[size].append(drawn / (time.perf_counter() - start))
    return [
        {"size": size, "processes": processes, "pictures_per_second": round(statistics.median(each), 1)}
        for size, each in rates.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--processes", type=int, default=processors())
    parser.add_argument("--count", type=int, default=100, help="faces of each size in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = measure(given.sizes, given.processes, given.count, given.rounds)
    if given.json:
        print(json.dumps({"results": rows}, indent=2))
        return
    print(f"{'size':>6}{'processes':>11}{'images a second':>19}")
    for row in rows:
        print(f"{row['size']:>6}{row['processes']:>11}{row['pictures_per_second']:>19}")


if __name__ == "__main__":
    main()
