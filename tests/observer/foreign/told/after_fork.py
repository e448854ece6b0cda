# lanes: main, child-1
# options: -W error
# acts: put queue keys 7 after value name=forked
# tells: value name=came value=true
# never: action.refused
"""A person acts after a fork, while the program looks at nothing that is observed; there is no warning more or less for that."""
import os
import queue
import select
import sys
import threading
import warnings

keys = queue.Queue()
gate, end = os.pipe()
child = os.fork()
if child == 0:
    os.close(end)
    os.read(gate, 1)
    os._exit(0)
forked = len("once")
came = "tasklab.observe" not in sys.modules
for _ in range(600):
    if came or len(keys.queue):
        came = True
        break
    select.select([], [], [], 0.1)
os.close(end)
print(came, os.waitpid(child, 0)[1])
print([thread.name for thread in threading.enumerate()], [entry[:2] for entry in warnings.filters])
