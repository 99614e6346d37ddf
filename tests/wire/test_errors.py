"""An error is one line, and still tells a program what it is about."""

from __future__ import annotations

import pickle

import pytest

from medtalk_wire.errors import OneLineError, RequestError, SidecarError, UnreachableError


def test_message_and_hint_are_one_line_and_about_is_as_it_was_given() -> None:
    error = UnreachableError("There is no\nfile  a\nb.", "Make\none.", about="a\nb")
    assert isinstance(error, SidecarError) and isinstance(error, OneLineError) and error.code == "unreachable"
    assert str(error) == "There is no file a b. Make one."
    assert (error.message, error.hint, error.about) == ("There is no file a b.", "Make one.", "a\nb")


def test_about_is_empty_where_nobody_says_it() -> None:
    assert OneLineError("Wrong.").about == "" and str(OneLineError("Wrong.")) == "Wrong."


@pytest.mark.parametrize("error", [OneLineError("A", "B", "c"), RequestError("limit", "A", "B", "c")])
def test_an_error_passes_between_processes(error: OneLineError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and vars(copy) == vars(error)
