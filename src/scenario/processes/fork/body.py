"""Fork and join: one process becomes two, they share the work, and meet again.

os.fork() is called once and returns twice: in the parent with the child's PID, in the child with 0.
"""

import os
import signal
import time
import zlib

import tasklab

params = tasklab.params(
    pieces=100,
    split=50,
    work=1.6,
    status=10,
)
tasklab.actions("again [PERCENT]")

PATIENCE = 20  # seconds after its own share; a child that somebody has stopped is killed then
TEXT = __doc__.encode() * (64 * 1024 // len(__doc__))


def compress(rounds):
    """Real work: compresses 64 KiB of text, so often."""
    for _ in range(rounds):
        zlib.compress(TEXT)


def measure():
    """How often a piece of work has to compress, so that all pieces keep one core busy for params.work seconds. In CPU
    time, the best of some tries: what else the machine does must not make the pieces smaller."""
    tries = []
    for _ in range(5):
        began = time.process_time()
        compress(4)
        tries.append((time.process_time() - began) / 4)
    return max(1, round(params.work / params.pieces / max(min(tries), 1e-6)))


def work(pieces):
    """Does this many pieces of work; after each it gives how many are done."""
    for done in range(1, pieces + 1):
        compress(rounds_of_a_piece)
        yield done


def hear(splits, *others, timeout=0.0):
    """Takes what somebody asks for meanwhile: one more diamond, with another share for the child."""
    asked = tasklab.action(timeout, *others)
    if asked:
        do, target = asked
        share = target.strip().rstrip("%").strip() or str(splits[-1])
        if not (share.isdecimal() and int(share) <= 100):
            tasklab.refuse(do, target, "the child's share is a whole number from 0 to 100, in percent")
        elif len(splits) >= 10:
            tasklab.refuse(do, target, "ten diamonds are enough for one run")
        else:
            splits.append(int(share))


def diamond(number, split, splits):
    """Splits, works, meets. Gives what each fact needs: expected beside observed."""
    childs_share = params.pieces * split // 100
    hear_child, tell = os.pipe()
    started, start = os.pipe()

    pid = os.fork()
    if pid == 0:
        # Only the child is here. It tells its PID at once, and how much it did when it is done.
        os.close(start)
        os.read(started, 1)
        tasklab.rename(f"child-{number}")
        os.write(tell, f"{os.getpid()} ".encode())
        print(f"fork returned 0 in process {os.getpid()}: I am the child")
        done = 0
        for done in work(childs_share):
            pass
        os.write(tell, f"{done} ".encode())
        os._exit(params.status)

    # Only the parent is here.
    os.close(tell)
    os.close(started)
    tasklab.process_started(pid, f"child-{number}")
    os.close(start)
    print(f"fork returned {pid} in process {os.getpid()}: I am the parent")
    tasklab.value(f"pieces of child-{number}", childs_share)
    tasklab.state("main", "running", on="the parent's share")
    parents = 0
    for parents in work(params.pieces - childs_share):
        hear(splits)

    # The pipe ends where the child ends: until then, look after whoever asks for something.
    tasklab.state("main", "waiting", on="wait()", held_by=f"child-{number}")
    told = b""
    due = time.monotonic() + PATIENCE
    while True:
        hear(splits, hear_child, timeout=1.0)
        if tasklab.is_given_up(pid, due):
            os.kill(pid, signal.SIGKILL)
        if tasklab.readable(hear_child):
            chunk = os.read(hear_child, 100)
            if not chunk:
                break
            told += chunk
    os.close(hear_child)
    _, raw = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(raw)
    tasklab.process_exited(pid, code)
    tasklab.process_reaped(pid)
    tasklab.value("status that wait gave", raw)
    print(f"wait returned {raw}: decoded, that is {code}; only the parent is here")

    childs_pid, childs_pieces = [int(word) for word in told.split()] + [None] * (2 - len(told.split()))
    return {
        "returns": (2, 1 + (childs_pid is not None)),
        "child-pid": (childs_pid, pid),
        "joined": (params.pieces, parents + (childs_pieces or 0)),
        "raw-status": (params.status * 256, raw),
        "decoded": (params.status, code),
    }


CLAIMS = {
    "returns": "one call of fork returns in two processes: times that it has returned",
    "child-pid": "in the parent, fork returns the child's PID",
    "joined": "when they have met, the two shares make the whole: pieces that are done",
    "raw-status": "wait gives the exit status times 256",
    "decoded": "decoded, it is what the child gave to _exit",
}


def main():
    global rounds_of_a_piece
    tasklab.started("main")
    tasklab.state("main", "running", on="measuring how large a piece has to be")
    rounds_of_a_piece = measure()
    splits, diamonds = [params.split], []
    while len(diamonds) < len(splits):
        diamonds.append(diamond(len(diamonds) + 1, splits[len(diamonds)], splits))
    tasklab.finished("main")
    for id, claim in CLAIMS.items():
        # Of several diamonds, show one where the claim failed, or else the last one.
        pairs = [found[id] for found in diamonds]
        expected, observed = next((pair for pair in pairs if pair[0] != pair[1]), pairs[-1])
        tasklab.fact(id, claim, expected, observed)


if __name__ == "__main__":
    main()
