"""The pages a reader meets, and what stands in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page} {self.language} {self.number}"


def blocks(language: str) -> list[Block]:
    """Return the fenced blocks in this language, of all pages."""
    return [
        Block(page.name, number, language, match["text"])
        for page in PAGES
        for number, match in enumerate(_FENCE.finditer(page.read_text(encoding="utf-8")))
        if match["language"] == language
    ]


def links(page: Path) -> list[str]:
    """Return the link targets of a page, without those in code."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [match["target"] for match in _LINK.finditer(text)]


def commands(program: str) -> list[tuple[str, list[str]]]:
    """Return page and arguments of every line of code that calls ``program``, without bare names of verbs."""
    found = []
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            text = line.strip() if line.startswith("    ") else ""
            inline = re.findall(rf"`({program} [^` ]+ [^`]*)`", line)
            found += [
                (page.name, shlex.split(call, comments=True)[1:])
                for call in [text, *inline]
                if call.startswith(f"{program} ")
            ]
    return found
