"""Another editor of a project, as a process: one click for one take; it closes when its standard input ends.

    second_editor.py PROJECT_FOLDER SOUND_FILE

It prints the process of the sidecar that it starts, if it starts one, as soon as it does; then what its form says in
the end, and the instance of the sidecar that it used.
"""

import sys
from pathlib import Path

from tests.fake_unreal.editor import Editor, stand_in


def main(project: Path, sound: Path) -> None:
    with stand_in() as unreal:
        from tests.plugin.clicking import finish, press, status
        from tests.plugin.running import tick_until

        editor = Editor(unreal, project)
        editor.start_plugin()
        editor.select_actors(editor.add_metahuman())
        form = press(editor, [editor.add_sound(sound)])
        from medtalk_unreal import generate
        from medtalk_unreal.sidecar import the_sidecar

        tick_until(editor, lambda: the_sidecar._program or not generate.running(), "a start, or none")
        if the_sidecar._program:
            print(the_sidecar._program.process.pid, flush=True)
        finish(editor)
        print(status(form))
        print(the_sidecar.about.get("instance"), flush=True)
        sys.stdin.read()
        editor.shut_down()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
