# lanes: main, child-1, child-2
"""Forks: the work is divided, each process has its own memory, and text that is not written yet is written by both."""
import os
import sys

total = 0
print("before the fork")
pid = os.fork()
if pid == 0:
    total = sum(range(0, 1000, 2))
    os._exit(10)
total = sum(range(1, 1000, 2))
ended, status = os.wait()
print(ended == pid, os.WIFEXITED(status), os.WEXITSTATUS(status), os.waitstatus_to_exitcode(status), total)
pid = os.fork()
if not pid:
    print("the child's copy of the text is written, too")
    sys.exit(3)
print(os.waitpid(pid, 0) == (pid, 3 << 8))
try:
    os.wait()
except ChildProcessError as error:
    print(error)
