# lanes: main, worker-0, worker-1, worker-2
# things: lock tool
"""Threads that want one lock are ended by an error that another thread raises in them: they end, and the lock is free."""
import ctypes
import threading
import time

tool = threading.Lock()
turns = [0, 0, 0]


def work(number):
    while True:
        with tool:
            turns[number] += 1
            time.sleep(0.002)


workers = [threading.Thread(target=work, args=(n,), name=f"worker-{n}") for n in range(3)]
for worker in workers:
    worker.start()
while sum(turns) < 20:
    time.sleep(0.001)
for worker in workers:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(SystemExit))
for worker in workers:
    worker.join()
print(tool.locked(), [worker.is_alive() for worker in workers])
