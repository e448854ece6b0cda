"""A barrier for five threads, and only four of them come."""

import threading
import time

parties = 5
comers = 4
timeout = 3.0

gate = threading.Barrier(parties, timeout=timeout)


def worker(number):
    name = threading.current_thread().name
    time.sleep(0.4 * number)
    print(f"{name} comes to the gate")
    try:
        place = gate.wait()
        print(f"{name} passes, with number {place}")
    except threading.BrokenBarrierError:
        print(f"{name} gets BrokenBarrierError")


threads = [threading.Thread(target=worker, args=(n,), name=f"worker-{n}") for n in range(1, comers + 1)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
