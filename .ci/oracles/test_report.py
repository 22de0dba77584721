"""The page of `replay --html`, shown by a browser."""

import shutil
import tempfile
import unittest
from pathlib import Path

from selenium import webdriver

import program

# A browser asks for no network, nor for a sandbox that a container cannot have.
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
DESK, PHONE = (1100, 900), (500, 900)
HOSTILE = "</pre><script>document.title='x'</script><img src=x onerror=\"document.title='x'\"> &amp; \"it's\""


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in FLAGS:
        options.add_argument(flag)
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


@unittest.skipUnless(shutil.which("chromium") and shutil.which("chromedriver"), "chromium is not installed")
class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.browser = browser()
        self.addCleanup(self.browser.quit)

    def open(self, *arguments):
        page = self.folder / "report.html"
        ran = program.run("replay", *arguments, "--html", page)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.browser.get(page.as_uri())
        return self.browser.execute_script

    def test_it_fits_a_desk_and_a_phone_and_leads_where_it_says(self):
        for lang in ("en", "zh"):
            ask = self.open(program.ROOT / "examples/incident", "--lang", lang)
            for size in (DESK, PHONE):
                self.browser.set_window_size(*size)
                too_wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
                self.assertLessEqual(ask(too_wide), 0, (lang, size))
            rows = ask("return document.querySelectorAll('.contents tr[class]').length")
            self.assertGreater(rows, 5)
            self.assertEqual(ask("return document.querySelectorAll('section > h2').length"), rows)
            lost = """return [...document.querySelectorAll('a[href^="#"]')]
                .map(a => a.getAttribute('href')).filter(to => !document.getElementById(to.slice(1)))"""
            self.assertEqual(ask(lost), [])
            bars = ask("return document.querySelector('.timeline svg').getBoundingClientRect().height")
            self.assertGreater(bars, 50, "the style is in force")
        self.assertEqual(self.browser.get_log("browser"), [], "the browser had something to refuse")

    def test_what_is_chosen_is_shown_alone_and_without_a_script(self):
        ask = self.open(program.ROOT / "examples/incident")
        shown = """return [...document.querySelectorAll('section')]
            .filter(one => one.getBoundingClientRect().height > 0).map(one => one.id)"""
        everything = ask(shown)
        self.browser.find_element("id", "f-critical").click()
        self.assertEqual(ask(shown), ["venus-cluster/ext-unmarshal-response"])
        self.browser.find_element("id", "f-critical").click()
        self.browser.find_element("css selector", ".choices summary").click()
        self.browser.find_element("xpath", "//label[contains(., 'worker-4')]/input").click()
        self.assertEqual(ask(shown), ["venus-cluster/mmap-zero-length"])
        views = "return [...document.querySelectorAll('.view')].filter(one => one.getBoundingClientRect().height > 0).length"
        self.assertEqual(ask(views), 1)
        self.browser.find_element("id", "p-all").click()
        self.assertEqual(ask(shown), everything)

    def test_a_link_opens_what_is_folded_and_a_click_selects_a_command(self):
        ask = self.open(program.ROOT / "examples/incident")
        link = self.browser.find_element("css selector", "section > p a[href^='#at-']")
        to = link.get_attribute("href").split("#")[1]
        link.click()
        self.assertGreater(ask(f"return document.getElementById('{to}').getBoundingClientRect().height"), 0)
        command = self.browser.find_element("css selector", "section > ol .command code")
        ask("arguments[0].scrollIntoView({block: 'center'})", command)
        command.click()
        selected = ask("return getSelection().toString()")
        self.assertEqual(selected.strip(), command.text.strip())

    def test_what_a_log_says_stays_text(self):
        log = self.folder / "a<b>&.log"
        line = f"2022-06-24T14:33:24.1+08:00 ERROR ThreadId(1) x: failed to unmarshal response string: '{HOSTILE}'. child_pid=1"
        log.write_text(line + "\n")
        ask = self.open(log)
        self.assertEqual(ask("return document.querySelector('figure pre').textContent"), line)
        self.assertEqual(ask("return document.querySelector('figcaption + pre').previousSibling.textContent"), f"{log}:1")
        self.assertEqual(ask("return document.scripts.length + document.images.length"), 0)
        self.assertTrue(self.browser.title.startswith("sealtail"))
        self.assertEqual(self.browser.get_log("browser"), [])


if __name__ == "__main__":
    unittest.main()
