"""The actions of a person: words, buttons, and the action `step`."""

import atexit
import collections
import json
import os
import select
import sys
import threading
import time

from .events import event, has_stamped, inherited, notice, refuse, value, write
from .lanes import rename
from .stepping import steps

TOO_LATE = "it comes too late: nothing is left but the end"

if (observer := sys.modules.get(f"{__package__}.observe.listener")) is not None:
    observer.stop()  # The program reads the actions itself.
descriptor = inherited("TASKLAB_CONTROL")  # None: nobody sends actions
pending = collections.deque()  # actions that were read, and that the script has not asked for yet
_unread = b""  # the beginning of a line whose end has not arrived
_actions = {}  # a name: its target, as the script declares it; empty where it declares none
_buttons = []  # the action that a press of each is
_main_pid = os.getpid()
_is_listening = False
_LISTENER = "tasklab-listen"


def action(timeout, *others):
    """Sleeps until a person does something, which it gives as (do, target). None after the timeout, or as soon as one of the
    other descriptors is readable. Only the script's first process gets actions. The action `step` does not come here."""
    return pending.popleft() if pending else next_action(timeout, others)


def next_action(timeout, others):
    """action(), without what is pending."""
    global descriptor, _unread
    if has_stamped():
        write()
    deadline = time.monotonic() + timeout
    while True:
        line, newline, rest = _unread.partition(b"\n")
        if newline:
            _unread = rest
            try:
                asked = json.loads(line)
                do, target = asked["do"] + "", asked.get("target", "") + ""
            except (ValueError, KeyError, TypeError, AttributeError):
                if line.strip():
                    notice(f"a line that is no action was skipped: {line[:200].decode(errors='replace')}")
                continue
            if do == "step":
                _step(target)
            elif why := _unfit(do, target):
                refuse(do, target, why)
            else:
                return do, target
            continue
        listening = [descriptor] if descriptor is not None and os.getpid() == _main_pid else []
        ready, _, _ = select.select([*others, *listening], [], [], max(0, deadline - time.monotonic()))
        if listening and descriptor in ready:
            try:
                chunk = os.read(descriptor, 4096)
            except OSError:
                chunk = b""
            if not chunk:
                descriptor = None  # Nobody will send anything any more; waiting goes on as before.
            _unread += chunk
        elif ready or time.monotonic() >= deadline:
            return None


def actions(*usages):
    """Declares the actions of a person, as actions("wait CHILD", "poll [CHILD]", "finish"). Any other action is refused, with
    the reason, and the script does not get it. Without such a line the script gets every action."""
    _actions.update((name, target) for name, _, target in (usage.partition(" ") for usage in usages))


def _unfit(do, target):
    """Why this is no action of the script, or not with such a target; None if it is one."""
    if not _actions or (do, target) in _buttons:
        return None
    if do not in _actions:
        return "this lesson has no such action; it has: " + ", ".join(f"{name} {on}".strip() for name, on in _actions.items())
    wanted = _actions[do]
    if target.strip() and not wanted:
        return "it takes no target"
    if wanted and not wanted.startswith("[") and not target.strip():
        return f"it needs a target, as in `{do} {wanted}`"


def button(line):
    """Makes a line of the board a button, which connects it with ground. Gives the action that each press will be."""
    event("action", do="watch", target=f"GPIO{line}", by="lesson")
    _buttons.append(("press", f"GPIO{line}"))
    return _buttons[-1]


def readable(descriptor):
    """Whether reading from a descriptor would not wait."""
    return bool(select.select([descriptor], [], [], 0)[0])


def step_mode(on):
    """Switches step mode on: each operation of a thread waits until the action `step` lets it pass. From then on a thread
    reads the actions, since the first one may be busy."""
    if on == steps.on:
        return
    if on and descriptor is None:
        notice("step mode stays off: nobody is there who could say who goes next")
        return
    steps.switch(on)
    value("step", "on" if on else "off")
    if on:
        _start_listening()


def _step(target):
    """The action `step`: on, off, a task's name, or nothing for the task that has waited longest."""
    if target in ("on", "off"):
        step_mode(target == "on")
        return
    if steps.permit(target):
        return
    if not steps.on:
        why = "step mode is off; `step on` switches it on"
    elif not target:
        why = "no task stands before a step"
    else:
        why = f'no task is called "{target}" that step mode could stop; on, off or the name of one is accepted'
    refuse("step", target, why)


def _start_listening():
    """From now on a thread reads all actions: it does `step` itself and passes the others on to next_action() by a pipe."""
    global descriptor, _is_listening
    if descriptor is None or os.getpid() != _main_pid or _is_listening:
        return
    _is_listening = True
    source, (descriptor, passing) = descriptor, os.pipe()

    def listen():
        rename(_LISTENER)  # Python before 3.14 does not tell the kernel; Task Lab shows no lane under this name.
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
                    _step(asked.get("target", ""))
                else:
                    os.write(passing, line + b"\n")
        step_mode(False)
        os.close(passing)

    threading.Thread(target=listen, name=_LISTENER, daemon=True).start()


@atexit.register
def _refuse_what_is_left():
    """At its end the script's first process refuses the actions that it has not taken."""
    if os.getpid() == _main_pid:
        for _ in range(1000):  # Actions that keep coming must not keep the script from ending.
            if not (asked := action(0)):
                break
            refuse(*asked, TOO_LATE)
