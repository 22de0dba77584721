"""Raw Hyperscan over a log: lines with one of the literals, and the seconds that reading and scanning took.

    hyperscan_scan.py ANCHORS FILE

Block mode, over pieces of 256 KiB that end behind a line. Compiling, and the start of Python, are not in the seconds.
"""

import mmap
import sys
import time

import hyperscan

PIECE = 256 * 1024


def main(anchors_path: str, log_path: str) -> None:
    with open(anchors_path, "rb") as file:
        anchors = file.read().splitlines()
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=anchors, elements=len(anchors), literal=True)

    # Memory of a map starts at a page, where read(2) copies fastest.
    memory = mmap.mmap(-1, 2 * PIECE)
    view = memoryview(memory)
    count, last = 0, -1

    def found(_id: int, _start: int, end: int, _flags: int, _context: object) -> None:
        nonlocal count, last
        line = memory.rfind(b"\n", 0, end)
        if line != last:
            count, last = count + 1, line

    started = time.perf_counter()
    with open(log_path, "rb", buffering=0) as log:
        kept = 0
        while read := log.readinto(view[kept : kept + PIECE]):
            filled = kept + read
            cut = memory.rfind(b"\n", 0, filled) + 1
            last = -2
            database.scan(view[:cut], match_event_handler=found)
            kept = filled - cut
            view[:kept] = view[cut:filled]
    if kept:
        last = -2
        database.scan(view[:kept], match_event_handler=found)
    print(count, round(time.perf_counter() - started, 4))


main(*sys.argv[1:])
