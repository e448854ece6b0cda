# lanes: main, reader, writer
# things: lock folder.lock
"""Threads that log, each with a context variable of its own; and an object that uses a lock when it goes."""
import contextvars
import gc
import logging
import logging.handlers
import queue
import sys
import threading

logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format="%(levelname)s %(threadName)s %(funcName)s:%(lineno)d %(message)s")
log = logging.getLogger("files")
request = contextvars.ContextVar("request", default="none")


class Folder:
    def __init__(self, name):
        self.name, self.lock, self.open_files = name, threading.Lock(), 0

    def open(self):
        with self.lock:
            self.open_files += 1
        return File(self)


class File:
    def __init__(self, folder):
        self.folder = folder

    def __del__(self):
        with self.folder.lock:
            self.folder.open_files -= 1


folder = Folder("letters")


def work(verb):
    request.set(verb)
    file = folder.open()
    log.info("%s with request %s, %d open", verb, request.get(), folder.open_files)
    del file
    try:
        raise OSError("disk is full")
    except OSError:
        log.exception("%s failed", verb)


for name, verb in (("reader", "reading"), ("writer", "writing")):
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work, verb), name=name)
    thread.start()
    thread.join()
log.debug("request is still %s", request.get(), stack_info=True)
records = queue.SimpleQueue()
log.addHandler(logging.handlers.QueueHandler(records))
log.propagate = False
log.warning("into the queue")
record = records.get()
print(record.message, record.threadName, record.processName, record.module)
cycle = [folder.open()]
cycle.append(cycle)
del cycle
gc.collect()
print(folder.open_files)
