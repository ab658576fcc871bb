"""evaluation.bench.system_calls: counts, read from what strace prints."""

import os
import shutil
import subprocess
import sys

import pytest

from evaluation.bench import system_calls
from evaluation.bench.system_calls import counted, parsed, per_request

PRINTED = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.200000           2     20000           write
 30.00    0.100000           2     20500       500 read
  0.00    0.000001           1         3           futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.300001           2     40503       500 total
"""


@pytest.mark.unit
def test_calls_are_read_whether_some_failed_or_not() -> None:
    assert parsed(PRINTED) == {"write": 20000, "read": 20500, "futex": 3}
    assert parsed("strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n") == {}


@pytest.mark.unit
def test_what_is_rare_is_left_out_and_the_most_frequent_comes_first() -> None:
    assert per_request(parsed(PRINTED), 10_000) == {"read": 2.05, "write": 2.0}
    assert per_request(parsed(PRINTED), 0) == {}


@pytest.mark.unit
def test_without_strace_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_calls, "strace", lambda: None)
    assert counted(os.getpid(), lambda: 1) == {}


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_calls_of_a_process_are_counted_or_it_says_that_it_may_not() -> None:
    """A process that writes once for each line that it reads."""
    program = "import os\nwhile (got := os.read(0, 1)): os.write(1, got)\n"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        pipes = (child.stdin, child.stdout)

        def load() -> int:
            for _ in range(200):
                pipes[0].write(b"x")
                pipes[0].flush()
                pipes[1].read(1)
            return 200

        load()
        found = counted(child.pid, load)
        child.stdin.close()
    if found:  # where looking at other processes is forbidden there is nothing
        assert found["write"] == pytest.approx(1.0, abs=0.02)
        assert found["read"] == pytest.approx(1.0, abs=0.02)
