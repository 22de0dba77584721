"""The configuration that is there to be copied, and the headers of pages, read by Python."""

import re
import tempfile
import tomllib
import unittest
from pathlib import Path

import program

EXAMPLE = program.ROOT / "examples" / "sealtail.toml"


class Configuration(unittest.TestCase):
    def check(self, text):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "patterns").mkdir()
            program.write_secret(folder / "ops.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            program.write_secret(folder / "http.token", "0123456789abcdef0123456789abcdef")
            program.write_secret(folder / "heartbeat-url", "https://beats.example.org/x")
            program.write_secret(folder / "slack-url", "https://hooks.example.org/services/T/B/x")
            (folder / "sealtail.toml").write_text(text.replace("/etc/sealtail", str(folder)))
            return program.run("check", "--config", folder / "sealtail.toml")

    def test_the_example_is_toml_and_has_no_fault(self):
        settings = tomllib.loads(EXAMPLE.read_text())
        self.assertEqual([source["name"] for source in settings["source"]], ["worker", "manager"])
        self.assert_no_fault(program.run("check", "--config", EXAMPLE))

    def test_what_it_only_shows_has_no_fault_either(self):
        text = EXAMPLE.read_text()
        shown = r"\[\[?sink|\[http|\[heartbeat|(name|every|url_file|secret_file|token_file|listen|hosts|poll) +="
        text = re.sub(rf"^# ({shown})", r"\1", text, flags=re.MULTILINE)
        text = re.sub(r"\[\] +# \[", "[", text)
        settings = tomllib.loads(text)
        self.assertTrue({"webhook", "slack"} <= settings["sink"].keys())
        self.assertIn("secret_file", settings["sink"]["webhook"][0])
        self.assertEqual(settings["heartbeat"].keys(), {"url_file", "every"})
        self.assertEqual(settings["http"].keys(), {"listen", "token_file", "hosts"})
        self.assert_no_fault(self.check(text))

    def assert_no_fault(self, ran):
        """The logs of the example are not on this machine, which is all there is to say."""
        said = [line for line in ran.stderr.splitlines() if "matches no file yet" not in line]
        said = [line for line in said if not line.startswith("hint: there is no ")]
        self.assertEqual((ran.returncode, said), (0, []))

    def test_a_fault_is_one(self):
        ran = self.check(EXAMPLE.read_text().replace("[alert]", "[alart]"))
        self.assertEqual(ran.returncode, 1)
        self.assertIn("alart", ran.stderr)


class Pages(unittest.TestCase):
    def test_headers_are_toml(self):
        for page in program.PAGES:
            header = re.search(r"^```toml\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
            self.assertTrue(tomllib.loads(header[1])["anchors"], page)
