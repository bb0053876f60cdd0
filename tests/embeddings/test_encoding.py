"""Chunks of examples: what is embedded, what is counted, and that chunking does not show."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.embeddings import encoding
from dataselect.embeddings.causal import builtin
from dataselect.embeddings.encoder import SILENT, Encoder
from dataselect.embeddings.encoding import EmbedCounts, Tally, VectorShards, encoded_chunks
from dataselect.errors import PoolError
from dataselect.records import Example, Message, Reject


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return builtin()


def dialogue(name: str, prompt: str, line: int = 0) -> Example:
    messages = (Message("user", prompt), Message("assistant", "Yes."))
    return Example(name, "pool.jsonl", {}, messages, line=line)


RECORDS = [
    dialogue("a", "What is 2 plus 2?"),
    Reject("pool.jsonl", 2, "not_json", "{"),
    dialogue("empty", " ", line=3),
    dialogue("b", "Tell me a story about a dog."),
    dialogue("long", "word " * 2000),
    Example("text", "pool.jsonl", {}, text="Plain text."),
]


def test_progress_is_told_batch_by_batch_and_adds_up(encoder, stage, monkeypatch):
    monkeypatch.setattr("dataselect.embeddings.encoder.BATCH_TOKENS", {"cpu": 8, "cuda": 8})
    monkeypatch.setattr(encoding, "CHUNK", 4)
    told = []
    list(encoded_chunks(RECORDS, encoder, "prompt", SILENT, VectorShards(stage, "pool"), told.append))
    assert [one for one in told if one] == [1, 1, 2, 1, 1]  # a and b; the reject and the one without text; two more
    told.clear()
    list(encoded_chunks(RECORDS, encoder, "prompt", SILENT, VectorShards(stage, "pool"), told.append))
    assert told == [4, 2]  # from shards


def test_every_record_is_embedded_rejected_or_counted_without_text(encoder, stage):
    (chunk,) = encoded_chunks(RECORDS, encoder, "prompt", lambda _: None, VectorShards(stage, "pool"))
    assert chunk.ids == ("a", "b", "long", "text")
    assert chunk.sources == ("pool.jsonl",) * 4
    assert chunk.counts == EmbedCounts(examples=5, embedded=4, without_text=1, truncated=1, rejects=1)
    assert chunk.truncated == ("long",)
    assert chunk.rejects == (RECORDS[1], Reject("pool.jsonl", 3, "no_text", "id empty"))
    np.testing.assert_allclose(chunk.vectors[1], encoder.encode(["Tell me a story about a dog."])[0], atol=1e-5)


def test_the_size_of_chunks_does_not_show(encoder, stage, monkeypatch):
    done: list[int] = []
    (whole,) = encoded_chunks(RECORDS, encoder, "both", lambda _: None, VectorShards(stage, "whole"))
    monkeypatch.setattr(encoding, "CHUNK", 2)
    parts = list(encoded_chunks(iter(RECORDS), encoder, "both", done.append, VectorShards(stage, "parts")))
    assert done == [2, 2, 2]
    assert sum((part.ids for part in parts), ()) == whole.ids
    assert sum((part.counts for part in parts), EmbedCounts()) == whole.counts
    np.testing.assert_allclose(np.concatenate([part.vectors for part in parts]), whole.vectors, atol=1e-5)


def test_what_is_there_as_a_shard_is_read_and_not_encoded(encoder, stage, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "CHUNK", 4)
    written = VectorShards(stage, "pool")
    first = list(encoded_chunks(RECORDS, encoder, "prompt", lambda _: None, written))
    assert written.resumed == 0
    (tmp_path / "shards" / "pool" / "000001.npy").unlink()
    read, encoded = VectorShards(stage, "pool"), []
    monkeypatch.setattr(encoding, "_encode", lambda chunk, *_: encoded.append(len(chunk)) or first[1])
    again = list(encoded_chunks(RECORDS, encoder, "prompt", lambda _: None, read))
    assert (read.resumed, encoded) == (4, [2])
    for one, other in zip(first, again, strict=True):
        assert (one.ids, one.sources, one.counts, one.rejects) == (
            other.ids,
            other.sources,
            other.counts,
            other.rejects,
        )
        np.testing.assert_array_equal(one.vectors, other.vectors)
        assert other.vectors.dtype == np.float32


def test_a_tally_of_nothing_embedded_is_an_error_that_says_why(encoder, stage):
    tally = Tally("", "the pools")
    for chunk in encoded_chunks(RECORDS[1:3], encoder, "prompt", lambda _: None, VectorShards(stage, "pool")):
        tally.add(chunk)
    with pytest.raises(
        PoolError, match=r"got 1 examples, 1 unreadable records; the first: pool\.jsonl line 2: not_json"
    ):
        tally.require_embedded()
