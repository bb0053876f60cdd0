"""The page of `dataselect tokens`: where responses depart from the base, by position and by token. Computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataselect.artifacts import write_text
from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.html import render_html
from dataselect.reports.numbers import ABSENT, count, percent, signed
from dataselect.reports.report import Report

_CATEGORIES = ("unshifted", "marginal", "shifted")


def write_tokens_html(tokens: Mapping[str, Any], out: Path) -> None:
    """Render the content of a `tokens.json` as one self-contained page.

    Raises:
        ArtifactError: If `out` cannot be written.
        MissingExtraError: If plotly is not installed.
    """
    write_text(out, render_html(tokens_report(tokens)))


def tokens_report(tokens: Mapping[str, Any]) -> Report:
    """Arrange the content of a `tokens.json` into sections."""
    sections = [_shares_section(tokens), _positions_section(tokens), _tokens_section(tokens)]
    if tokens["tuned"] is not None:
        sections.append(_change_section(tokens))
    sections.append(_definitions_section(tokens))
    whole = tokens["whole"]
    beside = "" if tokens["tuned"] is None else f", and what {tokens['tuned']} made of them"
    lede = (
        f"{count(whole['tokens'])} response tokens of {count(whole['examples'])} examples, by the rank that "
        f"{tokens['base']} gives them{beside}."
    )
    return Report("Which tokens shift", lede, tuple(sections), "tokens.json", ("depth_plots.js",))


def _shares_section(tokens: Mapping[str, Any]) -> Section:
    whole = tokens["whole"]
    models = [(tokens["base"], whole["base"])]
    if whole["tuned"] is not None:
        models.append((tokens["tuned"], whole["tuned"]))
    headers = ("Model", *(cell for name in _CATEGORIES for cell in (name.capitalize(), "95 % interval")))
    rows = tuple((text(name), *_share_cells(shares)) for name, shares in models)
    table = Table("shares", "Shares of the response tokens, by the model's rank of each", headers, rows)
    return Section("shares-section", "Shares", (Block(tables=(table,), notes=_left_out(tokens["rows"])),))


def _share_cells(shares: Mapping[str, Any]) -> tuple[Cell, ...]:
    cells = []
    for name in _CATEGORIES:
        found = shares[name]
        cells += [number(percent(found["value"]), found["value"]), number(_interval(found), found["low"])]
    return tuple(cells)


def _interval(found: Mapping[str, Any]) -> str:
    return ABSENT if found["low"] is None else f"{percent(found['low'])} to {percent(found['high'])}"


def _left_out(rows: Mapping[str, int]) -> tuple[str, ...]:
    reasons = [f"{count(n)} {name.replace('_', ' ')}" for name, n in rows.items() if n and name != "compared"]
    return (f"Rows left out: {', '.join(reasons)}.",) if reasons else ()


def _positions_section(tokens: Mapping[str, Any]) -> Section:
    bins = tokens["positions"]
    series = [_position_series(bins, "base", name, tokens["base"]) for name in ("shifted", "marginal")]
    if tokens["tuned"] is not None:
        series += [_position_series(bins, "tuned", name, tokens["tuned"]) for name in ("shifted", "marginal")]
    data = {
        "series": series, "x_title": "position in the response (logarithmic)", "y_title": "share of tokens",
        "y_format": ".0%", "from_zero": True, "x_log": True,
    }  # fmt: skip
    plot = Plot(
        "positions", "bandedCurves", "", "Shifted and marginal shares by position; the table holds the numbers.", data
    )
    headers = ("Positions", "Examples", "Tokens", *(c for n in _CATEGORIES for c in (n.capitalize(), "95 % interval")))
    rows = tuple(
        (
            number(_positions(one), one["first"]),
            number(count(one["examples"]), one["examples"]),
            number(count(one["tokens"]), one["tokens"]),
            *_share_cells(one["base"]),
        )
        for one in bins
    )
    table = Table("positions-table", f"Shares by position under {tokens['base']}", headers, rows, folded=True)
    about = "Later positions are those of long responses only, which may differ from the others."
    return Section("by-position", "By position", (Block(paragraphs=(about,), plots=(plot,), tables=(table,)),))


def _positions(one: Mapping[str, Any]) -> str:
    return str(one["first"]) if one["first"] == one["last"] else f"{one['first']:,} to {one['last']:,}"


def _position_series(bins: Sequence[Mapping[str, Any]], side: str, category: str, model: str) -> dict[str, Any]:
    found = [one[side][category] for one in bins]
    name = f"{category}, {model}"
    return _series(name, bins, found, lambda one: f"{percent(one['value'])} ({_interval(one)})")


def _series(
    name: str,
    bins: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    shown: Callable[[Mapping[str, Any]], str],
) -> dict[str, Any]:
    return {
        "name": name,
        "x": [(one["first"] * one["last"]) ** 0.5 for one in bins],
        "y": [one["value"] for one in found],
        "low": [one["low"] for one in found],
        "high": [one["high"] for one in found],
        "hover": [f"{name}, positions {_positions(b)}: {shown(one)}" for b, one in zip(bins, found, strict=True)],
    }


def _tokens_section(tokens: Mapping[str, Any]) -> Section:
    lists = tokens["tokens"]
    often = Table(
        "most-often", "Tokens that make up most of the shifted positions",
        ("Token", "Shifted", "Of all shifted", "Occurrences", "Share shifted"), tuple(map(_often, lists["most_often"])),
    )  # fmt: skip
    likely = Table(
        "most-likely", f"Tokens shifted in the largest share of at least {tokens['min_count']} occurrences",
        ("Token", "Share shifted", "Occurrences", "Shifted", "Marginal"), tuple(map(_likely, lists["most_likely"])),
    )  # fmt: skip
    notes = (
        ()
        if tokens["token_texts"]
        else ("Tokens are shown by their ids: the tokenizer that they were scored with is not at hand.",)
    )
    return Section("tokens-section", "Tokens that shift most", (Block(tables=(often, likely), notes=notes),))


def _token(one: Mapping[str, Any]) -> Cell:
    """A token's text, whose spaces a page would fold into one."""
    return text(one["text"].replace(" ", "\N{NO-BREAK SPACE}"))


def _often(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        _token(one), number(count(one["shifted"]), one["shifted"]), number(percent(one["of_all"]), one["of_all"]),
        number(count(one["count"]), one["count"]), number(percent(one["share"]), one["share"]),
    )  # fmt: skip


def _likely(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        _token(one), number(percent(one["share"]), one["share"]), number(count(one["count"]), one["count"]),
        number(count(one["shifted"]), one["shifted"]), number(count(one["marginal"]), one["marginal"]),
    )  # fmt: skip


def _change_section(tokens: Mapping[str, Any]) -> Section:
    bins, moves = tokens["positions"], tokens["transitions"]
    data = {
        "series": [_series("change", bins, [one["change"] for one in bins], _nats)],
        "x_title": "position in the response (logarithmic)", "y_title": "change of log-probability (nats)",
        "zero": True, "x_log": True,
    }  # fmt: skip
    plot = Plot(
        "change-plot", "bandedCurves", "Mean change of the log-probability by position",
        "Mean change of the log-probability by position.", data,
    )  # fmt: skip
    rows = tuple(
        (
            text(f"{name} under the base"),
            *(number(count(n), n) for n in counts),
            number(count(sum(counts)), sum(counts)),
        )
        for name, counts in zip(moves["categories"], moves["counts"], strict=True)
    )
    headers = ("", *(f"{name} when tuned" for name in moves["categories"]), "Together")
    table = Table("transitions", "Where tokens moved", headers, rows)
    gained = _changes("gained", "Tokens that gained most", tokens)
    lost = _changes("lost", "Tokens that lost most", tokens)
    whole = tokens["whole"]["change"]
    about = f"A token's log-probability changed by {_nats(whole)} on average."
    blocks = (Block(paragraphs=(about,), plots=(plot,), tables=(table,)), Block(tables=(gained, lost)))
    return Section("change", "What tuning changed", blocks)


def _nats(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return f"{signed(found['value'], 3)} nats"
    return f"{signed(found['value'], 3)} nats (95 %: {signed(found['low'], 3)} to {signed(found['high'], 3)})"


def _changes(key: str, title: str, tokens: Mapping[str, Any]) -> Table:
    headers = ("Token", "Mean change (nats)", "Occurrences", "Share shifted under the base")
    rows = tuple(
        (_token(one), number(signed(one["change"], 3), one["change"]), number(count(one["count"]), one["count"]),
         number(percent(one["share"]), one["share"]))
        for one in tokens["tokens"][key]
    )  # fmt: skip
    return Table(key, f"{title}, of those with at least {tokens['min_count']} occurrences", headers, rows)


def _definitions_section(tokens: Mapping[str, Any]) -> Section:
    rows = tuple((text(name), text(meaning)) for name, meaning in tokens["definitions"].items())
    notes = (
        "URIAL's shares are about responses that the tuned model wrote itself, greedily. To get them, let it answer "
        "the prompts, score that file with the base and --tokens, and look at that; on any other file this is how far "
        "the file is from the base.",
    )
    table = Table("definitions-table", "Definitions", ("Word", "Meaning"), rows)
    return Section("definitions", "What the numbers are", (Block(tables=(table,), notes=notes),))
