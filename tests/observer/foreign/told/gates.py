# lanes: main, kid
# tells: task.state task=main state=waiting on="barrier gate" at_most=30; op task=main do=notify on="condition shop"
# never: op do=acquire on="lock door"
"""A barrier of processes, and a condition on a lock of the program's own, which the condition itself tries."""
import multiprocessing
import threading
import time


def come(gate):
    time.sleep(0.1)
    gate.wait()


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(2)
    kid = context.Process(target=come, args=(gate,), name="kid")
    kid.start()
    gate.wait(30)
    kid.join()
    door = threading.Lock()
    shop = threading.Condition(door)
    with shop:
        shop.notify()
