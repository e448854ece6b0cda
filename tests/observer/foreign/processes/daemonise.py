# lanes: main, child-1, child-1.1.1/worker
"""Becomes a daemon as one has always done it: two forks, a new session, no descriptor kept. The first process waits for its report."""
import os
import sys
import tempfile
import threading
import time

folder = tempfile.mkdtemp()
report = os.path.join(folder, "report")


def become_a_daemon():
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.umask(0o077)
    os.closerange(3, 256)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.close(null)
    return null


def write_report(null):
    lock = threading.Lock()
    done = []

    def work():
        with lock:
            done.append(threading.current_thread().name)

    worker = threading.Thread(target=work, name="worker")
    worker.start()
    worker.join()
    own = os.open("/", os.O_RDONLY)
    with open(report + ".new", "w") as file:
        print(null, own, os.getcwd(), os.getsid(0) != os.getppid(), done, lock.locked(), file=file)
    os.rename(report + ".new", report)


print("starting", flush=True)
pid = os.fork()
if pid == 0:
    write_report(become_a_daemon())
    os._exit(0)
os.waitpid(pid, 0)
while not os.path.exists(report):
    time.sleep(0.002)
with open(report) as file:
    print("the daemon says:", file.read(), end="")
os.remove(report)
os.rmdir(folder)
sys.stdout.flush()
