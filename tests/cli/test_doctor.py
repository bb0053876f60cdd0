"""`doctor` says what is missing with the command that installs it, and what is wrong with a model before it is used."""

import importlib.metadata
import tomllib
from pathlib import Path

import pytest

from dataselect.cli import run
from dataselect.extras import extras, missing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def without(monkeypatch):
    """Make the metadata say that some packages are absent, or of another version."""

    def hide(**versions):
        known = importlib.metadata.version

        def version(name):
            if name in versions:
                if versions[name] is None:
                    raise importlib.metadata.PackageNotFoundError(name)
                return versions[name]
            return known(name)

        monkeypatch.setattr(importlib.metadata, "version", version)

    return hide


def test_every_extra_of_pyproject_is_listed_but_those_for_developers():
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [extra.name for extra in extras()] == sorted(set(stated) - {"test", "dev"})


def test_an_absent_package_is_missing_from_every_extra_that_brings_it_and_from_no_other(without):
    without(peft=None)
    lacking = {extra.name for extra in extras() if any(text.startswith("peft>=") for text in extra.missing)}
    assert lacking == {"train", "quickstart", "all"}  # train names it, quickstart has train, all has quickstart
    assert missing() == ()


def test_a_version_that_is_too_old_is_missing_with_the_version_that_fits(without):
    without(click="7.0", datasketch="1.5")
    assert missing() == ("click>=8.1",)
    assert next(extra.missing for extra in extras() if extra.name == "dedup") == ("datasketch>=1.6",)


def test_what_is_missing_is_named_with_the_command_that_installs_it(without, capsys):
    without(datasketch=None)
    assert run(["doctor"]) == 0  # an extra is no fault
    printed = capsys.readouterr().out
    assert "  dedup       missing datasketch>=1.6: pip install 'dataselect[dedup]'\n" in printed
    assert "  report      installed\n" in printed
    assert "torch " in printed
    assert "GiB" in printed


def test_a_required_package_that_does_not_fit_is_a_failure(without, capsys):
    without(torch="2.1.0")
    assert run(["doctor"]) == 1
    assert "missing: torch>=2.6" in capsys.readouterr().out


def test_the_bundled_model_is_fit(capsys):
    assert run(["doctor", "--model", "builtin"]) == 0
    printed = capsys.readouterr().out
    assert "builtin: loads with transformers in float32; 1,024 positions" in printed
    assert "  end of a response: <|im_end|>, probability up to 0." in printed
    assert "  packs: on\n  fit to be scored and trained\n" in printed


def test_a_template_without_an_end_is_named(tmp_path, capsys):
    template = tmp_path / "open.jinja"
    template.write_text("{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}")
    assert run(["doctor", "--model", "builtin", "--template", str(template)]) == 1
    printed = capsys.readouterr().out
    assert "  end of a response: no token\n" in printed
    assert "warning: no end is trained" in printed


def test_a_model_that_is_none_is_one_line(tmp_path, capsys):
    assert run(["doctor", "--model", str(tmp_path / "nothing")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("dataselect: ")
    assert "Traceback" not in told


@pytest.mark.real_model
def test_gemma_without_its_bos_is_found(real_models, capsys):
    assert run(["doctor", "--model", str(real_models / "gemma-3-270m"), "--bos", "never"]) == 1
    assert "score with --bos always" in capsys.readouterr().out
