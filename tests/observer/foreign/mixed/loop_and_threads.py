# lanes: main, reporter, asking
# things: lock shared
"""A loop and threads: blocking calls beside the loop, and a loop in a thread of its own that others ask."""
import asyncio
import concurrent.futures
import contextvars
import threading
import time

shared = threading.Lock()
user = contextvars.ContextVar("user", default="nobody")


def block(text):
    time.sleep(0.005)
    with shared:
        return f"{text} for {user.get()}", threading.current_thread() is threading.main_thread()


async def main():
    user.set("ann")
    loop = asyncio.get_running_loop()
    print(await asyncio.gather(asyncio.to_thread(block, "to_thread"), loop.run_in_executor(None, block, "executor")))
    with concurrent.futures.ThreadPoolExecutor(1, "own") as pool:
        print(await loop.run_in_executor(pool, lambda: threading.current_thread().name))
    told = loop.create_future()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(told.set_result, "told"), name="reporter")
    thread.start()
    print(await told)
    thread.join()
    try:
        await asyncio.to_thread(block, object)
        await asyncio.to_thread(lambda: {}[1])
    except KeyError as error:
        print("KeyError", error)


asyncio.run(main())
loop = asyncio.new_event_loop()
thread = threading.Thread(target=loop.run_forever, name="asking", daemon=True)
thread.start()
future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001, "slept"), loop)
print(future.result(), future.done())
failing = asyncio.run_coroutine_threadsafe(asyncio.wait_for(asyncio.sleep(600), 0.001), loop)
try:
    failing.result()
except TimeoutError:
    print("too slow")
loop.call_soon_threadsafe(loop.stop)
thread.join()
loop.close()
print(loop.is_closed(), threading.active_count())
