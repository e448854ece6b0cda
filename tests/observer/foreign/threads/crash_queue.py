# lanes: main
# things: queue letters
# ops: main: get queue letters = Empty
# exit: 1
"""A queue that stays empty ends the program: the traceback goes through the standard library."""
import queue


class Box:
    def __init__(self):
        self.letters = queue.Queue()

    def read(self):
        return self.letters.get(timeout=0.02)


letters = queue.Queue(2)
letters.put("first")
print(letters.get())
try:
    letters.get(timeout=0.02)
except queue.Empty as error:
    print("empty:", repr(error))
Box().read()
