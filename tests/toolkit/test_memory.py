"""What the process does with the memory that it frees."""

import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from i2i.toolkit.memory import keep_freed_memory as keep_freed

def pages():  # that the system handed out for a block of 64 MB which was freed and asked for again
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(2**24, np.float32)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(pages(), keep_freed(), pages())
"""


def run(**environment: str) -> tuple[int, bool, int]:
    pytest.importorskip("resource", reason="no page faults are counted on this system")
    found = subprocess.run([sys.executable, "-c", FAULTS], env=environment, capture_output=True, text=True, check=True)
    before, kept, after = found.stdout.split()
    return int(before), kept == "True", int(after)


def test_a_freed_block_is_used_again_and_not_handed_out_anew():
    before, kept, after = run()
    if not kept:
        pytest.skip("the C library is not glibc")
    assert before > 20  # 32 huge pages, or 16,384 small ones
    assert after < before / 4


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_who_rules_memory_by_the_environment_is_left_to_it(name):
    assert not run(**{name: "131072"})[1]
