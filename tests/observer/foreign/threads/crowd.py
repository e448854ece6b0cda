# lanes: main, guest-1, guest-100, guest-200
# things: barrier door, lock count_lock, event over
"""Two hundred threads that come at the same time."""
import threading

threading.stack_size(128 * 1024)
door = threading.Barrier(201)
over = threading.Event()
count, count_lock = 0, threading.Lock()


def come_in():
    global count
    door.wait()
    with count_lock:
        count += 1
    over.wait()


guests = [threading.Thread(target=come_in, name=f"guest-{n + 1}") for n in range(200)]
for guest in guests:
    guest.start()
print(threading.active_count())
door.wait()
over.set()
for guest in guests:
    guest.join()
print(count, threading.active_count())
