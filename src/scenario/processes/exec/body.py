"""Exec: the process stays, the program in it is another one.

os.fork() copies the running program. To run another one, the child calls one of the os.exec* functions. A successful
exec does not return.
"""

import os
import select
import shutil
import time

import tasklab

params = tasklab.params(
    program="cat",
    patience=20.0,
)
tasklab.actions("exec CHILD", "missing CHILD", "finish")

MISSING = "no-such-program"


def obey(hear, tell):
    """What a child does: a byte of its standard input is an order. After a successful exec this function is gone."""
    os.dup2(hear, 0)
    os.write(tell, b"\0")
    while order := os.read(0, 1):
        program = MISSING if order == b"m" else params.program
        try:
            os.execvp(program, [program])
        except OSError as error:
            print(f"process {os.getpid()}: exec has returned, so it failed: {error}")
            os.write(tell, bytes([error.errno]))
    os._exit(0)


def link(pid, name):
    """What a link below /proc/PID points to: exe, cwd, fd/0."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return None


def descriptors(pid, what):
    """How many of a process's descriptors are this file or pipe."""
    try:
        return [link(pid, f"fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")].count(what)
    except OSError:
        return None


class Child:
    """A forked child, and the parent's ends of its two pipes."""

    def __init__(self, name, others):
        hear, self.order = os.pipe()
        self.told, tell = os.pipe()
        self.name, self.before = name, None
        self.pid = os.fork()
        if self.pid == 0:
            for fd in [self.order, self.told, *(fd for other in others for fd in (other.order, other.told))]:
                os.close(fd)
            tasklab.rename(name)
            obey(hear, tell)
        os.close(hear)
        os.close(tell)
        self.pidfd = os.pidfd_open(self.pid)
        tasklab.process_started(self.pid, name)
        tasklab.event("task.started", task=name, sort="process", pid=self.pid, tid=self.pid)
        # It tells when it is ready. It may have been killed before, or stopped.
        if select.select([self.told], [], [], 5)[0]:
            os.read(self.told, 1)

    def face(self):
        """What /proc shows of it: its identity first, which is the PID and the tick since boot at which it started."""
        try:
            with open(f"/proc/{self.pid}/stat") as stat:
                name, _, fields = stat.read().partition("(")[2].rpartition(")")
        except OSError:
            return None
        fields = fields.split()
        return {
            "process": f"{self.pid}, started at tick {fields[19]}",
            "name": name,
            "program": link(self.pid, "exe"),
            "parent": int(fields[1]),
            "input": link(self.pid, "fd/0"),
            "private": descriptors(self.pid, link("self", f"fd/{self.told}")),
        }

    def new_face(self, before):
        """How it is after an exec. The kernel closes the pipe a moment before it changes the name."""
        deadline = time.monotonic() + 5
        while (face := self.face()) and face["name"] == before["name"] and time.monotonic() < deadline:
            time.sleep(0.001)
        return face

    def has_ended(self):
        return tasklab.peek(self.pid) is not None


class Parent:
    def __init__(self, children):
        self.children, self.seen, self.errors = children, [], []

    def order(self, target, order):
        """Tells a child what to execute, or gives the reason why it cannot hear that any more."""
        child = next((child for child in self.children if target.strip() in (child.name, str(child.pid))), None)
        if not child:
            return tasklab.unknown("child", target, [child.name for child in self.children])
        if child.has_ended():
            return "that child has ended"
        if child.before:
            return "that child has not done its last order yet"
        if link(child.pid, "exe") != link("self", "exe"):
            return "another program is in that child by now, which knows nothing of orders"
        child.before = child.face()
        try:
            os.write(child.order, order)
        except OSError as error:
            return f"that child hears nothing any more: {error}"

    def hear(self):
        """Takes the answers that have come: an error's number, or the end of the pipe, which exec has closed."""
        for child in self.children:
            child.has_ended()
            if child.before and tasklab.readable(child.told):
                before, child.before = child.before, None
                error = os.read(child.told, 1)
                if error:
                    self.errors.append(error[0])
                    tasklab.value(f"exec in {child.name} gave", f"error {error[0]}")
                elif not child.has_ended() and (after := child.new_face(before)):
                    print(f"process {child.pid}: {before['name']} is {after['name']} now")
                    tasklab.value(f"program of {child.name}", after["name"])
                    self.seen.append((before, after))

    def attend(self, deadline):
        """Does what is asked until the deadline, or until somebody says that it is enough, or no child is left alive."""
        while time.monotonic() < deadline and not all(child.has_ended() for child in self.children):
            tasklab.state("main", "waiting", on="you: which child shall execute something?")
            alive = [child.pidfd for child in self.children if not child.has_ended()]
            awaited = [child.told for child in self.children if child.before]
            asked = tasklab.action(max(0, deadline - time.monotonic()), *alive, *awaited)
            if asked:
                do, target = asked
                if do == "finish":
                    return
                if why := self.order(target, b"x" if do == "exec" else b"m"):
                    tasklab.refuse(do, target, why)
            self.hear()

    def settle(self):
        """Waits for answers that are due, but not for a child that was stopped."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and (awaited := [child.told for child in self.children if child.before]):
            asked = tasklab.action(deadline - time.monotonic(), *awaited)
            if asked:
                tasklab.refuse(*asked, tasklab.TOO_LATE)
            self.hear()


def claim(seen, errors):
    if seen:
        before, after = seen[0]
        tasklab.fact("fork-alone", "fork alone runs the parent's program", link("self", "exe"), before["program"])
        tasklab.fact("same-process", "after exec it is the same process: PID and start are what they were",
                     before["process"], after["process"])
        tasklab.fact("new-program", "and another program is in it: its file",
                     os.path.realpath(shutil.which(params.program)), after["program"])
        tasklab.fact("new-name", "it has the new program's name", params.program, after["name"])
        tasklab.fact("same-parent", "its parent is still its parent: the PID", before["parent"], after["parent"])
        tasklab.fact("stays-open", "its standard input is still the same pipe", before["input"], after["input"])
        tasklab.fact("close-on-exec", "a descriptor that is marked close-on-exec is closed: so many of that pipe are left", 0, after["private"])
    if errors:
        tasklab.fact("missing", "exec of a program that is not there returns, with error 2 (ENOENT)", 2, errors[0])


def main():
    deadline = time.monotonic() + params.patience
    tasklab.started("main")
    children = []
    for name in "child-1", "child-2":
        children.append(Child(name, children))
    parent = Parent(children)
    parent.attend(deadline)
    # What nobody asked for, the parent orders itself.
    parent.seen or parent.order("child-1", b"x")
    parent.errors or parent.order("child-2", b"m")
    parent.settle()
    tasklab.state("main", "waiting", on="its children")
    for child in children:
        os.close(child.order)
    for child in children:
        tasklab.reap(child.pid)
    tasklab.finished("main")
    claim(parent.seen, parent.errors)


if __name__ == "__main__":
    main()
