# lanes: main, SpawnProcess-1, longest-1
# exit: 1
"""A pool of processes with the guard; the last call fails in a process, and nobody catches that."""
import concurrent.futures
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

LINES = ["all the world", "is a stage", "and they have their exits"]


def longest(line):
    return max(line.split(), key=len)


def measure(word, table):
    return table[word]


def main():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        futures = [pool.submit(longest, line) for line in LINES]
        done, pending = concurrent.futures.wait(futures)
        print([future.result() for future in futures], len(done), len(pending))
        print(list(pool.map(longest, LINES, chunksize=2)))
        try:
            pool.submit(lambda: 1).result()
        except Exception as error:
            print("cannot be sent:", "pickle" in str(error))
        print(pool.submit(measure, "stage", {"stage": 5}).result(timeout=60), flush=True)
        pool.submit(measure, "exit", {}).result()


if __name__ == "__main__":
    main()
