"""A process pool spreads a list of tasks over its workers, chunk by chunk."""

import multiprocessing
import os
import time

workers = 4
tasks = 12
chunksize = 6
each = 0.2


def task(number):
    is_slow = number <= tasks // 4  # the first quarter of the list
    time.sleep(4 * each if is_slow else each)  # in place of a long computation
    print(f"task {number} is done")
    return number, os.getpid()


if __name__ == "__main__":
    numbers = range(1, tasks + 1)
    with multiprocessing.Pool() as pool:
        print(f"map, on {os.cpu_count()} cores, chunks of 1")
        results = pool.map(task, numbers, 1)
        print(f"map gave {results}")

    with multiprocessing.Pool(workers) as pool:
        result = pool.map_async(task, numbers, chunksize)
        print(f"map_async, in chunks of {chunksize}: main goes on")
        time.sleep(1)
        print("now main waits")
        result.wait()
        print(f"map_async gave {result.get()}")
