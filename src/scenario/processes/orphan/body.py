"""Orphans: a parent dies, and its children live on."""
import ctypes
import os
import signal
import time

children = 2
adopt = False
pause = 2.0
gap = 0.5

if adopt:
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def live(number):
    before = os.getppid()
    time.sleep(pause + gap * number)
    print(f"process {os.getpid()}: my parent was {before}, now it is {os.getppid()}", flush=True)
    time.sleep(1)
    os._exit(0)


parent = os.fork()
if parent == 0:
    for number in range(1, children + 1):
        if os.fork() == 0:
            live(number)
    while True:
        os.wait()

print(f"grandparent {os.getpid()}, parent {parent}, {children} children")
time.sleep(pause)
os.kill(parent, signal.SIGKILL)
os.waitpid(parent, 0)
print(f"parent {parent} is dead")

time.sleep(gap * children + 1.5)
try:
    while True:
        pid, status = os.wait()
        print(f"grandparent got {pid}")
except ChildProcessError as error:
    print(f"grandparent: {error.strerror}")
