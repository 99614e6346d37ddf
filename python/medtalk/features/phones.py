"""The phone classes whose posteriors the compact acoustic encoder gives.

One silence, 22 consonants, 12 vowels. Affricates are a stop and a fricative, diphthongs two vowels, so that every
class has one mouth shape. ``yr`` is the front rounded vowel of French *tu* or German *schön*.
"""

from __future__ import annotations

SILENCE = "sil"
CONSONANTS = ("p", "b", "m", "f", "v", "th", "dh", "t", "d", "n", "s", "z", "sh", "zh", "k", "g", "ng", "l", "r", "w",
              "y", "h")  # fmt: skip
VOWELS = ("aa", "ae", "ah", "ao", "eh", "er", "ih", "iy", "oh", "uh", "uw", "yr")
PHONES = (SILENCE, *CONSONANTS, *VOWELS)
N_PHONES = len(PHONES)
PHONE_INDEX = {name: index for index, name in enumerate(PHONES)}

assert N_PHONES == 35 and len(PHONE_INDEX) == N_PHONES
