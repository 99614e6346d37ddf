"""Takes on a head, to look at: single pictures, contact sheets and videos, drawn on any machine."""
