"""A real Chromium, used as a person would: keys, clicks, what is on the screen."""
import io
import os
import shutil
import tempfile
from urllib.parse import quote, unquote, urlsplit

import pytest
from harness import free_port, release
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common import utils
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 30  # after which waiting has failed
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
)
# In one question to the page: between two, it may have drawn itself anew. Before its first paint nothing is shown, and
# Chromium drops what is clicked.
SHOWN = """const shown = css => performance.getEntriesByType('paint').length === 0 ? [] :
    [...document.querySelectorAll(css)].filter(each =>
        each.checkVisibility({ opacityProperty: true, visibilityProperty: true }));"""


def programs():
    """The paths of (chromium, chromedriver); without them skips the test, or fails it when REQUIRE names browser."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    if all(found):
        return found
    reason = "chromium and chromedriver are not installed (apt install chromium chromium-driver)"
    if "browser" in os.environ.get("REQUIRE", "").split(","):
        pytest.fail(f"browser is required, and cannot be had: {reason}")
    pytest.skip(f"browser cannot be had: {reason}")


class Driver(Service):
    """chromedriver, addressed by number: a bare system does not know "localhost"."""

    @property
    def service_url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_connectable(self):
        return utils.is_connectable(self.port, "127.0.0.1")


class Browser:
    """One Chromium with its own profile, signed in as one user. quit() leaves nothing behind."""

    def __init__(self, server, user, *arguments):
        chromium, driver = programs()
        self.server, self.user = server, user
        self.profile = tempfile.mkdtemp(prefix="image-label-chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for argument in (*OPTIONS, f"--user-data-dir={self.profile}", *arguments):
            options.add_argument(argument)
        self.driver = webdriver.Chrome(options=options, service=Driver(driver, port=free_port()))

    def quit(self):
        try:
            self.driver.quit()
        finally:
            release(self.driver.service.port)
            shutil.rmtree(self.profile, ignore_errors=True)

    # --- going somewhere

    def open(self, path, port=None):
        """Opens a page with the user's password in its address."""
        credentials = f"{quote(self.user, safe='')}:{quote(self.server.passwords[self.user], safe='')}"
        self.driver.get(f"http://{credentials}@127.0.0.1:{port or self.server.port}{path}")
        return self

    def open_label(self, dataset, **options):
        return self.open(f"/ui/label?dataset={quote(dataset, safe='')}", **options)

    def offline(self, is_offline=True):
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )

    def online(self):
        self.offline(False)

    def block(self, *patterns):
        """Requests for these addresses ("*/label") fail until block() is called without arguments."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(patterns)})

    # --- what is on the screen

    def until(self, condition, what):
        """What the page drew anew in the middle of the condition, or has not drawn yet, is asked for again."""
        waiting = WebDriverWait(self.driver, SECONDS, 0.02, [StaleElementReferenceException])
        return waiting.until(lambda _: condition(), f"{what}\nstatus: {self.status!r}, notice: {self.notice!r}")

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def pixels(self, css):
        """The painted element as a picture."""
        return Image.open(io.BytesIO(self.find(css).screenshot_as_png)).convert("RGB")

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def value_of(self, css, name):
        """Of the first such element, in one question."""
        return self.script("return document.querySelector(arguments[0])?.[arguments[1]]", css, name)

    def texts(self, css):
        return self.script(SHOWN + "return shown(arguments[0]).map(found => found.innerText.trim())", css)

    def text(self, css):
        """The displayed text, '' for none."""
        return "\n".join(self.texts(css))

    @property
    def status(self):
        """The status line, even while it fades in."""
        return self.script("return document.querySelector('[role=status]')?.textContent ?? ''")

    @property
    def notice(self):
        return self.text("#notice")

    def notice_says(self, words):
        self.until(lambda: words in self.notice, f"a notice with {words!r}")

    def status_says(self, words):
        self.until(lambda: words in self.status, f"a status with {words!r}")

    def all_saved(self):
        self.until(lambda: self.status == "", "an empty status line")

    @property
    def shown(self):
        """The filepath of the visible image, None while there is none."""
        source = self.script(
            "const image = document.querySelector('#image');"
            "return image && !image.hidden && image.complete && image.naturalWidth ? image.src : null;"
        )
        return source and unquote(urlsplit(source).path.split("/", 3)[3])

    def image(self, filepath=None):
        """Waits for an image, or for this one; returns its filepath."""
        return self.until(
            lambda: self.shown if filepath is None else self.shown == filepath and filepath, f"image {filepath or ''}"
        )

    def downloaded(self, count):
        """Waits until that many images have arrived: without a connection no more will."""
        arrived = "return performance.getEntriesByType('resource').filter(e => e.name.includes('/images/') && e.responseStatus === 200).length"
        self.until(lambda: self.script(arrived) >= count, f"{count} images, of which some may be shown later")

    def console(self):
        """The browser's complaints since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    # --- another device

    def emulate(self, command, **options):
        self.driver.execute_cdp_cmd(f"Emulation.{command}", options)

    def resize(self, width, height=800):
        self.emulate("setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, **features):
        """prefer(prefers_color_scheme="dark"): as the person's own settings would have it."""
        self.emulate("setEmulatedMedia", features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def as_it_was(self):
        self.prefer()
        self.emulate("clearDeviceMetricsOverride")

    # --- doing something

    def click(self, css):
        self.until(lambda: self.find_shown(css), f"{css} to click").click()

    def find_shown(self, css):
        return self.script(SHOWN + "return shown(arguments[0])[0] ?? null", css)

    def fill(self, css, text):
        field = self.until(lambda: self.find_shown(css), f"{css} to fill")
        field.clear()
        field.send_keys(text)

    def button(self, name, within="body"):
        """The shown button, or link that looks like one, with this text or name."""
        return self.until(
            lambda: self.script(
                SHOWN + "return shown(arguments[0]).find(each =>"
                " [each.innerText.trim(), each.ariaLabel].includes(arguments[1])) ?? null",
                f"{within} button, {within} a", name,
            ), f"a button {name!r}"
        )

    @property
    def toasts(self):
        return self.text(".toast p")

    def press(self, *keys):
        actions = webdriver.ActionChains(self.driver)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def press_with(self, modifier, key):
        webdriver.ActionChains(self.driver).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def answer(self, key):
        """Presses a key that answers the visible image, and waits for the next one; returns the answered
        filepath."""
        before = self.image()
        self.press(key)
        self.until(lambda: self.shown != before, "the next image")
        return before

    def answer_last(self, key):
        """The same where no image follows."""
        before = self.image()
        self.press(key)
        self.until(lambda: self.shown is None, "no image")
        return before

    def label_button(self, name):
        return next(button for button in self.all("#labels button") if button.get_attribute("data-label") == name)
