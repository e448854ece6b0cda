# lanes: main, kid, stranger, late, patient
# tells: task.state task=main state=waiting on="barrier gate" at_most=60; op task=main do=notify on="condition shop"
# tells: task.state task=stranger state=waiting on="barrier gate-2"; task.state task=patient state=waiting on="event go"
# never: op do=acquire on="lock door"; op do=acquire on="barrier gate"; op do=acquire on="barrier gate-2"; op do=acquire on="event go"
"""Barriers and events of processes, and a condition on a lock of the program's own, which the condition itself tries."""
import multiprocessing
import threading
import time


def come(gate, seconds):
    time.sleep(seconds)
    gate.wait()


def meet(method, comers):
    context = multiprocessing.get_context(method)
    gate = context.Barrier(len(comers) + 1)
    kids = [context.Process(target=come, args=(gate, seconds), name=name) for name, seconds in comers]
    for kid in kids:
        kid.start()
    gate.wait(60)
    for kid in kids:
        kid.join()


if __name__ == "__main__":
    meet("fork", [("kid", 0.1)])
    meet("spawn", [("stranger", 0), ("late", 1)])
    context = multiprocessing.get_context("spawn")
    go = context.Event()
    patient = context.Process(target=go.wait, args=(60,), name="patient")
    patient.start()
    time.sleep(1)
    go.set()
    patient.join()
    door = threading.Lock()
    shop = threading.Condition(door)
    with shop:
        shop.notify()
