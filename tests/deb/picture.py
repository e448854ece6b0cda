"""The size of a PNG picture, and the number of its colours."""

import pathlib
import struct
import zlib


def look(path):
    """(width, height, number of colours) of a PNG with 8 bits a channel."""
    data = pathlib.Path(path).read_bytes()
    width, height, depth, sort = struct.unpack(">IIBB", data[16:26])
    assert depth == 8 and sort in (2, 6), "RGB or RGBA"
    size = 3 if sort == 2 else 4
    packed, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    lines = zlib.decompress(packed)
    before, colours = bytearray(width * size), set()
    for row in range(height):
        start = row * (width * size + 1)
        line = plain(lines[start], bytearray(lines[start + 1:start + 1 + width * size]), before, size)
        colours.update(bytes(line[x:x + 3]) for x in range(0, len(line), size))
        before = line
    return width, height, len(colours)


def plain(sort, line, above, size):
    """A line without its filter (PNG specification, 9.2)."""
    if sort == 0:
        return line
    for x in range(len(line)):
        left = line[x - size] if x >= size else 0
        up = above[x]
        if sort == 1:
            line[x] = line[x] + left & 255
        elif sort == 2:
            line[x] = line[x] + up & 255
        elif sort == 3:
            line[x] = line[x] + (left + up) // 2 & 255
        else:
            corner = above[x - size] if x >= size else 0
            estimate = left + up - corner
            nearest = min((left, up, corner), key=lambda value: abs(estimate - value))
            line[x] = line[x] + nearest & 255
    return line
