"""A sheet of A4 that is written from the side where its language begins: fpdf2 with shaping, mirrored for Arabic.

Every distance is in mm from that side, every height from where the sheet was written last. Numbers and addresses are
runs of their own (`latin`), so that no neighbour turns them round. Needs the `pdf` extra.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.errors import FPDFException
from fpdf.fonts import TTFFont
from fpdf.image_parsing import preload_image

log = logging.getLogger(__name__)

FONTS = Path(__file__).parent / "fonts"
LATIN, ARABIC = "latin", "arabic"
WIDTH_MM, HEIGHT_MM, MARGIN_MM = 210.0, 297.0, 18.0
LINE_HEIGHT = 1.35
MM_PER_PT = 25.4 / 72
SHRINK_MIN = 0.5  # a long word shrinks so far and no further
PAGES_MAX = 60
LINES_MAX = 6
WORDS_MAX = 200
BALANCING = (0.5, 0.6, 0.7, 0.8, 0.9)  # shares of the width, the narrowest that does is taken
ELLIPSIS = "…"
MARKS = frozenset("\u00a0\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069")
FOOT_MM = 6.0  # below what is written
NO_DATE = datetime(2020, 1, 1, tzinfo=UTC)  # bytes must repeat for a payment without a date, too

Colour = tuple[int, int, int]
INK: Colour = (16, 34, 43)
SOFT: Colour = (75, 95, 105)
RULE: Colour = (213, 222, 226)
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Face:
    """Tells how a line looks."""

    size_pt: float
    colour: Colour = INK
    bold: bool = False

    @property
    def height_mm(self) -> float:
        return self.size_pt * MM_PER_PT * LINE_HEIGHT


FOOT = Face(8, SOFT)


class _Paper(FPDF):
    """Calls at each page's end."""

    ended: Callable[[], None] | None = None

    def footer(self) -> None:
        if self.ended is not None:
            self.ended()


class PdfCanvas:
    """A document being written downwards."""

    def __init__(self, *, rtl: bool) -> None:
        self.rtl = rtl
        self._foot = ""
        self.width = WIDTH_MM - 2 * MARGIN_MM
        self.y = MARGIN_MM
        self.pdf = _Paper(format="A4")
        self.pdf.set_auto_page_break(auto=False)
        self.pdf.set_margins(MARGIN_MM, MARGIN_MM)
        self.pdf.c_margin = 0.0
        for family, name in ((LATIN, "NotoSans"), (ARABIC, "NotoSansArabic")):
            self.pdf.add_font(family, "", FONTS / f"{name}-Regular.ttf")
            self.pdf.add_font(family, "B", FONTS / f"{name}-Bold.ttf")
        self.pdf.ended = self._end_page
        self.pdf.add_page()

    def foot(self, words: str) -> None:
        """Sets what stands at the foot of every page before its number."""
        self._foot = words

    def _end_page(self) -> None:
        kept, self.y = self.y, HEIGHT_MM - MARGIN_MM
        place = (MARGIN_MM, FOOT_MM, self.width)
        self._line(f"{self._foot} · {self.pdf.page_no()}", FOOT, place, "C", latin=True)
        self.y = kept

    def describe(self, title: str, author: str, language: str, made_at: datetime | None) -> None:
        """Sets the document's properties; the date is the payment's, so that bytes repeat."""
        self.pdf.set_title(title)
        self.pdf.set_author(author)
        self.pdf.set_creator("Khallas")
        self.pdf.set_producer("Khallas")
        self.pdf.set_lang(language)
        self.pdf.set_creation_date((made_at or NO_DATE).astimezone(UTC))

    def finish(self) -> bytes:
        return bytes(self.pdf.output())

    def down(self, by_mm: float) -> None:
        self.y += by_mm

    def room(self, height_mm: float) -> bool:
        """Begins a new page when so much does not fit; whether it did. Raises ValueError past PAGES_MAX."""
        if self.y + height_mm <= HEIGHT_MM - MARGIN_MM:
            return False
        if self.pdf.pages_count >= PAGES_MAX:
            raise ValueError("a receipt is too long")
        self.pdf.add_page()
        self.y = MARGIN_MM
        return True

    def left_of(self, start_mm: float, width_mm: float) -> float:
        """The left edge on the page of something that begins `start_mm` from the reading side."""
        return WIDTH_MM - MARGIN_MM - start_mm - width_mm if self.rtl else MARGIN_MM + start_mm

    def text(
        self, words: str, face: Face, *, start: float = 0, dy: float = 0, latin: bool = False, kept: float = 0
    ) -> None:
        """Writes a line that begins there; where it leaves `kept` free at the other side it is cut to what is left."""
        width = self.width - start - kept
        place = (self.left_of(start, width), dy, width)
        self._line(words, face, place, "R" if self.rtl else "L", latin=latin, cut=kept > 0)

    def width_of(self, words: str, face: Face, *, latin: bool = False) -> float:
        """The width of a line where nothing shrinks it."""
        self._face(face, latin=latin)
        return float(self.pdf.get_string_width(words))

    def text_end(self, words: str, face: Face, *, dy: float = 0, latin: bool = False) -> None:
        """Writes a line that ends at the other side, and takes at most two thirds of the width."""
        width = self.width * 2 / 3
        left = self.left_of(self.width - width, width)
        self._line(words, face, (left, dy, width), "L" if self.rtl else "R", latin=latin)

    def text_middle(self, words: str, face: Face, *, latin: bool = False) -> None:
        """Writes a centred line."""
        self._line(words, face, (MARGIN_MM, 0, self.width), "C", latin=latin)

    def lines(self, words: str, face: Face, width_mm: float) -> tuple[str, ...]:
        """Words cut into few lines of like length. Raises ValueError past LINES_MAX or WORDS_MAX."""
        self._face(face, latin=False)
        split = words.split(" ")  # a no-break space stays within its word
        if len(split) > WORDS_MAX:
            raise ValueError("a note is too long")
        widest = self._cut(split, width_mm)
        if len(widest) > LINES_MAX:
            raise ValueError("a note is too long")
        narrower = (self._cut(split, width_mm * share) for share in BALANCING)
        return next((lines for lines in narrower if len(lines) == len(widest)), widest)

    def _cut(self, split: Sequence[str], width_mm: float) -> tuple[str, ...]:
        lines: list[str] = []
        for word in split:
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.pdf.get_string_width(longer) <= width_mm:
                lines[-1] = longer
            else:
                lines.append(word)
        return tuple(lines)

    def rule(self, colour: Colour = RULE, width_mm: float = 0.2) -> None:
        """A line from side to side."""
        self.pdf.set_draw_color(*colour)
        self.pdf.set_line_width(width_mm)
        self.pdf.line(MARGIN_MM, self.y, WIDTH_MM - MARGIN_MM, self.y)

    def box(self, height_mm: float, colour: Colour, radius_mm: float) -> None:
        """A filled box from side to side, behind what is written next."""
        self.pdf.set_fill_color(*colour)
        left, width = MARGIN_MM, self.width
        self.pdf.rect(left, self.y, width, height_mm, style="F", round_corners=True, corner_radius=radius_mm)

    def pill(self, words: str, face: Face, colour: Colour) -> None:
        """White words on a rounded ground, centred."""
        self._face(face, latin=False)
        height = face.height_mm + 2
        width = self.pdf.get_string_width(words) + 2 * height
        self.pdf.set_fill_color(*colour)
        left = (WIDTH_MM - width) / 2
        self.pdf.rect(left, self.y - 1, width, height, style="F", round_corners=True, corner_radius=height * 0.49)
        self._line(words, face, (left, 0, width), "C", latin=False)

    def squares(self, rows: Sequence[Sequence[bool]], size_mm: float) -> None:
        """A QR code at the reading side, each row of dark squares drawn as runs."""
        part = size_mm / len(rows)
        left = self.left_of(0, size_mm)
        self.pdf.set_fill_color(0, 0, 0)
        for down, row in enumerate(rows):
            for across, run in _runs(row):
                self.pdf.rect(left + across * part, self.y + down * part, run * part, part, style="F")

    def picture(self, file: Path, height_mm: float, width_max_mm: float, *, start: float = 0) -> float:
        """A picture that begins `start` mm from the reading side; its width in mm, 0 when it cannot be read: a receipt
        goes without, then."""
        try:
            info = preload_image(self.pdf.image_cache, file)[2]
            scale = min(height_mm / float(info.height), width_max_mm / float(info.width))
            width, height = float(info.width) * scale, float(info.height) * scale
            top = self.y + (height_mm - height) / 2
            self.pdf.image(file, x=self.left_of(start, width), y=top, w=width, h=height, alt_text="")
        except (FPDFException, ValueError, OSError, ArithmeticError) as error:
            log.warning("a logo cannot be printed: %s", type(error).__name__)
            return 0.0
        return width

    def _face(self, face: Face, *, latin: bool, scale: float = 1.0) -> None:
        own, other = (ARABIC, LATIN) if self.rtl and not latin else (LATIN, ARABIC)
        self.pdf.set_font(own, "B" if face.bold else "", face.size_pt * scale)
        self.pdf.set_fallback_fonts([other])
        self.pdf.set_text_shaping(True, direction="rtl" if self.rtl and not latin else "ltr")
        self.pdf.set_text_color(*face.colour)

    def _line(
        self, words: str, face: Face, place: tuple[float, float, float], align: str, *, latin: bool, cut: bool = False
    ) -> None:
        left, dy, width = place
        self._face(face, latin=latin)
        words = self._printable(words)
        wanted = self.pdf.get_string_width(words)
        if wanted > width:
            self._face(face, latin=latin, scale=max(SHRINK_MIN, width / wanted * 0.99))
            words = self._shortened(words, width) if cut else words
        self.pdf.set_xy(left, self.y + dy)
        self.pdf.cell(width, face.height_mm, words, align=align)

    def _printable(self, words: str) -> str:
        """Without what neither font can draw, so that no blank stands for it; marks of direction are not drawn."""
        drawn = (font.cmap for font in self.pdf.fonts.values() if isinstance(font, TTFFont))
        drawable = frozenset().union(*(map(int, cmap) for cmap in drawn))
        return "".join(char for char in words if ord(char) in drawable or char in MARKS).strip()

    def _shortened(self, words: str, width: float) -> str:
        """Cut from its end until it fits, which is told by an ellipsis."""
        short = words
        while short and self.pdf.get_string_width(short) > width:  # bounded by its length
            short = short.rstrip(ELLIPSIS)[:-1].rstrip() + ELLIPSIS if len(short) > len(ELLIPSIS) else ""
        return short


def _runs(row: Sequence[bool]) -> list[tuple[int, int]]:
    """Where dark runs begin, and their lengths."""
    runs: list[tuple[int, int]] = []
    begin = None
    for column, dark in enumerate([*row, False]):
        if dark and begin is None:
            begin = column
        elif not dark and begin is not None:
            runs.append((begin, column - begin))
            begin = None
    return runs
