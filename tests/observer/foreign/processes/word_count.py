# lanes: main, counter-1, counter-2, boiler
# things: queue words, queue found
"""Two processes take words from a queue, with an END for each; and a queue that says when all is done."""
import multiprocessing as mp

END = "END"
TEXT = "the cat that sat on the mat saw that the rat had that hat".split()


def count(words, found):
    number = 0
    while (word := words.get()) != END:
        number += len(word) == 3
        found.put((word, len(word)))
    found.put((END, number))


def boil(eggs, boiled):
    while True:
        egg = eggs.get()
        if egg is None:
            eggs.task_done()
            return
        boiled.value += egg
        eggs.task_done()


if __name__ == "__main__":
    mp.set_start_method("fork")
    words, found = mp.Queue(), mp.SimpleQueue()
    counters = [mp.Process(target=count, args=(words, found), name=f"counter-{n}") for n in (1, 2)]
    for counter in counters:
        counter.start()
    for word in TEXT:
        words.put(word)
    words.put(END)
    words.put(END)
    seen, ends = [], []
    while len(ends) < 2:
        word, number = found.get()
        (ends if word == END else seen).append((word, number))
    for counter in counters:
        counter.join()
    print(sorted(seen) == sorted((word, len(word)) for word in TEXT), sum(number for _, number in ends))
    eggs, boiled = mp.JoinableQueue(2), mp.Value("i")
    boiler = mp.Process(target=boil, args=(eggs, boiled), name="boiler", daemon=True)
    boiler.start()
    for egg in range(5):
        eggs.put(egg)
    eggs.put(None)
    eggs.join()
    boiler.join()
    print(boiled.value, eggs.empty(), boiler.exitcode)
    try:
        words.get(timeout=0.02)
    except Exception as error:
        print(type(error).__module__, type(error).__name__)
    try:
        words.get_nowait()
    except Exception as error:
        print(type(error).__name__)
    words.close()
    words.join_thread()
    try:
        words.put("late")
    except ValueError as error:
        print("closed" in str(error))
