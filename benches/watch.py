#!/usr/bin/env python3
"""What watching costs, and how soon an alert leaves: 100 files, a webhook on loopback.

    benches/watch.py SEALTAIL MEASURE [SECONDS of idling and of load, 20 by default]

SEALTAIL is the release binary, MEASURE the example of that name (`cargo build --release --bin sealtail --example measure`).
Linux and Python 3.11 or later; writes into a temporary folder.
"""

import http.server
import json
import os
import pathlib
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time

FILES = 100
ALERTS = 300
HOLD_ALERTS = 20
LOAD_MIB_A_SECOND = 50
LOADED_FILES = 10

CONFIGURATION = """
state_dir = "{folder}/state"
packs = ["{folder}/packs"]

[[source]]
name = "worker"
paths = ["{folder}/log/*.log"]
start = "end"

[[sink.webhook]]
name = "ops"
url = "http://127.0.0.1:{port}/"
signatures = ["measured/*"]
max_per_minute = 0
"""


class Inbox(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    arrived: "queue.Queue[tuple[float, str]]" = queue.Queue()

    def do_POST(self):
        now = time.perf_counter()
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
        self.arrived.put((now, body.decode()))

    def log_message(self, *_):
        pass


class Usage:
    """Processor seconds and resident memory of a process."""

    TICKS = os.sysconf("SC_CLK_TCK")

    def __init__(self, pid):
        self.folder = pathlib.Path(f"/proc/{pid}")

    def seconds(self):
        fields = (self.folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / self.TICKS

    def resident_mib(self, line="VmRSS"):
        lines = (self.folder / "status").read_text().splitlines()
        return next(int(text.split()[1]) / 1024 for text in lines if text.startswith(line))


def share(usage, seconds, meanwhile=lambda until: time.sleep(max(0, until - time.perf_counter()))):
    """The share of a core that a process takes in so many seconds."""
    before, started = usage.seconds(), time.perf_counter()
    meanwhile(started + seconds)
    return (usage.seconds() - before) / (time.perf_counter() - started)


def quantiles(seconds):
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, {len(ordered)} alerts"


def latencies(logs, anchors, healthy, successor):
    times = []
    for anchor in anchors:
        log = random.choice(logs)
        record = f"2022-06-24T14:33:24.000000000+08:00 ERROR ThreadId(42) venus_worker::sealing: {anchor}\n".encode()
        started = time.perf_counter()
        log.write(record + healthy if successor else record)
        arrived, body = Inbox.arrived.get(timeout=30)
        assert anchor in json.loads(body)["data"]["record"], f"another alert than that of `{anchor}`: {body[:200]}"
        times.append(arrived - started)
    return times


def load(logs, text, until):
    """Appends whole lines at a steady rate."""
    lines = text.splitlines(keepends=True)
    pieces, piece = [], b""
    for line in lines:
        piece += line
        if len(piece) >= 256 * 1024:
            pieces.append(piece)
            piece = b""
    started, written, number = time.perf_counter(), 0, 0
    while (now := time.perf_counter()) < until:
        ahead = written / (LOAD_MIB_A_SECOND << 20) - (now - started)
        if ahead > 0:
            time.sleep(ahead)
        logs[number % LOADED_FILES].write(pieces[number % len(pieces)])
        written += len(pieces[number % len(pieces)])
        number += 1
    return written


def main(sealtail, measure, seconds=20):
    random.seed(7)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "log").mkdir()
        anchors = subprocess.run([measure, "anchors", str(ALERTS + HOLD_ALERTS)], stdout=subprocess.PIPE, check=True)
        (folder / "anchors").write_bytes(anchors.stdout)
        subprocess.run([measure, "packs", folder / "anchors", folder / "packs"], check=True)
        command = [measure, "log", "sealing", str(64 << 20), "1000000000", folder / "anchors"]
        text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        healthy = text[: text.index(b"\n") + 1]
        logs = []
        for number in range(FILES):
            logs.append(open(folder / "log" / f"worker-{number:03}.log", "ab", buffering=0))
            logs[-1].write(text[: text.index(b"\n", 100_000) + 1])
        configuration = folder / "sealtail.toml"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=server.server_address[1]))
        watch = subprocess.Popen([sealtail, "watch", "--config", configuration])
        try:
            usage = Usage(watch.pid)
            time.sleep(5)
            idle = share(usage, seconds)
            print(f"idle, {FILES} files: {idle * 100:.2f} % of a core, {usage.resident_mib():.0f} MiB")
            texts = anchors.stdout.decode().splitlines()
            known = latencies(logs, texts[:ALERTS], healthy, successor=True)
            print(f"append to request, its successor written with it: {quantiles(known)}")
            held = latencies(logs, texts[ALERTS:], healthy, successor=False)
            print(f"append to request, nothing written behind it (hold is 500 ms): {quantiles(held)}")
            loaded = share(usage, seconds, lambda until: load(logs, text, until))
            print(f"{LOAD_MIB_A_SECOND} MiB/s in {LOADED_FILES} files: {loaded * 100:.1f} % of a core, ", end="")
            print(f"{usage.resident_mib('VmHWM'):.0f} MiB at most")
        finally:
            watch.terminate()
            watch.wait(30)


main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))
