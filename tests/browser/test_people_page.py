"""/ui/people: who may do what, and the log of who changed what."""
import pytest
import requests
from selenium.webdriver.common.keys import Keys


@pytest.fixture
def people(ada):
    ada.open("/ui/people")
    ada.until(lambda: ada.text("#audit") and ada.status == "", "people and log")
    yield ada
    ada.server.session("ada").delete("/v1/users/eve")


def row(page, user):
    return page.until(lambda: next((each for each in page.all("#people > li") if each.get_attribute("data-user") == user), None), user)


def me(server, user, password):
    return requests.get(f"http://127.0.0.1:{server.port}/v1/me", auth=(user, password), timeout=30)


def shown_key(page):
    page.until(lambda: len(page.texts("dialog .secret")) == 3, "the card with the key")
    return dict(zip(("address", "name", "key"), page.texts("dialog .secret")))


def test_an_invitation_is_shown_once_and_lets_in(people):
    people.find("#invite").send_keys(Keys.ENTER)
    people.press("eve", Keys.TAB, Keys.TAB, "Viewer")
    people.button("Make the account").send_keys(Keys.ENTER)
    card = shown_key(people)
    assert card["name"] == "eve" and card["address"].endswith("/ui/")
    assert me(people.server, "eve", card["key"]).json() == {"user": "eve", "role": "viewer", "datasets": {}}
    people.press(Keys.ESCAPE)
    people.until(lambda: "Viewer of everything" in row(people, "eve").text, "the new person")
    assert card["key"] not in people.find("body").get_attribute("textContent")
    people.until(lambda: "invited eve" in people.text("#audit"), "the deed in the log")


def test_a_role_on_one_dataset_takes_the_place_of_that_on_all(people, dataset):
    key = people.server.session("ada").post("/v1/users", json={"user": "eve", "role": "viewer"}).json()["password"]
    people.driver.refresh()
    row(people, "eve")
    people.button("Role of eve").click()
    people.find("dialog [name=scope]").send_keys("On some")
    people.button("Save").click()
    people.until(lambda: "at least one dataset" in people.text("dialog [role=alert]"), "what is missing")
    field = next(each for each in people.all("dialog .grant") if each.text.startswith(dataset.name))
    field.find_element("css selector", "select").send_keys("Contributor")
    people.button("Save").click()
    people.until(lambda: f"Contributor of {dataset.name}" in row(people, "eve").text, "the new role")
    assert me(people.server, "eve", key).json()["datasets"] == {dataset.name: "contributor"}


def test_a_lost_key_is_replaced(people):
    lost = people.server.session("ada").post("/v1/users", json={"user": "eve"}).json()["password"]
    people.driver.refresh()
    row(people, "eve")
    people.button("New key for eve").click()
    people.button("Make a new key").click()
    card = shown_key(people)
    assert me(people.server, "eve", lost).status_code == 401
    assert me(people.server, "eve", card["key"]).status_code == 200
    people.press(Keys.ESCAPE)


def test_tokens_of_others_are_seen_and_removed(people):
    server = people.server
    key = server.session("ada").post("/v1/users", json={"user": "eve"}).json()["password"]
    token = requests.post(f"http://127.0.0.1:{server.port}/v1/tokens", auth=("eve", key), json={"name": "nightly", "scope": "read"}, timeout=30).json()
    people.driver.refresh()
    row(people, "eve")
    people.button("Tokens of eve").click()
    people.until(lambda: "reads only" in people.text("dialog"), "the token")
    people.button("Remove nightly").click()
    people.until(lambda: "There are none." in people.text("dialog"), "none left")
    assert me(server, token["id"], token["secret"]).status_code == 401
    people.press(Keys.ESCAPE)


def test_someone_is_removed_and_the_last_admin_is_not(people):
    people.server.session("ada").post("/v1/users", json={"user": "eve"})
    people.driver.refresh()
    row(people, "eve")
    people.button("Remove eve").click()
    people.button("Remove", within="dialog").click()
    people.until(lambda: "eve is removed." in people.toasts, "that she is gone")
    assert all(each.get_attribute("data-user") != "eve" for each in people.all("#people > li"))
    people.button("Remove ada").click()
    people.button("Remove", within="dialog").click()
    people.until(lambda: "last admin" in people.text("dialog [role=alert]"), "why not")
    people.press(Keys.ESCAPE)


def test_is_for_admins(browser):
    ann = browser("ann").open("/ui/people")
    ann.notice_says("For admins")
    assert "Annotator of everything".lower() in ann.notice.lower() and not ann.find_shown("#invite")
    assert ann.console() == []
