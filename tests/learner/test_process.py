import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
import resource
import sys
from learner.process import keep_freed_memory

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def page_faults_of_a_use(size):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = libc.malloc(size)
    libc.memset(block, 1, size)
    libc.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    keep_freed_memory()
page_faults_of_a_use(24 * 1024**2)
print(page_faults_of_a_use(24 * 1024**2))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's; elsewhere nothing is kept")
def test_memory_that_was_freed_is_used_again_without_page_faults():
    def page_faults(how):
        found = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
        return int(found.stdout)

    kept = page_faults("keep")
    assert kept < 50, "24 MB are 6,144 pages, or 12 huge ones"
    assert kept <= page_faults("let go")
