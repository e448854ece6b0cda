"""A pool has a few workers. The tasks that none of them has yet wait in its queue."""

import hashlib
import os
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed

workers = 4
tasks = 10
kind = "thread"
work = "wait"
each = 0.8


def task(number):
    if work == "wait":
        time.sleep(each)  # as for an answer from the network
    elif work == "hash":
        hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", int(each * 1_000_000))
    else:
        sum(range(int(each * 10_000_000)))
    return f"task {number} done by process {os.getpid()}"


if __name__ == "__main__":
    if kind == "thread":
        pool = ThreadPoolExecutor(workers, thread_name_prefix="worker")
    else:
        pool = ProcessPoolExecutor(workers)
    with pool:
        futures = [pool.submit(task, number) for number in range(1, tasks + 1)]
        print(f"{tasks} tasks for {workers} workers")
        try:
            for future in as_completed(futures):
                print(future.result())
        except BrokenExecutor:
            print("the pool is broken")
    print("the pool is closed")
