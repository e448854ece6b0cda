"""Pipelines: three programs, joined by two pipes, as a shell joins them with |.

    dd if=/dev/zero bs=4K | tr '\\0' x | wc -c

Each Popen gets the pipe that the one before it writes to. The parent closes its own copy of each pipe: as long as it
held one, nobody would get SIGPIPE when the reader has gone.
"""

import fcntl
import os
import signal
import struct
import subprocess
import termios
import time

import tasklab

params = tasklab.params(
    capacity=64,
    block=4,
    patience=20.0,
)

NAMES = ["generate", "filter", "count"]
COMMANDS = [
    ["dd", "if=/dev/zero", f"bs={params.block}K", "status=none"],
    ["tr", "\\0", "x"],
    ["wc", "-c"],
]
EVERY = 0.02
LONG_ENOUGH = 15  # looks that a phase has to last before it says something
LONG = 150  # looks after which it says also that something did not come about: earlier, pipes may still be filling
AT_REST = 5  # looks at the end of a stop in which nothing may move any more


def start():
    """Starts the stages, each reading from the one before it. The last one keeps our standard output."""
    stages = []
    for name, command in zip(NAMES, COMMANDS):
        source = stages[-1].stdout if stages else subprocess.DEVNULL
        sink = None if name == NAMES[-1] else subprocess.PIPE
        stage = subprocess.Popen(command, stdin=source, stdout=sink, pipesize=params.capacity * 1024)
        tasklab.process_started(stage.pid, name, argv=command)
        if stages:
            stages[-1].stdout.close()
        stages.append(stage)
    return stages


def state(stage):
    """The state letter of /proc, None once it is reaped."""
    try:
        with open(f"/proc/{stage.pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def moved(stage):
    """Bytes that it has read and written so far; None once it has ended, and on kernels that don't count them."""
    try:
        with open(f"/proc/{stage.pid}/io") as io:
            return tuple(int(line.split()[1]) for line in list(io)[:2])
    except OSError:
        return None


def waiting(stage):
    """Bytes that wait in the pipe which is its standard output. Opened as one more writer, for a moment only."""
    try:
        pipe = os.open(f"/proc/{stage.pid}/fd/1", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
    except OSError:
        return None
    finally:
        os.close(pipe)


def watch(stages, deadline):
    """Looks on until all have ended. Gives the looks: the states, and the bytes that all have moved together."""
    looks, stopped, alive = [], set(), list(stages)
    while alive:
        asked = tasklab.action(EVERY)
        if asked:
            tasklab.refuse(*asked, "this lesson has no actions of its own: stop, continue or kill a stage")
        if time.monotonic() >= deadline:
            # Patience is over: kill the last stage, and wake the others, since SIGPIPE reaches nobody who is stopped.
            for stage in alive:
                stage.send_signal(signal.SIGKILL if stage is stages[-1] else signal.SIGCONT)
        states = [state(stage) for stage in stages]
        counts = [moved(stage) for stage in stages]
        looks.append((states, None if None in counts else sum(map(sum, counts))))
        for stage, name, letter in zip(stages, NAMES, states):
            if (letter == "T") != (stage.pid in stopped):
                stopped ^= {stage.pid}
                tasklab.process_state(stage.pid, "stopped" if letter == "T" else "running")
        if len(looks) % 10 == 1:
            for number, stage in enumerate(stages[:-1]):
                for what, count in ("bytes so far", counts[number] and counts[number][1]), ("bytes waiting", waiting(stage)):
                    if count is not None:
                        tasklab.value(f"{NAMES[number]} > {NAMES[number + 1]}: {what}", count)
        for stage in list(alive):
            if stage.poll() is not None:
                alive.remove(stage)
                tasklab.process_exited(stage.pid, stage.returncode)
                tasklab.process_reaped(stage.pid)
    return looks


def phases(looks):
    """The looks in pieces: ("stopped", looks) while a stage is stopped, ("running", looks) while all run."""
    pieces = []
    for states, total in looks:
        kind = "stopped" if "T" in states else "running" if not {None, "Z"} & set(states) else "ending"
        if not pieces or pieces[-1][0] != kind:
            pieces.append((kind, []))
        pieces[-1][1].append((states, total))
    return pieces


def tested(piece, holds):
    """Whether a phase lasted long enough to say that something holds, or that it does not."""
    return len(piece) >= (LONG_ENOUGH if holds else LONG)


def flow(piece):
    """Bytes that moved from the first look of a piece to its last."""
    first, last = piece[0][1], piece[-1][1]
    return None if first is None or last is None else last - first


def told(name, code):
    return f"{name} exited {code}" if code >= 0 else f"{name} killed by {signal.Signals(-code).name}"


def claim(looks, codes):
    """Claims only what was put to the test: nothing about stopping if nobody was stopped for a while."""
    flows = [flow(piece) for kind, piece in phases(looks)
             if kind == "running" and flow(piece) is not None and tested(piece, flow(piece) > 0)]
    if flows:
        tasklab.fact("flows", "while all stages run, bytes flow: bytes", "> 0", min(flows), min(flows) > 0)
    stops = [piece for kind, piece in phases(looks) if kind == "stopped"]
    rests = [flow(piece[-AT_REST:]) for piece in stops]
    rests = [count for piece, count in zip(stops, rests) if count is not None and tested(piece, count == 0)]
    if rests:
        tasklab.fact("standstill", "when one stage is stopped, soon not a byte moves anywhere: bytes", 0, max(rests))
    others = [[letter for letter in piece[-1][0] if letter not in ("T", None)] for piece in stops]
    others = [letters for piece, letters in zip(stops, others) if tested(piece, set(letters) <= {"S"})]
    if others:
        letters = min(others, key=lambda letters: set(letters) <= {"S"})
        tasklab.fact("neighbours-sleep", "then the other stages sleep, each at its end of a pipe: stages",
                     len(letters), letters.count("S"))
    killed = [number for number, code in enumerate(codes) if code < 0 and code != -signal.SIGPIPE]
    if killed:
        broken = [number for number in range(killed[-1]) if number not in killed]
        if broken:
            tasklab.fact("broken-pipe", "who writes to a pipe that nobody reads any more is ended by SIGPIPE",
                         [f"{NAMES[number]} killed by SIGPIPE" for number in broken],
                         [told(NAMES[number], codes[number]) for number in broken])
        after = range(killed[-1] + 1, len(NAMES))
        if after:
            tasklab.fact("end-of-file", "who reads from a pipe that nobody writes to any more finds its end",
                         [f"{NAMES[number]} exited 0" for number in after],
                         [told(NAMES[number], codes[number]) for number in after])


def main():
    began = time.monotonic()
    tasklab.started("main")
    tasklab.value("a pipe holds (bytes)", params.capacity * 1024)
    stages = start()
    tasklab.state("main", "waiting", on=f"the end of {NAMES[-1]}", held_by=NAMES[-1])
    looks = watch(stages, began + params.patience)
    tasklab.finished("main")
    codes = [stage.returncode for stage in stages]
    for name, code in zip(NAMES, codes):
        print(told(name, code))
    claim(looks, codes)


if __name__ == "__main__":
    main()
