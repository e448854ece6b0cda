"""The shed of garden.py, and who takes tools from it."""
import threading

tools = threading.Lock()


class Shed:
    def __init__(self, names):
        self.names, self.lent = names, []
        self.lock = threading.RLock()

    def take(self):
        with self.lock, self.lock:
            self.lent.append(self.names.pop())


def gardener(number, shed):
    def work():
        if tools.acquire(timeout=0.05):
            shed.take()
            tools.release()

    thread = threading.Thread(target=work, name=f"gardener-{number}")
    thread.start()
    return thread
