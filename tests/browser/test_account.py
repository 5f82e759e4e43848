"""The menu of who is signed in: signing out, a password of one's own, tokens."""
import pytest
import requests


@pytest.fixture
def eve(server, browsers):
    """A page of somebody who was added just now, and is gone afterwards."""
    from chromium import Browser

    admin = server.session("ada")
    server.passwords["eve"] = admin.post("/v1/users", json={"user": "eve"}).json()["password"]
    page = Browser(server, "eve")
    yield page.open("/ui/")
    page.quit()
    admin.delete("/v1/users/eve")


def choose(page, item):
    page.until(lambda: page.find_shown("#user"), "who is signed in")
    page.click("#user")
    page.button(item).click()


def plain(page, path):
    """Opens a page as a person would who types its address: without a password in it."""
    page.driver.get(f"http://127.0.0.1:{page.server.port}{path}")


def asks(page):
    """Whether the browser would ask for a name now: a headless one can't, and shows an empty page."""
    return page.script("return document.readyState === 'complete' && !document.querySelector('main')")


def test_signing_out_makes_the_browser_forget_and_another_person_can_come(eve):
    plain(eve, "/ui/")
    eve.until(lambda: eve.text("#user") == "eve", "that the browser knows the password")
    choose(eve, "Sign out or change person")
    eve.until(lambda: asks(eve), "that a name is asked for")
    plain(eve, "/ui/")
    eve.until(lambda: asks(eve), "that it still is")
    eve.user = "ann"
    eve.open("/ui/")
    eve.until(lambda: eve.text("#user") == "ann", "the other person")
    plain(eve, "/ui/people")
    choose(eve, "Sign out or change person")
    eve.until(lambda: asks(eve), "that a name is asked for again")


def test_a_password_that_comes_after_signing_out_leads_to_the_pages(server):
    session = requests.Session()
    session.auth = ("ann", "secret")
    address = f"http://127.0.0.1:{server.port}/ui/leave"
    first = session.get(f"{address}?once=123", allow_redirects=False, timeout=30)
    assert first.status_code == 401 and first.headers["WWW-Authenticate"].startswith("Basic")
    assert "Signed out" in session.get(f"{address}?once=122", headers={"Accept": "text/html"}, timeout=30).text
    first = session.get(f"{address}?once=123", allow_redirects=False, timeout=30)
    second = session.get(f"{address}?once=123", allow_redirects=False, timeout=30)
    assert (second.status_code, second.headers["Location"]) == (302, "/ui/")
    assert session.get(f"{address}?once=124", allow_redirects=False, timeout=30).status_code == 401
    assert session.get(f"{address}?once=x;y", allow_redirects=False, timeout=30).status_code == 401
    assert "Set-Cookie" not in session.get(f"{address}?once=x;y", allow_redirects=False, timeout=30).headers
    session.auth = ("ann", "wrong")
    assert session.get(f"{address}?once=124", allow_redirects=False, timeout=30).status_code == 401


def test_a_password_of_ones_own_takes_the_place_of_the_key(eve, server):
    choose(eve, "My password…")
    eve.fill("dialog [name=password]", "correct horse")
    eve.fill("dialog [name=again]", "correct house")
    eve.button("Change it").click()
    eve.until(lambda: "differs" in eve.text("dialog .field"), "that the two differ")
    eve.fill("dialog [name=again]", "correct horse")
    eve.button("Change it").click()
    eve.until(lambda: "Your password is changed" in eve.text("dialog"), "that it is changed")
    assert requests.get(f"http://127.0.0.1:{server.port}/v1/me", auth=("eve", "correct horse"), timeout=30).status_code == 200
    assert server.session("eve").get("/v1/me").status_code == 401


def test_a_token_is_made_shown_once_and_removed(eve, server):
    choose(eve, "My tokens…")
    eve.button("Make a token…").click()
    eve.fill("dialog [name=name]", "nightly")
    eve.button("Make it").click()
    eve.until(lambda: len(eve.texts("dialog .secret")) == 2, "the secret")
    login = tuple(eve.texts("dialog .secret"))
    assert requests.get(f"http://127.0.0.1:{server.port}/v1/me", auth=login, timeout=30).json()["scope"] == "read"
    eve.button("Close").click()
    eve.until(lambda: "reads only" in eve.text("dialog"), "the list")
    eve.button("Remove nightly").click()
    eve.until(lambda: "You have none." in eve.text("dialog"), "none left")
    assert requests.get(f"http://127.0.0.1:{server.port}/v1/me", auth=login, timeout=30).status_code == 401
