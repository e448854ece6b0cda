"""Talking to a program: lines to its standard input, its answer, and what it costs to keep it all.

    output, error = program.communicate("pear\\napple\\n")   # sends, closes, reads to the ends, waits
    for line in program.stdout:                              # or one line at a time, while it runs
"""

import gzip
import os
import signal
import subprocess
import tempfile
import threading
import time

import tasklab

params = tasklab.params(
    program="sort",
    mebibytes=32,
    patience=20.0,
)
tasklab.actions("send TEXT", "close")

PATIENCE = 20  # seconds; only a program that somebody has stopped takes so long
MIB = 1024 * 1024
TEXT = "for line in program.stdout: one record at a time means that less data is held in memory".split()


def start(args, **options):
    program = subprocess.Popen(args, stdout=subprocess.PIPE, **options)
    tasklab.process_started(program.pid, args[0], argv=args)
    return program


def watch(program):
    """Kills the program if somebody has stopped it, which is looked at again and again until what this returns is set."""
    is_over = threading.Event()

    def look():
        while not is_over.wait(PATIENCE):
            with open(f"/proc/{program.pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "T":
                    program.kill()

    threading.Thread(target=look, daemon=True).start()
    return is_over


def communicate(program):
    """Closes its input, reads to the ends, waits."""
    is_over = watch(program)
    output, error = program.communicate()
    is_over.set()
    tell_end(program)
    return output, error


def tell_end(program):
    tasklab.process_exited(program.pid, program.returncode)
    tasklab.process_reaped(program.pid)


def talk():
    """Sends what is asked until somebody closes, the program ends, or patience does."""
    deadline = time.monotonic() + params.patience
    program = start([params.program], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
    os.set_blocking(program.stdin.fileno(), False)  # A program that was stopped reads nothing: its pipe may fill.
    sent, came = [], b""
    while time.monotonic() < deadline:
        asked = tasklab.action(max(0, deadline - time.monotonic()), program.stdout)
        if tasklab.readable(program.stdout):
            chunk = os.read(program.stdout.fileno(), 65536)
            if not chunk:
                break  # It has ended.
            print("it says", chunk)
            came += chunk
        if asked and asked[0] == "close":
            break
        if asked and asked[0] == "send" and send(program, asked[1]):
            sent.append(asked[1])
            tasklab.value("lines sent", len(sent))
        elif asked:
            tasklab.refuse(*asked, "the program reads nothing any more, or its pipe is full")
    before_the_end = len(came)
    output, error = communicate(program)
    lines = (came + output).decode(errors="replace").splitlines()
    print("its input was closed, and it said", lines)
    return program, sent, before_the_end, lines, error


def send(program, line):
    try:
        os.write(program.stdin.fileno(), f"{line}\n".encode())
    except (BrokenPipeError, BlockingIOError):
        return False
    print("sent", line)
    return True


def pack(path):
    """Writes that many MiB of lines, packed: one MiB, over and over, as gzip unpacks what is joined."""
    line = " ".join(TEXT) + "\n"
    piece = gzip.compress((line * (MIB // len(line) + 1)).encode()[:MIB - 1] + b"\n", compresslevel=1)
    with open(path, "wb") as file:
        for _ in range(params.mebibytes):
            file.write(piece)


def memory():
    """Resident memory of this process, in KiB."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def unpack_by_line(path):
    begin = most = memory()
    program = start(["gzip", "-dc", path])
    is_over = watch(program)
    lines = 0
    for _ in program.stdout:
        lines += 1
        if lines % 50_000 == 0:
            most = max(most, memory())
            tasklab.value("our memory (MiB)", memory() // 1024)
    program.stdout.close()
    program.wait()
    is_over.set()
    tell_end(program)
    return lines, max(most, memory()) - begin


def unpack_all_at_once(path):
    begin = memory()
    output, _ = communicate(start(["gzip", "-dc", path]))
    grown = memory() - begin
    tasklab.value("our memory (MiB)", memory() // 1024)
    return output.count(b"\n"), grown


def main():
    tasklab.started("main")
    tasklab.state("main", "waiting", on="you: a line to send, or the end", held_by=params.program)
    program, sent, before_the_end, lines, error = talk()
    with tempfile.TemporaryDirectory(prefix="tasklab-") as folder:
        pack(f"{folder}/much.gz")
        tasklab.state("main", "running", on="for line in stdout")
        by_line, flat = unpack_by_line(f"{folder}/much.gz")
        print(f"{by_line} lines, one at a time, and our memory grew by {flat} KiB")
        tasklab.state("main", "running", on="communicate()")
        all_at_once, kept = unpack_all_at_once(f"{folder}/much.gz")
        print(f"{all_at_once} lines, all at once, and our memory grew by {kept} KiB")
    while asked := tasklab.action(0):
        tasklab.refuse(*asked, "the program's standard input is closed")
    tasklab.finished("main")

    if params.program == "sort":
        tasklab.fact("silent", "before its input ends, sort answers nothing: bytes", 0, before_the_end)
    tasklab.fact("answer", "what comes back is what the program makes of all that was sent",
                 sorted(sent, key=str.encode) if params.program == "sort" else sent, lines)
    code = program.returncode
    tasklab.fact("end-of-file", "closing its standard input is what ends the program", "exited 0",
                 f"exited {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}")
    tasklab.fact("error-bytes", "with stderr=PIPE, the errors of a program that has none are empty, not None: bytes",
                 0, None if error is None else len(error))
    tasklab.fact("flat", "read line by line, it costs less than a quarter of its size: our memory grew by (MiB)",
                 f"<= {params.mebibytes // 4}", flat // 1024, flat // 1024 <= params.mebibytes // 4)
    tasklab.fact("kept", "communicate() keeps it all: our memory grew by (MiB)",
                 f"> {params.mebibytes * 4 // 5}", kept // 1024, kept // 1024 > params.mebibytes * 4 // 5)
    tasklab.fact("lines", "the same text came both ways: lines", all_at_once, by_line)


if __name__ == "__main__":
    main()
