"""One name: a box for each thread, or one box for all; and what readers see while somebody writes."""

import contextlib
import threading
import time

threads = 3
pause = 1.2
reads = 15
gap = 0.05

mine = threading.local()
x = 0
left = right = 50
sums = []
accounts = threading.Lock()


def fill(number):
    global x
    time.sleep(0.2 * number)
    mine.x = x = 10 * number
    time.sleep(pause)
    name = threading.current_thread().name
    print(f"{name} finds: mine.x {mine.x}, x {x}")


def move():
    global left, right
    for _ in range(reads):
        with accounts:
            left -= 1
            time.sleep(gap)
            right += 1
        time.sleep(gap)


def read(guard):
    for _ in range(reads):
        with guard:
            sums.append(left + right)
        time.sleep(gap)


def run(team):
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()


def compare(title, guard, writers):
    sums.clear()
    run([threading.Thread(target=read, args=(guard,), name=f"reader-{n}") for n in range(1, threads + 1)] + writers)
    print(f"{title}: {len(sums)} sums, wrong: {sum(total != 100 for total in sums)}")


run([threading.Thread(target=fill, args=(n,), name=f"th-{n}") for n in range(1, threads + 1)])
print(f"main finds: mine.x {getattr(mine, 'x', 'nothing')}, x {x}")

no_guard = contextlib.nullcontext()
compare("nobody writes", no_guard, [])
compare("the writer locks", no_guard, [threading.Thread(target=move, name="writer")])
compare("readers lock, too", accounts, [threading.Thread(target=move, name="writer")])
