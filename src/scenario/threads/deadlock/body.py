"""Two threads need the same two locks, and may take them in opposite orders."""

import threading
import time

same_order = False
gap = 1.0
timeout = 4.0

screen = threading.Lock()
prices = threading.Lock()
share_prices = [100, 100, 100]


def give_back(lock):
    try:
        lock.release()
    except RuntimeError as error:
        print("lock taken away:", error)


def paint():
    screen.acquire()
    print("painter has the screen")
    time.sleep(gap)
    prices.acquire()
    copy = share_prices[:]
    give_back(prices)
    print("painter shows", copy)
    give_back(screen)


def trade():
    first, second = (screen, prices) if same_order else (prices, screen)
    first.acquire()
    print("broker has its first lock")
    time.sleep(gap)
    while not second.acquire(timeout=timeout):
        print("broker gives up")
        give_back(first)
        time.sleep(gap)
        first.acquire()
    for share in range(len(share_prices)):
        share_prices[share] += 1
        time.sleep(0.1)
    print("the prices are now", share_prices)
    give_back(second)
    give_back(first)


painter = threading.Thread(target=paint, name="painter")
broker = threading.Thread(target=trade, name="broker")
painter.start()
time.sleep(gap / 2)
broker.start()
painter.join()
broker.join()
