"""A page of another origin can change nothing with the password that the browser keeps."""
import http.server
import threading

import pytest

# Requests for which a browser does not ask the server first (CORS): a form's, and JSON that is not told to be it.
PAGES = {
    "/fetch": """<!doctype html><title></title><script>
		const send = (path, body) => fetch(`{to}${path}`, { method: 'POST', mode: 'no-cors', credentials: 'include', body });
		const json = new Blob(['{"name": "theirs too"}']);
		Promise.all([send('/add_label/theirs?dataset={dataset}'), send('/v1/datasets/{dataset}/labels', json)])
			.then(() => { document.title = 'answered'; }, error => { document.title = String(error); });
	</script>""",
    "/form": """<!doctype html><title></title><form method="post" action="{to}/add_label/theirs?dataset={dataset}"></form>
	<script>document.forms[0].submit();</script>""",
}


class Elsewhere(http.server.ThreadingHTTPServer):
    """A web server of somebody else's."""

    def __init__(self, **words):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path in PAGES else 404)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                page = PAGES.get(self.path, "")
                for name, value in words.items():
                    page = page.replace("{%s}" % name, value)
                self.wfile.write(page.encode())

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


# The same site with another port, and another site.
@pytest.mark.parametrize("way, host", [("fetch", "127.0.0.1"), ("form", "127.0.0.1"), ("form", "localhost")])
def test_a_page_from_elsewhere_changes_nothing(browser, make_dataset, way, host):
    carl, dataset = browser("carl"), make_dataset(labels=("cat",))
    server = f"http://127.0.0.1:{carl.server.port}"
    carl.open("/ui/").until(lambda: carl.text("#user"), "to be signed in")
    with Elsewhere(to=server, dataset=dataset.name) as elsewhere:
        carl.driver.get(f"http://{host}:{elsewhere.server_port}/{way}")
        carl.until(lambda: carl.driver.title == "answered" or carl.driver.current_url.startswith(server), "an answer")
    described = carl.server.session("carl").get(f"/v1/datasets/{dataset.name}").json()
    assert [label["name"] for label in described["labels"]] == ["cat"]
