"""Packaging of MEDTalk: one distribution from four folders, a light core and extras.

`python/medtalk` is the library and command line, `training/medtalk_train` the training, `assets` the data that ships
(installed as the package `medtalk_assets`), `unreal_plugin` the plugin that `medtalk plugin install` copies (installed
as the package `medtalk_plugin`), and `medtalk_wire`, the sidecar's client, lies in it, where Unreal looks for it.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'^__version__ = "([^"]+)"', (ROOT / "python/medtalk/__init__.py").read_text("utf-8"), re.M)
assert VERSION is not None

TORCH = "torch>=2.10"
FULL = [
    TORCH,
    "safetensors>=0.5",
    "transformers>=5.0",
    "funasr>=1.3",
    "openai-whisper>=20240930",
    "open_clip_torch>=3.0",  # brings torchvision, each release of which fits certain releases of torch only
    "pillow>=11.0",
    "setuptools>=75",  # has distutils, which funasr imports, for Python 3.12 and later
]
TRAIN = [
    TORCH,
    "safetensors>=0.5",
    "lightning>=2.5",
    "tensorboard>=2.18",
    "onnx>=1.18",
    "pyyaml>=6.0",
    "av>=14.0",  # reads videos with an FFmpeg of its own: frames of the strongest expression
    "pillow>=11.0",
    "hibari-tts>=0.2.1",  # English words to phones, for Kokoro's voices and for words that PocketSphinx lacks
    "pocketsphinx>=5.1",  # phone times of real people's speech
    "faster-whisper>=1.2",  # its text
]
BATCH = ["ray>=2.40"]
REPORT = ["matplotlib>=3.9"]
METRICS = ["prometheus-client>=0.21"]
PEERS = ["pocketsphinx>=5.0", "openfacefx>=0.24"]  # whose lips benchmarks/quality.py prints beside ours
DEV = [
    "pytest>=8.4",
    "hypothesis>=6.120",
    "ruff>=0.14",
    "pyright>=1.1.400",
    "psutil>=6.1",
    "ctranslate2>=4.5",  # writes the weights of faster-whisper that medtalk-train reads
    "unreal-stub>=0.3",  # what Unreal 5.6 says of its Python classes: pyright and tests/fake_unreal are held to it
    # has wheels for these only, and builds nowhere without a clang of its own
    'atheris>=3.0; sys_platform == "linux" and platform_machine == "x86_64" and python_version < "3.15"',
]
WIRE = "unreal_plugin/MEDTalk/Content/Python"

setup(
    name="medtalk",
    version=VERSION[1],
    description="A recording in, an emotional MetaHuman face rig out",
    long_description=(ROOT / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    author="MEDTalk for MetaHuman contributors",
    python_requires=">=3.11",
    package_dir={
        "": "python",
        "medtalk_wire": f"{WIRE}/medtalk_wire",
        "medtalk_train": "training/medtalk_train",
        "medtalk_assets": "assets",
        "medtalk_plugin": "unreal_plugin",
    },
    packages=[
        *find_packages("python"),
        *find_packages(WIRE, include=["medtalk_wire", "medtalk_wire.*"]),
        *find_packages("training", include=["medtalk_train", "medtalk_train.*"]),
        "medtalk_assets",
        "medtalk_plugin",
    ],
    package_data={
        "medtalk": ["py.typed"],
        "medtalk_train": ["whisper_license.txt"],
        "medtalk_assets": ["models/**/*", "audio/**/*", "poses/**/*", "english/**/*"],
        "medtalk_plugin": ["MEDTalk/*.uplugin", "MEDTalk/Content/Python/**/*.py"],
    },
    install_requires=[
        "numpy>=2.0",
        "scipy>=1.14",
        "onnxruntime>=1.20",
        "soundfile>=0.13",
        "soxr>=0.5",
        "typer>=0.15",
        "rich>=13.9",
        "pyzmq>=26.2",
        "msgpack>=1.1",
        "msgspec>=0.19",
    ],
    extras_require={
        "full": FULL, "train": TRAIN, "batch": BATCH, "report": REPORT, "metrics": METRICS, "peers": PEERS, "dev": DEV,
    },
    entry_points={
        "console_scripts": ["medtalk = medtalk.cli:main", "medtalk-train = medtalk_train.cli:main"],
    },
)
