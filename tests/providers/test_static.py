"""The offline embedder: unit vectors for any text, from two data files."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.providers.static import StaticEmbedder


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder()


async def test_related_texts_are_nearer_than_unrelated_ones(embedder: StaticEmbedder) -> None:
    dog, puppy, tax = await embedder.embed(["the dog barks", "a barking puppy", "income tax rates"])
    assert dog @ puppy > dog @ tax + 0.2


async def test_a_query_and_a_document_of_the_same_text_have_the_same_vector(embedder: StaticEmbedder) -> None:
    text = "退款期限 refund"
    assert np.allclose(await embedder.embed_query(text), (await embedder.embed([text]))[0])


@pytest.mark.parametrize("text", ["", " ", "\n", "😀", "\x00", "a" * 200_000, "中文" * 20_000])
async def test_every_text_has_a_finite_unit_vector(embedder: StaticEmbedder, text: str) -> None:
    vector = await embedder.embed_query(text)
    assert vector.shape == (256,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


async def test_a_batch_gives_what_its_texts_give_alone(embedder: StaticEmbedder) -> None:
    texts = [f"passage {n} 第{n}段" for n in range(300)]
    together = await embedder.embed(texts)
    assert together.shape == (300, 256)
    assert np.allclose(together[299], await embedder.embed_query(texts[299]), atol=1e-6)


@given(st.text(st.sampled_from("ab cd  \n\t\r\xa0.,();_²1239éßд中文。ー한ไ👍-/"), min_size=1, max_size=80))
def test_a_vector_is_the_mean_of_the_tokens_of_the_whole_text(embedder: StaticEmbedder, text: str) -> None:
    """However it is taken apart on the way: no token reaches across the borders of the parts."""
    model = embedder._model
    tokens = model.tokenizer.encode(f" {text}", add_special_tokens=False).ids
    mean = model.rows[tokens].mean(axis=0, dtype=np.float32)
    assert np.allclose(embedder.embed_now([text])[0], mean / np.linalg.norm(mean), atol=1e-5)


async def test_more_words_than_are_remembered_are_embedded_all_the_same() -> None:
    embedder = StaticEmbedder()
    before = await embedder.embed_query("zebra")
    for start in range(0, 40_000, 20_000):
        await embedder.embed(["".join(f" w{chr(97 + n % 26)}{n:x}q" for n in range(start, start + 20_000))])
        await embedder.embed([f"x{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}" for n in range(100)])
    assert np.allclose(await embedder.embed_query("zebra"), before)


async def test_many_texts_are_embedded_by_another_process_with_the_same_result() -> None:
    """Also after that process has died."""
    texts = [f"passage {n} 第{n}段" for n in range(600)]
    expected = StaticEmbedder(64).embed_now(texts)
    embedder = StaticEmbedder(64)
    try:
        assert np.array_equal(await embedder.embed(texts), expected)
        helper = embedder._helper
        assert helper is not None
        assert np.array_equal(await embedder.embed(texts), expected)
        helper._process.kill()
        assert np.array_equal(await embedder.embed(texts), expected)
    finally:
        await embedder.aclose()
    assert helper._process.returncode is not None


async def test_no_texts_give_no_vectors(embedder: StaticEmbedder) -> None:
    assert (await embedder.embed([])).shape == (0, 256)


async def test_fewer_dimensions_are_the_first_ones_and_have_their_own_id() -> None:
    short = StaticEmbedder(64)
    assert short.id == "static:wordllama-l2-64"
    assert (await short.embed_query("refund")).shape == (64,)
    with pytest.raises(ValueError, match="1 to 256"):
        StaticEmbedder(512)


def test_tokens_are_counted(embedder: StaticEmbedder) -> None:
    assert embedder.count_tokens("") <= 1
    assert embedder.count_tokens("hello world") == 2


def test_it_never_imports_the_package_that_carries_the_weights() -> None:
    code = (
        "import sys; from ragcli.providers.static import StaticEmbedder; StaticEmbedder().embed_now(['x']);"
        "sys.exit('wordllama' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=240).returncode == 0
