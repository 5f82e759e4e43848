"""The pages behind a proxy that moves them below a path."""
from harness import Server, draw
from chromium import Browser
from proxy import Proxy


def test_a_label_is_given_at_a_path_of_the_proxys(tmp_path):
    server = Server(tmp_path / "server", config={"listen": {"base_path": "/label"}})
    server.add_user("ann")
    server.add_dataset("demo", samples=["one.png", "two.png"])
    for name in ("one.png", "two.png"):
        draw(server.images / "demo" / name, "gold", (320, 240))
    with server:
        server.start()
        with Proxy(tmp_path / "proxy", server, headers=["Host $http_host"]) as proxy:
            ann = Browser(server, "ann")
            try:
                ann.driver.get(f"http://ann:secret@127.0.0.1:{proxy.port}/label/ui/label?dataset=demo")
                ann.until(lambda: ann.script("return document.querySelector('#image')?.naturalWidth") == 320, "the image")
                ann.driver.find_element("css selector", "[data-key]").click()
                session = server.session("ann")
                ann.until(lambda: session.get("/v1/datasets/demo").json()["counts"]["labelled"] == 1, "the label")
                leave = ann.script("return document.querySelector('a.up').href")
                assert leave.endswith(f"{proxy.port}/label/ui/")
            finally:
                ann.quit()
