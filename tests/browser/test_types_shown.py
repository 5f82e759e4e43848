"""The labelling page shows images of every accepted type; of those that the browser does not decode it shows a
version made by the server."""
from harness import TOP, draw

FILES = ("red-blue.avif", "red-blue.jxl", "turned.heic")


def test_what_browsers_do_not_show_is_labelled_as_a_picture_of_it(ann, server, make_dataset):
    folder = server.images / "phone"
    draw(folder / "scan.tif", "gold", (64, 48))
    for name in FILES:
        (folder / name).write_bytes((TOP / "tests" / "images" / name).read_bytes())
    dataset = make_dataset(name="phone", samples=[])
    ann.open_label(dataset.name)
    for shown in ("red-blue.avif", "phone/samples/1/thumb", "phone/samples/2/thumb", "phone/samples/3/thumb"):
        ann.image(shown)
        size = ann.script("const image = document.querySelector('#image'); return [image.naturalWidth, image.naturalHeight]")
        assert size == ([48, 64] if "/3/" in shown else [64, 48])
        ann.press("1")
    ann.all_saved()
    assert set(dataset.labels()) == {*FILES, "scan.tif"}
    assert ann.console() == []
