"""/ui/stats: figures, charts, each with its table, and how far people agree."""
import pytest


def painted(page):
    """How many of the charts have more than one colour on them."""
    return page.script(
        "return [...document.querySelectorAll('canvas')].filter(canvas => {"
        "  const { width, height } = canvas; if (!width) return false;"
        "  return new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, width, height).data.buffer)).size > 1;"
        "}).length")


@pytest.fixture
def labelled(make_dataset):
    dataset = make_dataset()
    session = dataset.server.session("ada")
    assert session.patch(f"/v1/datasets/{dataset.name}", json={"policy": {"overlap": 2}}).status_code == 200
    for user, said in (("ann", "cat cat dog"), ("bob", "cat dog dog")):
        for label in said.split():
            (task,) = dataset.lease(user)
            given = dataset.server.session(user).post(
                f"/v1/datasets/{dataset.name}/tasks/{task['token']}/label", json={"label": label, "lead_time_ms": 2000})
            assert given.status_code == 200
    return dataset


def stats(page, dataset):
    page.open(f"/ui/stats?dataset={dataset.name}")
    page.until(lambda: page.text("#figures") and page.status == "", "the figures")
    return page


def test_tells_how_far_it_is_and_who_does_how_much(labelled, browser):
    vera = stats(browser("vera"), labelled)
    assert "2 of 8 images labelled" in vera.text("#figures") and "2.0 s" in vera.text("#figures")
    assert "1 day\nleft at the speed of this week" in vera.text("#figures")  # which began today
    table = next(each for each in vera.all("#charts table") if "Median time" in each.text)
    assert [line.split() for line in table.text.splitlines()[1:]] == [["ann", "3", "2.0", "s", "1,800"], ["bob", "3", "2.0", "s", "1,800"]]
    assert len(labelled.lease("ann", 3)) == 3 and labelled.lease("bob")
    stats(vera, labelled)
    assert "4\nbeing labelled now, by ann and bob" in vera.text("#figures")
    assert "ann working now" in next(each.text for each in vera.all("#charts table") if "Median time" in each.text)
    assert vera.console() == []


def test_each_chart_is_painted_and_has_its_table(labelled, ann):
    stats(ann, labelled)
    ann.until(lambda: painted(ann) == 3, "three charts")
    assert all(canvas.get_attribute("aria-label") for canvas in ann.all("canvas"))
    ann.all("#charts summary")[0].click()
    assert [row.split("\t") for row in ann.texts("#charts .chart table")[0].splitlines()[1:]] == [["cat", "1"], ["dog", "1"], ["bird", "0"]]


def test_who_disagrees_about_what_is_seen(labelled, ann):
    stats(ann, labelled)
    assert "ann and bob" in ann.text("#charts")
    rows = [row.text.split() for row in ann.all(".matrix tbody tr")]
    assert rows == [["cat", "1", "1"], ["dog", "·", "1"]]


def test_labels_may_be_called_as_properties_of_the_language_are(make_dataset, ann):
    dataset = make_dataset(labels=("constructor", "name"))
    assert dataset.server.session("ada").patch(f"/v1/datasets/{dataset.name}", json={"policy": {"overlap": 2}}).status_code == 200
    for user, label in (("ann", "name"), ("bob", "constructor")):
        (task,) = dataset.lease(user)
        assert dataset.server.session(user).post(f"/v1/datasets/{dataset.name}/tasks/{task['token']}/label", json={"label": label}).status_code == 200
    stats(ann, dataset)
    assert [row.text.split() for row in ann.all(".matrix tbody tr")] == [["constructor", "·", "·"], ["name", "1", "·"]]


def test_who_misses_known_answers_is_seen_by_those_who_set_them(make_dataset, browser):
    dataset, ada = make_dataset(), browser("ada")
    base, boss, ann = f"/v1/datasets/{dataset.name}", dataset.server.session("ada"), dataset.server.session("ann")
    number = boss.get(f"{base}/samples").json()["items"][0]["id"]
    for request in (boss.patch(base, json={"policy": {"gold_rate": 50}}), boss.put(f"{base}/samples/{number}/gold", json={"label": "cat"})):
        assert request.status_code == 200, request.text
    while tasks := dataset.lease("ann"):
        assert ann.post(f"{base}/tasks/{tasks[0]['token']}/label", json={"label": "dog"}).status_code == 200
    stats(ada, dataset)
    table = next(each for each in ada.all("#charts table") if "Answered" in each.text)
    assert [line.split() for line in table.text.splitlines()[1:]] == [["ann", "1", "0", "%"]]


def test_without_the_library_the_tables_are_there(labelled, ann):
    ann.block("*/chart.min.js")
    stats(ann, labelled)
    ann.until(lambda: not ann.all("canvas") and len(ann.texts("#charts .chart table")) == 3, "tables in place of charts")


def test_a_dataset_without_anything_has_figures_all_the_same(make_dataset, ann):
    dataset = make_dataset(samples=1)
    assert "0 of 1 image labelled" in stats(ann, dataset).text("#figures")
