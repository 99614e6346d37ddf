"""Packaging of MEDTalk: one distribution from four folders, a light core and extras; a release is two of them.

`python/medtalk` is the library and command line, `training/medtalk_train` the training, `assets` the data that ships
(installed as the package `medtalk_assets`), `unreal_plugin` the plugin that `medtalk plugin install` copies (installed
as the package `medtalk_plugin`). `medtalk_board` (what a face is) and `medtalk_wire` (the sidecar's client) lie in it,
where Unreal looks for them.

A clone or an sdist installs everything. For a release, `make wheels` builds two wheels by these environment variables:

* MEDTALK_PART: `lean` is `medtalk` without the weights of its bundle that only torch reads, half of its size; `weights`
  is `medtalk-weights`, which puts them beside it. The extras `full` and `train` of the lean one bring it.
* MEDTALK_URL: where the repository's files can be read, such as https://HOST/NAME/medtalk/blob/v1.0. The README's
  links to files lead there from an index page; without it they are plain text.

pyproject.toml has what is the same in every build of `medtalk`. Here is what it cannot say: the second distribution,
because a [project] has one fixed name; the extras, because two of them differ between a clone and the lean wheel; the
long description, whose links depend on MEDTALK_URL; and the folders.
"""

import os
import re
from pathlib import Path

from setuptools import Distribution, find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'^__version__ = "([^"]+)"', (ROOT / "python/medtalk/version.py").read_text("utf-8"), re.M)
assert VERSION is not None
PART = os.environ.get("MEDTALK_PART", "")
assert PART in ("", "lean", "weights"), f"MEDTALK_PART is {PART!r}; valid are lean and weights, or leave it out"

TORCH = "torch>=2.10"
FULL = [
    TORCH,
    "safetensors>=0.5",
    "transformers>=5.0",
    "funasr>=1.3",
    "librosa>=0.11",  # aligns takes of one sentence; funasr brings it, too
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
    "matplotlib>=3.9",  # pictures beside the tables
    "scikit-learn>=1.6",  # t-SNE, silhouettes and linear probes of the spaces (Fig. 5)
    "av>=14.0",  # reads videos with an FFmpeg of its own: frames of the strongest expression
    "pillow>=11.0",
    "hibari-tts>=0.2.1",  # English words to phones, for Kokoro's voices and for words that PocketSphinx lacks
    "pocketsphinx>=5.1",  # phone times of real people's speech
    "faster-whisper>=1.2",  # its text
]
WEIGHTS = [f"medtalk-weights=={VERSION[1]}"] if PART == "lean" else []
MEDIA = ["av>=14.0"]  # reads the sound of MP3, M4A and videos with an FFmpeg of its own
REPORT = ["matplotlib>=3.9", "pillow>=11.0", "av>=14.0"]  # curves, sheets, videos
PICTURE = ["mediapipe>=1.2", "pillow>=11.0"]  # the expression of a face in a picture
STUDIO = ["starlette>=0.46", "uvicorn>=0.35", "websockets>=14"]  # serve its page, and the socket of its live streams
LIVE = ["sounddevice>=0.5", "python-osc>=1.9"]  # microphones by PortAudio; frames by OSC
METRICS = ["prometheus-client>=0.21"]
BATCH = ["ray[client]>=2.40"]  # a cluster that bakes; `client` reaches one by ray://HOST
PEERS = ["pocketsphinx>=5.0", "openfacefx>=0.24"]  # whose lips benchmarks/quality.py prints beside ours
DEV = [
    "pytest>=8.4",
    "pytest-xdist>=3.6",  # two test files at a time
    "pytest-timeout>=2.4",  # one that hangs says where, and does not take all of CI's time
    "hypothesis>=6.120",
    "ruff>=0.14",
    "pyright[nodejs]>=1.1.400",  # with a node of its own: else it would download one from elsewhere than PyPI
    "psutil>=6.1",
    "pygltflib>=1.16",  # reads the .glb that the tests write
    "playwright>=1.50",  # drives Debian's Chromium in tests/browser; it downloads none itself unless asked
    "ctranslate2>=4.5",  # writes the weights of faster-whisper that medtalk-train reads
    "pylivelinkface>=0.1",  # decodes the datagrams of Live Link Face that `medtalk live` sends
    "openjd-model>=0.14",  # checks the job template of `medtalk bake --openjd`, and expands its tasks
    "unreal-stub>=0.3",  # what Unreal 5.6 says of its Python classes: pyright and tests/fake_unreal are held to it
    # has wheels for these only, and builds nowhere without a clang of its own
    'atheris>=3.0; sys_platform == "linux" and platform_machine == "x86_64" and python_version < "3.15"',
]
PLUGIN = "unreal_plugin/MEDTalk/Content/Python"
COMPACT = "assets/models/compact"


def index_page() -> str:
    """The README for an index page, which has none of our files beside it."""
    url = os.environ.get("MEDTALK_URL", "").rstrip("/")
    text = (ROOT / "README.md").read_text("utf-8")
    return re.sub(r"\[([^]]+)\]\((?!https?:)([^)]+)\)", rf"[\1]({url}/\2)" if url else r"\1", text)


class Weights(Distribution):
    """`medtalk-weights`, which the [project] of pyproject.toml is not about."""

    def parse_config_files(self, *_: object, **__: object) -> None:
        pass


if PART == "weights":
    setup(
        distclass=Weights,
        name="medtalk-weights",
        version=VERSION[1],
        description="The weights for torch of the model that medtalk ships",
        long_description="`pip install 'medtalk[full]'` brings them. `medtalk` alone runs without them and torch.",
        long_description_content_type="text/markdown",
        author="MEDTalk for MetaHuman contributors",
        license_expression="MIT",
        license_files=["LICENSE", f"{COMPACT}/LICENSE.whisper", "assets/english/README.md"],
        python_requires=">=3.11",
        package_dir={"medtalk_assets.models.compact": COMPACT},
        packages=["medtalk_assets.models.compact"],
        package_data={"medtalk_assets.models.compact": ["*.safetensors"]},
        install_requires=[f"medtalk=={VERSION[1]}"],
    )
else:
    setup(
        version=VERSION[1],
        long_description=index_page(),
        long_description_content_type="text/markdown",
        package_dir={
            "": "python",
            "medtalk_board": f"{PLUGIN}/medtalk_board",
            "medtalk_wire": f"{PLUGIN}/medtalk_wire",
            "medtalk_train": "training/medtalk_train",
            "medtalk_assets": "assets",
            "medtalk_plugin": "unreal_plugin",
        },
        packages=[
            *find_packages("python"),
            "medtalk_board",
            "medtalk_wire",
            *find_packages("training", include=["medtalk_train", "medtalk_train.*"]),
            "medtalk_assets",
            "medtalk_plugin",
        ],
        package_data={
            "medtalk": ["py.typed", "face/web/*", "studio/web/*", "study/web/*"],
            "medtalk_train": [
                "synthetic/whisper_license.txt",
                "recipes/*.yaml",
                "wording/languages/*.txt",
                "wording/judged/*.txt",
            ],
            "medtalk_assets": ["models/**/*", "audio/**/*", "poses/**/*", "english/**/*", "head/*", "personas/*"],
            "medtalk_plugin": ["MEDTalk/*.uplugin", "MEDTalk/Content/Python/**/*.py"],
        },
        exclude_package_data={"medtalk_assets": ["*.safetensors"] if PART == "lean" else []},
        extras_require={
            "full": FULL + WEIGHTS,
            "train": TRAIN + WEIGHTS,
            "media": MEDIA,
            "report": REPORT,
            "picture": PICTURE,
            "studio": STUDIO,
            "live": LIVE,
            "metrics": METRICS,
            "batch": BATCH,
            "peers": PEERS,
            "dev": DEV,
        },
    )
