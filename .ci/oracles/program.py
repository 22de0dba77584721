"""The built program, a receiver on loopback, and the samples of the built-in pages."""

import contextlib
import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEALTAIL = os.environ["SEALTAIL"]
# Pages whose every sample opens an alert of its own: no threshold, and nothing else explains it.
NAMES = [
    "ext-unmarshal-response", "mmap-zero-length", "once-poisoned", "pc1-cpuset-cache-mismatch",
    "sector-state-not-found", "too-many-open-files",
]
PAGES = [ROOT / "patterns/venus-cluster" / f"{name}.md" for name in NAMES]

# The longest a test waits for something that must happen.
PATIENCE_S = 60


def signature(page):
    return f"{page.parent.name}/{page.stem}"


def samples(page):
    """The records a page fires on."""
    fires = page.read_text().split("\n## Fires\n")[1].split("\n## Silent\n")[0]
    return re.findall(r"^```log[^\n]*\n(.*?)^```$", fires, re.DOTALL | re.MULTILINE)


def schema(name):
    return json.loads((ROOT / "docs" / "schemas" / name).read_text())


def run(*arguments, **environment):
    """Runs the program to its end with a clean environment."""
    command = [SEALTAIL, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)


def write_secret(path, text):
    path.touch(mode=0o600)
    path.write_text(text)


class Receiver(ThreadingHTTPServer):
    """Remembers every request as (path, headers, body) and says `ok`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []
        self.changed = threading.Condition()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def wait_until(self, enough):
        """Waits until what came is `enough`; returns it."""
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self.got), PATIENCE_S), f"got {len(self.got)} requests"
            return list(self.got)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.server.changed:
            self.server.got.append((self.path, dict(self.headers.items()), body))
            self.server.changed.notify_all()
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def watching(configuration, stderr=None):
    """Runs `watch` until the block ends; then it must end by itself and without a fault."""
    command = [SEALTAIL, "watch", "--config", str(configuration)]
    with subprocess.Popen(command, env={}, stdout=subprocess.DEVNULL, stderr=stderr) as process:
        try:
            yield
        except BaseException:
            process.kill()
            raise
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, process.returncode


def sent(folder, records, sinks, enough):
    """What `watch` sends for these records to `sinks`, tables of the configuration with a {url}."""
    log = folder / "worker.log"
    log.write_text("".join(records))
    receiver = Receiver()
    configuration = folder / "sealtail.toml"
    settings = f"""
        state_dir = "{folder}/state"
        host = "seal 07"
        [[source]]
        name = "worker"
        paths = ["{log}"]
        start = "beginning"
        hold = "100ms"
        [alert]
        resolve_after = "1s"
    """
    configuration.write_text(settings + sinks.replace("{url}", receiver.url("")))
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        with watching(configuration):
            return receiver.wait_until(enough)
    finally:
        receiver.shutdown()
        receiver.server_close()
