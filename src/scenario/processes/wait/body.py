"""Waiting for a child: what wait gives, bit by bit, and how waitpid chooses.

os.wait() waits for any child, os.waitpid(pid, 0) for one. Both give the PID and a status that has to be decoded.
os.waitpid(-1, os.WNOHANG) does not wait at all.
"""

import os
import select
import signal
import time

import tasklab

params = tasklab.params(
    children=3,
    life=0.3,
    signal="SIGTERM",
    patience=20.0,
)
tasklab.actions("wait CHILD", "wait-any", "wait-all", "poll [CHILD]")


def start(number, gate, opener):
    """A child that lives for a time, or until its parent has gone. Then it exits; the last of several kills itself."""
    pid = os.fork()
    if pid == 0:
        os.close(opener)
        tasklab.rename(f"child-{number}")
        select.select([gate], [], [], params.life * number)
        if number == params.children > 1:
            os.kill(os.getpid(), signal.Signals[params.signal])
        os._exit(10 * number)
    tasklab.process_started(pid, f"child-{number}")
    return pid


def in_bits(raw):
    """A status bit by bit: 8 for the exit status, one for a core dump, 7 for a signal."""
    status, core, number = raw >> 8 & 0xff, raw >> 7 & 1, raw & 0x7f
    return f"{status:08b} {core:b} {number:07b}, that is exit status {status}, core dumped {core}, signal {number}"


def is_zombie(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "Z"


class Parent:
    def __init__(self, children):
        self.children = children  # names by PID
        self.pidfds = {pid: os.pidfd_open(pid) for pid in children}
        self.asked = []  # what it was asked to do, and has not done: who waits does nothing else
        self.waits = []  # what wait gave, beside what waitid had told while the child was a zombie
        self.polls = []  # what WNOHANG gave while nobody had ended
        self.chosen = []  # for each wait on a chosen child: others that had ended, and those still zombies afterwards

    def ended(self):
        return [pid for pid in self.children if tasklab.peek(pid) is not None]

    def attend(self, deadline):
        """Does what is asked, one thing after the other, until the deadline or until no child is left."""
        while self.children and time.monotonic() < deadline:
            while self.children and self.asked and self.obey(*self.asked[0]):
                self.asked.pop(0)
            if not self.children:
                break
            if self.asked:
                target = self.asked[0][1]
                tasklab.state("main", "waiting", on="waitpid()" if target else "wait(): any child", held_by=target or None)
            else:
                tasklab.state("main", "waiting", on="you: on which child shall it wait?")
            ended = self.ended()
            alive = [fd for pid, fd in self.pidfds.items() if pid not in ended]
            asked = tasklab.action(max(0, deadline - time.monotonic()), *alive)
            if asked and asked[0] == "wait-all":
                self.asked += [("wait-any", "")] * (len(self.children) - len(self.asked))
            elif asked:
                self.asked.append(asked)
        for asked in self.asked:
            tasklab.refuse(*asked, tasklab.TOO_LATE)

    def obey(self, do, target):
        """False if it has to go on waiting."""
        chosen = [pid for pid, name in self.children.items() if target.strip() in (name, str(pid))]
        if target.strip() and not chosen:
            tasklab.refuse(do, target, tasklab.unknown("child", target, self.children.values()))
            return True
        ended = self.ended()
        if do != "poll" and not (set(chosen) & set(ended) if chosen else ended):
            return False
        self.wait(chosen[0] if chosen else -1, os.WNOHANG if do == "poll" else 0)
        return True

    def wait(self, target, options):
        """The call itself. It does not have to wait: either somebody has ended, or it was asked not to."""
        told = {pid: tasklab.peek(pid) for pid in self.children}
        pid, raw = os.wait() if (target, options) == (-1, 0) else os.waitpid(target, options)
        if pid == 0:
            print(f"{pid, raw}: nobody has ended")
            self.polls.append([pid, raw])
            tasklab.value("WNOHANG gave", [pid, raw])
            return
        name = self.children.pop(pid)
        os.close(self.pidfds.pop(pid))
        tasklab.process_reaped(pid)
        others = self.ended()
        if target != -1 and others:
            self.chosen.append((len(others), sum(map(is_zombie, others))))
        tasklab.value(f"{name}: raw status", raw)
        print(f"{pid, raw}: {in_bits(raw)}")
        if told[pid] is not None:
            self.waits.append((raw, told[pid]))

    def take_the_rest(self):
        """Waits on all that are left; who has not ended, stopped perhaps, is killed. Then nobody is left to wait on."""
        for pid in list(self.children):
            if tasklab.peek(pid) is None:
                os.kill(pid, signal.SIGKILL)
                select.select([self.pidfds[pid]], [], [])
            self.wait(pid, 0)
        try:
            os.wait()
        except ChildProcessError as error:
            return error.errno

    def claim(self, alone):
        exits = [(code, raw) for raw, code in self.waits if code >= 0]
        if exits:
            code, raw = min(exits)
            tasklab.fact("raw-status", "the status that wait gives is the exit status times 256", code * 256, raw)
            tasklab.fact("status-bits", "bits 8 to 15 are the exit status",
                         [code for code, _ in exits], [os.WEXITSTATUS(raw) for _, raw in exits])
        killed = [(-code, raw) for raw, code in self.waits if code < 0]
        if killed:
            tasklab.fact("signal-bits", "the low 7 bits are the number of the signal that ended it",
                         [number for number, _ in killed], [os.WTERMSIG(raw) for _, raw in killed])
        if self.polls:
            tasklab.fact("nobody-yet", "with WNOHANG, (0, 0) says that nobody has ended yet", [0, 0], max(self.polls))
        if self.chosen:
            tasklab.fact("chosen", "waitpid(PID) leaves others that have ended as they are: so many zombies",
                         sum(others for others, _ in self.chosen), sum(left for _, left in self.chosen))
        tasklab.fact("nobody-left", "when no child is left, wait fails with error 10 (ECHILD)", 10, alone)


def main():
    deadline = time.monotonic() + params.patience
    tasklab.started("main")
    gate, opener = os.pipe()
    numbers = range(1, params.children + 1)
    parent = Parent({start(number, gate, opener): f"child-{number}" for number in numbers})
    parent.attend(deadline)
    alone = parent.take_the_rest()
    tasklab.finished("main")
    parent.claim(alone)


if __name__ == "__main__":
    main()
