"""The stand-in editor for its own tests."""

from tests.fake_unreal.fixtures import crash, editor, section, sequence, unreal  # noqa: F401
