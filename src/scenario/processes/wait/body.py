"""Waiting for a child: what wait() and waitpid() give, and how to read it."""
import os
import time
from signal import Signals, raise_signal

children = 3
life = 1.2
chosen = 2
signal = "SIGTERM"


def tell(call, pid, status):
    if os.WIFSIGNALED(status):
        how = f"signal {os.WTERMSIG(status)} ended it"
    else:
        how = f"it left with {os.WEXITSTATUS(status)}"
    print(f"{call} gave {pid}, {status} ({status:016b}): {how}")


pids = []
for number in range(1, children + 1):
    pid = os.fork()
    if pid == 0:
        time.sleep(life * number)
        if number == children > 1:
            raise_signal(Signals[signal])
        os._exit(10 * number)
    pids.append(pid)

print("nobody has ended:", os.waitpid(-1, os.WNOHANG))

one = pids[min(chosen, children) - 1]
print(f"now for {one} alone")
tell("waitpid", *os.waitpid(one, 0))

try:
    while True:
        tell("wait", *os.wait())
except ChildProcessError:
    print("wait: no child left")
