"""Things that tasks wait for: their names, and those who wait on a condition."""

from _collections import deque
from _weakref import ref

from . import frames, lanes
from .lanes import known, wait_begins, wait_ends
from .lines import flush, tell

_used = set()  # names of things
_named = {}  # a name: what is known of its thing
_numbers = {}  # a name that several things would have: the last number
_places = {}  # a place in the program's code that makes things: its code, and how many it has made
MOST_TOLD = 100  # things that are told as they are made
MOST_HOLDERS = 64  # of a semaphore that are known
MOST = 1000  # things of one place that are told apart; those that come after are the real ones


class Thing:
    """What is known of a thing: its name as lines have it, and who waits."""

    __slots__ = ("on", "is_inner", "word", "holders", "inside", "waiters", "_thing")

    def __init__(self, on, is_inner=False, word="waiting"):
        self.on, self.word = on, word
        self.is_inner = is_inner  # a condition of the library's, in something else that has this name
        self._thing = None
        # Of a semaphore: the lanes that have acquired it, the first one first. Of an asyncio lock: the name of the task that has it.
        self.holders = deque(maxlen=MOST_HOLDERS)
        self.inside = deque(maxlen=MOST_HOLDERS)  # the same, of those that are in a `with`
        self.waiters = deque()  # of a condition: the waits, in the order in which they will be notified


    def of(self, thing):
        """Says which thing it is, so that a person can act on it. It is not kept alive."""
        self._thing = ref(thing)
        _named[self.on] = self
        if len(_named) <= MOST_TOLD:
            tell("thing", on=self.on, line=frames.script_line())
            flush()
        return self

    def thing(self):
        """The thing; None if it is gone."""
        return self._thing and self._thing()


def is_asked(frame):
    """Whether the program's own code calls here: itself, or by a thread of its own whose function is one of the library's."""
    if frames.is_own(frame):
        return True
    return frame.f_code.co_name == "run" and frame.f_globals.get("__name__") == "threading" and known() is not None


def called(frame, library):
    """The name of the function of these modules that the program's own code calls, where `frame` is its own or inside. None if it is not
    the program that calls."""
    name = None
    while frame is not None and frame.f_globals.get("__name__") in library:
        name, frame = frame.f_code.co_name, frame.f_back
    return name if name is not None and frame is not None and is_asked(frame) else None


def find(on):
    """The thing of this name; None if there is none."""
    known = _named.get(on)
    return known and known.thing()


def names():
    """The names of all things."""
    return [on for on, known in list(_named.items()) if known.thing() is not None]


def made(kind, thing=None):
    """What a thing is called that the program's own code makes now: `lock counter`, by the variable that takes it. None if the library
    makes it for itself."""
    frame = frames.caller(frames.outside(), thing)
    if frame is None:
        return None
    place = _places.setdefault((id(frame.f_code), frame.f_lasti), [frame.f_code, 0])
    place[1] += 1
    if place[1] > MOST:
        return None
    known = named(kind, frames.variable(frame))
    return known if thing is None else known.of(thing)


def named(kind, name):
    """A thing of that kind and name. Where another has the name, or where it has none, a number stands behind it."""
    on = f"{kind} {name or kind + '-'}"
    first = on.rstrip("-")
    while on in _used or on.endswith("-"):
        _numbers[first] = _numbers.get(first, 0 if on.endswith("-") else 1) + 1
        on = f"{first}-{_numbers[first]}"
    _used.add(on)
    return Thing(on)


def of(thing):
    """What is known of a thing; None if the program has not made it itself."""
    return thing.__dict__.get("_tasklab")


def attach(condition, on, word="waiting"):
    """Has the waits on a condition of the library's told under this name."""
    condition._tasklab = Thing(on, True, word)


def wait_on(condition, thing, wait, timeout):
    """Condition.wait(), told. Who notifies it sets `woken_by` of the wait that has stood longest: the waiters are a copy of the
    condition's own queue, changed under the same lock."""
    mine = wait_begins(thing.on, None, thing.word, timeout)
    thing.waiters.append(mine)
    got = False
    try:
        got = wait(condition, timeout)
        return got
    finally:
        try:
            thing.waiters.remove(mine)
        except ValueError:
            pass  # It was notified.
        wait_ends(mine, mine.woken_by if got else None)


def notify(thing, n):
    """The next n waits were ended by the calling thread."""
    waker = known()
    for _ in range(min(n, len(thing.waiters))):
        wait = thing.waiters.popleft()
        wait.woken_by = waker
        if (steps := lanes.steps) is not None:
            steps.moves(wait.lane)
