"""QR codes by segno, of the `pdf` extra: without it there are none, and nothing else changes. Pure."""

from markupsafe import Markup

from channels.web.receipts import extras

TEXT_MAX = 300
BORDER_MODULES = 2  # the paper around it is white


def svg(text: str, title: str) -> Markup | None:
    """An inline SVG that scales to its box, without styles; None without the extra or for too long a text."""
    rows = modules(text)
    if rows is None:
        return None
    size = len(rows) + 2 * BORDER_MODULES
    path = "".join(
        f"M{x + BORDER_MODULES} {y + BORDER_MODULES}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return Markup(
        '<svg class="qr" role="img" viewBox="0 0 {size} {size}" shape-rendering="crispEdges"><title>{title}</title>'
        '<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    ).format(size=size, title=title, path=path)


def modules(text: str) -> tuple[tuple[bool, ...], ...] | None:
    """The code's squares, True for dark; None without the extra or for too long a text."""
    if len(text) > TEXT_MAX or not extras.qr_codes():
        return None
    import segno  # the extra, only where it is wanted

    return tuple(tuple(bool(value) for value in row) for row in segno.make(text, error="m", micro=False).matrix)
