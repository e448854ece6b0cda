# lanes: main, forker, child-1, child-2, child-1/helper
# things: lock shared
# exit: 0
"""A thread forks while others run: the child has that thread alone, and a lock that nobody will let go."""
import os
import sys
import threading
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
shared = threading.Lock()
go = threading.Event()
told = []
os.register_at_fork(before=lambda: told.append("before"), after_in_child=lambda: told.append("child"),
                    after_in_parent=lambda: told.append("parent"))


def show(who):
    names = [thread.name for thread in threading.enumerate()]
    print(who, names, threading.current_thread() is threading.main_thread(), shared.acquire(timeout=0.02), told, flush=True)


def help_child():
    print("helper:", threading.active_count(), flush=True)


def fork():
    pid = os.fork()
    if pid == 0:
        show("child")
        helper = threading.Thread(target=help_child, name="helper")
        helper.start()
        helper.join()
        os._exit(5)
    print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


shared.acquire()
waiting = threading.Thread(target=go.wait, name="waiting")
waiting.start()
forker = threading.Thread(target=fork, name="forker")
forker.start()
forker.join()
go.set()
waiting.join()
shared.release()
if (pid := os.fork()) == 0:
    show("second")
    sys.exit(0)
os.waitpid(pid, 0)
print(told.count("before"), told[-1])
