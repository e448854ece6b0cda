# lanes: main, Task-1, brewer, drinker, slow
"""Coroutines that wait for one another: gather, time limits, cancelling, and asyncio's own locks and queues."""
import asyncio
import contextlib


async def brew(cups, lock):
    for number in range(3):
        async with lock:
            await cups.put(f"cup {number}")
    await cups.put(None)
    return "brewed"


async def drink(cups):
    drunk = []
    while (cup := await cups.get()) is not None:
        drunk.append(cup)
        cups.task_done()
    return drunk


async def sleep_long(log):
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError as error:
        log.append(f"cancelled {error}".strip())
        raise


async def fail(after):
    await asyncio.sleep(after)
    raise ValueError(after)


async def ticks(number):
    for tick in range(number):
        await asyncio.sleep(0)
        yield tick


async def main():
    cups, lock, log = asyncio.Queue(1), asyncio.Lock(), []
    brewer = asyncio.create_task(brew(cups, lock), name="brewer")
    drinker = asyncio.create_task(drink(cups), name="drinker")
    print(await asyncio.gather(brewer, drinker), lock.locked())
    try:
        await asyncio.wait_for(sleep_long(log), timeout=0.01)
    except asyncio.TimeoutError as error:
        print("too slow", repr(error))
    slow = asyncio.create_task(sleep_long(log), name="slow")
    await asyncio.sleep(0)
    slow.cancel("enough")
    with contextlib.suppress(asyncio.CancelledError):
        await slow
    print(log, slow.cancelled(), slow.get_name(), asyncio.current_task().get_name())
    print(await asyncio.gather(fail(0.002), fail(0.001), return_exceptions=True))
    done, pending = await asyncio.wait({asyncio.ensure_future(fail(0))})
    print(len(pending), [repr(task.exception()) for task in done])
    print([tick async for tick in ticks(4)])
    event, places, condition = asyncio.Event(), asyncio.Semaphore(2), asyncio.Condition()
    asyncio.get_running_loop().call_later(0.001, event.set)
    async with places, condition, asyncio.timeout(600):
        print(await event.wait(), places.locked())
        condition.notify_all()
    try:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()
    except TimeoutError:
        print("timeout")
    for result in asyncio.as_completed([asyncio.sleep(0, "only")]):
        print(await result)


asyncio.run(main())
