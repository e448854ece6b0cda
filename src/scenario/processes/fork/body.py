"""Fork and join: a process makes a child, both do a part of the work, and meet again at wait()."""
import os
import time

pieces = 80
split = 50
size = 1_000_000
status = 10

child_pieces = pieces * split // 100


def work(count):
    for _ in range(count):
        sum(range(size))


began = time.monotonic()
pid = os.fork()
print(f"fork gave {pid} in process {os.getpid()}", flush=True)

if pid == 0:
    work(child_pieces)
    os._exit(status)

work(pieces - child_pieces)
print("the parent waits")
pid, raw = os.wait()
elapsed = time.monotonic() - began
print(f"wait gave {raw}, that is {os.waitstatus_to_exitcode(raw)}")

cpu = os.times()
print(f"work here: {cpu.user:.1f} s, in the child: {cpu.children_user:.1f} s, by the clock: {elapsed:.1f} s")
