# lanes: main, Task-1, nap, other, third
# tells: task.state task=nap state=sleeping at_most=0.2; task.state task=other state=sleeping at_most=0.1; task.state state=sleeping at_most=0.3
# never: task.state task=Task-1 state=sleeping
"""Tasks of coroutines that are asyncio's own."""
import asyncio


async def main():
    loop = asyncio.get_running_loop()
    nap = asyncio.create_task(asyncio.sleep(0.2, "slept"), name="nap")
    other = loop.create_task(asyncio.sleep(0.1), name="other")
    third = asyncio.ensure_future(asyncio.sleep(0.05))
    third.set_name("third")
    print(await asyncio.gather(asyncio.sleep(0.3, "one"), asyncio.sleep(0, "two")))
    print(await nap, await other, await third)
    # asyncio's own tasks have no lanes.
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    server.close()
    await loop.run_in_executor(None, print, "in a thread")


asyncio.run(main())
