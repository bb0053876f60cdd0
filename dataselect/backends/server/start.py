"""Find out what a server serves before anything is scored: the model's name, its length, the dialect, the tokenizer.

Nothing is assumed from a server's name or version: a text of 29 tokens or so is sent in each dialect until one
gives log-probabilities, once as it is and once with another last token, which must then get another value. That also
detects a server that prepends a token to what it is given, or scores less than it is given. The same text is then sent
as text: a server whose own tokenizer splits it differently than the model folder's serves another model. A server that
accepts no text is trusted. Whether the weights are the same cannot be checked from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.backends.server.client import ServerClient
from dataselect.backends.server.replies import DIALECTS, Dialect, RefusedError, UnansweredError
from dataselect.errors import DataselectError, UsageError

PROBE = "The year 1984, naïve cafés:\n\tdef f(x): return x**2"
START_TRIES = 3
"""Fewer than while scoring: a wrong address should be reported soon."""

PROBE_SECONDS = 60.0
"""Seconds for an answer about a few tokens; a busy server takes long, one that stalls takes for ever."""


@dataclass(frozen=True, slots=True)
class Served:
    """The model that a server serves, and how it is asked.

    Attributes:
        name: The model's name there.
        positions: Most tokens it takes, the generated one included; None where the server does not say.
        dialect: How it is asked for log-probabilities.
        probe: A request that it has answered, to check later whether it still works.
    """

    name: str
    positions: int | None
    dialect: Dialect
    probe: Mapping[str, Any]


def find_served(client: ServerClient, wanted: str | None, model: Path) -> Served:
    """Ask a server what it serves.

    Args:
        client: The connection to the server.
        wanted: The model's name there; None for the only one.
        model: Model folder, whose tokenizer the server must share.

    Raises:
        UsageError: If the server serves several models and none was named.
        DataselectError: If it does not answer, gives no log-probabilities of a prompt, or has another tokenizer.
    """
    try:
        name, positions = _card(_models(client, wanted), wanted)
        ids = _encode(model)
        dialect, probe = _dialect(client, name, ids)
        _check_tokenizer(client, dialect, name, ids, model)
    except UnansweredError as error:
        raise DataselectError(
            f"no server answers at {client.address}: {error}", "start it and wait until it is ready, or check --server"
        ) from None
    return Served(name, positions, dialect, probe)


def _models(client: ServerClient, wanted: str | None) -> list[Mapping[str, Any]]:
    """Return the cards of the models that the server lists; none if it lists none and a name was given."""
    try:
        answer = client.ask("GET", "/models", tries=START_TRIES, timeout=PROBE_SECONDS)
    except RefusedError as error:
        if wanted is None or error.status not in (404, 405):
            raise
        return []
    except RuntimeError as error:
        raise DataselectError(f"{client.address} does not list models: {error}", "check --server") from None
    cards = answer.get("data") if isinstance(answer, dict) else None
    return [card for card in cards if isinstance(card, dict) and "id" in card] if isinstance(cards, list) else []


def _card(cards: Sequence[Mapping[str, Any]], wanted: str | None) -> tuple[str, int | None]:
    """Return name and positions of the model to ask."""
    if wanted is None and len(cards) != 1:
        names = ", ".join(str(card["id"])[:80] for card in cards[:20])
        names += f" and {len(cards) - 20:,} more" if len(cards) > 20 else ""
        if not cards:
            raise UsageError("the server lists no models", "give its name: --served-model NAME")
        raise UsageError(f"the server serves several models: {names}", "choose one: --served-model NAME")
    card: Mapping[str, Any] = next((c for c in cards if wanted in (None, c["id"])), {})
    positions = card.get("max_model_len")
    return wanted or str(card["id"]), positions if isinstance(positions, int) else None


def _encode(model: Path) -> list[int]:
    """Return the probe as token ids of the model folder's tokenizer."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(model), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        message = " ".join(str(error).split())[:200]
        raise DataselectError(f"the tokenizer in {model} cannot be loaded: {message}") from None
    return [int(token) for token in tokenizer(PROBE).input_ids]


def _dialect(client: ServerClient, name: str, ids: list[int]) -> tuple[Dialect, Mapping[str, Any]]:
    """Return the first dialect in which the server gives log-probabilities, and a request in it."""
    other = [*ids[:-1], ids[-2]]
    came = []
    for dialect in DIALECTS:
        asked = dialect.body(name, ids), dialect.body(name, other)
        try:
            answers = [client.ask("POST", "/completions", body, START_TRIES, PROBE_SECONDS) for body in asked]
            ends = [dialect.read(a, i).logprobs[-1] for a, i in zip(answers, (ids, other), strict=True)]
        except RefusedError as error:
            if error.status in (404, 405):
                raise
            came.append(f"{dialect.name}: {error.message}")
        except UnansweredError as error:
            if error.status is None:
                raise
            came.append(f"{dialect.name}: {error}")
        except RuntimeError as error:
            came.append(f"{dialect.name}: {error}")
        else:
            if ends[0] != ends[1]:
                return dialect, asked[0]
            came.append(f"{dialect.name}: {ends[0]} for two different tokens in one place")
    raise DataselectError(
        f"the server gives no log-probabilities of a prompt. Requests and replies: {'; '.join(came)}",
        "vLLM and other servers with prompt_logprobs or echo can be used",
    )


def _check_tokenizer(client: ServerClient, dialect: Dialect, name: str, ids: Sequence[int], model: Path) -> None:
    try:
        asked = dialect.body(name, PROBE)
        dialect.read(client.ask("POST", "/completions", asked, START_TRIES, PROBE_SECONDS), ids)
    except RefusedError:
        return
    except RuntimeError as error:
        raise DataselectError(
            f"the server tokenizes a text differently than the tokenizer in {model}: {error}",
            "give --model the folder of the model that is served",
        ) from None
