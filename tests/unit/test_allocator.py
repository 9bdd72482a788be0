import subprocess
import sys

import pytest

from ftlab.allocator import give_back, keep_freed_memory

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")

# Half a gigabyte in all, in blocks that glibc would map one by one.
FAULTS = """
import resource, sys
import numpy as np
from ftlab.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory({})
def fill():
    np.ones(48 << 20, np.uint8)
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


class Library:
    """A C library that notes what it is told, and refuses ``refused``."""

    gnu_get_libc_version = None

    def __init__(self, refused=()):
        self.told, self.refused = {}, refused

    def mallopt(self, option, value):
        self.told[option] = value
        return int(option not in self.refused)


@linux
def test_large_blocks_fault_no_pages_once_they_were_had():
    def faults(word):
        found = subprocess.run([sys.executable, "-c", FAULTS, word], capture_output=True, text=True, check=True)
        return int(found.stdout)

    keeping = faults("keep")
    if keeping < 100 and faults("leave") < 100:
        pytest.skip("this system's allocator keeps memory by itself")
    assert keeping < 100


@linux
def test_old_glibc_is_told_to_map_nothing():
    library = Library(refused={-3})
    assert keep_freed_memory({}, library)
    assert library.told[-4] == 0 and library.told[-1] == 2**31 - 1


@linux
@pytest.mark.parametrize("own", [{"MALLOC_TRIM_THRESHOLD_": "1000"}, {"GLIBC_TUNABLES": "glibc.malloc.mmap_max=3"}])
def test_the_users_own_settings_stay(own):
    library = Library()
    assert not keep_freed_memory(own, library)
    assert not library.told


@linux
def test_a_library_that_is_not_glibc_is_left_alone():
    assert not keep_freed_memory({}, object())


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    library = Library()
    assert not keep_freed_memory({}, library)
    assert not library.told


HELD = """
import psutil, sys
import numpy as np
from ftlab.allocator import give_back, keep_freed_memory
keep_freed_memory({})
held = lambda: psutil.Process().memory_info().rss / 1e6
before = held()
blocks = [np.ones(10_000_000, np.uint8) for _ in range(20)]
del blocks
give_back()
print(held() - before)
"""


@linux
def test_what_is_not_in_use_is_given_back():
    found = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    assert float(found.stdout) < 50


def test_libraries_that_cannot_give_back_are_left_alone():
    give_back(object())
