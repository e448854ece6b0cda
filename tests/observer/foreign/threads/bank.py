# lanes: main, teller-1, teller-2, teller-3, auditor
# things: lock alice.lock, lock bob.lock
# waits: auditor: lock alice.lock held by main
# ops: auditor: acquire lock alice.lock = false
"""Two accounts, each with a lock of its own; the lock of the smaller name first."""
import threading


class Account:
    def __init__(self, owner, balance):
        self.owner = owner
        self.balance = balance
        self.lock = threading.Lock()

    def deposit(self, amount):
        with self.lock:
            self.balance += amount


def transfer(source, target, amount):
    first, second = sorted((source, target), key=lambda account: account.owner)
    with first.lock, second.lock:
        source.balance -= amount
        target.balance += amount


def teller(times):
    for _ in range(times):
        transfer(alice, bob, 2)
        transfer(bob, alice, 1)


def audit():
    if not alice.lock.acquire(timeout=0.05):
        print("auditor: the books are in use")


alice = Account("alice", 500)
bob = Account("bob", 100)
tellers = [threading.Thread(target=teller, args=(50,), name=f"teller-{n}") for n in (1, 2, 3)]
for thread in tellers:
    thread.start()
for thread in tellers:
    thread.join()
bob.deposit(25)
with alice.lock:
    auditor = threading.Thread(target=audit, name="auditor")
    auditor.start()
    auditor.join()
print(alice.balance, bob.balance, alice.lock.locked())
