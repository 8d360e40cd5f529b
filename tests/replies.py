"""What the endpoint of the tests says: scripted replies, every fault among them, and what it makes up itself."""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One scripted reply. Counts are of tokens already sent; `body` goes out as it is, whatever the path.

    With `held` the rest comes when the test has set that event: nothing need be slow to be in the middle of something.
    With `company` it begins when the server has had so many requests at once.
    """

    text: str = ""
    tokens: tuple[str, ...] | None = None
    reasoning: tuple[str, ...] = ()
    reasoning_field: str = "reasoning_content"
    refusal: bool = False
    finish: str | None = "stop"
    usage: bool = True
    done: bool = True

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = ""

    follow: bool = False
    overlap: int = 0

    newline: bytes = b"\n"
    comments: bool = False
    empty_chunks: bool = True
    split: int = 0
    delay: float = 0.0
    before_headers: float = 0.0
    before_first: float = 0.0

    reset: bool = False
    hang: bool = False
    drop_after: int | None = None
    reset_after: int | None = None
    hang_after: int | None = None
    keep_alive_after: int | None = None
    malformed_after: int | None = None
    error_after: int | None = None
    end_after: int | None = None
    held_open: bool = False
    held: threading.Event | None = None
    held_at: int | None = None  # tokens already sent; None: nothing comes, not even a header
    company: int = 0


def tokenize(text: str) -> tuple[str, ...]:
    """Tokens as models cut them: words with the space before them, Chinese in single characters."""
    return tuple(
        re.findall(
            r"\s*(?:[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]|[^\s\u3400-\u9fff\u3000-\u303f\uff00-\uffef]+)|\s+$", text
        )
    )


def answer(text: str, **options: Any) -> Reply:
    """A streamed answer; the options are the fields of `Reply`."""
    return Reply(text=text, **options)


def refusal(
    status: int, code: str = "", message: str = "", *, retry_after: str | None = None, param: str | None = None
) -> Reply:
    """An error object with a status."""
    error = {
        "message": message or f"scripted failure {status}",
        "type": "scripted",
        "code": code or None,
        "param": param,
    }
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Reply(status=status, headers=headers, body=json.dumps({"error": error}).encode())


def page(status: int = 200) -> Reply:
    return Reply(status=status, body=b"<!doctype html><html><title>Sign in</title></html>", content_type="text/html")


def reset() -> Reply:
    """The connection is reset before any reply."""
    return Reply(reset=True)


def hang() -> Reply:
    """Nothing comes, not even a header."""
    return Reply(hang=True)


# --- what is not scripted -----------------------------------------------------------------------------------


def following(tokens: tuple[str, ...], messages: list[dict[str, str]], overlap: int) -> tuple[str, ...]:
    """What is left behind the part that the request quotes as said, from `overlap` tokens before it."""
    said = next((message["content"] for message in reversed(messages) if message["role"] == "assistant"), "")
    count = 0
    while count < len(tokens) and len("".join(tokens[: count + 1])) <= len(said):
        count += 1
    rest = "".join(tokens)[len(said) :] if not overlap else "".join(tokens[max(0, count - overlap) :])
    return tokenize(rest)


def canned(body: dict[str, Any]) -> str:
    """An answer in the language of the question that cites up to two of the prompt's sources."""
    prompt = body["messages"][-1]["content"]
    numbers = list(dict.fromkeys(re.findall(r"\[(\d{1,2})\]", "\n".join(m["content"] for m in body["messages"]))))[:2]
    if re.search(r"[\u4e00-\u9fff]", prompt):
        return "".join(f"文档中有相关说明 [{n}]。" for n in numbers or ["1"])
    return " ".join(f"The documents describe this [{n}]." for n in numbers or ["1"])


def features(text: str) -> list[str]:
    return re.findall(r"[\u3400-\u9fff]|[^\W_]+", text.lower())


def embedding(text: str, size: int) -> list[float]:
    """Feature hashing of words and characters: equal texts give equal vectors, similar ones similar vectors."""
    row = [0.0] * size
    for feature in features(text) or [text]:
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        row[int.from_bytes(digest[:4], "little") % size] += 1.0 if digest[4] & 1 else -1.0
    norm = math.sqrt(sum(value * value for value in row))
    return [3 * value / norm for value in row] if norm else [1.0] + [0.0] * (size - 1)  # not of unit length
