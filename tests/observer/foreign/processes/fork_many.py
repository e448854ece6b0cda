# lanes: main, child-1, child-2, child-3, child-4, child-5
# exit: 2
"""Several children: one is asked after without waiting, one fails, one is killed, one has a child of its own."""
import os
import resource
import signal
import sys
import time

results = {}
ready, tell = os.pipe()


def child(work):
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        status = work()
    except LookupError:
        sys.excepthook(*sys.exc_info())
        status = 9
    os._exit(status or 0)


def wait_for_signal():
    os.write(tell, b".")
    signal.pause()


def fail():
    return {}["nothing"]


def have_a_child():
    pid = child(lambda: 6)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) + 1


def five():
    return 5


pids = {child(work): work.__name__ for work in (wait_for_signal, fail, have_a_child, five)}
waiting = next(pid for pid, name in pids.items() if name == "wait_for_signal")
os.read(ready, 1)  # Killed at its birth, it could tell nothing of itself.
print(os.waitpid(waiting, os.WNOHANG))
os.kill(waiting, signal.SIGTERM)
while pids:
    pid, status, usage = os.wait3(0)
    results[pids.pop(pid)] = os.waitstatus_to_exitcode(status)
    assert isinstance(usage, resource.struct_rusage)
for name in sorted(results):
    print(name, results[name])
if (pid := os.fork()) == 0:
    os.nice(1)
    raise SystemExit(2)
while (done := os.waitpid(pid, os.WNOHANG)) == (0, 0):
    time.sleep(0.001)
sys.exit(os.waitstatus_to_exitcode(done[1]))
