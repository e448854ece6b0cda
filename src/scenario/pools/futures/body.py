"""A future is a ticket for a result that is not there yet."""

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait

workers = 3
tasks = 6
longest = 2.4


def square(number):
    time.sleep(longest / number)  # The first task takes longest.
    return number**2


numbers = range(1, tasks + 1)
with ThreadPoolExecutor(workers, thread_name_prefix="worker") as pool:
    futures = [pool.submit(square, number) for number in numbers]
    done, not_done = wait(futures, return_when=FIRST_COMPLETED)
    print(f"wait: {len(done)} done, {len(not_done)} not done")
    print(f"cancel the first: {futures[0].cancel()}, the last: {futures[-1].cancel()}")
    for future in as_completed(futures):
        if future.cancelled():
            print("as_completed: a cancelled one")
        else:
            print(f"as_completed: {future.result()}")

    squares = list(pool.map(square, numbers))
    print(f"map: {squares}")
    print(f"one submit: {pool.submit(sum, squares).result()}")
