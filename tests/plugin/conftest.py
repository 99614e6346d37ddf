"""The stand-in editor for tests of the plugin."""

from tests.fake_unreal.fixtures import crash, editor, engine, engine_plugins, section, sequence, unreal  # noqa: F401
from tests.plugin.bakes import production, rigs  # noqa: F401
from tests.plugin.clicking import desk, serving  # noqa: F401
from tests.plugin.running import configured, empty_python  # noqa: F401
