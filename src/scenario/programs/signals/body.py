"""Terminate and kill: a request that a program may heed, and an end that it cannot see coming.

    program.terminate()   # SIGTERM: the program must act on it
    program.kill()        # SIGKILL: the kernel acts
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

import tasklab

params = tasklab.params(
    cleanup=0.6,
    patience=30.0,
    grace=1.0,
    button=26,
)

LEDS = {"polite": 17, "slow": 27, "deaf": 22}  # lines of the header
STEPS = 10  # in which the slow one does what it still has to do

# What each of the three programs runs.
PROGRAM = """
import os, signal, sys, time

name, path, cleanup, steps = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])

def on_term(number, frame):
    os.write(1, b"heard\\n")
    if name == "polite":
        sys.exit(0)                     # raises SystemExit, so that every finally runs
    if name == "slow":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for _ in range(steps):
            time.sleep(cleanup / steps)
            os.write(1, b"alive\\n")
        os._exit(3)                     # leaves past every finally

signal.signal(signal.SIGTERM, on_term)
try:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    while True:
        time.sleep(0.05)
        os.write(1, b"alive\\n")
finally:
    os.remove(path)
    os.write(1, b"finally\\n")
"""


class Program:
    def __init__(self, name, folder):
        self.name, self.file = name, f"{folder}/{name}"
        self.heard, self.steps, self.finally_ran, self.file_stayed, self.rest = False, 0, False, False, b""
        open(self.file, "w").close()
        args = [sys.executable, "-c", PROGRAM, name, self.file, str(params.cleanup), str(STEPS)]
        # A SIGTERM that comes before the program knows what to do with it waits until then: the mask is inherited.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        self.popen = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        self.pid = self.popen.pid
        tasklab.process_started(self.pid, name, argv=[sys.executable, name])
        tasklab.gpio(LEDS[name], 1)

    def look(self):
        """Takes in what it has said; at the end of file it has ended. Gives whether something has happened."""
        had_heard = self.heard
        while tasklab.readable(self.popen.stdout):
            chunk = os.read(self.popen.stdout.fileno(), 65536)
            if not chunk:
                self.end()
                return True
            *lines, self.rest = (self.rest + chunk).split(b"\n")
            for line in lines:
                if line == b"heard":
                    self.heard = True
                    print(self.name, "has heard SIGTERM")
                self.steps += self.heard and line == b"alive"
                self.finally_ran |= line == b"finally"
        return self.heard != had_heard

    def end(self):
        self.popen.stdout.close()
        self.popen.wait()
        tasklab.process_exited(self.pid, self.popen.returncode)
        tasklab.process_reaped(self.pid)
        tasklab.gpio(LEDS[self.name], 0)
        self.file_stayed = os.path.exists(self.file)
        print(self.name, self.ended, "after", self.steps, "more steps;",
              "its temporary file is still there" if self.file_stayed else "it has removed its temporary file")

    @property
    def ended(self):
        code = self.popen.returncode
        return f"exited {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def alive(programs):
    return [program for program in programs if program.popen.returncode is None]


def press(programs):
    """What the button stands for: SIGTERM to the next that has not heard one; when all who are left have, SIGKILL."""
    unheard = [program for program in alive(programs) if not program.heard]
    return ("terminate", unheard[0].name) if unheard else ("kill", alive(programs)[0].name)


def attend(programs, patience, button):
    """Looks on, and does what is asked, until all have ended or nothing has happened for so long."""
    deadline = time.monotonic() + patience
    while alive(programs) and time.monotonic() < deadline:
        asked = tasklab.action(max(0, deadline - time.monotonic()), *(program.popen.stdout for program in alive(programs)))
        if asked:
            do, target = press(programs) if asked == button else asked
            meant = [program for program in alive(programs) if target.strip() in (program.name, str(program.pid))]
            if do not in ("terminate", "kill"):
                tasklab.refuse(do, target, "this lesson has no such action; it has: terminate PROGRAM, kill PROGRAM")
            elif not meant:
                tasklab.refuse(do, target, tasklab.unknown("program that runs", target, [one.name for one in alive(programs)]))
            elif do == "terminate":
                meant[0].popen.terminate()
            else:
                meant[0].popen.kill()
            deadline = time.monotonic() + patience
        for program in alive(programs):
            if program.look():
                deadline = time.monotonic() + patience


def main():
    tasklab.started("main")
    with tempfile.TemporaryDirectory(prefix="tasklab-") as folder:
        programs = [Program(name, folder) for name in LEDS]
        button = tasklab.button(params.button)
        tasklab.state("main", "waiting", on="the programs to end")
        attend(programs, params.patience, button)
        for program in alive(programs):
            program.popen.terminate()
            program.popen.send_signal(signal.SIGCONT)
        attend(programs, params.grace, button)
        for program in alive(programs):
            program.popen.kill()
        attend(programs, 60, button)
    tasklab.finished("main")

    # What each has made of SIGTERM is claimed of those that have heard it, and were not killed before they could act.
    polite, slow, deaf = programs
    if polite.heard and polite.ended != "killed by SIGKILL":
        tasklab.fact("polite", "the polite one hears SIGTERM, tidies up, and exits", "exited 0", polite.ended)
    if slow.heard and slow.ended != "killed by SIGKILL":
        tasklab.fact("slow", "the slow one exits late, after all that it had to do",
                     f"{STEPS} steps, exited 3", f"{slow.steps} steps, {slow.ended}")
    if deaf.heard:
        tasklab.fact("deaf", "the deaf one hears SIGTERM and goes on: only SIGKILL ends it", "killed by SIGKILL", deaf.ended)
    # Who was killed while it tidied up shows neither.
    shown = [one for one in programs if not (one is polite and one.heard and one.ended == "killed by SIGKILL")]
    tasklab.fact("finally", "finally runs in who leaves by itself, and in nobody who is killed or calls _exit",
                 [one.name for one in shown if one.ended == "exited 0"], [one.name for one in shown if one.finally_ran])
    tasklab.fact("files", "the temporary files of the others stay",
                 [one.name for one in shown if one.ended != "exited 0"], [one.name for one in shown if one.file_stayed])


if __name__ == "__main__":
    main()
