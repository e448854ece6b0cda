# lanes: main, guest-1, guest-2, guest-3
# waits: guest-3: semaphore door woken by main
# once: task.state task=guest-1 state=running on="semaphore door" woken_by=main; task.state task=guest-2 state=running on="semaphore door" woken_by=main
"""A permit more, which nobody has had: those who are inside stay inside."""
import threading
import time

door = threading.Semaphore(2)
go = threading.Event()


def visit():
    with door:
        go.wait()


def wait_for(thing, number):
    """Until so many threads wait for a thing."""
    while len(thing._cond._waiters) < number:
        time.sleep(0.001)


guests = [threading.Thread(target=visit, name=f"guest-{n}") for n in (1, 2, 3)]
for guest, thing, number in zip(guests, (go, go, door), (1, 2, 1)):
    guest.start()
    wait_for(thing, number)
door.release()
wait_for(go, 3)
go.set()
for guest in guests:
    guest.join()
print(door.acquire(False), door.acquire(False), door.acquire(False), door.acquire(False))
