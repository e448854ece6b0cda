"""Pipes: two ends, both ways, to the end of file; and two writers on one end.

    ours, theirs = multiprocessing.Pipe()   # each end can send() and recv()
    ours.close()                            # the other end: EOFError
"""

import fcntl
import multiprocessing
import os
import re
import resource
import select
import signal
import struct
import termios
import time

import tasklab

params = tasklab.params(
    records=40,
    size=100,
    pause=0.3,
    patience=20.0,
)
tasklab.actions("send TEXT", "close", "lock on|off")

PIPE_BUF = select.PIPE_BUF  # a write of no more than this is whole
PATIENCE = 20  # seconds; only a writer that somebody has stopped takes so long
LENGTH = params.size * 1000
CLOSED = "our end of the echo's pipe is closed"
fork = multiprocessing.get_context("fork")
rounds_to_do = [False, True]  # whether the writers of each round use the lock


def hear(until, other=None):
    """One action until then, or earlier when the other end has something. A round that is asked for is noted here."""
    asked = tasklab.action(max(0, until - time.monotonic()), *([other] if other else []))
    if asked:
        do, target = asked
        if do == "lock" and target.strip() not in ("on", "off"):
            tasklab.refuse(do, target, "it is on, with the lock, or off")
        elif do == "lock" and len(rounds_to_do) >= 10:
            tasklab.refuse(do, target, "10 rounds are enough for one run")
        elif do == "lock":
            rounds_to_do.append(target.strip() == "on")
        elif not other:
            tasklab.refuse(do, target, CLOSED)
    return asked


def echo(theirs, ours):
    """The other side: answers in capitals until the end of file."""
    ours.close()  # As long as it held a copy of our end, it would never find the end of file.
    while True:
        try:
            theirs.send(theirs.recv().upper())
        except EOFError:
            return


def start(name, target, args):
    process = fork.Process(target=target, args=args, name=name)
    process.start()
    tasklab.process_started(process.pid, name)
    return process


def join(process):
    process.join()
    tasklab.process_exited(process.pid, process.exitcode)
    tasklab.process_reaped(process.pid)
    code = process.exitcode
    return f"exited {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def receive(ours, answers):
    answers.append(ours.recv())
    print(f'received "{answers[-1]}"')
    tasklab.value("received", answers[-1])


def talk():
    """Sends what is asked to a process that answers, until our end is closed."""
    deadline = time.monotonic() + params.patience
    ours, theirs = fork.Pipe()
    process = start("echo", echo, (theirs, ours))
    theirs.close()
    sent, answers = [], []
    tasklab.state("main", "waiting", on="recv()", held_by="echo")
    try:
        while time.monotonic() < deadline:
            asked = hear(deadline, ours)
            if asked and asked[0] == "send":
                ours.send(asked[1])
                sent.append(asked[1])
            while ours.poll():
                receive(ours, answers)
            if asked and asked[0] == "close":
                break
        # What is on its way is still received.
        while len(answers) < len(sent) and ours.poll(PATIENCE):
            receive(ours, answers)
    except (EOFError, OSError):
        pass  # The echo has gone.
    ours.close()
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
    return sent, answers, join(process)


def write_records(name, other, letter, lock, reader, pipe):
    """A writer: one record after the other, each in one write, which is long enough to be interrupted."""
    os.close(reader)
    tasklab.started(name, "process")
    record = b"<" + letter * (LENGTH - 2) + b">"
    for number in range(1, params.records + 1):
        if lock:
            tasklab.state(name, "waiting", on="lock", held_by=other)
            with lock:
                tasklab.state(name, "running", on=f"record {number}")
                os.write(pipe, record)
        else:
            tasklab.state(name, "running", on=f"record {number}")
            os.write(pipe, record)
    tasklab.finished(name)


def do_round(number, with_lock):
    """Lets two processes write their records to one pipe, and looks which of them arrive whole."""
    reader, pipe = os.pipe()
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BUF)  # As small as it gets, so that a long record never fits.
    except OSError as error:
        tasklab.notice(f"could not make the pipe small ({error}); it keeps the kernel's default")
    lock = fork.Lock() if with_lock else None
    names = [f"writer-a{number}", f"writer-b{number}"]
    writers = [
        start(name, write_records, (name, other, letter, lock, reader, pipe))
        for name, other, letter in zip(names, reversed(names), (b"a", b"b"))
    ]
    os.close(pipe)
    tasklab.state("main", "waiting", on="the writers")
    until_both_wait(reader, writers)
    data = collect(reader, writers)
    os.close(reader)
    whole = sum(data[start:start + LENGTH] in (b"<" + b"a" * (LENGTH - 2) + b">", b"<" + b"b" * (LENGTH - 2) + b">")
                for start in starts(data))
    tasklab.value(f"round {number}: torn records", 2 * params.records - whole)
    how = "with the lock" if with_lock else "without a lock"
    print(f"{how} {whole} of {2 * params.records} records arrived whole; it begins with {mixture(data)}")
    ended = [join(writer) for writer in writers]
    return {"with lock": with_lock, "bytes": len(data), "whole": whole, "undisturbed": ended == ["exited 0"] * 2}


def mixture(data):
    """The first bytes in short: a 4096, b 4096, a 4096."""
    runs = re.findall(rb"a+|b+", re.sub(rb"[<>]", b"", data[:500_000]))
    return ", ".join(f"{run[:1].decode()} {len(run)}" for run in runs[:4])


def starts(data):
    """Where a record begins."""
    place = data.find(b"<")
    while place >= 0:
        yield place
        place = data.find(b"<", place + 1)


def until_both_wait(reader, writers):
    """Nothing is read before both writers sleep, each in the middle of its first record or at the lock."""
    deadline, asleep = time.monotonic() + 10, 0
    while asleep < 5 and time.monotonic() < deadline:
        waiting = struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, b"\0" * 4))[0]
        asleep = asleep + 1 if waiting and all(state(writer) != "R" for writer in writers) else 0
        hear(time.monotonic() + 0.001)


def state(process):
    try:
        with open(f"/proc/{process.pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def collect(reader, writers):
    """Reads to the end of file, which comes when the last writer has gone."""
    data, deadline = [], time.monotonic() + PATIENCE
    while True:
        asked = hear(max(deadline, time.monotonic() + 0.02), reader)
        if asked and asked[0] in ("send", "close"):
            tasklab.refuse(*asked, CLOSED)
        if tasklab.readable(reader):
            chunk = os.read(reader, 65536)
            if not chunk:
                return b"".join(data)
            data.append(chunk)
        if time.monotonic() >= deadline:
            for writer in writers:
                writer.kill()


def main():
    tasklab.started("main")
    sent, answers, ended = talk()
    rounds = []
    while len(rounds) < len(rounds_to_do):
        until = time.monotonic() + params.pause
        while hear(until) or time.monotonic() < until:
            pass
        rounds.append(do_round(len(rounds) + 1, rounds_to_do[len(rounds)]))
    tasklab.finished("main")

    tasklab.fact("both-ways", "each end sends and receives: answers to what was sent",
                 [text.upper() for text in sent], answers)
    tasklab.fact("end-of-file", "when our end was closed, the other found the end of file, and left", "exited 0", ended)
    # Claimed only of what was put to the test: a writer that was killed has left no whole record behind.
    undisturbed = [one for one in rounds if one["undisturbed"]]
    torn = [2 * params.records - one["whole"] for one in undisturbed if not one["with lock"]]
    if torn and LENGTH <= PIPE_BUF:
        tasklab.fact("whole", "no write of PIPE_BUF bytes or less is torn, without a lock as well: torn records", 0, max(torn))
    elif torn and LENGTH > resource.getpagesize():
        tasklab.fact("torn", "two writers on one end, without a lock, tear each other's long records: torn records",
                     "> 0", max(torn), max(torn) > 0)
    torn = [2 * params.records - one["whole"] for one in undisturbed if one["with lock"]]
    if torn:
        tasklab.fact("locked", "with a lock around each record none is torn: torn records", 0, max(torn))
    tasklab.fact("nothing-lost", "torn or not, every byte arrives: bytes",
                 len(undisturbed) * 2 * params.records * LENGTH, sum(one["bytes"] for one in undisturbed))


if __name__ == "__main__":
    main()
