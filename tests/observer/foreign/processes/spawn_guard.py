# lanes: main, Process-1, packer
# things: queue parcels
"""Processes that begin anew, with the guard that this needs; a queue between them."""
import multiprocessing
import sys

print("imported as", "main" if __name__ == "__main__" else __name__, flush=True)
LIMIT = 3


def pack(parcels, names, stamp="-"):
    for name in names[:LIMIT]:
        parcels.put(f"{name}{stamp}")
    parcels.put(None)
    sys.exit(len(names))


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    try:
        multiprocessing.set_start_method("fork")
    except RuntimeError as error:
        print(error)
    parcels = multiprocessing.Queue()
    for name, words in ((None, ["tea", "soap"]), ("packer", ["rope", "salt", "nails", "left over"])):
        process = multiprocessing.Process(target=pack, args=(parcels, words), kwargs={"stamp": "!"}, name=name)
        process.start()
        while (parcel := parcels.get()) is not None:
            print(process.name, parcel)
        process.join()
        print(process.exitcode, process.is_alive(), flush=True)
