"""Loading tokenizers: once per set of files, without what nothing here needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

from dataselect.pool.tokenizer import load_tokenizer


def test_the_same_files_are_loaded_once_and_other_files_anew(builtin, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(builtin, model)
    first = load_tokenizer(model)
    assert load_tokenizer(model) is first
    config = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps({**config, "extra_note": "changed"}))
    assert load_tokenizer(model) is not first


def test_no_scikit_learn_is_imported_for_a_tokenizer(builtin):
    code = (
        "import sys; from pathlib import Path; from dataselect.pool.tokenizer import load_tokenizer; "
        f"load_tokenizer(Path({str(builtin)!r})); sys.exit(str('sklearn' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == "False"
