"""Another editor of a project, as a process: one click for one take, then it is closed.

    second_editor.py PROJECT_FOLDER SOUND_FILE

It prints what its form says in the end, and the instance of the sidecar that it used.
"""

import sys
from pathlib import Path

from tests.fake_unreal.editor import Editor, stand_in


def main(project: Path, sound: Path) -> None:
    with stand_in() as unreal:
        from tests.plugin.clicking import finish, press, status

        editor = Editor(unreal, project)
        editor.start_plugin()
        editor.select_actors(editor.add_metahuman())
        form = press(editor, [editor.add_sound(sound)])
        finish(editor)
        from medtalk_unreal.sidecar import the_sidecar

        print(status(form))
        print(the_sidecar.about.get("instance"))
        editor.shut_down()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
