"""The status page of a running `watch`, shown by a browser."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from selenium import webdriver

import program
from test_report import FLAGS

LOG = "2022-06-24T14:33:24.1+08:00 ERROR ThreadId(1) x: failed to unmarshal response string: '{}'. child_pid={}\n"
HOSTILE = "</pre><script>document.title='x'</script><img src=x onerror=\"document.title='x'\">"
SETTINGS = """state_dir = "state"
host = "seal-07"
[[source]]
name = "a-source-with-a-long-name-that-has-to-break-somewhere"
paths = ["*.log"]
start = "beginning"
[[source]]
name = "nowhere"
paths = ["nowhere/*.log"]
[http]
listen = "127.0.0.1:0"
"""


def browser(width, height):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in FLAGS:
        options.add_argument(flag)
    # A window cannot be as narrow as a phone.
    metrics = {"width": width, "height": height, "pixelRatio": 1.0}
    options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


@unittest.skipUnless(shutil.which("chromium") and shutil.which("chromedriver"), "chromium is not installed")
class Status(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        folder = Path(folder.name)
        (folder / "sealtail.toml").write_text(SETTINGS)
        (folder / "worker.log").write_text(LOG.format(HOSTILE, 1) + LOG.format("x", 2) + LOG.format("x", 3))
        command = [program.SEALTAIL, "watch", "--config", folder / "sealtail.toml"]
        watch = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(watch.stderr.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.terminate)
        found = (re.search(r"metrics and health at (http://[0-9.:]+)", line) for line in watch.stderr)
        self.address = next(one for one in found if one).group(1)

    def test_it_is_red_fits_a_desk_and_a_phone_and_stays_text(self):
        for width, height in ((1280, 900), (390, 844)):
            shown = browser(width, height)
            self.addCleanup(shown.quit)
            ask = shown.execute_script
            for lang, words in (("en", "Something is wrong"), ("zh", "出现问题")):
                for _ in range(100):
                    shown.get(f"{self.address}/?lang={lang}")
                    if ask("return document.querySelectorAll('.alerts > li').length") == 3:
                        break
                self.assertEqual(ask("return document.querySelector('.verdict b').textContent"), words)
                self.assertEqual(ask("return document.querySelectorAll('.alerts > li').length"), 3)
                too_wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
                self.assertEqual((ask("return innerWidth"), ask(too_wide)), (width, 0), lang)
                self.assertEqual(ask("return document.scripts.length + document.images.length"), 0)
                self.assertIn(HOSTILE, ask("return document.querySelector('.alerts').textContent"))
                ask("document.querySelector('.alerts a').click()")
                self.assertIn("/pages/venus-cluster/ext-unmarshal-response", shown.current_url)
                self.assertEqual(ask(too_wide), 0, (lang, width))
                self.assertGreater(ask("return document.querySelectorAll('ol > li').length"), 0)
            self.assertEqual(shown.get_log("browser"), [], "the browser had something to refuse")


if __name__ == "__main__":
    unittest.main()
