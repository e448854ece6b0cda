"""The old interfaces beside the new one: which processes each call makes, and what it gives back.

Each program reads its standard input to the end. That input is a pipe which a second thread holds open: it looks at
the processes while the call waits for them, and then lets them go.
"""

import json
import os
import signal
import subprocess
import threading
import time

import tasklab

params = tasklab.params(
    status=10,
    hold=0.35,
)
tasklab.actions("run CALL", "next")

SILENT = f"cat; exit {params.status}"
MOST_ASKED = 20  # calls that a person can ask for
LOUD = f"echo one; cat; echo two; exit {params.status}"


def system():
    return os.system(SILENT)


def run_shell():
    return subprocess.run(SILENT, shell=True).returncode


def run_list():
    return subprocess.run(["cat"]).returncode


def popen():
    output = os.popen(LOUD)
    lines = [output.readline()]
    live = [child for child in children(os.getpid()) if link(child, "fd/1") == link("self", f"fd/{output.fileno()}")]
    LOOKED.set()
    lines += output.readlines()
    output.close()
    return [[line.rstrip("\n") for line in lines], tasklab.yes_or_no(live), tasklab.yes_or_no(len(live) == 1)]


def spawn_wait():
    code = os.spawnlp(os.P_WAIT, "sh", "sh", "-c", SILENT)
    return spawned(bool(children(os.getpid())), code)


def spawn_nowait():
    pid = os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", SILENT)
    at_once = pid in children(os.getpid())
    LOOKED.set()
    _, raw = os.waitpid(pid, 0)
    return spawned(at_once, os.waitstatus_to_exitcode(raw))


def spawned(is_there, status):
    """What a spawn has given: whether its child was there when it came back, and the status."""
    return f"the child {'runs' if is_there else 'is gone'}, status {status}"


def call():
    return subprocess.call(["sh", "-c", SILENT])


def check_call():
    try:
        subprocess.check_call(["sh", "-c", SILENT])
        return "no error"
    except subprocess.CalledProcessError as error:
        return f"error with status {error.returncode}"


def getoutput():
    return json.dumps(subprocess.getoutput(LOUD))


def getstatusoutput():
    status, text = subprocess.getstatusoutput(LOUD)
    return f"{status}, {json.dumps(text)}"


# In the order in which they are called: old beside new.
CALLS = {
    "system": system,
    "run-shell": run_shell,
    "run-list": run_list,
    "popen": popen,
    "spawn-wait": spawn_wait,
    "spawn-nowait": spawn_nowait,
    "call": call,
    "check-call": check_call,
    "getoutput": getoutput,
    "getstatusoutput": getstatusoutput,
}

LOOKED = threading.Event()  # The call has looked at its own processes, too.


def link(pid, name):
    """What a link below /proc/PID points to: exe, cwd, fd/0."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return None


def stat(pid):
    """Name, state letter and parent of a process, as /proc has them."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            name, _, fields = file.read().partition("(")[2].rpartition(")")
        return name, fields.split()[0], int(fields.split()[1])
    except OSError:
        return None, "Z", None


def children(pid):
    """The living children of a process. None where /proc is another PID namespace's: its numbers are other processes here."""
    if int(os.readlink("/proc/self")) != os.getpid():
        return []
    found = [(int(entry), *stat(entry)) for entry in os.listdir("/proc") if entry.isdecimal()]
    return sorted(child for child, _, state, parent in found if parent == pid and state != "Z")


def line_below():
    """Our child, its child, and so on."""
    line, pid = [], os.getpid()
    while below := children(pid):
        pid = below[0]
        line.append(pid)
    return line


class Caller:
    def __init__(self):
        self.asked = []  # calls that are to be made once more

    def make(self, name):
        """Makes one call, while the second thread watches; gives the names of its processes, and what it gave."""
        gate, opener = os.pipe()
        os.dup2(gate, 0)
        os.close(gate)
        tree, done = [], threading.Event()
        LOOKED.clear() if name in ("popen", "spawn-nowait") else LOOKED.set()
        watcher = threading.Thread(target=self.watch, args=(name, opener, tree, done))
        watcher.start()
        tasklab.state("main", "waiting", on=f"{name}()")
        try:
            gave = CALLS[name]()
        finally:
            done.set()
            watcher.join()
        shown = json.dumps(gave[0]) if name == "popen" else str(gave)
        tasklab.value(f"{name} gave", shown)
        print(f"{name}: {' > '.join(tree)} gave {shown}")
        return tree, gave

    def watch(self, name, opener, tree, done):
        """Looks what processes there are, holds them for a time, and lets them go."""
        end = time.monotonic() + 10
        line = line_below()
        while (not line or stat(line[-1])[0] != "cat") and not done.is_set() and time.monotonic() < end:
            time.sleep(0.005)
            line = line_below()
        pidfds = []
        for parent, pid in zip([os.getpid(), *line], line):
            if program := stat(pid)[0]:
                pidfds.append(os.pidfd_open(pid))
                tree.append(program)
                name_of_row = name if parent == os.getpid() else program
                tasklab.process_started(pid, name_of_row, ppid=parent, argv=[program])
        LOOKED.wait(10)
        self.listen(time.monotonic() + params.hold, done)
        os.close(opener)
        done.wait(10)
        for pidfd in pidfds:
            if not tasklab.readable(pidfd):
                # It was stopped, and does not find the end of its input.
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)

    def listen(self, until, done):
        """Hears what is asked until then, until the call is over, or until somebody says to go on."""
        while not done.is_set() and (left := until - time.monotonic()) > 0:
            asked = tasklab.action(min(left, 0.05))
            if asked:
                do, target = asked
                if do == "next":
                    return
                if target.strip() not in CALLS:
                    tasklab.refuse(do, target, tasklab.unknown("call", target, CALLS))
                elif len(self.asked) >= MOST_ASKED:
                    tasklab.refuse(do, target, "20 more calls are enough for one run")
                else:
                    self.asked.append(target.strip())


def claim(outcomes):
    status, shell = params.status, ["sh", "cat"]

    def tree(outcome):
        return outcome[0]

    def gave(outcome):
        return outcome[1]

    for call, id, claim, expected, observed in [
        ("system", "shell-row", "system() puts a shell between us and the program: the processes", shell, tree),
        ("system", "system-status", "system() gives the raw status: the exit status times 256", status * 256, gave),
        ("run-shell", "same-tree", "run() with shell=True makes the same processes as system()", shell, tree),
        ("run-shell", "run-status", "and run() gives the exit status itself", status, gave),
        ("run-list", "no-shell", "run() with a list needs no shell: the processes", ["cat"], tree),
        ("popen", "popen-lines", "popen() gives the output as a file: its lines", ["one", "two"], lambda o: o[1][0]),
        ("popen", "popen-live", "its first line can be read while the program still runs", "yes", lambda o: o[1][1]),
        ("popen", "popen-pipe", "the program's standard output is the pipe that we read", "yes", lambda o: o[1][2]),
        ("spawn-wait", "spawn-wait", "spawn with P_WAIT comes back after the end, and gives the exit status",
         spawned(False, status), gave),
        ("spawn-nowait", "spawn-nowait", "with P_NOWAIT it comes back at once; we wait later",
         spawned(True, status), gave),
        ("call", "call", "call() gives the exit status", status, gave),
        ("check-call", "check-call", "check_call() gives an error that carries it", f"error with status {status}", gave),
        ("getoutput", "getoutput", "getoutput() gives the text, and the status is lost", json.dumps("one\ntwo"), gave),
        ("getstatusoutput", "getstatusoutput", "getstatusoutput() gives both", f'{status}, {json.dumps("one" + chr(10) + "two")}', gave),
    ]:
        # Of several calls, show one where the claim failed, or else the first one.
        found = [observed(outcome) for made, outcome in outcomes if made == call]
        tasklab.fact(id, claim, expected, next((one for one in found if one != expected), found[0]))


def main():
    tasklab.started("main")
    caller = Caller()
    outcomes = [(name, caller.make(name)) for name in CALLS]
    # Not for ever, should somebody never have enough.
    while caller.asked and len(outcomes) < len(CALLS) + MOST_ASKED:
        name = caller.asked.pop(0)
        outcomes.append((name, caller.make(name)))
    tasklab.finished("main")
    claim(outcomes)


if __name__ == "__main__":
    main()
