# lanes: main, runner-1, runner-2, runner-3, impatient
# things: event pistol, barrier line, barrier alone
# waits: impatient: event pistol; impatient: barrier alone
# ops: impatient: wait event pistol = false; impatient: wait barrier alone = BrokenBarrierError; main: set event pistol
"""Runners at a line, and one who comes to a barrier where nobody else comes."""
import threading

pistol = threading.Event()
line = threading.Barrier(4, action=lambda: print("all are at the line"))
alone = threading.Barrier(2, timeout=0.05)
places = []


def run(number):
    places.append(line.wait())
    pistol.wait()


def be_impatient():
    print("shot:", pistol.wait(0.05), pistol.is_set())
    try:
        alone.wait()
    except threading.BrokenBarrierError as error:
        print("broken:", repr(error), alone.broken)
    alone.reset()
    print("mended:", not alone.broken, alone.parties, alone.n_waiting)


impatient = threading.Thread(target=be_impatient, name="impatient")
impatient.start()
impatient.join()
runners = [threading.Thread(target=run, args=(n,), name=f"runner-{n}") for n in (1, 2, 3)]
for runner in runners:
    runner.start()
places.append(line.wait())
pistol.set()
for runner in runners:
    runner.join()
print(sorted(places))
pistol.clear()
print(pistol.is_set())
line.abort()
try:
    line.wait()
except threading.BrokenBarrierError:
    print("aborted")
