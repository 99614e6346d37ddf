"""Speech with exact phone times, from free Debian packages: generated, not recorded."""
