"""The page of `shallownet-c play` in Chromium: what a person sees and does there."""

import json
import re
import shutil
import urllib.parse

import numpy as np
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives Chromium; the extra test-all has it")
from play_server import TOKEN, serving  # noqa: E402

import shallownet_c as sn  # noqa: E402
from shallownet_c._play._settings import CHOICES, PAGE  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome in PATH")

PRESETS = json.loads(PAGE.joinpath("presets.json").read_text(encoding="utf-8"))["presets"]
WORDS = json.loads(PAGE.joinpath("words.json").read_text(encoding="utf-8"))
LARGEST = "layers=50.tanh-50.leaky_relu-50.sigmoid&init=glorot_uniform&iterations=10"
MINUTE = 60_000


@pytest.fixture(scope="module")
def address():
    with serving() as port:
        yield f"http://127.0.0.1:{port}/{TOKEN}/"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    """A function that opens the page; in the end none has had an error or has asked another host."""
    contexts, faults = [], []

    def open_page(query="", *, width=1440, height=900, wait=True, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **{"locale": "en-US"} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(MINUTE)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on("request", lambda request: None if request.url.startswith(address) else faults.append(request.url))
        page.on("websocket", lambda ws: None if ws.url == f"ws{address[4:]}socket" else faults.append(ws.url))
        page.goto(f"{address}?{query}")
        if wait:
            settled(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def data(page, name):
    return page.evaluate("name => document.documentElement.dataset[name]", name)


def settled(page):
    """Wait until the newest request's last frame is shown."""
    page.locator("html[data-asked-seq]").wait_for()
    page.locator(f'html[data-shown-seq="{data(page, "askedSeq")}"][data-shown-done="true"]').wait_for()


def pixels(page, canvas="#region"):
    """The canvas, shrunk to 100 × 100 pixels of four bytes: enough to see what has changed, and soon sent."""
    values = page.evaluate(
        """selector => {
            const small = new OffscreenCanvas(100, 100).getContext("2d");
            small.drawImage(document.querySelector(selector), 0, 0, 100, 100);
            return Array.from(small.getImageData(0, 0, 100, 100).data);
        }""",
        canvas,
    )
    return np.array(values, np.uint8).reshape(-1, 4)


def move(page, slider, place):
    """Drag the slider's knob to a place from 0 to 1 of its way, as a mouse does."""
    box = page.locator(slider).bounding_box()
    least, most, value = page.evaluate(
        "s => ['min', 'max', 'value'].map(name => Number(document.querySelector(s)[name]))", slider
    )
    knob = 16  # pixels, so that its middle goes from 8 to width - 8
    at = [box["x"] + knob / 2 + (box["width"] - knob) * t for t in ((value - least) / (most - least), place)]
    y = box["y"] + box["height"] / 2
    page.mouse.move(at[0], y)
    page.mouse.down()
    page.mouse.move(sum(at) / 2, y)
    page.mouse.move(at[1], y)
    page.mouse.up()


def query_of(page):
    page.locator("html[data-linked]").wait_for()
    return urllib.parse.urlsplit(page.url).query


# --- what is shown


def test_load(opened):
    page = opened()
    assert page.locator("#sizes").inner_text() == "2–4–1"
    assert page.locator("#iteration").inner_text() == "5,000 of 5,000"
    assert page.locator("#units canvas").count() == 4
    assert float(data(page, "shownRight")) > 0.9
    assert page.locator("#right-train").inner_text() == f"{100 * float(data(page, 'shownRight')):.1f} %"
    assert len(np.unique(pixels(page), axis=0)) > 100
    assert page.locator("#notice").is_hidden()


@pytest.mark.parametrize("activation", CHOICES["activation"])
def test_the_pages_forward_pass_is_the_packages(opened, activation):
    page = opened(f"layers=3.{activation}-2.{activation}&init=1&iterations=10")
    net = sn.MLP([2, 3, 2, 1], activation, "sigmoid", init=1.0, dtype="float32", seed=3)
    X = np.random.default_rng(0).uniform(-5, 5, (50, 2)).astype(np.float32)
    layers = page.evaluate(
        """async ([sizes, activations, params, X]) => {
            const { forward } = await import("./net.js");
            const columns = X.map((column) => Float32Array.from(column));
            const layers = forward(sizes, activations, Float32Array.from(params), columns);
            return layers.map((layer) => layer.map((column) => Array.from(column)));
        }""",
        [list(net.layer_sizes), list(net.activations), net.params.tolist(), X.T.tolist()],
    )
    for shown, A in zip(layers, net.layer_outputs(X)[1:], strict=True):
        np.testing.assert_allclose(np.array(shown).T, A, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_presets(opened, lang):
    page = opened(f"lang={lang}&data=blobs")
    assert page.locator("#sentence").inner_text() == WORDS[lang]["sentence_own"]
    for preset, settings in PRESETS.items():
        before = pixels(page)
        page.locator(f"#preset-{preset}").click()
        settled(page)
        assert page.locator("#sentence").inner_text() == WORDS[lang][f"sentence_{preset}"]
        assert page.locator("#presets [aria-pressed=true]").inner_text() == WORDS[lang][f"preset_{preset}"]
        units = [units for units, _ in settings.get("layers", [[4, "tanh"]])]
        assert page.locator("#sizes").inner_text() == "–".join(map(str, [2, *units, 1]))
        assert page.locator("#units canvas").count() == sum(units)
        assert (pixels(page) != before).any()
        if settings.get("compare"):
            page.locator('html[data-curves="3"]').wait_for()


def test_dragging_a_slider_moves_the_boundary(opened):
    page = opened()
    before, units = pixels(page), pixels(page, "#net")
    move(page, "#units-1", 0)
    settled(page)
    assert page.locator("#sizes").inner_text() == "2–1–1"
    assert (pixels(page) != before).any(axis=1).mean() > 0.1
    assert (pixels(page, "#net") != units).any()
    assert page.locator("#units canvas").count() == 1
    assert "layers=1.tanh" in query_of(page)


def test_the_depth_can_be_dragged_all_the_way(opened):
    """Although other controls come and go on the way."""
    page = opened()
    move(page, "#layers", 1)
    settled(page)
    assert page.locator("#sizes").inner_text() == "2–4–4–4–1"
    assert page.locator("#controls-layers select").count() == 3
    move(page, "#layers", 0)
    settled(page)
    assert page.locator("#sizes").inner_text() == "2–1"
    assert page.locator("#controls-layers select").count() == 0


def test_the_scrubber_goes_through_the_descent(opened):
    page = opened()
    end = pixels(page)
    page.locator("#scrubber").focus()
    page.keyboard.press("Home")
    page.locator('html[data-shown-at="0"]').wait_for()
    assert float(data(page, "shownCost")) == pytest.approx(np.log(2), abs=1e-3)
    assert (pixels(page) != end).any()
    page.keyboard.press("ArrowRight")
    page.locator('html[data-shown-at="1"]').wait_for()
    assert data(page, "askedSeq") == "1"  # nothing has been trained for that
    page.keyboard.press("End")
    page.locator('html[data-shown-at="5000"]').wait_for()
    np.testing.assert_array_equal(pixels(page), end)


def test_ten_fast_changes_leave_the_last_one_shown(opened):
    page = opened()
    page.evaluate(
        """() => {
            const slider = document.getElementById("units-1");
            for (const place of [10, 20, 30, 40, 49, 35, 25, 15, 5, 6]) {
                slider.value = place;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }"""
    )
    assert data(page, "askedSeq") == "11"
    settled(page)
    assert page.locator("#sizes").inner_text() == "2–7–1"
    alone = opened("layers=7.tanh")
    assert data(page, "shownCost") == data(alone, "shownCost")
    np.testing.assert_array_equal(pixels(page), pixels(alone))


def test_settings_that_would_change_nothing_are_disabled(opened):
    page = opened("optimizer=rprop&layers=none&iterations=10")
    assert page.locator("#batch").is_disabled()
    assert page.locator("#compare").is_disabled()
    page.locator("#optimizer").select_option("adam")
    page.locator("#layers").focus()
    page.keyboard.press("ArrowRight")
    settled(page)
    assert page.locator("#batch").is_enabled()
    assert page.locator("#compare").is_enabled()


def test_a_large_network_is_shown_before_it_has_been_trained(opened):
    page = opened("layers=50.tanh-50.tanh-50.tanh&init=glorot_uniform&iterations=20000&points=1000", wait=False)
    page.locator('html[data-shown-done="false"]').wait_for()
    page.locator("#layers").focus()
    page.keyboard.press("Home")
    settled(page)
    assert page.locator("#sizes").inner_text() == "2–1"
    assert WORDS["en"]["units_none"] in page.locator("#units").inner_text()


def test_two_tabs_at_once(opened):
    one, other = opened("layers=50.tanh-50.tanh&iterations=20000", wait=False), opened("layers=3.relu")
    assert other.locator("#sizes").inner_text() == "2–3–1"
    one.locator("html[data-shown-seq]").wait_for()
    assert one.locator("#sizes").inner_text() == "2–50–50–1"
    one.locator("#layers").focus()
    one.keyboard.press("Home")
    settled(one)
    assert (one.locator("#sizes").inner_text(), other.locator("#sizes").inner_text()) == ("2–1", "2–3–1")
    assert data(other, "askedSeq") == "1"


# --- links


def test_a_deep_link_restores_everything(opened):
    page = opened(
        "data=spirals&noise=0.3&points=200&layers=8.relu-3.sin&rate=0.03&init=1&optimizer=adam&iterations=200"
    )
    move(page, "#l2", 0.4)
    page.locator("#batch").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#redraw").click()
    page.locator("#region").click(position={"x": 40, "y": 60})
    settled(page)
    page.wait_for_url(re.compile("added="))
    again = opened(query_of(page))
    for control in ("data", "noise", "points", "units-1", "activation-2", "rate", "init", "optimizer", "l2", "batch"):
        assert again.locator(f"#{control}").input_value() == page.locator(f"#{control}").input_value(), control
    assert page.locator("#activation-2").input_value() == "sin"
    assert page.locator("#n-train").inner_text() == again.locator("#n-train").inner_text() == "201"
    assert data(page, "shownCost") == data(again, "shownCost")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("rate=<script>alert(1)</script>", ["rate"]),
        ("rate=1e999&noise=-5&points=NaN", ["rate", "noise", "points"]),
        ("layers=4.tanh-4.tanh-4.tanh-4.tanh", ["layers"]),
        ("layers=4.tanh-99.evil", ["units", "activation"]),
        ("layers=constructor.__proto__&data=__proto__", ["units", "activation", "data"]),
        ("added=1_2_3*x*1_1_1_1*9e9_0_1", ["added"]),
        ("added=" + "*".join(["1_1_1"] * 500), ["added"]),
        ("init=%00&optimizer=lbfgs&seed=-1&compare=x", ["init", "optimizer", "seed", "compare"]),
    ],
)
def test_a_hostile_link_is_clamped_in_words(opened, query, names):
    page = opened(f"{query}&iterations=100")
    notice = page.locator("#notice").inner_text()
    for name in names:
        assert WORDS["en"][f"name_{name}"].replace("{l}", "2" if "-99" in query else "1") in notice
    assert page.locator("#sizes").inner_text().startswith("2–")
    page.locator("#preset-notes").click()
    settled(page)
    assert page.locator("#notice").is_hidden()


def test_a_wrong_token_is_refused(browser, address):
    page = browser.new_page()
    for wrong in ("/", "/wrong/", f"/{TOKEN}x/"):
        response = page.goto(urllib.parse.urljoin(address, wrong))
        assert response.status == 403
        assert "token" in page.locator("body").inner_text()
    page.close()


# --- data of one's own


def file_of(text):
    return {"name": "points.csv", "mimeType": "text/csv", "buffer": text.encode()}


FAULTY = [
    ("1,2,a\n" * 600_000, "csv_bytes", {"most": "1,000,000"}),
    ("1,2,a\n" * 6000, "csv_rows", {"got": "6,000", "most": "5,000"}),
    ("1,2\n", "csv_no_label", {"line": "1"}),
    ("1,<img src=x>,a\n", "csv_number", {"line": "1", "column": "2", "got": "<img src=x>"}),
    ("1,2,a\n1,2,b\n1,2,c\n", "csv_classes", {"got": "3", "classes": "a, b, c"}),
]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_csv_files_are_refused_in_words(opened, lang):
    page = opened(f"data=csv&lang={lang}", wait=False)
    page.locator("#notice", has_text=WORDS[lang]["csv_missing"]).wait_for()
    for text, code, values in FAULTY:
        page.locator("#csv").set_input_files(file_of(text))
        page.locator("#notice", has_text=WORDS[lang][code].format(**values)).wait_for()
    X, y = sn.datasets.make_flower(40, seed=1)
    good = "".join(f"{a},{b},{label}\n" for (a, b), label in zip(X, y, strict=True))
    page.locator("#csv").set_input_files(file_of(f"width,height,kind\n{good}"))
    page.locator("#n-train", has_text="32").wait_for()
    settled(page)
    assert page.locator("#notice").is_hidden()
    left, name, right = page.locator("#axis-1 span").all_inner_texts()
    ends = [float(text.replace("−", "-")) for text in (left, right)]
    middle, half = (X[:, 0].max() + X[:, 0].min()) / 2, (X[:, 0].max() - X[:, 0].min()) / 2
    np.testing.assert_allclose(ends, [middle - half * 5 / 4, middle + half * 5 / 4], rtol=0.006)
    assert name == "width"
    assert [page.locator(f"#class-{label}").inner_text() for label in (0, 1)] == ["(0)", "(1)"]
    page.locator("#csv").set_input_files(file_of(FAULTY[-1][0]))
    page.locator("#notice", has_text=WORDS[lang]["csv_classes"].format(**FAULTY[-1][2])).wait_for()
    page.locator("#rate").focus()
    page.keyboard.press("ArrowRight")  # still says what is wrong with the file
    page.locator(f'html[data-refused-seq="{data(page, "askedSeq")}"]').wait_for()
    assert page.locator("#notice").inner_text() == WORDS[lang]["csv_classes"].format(**FAULTY[-1][2])


def test_names_of_curves_are_within_their_picture(opened):
    """Also where all costs have come down to zero."""
    page = opened(wait=False)
    heights = page.evaluate(
        """async () => {
            const { curve } = await import("./pictures.js");
            const canvas = document.getElementById("curve");
            const heights = [];
            const context = canvas.getContext("2d");
            context.fillText = (text, x, y) => "abc".includes(text) && heights.push(y);
            const lines = [..."abc"].map((name) => ({ at: [0, 10], cost: [0.7, 0], name, colour: "ink" }));
            curve(canvas, { lines, iterations: 10, now: 10 });
            return heights.map((y) => canvas.clientHeight - y);
        }"""
    )
    assert len(heights) == 3
    assert min(heights) >= 8
    assert (np.diff(heights) <= -15).all()


def test_points_by_click_and_by_keyboard(opened):
    page = opened("data=none&iterations=200", wait=False)
    page.locator("#notice", has_text=WORDS["en"]["no_points"]).wait_for()
    region = page.locator("#region")
    box = region.bounding_box()
    region.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.25})
    settled(page)
    page.locator("#notice").wait_for(state="hidden")
    assert page.locator("#undo").is_enabled()
    page.locator("input[name=class]").nth(0).focus()
    page.keyboard.press("Shift+Tab")
    region.focus()
    for key in ("1", "ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    settled(page)
    page.wait_for_url(re.compile(r"_0\*0\.5_-0\.25_1"))
    assert page.locator("#n-train").inner_text() == "2"
    assert region.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Delete")
    settled(page)
    assert page.locator("#n-train").inner_text() == "1"
    page.locator("#clear").click()
    page.locator("#notice", has_text=WORDS["en"]["no_points"]).wait_for()


def test_more_points_than_there_is_room_for(opened):
    page = opened("data=none&iterations=10&added=" + "*".join(["1_1_1"] * 199 + ["-1_-1_0"]))
    page.locator("#region").click(position={"x": 50, "y": 50})
    assert page.locator("#notice").inner_text() == WORDS["en"]["added_full"].format(most=200)
    assert page.locator("#n-train").inner_text() == "200"
    page.locator("#undo").click()
    settled(page)
    assert page.locator("#notice").is_hidden()
    assert page.locator("#n-train").inner_text() == "199"


# --- for everybody


def test_the_language_is_the_browsers_unless_one_is_chosen(opened):
    page = opened(locale="zh-CN")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.locator("#data-title").inner_text() == WORDS["zh"]["data"]
    page.locator("#lang-en").click()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("#data-title").inner_text() == WORDS["en"]["data"]
    page.wait_for_url(re.compile("lang=en"))
    text = page.locator("body").inner_text().replace("中文", "")
    assert not re.search("[\u4e00-\u9fff]", text)


@pytest.mark.parametrize("query", ["", f"{LARGEST}&compare=1&rate=9", "data=csv", "data=none&added=1_1_1"])
def test_axe_finds_nothing(opened, query):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe checks accessibility; extra test-all"
    )
    page = opened(query, reduced_motion="reduce")
    for lang in ("en", "zh"):
        page.locator(f"#lang-{lang}").click()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = axe.Axe().run(page).response["violations"]
            assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == [], (lang, scheme)


@pytest.mark.parametrize("query", ["", LARGEST, "data=csv&rate=9"])
def test_nothing_is_wider_than_the_window(opened, query):
    page = opened(query)
    for lang in ("en", "zh"):
        page.locator(f"#lang-{lang}").click()
        for width in (360, 768, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            edge = page.evaluate(
                """() => Math.max(...Array.from(document.querySelectorAll("main *:not(.unseen)"), (element) =>
                    element.getBoundingClientRect().right))"""
            )
            assert edge <= width, lang


def test_dark_colours_are_drawn_too(opened):
    page = opened()
    light = pixels(page)
    page.emulate_media(color_scheme="dark")
    page.locator("#scrubber").focus()
    page.keyboard.press("Home")
    page.locator('html[data-shown-at="0"]').wait_for()
    page.keyboard.press("End")
    page.locator('html[data-shown-at="5000"]').wait_for()
    assert pixels(page)[:, :3].mean() < light[:, :3].mean() - 30


def test_a_closed_connection_is_opened_again(browser, address):
    """As after a computer has slept: the rows of the file are sent again, and the next change is answered."""
    page = browser.new_page(locale="en-US")
    sockets = []

    def route(ws):
        ws.connect_to_server()
        sockets.append(ws)

    page.route_web_socket("**/socket", route)
    page.goto(f"{address}?data=csv&iterations=100")
    page.locator("#notice", has_text=WORDS["en"]["csv_missing"]).wait_for()
    page.locator("#csv").set_input_files(file_of("1,2,a\n2,3,b\n4,1,a\n"))
    page.locator("#n-train", has_text="3").wait_for()
    settled(page)
    for count in (2, 3):
        sockets[-1].close(code=1011)
        page.locator(f'html[data-asked-seq="{count + 1}"]').wait_for()
        settled(page)
        assert len(sockets) == count
        assert page.locator("#n-train").inner_text() == "3"
        assert page.locator("#notice").is_hidden()
    page.close()


def test_a_server_that_fails_is_not_asked_for_ever(browser, address):
    page = browser.new_page(locale="en-US")
    sockets = []

    def route(ws):
        sockets.append(ws)
        ws.on_message(lambda _: ws.close(code=1011))

    page.route_web_socket("**/socket", route)
    page.goto(address)
    page.locator("#notice", has_text=WORDS["en"]["ended"]).wait_for()
    assert len(sockets) == 1
    page.close()


def test_what_is_wrong_is_in_sight_on_a_small_screen(opened):
    page = opened("data=none", width=360, height=740, wait=False)
    page.locator("#notice", has_text=WORDS["en"]["no_points"]).wait_for()
    page.locator("#copy").scroll_into_view_if_needed()
    box = page.locator("#notice").bounding_box()
    assert 0 <= box["y"] <= 740 - box["height"]
    assert box["x"] + box["width"] <= 360


def test_the_end_of_the_server_is_told(browser):
    with serving() as port:
        page = browser.new_page(locale="en-US")
        page.goto(f"http://127.0.0.1:{port}/{TOKEN}/")
        settled(page)
    page.locator("#notice", has_text=WORDS["en"]["ended"]).wait_for()
    page.close()
