# lanes: main, plato, kant, hume, arendt
# things: lock forks-1, lock forks-2, lock forks-3, lock forks-4
# waits: kant: lock forks-2 held by main
"""Four philosophers and four forks; the last one takes the forks the other way round."""
from threading import Lock, Thread

NAMES = ["plato", "kant", "hume", "arendt"]
forks = [Lock() for _ in NAMES]
meals = dict.fromkeys(NAMES, 0)


def dine(seat, name):
    pair = (forks[seat], forks[(seat + 1) % len(forks)])
    if seat == len(forks) - 1:
        pair = pair[::-1]
    for _ in range(5):
        pair[0].acquire()
        try:
            pair[1].acquire()
            meals[name] += 1
            pair[1].release()
        finally:
            pair[0].release()


def peek():
    print("kant gets a fork:", forks[1].acquire(True, 0.05))


forks[1].acquire()
early = Thread(target=peek, name="kant")
early.start()
early.join()
forks[1].release()
guests = []
for seat, name in enumerate(NAMES):
    guest = Thread(target=dine, args=(seat, name))
    guest.name = name
    guests.append(guest)
    guest.start()
for guest in guests:
    guest.join()
for name, eaten in meals.items():
    print(f"{name:8}{eaten}")
