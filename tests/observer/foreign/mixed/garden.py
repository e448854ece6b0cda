# lanes: main, gardener-1, gardener-2
# things: lock tools, lock shed.lock
# waits: gardener-2: lock tools held by main
"""Uses a module of its own that lies beside it."""
import sys

import garden_tools
from garden_tools import Shed, gardener, tools

shed = Shed(["rake", "spade"])
first = gardener(1, shed)
first.join()
with garden_tools.tools:
    second = gardener(2, shed)
    second.join()
print(shed.lent, tools.locked(), tools is garden_tools.tools)
print(garden_tools.__name__, "garden_tools" in sys.modules, garden_tools.__file__.startswith(sys.path[0]))
