"""Lost if this fails: reports of compare that draw every figure in a browser, on a phone and on a screen, light and dark,
without errors, without the network and without scrolling sideways.

    report_page_test.py WRITE_REPORT_PAGE PROGRAM    (skipped with code 77 where chromium or selenium are missing)
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError as missing:
    # Debian's selenium belongs to Debian's Python, which need not be the first one found.
    system = "/usr/bin/python3"
    if os.path.exists(system) and os.path.realpath(sys.executable) != os.path.realpath(system):
        os.execv(system, [system, "-B", *sys.argv])
    print(f"skipped: {missing}; on Debian: apt-get install python3-selenium")
    sys.exit(77)

from report_samples import comparison, samples

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    print("skipped: no chromium with its driver; on Debian: apt-get install chromium chromium-driver")
    sys.exit(77)
WRITE_REPORT_PAGE, PROGRAM = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(2))

# What is on the page, as a reader has it, with the figures' tables opened where `tables` is true. A canvas counts as
# drawn by its pixels: those that are not transparent, and those in colour, which axes and their texts are not.
LOOK = """
const [tables, done] = given;
await new Promise(next => requestAnimationFrame(() => setTimeout(next)));  // a change of size reaches the figures
const canvases = [...document.querySelectorAll("canvas")].map(canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
  let opaque = 0, coloured = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 0) ++opaque;
    const [low, high] = [Math.min(data[i], data[i + 1], data[i + 2]), Math.max(data[i], data[i + 1], data[i + 2])];
    if (data[i + 3] > 100 && high - low > 60) ++coloured;
  }
  return {opaque, coloured, share: opaque / (data.length / 4), label: canvas.getAttribute("aria-label"), role: canvas.getAttribute("role"),
          width: canvas.clientWidth, height: canvas.clientHeight};
});
const figures = [...document.querySelectorAll("figure")].map(figure => {
  const details = figure.querySelector("details");
  details.open = tables;
  return {title: figure.firstElementChild.textContent, caption: figure.querySelector("figcaption")?.textContent ?? "",
          canvases: figure.querySelectorAll("canvas").length, details};
});
if (tables) await new Promise(next => setTimeout(next, 30));  // "toggle" comes later than the change that it tells
const scrollWidth = document.documentElement.scrollWidth;
for (const figure of figures) {
  figure.rows = tables ? figure.details.querySelectorAll("tbody tr").length : 1;
  figure.details.open = false;
  delete figure.details;
}
done({canvases, figures, width: innerWidth, scrollWidth, background: getComputedStyle(document.body).backgroundColor,
      text: document.body.innerText, requests: performance.getEntriesByType("resource").map(entry => entry.name)});
"""
LOOK = "const given = arguments; (async () => {" + LOOK + "})().catch(error => given[1]({error: String(error)}));"

LIGHT = "rgb(255, 255, 255)"


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-background-networking"):  # fmt: skip
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(DRIVER), options=options)


class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.driver = browser()
        cls.addClassCleanup(cls.driver.quit)
        cls.driver.set_script_timeout(20)
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)

    def page(self, report):
        """The report's text."""
        done = subprocess.run([WRITE_REPORT_PAGE], input=json.dumps(report), capture_output=True, text=True, check=True)
        return done.stdout

    def screen(self, width, scheme):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})  # fmt: skip
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": scheme}]})  # fmt: skip
        # A page that is open hears of it with the next frame that the browser draws.
        self.driver.execute_async_script("""
            const done = arguments[0], until = performance.now() + 5000;
            (function wait() {
              const dark = matchMedia("(prefers-color-scheme: dark)").matches;
              if (document.documentElement.classList.contains("dark") === dark || performance.now() > until) done();
              else setTimeout(wait, 5);
            })();""")


    def open(self, text):
        path = self.folder / "report.html"
        path.write_text(text)
        self.driver.get_log("browser")
        self.driver.get(path.as_uri())

    def look(self, tables=True):
        seen = self.driver.execute_async_script(LOOK, tables)
        self.assertNotIn("error", seen)
        return seen

    def faults(self, seen, width):
        """What is wrong with the page that is open, in words."""
        faults = [f"logged {entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")
                  if entry["level"] in ("SEVERE", "WARNING")]  # fmt: skip
        faults += [f"requested {name}" for name in seen["requests"]]
        if seen["scrollWidth"] > width or seen["width"] != width:
            faults.append(f"is {seen['scrollWidth']} pixels wide instead of {width}")
        for canvas in seen["canvases"]:
            name = canvas["label"] or "a canvas"
            if canvas["coloured"] < 40 or canvas["share"] < 0.005:
                faults.append(f"{name} is not drawn: {canvas}")
            if canvas["width"] < 200 or canvas["height"] < 100:
                faults.append(f"{name} is too small: {canvas}")
            if canvas["role"] != "img" or not canvas["label"]:
                faults.append(f"{name} has no label")
        for figure in seen["figures"]:
            if not (figure["title"] and len(figure["caption"]) > 40 and figure["canvases"] == 1 and figure["rows"] > 0):
                faults.append(f"a figure lacks its texts: {figure}")
            if any(word in figure["caption"] for word in ("undefined", "NaN", "null", "Infinity")):
                faults.append(f"a caption says {figure['caption']}")
        if not seen["figures"] and "figures" not in seen["text"]:
            faults.append("no figures")
        if any(word in seen["text"] for word in ("undefined", "NaN", "[object")):
            faults.append("the page shows the inside of a program")
        return faults

    def test_every_sample_on_every_screen(self):
        titles = {}
        for number, (name, report) in enumerate(samples().items()):
            # Every second one is opened on a phone that becomes a screen, the others the other way round.
            screens = [(390, "light"), (390, "dark"), (1280, "dark"), (1280, "light")][:: 1 if number % 2 else -1]
            self.screen(*screens[0])
            self.open(self.page(report))
            for width, scheme in screens:
                self.screen(width, scheme)
                seen = self.look(tables=(width, scheme) == screens[0])
                with self.subTest(sample=name, width=width, scheme=scheme):
                    self.assertEqual(self.faults(seen, width), [])
                    self.assertEqual(seen["background"] == LIGHT, scheme == "light", seen["background"])
            titles[name] = [figure["title"] for figure in seen["figures"]]
        self.assertEqual(titles["typical"],
            ["Test accuracy by epoch", "Training loss by epoch", "Test accuracy by variant", "Test accuracy by time of training",
             "Density by layer at the end", "Density over time: relu", "Dead units by layer at the end", "Dead units over time: relu",
             "Gradient norm by layer at the end", "Gradient norm over time: relu", "Search of the learning rate"])  # fmt: skip
        self.assertEqual(titles["nothing"], [])
        self.assertEqual(titles["regression_no_test"][:2], ["Training loss by epoch", "Training loss by variant"])
        self.assertGreater(len(titles["several"]), len(titles["typical"]))

    def test_real_one(self):
        words = "compare mnist1d --over activation=relu,tanh --hidden 16,16 --seeds 2 --epochs 2 --quiet --json --report real.html"
        done = subprocess.run([PROGRAM, *words.split()], cwd=self.folder, capture_output=True, text=True, check=True)
        self.screen(390, "light")
        self.open((self.folder / "real.html").read_text())
        seen = self.look()
        self.assertEqual(self.faults(seen, 390), [])
        self.assertEqual(len(seen["canvases"]), 11)
        inside = self.driver.execute_script("return document.getElementById('comparison').textContent")
        self.assertEqual(json.loads(inside)["variants"], json.loads(done.stdout)["variants"])

    def test_what_it_says(self):
        report = comparison(["relu", "tanh"], seeds=3)
        self.screen(1280, "light")
        self.open(self.page(report))
        text = self.look()["text"]
        mean = report["variants"][0]["test_accuracy"]
        for part in ("Comparison of activation on mnist1d", report["verdict"], report["command_line"], "4,000 to train",
                     "dense 64, relu, dense 64, relu, dense 10", f"{100 * mean['mean']:.1f} ± {100 * mean['std']:.1f} %",
                     "A Processor @ 2.5 GHz", "Halfwave 0.1.0"):  # fmt: skip
            self.assertIn(part, text.replace("\u00a0", " "))
        self.assertRegex(text, r"Epochs\s+20\b", "what --epochs 0, as many as suits the data, came to")
        inside = self.driver.execute_script("return document.getElementById('comparison').textContent")
        self.assertEqual(json.loads(inside), report)

    def test_reader_chooses(self):
        self.screen(1280, "light")
        self.open(self.page(comparison(["relu", "tanh"], seeds=2, epochs=4)))
        self.driver.execute_script("const s = document.querySelector('select'); s.value = '1'; s.dispatchEvent(new Event('change'))")
        self.assertIn("Density over time: tanh", [figure["title"] for figure in self.look()["figures"]])

        def drawn():
            return [canvas["coloured"] for canvas in self.look()["canvases"][:2]]

        before = drawn()
        button = "document.querySelector('.legend button[title=relu]')"
        self.driver.execute_script(f"{button}.focus(); {button}.click()")
        self.assertEqual(self.driver.execute_script(f"return {button}.getAttribute('aria-pressed')"), "false")
        self.assertTrue(all(less < more for less, more in zip(drawn(), before)))
        self.driver.execute_script(f"{button}.click()")
        self.assertEqual(drawn(), before)
        self.driver.execute_script("document.querySelector('.command button').click()")
        self.assertRegex(self.driver.execute_async_script(
            "const done = arguments[0]; setTimeout(() => done(document.querySelector('.command [role=status]').textContent), 100)"),
            "^(copied|selected)$")  # fmt: skip

    def test_print_is_light(self):
        self.screen(1280, "dark")
        self.open(self.page(comparison(["relu", "tanh"], seeds=2, epochs=4)))
        self.driver.execute_script("""
            addEventListener("beforeprint", () => { window.printed = getComputedStyle(document.body).backgroundColor; });""")
        pdf = self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
        self.assertGreater(len(pdf), 50_000)
        self.assertEqual(self.driver.execute_script("return window.printed"), LIGHT)
        seen = self.look()
        self.assertEqual(self.faults(seen, 1280), [])
        self.assertNotEqual(seen["background"], LIGHT)

    def test_faults_are_found(self):
        """What is broken on purpose is found by the checks of this test."""
        good = self.page(comparison(["relu", "tanh"], seeds=2, epochs=4))

        def broken(old, new):
            self.assertIn(old, good)
            self.screen(390, "light")
            self.open(good.replace(old, new))
            return "\n".join(self.faults(self.look(), 390))

        self.assertRegex(broken("function learningCurves(view) {", "function learningCurves(view) { throw new Error('broken');"),
                         "(?s)logged SEVERE.*broken.*no figures")  # fmt: skip
        self.assertRegex(broken("function scoreOf(comparison) {", "function scoreOf(comparison {"), "logged SEVERE")
        self.assertRegex(broken("this.chart = new Chart(", "void ("), "is not drawn")
        self.assertRegex(broken("showPage(JSON", "lineWithBand = () => []; showPage(JSON"), "Test accuracy by epoch is not drawn")
        self.assertRegex(broken("<main id", "<p style='width: 500px'>wide</p><main id"), "is 5.. pixels wide instead of 390")
        self.assertRegex(broken("<main id", "<img src='http://localhost:9/a.png'><main id"), "requested http://localhost:9/a.png")
        self.assertRegex(broken('role: "img", id', "id"), "has no label")


if __name__ == "__main__":
    unittest.main()
