# lanes: main, guest
"""A manager and a pool in processes that begin anew, and functions of the library that are sent there."""
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor


def visit(book, lock, done):
    with lock:
        book.append(multiprocessing.current_process().name)
    done.set()


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        book, lock, done, letters = manager.list(), manager.Lock(), manager.Event(), manager.Queue()
        guest = context.Process(target=visit, args=(book, lock, done), name="guest")
        guest.start()
        done.wait()
        guest.join()
        letters.put("letter")
        print(list(book), done.is_set(), letters.get(), guest.exitcode)
    with context.Pool(1) as pool:
        print(pool.map(time.sleep, [0.001, 0.002]), pool.apply(os.getppid) == os.getpid())
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        print(list(executor.map(time.sleep, [0.001])), executor.submit(os.path.basename, "/a/b").result())
