# lanes: main
"""Starts a process anew without the guard: the child fails, and says why."""
import multiprocessing


def work():
    print("never said")


process = multiprocessing.get_context("spawn").Process(target=work)
process.start()
process.join()
print("exit code", process.exitcode)
