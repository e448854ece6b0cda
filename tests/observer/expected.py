"""What a program's first comment lines say that the observer must tell of it, and whether the event lines tell that.

    # lanes: main, worker-1                     names that appear as tasks; `none` if there need not be any
    # waits: worker-1: lock till held by main   one task waits for a thing; who holds it, and who wakes the waiter (`woken by`), may follow
    # things: lock till, queue belt             names that stand in `on` of some line
    # ops: worker-1: get queue belt = Empty     a finished operation, and what it gave
    # ends: worker-1: ValueError                a part of the result of a task
    # tells: value name=sold value=3            a line of this kind with these keys; words with blanks stand in quotation marks
    # once: op do=notify_all                    the same, and there is only one such line
    # never: task.started task=Dummy-1          there is no such line
    # acts: hold lock till after value name=x   what a person does, once there is such a line
    # options: -X dev                           options of Python
    # argv: left right                          arguments of the program
    # as: module                                how Python gets it: as a `file`, as `module` (-m), as `text` (-c), or as `input` (-)
    # pythonpath: own_site                      folders beside it in which Python finds modules
    # stdin: Ann\\n                              its standard input, with \\n for the end of a line
    # exit: 3                                   its exit status: 0, unless this line says another
    # notices: may come                         something cannot be observed; without this line a notice is a fault

Several entries stand on one line with `;` between them, or with `,` where an entry is one name, or on several lines of the same key.
"""

import json
import re
import shlex
from dataclasses import dataclass, field

NAMES = ("lanes", "things")
ENTRIES = ("waits", "ops", "ends", "tells", "once", "never", "acts")
SINGLE = ("options", "argv", "stdin", "exit", "notices", "as", "pythonpath")


@dataclass
class Expected:
    """The comment lines of one program."""
    lanes: list = field(default_factory=list)
    things: list = field(default_factory=list)
    waits: list = field(default_factory=list)
    ops: list = field(default_factory=list)
    ends: list = field(default_factory=list)
    tells: list = field(default_factory=list)
    once: list = field(default_factory=list)
    never: list = field(default_factory=list)
    acts: list = field(default_factory=list)
    options: list = field(default_factory=list)
    argv: list = field(default_factory=list)
    stdin: bytes = b""
    exit: int = 0
    notices: list = field(default_factory=list)
    form: str = "file"
    pythonpath: list = field(default_factory=list)


def is_program(text):
    """Whether a file is a program of its own, and no module that another one imports."""
    return text.startswith("# lanes: ")


def read(text):
    """The comment lines at the beginning of a program's text."""
    expected = Expected()
    for line in text.splitlines():
        found = re.fullmatch(r"# (\w+): (.*)", line)
        if not found:
            break
        key, value = found.groups()
        if key in NAMES:
            getattr(expected, key).extend(_parts(value, ","))
        elif key in ENTRIES:
            getattr(expected, key).extend(_entry(key, part) for part in _parts(value, ";"))
        elif key in SINGLE:
            setattr(expected, "form" if key == "as" else key, _single(key, value))
        else:
            raise ValueError(f"no such expectation: {line}")
    if expected.lanes == ["none"]:
        expected.lanes = []
    return expected


def _parts(text, mark):
    return [part.strip() for part in text.split(mark) if part.strip()]


_SHAPES = {
    "waits": r"(?P<task>[^:]+): (?P<on>.+?)(?: held by (?P<held_by>.+?))?(?: woken by (?P<woken_by>.+))?",
    "ops": r"(?P<task>[^:]+): (?P<do>\S+) (?P<on>.+?)(?: = (?P<result>.+))?",
    "ends": r"(?P<task>[^:]+): (?P<result>.+)",
}


def _entry(key, part):
    if key == "acts":
        action, _, line = part.partition(" after ")
        do, _, target = action.partition(" ")
        return do, target, _line(line)
    if key in ("tells", "once", "never"):
        return _line(part)
    found = re.fullmatch(_SHAPES[key], part)
    if not found:
        raise ValueError(f"{key}: {part!r} does not have the shape of an entry")
    return found.groupdict()


def _line(text):
    """The keys that a line has: `kind key=value key="a value"`."""
    kind, *pairs = shlex.split(text)
    return {"kind": kind, **dict(pair.split("=", 1) for pair in pairs)}


def is_line(wanted, told):
    """Whether an event line has these keys. A number of seconds that are left may be a little less."""
    def has(key, value):
        if key == "at_most":
            return key in told and 0 < told[key] <= float(value)
        return key in told and value in (told[key], json.dumps(told[key]))

    return all(has(key, value) for key, value in wanted.items())


def _single(key, value):
    if key == "stdin":
        return value.replace("\\n", "\n").encode()
    if key == "as":
        return value
    return int(value) if key == "exit" else shlex.split(value)


def faults(expected, events, without=()):
    """What the event lines do not tell although they must, or tell although they must not, one sentence each. Keys that stand in
    `without` need not be told."""
    lanes = {event.get("task") for event in events if event["kind"] == "task.started"}
    things = {event.get("on") for event in events if event["kind"] in ("task.state", "op")}
    ops = [event for event in events if event["kind"] == "op"]
    waits = list(_waits(events))
    ends = [event for event in events if event["kind"] == "task.finished"]
    missing = [f"no lane {name}; lanes: {_listed(lanes)}" for name in expected.lanes if name not in lanes]
    missing += [f"no {thing}; things: {_listed(things)}" for thing in expected.things if thing not in things]
    missing += [f"no wait {_shown(wait)}" for wait in expected.waits if not any(_fits(wait, told) for told in waits)]
    missing += [f"no operation {_shown(op)}" for op in expected.ops if not any(_fits(op, told) for told in ops)]
    missing += [f"no end {_shown(end)}" for end in expected.ends
                if not any(told.get("task") == end["task"] and end["result"] in str(told.get("result")) for told in ends)]
    for wanted in expected.tells + expected.once + expected.never:
        looked_for = {key: value for key, value in wanted.items() if key not in without}
        count = sum(is_line(looked_for, told) for told in events)
        if wanted in expected.never:
            missing += [f"there is the line {_shown(wanted)}"] if count else []
        elif count == 0 or wanted in expected.once and count != 1:
            missing.append(f"{count} lines {_shown(wanted)}")
    # A notice says that something went wrong.
    missing += [f"notice: {event.get('text')}" for event in events if event["kind"] == "notice" and not expected.notices]
    return missing


def _waits(events):
    """The waits in the event lines, each with the task that ended it, where that was told."""
    open_waits = {}
    for event in events:
        if event["kind"] == "task.state":
            wait = open_waits.pop(event.get("task"), None)
            if wait and event.get("state") == "running":
                wait["woken_by"] = event.get("woken_by")
            if event.get("state") == "waiting":
                wait = {key: event.get(key) for key in ("task", "on", "held_by")}
                open_waits[event.get("task")] = wait
                yield wait


def _fits(wanted, told):
    def is_told(key, value):
        if key != "result":
            return told.get(key) == value
        return "result" in told and value in (told["result"], json.dumps(told["result"]))

    return all(is_told(key, value) for key, value in wanted.items() if value is not None)


def _shown(entry):
    return " ".join(f"{key}={value}" for key, value in entry.items() if value is not None)


def _listed(names):
    return ", ".join(sorted(str(name) for name in names if name)) or "none"
