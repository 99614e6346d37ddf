"""The teacher: rule-made face motion that the compact model learns from. Lips from phone times, emotion from tables."""
