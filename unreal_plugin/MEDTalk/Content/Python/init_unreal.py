"""The editor runs this at its start, in one interpreter with all other plugins: nothing here may fail or take time."""

try:
    import medtalk_unreal

    medtalk_unreal.startup()
except Exception as error:
    import unreal

    unreal.log_error(f"MEDTalk could not start: {type(error).__name__}: {' '.join(str(error).split())}")
