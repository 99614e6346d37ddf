"""Speech with phone times: robots from Debian packages, Kokoro's natural voices, and recordings of real people."""
