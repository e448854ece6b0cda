"""Step mode: a gate before each operation of a thread, where it stops until it may pass."""

import os
import threading
import time

from .events import script_line, stamp, stamp_state, write


class _Steps:
    """The gates. One thread moves at a time, until its next gate, a wait or its end; so the order in which gates are passed
    decides the run, and a run can be replayed."""

    def __init__(self):
        self.changed = threading.Condition(threading.Lock())
        self.threads = set()  # those that step mode may stop
        self.waits = {}  # a thread: what it waits for
        self.on, self.replay, self.order = False, [], []
        self.gates, self.permits, self.moving = [], [], set()
        self.active = False

    def switch(self, on):
        """Switches step mode on or off. Either ends a replay."""
        with self.changed:
            self.on, self.replay = on, []
            self._update()

    def follow(self, order):
        """Lets the gates be passed in this order, a list of names."""
        with self.changed:
            self.replay = order
            self._update()

    def _update(self):
        self.active = self.on or bool(self.replay)
        if not self.active:
            self.permits.clear()
            self.moving.clear()
        self.changed.notify_all()

    def permit(self, name):
        """Lets a thread pass one gate, or with an empty name the one that has waited longest. False if there is none."""
        with self.changed:
            name = name or (self.gates or [""])[0]
            if not self.on or name not in self.threads:
                return False
            self.permits.append(name)
            self.changed.notify_all()
            return True

    def settled(self, name):
        """This thread waits, or has ended: another one may move."""
        if name in self.moving:
            with self.changed:
                self.moving.discard(name)
                self.changed.notify_all()

    def moves(self, names):
        """These threads were woken: nobody passes a gate before they have settled."""
        if self.active and names:
            with self.changed:
                self.moving.update(name for name in names if name in self.threads)
                self.changed.notify_all()

    def _may_pass(self, name):
        if not self.active:
            return True
        if self.replay:
            return self.replay[0] == name and not self.moving
        return not self.moving and next((who for who in self.permits if who in self.gates), None) == name

    def stop(self, name, operation, on):
        """Stops this thread at the gate before an operation until it may pass; then stamps that it runs on with what it holds."""
        line = script_line()
        with self.changed:
            self.moving.discard(name)
            self.gates.append(name)
            self.changed.notify_all()
            stamp_state(name, "waiting", on=f"step: {operation}", line=line)
        write()  # Others come to their gates and pass them meanwhile.
        with self.changed:
            while not self._may_pass(name):
                passed = len(self.order)
                if self.changed.wait(1) or self._may_pass(name) or len(self.order) > passed:
                    continue
                self.moving -= set(self.waits)  # A thread that waits does not move.
                if self.replay and not self.moving and self.replay[0] not in self.gates:
                    stamp("notice", text="could not replay the order to its end: "
                                         f"it is the turn of {self.replay[0]}, which comes to no gate")
                    self.replay = []
                    self._update()
            self.gates.remove(name)
            if self.active:
                if self.replay:
                    self.replay.pop(0)
                else:
                    self.permits.remove(name)
                self.moving.add(name)
                self.order.append(name)
                stamp("value", name="order", value=" ".join(self.order))
                self._update()
            stamp_state(name, "running", on=on, line=line)

    def sleep(self, name, attempt, deadline):
        """Waits in step mode: makes the attempt again each time that another thread has woken this one. Gives what the attempt
        gave; None after the deadline, or once step mode is off."""
        with self.changed:
            while self.active:
                self.moving.discard(name)
                self.changed.notify_all()
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self.changed.wait_for(lambda: name in self.moving or not self.active, left)
                if self.active and (done := attempt()):
                    return done
        return None


steps = _Steps()


def replay(order):
    """Lets the gates be passed in this order: names with blanks between, as the value `order` showed it."""
    steps.follow(order.split())


def is_stepped():
    """Whether step mode is on, or an order is replayed."""
    return steps.active


def order():
    """The names of the threads in the order in which they passed gates so far."""
    return list(steps.order)


# A forked child has one thread, which stands at no gate.
os.register_at_fork(after_in_child=steps.__init__)
