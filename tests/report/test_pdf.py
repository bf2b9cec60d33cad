"""The report on paper: the tables of the page, every row of them, on A4, with charts and page numbers."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Paragraph

from planner.report import pdf
from planner.report.answer import Answer
from planner.report.charts import finance
from planner.report.page import Part
from planner.report.pdf_charts import drawing

WIDTH = 500.0


def run(**more: Any) -> Any:
    kpis = pd.DataFrame(
        [("cost_npv_musd", 70.3, "MUSD"), ("delay_months", 3.0, "months")], columns=["kpi", "value", "unit"]
    )
    return SimpleNamespace(title="A <plan> & more: план, 계획", kpis=kpis, **more)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the paper is made of: text of every paragraph."""
    found: list[str] = []

    def paragraph(text: str, style: Any) -> Any:
        found.append(text)
        return Paragraph(text, style)

    monkeypatch.setattr(pdf, "Paragraph", paragraph)
    monkeypatch.setattr(pdf, "facts_of", lambda run: "Run x · quality quick")
    told = Answer("Yes: kept.", "Builds <much>.", "", "", "", "", "", "", "Service falls back.")
    monkeypatch.setattr(pdf, "answer_of", lambda run: told)
    return found


def test_every_row_stands_on_paper_with_page_numbers(
    shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = pd.DataFrame(
        {"item": [f"thing <{i}>" for i in range(300)], "musd": [float(i) for i in range(300)]}
    )
    wide = pd.DataFrame([[float(i) for i in range(14)]], columns=[f"unbreakable-{i}" for i in range(14)])
    parts = [
        Part("Long", "many rows", long),
        Part("Wide", "many columns", wide),
        Part("After", "upright", long.head(1)),
    ]
    monkeypatch.setattr(pdf, "parts_of", lambda run: parts)
    content = pdf.pdf_bytes(run(), [])
    assert content.startswith(b"%PDF-")
    assert {f"thing &lt;{i}&gt;" for i in range(300)} <= set(shown)
    assert {"Yes: kept. Builds &lt;much&gt;.", "Service falls back."} <= set(shown)
    assert any("70.3 MUSD" in text for text in shown)
    boxes = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content)
    turned = [float(w) > float(h) for w, h in boxes]
    assert len(boxes) > 5 and turned.count(True) == 1 and not turned[-1]
    assert {round(min(float(w), float(h))) for w, h in boxes} == {595}, "A4"


def test_no_text_is_a_tag_and_letters_have_a_font() -> None:
    pdf._fonts()
    assert pdf._marked('<b>"&') == '&lt;b&gt;"&amp;'
    assert pdf._marked("план Ω") == "план Ω"
    assert pdf._marked("계") == '<font name="HYGothic-Medium">계</font>'
    assert pdf._marked("划") == '<font name="STSong-Light">划</font>'
    assert pdf._marked("\U00013000") == "?"


def test_widths_fill_no_more_than_the_page_and_hold_every_word() -> None:
    pdf._fonts()
    rows = [["item", "MUSD", "note"], ["a", "1 234.5", "word " * 80], ["b", "2", "short"]]
    cells = pdf._Cells(rows, [False, True, False])
    widths = cells.widths(WIDTH, 7.0)
    assert sum(widths) <= WIDTH + 1e-6 and widths[1] >= stringWidth("1 234.5", pdf.FONT, 7.0)
    crowded = pdf._Cells([["unbreakable" * 3] * 20] * 2, [False] * 20)
    assert not crowded.fits(WIDTH, 7.0) and sum(crowded.widths(WIDTH, 7.0)) == pytest.approx(WIDTH)


def test_bars_and_lines_are_drawn_and_other_charts_left_to_their_table() -> None:
    pdf._fonts()
    bars = [
        go.Bar(x=["2027-Q1"], y=[10.0], name="halls"),
        go.Bar(x=["2027-Q1", "2027-Q3"], y=[5.0, 20.0], name="goods"),
    ]
    line = go.Scatter(x=["2027-Q1", "2027-Q3"], y=[10.0, None], name="need", mode="lines")
    drawn = drawing(go.Figure([*bars, line], {"barmode": "relative"}), WIDTH, pdf.FONT)
    assert drawn is not None
    bars = [s for s in drawn.contents if type(s).__name__ == "Rect" and s.height > 5.0]
    tops = sorted(b.height for b in bars)
    assert tops[2] == pytest.approx(2 * tops[1]) == pytest.approx(4 * tops[0]), "heights are as the amounts"
    rows = pd.DataFrame(
        {
            "case": ["a"],
            "worse": [1.0],
            "base": [1.2],
            "better": [1.4],
            "swing": [0.4],
            "reason": [""],
            "service_lost_share": [0.0],
        }
    )
    assert drawing(finance.tornado(rows, "DSCR"), WIDTH, pdf.FONT) is None
    assert drawing(go.Figure(go.Pie(values=[1])), WIDTH, pdf.FONT) is None
    assert drawing(go.Figure(), WIDTH, pdf.FONT) is None
