"""The shim between a Python program and Task Lab. Standard library only, Python 3.11 and later.

Task Lab names two open descriptors in the environment. The program writes a line of JSON to TASKLAB_EVENTS for each thing that
happens, and reads a line of JSON from TASKLAB_CONTROL for each thing that a person does. Without them the functions here do
nothing (action() still sleeps), so that a lesson also runs alone:

    PYTHONPATH=assets/python python3 body.py workers=2

The primitives of the standard library are here under their own names (Lock, Semaphore, Event, Barrier, Condition, Queue, Timer,
local, Thread, ThreadPoolExecutor, Pipe). They behave in the same way, and report each wait, each holder, and the task that let a
waiter go on (woken_by): only where that is known, and never after a timeout. Their lines have the time at which a thing happened,
and are written once the task holds nothing, or has time:

    lock = tasklab.Lock("counter")
    threads = [tasklab.Thread(target=work, name=f"worker-{n}") for n in range(4)]

Each module imports only those above it:

    events      the lines that a program writes
    stepping    step mode: the gates, and the order in which they are passed
    lanes       which lane a thread has, and what it holds
    control     the actions of a person
    processes   the states and ends of children
    parameters  the parameters of a lesson
    words       numbers and names in sentences
    tracked     the common part of all primitives
    locks, queues, threads
"""

from .control import TOO_LATE, action, actions, button, readable, step_mode
from .events import event, fact, gpio, notice, refuse, state, value
from .lanes import checkpoint, finished, lane, rename, sleep, started
from .locks import Barrier, BrokenBarrierError, Condition, Event, Lock, Semaphore
from .parameters import params
from .processes import is_given_up, peek, process_exited, process_reaped, process_started, process_state, reap, signal_name
from .queues import Empty, Full, JoinableQueue, Pipe, Queue
from .stepping import is_stepped, order, replay
from .threads import Thread, ThreadPoolExecutor, Timer, local
from .tracked import deadlock
from .words import counted, unknown, yes_or_no

__all__ = [
    "action", "actions", "Barrier", "BrokenBarrierError", "button", "checkpoint", "Condition", "counted", "deadlock",
    "Empty", "event", "Event", "fact", "finished", "Full", "gpio", "is_given_up", "is_stepped", "JoinableQueue", "lane",
    "local", "Lock", "notice", "order", "params", "peek", "Pipe", "process_exited", "process_reaped", "process_started",
    "process_state", "Queue", "readable", "reap", "refuse", "rename", "replay", "Semaphore", "signal_name", "sleep",
    "started", "state", "step_mode", "Thread", "ThreadPoolExecutor", "Timer", "TOO_LATE", "unknown", "value",
    "yes_or_no",
]
