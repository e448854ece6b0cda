"""Programs, processes, families: copies of one program, what they inherit, and a job in the background.

The copies run this very script: with the argument "copy" it does nothing but read its input to the end.
"""

import os
import select
import signal
import subprocess
import sys
import time

if sys.argv[1:] == ["copy"]:
    sys.stdin.read()
    sys.exit()

import tasklab

params = tasklab.params(
    copies=3,
    folder="/tmp",
    greeting="hello",
    patience=20.0,
)
tasklab.actions("background", "foreground", "parents COPY", "finish")


def link(pid, name):
    """What a link below /proc/PID points to: exe, cwd, fd/0."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return None


def stat(pid):
    """Name and parent of a process, as /proc has them; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            name, _, fields = file.read().partition("(")[2].rpartition(")")
        return name, int(fields.split()[1])
    except OSError:
        return None


def environment(pid):
    """The variables that a process has got when it was started."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return set(filter(None, file.read().split(b"\0")))
    except OSError:
        return set()


def show_parents(pid):
    """Shows a process's parent, its parent's parent and so on; gives the number above the last one."""
    line = []
    while (seen := stat(pid)) and len(line) < 1000:
        line.append(f"{seen[0]} ({pid})")
        pid = seen[1]
    tasklab.value("line of parents", " < ".join(line))
    print(", child of ".join(line))
    return pid if line else None


def count_steps(steps):
    """The job: one byte for each step, until its input ends."""
    tasklab.rename("job")
    while not select.select([0], [], [], 0.01)[0]:
        os.write(steps, b".")
    os._exit(0)


class Parent:
    def __init__(self):
        os.chdir(params.folder)
        os.environ["GREETING"] = params.greeting
        # Python closes what it opened when it starts a program; this file is to be inherited.
        self.file = os.open(sys.executable, os.O_RDONLY)
        os.set_inheritable(self.file, True)
        entrance, self.opener = os.pipe()
        self.steps, step = os.pipe()
        self.children = {}  # names by PID
        self.pidfds = {}
        for number in range(1, params.copies + 1):
            command = [sys.executable, os.path.abspath(__file__), "copy"]
            copy = subprocess.Popen(command, stdin=entrance, pass_fds=[self.file])
            copy.returncode = 0  # We wait on it ourselves, not Popen.
            self.keep(copy.pid, f"copy-{number}", command)
        job = os.fork()
        if job == 0:
            os.dup2(entrance, 0)
            os.close(self.opener)
            count_steps(step)
        os.close(entrance)
        os.close(step)
        os.read(self.steps, 1)  # Its first step: it bears its name.
        self.keep(job, "job", ["job"])
        *self.copies, self.job = self.children
        self.in_foreground, self.jobs_steps, self.own_steps = True, 0, 0

    def keep(self, pid, name, command):
        self.children[pid] = name
        self.pidfds[pid] = os.pidfd_open(pid)
        tasklab.process_started(pid, name, argv=command)
        tasklab.event("task.started", task=name, sort="process", pid=pid, tid=pid)

    def alive(self):
        return [pid for pid in self.children if tasklab.peek(pid) is None]

    def look(self):
        """What the copies are, and what the first one has inherited, as (expected, observed)."""
        copy = self.copies[0]
        # A moment after exec the program is there, and its environment not yet.
        end = time.monotonic() + 10
        while not environment(copy) and tasklab.peek(copy) is None and time.monotonic() < end:
            time.sleep(0.001)
        ours = {f"{name}={value}".encode() for name, value in os.environ.items() if name != "GREETING"}
        theirs = environment(copy)
        for name, rows in ("equal", ours & theirs), ("only the parent's", ours - theirs), ("only the copy's", theirs - ours):
            tasklab.value(f"variables: {name}", len(rows))
        greeting = next((row[9:].decode() for row in theirs if row.startswith(b"GREETING=")), None)
        programs = {link(pid, "exe") for pid in self.copies} - {None}  # Somebody may have killed one already.
        return {
            "pids": (params.copies, len(set(self.copies))),
            "one-file": (1, len(programs)),
            "parent": (params.copies, [(stat(pid) or (None, None))[1] for pid in self.copies].count(os.getpid())),
            "above-all": (0, show_parents(copy)),
            "environment": (len(ours), len(ours & theirs)),
            "greeting": (params.greeting, greeting),
            "folder": (link("self", "cwd"), link(copy, "cwd")),
            "open-file": (link("self", f"fd/{self.file}"), link(copy, f"fd/{self.file}")),
        }

    def attend(self, deadline):
        """In the foreground, the parent only waits for the job; in the background both go on. Ends when somebody says
        so, at the deadline, or when no child is left alive."""
        while (alive := self.alive()) and time.monotonic() < deadline:
            if self.in_foreground:
                tasklab.state("main", "waiting", on="the job, in the foreground", held_by="job")
            else:
                self.own_steps += 1
                self.jobs_steps += self.count_the_jobs_steps()
                if self.own_steps % 10 == 0:
                    self.show_steps()
            pause = min(0.5 if self.in_foreground else 0.02, max(0, deadline - time.monotonic()))
            asked = tasklab.action(pause, *(self.pidfds[pid] for pid in alive))
            if not asked:
                continue
            do, target = asked
            named = [pid for pid, name in self.children.items() if target.strip() in (name, str(pid))]
            job_is_alive = tasklab.peek(self.job) is None
            if do == "finish":
                break
            if do == "parents":
                if named:
                    show_parents(named[0])
                else:
                    tasklab.refuse(do, target, tasklab.unknown("copy", target, self.children.values()))
            elif not job_is_alive:
                tasklab.refuse(do, target, "the job has ended")
            elif do == "background" and self.in_foreground:
                self.count_the_jobs_steps()
                self.in_foreground = False
                os.kill(self.job, signal.SIGCONT)  # As a shell's bg does, also for a job that was stopped.
                tasklab.state("main", "running", on="work of its own, with the job in the background")
            elif do == "foreground" and not self.in_foreground:
                self.in_foreground = True
            else:
                tasklab.refuse(do, target, f"the job is in the {do} already")
        self.show_steps()

    def show_steps(self):
        tasklab.value("steps of the job in the background", self.jobs_steps)
        tasklab.value("steps of the parent meanwhile", self.own_steps)

    def count_the_jobs_steps(self):
        """Steps that the job has told since this was asked last."""
        steps = 0
        while tasklab.readable(self.steps) and (told := os.read(self.steps, 4096)):
            steps += len(told)
        return steps

    def end(self):
        """Closes the input of all, and waits on them. Gives how many copies had been killed, and how many lived."""
        tasklab.state("main", "waiting", on="its children")
        if all(tasklab.peek(pid) is None for pid in self.copies):
            print(f"nobody has killed a copy, so its parent kills {self.children[self.copies[1]]}")
            os.kill(self.copies[1], signal.SIGKILL)
            os.waitid(os.P_PID, self.copies[1], os.WEXITED | os.WNOWAIT)
        ends = [tasklab.peek(pid) for pid in self.copies]
        os.close(self.opener)
        for pid in self.children:
            tasklab.reap(pid)
        return sum(end is not None and end < 0 for end in ends), ends.count(None)


LONG = 50  # steps of the parent after which a job that has not made a single one stands still

CLAIMS = {
    "pids": "each copy of a program is a process with a PID of its own: different PIDs",
    "one-file": "all copies run the same file: different files",
    "parent": "their parent is the process that started them: copies of which that is so",
    "above-all": "parent by parent, one comes to a process that has no parent: /proc shows 0",
    "environment": "a child has its parent's variables: so many of them, with the same values",
    "greeting": "what was set before it started is among them: GREETING",
    "folder": "a child begins in its parent's working directory",
    "open-file": "a file that its parent had open is open in it, too",
}


def main():
    deadline = time.monotonic() + params.patience
    tasklab.started("main")
    parent = Parent()
    seen = parent.look()
    parent.attend(deadline)
    killed, left = parent.end()
    tasklab.finished("main")
    for id, (expected, observed) in seen.items():
        tasklab.fact(id, CLAIMS[id], expected, observed)
    if killed:
        tasklab.fact("others-live", "when one copy is killed, the others go on: copies that are left", params.copies - killed, left)
    # A moment in the background shows that the job goes on, if it does; that it does not shows only after a while.
    if parent.jobs_steps or parent.own_steps >= LONG:
        tasklab.fact("background", "in the background the job goes on while its parent works: steps that it made meanwhile",
                     "> 0", parent.jobs_steps, parent.jobs_steps > 0)


if __name__ == "__main__":
    main()
