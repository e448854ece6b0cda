"""The costs of starting, switching and talking in Python: the other side of `tasklab bench`.

Alone:  python3 python.py launch_wait 1000    does it 1000 times and prints the seconds that took.
Without arguments it reads such lines and answers each with one line of JSON, so that others can take turns with it.
"""

import json
import multiprocessing
import os
import queue
import sched
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

WORKERS = 4
ROOM = 1024  # items that a queue holds
TRUE = ["/bin/true"]
NOWHERE = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

# Newer Pythons start a server that forks; here it is to be one fork for each worker, as beside.
fork = multiprocessing.get_context("fork")
# The pools' own threads are idle while it forks.
warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)


def launch_wait(count):
    """Launches a program and waits for it, one after the other."""
    start = time.perf_counter()
    for _ in range(count):
        subprocess.run(TRUE, **NOWHERE)
    return time.perf_counter() - start


def launch_many(count):
    """Launches programs all at once, then waits for all."""
    start = time.perf_counter()
    children = [subprocess.Popen(TRUE, **NOWHERE) for _ in range(count)]
    for child in children:
        child.wait()
    return time.perf_counter() - start


def fork_wait(count):
    """Forks a process that does nothing, and waits for it."""
    start = time.perf_counter()
    for _ in range(count):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    return time.perf_counter() - start


def nothing():
    pass


def thread_start_join(count):
    """Starts a thread that does nothing, and joins it."""
    start = time.perf_counter()
    for _ in range(count):
        thread = threading.Thread(target=nothing)
        thread.start()
        thread.join()
    return time.perf_counter() - start


def square(number):
    return number * number


def pool_tasks(pool, count):
    """Hands small tasks to a pool's workers, and takes the results."""
    with pool:
        list(pool.map(square, range(WORKERS)))
        start = time.perf_counter()
        for number, future in enumerate([pool.submit(square, number) for number in range(count)]):
            assert future.result() == number * number
        return time.perf_counter() - start


def thread_pool_tasks(count):
    return pool_tasks(ThreadPoolExecutor(WORKERS), count)


def process_pool_tasks(count):
    return pool_tasks(ProcessPoolExecutor(WORKERS, mp_context=fork), count)


def take(items, ready, count):
    ready.release()
    for number in range(count):
        assert items.get() == number
    ready.release()


def queue_items(taker, items, ready, count):
    """Sends numbers through a queue to somebody else."""
    taker.start()
    ready.acquire()
    start = time.perf_counter()
    for number in range(count):
        items.put(number)
    ready.acquire()
    elapsed = time.perf_counter() - start
    taker.join()
    return elapsed


def thread_queue_items(count):
    items, ready = queue.Queue(ROOM), threading.Semaphore(0)
    return queue_items(threading.Thread(target=take, args=(items, ready, count)), items, ready, count)


def process_queue_items(count):
    items, ready = fork.Queue(ROOM), fork.Semaphore(0)
    elapsed = queue_items(fork.Process(target=take, args=(items, ready, count)), items, ready, count)
    items.close()
    items.join_thread()
    return elapsed


def lock_ops(count):
    """Takes and lets go of a lock that nobody else wants."""
    lock = threading.Lock()
    start = time.perf_counter()
    for _ in range(count):
        with lock:
            pass
    return time.perf_counter() - start


def capture_mib(count):
    """Captures so many MiB of a program's output."""
    size = count * 1024 * 1024
    start = time.perf_counter()
    done = subprocess.run(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE)
    elapsed = time.perf_counter() - start
    assert len(done.stdout) == size
    return elapsed


def schedule_late(count):
    """How late each of some scheduled events runs, in seconds; they are 2 ms apart."""
    late = []
    scheduler = sched.scheduler(time.monotonic, time.sleep)
    start = time.monotonic() + 0.002
    for number in range(count):
        due = start + 0.002 * number
        scheduler.enterabs(due, 1, lambda due=due: late.append(time.monotonic() - due))
    scheduler.run()
    return late


MEASURES = (
    launch_wait,
    launch_many,
    fork_wait,
    thread_start_join,
    thread_pool_tasks,
    process_pool_tasks,
    thread_queue_items,
    process_queue_items,
    lock_ops,
    capture_mib,
    schedule_late,
)


def answer(line):
    """The measured seconds, or {"error": why not}."""
    try:
        name, count = line.split()
        measure = {measure.__name__: measure for measure in MEASURES}[name]
        return measure(int(count))
    except Exception as error:  # whatever this machine has not got: the others go on
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    lines = [" ".join(sys.argv[1:])] if len(sys.argv) > 1 else sys.stdin
    for line in lines:
        print(json.dumps(answer(line)), flush=True)


if __name__ == "__main__":
    main()
