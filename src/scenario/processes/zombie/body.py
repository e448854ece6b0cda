"""Zombies: children that have ended and whose parent has not waited on them.

Process.join() is what waits. Until it is called, a child that has ended stays in the process table: state Z, no
memory, and an exit status for its parent to read.
"""

import multiprocessing
import os
import signal
import time

import tasklab

params = tasklab.params(
    children=3,
    patience=20.0,
)
tasklab.actions("wait [CHILD]", "wait-all")

LIFE = 0.3


def child(status, gate, opener):
    """Waits at the gate until the parent opens it, by closing the other end of the pipe, and ends."""
    os.close(opener)
    os.read(gate, 1)
    os._exit(status)


def look(pid):
    """State letter, parent, and memory in KiB of a process, as /proc has them."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None, None, None
    return fields[0], int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024


def peek(pid):
    """A child's status, if it has ended: minus the signal's number if one killed it. Leaves the child a zombie."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def examine_and_join(process, status):
    """Looks at a zombie, sends it SIGKILL, looks again, and then waits on it."""
    state, _, memory = look(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    state_after_kill, _, _ = look(process.pid)
    status_after_kill = peek(process.pid)
    process.join()
    tasklab.process_reaped(process.pid)
    print(f"{process.name} ({process.pid}) was a zombie, status {status}; join() has removed it")
    return {
        "zombies": state == "Z",
        "memory": memory,
        "kill-changes-nothing": state_after_kill == "Z" and status_after_kill == status,
        "status-kept": process.exitcode == status,
        "left": look(process.pid)[1] == os.getpid(),
    }


class Parent:
    def __init__(self, processes):
        self.processes = processes
        self.ended = {}  # PID: status, as peek() gave it
        self.wanted = set()  # names and PIDs that somebody asked to wait on
        self.found = []

    def notice_ends(self):
        for process in self.processes:
            if process.pid not in self.ended:
                status = peek(process.pid)
                if status is not None:
                    self.ended[process.pid] = status
                    tasklab.process_state(process.pid, "zombie")
                    tasklab.process_exited(process.pid, status)

    def attend(self, deadline):
        """Does what is asked until the deadline, or until no child is left."""
        while self.processes and time.monotonic() < deadline:
            self.notice_ends()
            self.join_the_wanted()
            asked = tasklab.action(min(0.05, max(0, deadline - time.monotonic())))
            if asked:
                do, target = asked
                if not target.strip():
                    self.wanted.update(process.name for process in self.processes)
                elif any(target.strip() in (process.name, str(process.pid)) for process in self.processes):
                    self.wanted.add(target.strip())
                else:
                    tasklab.refuse(do, target, tasklab.unknown("child", target, [process.name for process in self.processes]))

    def join_the_wanted(self):
        for process in list(self.processes):
            if process.pid in self.ended and self.wanted & {process.name, str(process.pid)}:
                self.found.append(examine_and_join(process, self.ended[process.pid]))
                self.processes.remove(process)
                if self.processes:
                    self.wait_for_you()

    def wait_for_you(self):
        tasklab.state("main", "waiting", on=f"you: {tasklab.counted(len(self.processes), 'child', 'children')} to wait on")

    def lose_patience(self):
        """Waits on all that are left. Who was stopped, and cannot end by itself, is killed first."""
        for process in self.processes:
            if process.pid not in self.ended:
                os.kill(process.pid, signal.SIGKILL)
            self.wanted.add(process.name)
        while self.processes:
            self.notice_ends()
            self.join_the_wanted()
            time.sleep(0.01)


def main():
    began = time.monotonic()
    tasklab.started("main")
    fork = multiprocessing.get_context("fork")
    gate, opener = os.pipe()
    processes = []
    for number in range(1, params.children + 1):
        process = fork.Process(target=child, args=(number, gate, opener), name=f"child-{number}")
        process.start()
        tasklab.process_started(process.pid, process.name)
        processes.append(process)
    os.close(gate)
    tasklab.value("memory of child-1 while it lives (KiB)", look(processes[0].pid)[2])

    parent = Parent(processes)
    parent.wait_for_you()
    parent.attend(began + LIFE)
    os.close(opener)
    parent.attend(began + params.patience)
    parent.lose_patience()
    tasklab.finished("main")

    found = parent.found
    tasklab.fact("zombies", "a child that has ended is a zombie until its parent waits on it: zombies",
                 params.children, sum(one["zombies"] for one in found))
    tasklab.fact("no-memory", "a zombie holds no memory (KiB)", 0, max(one["memory"] for one in found))
    tasklab.fact("kill-changes-nothing", "SIGKILL leaves a zombie a zombie, and its status as it was: still zombies",
                 params.children, sum(one["kill-changes-nothing"] for one in found))
    tasklab.fact("status-kept", "the status that can be read from a zombie is the one that the wait gives: of so many children",
                 params.children, sum(one["status-kept"] for one in found))
    tasklab.fact("gone", "after the wait nothing is left of it: rows that are left", 0, sum(one["left"] for one in found))


if __name__ == "__main__":
    main()
