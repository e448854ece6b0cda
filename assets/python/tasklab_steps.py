"""Step mode: a gate before each operation of a thread, where it stops until it is let go. Part of the shim: a script says
`import tasklab`, and finds step_mode, replay, order and checkpoint there.
"""

import json
import os
import threading
import time

import tasklab
from tasklab import lane, notice, state, value

_own = tasklab._own


class _Steps:
    """Step mode: a gate before each operation of a thread. One thread moves at a time, until it comes to its next gate,
    a wait or its end; so the order of passed gates decides the run, and replays."""

    def __init__(self):
        self.changed = threading.Condition(threading.Lock())
        self.on, self.replay, self.order = False, [], []
        self.gates, self.permits, self.moving = [], [], set()
        self.active = False

    def update(self):
        self.active = self.on or bool(self.replay)
        if not self.active:
            self.permits.clear()
            self.moving.clear()
        self.changed.notify_all()

    def obey(self, target):
        """The action `step`: on, off, a task's name, or nothing for the one that waits longest."""
        if target in ("on", "off"):
            step_mode(target == "on")
            return
        with self.changed:
            name = target or (self.gates or [""])[0]
            if self.on and name in lanes:
                self.permits.append(name)
                self.changed.notify_all()
                return
        if not self.on:
            why = "step mode is off; `step on` switches it on"
        elif not target:
            why = "no task stands before a step"
        else:
            why = f'no task is called "{target}" that step mode could stop; on, off or the name of one is accepted'
        tasklab.refuse("step", target, why)

    def settled(self, name):
        if name in self.moving:
            with self.changed:
                self.moving.discard(name)
                self.changed.notify_all()

    def moves(self, names):
        """These were woken: nobody passes a gate before they have settled."""
        if self.active and names:
            with self.changed:
                self.moving.update(name for name in names if name in lanes)
                self.changed.notify_all()

    def turn(self, name):
        if not self.active:
            return True
        if self.replay:
            return self.replay[0] == name and not self.moving
        return not self.moving and next((who for who in self.permits if who in self.gates), None) == name

    def gate(self, operation):
        """Stands at the gate before an operation until this thread may pass."""
        if not self.active or threading.current_thread() is threading.main_thread():
            return
        name = lane()
        with self.changed:
            self.moving.discard(name)
            self.gates.append(name)
            self.changed.notify_all()
            state(name, "waiting", on=f"step: {operation}")
            while not self.turn(name):
                passed = len(self.order)
                if self.changed.wait(1) or self.turn(name) or len(self.order) > passed:
                    continue
                self.moving -= set(waits)  # who waits does not move
                if self.replay and not self.moving and self.replay[0] not in self.gates:
                    notice(f"could not replay the order to its end: it is the turn of {self.replay[0]}, which comes to no gate")
                    self.replay = []
                    self.update()
            self.gates.remove(name)
            if self.active:
                if self.replay:
                    self.replay.pop(0)
                else:
                    self.permits.remove(name)
                self.moving.add(name)
                self.order.append(name)
                value("order", " ".join(self.order))
                self.update()
            state(name, "running", on=_own.holds[-1] if _own.holds else None)

    def sleep(self, name, attempt, deadline):
        """Waits in step mode: tries again when somebody has woken this thread. What attempt gave, or None."""
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


lanes = set()  # threads that step mode may stop
waits = {}  # lane -> what it waits for
steps = _Steps()


def step_mode(on):
    """Switches step mode on: each operation of a thread waits until the action `step` lets it pass. A thread of its own
    listens from then on, as the first one may be busy."""
    if on == steps.on:
        return
    if on and tasklab._control is None:
        notice("step mode stays off: nobody is there who could say who goes next")
        return
    with steps.changed:
        steps.on, steps.replay = on, []
        steps.update()
    value("step", "on" if on else "off")
    if on:
        _start_listening()


def replay(order):
    """Lets the gates be passed in this order, names with blanks between, as the value `order` showed it."""
    with steps.changed:
        steps.replay = order.split()
        steps.update()


def is_stepped():
    """Whether step mode is on, or an order is replayed."""
    return steps.active


def order():
    """The order in which gates were passed so far."""
    return list(steps.order)


def checkpoint(what):
    """A gate of the script's own, before something that is no tracked operation."""
    steps.gate(what)


def _start_listening():
    """From now on a thread reads all actions: it does `step` itself and passes the others on to action()."""
    if tasklab._control is None or os.getpid() != tasklab._main_pid or getattr(_start_listening, "done", False):
        return
    _start_listening.done = True
    source, (tasklab._control, passing) = tasklab._control, os.pipe()

    def listen():
        text = b""
        while chunk := os.read(source, 4096):
            *lines, text = (text + chunk).split(b"\n")
            for line in lines:
                try:
                    asked = json.loads(line)
                    is_step = asked["do"] == "step"
                except (ValueError, KeyError, TypeError):
                    is_step = False
                if is_step:
                    steps.obey(asked.get("target", ""))
                else:
                    os.write(passing, line + b"\n")
        step_mode(False)
        os.close(passing)

    threading.Thread(target=listen, name="listener", daemon=True).start()
