"""Some threads do the same steps, run after run, and each step writes down the letter of its thread."""

import threading
import time
import zlib

threads = 4
steps = 20
runs = 5
load = 50
pause = 0.4

gate = threading.Barrier(threads + 1)
order = []
results = {}


def work(letter):
    for rounds in [1] * runs + [load] * runs:
        gate.wait()
        result = ord(letter)
        for _ in range(steps):
            result = zlib.crc32(bytes(4096 * rounds), result)
            order.append(letter)
            time.sleep(0.0001)
        results[letter] = result
        gate.wait()


workers = [threading.Thread(target=work, args=(letter,), name=letter) for letter in "ABCDEFGH"[:threads]]
for worker in workers:
    worker.start()
for kind in ["light"] * runs + ["heavy"] * runs:
    order.clear()
    gate.wait()  # All begin.
    gate.wait()  # All have done their steps.
    print(kind, "".join(order), "result", sum(results.values()))
    time.sleep(pause)
