"""``format=png``, ``svg`` and ``pdf``: charts, looked at from outside."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import tzinfo
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import GraphiteError
from saltern_graphite.evaluation.times import UTC
from saltern_graphite.render.formats import FORMATS, Answer, Options, chart, default_format
from saltern_graphite.series.series import Series

START = 1_718_020_800  # 2024-06-10 12:00 UTC
NAN = float("nan")
SVG = "{http://www.w3.org/2000/svg}"


def line(name: str, values: Sequence[float], step: int = 60, start: int = START, **hints: object) -> Series:
    numbers = np.array(values, dtype=np.float64)
    return Series(name, start, start + step * len(numbers), step, numbers, name, options=hints)


def rising(name: str, **hints: object) -> Series:
    return line(name, range(61), **hints)


def draw(kind: str, *series: Series, zone: tzinfo = UTC, jsonp: str | None = None, **parameters: str) -> Answer:
    return FORMATS[kind](series, Options(zone, jsonp=jsonp, chart=parameters))


def svg(*series: Series, zone: tzinfo = UTC, **parameters: str) -> str:
    return draw("svg", *series, zone=zone, **parameters).body.decode()


def texts(drawing: str) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def strokes(drawing: str, color: str) -> list[str]:
    """The paths of lines in this colour."""
    paths = [
        (element.get("d", ""), element.get("style", ""))
        for element in ElementTree.fromstring(drawing).iter(f"{SVG}path")
    ]
    return [d for d, style in paths if f"stroke: {color}" in style and "fill: none" in style]


def fills(drawing: str, color: str) -> int:
    return len(re.findall(rf'style="[^"]*fill: {color}', drawing))


def png_size(body: bytes) -> tuple[int, int]:
    assert body[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", body[16:24])
    return width, height


def test_a_png_has_the_size_asked_for() -> None:
    body, media_type = draw("png", rising("a"), width="417", height="233")
    assert (png_size(body), media_type) == ((417, 233), "image/png")
    assert png_size(draw("png", rising("a")).body) == (330, 250)
    assert png_size(draw("png", rising("a"), width="1", height="1").body) == (1, 1)


def test_a_pdf_is_one_page_of_that_size() -> None:
    body, media_type = draw("pdf", rising("a"), width="400", height="300")
    assert body.startswith(b"%PDF-")
    assert media_type == "application/x-pdf"
    assert b"/MediaBox [ 0 0 400 300 ]" in body


def test_an_svg_holds_title_names_and_colours_as_text() -> None:
    body, media_type = draw("svg", rising("cpu.user"), line("cpu.idle", [60.0] * 61), title="Load & <more>", vtitle="%")
    drawing = body.decode()
    assert media_type == "image/svg+xml"
    assert {"Load & <more>", "%", "cpu.user", "cpu.idle", "0", "12:30"} <= set(texts(drawing))
    assert strokes(drawing, "#6464ff"), "Graphite's blue is the first colour"
    assert strokes(drawing, "#00c800"), "its green the second"
    root = ElementTree.fromstring(drawing)
    assert (root.get("width"), root.get("height")) == ("330px", "250px")


def test_jsonp_gets_the_svg_as_a_string() -> None:
    body, media_type = draw("svg", rising("a"), jsonp="show")
    assert media_type == "text/javascript"
    assert body.startswith(b"show(")
    assert body.endswith(b")")
    assert "<svg" in json.loads(body[5:-1])


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_request_gives_the_same_bytes(kind: str) -> None:
    """What is cached by its ETag must not differ by a date or a random id."""
    assert draw(kind, rising("a"), title="x").body == draw(kind, rising("a"), title="x").body


def test_four_threads_draw_what_one_does() -> None:
    jobs = [
        (kind, {"title": f"chart {number}", "template": template, "width": str(200 + number)})
        for number in range(4)
        for kind, template in (("png", "classic"), ("svg", "default"), ("pdf", "noc"))
    ]
    series = [rising("a"), line("b", [5.0] * 30)]

    def one(job: tuple[str, dict[str, str]]) -> bytes:
        return draw(job[0], *series, **job[1]).body

    alone = [one(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, jobs)) == alone


@pytest.mark.parametrize("series", [[], [line("a", [])]], ids=["no series", "no points"])
@pytest.mark.parametrize("kind", ["line", "pie"])
def test_nothing_to_draw_says_so(series: list[Series], kind: str) -> None:
    assert texts(svg(*series, graphType=kind)) == ["No Data"]


def test_more_than_ten_series_have_a_legend_only_if_asked() -> None:
    series = [line(f"s{number}", [1.0, 2.0]) for number in range(11)]
    assert not any(text.startswith("s") for text in texts(svg(*series)))
    assert "s10" in texts(svg(*series, hideLegend="false"))
    assert "s9" in texts(svg(*series[:10]))
    assert "s9" not in texts(svg(*series[:10], hideLegend="true"))


def test_a_long_legend_counts_what_it_leaves_out() -> None:
    series = [line(f"a name of some length {number:03d}", [1.0, 2.0]) for number in range(60)]
    shown = texts(svg(*series, hideLegend="false"))
    names = [text for text in shown if text.startswith("a name")]
    assert f"and {60 - len(names)} more" in shown
    assert 0 < len(names) < 60


def test_a_long_name_is_cut_to_the_chart() -> None:
    shown = texts(svg(rising("word " * 100)))
    assert any(text.startswith("word word") and text.endswith("…") for text in shown)


def test_unique_legend_and_empty_series() -> None:
    twice = texts(svg(rising("a"), rising("a")))
    assert twice.count("a") == 2
    assert texts(svg(rising("a"), rising("a"), uniqueLegend="true")).count("a") == 1
    empty = line("nothing", [NAN] * 5)
    assert "nothing" in texts(svg(rising("a"), empty))
    assert "nothing" not in texts(svg(rising("a"), empty, hideNullFromLegend="true"))


def test_what_is_hidden_is_not_there() -> None:
    every = {"title": "T", "vtitle": "V"}
    assert texts(svg(rising("a"), graphOnly="true", **every)) == []
    assert sorted(texts(svg(rising("a"), hideAxes="true", **every))) == ["T", "V", "a"]
    assert "12:30" not in texts(svg(rising("a"), hideXAxis="true"))
    assert not {"20", "40", "60"} & set(texts(svg(rising("a"), hideYAxis="true")))
    assert fills(svg(rising("a")), "none") > fills(svg(rising("a"), hideGrid="true"), "none")


def test_looks() -> None:
    dark = svg(rising("a"), template="solarized-dark")
    assert "fill: #002b36" in dark
    assert strokes(dark, "#268bd2")
    own = svg(
        rising("a"), rising("b"), colorList="ff8800,%23112233", bgcolor="#eeffee", fgcolor="darkred", lineWidth="3"
    )
    assert "fill: #eeffee" in own
    assert strokes(own, "#ff8800")
    assert strokes(own, "#112233")
    assert "stroke-width: 3" in own
    assert svg(rising("a"), template="no such one") == svg(rising("a")), "as in Graphite"
    assert "font-size: 17px" in svg(rising("a"), fontSize="17")
    assert "font-weight: 700" in svg(rising("a"), fontBold="true").replace("bold", "700")
    assert svg(rising("a"), fontName="no such font") == svg(rising("a"))
    assert "DejaVu Serif" in svg(rising("a"), fontName="serif")


def test_what_functions_asked_for() -> None:
    drawing = svg(
        rising("c", color="gold"),
        rising("d", dashed=4),
        rising("w", lineWidth=2.5),
        rising("t", alpha=0.25),
        width="600",
    )
    assert strokes(drawing, "#c8c800")
    assert re.search(r"stroke-dasharray: 4(\.0+)?,4", drawing)
    assert "stroke-width: 2.5" in drawing
    assert "stroke-opacity: 0.25" in drawing
    hairs = [rising("a", lineWidth=1e-119, dashed=3), rising("b", dashed=1e-200), rising("c", dashed=0)]
    assert draw("png", *hairs).body.startswith(b"\x89PNG"), "neither refused nor drawn for hours"
    with pytest.raises(GraphiteError, match=r"color: 'mauve' is no colour: write six or eight hexadecimal digits"):
        svg(rising("a", color="mauve"))


def test_two_axes_each_with_its_own_labels_and_style() -> None:
    left, right = line("left", [0.0, 1e9]), line("right", [0.0, 50.0], secondYAxis=True)
    drawing = svg(left, right, rightColor="red", rightDashed="7", leftWidth="4", vtitleRight="percent", vtitle="bits")
    assert {"1000 M", "50", "percent", "bits", "left", "right"} <= set(texts(drawing))
    assert strokes(drawing, "#c80032")
    assert re.search(r"stroke-dasharray: 7(\.0+)?,7", drawing)
    assert "stroke-width: 4" in drawing
    assert "percent" not in texts(svg(left, vtitleRight="percent")), "one axis has one title"


def test_an_area_between_two_lines_is_one_thing() -> None:
    low, high = line("band", [1.0, 2.0, 1.0], stacked=True, invisible=True), line("band", [3.0, 5.0, 4.0], stacked=True)
    drawing = svg(low, high, rising("own"))
    assert texts(drawing).count("band") == 1
    assert not strokes(drawing, "#6464ff")
    assert fills(drawing, "#6464ff") == 2, "the area and the legend's box"
    assert strokes(drawing, "#00c800"), "the next line has the next colour"


def test_vertical_lines() -> None:
    deploys = line("deploys", [0.0, 1.0, 0.0, 2.0, NAN], drawAsInfinite=True)
    drawing = svg(line("a", [1.0] * 5), deploys, colorList="112233,445566")
    upright = [d for d in strokes(drawing, "#445566") if re.match(r"M ([\d.]+) \S+ +L \1 ", d)]
    assert len(upright) == 2
    event = Series("release", START + 60, START + 60, 1, np.ones(2), "release", options={"drawAsInfinite": True})
    assert "release" in texts(svg(line("a", [1.0] * 5), event))


def test_gaps() -> None:
    holes = line("a", [1.0, 2.0, NAN, 3.0, 4.0, NAN, NAN, NAN, 5.0, 6.0])

    def parts(**parameters: str) -> int:
        paths = strokes(svg(holes, colorList="123456", **parameters), "#123456")
        return sum(path.count("M ") for path in paths)

    assert parts() == 3
    assert parts(lineMode="connected") == 1
    assert parts(lineMode="connected", connectedLimit="2") == 2
    assert parts(lineMode="staircase") == 3
    assert parts(drawNullAsZero="true") == 1


def test_a_point_alone_is_a_dot_and_a_series_of_one_point_a_step() -> None:
    alone = svg(line("a", [1.0, NAN, 5.0, NAN, 2.0, 3.0]), colorList="123456")
    assert len(re.findall(r"<use [^>]*fill: #123456", alone)) == 2
    assert strokes(svg(line("a", [7.0]), colorList="123456"), "#123456")


def test_areas() -> None:
    series = [line("a", [1.0, 2.0, 3.0]), line("b", [4.0, 4.0, 4.0])]
    look = {"colorList": "111111,222222", "hideLegend": "true"}
    assert not fills(svg(*series, **look), "#111111")
    first = svg(*series, areaMode="first", **look)
    assert (fills(first, "#111111"), fills(first, "#222222")) == (1, 0)
    assert strokes(first, "#222222")
    for mode in ("all", "stacked"):
        drawing = svg(*series, areaMode=mode, **look)
        assert (fills(drawing, "#111111"), fills(drawing, "#222222")) == (1, 1)
        assert not strokes(drawing, "#111111")
    faint = svg(*series, areaMode="stacked", areaAlpha="0.3", **look)
    assert "fill-opacity: 0.3" in faint
    assert strokes(faint, "#111111"), "the edge stays visible"
    assert "7" in texts(svg(*series, areaMode="stacked", **look)), "the axis reaches to the sum"


def test_an_area_stands_on_its_own_axis() -> None:
    left, right = line("l", [0.0, 1.0, 0.5]), line("r", [500.0, 1000.0, 600.0], secondYAxis=True, stacked=True)
    drawing = svg(left, right, colorList="111111,222222", hideLegend="true")
    assert fills(drawing, "#222222") == 1
    closed = " ".join(re.findall(r'd="(M [^"]*z[^"]*)"', drawing))
    places = [float(number) for number in re.findall(r"-?[\d.]+", closed)]
    assert max(map(abs, places)) < 600, "and not far off the page, where the left axis would put it"


def box_and_texts(drawing: str) -> tuple[tuple[float, float, float, float], dict[str, tuple[float, float]]]:
    """Where lines are drawn (left, top, right, bottom), and where texts begin or have their middle."""
    clip = re.search(r'<clipPath[^>]*>\s*<rect x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"', drawing)
    assert clip is not None
    left, top, width, height = map(float, clip.groups())
    places = {}
    for element in ElementTree.fromstring(drawing).iter(f"{SVG}text"):
        moved = re.search(r"translate\(([-\d.]+)[ ,]+([-\d.]+)\)", element.get("transform", ""))
        x, y = moved.groups() if moved else (element.get("x", "0"), element.get("y", "0"))
        places["".join(element.itertext())] = float(x), float(y)
    return (left, top, left + width, top + height), places


@pytest.mark.parametrize(("width", "height"), [("330", "250"), ("200", "120"), ("1600", "900")])
def test_titles_labels_and_legend_are_around_the_lines(width: str, height: str) -> None:
    series = [rising("left"), line("right", [0.0, *[900.0] * 60], secondYAxis=True)]
    drawing = svg(*series, width=width, height=height, title="T", vtitle="V", vtitleRight="W", margin="8")
    (left, top, right, bottom), places = box_and_texts(drawing)
    assert left + 40 < right
    assert top + 20 < bottom
    assert bottom > float(height) * 0.5
    assert right > float(width) - 70
    assert places["T"][1] < top
    assert 8 < places["V"][0] < left
    assert right < places["W"][0] < float(width)
    assert bottom < places["12:00"][1] < places["left"][1] < float(height) - 7
    assert places["0"][0] > right, "of the last axis with this label"
    assert left < places["right"][0]
    assert abs(left - 8) < 60


def test_labels_on_the_side_asked_for() -> None:
    (left, _, _, _), places = box_and_texts(svg(rising("a")))
    assert places["40"][0] < left
    swapped = svg(rising("a"), yAxisSide="right")
    assert texts(swapped).count("40") == 1
    (_, _, right, _), places = box_and_texts(swapped)
    assert places["40"][0] > right
    two = svg(rising("a"), line("b", [0.0, 900.0], secondYAxis=True), yAxisSide="right", hideYAxis="true")
    assert not {"0", "40", "60", "800"} & set(texts(two))


def test_labels_of_slices_may_be_turned() -> None:
    series = [line("a", [1.0]), line("b", [2.0])]
    assert "rotate(-30)" not in svg(*series, graphType="pie")
    assert svg(*series, graphType="pie", pieLabels="rotated").count("rotate(-30)") == 2


def test_units_and_limits() -> None:
    bytes_free = line("a", [2.0**30 * 1.5, 2.0**30 * 3])
    assert {"2048 Mi", "3072 Mi"} <= set(texts(svg(bytes_free, yUnitSystem="binary")))
    assert {"1 G", "2 G", "3 G"} <= set(texts(svg(bytes_free, yMin="1e9", yMax="3e9", yStep="1e9")))
    assert "3000000000" in texts(svg(bytes_free, yUnitSystem="none"))
    stepped = texts(svg(rising("a"), yMin="-20", yMax="100", yStep="40"))
    assert {"0", "40", "80"} <= set(stepped)
    assert "60" not in stepped
    assert {"1", "10", "100", "1 k"} <= set(texts(svg(line("a", [0.0, 1.5, 900.0, -3.0]), logBase="10")))


def test_times_are_those_of_the_zone_and_in_the_format_asked_for() -> None:
    assert "12:30" in texts(svg(rising("a")))
    assert "08:30" in texts(svg(rising("a"), zone=ZoneInfo("America/New_York")))
    assert "10|12" in texts(svg(rising("a"), xFormat="%d|%H"))


def test_names_of_every_kind() -> None:
    names = ["$cost$ ^_{x}", "a\x00b\x1fc\ud800", "監視.負荷", "a%20b", "<b>&amp;</b>", "columns   3"]
    shown = texts(svg(*[rising(name) for name in names], title="100% $x$ \x07", width="900"))
    assert {"$cost$ ^_{x}", "a b c ", "監視.負荷", "a b", "<b>&amp;</b>", "columns   3", "100% $x$  "} <= set(shown)
    assert draw("png", *[rising(name) for name in names]).body.startswith(b"\x89PNG")


def test_no_more_points_than_pixels() -> None:
    many = line("a", np.sin(np.arange(20_000)).tolist(), step=1)

    def points(**parameters: str) -> int:
        paths = strokes(svg(many, colorList="123456", width="300", **parameters), "#123456")
        return sum(path.count("L ") for path in paths)

    assert 200 < points() <= 300
    assert points(minXStep="4") <= 75


def test_a_pie_has_a_slice_for_each_series() -> None:
    series = [line("a", [1.0, NAN, 5.0]), line("b", [9.0, 9.0]), line("minus", [-4.0, -4.0])]
    drawing = svg(*series, graphType="pie", title="Shares", colorList="111111,222222,333333")
    assert {"Shares", "25.00%", "75.00%", "a", "b", "minus"} <= set(texts(drawing))
    assert fills(drawing, "#111111") == 2
    assert fills(drawing, "#333333") == 1, "only the legend's box"
    assert "35.71%" in texts(svg(*series, graphType="pie", pieMode="maximum"))
    assert "10.00%" in texts(svg(*series, graphType="pie", pieMode="minimum"))
    assert "9" in texts(svg(*series, graphType="pie", valueLabels="number", valueLabelsMin="0"))
    assert "No Data" in texts(svg(line("a", [0.0]), graphType="pie"))
    assert "75.00%" not in texts(svg(*series, graphType="pie", valueLabels="none"))


def test_a_slice_may_be_given_as_a_number() -> None:
    given = chart.given_slice("free:12.5", START, START + 60)
    assert given is not None
    assert (given.name, given.values.tolist()) == ("free", [12.5])
    assert chart.given_slice("alias(a,'x:y')", START, START + 60) is None
    assert chart.given_slice("a.b", START, START + 60) is None
    assert {"free", "100.00%"} <= set(texts(svg(given, graphType="pie")))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("width", "4097", "width must be a number from 1 to 4096, not '4097'"),
        ("height", "0", "height must be a number from 1 to 4096, not '0'"),
        ("width", "wide", "width must be a number from 1 to 4096, not 'wide'"),
        ("margin", "-1", "margin must be a number from 0 to 2048"),
        ("fontSize", "nan", "fontSize must be a number from 1 to 200, not 'nan'"),
        ("fontBold", "heavy", "fontBold must be true or false, not 'heavy'"),
        ("bgcolor", "12345", "bgcolor: '12345' is no colour"),
        ("colorList", "red,,blue", "colorList: '' is no colour"),
        ("majorGridLineColor", "#zzzzzz", "majorGridLineColor: '#zzzzzz' is no colour"),
        ("lineMode", "wavy", "lineMode must be one of slope, staircase, connected, not 'wavy'"),
        ("areaMode", "some", "areaMode must be one of none, first, all, stacked, not 'some'"),
        ("areaAlpha", "2", "areaAlpha must be a number from 0 to 1, not '2'"),
        ("lineWidth", "-1", "lineWidth must be a number from 0 to 100"),
        ("yMin", "low", "yMin must be a number from -1e+300 to 1e+300, not 'low'"),
        ("yStep", "0", "yStep must be above 0"),
        ("yDivisors", "4,x", "yDivisors must be integers from 1 to 100"),
        ("yUnitSystem", "imperial", "yUnitSystem must be one of si, binary, sec, msec, none, not 'imperial'"),
        ("yAxisSide", "top", "yAxisSide must be one of left, right"),
        ("logBase", "1", "logBase must be e or a number above 1, not '1'"),
        ("minXStep", "-2", "minXStep must be a number from 0 to"),
        ("connectedLimit", "x", "connectedLimit must be a number not below 0"),
        ("graphType", "donut", "graphType must be one of line, pie, not 'donut'"),
        ("xFormat", "%H" * 60, "xFormat has 120 characters: 100 are allowed"),
        ("title", "x" * 1001, "title has 1001 characters: 1000 are allowed"),
        ("leftColor", "ultraviolet", "leftColor: 'ultraviolet' is no colour"),
        ("rightDashed", "often", "rightDashed must be a number from 0 to 1000"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, why: str) -> None:
    with pytest.raises(GraphiteError, match=re.escape(why)):
        draw("png", rising("a"), **{name: value})


def test_limits_that_contradict_each_other() -> None:
    with pytest.raises(GraphiteError, match=r"yMin \(5\) must be below yMax \(2\)"):
        svg(rising("a"), yMin="5", yMax="2")
    with pytest.raises(GraphiteError, match=r"pieMode must be one of average, maximum, minimum, not 'median'"):
        svg(rising("a"), graphType="pie", pieMode="median")


def test_unknown_and_empty_parameters_change_nothing() -> None:
    extra = {"target": "a.b", "cacheTimeout": "x", "frobnicate": "7", "width": "", "lineMode": "default", "yMin": ""}
    assert svg(rising("a"), **extra) == svg(rising("a"))


def test_a_chart_of_too_many_series_is_refused() -> None:
    with pytest.raises(GraphiteError, match=r"501 series in one chart: 500 are allowed"):
        draw("png", *[line("a", [1.0])] * 501)


def test_without_matplotlib_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_format() == "png"
    monkeypatch.setattr(chart, "available", lambda: False)
    assert default_format() == "json"
    for kind in ("png", "svg", "pdf"):
        with pytest.raises(GraphiteError, match=rf"format {kind} needs matplotlib on the server: pip install"):
            draw(kind, rising("a"))


HINTS = st.fixed_dictionaries(
    {},
    optional={
        "secondYAxis": st.just(True),
        "stacked": st.just(True),
        "invisible": st.just(True),
        "drawAsInfinite": st.just(True),
        "dashed": st.floats() | st.integers(),
        "lineWidth": st.floats(),
        "alpha": st.floats(),
    },
)
LINES = st.builds(
    lambda values, step, start, hints: line("a", values, step, start, **hints),
    st.lists(st.floats() | st.integers(-5, 5).map(float), max_size=30),
    st.sampled_from([1, 60, 7, 86400, 31_557_600]),
    st.integers(0, 2**31),
    HINTS,
)
VALUES = st.sampled_from(
    ["", "0", "1", "-3", "2.5", "1e300", "nan", "true", "max", "e", "red", "all", "stacked", "right", "msec"]
)
NAMED = (
    *("width", "height", "margin", "fontSize", "lineWidth", "lineMode", "areaMode", "areaAlpha", "graphOnly", "minorY"),
    *("hideAxes", "hideYAxis", "yMin", "yMax", "yLimit", "yStep", "yUnitSystem", "logBase", "minXStep", "yDivisors"),
    *("drawNullAsZero", "connectedLimit", "yAxisSide", "graphType", "title", "vtitle"),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(LINES, max_size=3), st.dictionaries(st.sampled_from(NAMED), VALUES, max_size=4))
def test_whatever_is_asked_is_drawn_or_refused_in_one_line(series: list[Series], parameters: dict[str, str]) -> None:
    refusal = ""
    body = b""
    try:
        body = draw("png", *series, **{"width": "120", "height": "90", **parameters}).body
    except GraphiteError as error:
        refusal = str(error)
    assert body.startswith(b"\x89PNG") or any(name in refusal for name in parameters)
    assert "\n" not in refusal
