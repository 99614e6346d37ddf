"""The stand-in editor for its own tests."""

from tests.fake_unreal.fixtures import crash, editor, engine, engine_plugins, section, sequence, unreal  # noqa: F401
