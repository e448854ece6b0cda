"""Step mode: a gate before each operation on an observed thing, and at each line, call and return of the program's own functions. There a
thread stops until it may pass. One thread moves at a time, until its next gate, a wait or its end; those that it wakes come to their next
gates before anybody else passes. So the order in which gates are passed decides the run, and a run can be replayed.

Lines, calls and returns come from the interpreter's tracing, which is on in step mode alone."""

import os
import sys
from _collections import deque
from itertools import groupby
from time import monotonic

from . import frames, hooks, lanes
from .lines import RLock, Whole, allocate_lock, at_fork, flush, tell  # the locks as they were before they were observed

NOBODY = "step mode ends: nobody is there who could say who goes next"
PATIENCE, LONG_PATIENCE = 1.0, 10.0  # seconds in which nobody moves, before an order is given up; if somebody may wait unseen
GLANCE = 0.1  # seconds between two looks at those who move
IDLE = 0.1  # of the time between two looks: who wants a core for less does not move
LONGEST, MOST_PARTS = 3600, 15  # bytes of a part of an order, which has to fit into a line, and parts that are told
MOST_TIMES = 1_000_000  # that one name stands for
_FUNCTION = 1  # a flag of code that is a function's, and not a module's or a class's
_INNER = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")  # functions of no name that are parts of a line


class _Gate:
    """A thread that stands at a gate."""

    __slots__ = ("lane", "lock")

    def __init__(self, lane):
        self.lane, self.lock = lane, allocate_lock()
        self.lock.acquire()


class _Steps:
    def __init__(self):
        self.mutex = RLock()  # A signal's handler may come between.
        self.is_on, self.replay, self.order = False, deque(), []
        self.part, self.parts = [], 1  # what is told of the order as one value, and how many such values there are
        self.gates, self.permits = [], []  # those who stand at gates, who came first first; lanes that may pass
        self.moving = set()  # lanes
        self.bells = {}  # a lane that waits for a lock: what wakes it
        self.wanted = {}  # a lane that moves: how long it had wanted a core at the last look
        self.looked, self.changed = 0.0, monotonic()  # when was the last look, and when did somebody begin or cease to move
        self.has_begun = True  # the program; what the interpreter does before has no gates
        self.is_over = self.has_other_trace = self.has_lost_trace = False

    def gate(self, what, line=None):
        """The calling thread stops here until it may pass."""
        if self.mutex._is_owned():
            return  # the program's code runs amid ours: a handler or a __del__
        lane = lanes.current()
        if lane.inside or type(lane) is not lanes.Lane or lanes.steps is not self:
            return
        lane.inside = True
        try:
            lanes.do_postponed()
            self._stop(lane, what, line or frames.script_line())
        except RecursionError:
            pass
        finally:
            lane.inside = False

    def _stop(self, lane, what, line):
        _follow_here(self)
        gate = _Gate(lane)
        try:
            with self.mutex:
                if lanes.steps is not self:
                    return  # Step mode has ended meanwhile.
                self._rest(lane)
                self.gates.append(gate)
                lane.state("waiting", f"step: {what}", line=line)
                self._advance()
            flush()
            # A person's steps and the listener's looks wake it; an order may have nobody who looks.
            while not gate.lock.acquire(True, GLANCE if self.replay else -1):
                self.look()
        except BaseException:  # A signal's handler has raised it, or the stack is at its end: the thread goes on.
            with self.mutex:
                if gate in self.gates:
                    self.gates.remove(gate)
                self._move(lane)
            lane.runs(None, line)
            raise
        lane.runs(None, line)
        flush()

    def _advance(self):
        """Lets the next one pass, if nobody moves. The caller has the mutex."""
        if self.moving or self.is_over:
            return
        gate = None
        if self.replay:
            gate = next((gate for gate in self.gates if _word(gate.lane) == self.replay[0]), None)
        elif self.is_on:
            standing = {gate.lane: gate for gate in reversed(self.gates)}
            lane = next((lane for lane in self.permits if lane in standing), None)
            gate = standing.get(lane)
        if gate is None:
            return
        self.gates.remove(gate)
        self._move(gate.lane)
        self.order.append(_word(gate.lane))
        self._tell_order()
        if not self.replay:
            self.permits.remove(gate.lane)
        else:
            self.replay.popleft()
            if not self.replay:
                self._leave()
        gate.lock.release()

    def _tell_order(self):
        """Names with blanks between. Where they become too long `main*12` stands for twelve times the same, and then a next part begins."""
        self.part.append(self.order[-1])
        text = Whole(" ".join(self.part))
        if len(text.quoted) > LONGEST:
            text = Whole(" ".join([f"{word}*{len([*same])}" for word, same in groupby(self.part)]))
        if len(text.quoted) > LONGEST:
            self.parts += 1
            self.part = self.order[-1:]
            text = Whole(self.order[-1])
        if self.parts <= MOST_PARTS:
            tell("value", name="order" if self.parts == 1 else f"order-{self.parts}", value=text)
        elif len(self.part) == 1 and self.parts == MOST_PARTS + 1:
            tell("notice", text=f"the order is told up to its gate {len(self.order) - 1}: it would be too long")

    def _move(self, lane):
        self.moving.add(lane)
        self.wanted.pop(lane, None)
        self.changed = monotonic()

    def _rest(self, lane):
        if lane in self.moving:
            self.moving.remove(lane)
            self.changed = monotonic()

    def settled(self, lane):
        """This thread waits, is over, or leaves the program's code: another one may move."""
        with self.mutex:
            self._rest(lane)
            self._advance()

    def moves(self, lane):
        """This thread was woken: nobody passes a gate before it has settled."""
        if type(lane) is lanes.Lane and lanes.steps is self:
            with self.mutex:
                self._move(lane)
                bell = self.bells.get(lane)
                if bell is not None and bell.locked():
                    bell.release()

    def resumes(self, lane):
        """The calling thread's wait is over."""
        self.moves(lane)
        _follow_here(self)

    def follow(self):
        """The calling thread stops at its lines from now on, if it does not yet."""
        _follow_here(self)

    def ends(self, lane):
        """The calling thread is over, which lets those go on who wait for its end."""
        for other in lanes.all_lanes():
            wait = other.wait
            if wait is not None and wait.on == "join()" and wait.held_by == lane.name:
                self.moves(other)
        with self.mutex:
            self.permits = [permit for permit in self.permits if permit is not lane]
            self.wanted.pop(lane, None)
        self.settled(lane)

    def take(self, lane, acquire, timeout):
        """Waits for a lock: who lets it go wakes the one that has waited longest, which the kernel would not."""
        until = None if timeout < 0 else monotonic() + timeout
        bell = allocate_lock()
        bell.acquire()
        try:
            self.bells[lane] = bell
            while lanes.steps is self:
                if acquire(False):
                    return True
                self.settled(lane)
                left = GLANCE if until is None else min(GLANCE, until - monotonic())
                if left <= 0:
                    return False
                bell.acquire(True, left)  # Somebody may let it go and wake nobody.
        finally:
            self.bells.pop(lane, None)
        return acquire(True, -1 if until is None else max(0, until - monotonic()))

    def operated(self, do, on, function, *arguments):
        """Does an operation behind its gate. What it is made of has no gates."""
        self.gate(f"{do} {on}")
        lane = lanes.current()
        before, lane.inside = lane.inside, True
        try:
            return function(*arguments)
        finally:
            lane.inside = before

    def look(self):
        """Looks at those who move, and at an order: who wants no core waits for something that is not observed, and who does not come in
        time for his turn never comes."""
        with self.mutex:
            now = monotonic()
            if now - self.looked < GLANCE or self.is_over:
                return
            passed, self.looked = now - self.looked, now
            for lane in list(self.moving):
                wanted, before = _wanted(lane), self.wanted.get(lane)
                if before is not None and wanted - before < IDLE * passed and not _reads_disk(lane):
                    self.moving.discard(lane)
                self.wanted[lane] = wanted
            self._advance()
            if self.replay and not self.moving and now - self.changed >= self._patience():
                self._give_up()
        if self.has_lost_trace:
            self.has_lost_trace = False
            _follow_all(self)

    def _patience(self):
        standing = {gate.lane for gate in self.gates}
        waits = [lane.wait for lane in lanes.all_lanes() if lane not in standing]
        if any(wait is not None and wait.word == "sleeping" for wait in waits):
            return float("inf")
        return LONG_PATIENCE if None in waits else PATIENCE

    def _give_up(self):
        known = sorted({_word(lane) for lane in lanes.all_lanes()})
        place, name = len(self.order) + 1, self.replay[0]
        why = "which comes to no gate" if name in known else "and no task is called that"
        tell("notice", text=f"could not replay the order to its end: at place {place} it is the turn of {name}, {why}; "
                            f"there are: {', '.join(known)}")
        self._leave()

    def switch(self, on):
        """Switches step mode on or off. Either ends a replay."""
        with self.mutex:
            was_on = self.is_on
            if on:
                self.replay.clear()
                self.is_on = True
            elif lanes.steps is not None:
                self._leave()
        if on and not was_on:
            _activate()
        if on != was_on:
            tell("value", name="step", value="on" if on else "off")

    def leave(self):
        """No action can let a thread pass any more, so all run freely."""
        if self.is_on:
            tell("notice", text=NOBODY)
            self.switch(False)

    def finish(self):
        """The process ends: the calling thread stops at no gate any more, and those that still stand there stay."""
        with self.mutex:
            if self.replay:
                done = len(self.order)
                tell("notice", text=f"could not replay the order to its end: the program ended after {done} of "
                                    f"{done + len(self.replay)} gates; the next is the turn of {self.replay[0]}")
            self.is_over, lanes.steps = True, None
        if sys.gettrace() is _trace:
            sys.settrace(None)

    def _leave(self):
        """All run freely. The caller has the mutex."""
        self.is_on = False
        self.replay.clear()
        self.permits.clear()
        self.moving.clear()
        lanes.steps = None
        threading = sys.modules.get("threading")
        if threading is not None and threading._trace_hook is _trace:
            threading.settrace(None)
        for gate in self.gates:
            gate.lock.release()
        self.gates.clear()
        for bell in list(self.bells.values()):
            if bell.locked():
                bell.release()


_steps = _Steps()


def replay(order):
    """Lets the gates be passed in this order, as the value `order` showed it."""
    for word in order.split():
        name, star, times = word.rpartition("*")
        _steps.replay.extend([name] * min(int(times), MOST_TIMES) if star and times.isdecimal() else [word])
    if _steps.replay:
        _activate()


def step(target):
    """The action `step`: on, off, a task's name, or nothing for the task that has waited longest. Gives why it is not done."""
    if target in ("on", "off"):
        _steps.switch(target == "on")
        return None
    with _steps.mutex:
        if not _steps.is_on:
            return "step mode is off; `step on` switches it on"
        if not target:
            lane = _steps.gates[0].lane if _steps.gates else None
        else:
            lane = next((lane for lane in lanes.all_lanes() if target in (lane.name, _word(lane))), None)
        if lane is None and not target:
            return "no task stands before a step"
        if lane is None:
            return f'no task is called "{target}" that step mode could stop; on, off or the name of one is accepted'
        _steps.permits.append(lane)
        _steps._advance()
    return None


def _word(lane):
    """A name as it stands in an order, which has blanks between the names."""
    return lane.name.replace(" ", "_").replace("*", "_")


def _wanted(lane):
    """For how many seconds a thread was on a core, or waited for one."""
    try:
        with open(f"/proc/self/task/{lane.tid}/schedstat", "rb") as text:
            on_core, ready, _ = text.read().split()
        return (int(on_core) + int(ready)) / 1e9
    except (OSError, ValueError):
        return 0.0


def _reads_disk(lane):
    """Whether a thread waits for a disk, as it does when it imports a module."""
    try:
        with open(f"/proc/self/task/{lane.tid}/stat", "rb") as text:
            return text.read().rpartition(b") ")[2][:1] == b"D"
    except OSError:
        return False


def _activate():
    _steps.has_begun = any(_is_main(frame) for frame in sys._current_frames().values())
    lanes.steps = _steps
    _see_starts()
    _follow_all(_steps)


@hooks.once
def _see_starts():
    """From now on the start of a thread is an operation, and new threads are followed."""

    @hooks.when_imported("threading")
    def _(threading):
        @hooks.wrap(threading.Thread, "start")
        def _(original):
            def start(self):
                if (steps := lanes.steps) is not None and frames.is_own(sys._getframe(1)):
                    known = self.__dict__.get("_tasklab")
                    steps.gate(f"start {known and known.name or self._name}")
                return original(self)

            return start


def _follow_new(steps):
    threading = sys.modules.get("threading")
    if threading is not None and threading._trace_hook is None:
        threading.settrace(_trace)


def _follow_all(steps):
    """Traces all threads. Python before 3.12 can trace the calling one alone: there each other one is traced from its next operation or
    from the end of its wait."""
    _follow_new(steps)
    tops = sys._current_frames()
    hook = getattr(sys.modules.get("threading"), "_trace_hook", None)
    if hook not in (None, _trace) or any(_has_other_trace(frame) for frame in tops.values()):
        return _tell_other_trace(steps)
    if type(lanes.current()) is lanes.Lane:
        _follow_here(steps)
    if hasattr(sys, "_settraceallthreads"):
        own = sys.gettrace()
        sys._settraceallthreads(_trace)
        if own is not _trace:
            sys.settrace(own)  # the listener's thread
        for frame in tops.values():
            _follow_frames(frame)
    return None


def _is_main(frame):
    """Whether this thread runs the program already."""
    while frame is not None and frame.f_globals.get("__name__") not in frames.MAIN:
        frame = frame.f_back
    return frame is not None


def _has_other_trace(frame):
    while frame is not None:
        if frame.f_trace is not None and frame.f_trace is not _local:
            return True
        frame = frame.f_back
    return False


def _tell_other_trace(steps):
    if not steps.has_other_trace:
        steps.has_other_trace = True
        tell("notice", text="step mode stops this program before its operations alone, and not at each line: a debugger or another tool "
                            "traces it")


def _follow_here(steps):
    """Traces the calling thread."""
    if lanes.steps is not steps:
        return
    _follow_new(steps)
    trace = sys.gettrace()
    if trace is None:
        sys.settrace(_trace)
        _follow_frames(sys._getframe(1))
    elif trace is not _trace:
        _tell_other_trace(steps)


def _follow_frames(frame):
    """The program's own functions that run already are traced, too."""
    while frame is not None:
        if frame.f_trace is None and _is_followed(frame):
            frame.f_trace = _local
        frame = frame.f_back


def _is_followed(frame):
    return _steps.has_begun and frame.f_code.co_name not in _INNER and frames.is_own(frame)


def _trace(frame, event, arg):
    """The interpreter calls it where a function begins."""
    steps = lanes.steps
    if steps is None:
        sys.settrace(None)
        return None
    try:
        if not steps.has_begun:
            if frame.f_globals.get("__name__") not in frames.MAIN:
                return None
            steps.has_begun = True
        if not _is_followed(frame):
            return None
        if frame.f_code.co_flags & _FUNCTION:
            _gate(steps, f"call {frame.f_code.co_name}", frames.script_line(frame.f_back))
    except RecursionError:
        pass  # the program's own affair, at its next call
    return _local


def _local(frame, event, arg):
    """The interpreter calls it at each line and at the end of a function."""
    steps = lanes.steps
    if steps is None:
        sys.settrace(None)
        return None
    try:
        if event == "line":
            place = "" if frame.f_globals.get("__name__") in frames.MAIN else f" of {os.path.basename(frame.f_code.co_filename)}"
            _gate(steps, f"line {frame.f_lineno}{place}", frames.script_line(frame))
        elif event == "return":
            if frame.f_code.co_flags & _FUNCTION:
                _gate(steps, f"return from {frame.f_code.co_name}", frames.script_line(frame))
            _outer(steps, frame.f_back)
    except RecursionError:
        pass
    return _local


def _outer(steps, frame):
    """A function returns. Where the library has called it the thread does nothing of the program's own for now, but for a worker that is
    going to tell how its work ended."""
    while frame is not None and not frames.is_own(frame):
        frame = frame.f_back
    lane = lanes.current()
    if frame is None and not lane.will_end:
        steps.settled(lane)


def _gate(steps, what, line):
    try:
        steps.gate(what, line)
    except BaseException:  # A signal's handler has raised it. The interpreter stops to trace this thread.
        steps.has_lost_trace = True
        raise


@at_fork
def _after_fork():
    """The child's one thread runs freely."""
    lanes.steps = None
    _steps.__init__()
    if sys.gettrace() is _trace:
        sys.settrace(None)
    threading = sys.modules.get("threading")
    if threading is not None and threading._trace_hook is _trace:
        threading.settrace(None)
