"""How long the command line takes to answer: ``i2i --help`` against a Python that does nothing, in turns."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "i2i --help": [sys.executable, "-m", "i2i", "--help"],
        "i2i datasets list": [sys.executable, "-m", "i2i", "datasets", "list"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(given.rounds + 1):
        for name, command in commands.items():
            took = seconds(command)
            if turn:  # the first fills the disk's cache
                taken[name].append(took)
    results = {name: statistics.median(values) for name, values in taken.items()}
    if given.json:
        print(json.dumps({"seconds": results}, indent=2))
        return
    for name, value in results.items():
        print(f"{name:<20}{value:8.3f} s")


if __name__ == "__main__":
    main()
