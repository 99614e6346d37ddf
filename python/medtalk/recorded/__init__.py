"""Recorded rigs: takes that are kept to be made again, so that a build fails where an update changes the animation.

settings     the settings of a take as JSON, whole, and back
recording    a recorded rig in its files: what it was made by, the curves, perhaps the sound
making       a take of a sound, by a model of this process
curves       tables of curves that Unreal exports
comparison   two rigs, control by control, on the head, and by the lips' events
verify       recorded rigs made again and compared
report       what came out, as text, as JUnit XML and as an HTML page with heads beside each other
pytest_plugin   the same in a test suite: `pytest --medtalk-rigs DIR`
"""
