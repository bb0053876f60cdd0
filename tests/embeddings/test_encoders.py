"""From a name to an encoder, or to an error that says what would have done."""

from __future__ import annotations

import json
import shutil

import pytest

from dataselect.embeddings.causal import CausalEncoder
from dataselect.embeddings.encoders import ENCODERS, load_encoder
from dataselect.embeddings.sentence import SentenceEncoder
from dataselect.errors import DataselectError, UsageError
from dataselect.models import model_path


def folder_with(path, **files):
    path.mkdir()
    for name, content in files.items():
        (path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def test_the_registered_names():
    assert ENCODERS.names() == ["minilm", "minilm-512", "builtin", "tfidf"]
    assert isinstance(load_encoder("builtin"), CausalEncoder)


def test_a_folder_is_what_it_holds(tmp_path):
    assert isinstance(load_encoder(str(model_path())), CausalEncoder)
    both = tmp_path / "both"
    shutil.copytree(model_path(), both)
    (both / "modules.json").write_text("[]", encoding="utf-8")
    assert isinstance(load_encoder(str(both)), SentenceEncoder)


def test_a_registered_name_wins_over_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_with(tmp_path / "builtin", modules=[])
    assert isinstance(load_encoder("builtin"), CausalEncoder)
    assert isinstance(load_encoder("./builtin"), SentenceEncoder)


def test_a_pooling_is_for_causal_models_alone(tmp_path):
    assert "weighted" in load_encoder(str(model_path()), "weighted-mean").settings()["pooling"]
    assert "last token" in load_encoder("builtin", "last").settings()["pooling"]
    for name in ("minilm", folder_with(tmp_path / "sentences", modules=[])):
        with pytest.raises(UsageError, match="whose pooling is its own, but got last") as caught:
            load_encoder(name, "last")
        assert "--pooling" in caught.value.hint


def test_a_dimension_is_for_tfidf_alone(tmp_path):
    assert load_encoder("tfidf").settings()["components"] == 256
    assert load_encoder("tfidf", dim=64).settings()["components"] == 64
    for name in ("minilm", "builtin", folder_with(tmp_path / "sentences", modules=[])):
        with pytest.raises(UsageError, match="has a dimension of its own, but got 64"):
            load_encoder(name, dim=64)
    with pytest.raises(UsageError, match="has no states of tokens to pool, but got last"):
        load_encoder("tfidf", "last")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds neither modules.json nor config.json"),
        ({"config": {"architectures": ["BertForMaskedLM"]}}, "holds BertForMaskedLM without modules.json"),
        ({"config": {}}, "holds no architecture without modules.json"),
    ],
)
def test_a_folder_that_is_no_encoder_is_refused(tmp_path, files, message):
    with pytest.raises(DataselectError, match=message):
        load_encoder(folder_with(tmp_path / "model", **files))


def test_a_config_that_is_not_json_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataselectError, match="cannot be loaded"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("minlm", "did you mean minilm or minilm-512?"),
        ("bultin", "did you mean builtin?"),
        ("zzz", "known: builtin, minilm, minilm-512, tfidf"),
    ],
)
def test_an_unknown_name_gets_its_near_matches(name, hint):
    with pytest.raises(UsageError, match=f"unknown encoder '{name}'") as caught:
        load_encoder(name)
    assert caught.value.hint.startswith(hint)
    assert "hub id (owner/name)" in caught.value.hint


def test_a_path_that_does_not_exist_is_not_taken_for_a_hub_id():
    with pytest.raises(UsageError, match="unknown encoder"):
        load_encoder("/no/such/folder")


def test_a_hub_id_without_a_hub_is_one_error_with_a_hint(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataselectError, match="nobody/no-such-encoder") as caught:
        load_encoder("nobody/no-such-encoder")
    assert caught.value.hint
    assert "\n" not in str(caught.value)
