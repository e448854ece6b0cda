"""Processes across systems: a pool whose workers run here, or on other machines through ssh.

    subprocess.Popen(["sh"], stdin=PIPE, stdout=PIPE)                            # a worker here
    subprocess.Popen(["ssh", "pi@kitchen", "exec sh"], stdin=PIPE, stdout=PIPE)  # a worker there
"""

import collections
import os
import re
import signal
import subprocess
import time

import tasklab

params = tasklab.params(
    hosts="",
    local=2,
    tasks=16,
    size=2,
    losses=1,
    give_up=5.0,
    patience=20.0,
)
tasklab.actions("task", "worker [HOST]", "close")

# The worker's program, the same everywhere. The braces make the shell read all of it before it does anything, so that
# what it reads then are tasks. It leaves when its input ends.
WORKER = b"""{
  echo "ready $$ $(uname -n)"
  while read -r task first last; do
    number=$first primes=0
    while [ "$number" -lt "$last" ]; do
      divisor=3
      while [ $((number % divisor)) -ne 0 ] && [ $((divisor * divisor)) -le "$number" ]; do divisor=$((divisor + 2)); done
      if [ $((divisor * divisor)) -gt "$number" ]; then primes=$((primes + 1)); fi
      number=$((number + 2))
    done
    echo "done $task $primes"
  done
  exit
}
"""

# For ssh: never ask anybody, notice a machine that has gone, and share no connection that would outlive us.
SSH = "ssh -T -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=2 -o ServerAliveCountMax=2 -o ControlPath=none -a"
HOST = re.compile(r"[A-Za-z0-9._@:\[\]%][A-Za-z0-9._@:\[\]%-]*")  # an option would begin with a dash
MOST_WORKERS = 24
MOST_TASKS = 200


class Worker:
    def __init__(self, name, host):
        self.name, self.host = name, host
        command = ["sh"]
        if host:
            command = [*SSH.split(), *os.environ.get("TASKLAB_SSH_OPTIONS", "").split(), "--", host, "exec sh"]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        self.pid = self.popen.pid
        os.set_blocking(self.popen.stderr.fileno(), False)
        self.life = "starting"  # or "idle", or the number of the task that it has in hand
        self.since = time.monotonic()
        self.unread = b""
        tasklab.process_started(self.pid, name, argv=command)
        tasklab.event("task.started", task=name, sort="process", pid=self.pid)
        tasklab.state(name, "waiting", on=f"ssh to {host}" if host else "the shell")
        self.write(WORKER)

    def write(self, line):
        try:
            self.popen.stdin.write(line)
        except OSError:
            pass  # It has gone: its pipe's end tells us soon.

    def be(self, life, state, on):
        self.life, self.since = life, time.monotonic()
        tasklab.state(self.name, state, on=on)

    def lines(self):
        """What it has said, line by line, and whether it can say more."""
        while tasklab.readable(self.popen.stdout):
            chunk = os.read(self.popen.stdout.fileno(), 65536)
            if not chunk:
                return [], False
            *lines, self.unread = (self.unread + chunk).split(b"\n")
            if lines:
                return [line.decode(errors="replace").split() for line in lines], True
        return [], True

    def reap(self):
        self.popen.wait()
        for pipe in self.popen.stdin, self.popen.stdout, self.popen.stderr:
            pipe.close()
        tasklab.process_exited(self.pid, self.popen.returncode)
        tasklab.process_reaped(self.pid)


class Pool:
    def __init__(self):
        self.workers, self.started, self.killed = [], 0, 0
        self.tasks = params.tasks
        self.queue = collections.deque(range(1, self.tasks + 1))
        self.is_closing = False  # whether somebody has said that there will be no more tasks
        self.done = {}  # task: (result, who did it)
        self.lost = []  # (task, who had it in hand)

    def start(self, host=None):
        """Starts a worker here, or on that machine. One that cannot be started is told of, and the others go on."""
        if self.started >= MOST_WORKERS:
            return
        self.started += 1
        name = f"{'remote' if host else 'worker'}-{self.started}"
        if host and not HOST.fullmatch(host):
            tasklab.notice(f"could not start {name}: {host!r} is no name of a machine, such as pi@kitchen")
            return
        try:
            self.workers.append(Worker(name, host))
        except OSError as error:
            tasklab.notice(f"could not start {name}: {error} (ssh comes with the package openssh-client)")

    def until_all_is_done(self):
        """Hands out what there is, until all tasks are done and no more will come, or nobody can be had any more."""
        deadline = time.monotonic() + params.patience
        while len(self.done) < self.tasks or not (self.is_closing or time.monotonic() >= deadline):
            if len(self.done) < self.tasks:
                deadline = time.monotonic() + params.patience
            if not self.workers:
                if self.started >= MOST_WORKERS:
                    tasklab.notice("could not do all tasks: too many workers were lost")
                    return
                self.start()  # Nobody is left: this machine steps in.
            self.hand_out()
            asked = tasklab.action(0.1, *(worker.popen.stdout for worker in self.workers))
            if asked:
                self.act(*asked)
            for worker in list(self.workers):
                self.look(worker)

    def act(self, do, target):
        if do == "close":
            self.is_closing = True
        elif do == "task" and self.is_closing:
            tasklab.refuse(do, target, "the pool takes no more tasks since it was closed")
        elif do == "task" and self.tasks >= MOST_TASKS:
            tasklab.refuse(do, target, f"{MOST_TASKS} tasks are enough for one run")
        elif do == "task":
            self.tasks += 1
            self.queue.append(self.tasks)
        elif self.started >= MOST_WORKERS:
            tasklab.refuse(do, target, f"{MOST_WORKERS} workers are enough for one run")
        elif target.strip() and not HOST.fullmatch(target.strip()):
            tasklab.refuse(do, target, "that is no name of a machine, such as pi@kitchen")
        else:
            self.start(target.strip())

    def hand_out(self):
        for worker in self.workers:
            if worker.life == "idle" and self.queue:
                task = self.queue.popleft()
                worker.be(task, "running", f"task {task}")
                is_victim = self.killed < params.losses and len(self.done) >= 2 * (self.killed + 1)
                if is_victim:  # As if its plug were pulled. Stopped first, so that it cannot be done before that.
                    worker.popen.send_signal(signal.SIGSTOP)
                worker.write("{} {} {}\n".format(task, *numbers(task)).encode())
                if is_victim:
                    worker.popen.kill()
                    self.killed += 1

    def look(self, worker):
        """Takes in what a worker says, and buries it if it is lost."""
        lines, is_open = worker.lines()
        for line in lines:
            if line[:1] == ["ready"] and len(line) == 3 and worker.life == "starting":
                tasklab.value(worker.name, f"process {line[1]} on {line[2]}")
                print(f"{worker.name} is process {line[1]} on {line[2]}")
                worker.be("idle", "waiting", "a task")
            elif line[:2] == ["done", str(worker.life)] and len(line) == 3:
                self.done[worker.life] = int(line[2]), worker.name
                tasklab.value("tasks done", len(self.done))
                worker.be("idle", "waiting", "a task")
            # Else a login that prints something before the worker does.
        is_late = worker.life != "idle" and time.monotonic() - worker.since >= params.give_up
        if not is_open or is_late:
            self.bury(worker, "gave no answer" if is_late else "was lost")

    def bury(self, worker, how):
        """A worker has gone: its task goes to the next one that is free."""
        self.workers.remove(worker)
        worker.popen.kill()
        complaint = (worker.popen.stderr.read() or b"").decode(errors="replace").splitlines()
        complaint = f": {complaint[-1]}" if complaint else ""
        tasklab.finished(worker.name, how)
        if isinstance(worker.life, int):
            print(f"{worker.name} {how} with task {worker.life} in hand{complaint}")
            self.lost.append((worker.life, worker.name))
            self.queue.appendleft(worker.life)
        elif worker.host:
            tasklab.notice(f"could not keep {worker.name} on {worker.host}: it {how}{complaint}")
        else:
            print(f"{worker.name} {how}{complaint}")
        worker.reap()

    def close(self):
        """All is done: the end of its input is what ends a worker. Only one that does not heed that is killed."""
        left = [worker for worker in self.workers if worker.life != "starting"]
        for worker in self.workers:
            worker.popen.stdin.close()
            if worker not in left:
                worker.popen.kill()  # One that never came so far as to work is not waited for.
        deadline = time.monotonic() + params.give_up
        for worker in self.workers:
            while worker.popen.poll() is None and time.monotonic() < deadline:
                asked = tasklab.action(0.01)
                if asked:
                    tasklab.refuse(*asked, tasklab.TOO_LATE)
            worker.popen.kill()
            worker.reap()
            tasklab.finished(worker.name)
        return left


def numbers(task):
    """The numbers of a task: from the first on, below the last. Every second one is looked at."""
    first = 10_001 + (task - 1) * params.size * 1000
    return first, first + params.size * 1000


def primes(tasks):
    """How many primes all tasks together should find, by a sieve."""
    last = numbers(tasks)[1]
    sieve = bytearray([1]) * last
    for number in range(2, int(last ** 0.5) + 1):
        if sieve[number]:
            sieve[number * number::number] = bytes(len(range(number * number, last, number)))
    return sum(sieve[numbers(1)[0]:])


def main():
    tasklab.started("main")
    pool = Pool()
    for _ in range(params.local):
        pool.start()
    for host in params.hosts.replace(",", " ").split():
        pool.start(host)
    tasklab.state("main", "waiting", on="the workers")
    pool.until_all_is_done()
    left = pool.close()
    tasklab.finished("main")
    worked = {who for _, who in pool.done.values()}
    tasklab.value("workers that did tasks", len(worked))
    print(f"{tasklab.counted(len(pool.done), 'task was', 'tasks were')} done by {', '.join(sorted(worked))}")

    tasklab.fact("all-done", "every task was done, whoever did it: tasks", pool.tasks, len(pool.done))
    tasklab.fact("primes", "together they found as many primes as there are: primes",
                 primes(pool.tasks), sum(found for found, _ in pool.done.values()))
    tasklab.fact("ended", "whoever was left at the end left by itself, when its input ended: workers",
                 len(left), sum(worker.popen.returncode == 0 for worker in left))
    if pool.lost:
        redone = [task for task, who in pool.lost if task in pool.done and pool.done[task][1] != who]
        tasklab.fact("lost", "what a lost worker had in hand was done by another: numbers of tasks", [task for task, _ in pool.lost], redone)


if __name__ == "__main__":
    main()
