# lanes: main, Task-1, customer-1, customer-2, customer-3
"""A server and its clients in one thread, by asyncio streams."""
import asyncio


async def serve(reader, writer):
    async for line in reader:
        if line == b"bye\n":
            break
        writer.write(line.upper())
        await writer.drain()
    writer.write(b"closed\n")
    writer.close()
    await writer.wait_closed()


async def ask(port, *lines):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for line in lines:
        writer.write(f"{line}\n".encode())
        await writer.drain()
        answers.append((await reader.readline()).decode().strip())
    writer.write(b"bye\n")
    answers.append((await reader.read()).decode().strip())
    writer.close()
    return answers


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        tasks = [asyncio.create_task(ask(port, f"hello {n}", "again"), name=f"customer-{n}") for n in (1, 2, 3)]
        for task in tasks:
            print(task.get_name(), await task)
    print(server.is_serving())


asyncio.run(main())
