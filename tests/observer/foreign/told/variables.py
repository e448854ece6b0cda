# lanes: main
# once: value name=late value=5; value name=total value=7; value name=begun value=3; value name=nested value=1
# never: value name=knob; value name=text; value name=last; value name=number; value name=size; value name=pi; value name=circle; value name=mask; value name=O_RDONLY
# never: value name=step; value name=total value=0; value name=_hidden; value name=inner; value name=flag; value name=ratio
"""A program that is over at once: which of its variables are told, and with which values."""
from math import (
    pi,  # a constant
    tau as circle,
)
from os import O_RDONLY

knob = 5
flag: bool = True
text = "a = b"  # with a sign
ratio = -0.5
mask = 0x1F
total = 0
_hidden = len("hidden")
begun = len("abc")
for number, (size, step) in enumerate([(1, 2)]):
    nested = number + size
if __name__ == "__main__":
    for number in range(2):
        total = total + 3


def work():
    global total
    inner = 1
    total += inner


work()
late = knob
last = "end"
knob = 5
print(number, size, step, text, ratio, mask, pi < circle, O_RDONLY, begun)
