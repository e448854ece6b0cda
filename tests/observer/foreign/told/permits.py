# lanes: main, guest-1, guest-2, guest-3
# waits: guest-3: semaphore door woken by main
# once: task.state task=guest-1 state=running on="semaphore door" woken_by=main; task.state task=guest-2 state=running on="semaphore door" woken_by=main
"""A permit more, which nobody has had: those who are inside stay inside."""
import threading

door = threading.Semaphore(2)
go = threading.Event()
inside = threading.Semaphore(0)


def visit():
    with door:
        inside.release()
        go.wait()


guests = [threading.Thread(target=visit, name=f"guest-{n}") for n in (1, 2, 3)]
for guest in guests:
    guest.start()
for _ in range(2):
    inside.acquire()
door.release()
inside.acquire()
go.set()
for guest in guests:
    guest.join()
print(door.acquire(False), door.acquire(False), door.acquire(False), door.acquire(False))
