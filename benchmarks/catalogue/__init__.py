"""All questions, in the order of the document."""

from __future__ import annotations

from benchmarks.catalogue import changes, costs, efficiency, hours, inventory, rankings, shares
from benchmarks.questions import Question

CHAPTERS: tuple[tuple[str, tuple[Question, ...]], ...] = (
    ("Who uses the most", rankings.QUESTIONS),
    ("Shares, idle and overhead", shares.QUESTIONS),
    ("Changes and trends", changes.QUESTIONS),
    ("Hour by hour", hours.QUESTIONS),
    ("Money", costs.QUESTIONS),
    ("Usage against requests", efficiency.QUESTIONS),
    ("What there is", inventory.QUESTIONS),
)
QUESTIONS: tuple[Question, ...] = tuple(question for _, chapter in CHAPTERS for question in chapter)
