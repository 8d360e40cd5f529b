"""A chat completion out of the bytes of its reply: pure, so that it can be tried with every way to cut them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from ragcli.errors import ConnectionLost, EndpointError, ServerFailed
from ragcli.providers.failures import not_json, payload_error, shortened
from ragcli.providers.sse import EventReader
from ragcli.providers.thinking import ThinkingSplitter
from ragcli.types import Delta, Usage

LONGEST_OBJECT = 16 << 20
"""Bytes of an answer that comes as one JSON object."""

_FINISHES = {
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
}
"""What servers write where OpenAI writes `stop` and `length`."""


class Completion:
    """Feed it the bytes of a reply and `end` it: together they give the pieces of the answer.

    Takes the event stream that was asked for, and the one JSON object that some servers send instead. `finish` is set
    as soon as the model has finished, `done` when nothing more can follow; `signs` grows with each sign of life.
    """

    def __init__(self, secret: str = "") -> None:
        self.finish: str | None = None
        self.done = False
        self._secret = secret
        self._events = EventReader()
        self._thinking = ThinkingSplitter()
        self._usage: Usage | None = None
        self._chunks = 0
        self._promised = False
        self._start = bytearray()
        self._form: str | None = None

    @property
    def signs(self) -> int:
        """Chunks so far; while there is none, also comments: a queue may send them long before the first token."""
        return self._chunks or -1 - self._events.comments

    def feed(self, piece: bytes) -> Iterator[Delta]:
        """Raises EndpointError behind what came before: the server reports an error, or sends what is no answer."""
        if self._form is None:
            self._start += piece
            start = self._start.lstrip(b"\xef\xbb\xbf \t\r\n")
            if not start:
                return
            self._form = "object" if start[:1] in b"{[<" else "events"
            piece = bytes(self._start)
            self._start.clear()
        if self._form == "object":
            self._start += piece
            if len(self._start) > LONGEST_OBJECT:
                raise ServerFailed(f"the endpoint sent more than {LONGEST_OBJECT >> 20} MB")
            return
        for data in self._events.feed(piece):
            yield from self._event(data)

    def end(self) -> list[Delta]:
        """The pieces that are left, the last one with `finish`. Raises ConnectionLost where the answer has none.

        Servers that never speak of a finish are taken at the word of their `[DONE]`.
        """
        deltas: list[Delta] = []
        if self._form == "object":
            deltas = list(self._object(bytes(self._start)))
        elif not self.done:
            deltas = [delta for data in self._events.end() for delta in self._event(data)]
        if self.finish is None and (self._promised or not self.done):
            raise ConnectionLost("the answer ended before it was finished", remedy="try again")
        text, reasoning = self._thinking.flush()
        if text or reasoning:
            deltas.append(Delta(text=text, reasoning=reasoning))
        return [*deltas, Delta(finish=self.finish or "stop", usage=self._usage)]

    def _event(self, data: bytes) -> Iterator[Delta]:
        if self.done:
            return
        if data.strip() == b"[DONE]":
            self.done = True
            return
        try:
            plain = _PLAIN.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            self._chunks += 1
            choice = plain.choices[0]
            self._promised |= choice.finish_reason is None
            text, reasoning = self._thinking.feed(choice.delta.content)
            if text or reasoning:
                yield Delta(text=text, reasoning=reasoning)
            return
        try:
            chunk = _json(data)
        except ValueError as error:
            if self.finish is not None:
                return
            shown = shortened(data.decode(errors="replace"), self._secret, 60)
            raise ServerFailed(f"the endpoint sent a broken chunk: {shown}") from error
        self._chunks += 1
        yield from self._chunk(chunk, "delta")

    def _object(self, content: bytes) -> Iterator[Delta]:
        try:
            reply = _json(content)
        except ValueError as error:
            raise not_json(content, self._secret) from error
        yield from self._chunk(reply, "message")
        if self.finish is None:
            raise EndpointError("the endpoint sent no chat completion", remedy="check base_url")

    def _chunk(self, chunk: Any, part: str) -> Iterator[Delta]:
        if not isinstance(chunk, dict):
            raise ServerFailed(f"the endpoint sent a broken chunk: {shortened(str(chunk), self._secret, 60)}")
        if chunk.get("error"):
            raise payload_error(chunk, secret=self._secret)
        if isinstance(chunk.get("usage"), dict):
            self._usage = _usage(chunk["usage"]) or self._usage
        for choice in chunk.get("choices") or ():
            if not isinstance(choice, dict) or choice.get("index"):
                continue
            delta = choice.get(part) or choice.get("message") or {}
            reasoning = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
            text = _text(delta.get("content")) + _text(delta.get("refusal"))
            if text:
                text, thought = self._thinking.feed(text)
                reasoning += thought
            if text or reasoning:
                yield Delta(text=text, reasoning=reasoning)
            self._promised |= "finish_reason" in choice
            finish = choice.get("finish_reason") or ("stop" if part == "message" else None)
            if finish == "error":
                raise payload_error(choice, secret=self._secret)
            if finish:
                self.finish = _FINISHES.get(str(finish).lower(), str(finish).lower())


def joined(deltas: Iterator[Delta]) -> Iterator[Delta]:
    """Text that came at once goes on at once: a reader who is behind catches up, as all it missed costs one step."""
    texts: list[str] = []
    try:
        for delta in deltas:
            if delta.text and not (delta.reasoning or delta.finish or delta.usage):
                texts.append(delta.text)
                continue
            if texts:
                yield Delta(text="".join(texts))
                texts.clear()
            yield delta
    except EndpointError:
        if texts:
            yield Delta(text="".join(texts))
        raise
    if texts:
        yield Delta(text="".join(texts))


class _Said(msgspec.Struct):
    content: str
    reasoning_content: Literal[""] | None = None
    reasoning: Literal[""] | None = None
    refusal: Literal[""] | None = None


class _Choice(msgspec.Struct):
    delta: _Said
    index: Literal[0] = 0
    finish_reason: msgspec.UnsetType | None = msgspec.UNSET


class _Plain(msgspec.Struct):
    """The chunk that nearly all are: a piece of text and no more. What does not fit is read field by field."""

    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1, max_length=1)]
    usage: None = None
    error: None = None


_PLAIN = msgspec.json.Decoder(_Plain)


def _json(content: bytes) -> Any:
    """Raises ValueError. The quick reader is a strict one; what it refuses, bad UTF-8 or NaN, gets a second chance."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(content.decode(errors="replace"))


def _text(content: Any) -> str:
    """Text of a string, or of a list of parts."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _usage(counts: dict[str, Any]) -> Usage | None:
    prompt, completion, total = (counts.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    if not isinstance(prompt, int) or not isinstance(completion, int | None):
        return None
    completion = completion or 0
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total if isinstance(total, int) else prompt + completion,
        estimated=False,
    )
