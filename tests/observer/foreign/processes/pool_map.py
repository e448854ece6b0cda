# lanes: main, ForkPoolWorker-1, ForkPoolWorker-2
"""A pool of forked processes: results in order, as they come, errors, and those that are not waited for."""
import multiprocessing
import os


def cube(n):
    return n ** 3


def divide(a, b):
    return a // b


def who(_):
    return multiprocessing.current_process().name.rstrip("0123456789"), os.getppid()


def set_up(start):
    global offset
    offset = start


def shifted(n):
    return n + offset


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with context.Pool(processes=2) as pool:
        print(pool.map(cube, range(8)))
        print(pool.starmap(divide, [(9, 2), (8, 4)]), pool.apply(cube, (5,)))
        result = pool.map_async(cube, [1, 2, 3], chunksize=1)
        result.wait()
        print(result.ready(), result.successful(), result.get())
        print(sorted(pool.imap_unordered(cube, range(5))), list(pool.imap(cube, range(3))))
        try:
            pool.apply(divide, (1, 0))
        except ZeroDivisionError as error:
            print("error:", error)
        told = []
        pool.apply_async(cube, (4,), callback=told.append).wait(60)
        failed = pool.starmap_async(divide, [(1, 1), (1, 0)], error_callback=lambda error: told.append(str(error)))
        failed.wait(60)
        try:
            failed.get()
        except ZeroDivisionError:
            print("told", told)
        print({name for name, parent in pool.map(who, range(6))}, {parent for _, parent in pool.map(who, "ab")} == {os.getpid()})
        pool.close()
        pool.join()
    with context.Pool(1, initializer=set_up, initargs=(40,), maxtasksperchild=2) as pool:
        print(pool.map(shifted, range(5), chunksize=1))
    try:
        pool.map(cube, [1])
    except ValueError as error:
        print(error)
