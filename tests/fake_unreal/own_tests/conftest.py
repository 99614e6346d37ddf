"""The stand-in editor for its own tests."""

from tests.fake_unreal.fixtures import crash, editor, engine, section, sequence, unreal  # noqa: F401
