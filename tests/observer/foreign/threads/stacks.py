# lanes: main, digger
# things: lock spade, condition hole
"""Prints its own stack, here and in a thread, and what an exception has passed through."""
import sys
import threading
import traceback

spade = threading.Lock()
hole = threading.Condition()


class Digger(threading.Thread):
    def run(self):
        with spade:
            self.dig(2)

    def dig(self, depth):
        if depth:
            return self.dig(depth - 1)
        traceback.print_stack()
        print("".join(traceback.format_stack(limit=2)), end="")
        frame, names = sys._getframe(), []
        while frame:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        print(names)


def call_back():
    traceback.print_stack(file=sys.stdout)
    return True


def fail():
    with hole:
        hole.wait_for(call_back)
        hole.wait_for(lambda: 1 / 0)


digger = Digger(name="digger")
digger.start()
digger.join()
try:
    fail()
except ZeroDivisionError as error:
    print(traceback.format_exc(), end="")
    print([entry.name for entry in traceback.extract_tb(error.__traceback__)])
for wrong in (spade.release, hole.notify, threading.Semaphore(0).__exit__, lambda: threading.Event().wait("soon")):
    try:
        wrong()
    except Exception:
        traceback.print_exc(limit=-2)
try:
    with spade:
        with open("/nonexistent/file"):
            pass
except FileNotFoundError:
    traceback.print_exc()
thread = threading.Thread(target=print, args=("once",))
thread.start()
thread.join()
try:
    thread.start()
except RuntimeError:
    traceback.print_exc()
print(traceback.extract_stack()[-1].name, len(traceback.extract_stack()))
