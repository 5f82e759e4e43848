"""What others make of an image: Pillow, and Chromium."""
import functools
import http.server
import io
import threading
import warnings
from urllib.parse import quote

from PIL import Image

from chromium import Driver, OPTIONS, programs
from harness import free_port

Image.MAX_IMAGE_PIXELS = 50_000_000  # twice as many are an error
TIMEOUT_MS = 30_000


def pillow_loads(data):
    """Whether it loads the first frame; None when it is too large to be tried."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.open(io.BytesIO(data)).load()
        return True
    except Image.DecompressionBombError:
        return None
    except Exception:  # whatever a decoder of Pillow raises
        return False


class Chromium:
    """A real one, with a page that loads images from a server of its own."""

    def __init__(self, folder):
        from selenium import webdriver

        chromium, driver = programs()
        (folder / "index.html").write_text("<!DOCTYPE html><title>judge</title>")
        handler = functools.partial(Silent, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in OPTIONS:
            options.add_argument(argument)
        self.driver = webdriver.Chrome(options=options, service=Driver(driver, port=free_port()))
        self.driver.set_script_timeout(60)
        self.driver.get(f"http://127.0.0.1:{self.server.server_port}/index.html")

    def quit(self):
        self.driver.quit()
        self.server.shutdown()
        self.server.server_close()

    def loads(self, path):
        """A path beneath the folder."""
        return self.driver.execute_async_script(
            """const [path, wait, done] = arguments, image = new Image();
            const timer = setTimeout(() => done(false), wait);
            image.onload = () => { clearTimeout(timer); done(image.naturalWidth > 0); };
            image.onerror = () => { clearTimeout(timer); done(false); };
            image.src = path;""", "/" + quote(path), TIMEOUT_MS)


class Silent(http.server.SimpleHTTPRequestHandler):
    def guess_type(self, path):
        return "image/png"  # whatever it is: the content tells, but of no other type

    def log_message(self, *_):
        pass
