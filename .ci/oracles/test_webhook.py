"""Webhooks, read by the libraries of the standards they follow."""

import json
import tempfile
import unittest
from pathlib import Path

from cloudevents.v1.http import from_http
from jsonschema import Draft202012Validator
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

import program

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
FIRING, RESOLVED = "sealtail.alert.firing.v1", "sealtail.alert.resolved.v1"


def validator(name):
    return Draft202012Validator(program.schema(name), format_checker=Draft202012Validator.FORMAT_CHECKER)


def told(got, kind):
    """The signatures whose alerts of this kind came."""
    events = map(json.loads, (body for _, _, body in got))
    return {event["data"]["signature"] for event in events if event["type"] == kind}


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        all_of_them = {program.signature(page) for page in program.PAGES}
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            program.write_secret(folder / "secret", SECRET)
            sink = f"""
                [[sink.webhook]]
                name = "ops"
                url = "{{url}}/hook"
                secret_file = "{folder}/secret"
                min_severity = "info"
            """
            records = [sample for page in program.PAGES for sample in program.samples(page)]
            cls.got = program.sent(
                folder, records, sink, lambda got: all(told(got, kind) >= all_of_them for kind in (FIRING, RESOLVED))
            )

    def test_signatures_verify(self):
        for _, headers, body in self.got:
            self.assertEqual(Webhook(SECRET).verify(body, headers), json.loads(body))

    def test_what_was_tampered_with_does_not(self):
        _, headers, body = self.got[0]
        with self.assertRaises(WebhookVerificationError):
            Webhook(SECRET).verify(body.replace(b'"count":1', b'"count":2'), headers)
        with self.assertRaises(WebhookVerificationError):
            Webhook(SECRET).verify(body, {**headers, "webhook-id": headers["webhook-id"] + "0"})
        with self.assertRaises(WebhookVerificationError):
            Webhook(OTHER_SECRET).verify(body, headers)
        self.assertIn(b'"count":1', body)

    def test_bodies_are_cloud_events(self):
        ids = set()
        for _, headers, body in self.got:
            event = from_http(headers, body)
            self.assertEqual(event["specversion"], "1.0")
            self.assertEqual(event["id"], headers["webhook-id"])
            self.assertEqual(event["source"], "/sealtail/seal%2007/worker")
            self.assertIn(event["type"], (FIRING, RESOLVED))
            self.assertEqual(event["subject"], event.data["fingerprint"])
            ids.add(event["id"])
        self.assertEqual(len(ids), len(self.got))

    def test_data_follows_the_published_schema(self):
        alerts = validator("alert.v1.schema.json")
        for _, _, body in self.got:
            alerts.validate(json.loads(body)["data"])
        self.assertFalse(alerts.is_valid({**json.loads(body)["data"], "first_seen": "yesterday"}))


class Findings(unittest.TestCase):
    def test_lines_of_replay_follow_the_published_schema(self):
        ran = program.run("replay", "--json", program.ROOT / "examples" / "incident")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        findings = validator("finding.v1.schema.json")
        lines = [json.loads(line) for line in ran.stdout.splitlines()]
        for line in lines:
            findings.validate(line)
        self.assertEqual([line["kind"] for line in lines], ["finding"] * lines[-1]["findings"] + ["summary"])
        self.assertGreater(len(lines), len(program.PAGES))
