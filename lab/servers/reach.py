"""Where a public address is reached from here: a stand-in keeps the name that others sign and follow. Pure."""

from dataclasses import dataclass


@dataclass(slots=True)
class Reach:
    """What begins with `public_url` is asked at `at`; nothing is moved while either is empty."""

    public_url: str = ""
    at: str = ""

    def __call__(self, url: str) -> str:
        if self.public_url and self.at and url.startswith(f"{self.public_url}/"):
            return self.at + url.removeprefix(self.public_url)
        return url
