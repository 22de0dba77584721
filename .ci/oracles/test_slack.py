"""Messages to Slack, read by Slack's own library."""

import json
import re
import tempfile
import unittest
from pathlib import Path

from slack_sdk.models.blocks import Block

import program

BLOCKS_MAX = 50
HOSTILE_PID = "66613"
HOSTILE = "<!channel> <@U012AB3CD> &lt; *b* _i_ ~s~ `c` ```\\n``` http://e.example/ #general @here 🔥👩‍🚀 密封 "
SINKS = "\n".join(
    f"""
    [[sink.slack]]
    name = "{lang}"
    url = "{{url}}/{lang}"
    min_severity = "info"
    lang = "{lang}"
    max_per_minute = 0
    """
    for lang in ("en", "zh")
)


def hostile_record():
    text = HOSTILE * (4000 // len(HOSTILE) + 1)
    return (
        "2022-06-24T14:33:24.000000001+08:00 ERROR ThreadId(42) vc_processors::core::ext::producer: "
        f"failed to unmarshal response string: '{text}'. child_pid={HOSTILE_PID}\n"
    )


def texts(value):
    """Every text that Slack looks for markup in."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts(item)


class Slack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        records = [sample for page in program.PAGES for sample in program.samples(page)] + [hostile_record()]
        names = [program.signature(page) for page in program.PAGES] + [f"child_pid={HOSTILE_PID}"]

        def enough(got):
            bodies = {lang: b"".join(body for path, _, body in got if path == f"/{lang}") for lang in ("en", "zh")}
            return all(name.encode() in body for name in names for body in bodies.values())

        with tempfile.TemporaryDirectory() as folder:
            got = program.sent(Path(folder), records, SINKS, enough)
        cls.messages = [(path.strip("/"), json.loads(body)) for path, _, body in got]
        golden = sorted((program.ROOT / "src" / "sink" / "golden").glob("slack.*"))
        bodies = (path.read_text() for path in golden)
        cls.messages += [("golden", json.loads(body[body.index("\n{") :])) for body in bodies]

    def check(self, message):
        """Slack's library knows every key and finds no limit passed."""
        # The plain form, sent where this one was refused, has text alone.
        blocks = message.get("blocks", [])
        self.assertLessEqual(len(blocks), BLOCKS_MAX)
        self.assertTrue(message["text"])
        for sent in blocks:
            with self.assertNoLogs():
                block = Block.parse(sent)
            # This is where the library checks lengths.
            self.assertEqual(block.to_dict(), sent)

    def test_the_library_takes_every_message(self):
        for name, message in self.messages:
            with self.subTest(name, text=message["text"]):
                self.check(message)

    def test_the_library_would_not_take_more(self):
        _, message = self.messages[0]
        blocks = [{**block} for block in message["blocks"]]
        section = next(block for block in blocks if block["type"] == "section")
        section["text"] = {**section["text"], "text": "x" * 3001}
        with self.assertRaises(Exception):
            self.check({**message, "blocks": blocks})

    def test_nothing_in_a_log_is_markup(self):
        for _, message in self.messages:
            for text in [message["text"], *texts(message.get("blocks", []))]:
                links = re.findall(r"<[^>]*>", text)
                self.assertTrue(all(link.startswith(("<https://", "<http://")) for link in links), links)
                self.assertNotIn("http://e.example/>", text)

    def test_both_languages_come(self):
        came = {lang: {message["text"] for name, message in self.messages if name == lang} for lang in ("en", "zh")}
        self.assertGreaterEqual(len(came["en"]), len(program.PAGES))
        self.assertGreaterEqual(len(came["zh"]), len(program.PAGES))
        self.assertTrue(came["en"].isdisjoint(came["zh"]))
