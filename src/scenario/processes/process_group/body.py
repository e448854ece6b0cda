"""Process groups: a signal to one process, or to a whole group; groups and sessions.

os.setpgid() puts a process into a group, os.killpg() signals all of it. os.setsid() starts a session.
"""

import os
import select
import signal
import time

import tasklab

params = tasklab.params(
    members=3,
    signal="SIGUSR1",
    patience=20.0,
)
tasklab.actions("signal MEMBER", "signal-group GROUP|MEMBER", "finish")

SIGNAL = signal.Signals[params.signal]


def be_member(name, leader, orders, tell):
    """Blocks the signal, so that it stays pending where everybody can see it, and takes it when it is told to."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [SIGNAL])
    if name.startswith("s"):
        os.setsid()
    else:
        os.setpgid(0, leader)
    os.write(tell, b"r")
    while os.read(orders, 1):
        while signal.sigtimedwait([SIGNAL], 0):
            print(f"{name} ({os.getpid()}) has got {SIGNAL.name}")
        os.write(tell, b"t")
    os._exit(0)


def has_pending(pid):
    """Whether the kernel shows the signal among those that wait for a process: one bit for each signal."""
    with open(f"/proc/{pid}/status") as status:
        pending = next(line.split()[1] for line in status if line.startswith("ShdPnd"))
    return bool(int(pending, 16) >> SIGNAL - 1 & 1)


def is_stopped(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"


def group_and_session(pid):
    """As /proc/PID/stat has them."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[2]), int(fields[3])


class Member:
    def __init__(self, name, leader, others):
        orders, self.order = os.pipe()
        self.told, tell = os.pipe()
        self.name, self.group = name, name[0]
        self.pid = os.fork()
        if self.pid == 0:
            for fd in [self.order, self.told, *(fd for other in others for fd in (other.order, other.told))]:
                os.close(fd)
            tasklab.rename(name)
            be_member(name, leader, orders, tell)
        os.close(orders)
        os.close(tell)
        self.pidfd = os.pidfd_open(self.pid)
        tasklab.process_started(self.pid, name)
        # Its group has to be there before the next one can join it.
        self.hear(10)

    def has_ended(self):
        return tasklab.peek(self.pid) is not None

    def hear(self, patience):
        """Waits for a byte of the member, but not for one that has ended, and not for long: it may have been stopped."""
        if select.select([self.told], [], [], patience)[0]:
            os.read(self.told, 16)


class Parent:
    def __init__(self):
        self.members = []
        self.rounds = []  # a signal that was sent: to a group or not, who should have it, who has it

    def start(self, name):
        self.members.append(Member(name, self.leader(name[0]) or 0, self.members))

    def leader(self, group):
        """PID of the first member of a group, which is the group's number."""
        return next((member.pid for member in self.members if member.group == group), None)

    def alive(self):
        return [member for member in self.members if not member.has_ended()]

    def attend(self, deadline):
        """Does what is asked until the deadline, until somebody says that it is enough, or until nobody is left alive."""
        while (alive := self.alive()) and time.monotonic() < deadline:
            tasklab.state("main", "waiting", on="you: whom shall it signal?")
            asked = tasklab.action(max(0, deadline - time.monotonic()), *(member.pidfd for member in alive))
            if asked:
                if asked[0] == "finish":
                    return
                if why := self.send(*asked):
                    tasklab.refuse(*asked, why)

    def send(self, do, target):
        """Sends the signal, and looks who has got it; or gives the reason why there is nobody to send it to."""
        to_group, target = do == "signal-group", target.strip()
        self.take()
        alive = self.alive()
        named = [member for member in alive
                 if target in (member.name, str(member.pid)) or to_group and target == member.group]
        if not named:
            return tasklab.unknown("living member", target, [member.name for member in alive])
        # Who has it pending already cannot get it once more: such signals do not queue.
        before = [member for member in alive if has_pending(member.pid)]
        if to_group:
            # The number is still the group's: there is a member whom nobody has waited on.
            os.killpg(self.leader(named[0].group), SIGNAL)
        else:
            os.kill(named[0].pid, SIGNAL)
        hit = [member for member in alive if member not in before and has_pending(member.pid)]
        # Who has died meanwhile, by somebody else's hand, says nothing.
        meant = [member.name for member in alive if member not in before and not member.has_ended()
                 and (member.group == named[0].group if to_group else member is named[0])]
        names = [member.name for member in hit]
        tasklab.value(f"{do} {target} reached", names)
        self.rounds.append((to_group, meant, names))
        self.take()

    def take(self):
        """Tells all who have the signal, whoever sent it, to take it, so that they can get another one."""
        for member in self.alive():
            if has_pending(member.pid) and not is_stopped(member.pid):
                try:
                    os.write(member.order, b"t")
                    member.hear(5)
                except OSError:
                    pass  # It has just been killed.

    def numbers(self):
        """Of each member: group, PID, process group, session, and the PID of its leader."""
        return [(member.group, member.pid, *group_and_session(member.pid), self.leader(member.group))
                for member in self.alive()]


def claim(numbers, rounds):
    groups = [one for one in numbers if one[0] != "s"]
    tasklab.fact("group-number", "a group's number is the PID of its leader: members of which that is so",
                 len(groups), sum(pgid == leader for _, _, pgid, _, leader in groups))
    tasklab.fact("same-session", "a new group stays in the session of its parent: members of which that is so",
                 len(groups), sum(sid == os.getsid(0) for _, _, _, sid, _ in groups))
    for _, pid, pgid, sid, _ in (one for one in numbers if one[0] == "s"):
        tasklab.fact("own-session", "setsid makes a group and a session, and both have the PID of the caller",
                     [pid, pid], [pgid, sid])

    def show(id, claim, pairs):
        # Of several rounds, show one where the claim failed, or else the first one.
        if pairs:
            expected, observed = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
            tasklab.fact(id, claim, expected, observed)

    to_groups = [(meant, hit) for to_group, meant, hit in rounds if to_group]
    show("group", "a signal to a group reaches each of its members",
         [(meant, [name for name in hit if name in meant]) for meant, hit in to_groups])
    show("nobody-else", "and nobody outside the group gets it",
         [([], [name for name in hit if name not in meant]) for meant, hit in to_groups])
    show("one", "a signal to one process reaches that process alone",
         [(meant, hit) for to_group, meant, hit in rounds if not to_group])


def main():
    deadline = time.monotonic() + params.patience
    tasklab.started("main")
    parent = Parent()
    for name in [f"{group}-{number}" for group in "ab" for number in range(1, params.members + 1)] + ["s-1"]:
        parent.start(name)
    numbers = parent.numbers()
    parent.attend(deadline)
    # What nobody did, the parent does.
    for do, target in ("signal", "a-1"), ("signal-group", "a"):
        if all(to_group != (do == "signal-group") for to_group, _, _ in parent.rounds):
            parent.send(do, target)
    tasklab.state("main", "waiting", on="its children")
    for member in parent.members:
        os.close(member.order)
    for member in parent.members:
        tasklab.reap(member.pid)
    tasklab.finished("main")
    claim(numbers, parent.rounds)


if __name__ == "__main__":
    main()
