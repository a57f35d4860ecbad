"""Names as they are searched for: small letters, without accents, one form of each Arabic letter. Pure."""

# letter by letter the same length: PostgreSQL's translate() reads them as well
FOLDED_FROM = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝŸأإآٱىةؤئ"
FOLDED_TO = "aaaaaaceeeeiiiinooooouuuuyyaaaaaaceeeeiiiinooooouuuuyyاااايهوي"
_FOLDED = str.maketrans(FOLDED_FROM, FOLDED_TO)


def folded(name: str) -> str:
    """A name as the index of names spells it."""
    return name.lower().translate(_FOLDED)
