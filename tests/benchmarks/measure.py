"""Shared by the benchmarks: a command as a whole process."""

import os
import subprocess
import sys


def run(*command):
    """stdout of a command and its peak memory in MB; ends the benchmark where the command fails."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{command} failed")
    return output, usage.ru_maxrss / 1024
