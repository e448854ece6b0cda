"""Several threads print on one screen at the same time: without a lock, and with one."""

import contextlib
import threading
import time

writers = 2
lines = 6
gap = 0.2
screen = threading.Lock()


def print_lines():
    for line in range(1, lines + 1):
        print(threading.current_thread().name, "prints line", line)
        time.sleep(gap)


def copy_files(guard):
    name = threading.current_thread().name
    for file in range(1, lines + 1):
        with guard:
            print(f"{name} copies file {file} ...", end=" ", flush=True)
            time.sleep(gap)
            print("done")
        time.sleep(gap / 4)


def run(title, function, *args):
    print(title)
    threads = [threading.Thread(target=function, args=args, name=f"writer-{n}") for n in range(1, writers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


run("One print a line:", print_lines)
run("Two prints a line:", copy_files, contextlib.nullcontext())
run("With the lock:", copy_files, screen)
