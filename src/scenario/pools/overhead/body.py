"""The same tasks are done in three ways: one after the other, in threads, in processes."""

import multiprocessing
import threading
import time

tasks = 4
smallest = 50
factor = 100
steps = 3
repeats = 3


def count(rounds):
    number = 0
    for _ in range(rounds):
        number += 1


def one_by_one(rounds):
    for _ in range(tasks):
        count(rounds)


def at_once(kind, rounds):
    workers = [kind(target=count, args=(rounds,)) for _ in range(tasks)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def best(work, *args):
    times = []
    for _ in range(repeats):
        time.sleep(0.1)  # so that one sees where a try begins
        start = time.perf_counter()
        work(*args)
        times.append(time.perf_counter() - start)
    return f"{1000 * min(times):.2f} ms"


if __name__ == "__main__":
    for step in range(steps):
        size = smallest * factor**step
        print(f"{tasks} tasks count to {size}")
        print(f"  one by one: {best(one_by_one, size)}")
        print(f"  in threads: {best(at_once, threading.Thread, size)}")
        print(f"  in processes: {best(at_once, multiprocessing.Process, size)}")
