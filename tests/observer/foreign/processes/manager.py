# lanes: main, first, second
"""A manager holds a dict, a list and a lock, which two processes share."""
import multiprocessing
from multiprocessing.managers import BaseManager


class Till:
    def __init__(self):
        self._coins = 0

    def put(self, coins):
        self._coins += coins
        return self._coins


class Shop(BaseManager):
    pass


Shop.register("Till", Till)


def shop(name, stock, bought, lock):
    for item in sorted(stock.keys()):
        with lock:
            if stock[item]:
                stock[item] -= 1
                bought.append((name, item))


if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        stock = manager.dict(apples=2, pears=2)
        bought = manager.list()
        lock = manager.Lock()
        shoppers = [multiprocessing.Process(target=shop, args=(name, stock, bought, lock), name=name) for name in ("first", "second")]
        for shopper in shoppers:
            shopper.start()
        for shopper in shoppers:
            shopper.join()
        print(dict(stock), sorted(bought), len(bought), [shopper.exitcode for shopper in shoppers])
        shared = manager.Namespace(open=True)
        shared.open = not shared.open
        print(shared)
        try:
            stock["plums"] += 1
        except KeyError as error:
            print("no", error)
    with Shop() as own:
        till = own.Till()
        till.put(3)
        print(till.put(4))
