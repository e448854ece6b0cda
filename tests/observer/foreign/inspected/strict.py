# lanes: main, worker, strict_0
# things: lock latch, queue belt
# options: -X dev -W error -bb
"""With all of Python's warnings as errors: no file is left open, no coroutine forgotten, no old name used."""
import asyncio
import concurrent.futures
import multiprocessing
import queue
import subprocess
import sys
import threading

latch = threading.Lock()
belt = queue.Queue()


def work():
    with latch:
        belt.put(sys.flags.dev_mode)


def double(n):
    return 2 * n


async def main():
    asyncio.get_running_loop().slow_callback_duration = 600  # a loaded machine is no fault
    await asyncio.gather(asyncio.sleep(0), asyncio.to_thread(work))


if __name__ == "__main__":
    worker = threading.Thread(target=work, name="worker")
    worker.start()
    worker.join()
    asyncio.run(main())
    with concurrent.futures.ThreadPoolExecutor(1, "strict") as pool:
        print(pool.submit(double, 4).result())
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=double, args=(3,))
    process.start()
    process.join()
    print(belt.get(), belt.get(), process.exitcode, sys.warnoptions)
    done = subprocess.run([sys.executable, "-X", "dev", "-c", "import threading; threading.Lock()"], capture_output=True)
    print(done.returncode, done.stderr.decode())
