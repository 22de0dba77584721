"""The service's unit, read by systemd."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import program

UNIT = program.ROOT / "packaging" / "sealtail.service"


@unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
class Service(unittest.TestCase):
    def verify(self, text):
        with tempfile.TemporaryDirectory() as folder:
            unit = Path(folder) / UNIT.name
            # The program need not be installed.
            unit.write_text(text.replace("/usr/bin/sealtail", program.SEALTAIL))
            return subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)

    def test_systemd_finds_no_fault(self):
        ran = self.verify(UNIT.read_text())
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))

    def test_systemd_would_find_one(self):
        self.assertNotEqual(self.verify(UNIT.read_text().replace("ProtectSystem=", "ProtectSytem=")).stderr, "")
