# lanes: main, own
# things: lock tool
"""A program with a module and a package of the observer's own name."""
import os
import sys
import threading

sys.path.insert(0, os.getcwd())
os.mkdir("tasklab")  # no package yet
for name, text in (("tasklab/__init__.py", "VALUE = 42\n"), ("tasklab/lanes.py", "WORDS = 'my words'\n")):
    with open(name, "w") as file:
        file.write(text)
import tasklab
from tasklab import lanes

tool = threading.Lock()


def work():
    with tool:
        print(tasklab.VALUE, lanes.WORDS)


thread = threading.Thread(target=work, name="own")
thread.start()
thread.join()
