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
    pins        gpiozero's pins, on the observer, which names its own modules
    finder      this package, for programs that import it
    knobs       other literals than the program's source has
    run_with_knobs
"""

_NAMES = {
    "control": "TOO_LATE action actions button readable step_mode",
    "events": "event fact gpio notice refuse state value",
    "lanes": "checkpoint finished lane rename sleep started",
    "locks": "Barrier BrokenBarrierError Condition Event Lock Semaphore",
    "parameters": "params",
    "processes": "is_given_up peek process_exited process_reaped process_started process_state reap signal_name",
    "queues": "Empty Full JoinableQueue Pipe Queue",
    "stepping": "is_stepped order replay",
    "threads": "Thread ThreadPoolExecutor Timer local",
    "tracked": "deadlock",
    "words": "counted unknown yes_or_no",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_MODULES)


def __getattr__(name):
    """Imports the module of a name when it is asked for: a program that is only observed asks for none."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # A program that is only observed comes not here.

    found = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    return found


def __dir__():
    return sorted({*globals(), *__all__})
