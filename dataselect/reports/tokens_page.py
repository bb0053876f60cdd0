"""The page of `dataselect tokens`: where responses depart from the base, by position and by token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Column, Plot, Report, Section, Table, TableCell, cell, number, text
from dataselect.reports.numbers import count, percent, signed, span

CATEGORIES = ("unshifted", "marginal", "shifted")
"""Of response tokens, by the rank that the base gives them."""


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
    columns: list[Column] = [
        ("Model", lambda model: text(model[0])),
        *_share_columns(lambda model: model[1]),
    ]
    table = Table.of("shares", "Shares of the response tokens, by the model's rank of each", models, columns)
    return Section("shares-section", "Shares", (Block(tables=(table,), notes=_left_out(tokens["rows"])),))


def _share_columns(shares: Callable[[Any], Mapping[str, Any]]) -> list[Column]:
    """Two columns per category: its share, and the interval of it."""

    def columns(name: str) -> list[Column]:
        return [
            (name.capitalize(), lambda row: cell(shares(row)[name]["value"], percent)),
            ("95 % interval", lambda row: _interval_cell(shares(row)[name])),
        ]

    return [column for name in CATEGORIES for column in columns(name)]


def _interval_cell(found: Mapping[str, Any]) -> TableCell:
    return number(span(found["low"], found["high"], percent), found["low"])


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
    columns: list[Column] = [
        ("Positions", lambda one: number(_positions(one), one["first"])),
        ("Examples", lambda one: cell(one["examples"], count)),
        ("Tokens", lambda one: cell(one["tokens"], count)),
        *_share_columns(lambda one: one["base"]),
    ]
    caption = f"Shares by position under {tokens['base']}"
    table = Table.of("positions-table", caption, bins, columns, folded=True)
    about = "Later positions are those of long responses only, which may differ from the others."
    return Section("by-position", "By position", (Block(paragraphs=(about,), plots=(plot,), tables=(table,)),))


def _positions(one: Mapping[str, Any]) -> str:
    return str(one["first"]) if one["first"] == one["last"] else f"{one['first']:,} to {one['last']:,}"


def _position_series(bins: Sequence[Mapping[str, Any]], side: str, category: str, model: str) -> dict[str, Any]:
    found = [one[side][category] for one in bins]
    name = f"{category}, {model}"
    return _series(name, bins, found, lambda one: f"{percent(one['value'])} ({span(one['low'], one['high'], percent)})")


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
    shares: dict[str, Column] = {
        "count": ("Occurrences", lambda one: cell(one["count"], count)),
        "shifted": ("Shifted", lambda one: cell(one["shifted"], count)),
        "share": ("Share shifted", lambda one: cell(one["share"], percent)),
    }
    often = Table.of(
        "most-often", "Tokens that make up most of the shifted positions", lists["most_often"],
        [_TOKEN, shares["shifted"], ("Of all shifted", lambda one: cell(one["of_all"], percent)),
         shares["count"], shares["share"]],
    )  # fmt: skip
    likely = Table.of(
        "most-likely", f"Tokens shifted in the largest share of at least {tokens['min_count']} occurrences",
        lists["most_likely"],
        [_TOKEN, shares["share"], shares["count"], shares["shifted"],
         ("Marginal", lambda one: cell(one["marginal"], count))],
    )  # fmt: skip
    notes = (
        ()
        if tokens["token_texts"]
        else ("Tokens are shown by their ids: the tokenizer that they were scored with is not available.",)
    )
    return Section("tokens-section", "Tokens that shift most", (Block(tables=(often, likely), notes=notes),))


def _token(one: Mapping[str, Any]) -> TableCell:
    """A token's text, whose spaces a page would fold into one."""
    return text(one["text"].replace(" ", "\N{NO-BREAK SPACE}"))


_TOKEN: Column = ("Token", _token)


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
    columns: list[Column] = [
        _TOKEN,
        ("Mean change (nats)", lambda one: number(signed(one["change"], 3), one["change"])),
        ("Occurrences", lambda one: cell(one["count"], count)),
        ("Share shifted under the base", lambda one: cell(one["share"], percent)),
    ]
    caption = f"{title}, of those with at least {tokens['min_count']} occurrences"
    return Table.of(key, caption, tokens["tokens"][key], columns)


def _definitions_section(tokens: Mapping[str, Any]) -> Section:
    rows = tuple((text(name), text(meaning)) for name, meaning in tokens["definitions"].items())
    notes = (
        "URIAL's shares are about responses that the tuned model wrote itself, greedily. To get them, let it answer "
        "the prompts, score that file with the base and --tokens, and look at that; on any other file this is how far "
        "the file is from the base.",
    )
    table = Table("definitions-table", "Definitions", ("Word", "Meaning"), rows)
    return Section("definitions", "What the numbers are", (Block(tables=(table,), notes=notes),))
