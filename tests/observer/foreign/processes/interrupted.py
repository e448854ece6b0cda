# lanes: main, worker
# things: event closing, lock till
# exit: 130
"""Ctrl-C, sent by the program itself: the exception leaves two `with`, its traceback is said, and the program ends by the signal."""
import signal
import threading

signal.signal(signal.SIGINT, signal.default_int_handler)
closing = threading.Event()
till = threading.Lock()


class Crew:
    def __enter__(self):
        self.worker = threading.Thread(target=closing.wait, name="worker")
        self.worker.start()
        return self.worker

    def __exit__(self, *error):
        closing.set()
        self.worker.join()
        print("the crew has gone home:", error[0].__name__, till.locked())


def count():
    with till:
        signal.raise_signal(signal.SIGINT)


with Crew() as worker:
    count()
