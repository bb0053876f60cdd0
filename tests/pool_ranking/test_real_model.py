"""A ranking by a real pretrained model: plain sentences before the same words in no order, by a wide margin."""

from __future__ import annotations

import random

import pytest

from dataselect.pool_ranking import RankRequest, rank

SENTENCES = (
    "The sun rises in the east and sets in the west, so shadows point west in the morning.",
    "Water boils at one hundred degrees at sea level, and at a lower temperature in the mountains.",
    "Most birds build a nest before they lay their eggs, and both parents feed the young.",
    "A library lends books to its readers, who bring them back after a few weeks.",
)


@pytest.mark.real_model
def test_sentences_come_before_the_same_words_in_no_order(smollm2, write, tmp_path):
    draw = random.Random(0)
    shuffled = [" ".join(draw.sample(text.split(), len(text.split()))) for text in SENTENCES]
    pools = {
        name: write(name, [{"prompt": "Say something true.", "response": text} for text in texts])
        for name, texts in (("shuffled.jsonl", shuffled), ("plain.jsonl", SENTENCES))
    }
    ranking = rank(RankRequest(list(pools.values()), str(smollm2), tmp_path / "out"))
    order = ranking.order("ppl", "SmolLM2-135M-Instruct")
    assert order is not None
    assert order.pools == ("plain.jsonl", "shuffled.jsonl")
    assert order.pairs[0].distinguishable
    plain = ranking.pools[1].measure("ppl", "SmolLM2-135M-Instruct").value
    assert plain is not None
    assert 3 < plain < 60
