"""Orphans: the parent dies, its children live on and get another parent.

This script is the grandparent: it forks a parent, which forks the children. Then the parent is killed.
"""

import contextlib
import ctypes
import os
import select
import signal
import struct
import time

import tasklab

params = tasklab.params(
    children=2,
    adopt=False,
    patience=20.0,
)
tasklab.actions("adopt yes|no", "finish")

PR_SET_CHILD_SUBREAPER = 36
LINE = struct.Struct("ii")  # a PID, and the PID of its new parent, if it has one


def stat(pid):
    """Name, state letter, parent and start of a process, as /proc has them; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            name, _, fields = file.read().partition("(")[2].rpartition(")")
    except OSError:
        return None
    fields = fields.split()
    return name, fields[0], int(fields[1]), int(fields[19])


def ancestors():
    """All who could adopt: the parent of this process, its parent and so on, and process 1."""
    found, pid = [1], os.getppid()
    while pid and (seen := stat(pid)) and len(found) < 1000:
        found.append(pid)
        pid = seen[2]
    return found


def be_parent(gate, tell):
    """Forks, tells each child's PID, and waits for its own end."""
    own = os.getpid()
    for number in range(1, params.children + 1):
        pid = os.fork()
        if pid == 0:
            be_child(f"child-{number}", own, gate, tell)
        tasklab.process_started(pid, f"child-{number}")
        os.write(tell, LINE.pack(pid, 0))
    os.read(gate, 1)
    os._exit(0)


def be_child(name, parent, gate, tell):
    """When it finds that its parent is another one, it tells which. That may be so before it has begun."""
    tasklab.rename(name)
    while not select.select([gate], [], [], 0.02)[0]:
        if os.getppid() != parent:
            os.write(tell, LINE.pack(os.getpid(), os.getppid()))
            os.read(gate, 1)
    os._exit(0)


class Grandparent:
    def __init__(self, told):
        self.told = told
        self.children = {}  # PID: [pidfd, start, what it said its new parent is]
        self.adopts = False

    def adopt(self, adopts):
        """Says whether this process takes the orphans of its family."""
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(adopts), 0, 0, 0) == 0:
            self.adopts = adopts
        else:
            tasklab.notice(f"could not change who adopts: {os.strerror(ctypes.get_errno())}")
        tasklab.value("the grandparent adopts", tasklab.yes_or_no(self.adopts))

    def hear(self):
        """Reads what has been told."""
        while tasklab.readable(self.told) and len(line := os.read(self.told, LINE.size)) == LINE.size:
            pid, parent = LINE.unpack(line)
            if pid in self.children:
                self.children[pid][2] = parent
            elif seen := stat(pid):
                self.children[pid] = [os.pidfd_open(pid), seen[3], None]

    def alive(self):
        """The children that have not ended: their pidfds by PID."""
        return {pid: child[0] for pid, child in self.children.items() if not tasklab.readable(child[0])}

    def meet(self, parent):
        """Waits until the parent has told of all its children. It may have been killed before, or stopped."""
        due = time.monotonic() + 2
        while len(self.children) < params.children and tasklab.peek(parent) is None and not tasklab.is_given_up(parent, due):
            select.select([self.told], [], [], 0.02)
            self.hear()

    def attend(self, parent, deadline):
        """Hears what is told and asked until the parent has died, or until somebody says that all shall end: True."""
        pidfd = os.pidfd_open(parent)
        enough = False
        while tasklab.peek(parent) is None and time.monotonic() < deadline:
            tasklab.state("main", "waiting", on="you: kill the parent")
            asked = tasklab.action(max(0, deadline - time.monotonic()), pidfd, self.told, *self.alive().values())
            self.hear()
            if asked:
                do, target = asked
                enough = do == "finish"
                if enough:
                    break
                if target.strip() in ("yes", "no"):
                    self.adopt(target.strip() == "yes")
                else:
                    tasklab.refuse(do, target, "it is yes or no")
        os.close(pidfd)
        return enough

    def bereave(self, parent):
        """Sees to it that the parent is dead, and looks where its children are."""
        self.hear()
        bereaved = len(self.alive())
        if tasklab.peek(parent) is None:
            os.kill(parent, signal.SIGKILL)
            os.waitid(os.P_PID, parent, os.WEXITED | os.WNOWAIT)
        tasklab.reap(parent)
        # Each orphan finds out by itself; one that was stopped does not.
        due = time.monotonic() + 1
        while any(self.children[pid][2] is None and not tasklab.is_given_up(pid, due) for pid in self.alive()):
            tasklab.state("main", "waiting", on="the orphans")
            # What somebody asks for meanwhile can wait for so long.
            select.select([self.told], [], [], 0.05)
            self.hear()
        orphans = []
        for pid, (_, started, told) in self.children.items():
            seen = stat(pid)
            if seen and seen[3] == started and seen[1] != "Z":
                name, _, new_parent, _ = seen
                adopter = (stat(new_parent) or "?")[0]
                tasklab.event("process.state", pid=pid, state="orphan", ppid=new_parent)
                print(f"{name} ({pid}) is an orphan; its parent is {adopter} ({new_parent}) now")
                orphans.append((new_parent, adopter, told))
        if not bereaved:
            tasklab.notice("could not make an orphan: no child was alive when the parent died")
        return bereaved, orphans

    def attend_the_orphans(self, deadline):
        """The orphans live until somebody says that it is enough."""
        while (alive := self.alive()) and time.monotonic() < deadline:
            tasklab.state("main", "waiting", on="you: let the orphans end")
            asked = tasklab.action(max(0, deadline - time.monotonic()), *alive.values())
            if asked and asked[0] == "finish":
                break
            if asked:
                tasklab.refuse(*asked, "the parent is dead, and the orphans have their new parent already")

    def part(self):
        """Waits for the orphans' ends; who was stopped is killed. Then tries what only a parent can: to wait on them."""
        due = time.monotonic() + 2
        while alive := self.alive():
            asked = tasklab.action(max(0.05, due - time.monotonic()), *alive.values())
            if asked:
                tasklab.refuse(*asked, tasklab.TOO_LATE)
            for pid, pidfd in alive.items():
                if tasklab.is_given_up(pid, due):
                    with contextlib.suppress(ProcessLookupError):  # It has ended meanwhile, and its new parent knows.
                        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        waits = []
        for pid in self.children:
            try:
                _, raw = os.waitpid(pid, os.WNOHANG)
                tasklab.process_exited(pid, os.waitstatus_to_exitcode(raw))
                tasklab.process_reaped(pid)
                waits.append("waited")
            except OSError as error:
                waits.append(error.errno)
        return waits


def claim(family, parent, bereaved, orphans, waits):
    tasklab.fact("outlive", "the children outlive their parent: children that live", bereaved, len(orphans))
    found = []
    for new_parent, name, _ in orphans:
        if family.adopts:
            expected, holds = f"{os.getpid()}, the grandparent", new_parent == os.getpid()
        else:
            expected, holds = "an ancestor of the grandparent", new_parent in ancestors() and new_parent != parent
        found.append((expected, f"{new_parent}, {name}", holds))
    if found:
        expected, observed, holds = min(found, key=lambda one: one[2])
        tasklab.fact("new-parent", "an orphan goes to the nearest ancestor that adopts", expected, observed, holds)
    told = [(new_parent, told) for new_parent, _, told in orphans if told is not None]
    if told:
        tasklab.fact("getppid", "getppid() in each orphan gives the PID that /proc shows as its parent",
                     [pid for pid, _ in told], [pid for _, pid in told])
    if family.adopts:
        tasklab.fact("adopter-waits", "who adopts a child can wait on it: waits that gave a status", len(waits), waits.count("waited"))
    else:
        tasklab.fact("others-cannot", "only its parent can wait on it: our waits that failed with ECHILD",
                     len(waits), waits.count(10))


def main():
    tasklab.started("main")
    gate, opener = os.pipe()
    told, tell = os.pipe()
    parent = os.fork()
    if parent == 0:
        os.close(opener)
        os.close(told)
        tasklab.rename("parent")
        be_parent(gate, tell)
    os.close(gate)
    os.close(tell)
    tasklab.process_started(parent, "parent")
    family = Grandparent(told)
    family.adopt(params.adopt)
    family.meet(parent)
    # Nobody can press anything in time while the machine is too busy to let the family begin.
    deadline = time.monotonic() + params.patience
    enough = family.attend(parent, deadline)
    bereaved, orphans = family.bereave(parent)
    if bereaved and not enough:
        family.attend_the_orphans(deadline)
    os.close(opener)
    waits = family.part()
    tasklab.finished("main")
    if bereaved:
        claim(family, parent, bereaved, orphans, waits)


if __name__ == "__main__":
    main()
