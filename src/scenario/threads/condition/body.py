"""Customers wait in a shop until there is something to buy."""
import threading
import time

customers = 4
pause = 1.2
shop = threading.Condition()
shelf = []


def buy():
    with shop:
        while not shelf:
            shop.wait()
            print(f"{threading.current_thread().name} wakes up")
        print(f"{threading.current_thread().name} buys {shelf.pop()}")


threads = [threading.Thread(target=buy, name=f"customer-{n}") for n in range(1, customers + 1)]
for thread in threads:
    thread.start()
time.sleep(pause)

with shop:
    print("main brings one loaf: notify()")
    shelf.append("a loaf")
    shop.notify()
time.sleep(pause)

with shop:
    print("main brings nothing")
    shop.notify_all()
time.sleep(pause)

with shop:
    print("main brings cakes")
    shelf.extend(["a cake"] * (customers - 1))
    shop.notify_all()
for thread in threads:
    thread.join()
