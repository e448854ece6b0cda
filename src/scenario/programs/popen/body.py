"""Every argument of Popen, and what the kernel made of it.

    program = subprocess.Popen([sys.executable, "hello.py"])   # returns at once
    program.poll()                                             # None while it runs, then its status
    program.wait()                                             # waits for the end
"""

import fcntl
import json
import os
import signal
import struct
import subprocess
import tempfile
import termios
import time

import tasklab

params = tasklab.params(
    stdin="pipe",
    stdout="pipe",
    stderr="stdout",
    name="somebody-else",
    nice=5,
    session=True,
    colour="teal",
    lines=3,
    status=7,
    pause=0.2,
    patience=20.0,
)
tasklab.actions("poll", "answer")

PATIENCE = 8  # seconds; only a program that somebody has stopped takes so long
told = set()  # PIDs of programs whose end was told
polls = []  # (what poll() gave, whether the kernel said before and after that the program runs)


def start(args, name, **options):
    program = subprocess.Popen(args, **options)
    # Popen returns in the middle of exec: for some microseconds /proc still shows what was there before.
    while not command_line(program.pid) and runs(program.pid):
        time.sleep(0.0001)
    tasklab.process_started(program.pid, name, argv=args)
    return program


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


def end(program):
    """communicate(): closes its standard input, collects what it says, and waits. A program that hangs is killed."""
    try:
        output, errors = program.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        program.kill()
        output, errors = program.communicate()
    tell_end(program)
    return output, errors


def tell_end(program):
    if program.pid not in told:
        told.add(program.pid)
        tasklab.process_exited(program.pid, program.returncode)
        tasklab.process_reaped(program.pid)


def stat(pid):
    """The fields of /proc/PID/stat from the state on."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return ["X"]


def runs(pid):
    return stat(pid)[0] not in "ZX"


def link(pid, name):
    """A link of /proc/PID; empty where the process has ended."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""


def leads_to(pid, descriptor):
    return link(pid, f"fd/{descriptor}")


def poll(program):
    ran_before = runs(program.pid)
    gave = program.poll()
    polls.append((gave, ran_before, runs(program.pid)))
    print("poll() returned", gave)
    tasklab.value("poll() gave", str(gave))
    if gave is not None:
        tell_end(program)


def answer(program):
    """Writes the line that it waits for, and closes the pipe."""
    if program.stdin is None:
        return False
    pipe, program.stdin = program.stdin, None
    try:
        with pipe:
            pipe.write(b"go on\n")
    except BrokenPipeError:
        return False
    return True


def attend(polled, seconds, done=lambda: False, step=None):
    """Does what is asked for that long, or only until it is done."""
    deadline = time.monotonic() + seconds
    while not done():
        left = max(0, deadline - time.monotonic())
        asked = tasklab.action(left if step is None else min(step, left))
        if asked and asked[0] == "poll":
            poll(polled)
        elif asked and polled.stdin is None:
            tasklab.refuse(*asked, "the polled program has its answer already")
        elif asked and not answer(polled):
            tasklab.refuse(*asked, "the polled program has ended")
        elif not asked and time.monotonic() >= deadline:
            return


def under_another_name(polled):
    """A shell that gets another name for its args[0]: the name, and the file that was really executed."""
    program = start([params.name, "-c", "read line"], "renamed", executable="/bin/sh", stdin=subprocess.PIPE)
    argv = command_line(program.pid).split("\0")
    exe = link(program.pid, "exe")
    attend(polled, params.pause)
    end(program)
    return argv[0], exe


def pieces(polled, **options):
    """Writes some lines, and lets `dd` count in how many pieces they come."""
    program = start(["dd", "bs=64K", "of=/dev/null"], "dd", stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                    env={**os.environ, "LC_ALL": "C"}, **options)

    def is_read():
        return struct.unpack("i", fcntl.ioctl(program.stdin, termios.FIONREAD, b"\0" * 4))[0] == 0

    for line in range(1, params.lines + 1):
        try:
            program.stdin.write(f"line {line}\n".encode())
        except BrokenPipeError:
            break  # It was killed.
        # The next line would be one piece with this one, if that had not been read yet.
        attend(polled, PATIENCE, is_read, 0.001)
    _, said = end(program)
    # dd says "WHOLE+PART records in": blocks of 64 KiB that came whole, and smaller pieces.
    return sum(map(int, said.split()[0].split(b"+"))) if said else 0


def sleepers(polled, folder):
    """One sleeper with nothing but its name, and one with every argument, as they are while they sleep."""
    with open(f"{folder}/input", "w+") as source, open(f"{folder}/output", "w") as output, \
            open(f"{folder}/errors", "w") as errors, open(f"{folder}/ours", "w") as ours:
        os.set_inheritable(ours.fileno(), True)
        places = {"pipe": subprocess.PIPE, "null": subprocess.DEVNULL, "inherit": None, "stdout": subprocess.STDOUT}

        def preexec():
            # Runs in the child, between fork and exec.
            os.nice(params.nice)
            if params.session:
                os.setsid()

        plain = start(["sleep", "60"], "no-argument")
        full = start(
            ["sleep", "60"],
            "all-arguments",
            stdin=source if params.stdin == "file" else places[params.stdin],
            stdout=output if params.stdout == "file" else places[params.stdout],
            stderr=errors if params.stderr == "file" else places[params.stderr],
            preexec_fn=preexec,
            close_fds=False,
            cwd=folder,
            env={**os.environ, "COLOUR": params.colour},
        )
        for program in plain, full:
            while stat(program.pid)[0] in "RD":
                time.sleep(0.001)  # While it is being loaded it has files open that are none of ours.
        seen = look(plain, ours, [None] * 3), look(full, ours, [source, output, errors])
        for number, place in enumerate(seen[1]["wired"]):
            tasklab.value(f"descriptor {number}", place)
        attend(polled, params.pause)
        for program in plain, full:
            program.terminate()
            program.send_signal(signal.SIGCONT)  # One that somebody has stopped hears SIGTERM when it goes on.
            end(program)
    return seen


def look(program, ours, files):
    """A sleeper as /proc has it."""
    asked = [params.stdin, params.stdout, params.stderr] if files[0] else ["inherit"] * 3
    ends = [program.stdin, program.stdout, program.stderr]
    wanted = []
    for number, (place, our_end, file) in enumerate(zip(asked, ends, files)):
        if place == "pipe":
            wanted.append(leads_to("self", our_end.fileno()))
        elif place == "file":
            wanted.append(os.path.realpath(file.name))
        else:
            wanted.append({"null": "/dev/null", "stdout": wanted[-1] if wanted else None}.get(place) or leads_to("self", number))
    try:
        descriptors = sorted(map(int, os.listdir(f"/proc/{program.pid}/fd")))
        with open(f"/proc/{program.pid}/environ") as file:
            variables = dict(variable.split("=", 1) for variable in file.read().split("\0") if "=" in variable)
    except OSError:  # It was killed.
        descriptors, variables = [], {}
    fields = stat(program.pid)
    return {
        "wired": [leads_to(program.pid, number) for number in range(3)],
        "wanted": wanted,
        "descriptors": descriptors,
        "has our file": os.path.realpath(ours.name) in [leads_to(program.pid, number) for number in descriptors],
        "cwd": link(program.pid, "cwd"),
        "colour": variables.get("COLOUR"),
        "nice": int(fields[16]) if fields[16:] else None,
        "leads a session": fields[3:4] == [str(program.pid)],
    }


def windows_only():
    """What Popen says to the arguments that only Windows knows."""
    refused = []
    for argument in {"startupinfo": object()}, {"creationflags": 1}:
        try:
            subprocess.Popen(["true"], **argument).wait()
        except ValueError as error:
            refused.append(str(error))
    return refused


def main():
    tasklab.started("main")
    with tempfile.TemporaryDirectory(prefix="tasklab-") as folder:
        lesson(os.path.realpath(folder))


def lesson(folder):
    polled = start(["sh", "-c", "read answer; exit $0", str(params.status)], "polled", stdin=subprocess.PIPE)
    poll(polled)
    attend(polled, params.pause)

    tasklab.state("main", "running", on="args, executable")
    argv, exe = under_another_name(polled)
    tasklab.state("main", "running", on="bufsize")
    unbuffered = pieces(polled, bufsize=0)
    buffered = pieces(polled)
    attend(polled, params.pause)
    tasklab.state("main", "running", on="stdin, stdout, stderr, preexec_fn, close_fds, cwd, env")
    plain, full = sleepers(polled, folder)
    tasklab.state("main", "running", on="universal_newlines")
    command = ["printf", "one\\r\\ntwo\\rthree\\n"]
    raw, _ = end(start(command, "printf", stdout=subprocess.PIPE))
    newlines, _ = end(start(command, "printf", stdout=subprocess.PIPE, universal_newlines=True))
    tasklab.value("output as bytes", json.dumps(raw.decode()))
    tasklab.value("output as text", json.dumps(newlines))
    refused = windows_only()
    tasklab.value("startupinfo, creationflags", "Windows only")
    tasklab.state("main", "waiting", on="you: an answer for the polled program")
    attend(polled, params.patience, lambda: polled.stdin is None or not runs(polled.pid), 0.02)
    answer(polled)
    attend(polled, PATIENCE, lambda: not runs(polled.pid), 0.02)
    poll(polled)

    tasklab.state("main", "waiting", on="wait()", held_by="polled")
    end(polled)
    print("wait() returned", polled.returncode)
    tasklab.finished("main")

    wrong = [gave for gave, ran_before, runs_after in polls if (not ran_before if gave is None else runs_after)]
    tasklab.fact("poll", "poll() gives None as long as the program runs, and never afterwards",
                 [str(None if runs_after else gave) for gave, _, runs_after in polls],
                 [str(gave) for gave in wrong] or [str(gave) for gave, _, _ in polls])
    tasklab.fact("returncode", "at the end returncode is its status", params.status, polled.returncode)
    tasklab.fact("argv", "args[0] is only a name: the program believes it", params.name, argv)
    tasklab.fact("exe", "executable is the file that is executed", os.path.realpath("/bin/sh"), exe)
    tasklab.fact("unbuffered", "with bufsize=0 each line arrives by itself: pieces", params.lines, unbuffered)
    tasklab.fact("buffered", "with a buffer all lines arrive together: pieces", 1, buffered)
    tasklab.fact("wiring", "descriptors 0, 1 and 2 lead where we sent them", full["wanted"], full["wired"])
    tasklab.fact("inherited", "where we said nothing they lead where ours do", plain["wanted"], plain["wired"])
    tasklab.fact("close-fds", "by default no other descriptor is open", [0, 1, 2], plain["descriptors"])
    tasklab.fact("open-fds", "with close_fds=False it also has the file that we hold open",
                 "yes", tasklab.yes_or_no(full["has our file"]))
    tasklab.fact("nice", "preexec_fn has run in the child: its niceness", min(19, os.nice(0) + params.nice), full["nice"])
    tasklab.fact("session", "preexec_fn has run in the child: whether it leads a session",
                 tasklab.yes_or_no(params.session), tasklab.yes_or_no(full["leads a session"]))
    tasklab.fact("cwd", "cwd is the folder in which it starts", folder, full["cwd"])
    tasklab.fact("env", "env is its environment: what COLOUR is there", params.colour, full["colour"])
    tasklab.fact("bytes", "as bytes the output keeps the ends of its lines", json.dumps("one\r\ntwo\rthree\n"), json.dumps(raw.decode()))
    tasklab.fact("newlines", "as text every line ends with \\n", json.dumps("one\ntwo\nthree\n"), json.dumps(newlines))
    tasklab.fact("windows-only", "startupinfo and creationflags are for Windows only: arguments that Python refuses", 2, len(refused))


if __name__ == "__main__":
    main()
