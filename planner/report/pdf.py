"""The report on paper: the figures, charts and tables of the page as a PDF of A4, without a browser.

    content = pdf_bytes(run, charts_of(run))

Wide tables stand on pages turned on their side; headings of tables are repeated on every page, and no row is left out.
Letters beyond Latin, Greek and Cyrillic are set in the fonts that readers of PDF bring for Chinese, Japanese and Korean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any
from unicodedata import name as name_of
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Frame,
    LongTable,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from planner.facts.numbers import quantity
from planner.report.answer import answer_of
from planner.report.kpis import HEADLINE, kpi_cards
from planner.report.page import Chart, Part, cell_text, facts_of, figures_in, parts_of
from planner.report.pdf_charts import drawing
from planner.report.terms import readable

if TYPE_CHECKING:
    from planner.runs.run import Run

FONT, INK, FAINT, RULE, SHADE = "DejaVuSans", "#1d2328", "#556069", "#d5dbe0", "#f3f6f7"
EASTERN = {
    "HANGUL": "HYGothic-Medium",
    "HIRAGANA": "HeiseiKakuGo-W5",
    "KATAKANA": "HeiseiKakuGo-W5",
    "CJK": "STSong-Light",
}
"""First word of a letter's name -> the font that sets it."""
MISSING = "?"
MARGIN, FOOT, PADDING = 14 * mm, 10 * mm, 2.5
UPRIGHT, TURNED = "upright", "turned"
SIZES = (7.0, 6.2, 5.0)
"""Of letters in a table, points: the largest at which its words fit the page; the least only on a turned page."""
CARDS_A_ROW = 4
MOST_PART = 0.45
"""Of the width of a page, for a column of a table."""


def pdf_bytes(run: Run, charts: Sequence[Chart]) -> bytes:
    """The report of a run; its figures are those of ``planner.report.page``."""
    _fonts()
    buffer = BytesIO()
    paper = BaseDocTemplate(
        buffer, pagesize=A4, title=run.title, author="planner", subject=facts_of(run), lang="en",
        pageTemplates=[_template(UPRIGHT, A4, run.title), _template(TURNED, landscape(A4), run.title)],
    )  # fmt: skip
    paper.build(list(_story(run, charts)))
    return buffer.getvalue()


def _story(run: Run, charts: Sequence[Chart]) -> Iterator[Any]:
    yield Paragraph(_marked(run.title), _style("title", 17, leading=21))
    yield Paragraph(_marked(facts_of(run)), _style("facts", 8, FAINT))
    yield Spacer(0, 4 * mm)
    told = answer_of(run)
    yield Paragraph(_marked(told.lead), _style("lead", 11, leading=14.5))
    yield Paragraph(
        _marked(" ".join(filter(None, (told.rest, told.falls)))), _style("answer", 8.5, leading=11.5)
    )
    yield Spacer(0, 4 * mm)
    yield _cards(run)
    width = A4[0] - 2 * MARGIN
    for chart in charts:
        drawn = drawing(chart.figure, width, FONT)
        if drawn is not None:
            yield CondPageBreak(drawn.height + 25 * mm)
            yield from _heading(chart.title, chart.note)
            yield drawn
    turned = False
    for part in parts_of(run):
        cells = _Cells.of(part)
        wide = not cells.fits(width, SIZES[1])
        if wide != turned:
            yield NextPageTemplate(TURNED if wide else UPRIGHT)
            yield PageBreak()
            turned = wide
        yield CondPageBreak(45 * mm)
        yield from _heading(part.title, part.note)
        yield _table(cells, (landscape(A4) if wide else A4)[0] - 2 * MARGIN)


def _heading(title: str, note: str) -> Iterator[Any]:
    yield Spacer(0, 5 * mm)
    yield Paragraph(_marked(title), _style("heading", 12, leading=15))
    yield Paragraph(_marked(note), _style("note", 7.5, FAINT))
    yield Spacer(0, 1.5 * mm)


def _cards(run: Run) -> Table:
    """Key figures, four in a row."""
    found = [
        [Paragraph(_marked(row.words), _style("card", 7, FAINT)),
         Paragraph(_marked(quantity(row.value, str(row.unit))), _style("figure", 11, leading=14))]
        for row in kpi_cards(run.kpis, names=HEADLINE).itertuples()
    ]  # fmt: skip
    found += [[] for _ in range(-len(found) % CARDS_A_ROW)]
    rows = [found[i : i + CARDS_A_ROW] for i in range(0, len(found), CARDS_A_ROW)]
    width = (A4[0] - 2 * MARGIN) / CARDS_A_ROW
    rule = ("INNERGRID", (0, 0), (-1, -1), 0.5, colors.HexColor(RULE))
    return Table(rows, colWidths=[width] * CARDS_A_ROW, style=TableStyle([
        rule, ("BOX", (0, 0), (-1, -1), 0.5, colors.HexColor(RULE)), ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]))  # fmt: skip


@dataclass(frozen=True)
class _Cells:
    """The texts of a table, its headings first, and which columns hold figures."""

    rows: list[list[str]]
    numeric: list[bool]

    @classmethod
    def of(cls, part: Part) -> _Cells:
        shown = readable(part.table)
        rows = [[cell_text(v) for v in row] for row in shown.itertuples(index=False, name=None)]
        return cls([[str(c) for c in shown.columns], *rows], figures_in(shown))

    def least(self, size: float) -> list[float]:
        """Width that each column needs for its words and figures, points."""
        columns = zip(*self.rows, strict=True)
        return [
            max([_wide(w, size) for t in column for w in t.split()] + [_wide(t, size) for t in column[1:] if n], default=0.0)
            for column, n in zip(columns, self.numeric, strict=True)
        ]  # fmt: skip

    def fits(self, width: float, size: float) -> bool:
        return sum(self.least(size)) <= width

    def widths(self, width: float, size: float) -> list[float]:
        """Columns as wide as words and figures need, and the rest shared by how much is written."""
        least = self.least(size)
        if sum(least) >= width:
            return [width * need / sum(least) for need in least]
        most = [
            min(max(_wide(t, size) for t in column), MOST_PART * width)
            for column in zip(*self.rows, strict=True)
        ]
        extra = [max(0.0, want - need) for want, need in zip(most, least, strict=True)]
        share = min(1.0, (width - sum(least)) / max(sum(extra), 1e-9))
        return [need + share * more for need, more in zip(least, extra, strict=True)]


def _wide(text: str, size: float) -> float:
    return float(pdfmetrics.stringWidth(text, FONT, size)) + 2 * PADDING + 1.0


def _table(cells: _Cells, width: float) -> LongTable:
    size = next((size for size in SIZES if cells.fits(width, size)), SIZES[-1])
    left, right = _style("cell", size), _style("number", size, align=TA_RIGHT)
    rows = [[Paragraph(_marked(text), right if n else left) for text, n in zip(row, cells.numeric, strict=True)]
            for row in cells.rows]  # fmt: skip
    return LongTable(rows, colWidths=cells.widths(width, size), repeatRows=1, hAlign="LEFT", style=TableStyle([
        ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor(SHADE)), ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.HexColor(RULE)),
        ("LEFTPADDING", (0, 0), (-1, -1), PADDING), ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5), ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
    ]))  # fmt: skip


def _template(name: str, size: tuple[float, float], title: str) -> PageTemplate:
    frame = Frame(
        MARGIN, MARGIN + FOOT / 2, size[0] - 2 * MARGIN, size[1] - 2 * MARGIN - FOOT / 2, 0, 0, 0, 0
    )

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont(FONT, 7)
        canvas.setFillColor(colors.HexColor(FAINT))
        text = "".join(letter if _has(letter) else MISSING for letter in title)
        canvas.drawString(MARGIN, FOOT, text)
        canvas.drawRightString(size[0] - MARGIN, FOOT, str(canvas.getPageNumber()))

    return PageTemplate(name, [frame], onPage=foot, pagesize=size)


def _style(
    name: str, size: float, colour: str = INK, leading: float | None = None, align: int = 0
) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=FONT, fontSize=size, leading=leading or 1.25 * size, textColor=colors.HexColor(colour),
        alignment=align, splitLongWords=1,
    )  # fmt: skip


# ---- letters


def _fonts() -> None:
    if FONT not in pdfmetrics.getRegisteredFontNames():
        with (files(__package__) / "fonts" / "DejaVuSans.ttf").open("rb") as file:
            pdfmetrics.registerFont(TTFont(FONT, file))
        for name in dict.fromkeys(EASTERN.values()):
            pdfmetrics.registerFont(UnicodeCIDFont(name))


def _has(letter: str) -> bool:
    return ord(letter) in pdfmetrics.getFont(FONT).face.charToGlyph


def _marked(text: object) -> str:
    """Text as markup: nothing in it can be a tag, and letters that the font lacks name the one that has them."""
    parts = []
    for letter in str(text):
        eastern = None if _has(letter) else EASTERN.get(name_of(letter, "").partition(" ")[0])
        safe = escape(letter) if _has(letter) or eastern else " " if letter.isspace() else MISSING
        parts.append(f'<font name="{eastern}">{safe}</font>' if eastern else safe)
    return "".join(parts)
