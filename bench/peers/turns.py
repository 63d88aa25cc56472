"""The protocol of a contender: it prepares, says so, then does one round for each line that it reads.

    contender -> {"ready": true, "results": [...]}   weights loaded, one round done unmeasured; what it
                                                     computed, where contenders must agree
    driver    -> go
    contender -> {"seconds": 1.23, "cpu_seconds": 2.41, "items": 8192}
                                                     CPU time of the whole process; items are tokens, pairs or
                                                     rows, only where they are counted
    driver    -> closes the pipe
    contender -> {"peak_mb": 1095}                   VmHWM, the largest resident size of the process

One contender works at a time; the others wait on their pipes. rlkd's own contender (org.rlkd.bench.Contender) speaks it too.
"""

import json
import os
import sys
import time

# What libraries print belongs to the log, not to the protocol.
_out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(message):
    _out.write(json.dumps(message) + "\n")
    _out.flush()


def peak_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))


def wait_for_turn():
    """True for a round, False when the driver has closed the pipe."""
    return sys.stdin.readline().strip() == "go"


def serve(work, results=lambda: []):
    """work() does one round and returns its number of items, or None; results() is what the last one computed."""
    work()
    say({"ready": True, "results": [float(x) for x in results()]})
    while wait_for_turn():
        cpu, start = time.process_time(), time.perf_counter()
        items = work()
        times = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
        say(times if items is None else {**times, "items": items})
    say({"peak_mb": peak_mb()})
