"""The studio: the page of `medtalk preview`, served on this machine with live controls (needs the extra `studio`).

A tab sends the settings of a take; the sidecar's worker, with its cache, decodes them; the page plays the new take.
"""
