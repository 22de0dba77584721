"""Metrics, read by the parser of Prometheus' own library."""

import re
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import program


def scrape(folder):
    """The metrics of a `watch` at work, with a source, a sink that fails and a finding."""
    log = folder / "worker.log"
    log.write_text("".join(program.samples(program.PAGES[0])))
    configuration = folder / "sealtail.toml"
    configuration.write_text(f"""
        state_dir = "{folder}/state"
        [http]
        listen = "127.0.0.1:0"
        [[source]]
        name = 'a "source" \\ of logs'
        paths = ["{log}"]
        start = "beginning"
        hold = "100ms"
        [[sink.webhook]]
        name = "ops"
        url = "http://127.0.0.1:1/"
    """)
    said = folder / "stderr"
    with said.open("w") as stderr, program.watching(configuration, stderr=stderr):
        deadline = time.monotonic() + program.PATIENCE_S
        while time.monotonic() < deadline:
            found = re.search(r"metrics and health at (http://[0-9.:]+)\n", said.read_text())
            if found:
                with urllib.request.urlopen(found[1] + "/metrics") as answer:
                    kind, text = answer.headers["content-type"], answer.read().decode()
                if 'outbox_messages{sink="ops"} 0' not in text and "outbox_messages{" in text:
                    return kind, text
            time.sleep(0.05)
    raise AssertionError("nothing was found")


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            cls.kind, cls.text = scrape(Path(folder))
        cls.families = {family.name: family for family in text_string_to_metric_families(cls.text)}

    def test_the_version_of_the_format_is_told(self):
        self.assertEqual(self.kind, "text/plain; version=0.0.4; charset=utf-8")

    def test_every_documented_metric_is_read_with_its_kind(self):
        rows = re.findall(r"^\| `(\w+)[`{][^|]*\| (\w+) \|", (program.ROOT / "docs" / "metrics.md").read_text(), re.M)
        # The library names a counter without its `_total`.
        expected = {name.removesuffix("_total"): kind for name, kind in rows}
        self.assertEqual({name: family.type for name, family in self.families.items()}, expected)
        self.assertGreater(len(expected), 20)

    def test_every_one_has_a_text_and_no_sample_comes_twice(self):
        for family in self.families.values():
            self.assertTrue(family.documentation, family.name)
            seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
            self.assertEqual(len(seen), len(set(seen)), family.name)

    def test_labels_come_back_as_they_were(self):
        [sample] = self.families["sealtail_source_files"].samples
        self.assertEqual(sample.labels, {"source": 'a "source" \\ of logs'})
        self.assertEqual(sample.value, 1)
