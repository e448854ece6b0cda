"""The common part of all primitives: they report each wait and each holder, and step mode stops their tasks."""

import threading
import time

from . import events
from .events import state
from .lanes import checkpoint, holding, lane, own
from .stepping import steps


class Tracked:
    """A thing that tasks wait for: its name, the task that has it, and the tasks that wait."""

    owned = False  # whether one task has it alone

    def __init__(self, kind, name):
        self.on = f"{kind} {name}" if name else kind
        self.holder = None
        self.waiters = []

    def _perform(self, operation, attempt, block, timeout=None, blocking=True, holds=False, joins=False):
        """Does an operation: at once if the attempt can, else after a wait in block. Gives what they gave. An operation that
        joins other tasks has to wait among them: then step mode does not make the attempt again."""
        if not is_watched() and (done := attempt()):
            if self.owned:
                self.holder = lane()
            return done
        name = lane()
        checkpoint(f"{operation} {self.on}")
        done, waited, reported = attempt(), False, False
        if not done and blocking:
            deadline = None if timeout is None else time.monotonic() + timeout
            waited, reported = True, own.pace.reported < 200
            self.waiters.append(name)
            steps.waits[name] = (self,)  # a new tuple for each wait: deadlock() tells two waits apart by it
            if reported:
                state(name, "waiting", on=self.on, held_by=self.holder)
            try:
                if threading.current_thread() is not threading.main_thread() and not joins:
                    done = steps.sleep(name, attempt, deadline)
                if not done:
                    steps.settled(name)
                    done = block(None if deadline is None else max(0, deadline - time.monotonic()))
                    steps.moves([name])
            finally:
                del steps.waits[name]
                self.waiters.remove(name)
        if done and holds:
            self.holder = name if self.owned else None
            own.holds.append(self.on)
        if (done and holds or waited) and (own.pace.did(name, waited) or reported):
            state(name, "running", on=holding())
            for other in list(self.waiters) if self.holder else []:
                if self in steps.waits.get(other, ()):
                    state(other, "waiting", on=self.on, held_by=name)
        return done

    def _let_go(self):
        """The calling thread has it no more; nor has any other task that had it alone."""
        name, self.holder = lane(), None
        if own.holds and self.on in own.holds:
            own.holds.remove(self.on)
            if own.pace.reported < 200:
                state(name, "running", on=holding())

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *error):
        self.release()


def is_watched():
    """Whether anybody reads the lines, or step mode is on. If not, a primitive may do without its tracking."""
    return events.descriptor is not None or steps.active


def deadlock():
    """The tasks that wait for one another in a circle, as pairs of a task and what it waits for; empty if there is none."""
    seen = dict(steps.waits)
    for first in seen:
        circle, name = {}, first
        while name in seen and name not in circle:
            thing, = seen[name]
            circle[name] = thing.on
            name = thing.holder
        # A second look: all these waits must have lasted together.
        if name == first and all(steps.waits.get(who) is seen[who] for who in circle):
            return list(circle.items())
    return []
