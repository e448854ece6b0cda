# lanes: main, Thread-1 (work), Thread-2, threads-1, ForkProcess-1, Task-1
"""Names and numbers that the library gives by itself, in order; and what depends on chance, begun with a seed."""
import asyncio
import concurrent.futures
import multiprocessing
import random
import threading
from queue import Queue

random.seed(11)


def work():
    return threading.current_thread().name


class Own(threading.Thread):
    def run(self):
        pass


async def names():
    inner = asyncio.create_task(asyncio.sleep(0))
    await inner
    return asyncio.current_task().get_name(), inner.get_name()


threads = [threading.Thread(target=work), Own(), threading.Timer(0, work)]
print([thread.name for thread in threads], [thread.ident for thread in threads])
for thread in threads:
    thread.start()
    thread.join()
print(threads[0].native_id > 0, threads[0].ident == threads[0].ident, threads[0].is_alive(), repr(threads[0]).split("(")[0])
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    print(pool.submit(work).result())
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    print(pool.submit(work).result())
context = multiprocessing.get_context("fork")
process = context.Process(target=work)
print(process.name, multiprocessing.current_process().name, sep=" | ")
process.start()
process.join()
print(process.exitcode, process._identity, repr(process).split(" pid=")[0])
print(asyncio.run(names()))
print(random.randrange(1000), random.random(), [random.choice("abc") for _ in range(5)])
items = Queue()
for letter in {"b": 1, "a": 2, "c": 3}:
    items.put(letter)
print(items.queue, dict(zip("xyz", range(3))), threading.Thread(name="given").name, threading.Thread().name)
