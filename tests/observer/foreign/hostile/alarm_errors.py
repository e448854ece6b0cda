# lanes: main
# things: lock plain, lock again
"""An alarm's handler raises an error, wherever the program is just then: it comes out, however often that is, and the program goes on."""
import signal
import threading

plain, again = threading.Lock(), threading.RLock()
room = threading.Condition()


class TooLong(Exception):
    pass


def with_lock():
    with plain:
        pass


def call():
    if plain.acquire(timeout=1):
        plain.release()


def with_again():
    with again, again:
        pass


def with_room():
    with room:
        room.notify_all()


def errors(work, kind):
    """How often the handler raised an error while this was done again and again, and how often it came out."""
    raised = caught = 0

    def handler(number, frame):
        nonlocal raised
        raised += 1
        raise kind

    signal.signal(signal.SIGALRM, handler)
    while raised < 60:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0005)
            while True:
                work()
        except kind:
            caught += 1
        # Python itself may be between the last step and the next when it comes: then nobody lets go.
        if plain.locked():
            plain.release()
        while again._is_owned():
            again.release()
        if room._is_owned():
            room.release()
    return raised - caught


for work in (with_lock, call, with_again, with_room):
    for kind in (TooLong, TimeoutError, KeyError):
        print(work.__name__, kind.__name__, "lost:", errors(work, kind))
