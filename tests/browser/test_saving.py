"""/ui/label: no answer is lost, and the status line tells the truth about each."""
from harness import until
from selenium.webdriver.common.keys import Keys


def test_offline_labels_wait_and_are_sent_when_the_connection_is_back(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.downloaded(4)
    ann.offline()
    for path, key in (("000.png", "1"), ("001.png", "2"), ("002.png", "3")):
        ann.image(path)
        ann.press(key)
    ann.image("003.png")
    ann.status_says("Offline: 3 labels waiting, kept in this browser")
    assert dataset.labels() == {}
    ann.online()
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat", "001.png": "dog", "002.png": "bird"}


def test_a_label_corrected_while_offline_arrives_as_corrected(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.downloaded(2)
    ann.offline()
    ann.answer("1")
    ann.press(Keys.BACKSPACE)
    ann.image("000.png")
    ann.press("3")
    ann.image("001.png")
    ann.online()
    ann.all_saved()
    assert dataset.labels() == {"000.png": "bird"}


def test_a_reload_loses_no_unsent_label(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.block("*/tasks/*/label")
    ann.answer("1")
    ann.answer("2")
    ann.status_says("2 labels waiting, kept in this browser")
    ann.driver.refresh()
    ann.status_says("2 labels waiting, kept in this browser")
    assert dataset.labels() == {}
    ann.block()
    ann.driver.refresh()
    ann.all_saved()
    until(lambda: dataset.labels() == {"000.png": "cat", "001.png": "dog"}, "both labels")
    ann.image("002.png")


def test_leaving_with_unsent_labels_asks_first(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    prevented = "const event = new Event('beforeunload', { cancelable: true }); return !dispatchEvent(event)"
    assert not ann.script(prevented)
    ann.offline()
    ann.answer("1")
    assert ann.script(prevented)
    ann.online()
    ann.all_saved()
    assert not ann.script(prevented)


def test_unsent_labels_of_another_user_are_not_sent(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.script(
        "localStorage.setItem(`answer|bob|${arguments[0]}|1`, JSON.stringify({ kind: 'relabel', id: '1', sample: 0,"
        " base: arguments[1], filepath: '000.png', label: 'dog' }))",
        dataset.name,
        str(ann.server.images / dataset.name),
    )
    ann.driver.refresh()
    ann.image("000.png")
    ann.answer("1")
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat"}


def test_a_label_whose_confirmation_was_lost_counts_as_saved(ann, dataset, relay):
    ann.open_label(dataset.name, port=relay.port)
    ann.image("000.png")
    relay.lose(b"/label ")
    ann.answer("2")
    until(relay.lost.is_set, "a lost answer")
    ann.all_saved()
    history = ann.server.session("ann").get(f"/v1/datasets/{dataset.name}/samples/0/history").json()["items"]
    assert [(event["label"], event["by"]) for event in history] == [("dog", "ann")]


def test_a_label_for_an_image_that_someone_else_got_is_not_saved_and_said_so(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.offline()
    ann.answer("1")
    dataset.classify("bob", "000.png", "dog")
    ann.online()
    ann.status_says("1 label could not be saved")
    assert dataset.labels() == {"000.png": "dog"}
    ann.answer("3")
    ann.until(lambda: len(dataset.labels()) == 2, "the next label stored")
    assert "1 label could not be saved" in ann.status
    ann.find("#dismiss").click()
    ann.all_saved()
    assert dataset.labels() == {"000.png": "dog", "001.png": "bird"}


def test_a_label_whose_lease_ran_out_is_saved_with_a_new_lease(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.offline()
    ann.answer("1")
    session = ann.server.session("ann")  # the leases end, as they would with time
    for task in session.get(f"/v1/datasets/{dataset.name}/tasks").json()["tasks"]:
        assert session.post(f"/v1/datasets/{dataset.name}/tasks/{task['token']}/release", json={}).ok
    ann.online()
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat"}


def test_an_image_that_is_answered_again_meanwhile_keeps_the_later_answer(ann, make_dataset):
    """Its lease ran out before the first answer could be sent, and it came again."""
    dataset = make_dataset(samples=8)
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.downloaded(4)
    ann.block("*/label")
    session = ann.server.session("ann")
    first = session.get(f"/v1/datasets/{dataset.name}/tasks").json()["tasks"][0]
    assert session.post(f"/v1/datasets/{dataset.name}/tasks/{first['token']}/release", json={}).ok  # as it would with time
    for _ in range(4):
        ann.answer("1")
    ann.image("000.png")
    ann.answer("2")
    ann.status_says("5 labels waiting")
    ann.offline()
    ann.block()
    ann.online()  # which ends its wait
    ann.all_saved()
    assert dataset.labels() == {"000.png": "dog", "001.png": "cat", "002.png": "cat", "003.png": "cat"}


def test_labels_given_while_the_server_restarts_are_saved_after(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.downloaded(4)
    assert ann.server.command("stop").returncode == 0
    ann.answer("1")
    ann.answer("2")
    ann.status_says("2 labels waiting")
    assert ann.server.command("start").returncode == 0
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat", "001.png": "dog"}


def test_a_password_that_no_longer_holds_is_said_and_nothing_is_lost(browser, dataset, relay):
    bob = browser("bob").open_label(dataset.name, port=relay.port)
    bob.image("000.png")
    relay.prompting = False
    password = bob.server.passwords["bob"]
    bob.server.add_user("bob", "another")
    assert bob.server.reload().returncode == 0
    try:
        bob.answer("1")
        bob.status_says("Signed out, reload the page to sign in: 1 label waiting, kept in this browser")
    finally:
        bob.server.add_user("bob", password)
        assert bob.server.reload().returncode == 0
    relay.prompting = True
    bob.open_label(dataset.name, port=relay.port)
    until(lambda: dataset.labels() == {"000.png": "cat"}, "the label")
    bob.all_saved()
