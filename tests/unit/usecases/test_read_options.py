"""run.yaml: read strictly, refused with a remedy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.errors import DropRejectedError
from deckhand.domain.options import RunOptions
from deckhand.usecases.read_options import MAX_BYTES, read_options


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}"])
def test_an_empty_file_says_nothing(text: str) -> None:
    assert read_options(text.encode()) == RunOptions()


def test_the_deck_is_named() -> None:
    assert read_options("\ufeffdeck: in.mélt\n".encode()).deck == "in.mélt"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"dekc: in.melt", "unknown key `dekc`. Did you mean `deck`?"),
        (b"deck: [a, b]", "`deck`: Input should be a valid string"),
        (b"deck: 'a\nb: [", "is not YAML"),
        (b"a: b\n  c: d\n", "line 2"),
        (b"- in.melt", "`key: value` lines"),
        (b"\xff\xfea", "not UTF-8"),
        (b"!!python/object/apply:os.system ['true']", "is not YAML"),
        (b"x" * (MAX_BYTES + 1), "is the most"),
        (b"[" * 5000, "is not YAML"),
        (b"a: &a [b]\nc: *a", "unknown key `a`"),
    ],
)
def test_a_mistake_is_named(content: bytes, says: str) -> None:
    with pytest.raises(DropRejectedError) as caught:
        read_options(content)
    assert says in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        options = read_options(text.encode("utf-8", "surrogatepass"))
    except DropRejectedError as error:
        assert "run.yaml" in str(error)
    else:
        assert isinstance(options, RunOptions)
