# lanes: main, fetch_0, square-1, square-2, fail-1
"""A pool of threads: results as they come, in order, errors, one that never begins, and who is told."""
import concurrent.futures
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed, wait

go = threading.Event()


def square(n):
    return n * n


def fail(why):
    raise LookupError(why)


def hold():
    go.wait()
    return "let go"


with ThreadPoolExecutor(max_workers=2, thread_name_prefix="fetch") as pool:
    futures = {pool.submit(square, n): n for n in (3, 4)}
    for future in as_completed(futures):
        assert future.result() == futures[future] ** 2
    print(list(pool.map(square, range(6))))
    failed = pool.submit(fail, "nothing there")
    try:
        failed.result()
    except LookupError as error:
        print(repr(error), failed.exception() is error, error.__traceback__.tb_frame.f_code.co_name)
    held = [pool.submit(hold), pool.submit(hold)]
    late = pool.submit(square, 9)
    try:
        late.result(timeout=0.02)
    except concurrent.futures.TimeoutError as error:
        print("too slow", repr(error))
    print("cancelled:", late.cancel(), late.cancelled(), late.done())
    go.set()
    done, not_done = wait(held)
    print(len(done), len(not_done), {future.result() for future in done})
    told = []
    last = pool.submit(square, 5)
    last.add_done_callback(lambda future: told.append(future.result()))
    wait([last], return_when=concurrent.futures.FIRST_COMPLETED)
print(told, last.running())
try:
    pool.submit(square, 1)
except RuntimeError as error:
    print(error)
try:
    ThreadPoolExecutor(max_workers=0)
except ValueError as error:
    print(error)
with ThreadPoolExecutor(1, initializer=fail, initargs=("no tools",)) as broken:
    try:
        broken.submit(square, 2).result()
    except concurrent.futures.thread.BrokenThreadPool as error:
        print(error)
