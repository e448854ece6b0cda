# lanes: main, baker, shop-1, shop-2
# things: queue shelf, barrier opening
# waits: shop-1: queue shelf; shop-2: queue shelf
# ops: baker: put queue shelf; shop-1: get queue shelf = Empty; shop-2: get queue shelf = Empty
"""A producer and two consumers, as classes; None is the end."""
import queue
import threading

CLOSED = None
shelf = queue.Queue(maxsize=3)
opening = threading.Barrier(3)
sold = []
book = threading.Lock()


class Baker(threading.Thread):
    def __init__(self, loaves):
        super().__init__(name="baker")
        self.loaves = loaves

    def run(self):
        for number in range(self.loaves):
            shelf.put(f"loaf {number}")
        for _ in range(2):
            shelf.put(CLOSED)


class Shop(threading.Thread):
    def run(self):
        try:
            shelf.get(timeout=0.05)
        except queue.Empty:
            opening.wait()
        while (loaf := shelf.get()) is not CLOSED:
            with book:
                sold.append(loaf)
            shelf.task_done()
        shelf.task_done()


shops = [Shop(name="shop-1"), Shop(name="shop-2")]
for shop in shops:
    shop.start()
opening.wait()
print("the shops have nothing to sell yet")
baker = Baker(12)
baker.start()
baker.join()
shelf.join()
for shop in shops:
    shop.join()
print(len(sold), sorted(sold)[0], sorted(sold)[-1], shelf.empty())
