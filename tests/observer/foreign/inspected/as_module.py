# lanes: main, worker, Process-1
# as: module
"""Begins as a module, by its name; so do its children."""
import multiprocessing
import sys
import threading


def work():
    print(__name__, __spec__ and __spec__.name, threading.current_thread().name, flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    worker = threading.Thread(target=work, name="worker")
    worker.start()
    worker.join()
    process = multiprocessing.Process(target=work)
    process.start()
    process.join()
    print(process.exitcode, sys.argv[0] == __file__, sys.argv[1:])
