"""A sheet of forty workloads of ministries, to upload."""

from __future__ import annotations

import io
from typing import Any

import openpyxl

NAMES = (
    "Ministry of Health and Population: triage of out-patients",
    "وزارة التعليم العالي والبحث العلمي: مساعد الطلاب والأساتذة",
    "国土交通省・都市計画と交通流の予測および住民向け相談窓口の支援を行う業務用アシスタント",
)
COLUMNS = {
    "Id": "", "Title": "", "Sector": "government", "Kind": "inference", "Data class": "public",
    "Latency class": "standard", "Model class": "large", "Use profile": "assistant", "Counted in": "users",
}  # fmt: skip


def forty(mistakes: dict[str, Any]) -> bytes:
    """A workbook of forty workloads, with names of sixty characters in three scripts; ``mistakes`` are put in by cell."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append([*COLUMNS, "2027", "2029"])
    for n in range(40):
        row = {**COLUMNS, "Id": f"w{n}", "Title": f"{NAMES[n % 3]} {n}".ljust(60, ".")}
        sheet.append([*row.values(), 1000 + 10 * n, 2000 + 10 * n])
    for cell, value in mistakes.items():
        sheet[cell] = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
