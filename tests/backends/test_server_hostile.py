"""A server that means harm: it sends the key back, talks to the terminal, never ends an answer, or points elsewhere."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from dataselect.backends import BackendOptions, EngineDiedError
from dataselect.backends.server.access import PIECE, Secret
from dataselect.backends.server.backend import ServerBackend
from dataselect.backends.server.client import AnswerLimits, Retries
from dataselect.cli import run
from dataselect.errors import DataselectError
from dataselect.escaping import ACTING

KEY = "sk-proj/Very+Secret=0123456789"
ACTS = "\x1b]0;owned\x07\x9b2J\u202e\r"

ECHOES = {
    "as it is": KEY,
    "in another case": KEY.upper(),
    "cut in the middle": f"{KEY[:14]} and {KEY[14:]}",
    "only its end": KEY[-9:],
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of the header": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "base64 inside something": base64.urlsafe_b64encode(f"u:{KEY}:x".encode()).decode(),
    "hexadecimal": KEY.encode().hex().upper(),
    "for a URL": quote(KEY, safe=""),
    "every letter for a URL": "".join(f"%{ord(c):02x}" for c in KEY),
    "for HTML": "".join(f"&#{ord(c)};" for c in KEY),
    "for JSON": "".join(f"\\u{ord(c):04x}" for c in KEY),
}


def gives_away(text: str) -> str:
    """The first six letters of the key that the text tells in a row, in whichever form; nothing if there are none."""
    forms = [(KEY, 1), (KEY.encode().hex(), 2), ("".join(f"%{ord(c):02x}" for c in KEY), 3)]
    forms += [("".join(f"&#{ord(c)};" for c in KEY), 6), ("".join(f"\\u{ord(c):04x}" for c in KEY), 6)]
    # what differs with the place in three bytes: the middle of each of the three, four signs for three letters
    forms += [(base64.b64encode(b"x" * before + KEY.encode()).decode()[4:-4], 8 / 6) for before in range(3)]
    found = text.lower()
    for form, each in forms:
        size = round(PIECE * each)
        for at in range(len(form) - size + 1):
            if form[at : at + size].lower() in found:
                return form[at : at + size]
    return ""


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_every_way_to_write_the_key_is_masked(echo):
    assert gives_away(echo)
    masked = Secret(KEY).masked(f"before {echo} after")
    assert not gives_away(masked)
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "***" in masked


def test_what_is_not_the_key_stays():
    assert Secret(KEY).masked("a 100% safe &amp; sound \\u0041 text") == "a 100% safe &amp; sound \\u0041 text"
    assert Secret("").masked("anything") == "anything"
    assert Secret("abc").masked("an abc, an ABC and an ab") == "an ***, an *** and an ab"
    assert Secret(KEY).masked(f"İ {KEY}").endswith("***")  # a letter that grows when it is made small


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_key_in_an_ordinary_answer_is_in_no_file_and_no_message(server, pool, tmp_path, capfd, monkeypatch, echo):
    """The same command as a user's: refused logprobs for one row become a note on screen and in manifest.json."""
    monkeypatch.setenv("DATASELECT_API_KEY", KEY)
    server.started = True

    def fault(n, request, answer):
        if n < 3 or len(request["prompt"]) < 30:  # the start, and the shortest row
            return None
        whole = answer()
        place = whole["choices"][0]["prompt_logprobs"]
        if len(request["prompt"]) < 60:
            next(iter(place[3].values()))["logprob"] = f"{ACTS}{echo}"[:400]
        else:
            place[3] = {echo: {"logprob": -1.0, "rank": 1}}
        return 200, {"X-Echo": KEY, "Set-Cookie": f"k={KEY.split('=')[0]}"}, whole

    server.fault = fault
    out = tmp_path / "scores"
    code = run(["score", str(pool), "--model", "builtin", "--backend", "server", "--server", server.address,
                "--out", str(out), "--no-cache"])  # fmt: skip
    printed = "".join(capfd.readouterr())
    assert code == 0, printed
    notes = json.loads((out / "manifest.json").read_text())["notes"]
    assert len(notes) == 2
    assert all("cannot be scored" in note for note in notes)
    assert "no log-probability of token" in printed
    assert r"gave \x1b]0;owned\x07\x9b2J\u202e" in printed
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        text = path.read_bytes().decode("latin-1")
        assert not gives_away(text), path
        if path.suffix == ".json":
            assert not ACTING.search(path.read_text(encoding="utf-8"))
    assert not gives_away(printed)
    assert not ACTING.search(printed)


def test_keys_in_headers_ids_and_status_lines_reach_no_log_and_no_message(server, connect, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DATASELECT_API_KEY", KEY)
    server.listed = [{"id": f"model-{KEY}-{ACTS}"}, {"id": ECHOES["base64"]}]
    with pytest.raises(DataselectError, match="the server serves several models") as told:
        connect()
    texts = [str(told.value), repr(told.value), repr(told.value.args), repr(told.value.__context__)]
    server.refuses = (503, {"X-Echo": KEY, "Warning": ECHOES["for a URL"]}, ECHOES["base64 of the header"].encode())
    with pytest.raises(DataselectError, match="no server answers") as told:
        connect()
    texts += [str(told.value), repr(told.value.__context__), caplog.text]
    assert "x-echo" in caplog.text.lower()  # the library did log the headers
    assert not gives_away("".join(texts))
    assert not ACTING.search("".join(texts[:2]))


class Raw:
    """A server on loopback whose every answer a function writes byte by byte."""

    def __init__(self, behave):
        self.asked, self.keys = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                outer.asked.append(self.path)
                outer.keys.append(self.headers.get("Authorization"))
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    behave(self)
                except OSError:  # the client has had enough
                    self.close_connection = True

            do_POST = do_GET

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def raw(handler, *parts, headers=(), wait=0.0, end=True):
    """200, then the parts in chunks of HTTP, with a wait between them."""
    handler.send_response(200)
    for name, value in headers:
        handler.send_header(name, value)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for part in parts:
        handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        handler.wfile.flush()
        time.sleep(wait)
    if end:
        handler.wfile.write(b"0\r\n\r\n")


LIMITS = AnswerLimits(size=200_000, size_per_token=100, seconds=0.6)
TWICE = Retries(tries=2, first_wait=0.01, patience=0.1)


def refused(address, builtin, **arguments):
    began = time.monotonic()
    with pytest.raises(DataselectError) as told:
        ServerBackend(builtin, BackendOptions(server=address, engine_args=arguments), TWICE, LIMITS)
    return str(told.value), time.monotonic() - began


def test_a_body_that_drips_is_given_up_after_its_seconds(builtin):
    with Raw(lambda handler: raw(handler, *[b" "] * 1000, wait=0.05)) as server:
        told, seconds = refused(server.address, builtin)
    assert "began an answer and did not end it within 0.6 s, after" in told
    assert seconds < 4  # 50 s would pass before its end, each byte well within any timeout for reading


def test_headers_that_drip_are_given_up_after_the_timeout(builtin):
    def behave(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for n in range(1000):
            handler.wfile.write(f"X-{n}: 1\r\n".encode())
            handler.wfile.flush()
            time.sleep(0.05)

    with Raw(behave) as server:
        told, seconds = refused(server.address, builtin, timeout=0.5)
    assert "no whole answer within 0.5 s" in told
    assert seconds < 4


def test_an_answer_without_end_is_cut_at_its_size(builtin):
    with Raw(lambda handler: raw(handler, *[b"x" * 50_000] * 10_000)) as server:
        told, seconds = refused(server.address, builtin)
    assert "more than the 200,000 bytes that it can need" in told
    assert seconds < 4


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_compressed_bomb_is_never_unpacked(builtin, coding):
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    with Raw(lambda handler: raw(handler, bomb, headers=[("Content-Encoding", coding)])) as server:
        told, seconds = refused(server.address, builtin)
    assert f"is compressed ({coding}), though that was not asked for" in told
    assert seconds < 4


def test_an_error_without_end_is_read_to_its_message(builtin):
    def behave(handler):
        handler.send_response(418)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in [b"a teapot "] + [b"x" * 60_000] * 10_000:
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")

    with Raw(behave) as server:
        told, seconds = refused(server.address, builtin)
    assert "HTTP 418): a teapot xxx" in told
    assert len(told) < 500
    assert seconds < 4


def test_brackets_without_end_are_no_json(builtin):
    with Raw(lambda handler: raw(handler, b"[" * 150_000)) as server:
        told, _ = refused(server.address, builtin)
    assert "not JSON" in told


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_follows_no_redirect(builtin, monkeypatch, status):
    monkeypatch.setenv("DATASELECT_API_KEY", KEY)
    with Raw(lambda handler: raw(handler, b"{}")) as other:

        def behave(handler):
            handler.send_response(status)
            handler.send_header("Location", f"{other.address}/models?{KEY}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with Raw(behave) as server:
            told, _ = refused(server.address, builtin)
        assert server.keys == [f"Bearer {KEY}"]
        assert other.asked == []
    assert f"HTTP {status}" in told
    assert "no redirect is followed" in told
    assert not gives_away(told)


def test_a_server_that_turns_bad_while_scoring_ends_the_run_soon(server, builtin, sent):
    """It answers the start, then lets every answer drip: tried again, asked for a sign of life, then given up."""
    backend = ServerBackend(builtin, BackendOptions(server=server.address), TWICE, LIMITS)
    server.started = True

    original = server.http.RequestHandlerClass.do_POST

    def drip(handler):
        handler.rfile.read(int(handler.headers["Content-Length"]))
        try:
            raw(handler, *[b" "] * 400, wait=0.05)
        except OSError:
            handler.close_connection = True

    server.http.RequestHandlerClass.do_POST = drip
    began = time.monotonic()
    with pytest.raises(EngineDiedError, match="no longer answers: the server began an answer"):
        backend.score(sent)
    assert time.monotonic() - began < 8
    server.http.RequestHandlerClass.do_POST = original
    backend.stop()


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    rows = [{"id": f"r{n}", "prompt": "Say it", "response": " ".join(["word"] * (1 + 30 * n))} for n in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
