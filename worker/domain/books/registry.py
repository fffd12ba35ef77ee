"""The bookmakers that the worker knows, and the columns that they take."""

from __future__ import annotations

from typing import Final

from worker.domain.books import bet9ja, betpawa, sportybet
from worker.domain.books.book import Book
from worker.domain.books.platforms import PLATFORMS, Platform

_BY_PLATFORM: Final = {book.platform: book for book in (betpawa.BOOK, sportybet.BOOK, bet9ja.BOOK)}
BOOKS: Final[dict[Platform, Book]] = {platform: _BY_PLATFORM[platform] for platform in PLATFORMS}
ID_COLUMNS: Final[dict[Platform, str]] = {name: book.id_column for name, book in BOOKS.items()}
LABEL_COLUMNS: Final[dict[Platform, str]] = {
    name: book.label_column for name, book in BOOKS.items()
}
# Of the bookmakers whose outcomes have ids that are the same in every event.
OUTCOME_ID_COLUMNS: Final[dict[Platform, str]] = {
    name: book.outcome_ids_column
    for name, book in BOOKS.items()
    if book.outcome_ids_column is not None
}
