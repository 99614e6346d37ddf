"""Which language other than English a text seems to be in: by its script, its letters and its commonest words."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType

# Words that each language is full of, and how it calls the feelings; none is English. After the bar are letters that
# hardly any other language of the table has.
_WORDS = """
German: und ich er sie es ist nicht der das ein eine einen einem seine seinen ihre ihren sehr mit auf von für aber
  oder wie als ob vor zu im leicht etwas ganz bisschen wirkt versucht frau mann traurig müde wütend böse ängstlich
  glücklich fröhlich überrascht genervt weint lacht lächelt enttäuscht ruhig ernst freude den dem des haben wird über
  verärgert verwirrt | ß
French: le les des une et est il elle ils je ne pas très avec dans sur sa ses mais ou qui que comme un peu du au aux
  plus colère triste heureux heureuse joyeux peur fatigué fâché surpris dégoût contente sourire sourit larmes yeux la
  d'un d'une cette sans pleure crie méfiant | œ
Spanish: el los las una y es está muy con su sus pero que como por para se lo del al un poco más ella él ser triste
  feliz enojado enojada enfadado enfadada contento miedo alegre alegría cansado cansada sorprendido nervioso nerviosa
  sonrisa ojos llora la sin furioso llorando tranquilo sonriendo | ñ ¿ ¡
Italian: il gli una e è di che con sono molto suo sua ma per non un po' poco del della lo lei lui si triste felice
  arrabbiato arrabbiata stanco stanca paura contento sorpreso gioia piange sorride sorriso occhi la dal nel spaventato
  disgustato preoccupato ragazza ragazzo | ì ò
Portuguese: os uma e é está muito com seu sua mas não que como por para um pouco da ele ela em na triste feliz zangado
  zangada cansado cansada medo alegre alegria surpreso nervoso sorriso olhos chorar das dos homem mulher chorando
  sorrindo assustado felicidade ao | ã õ
Dutch: een het en zijn haar niet erg heel maar ook hij zij ze ik op voor beetje alsof blij verdrietig verrast droevig
  vriendelijk lacht huilt om huilend verdrietige vrolijk
Polish: jest się nie na w z bardzo ale jak jego jej ona lekko trochę smutny smutna zły zła wesoły wesoła szczęśliwy
  przestraszony zmęczony zdziwiony boi płacze ze mężczyzna kobieta zaskoczony | ł ą ę ś ć ź ż
Czech: je se na ve v s velmi ale jako jeho její ona trochu smutný smutná naštvaný šťastný veselý vyděšený unavený
  překvapený bojí pláče ze muž žena dívá směje | ř ě ů
Swedish: och är en ett hon han inte mycket med på som sitt mot ledsen trött rädd orolig förvånad lycklig gråter ler
Danish: og er en et hun han ikke meget med på som lidt af ked vred træt bange urolig overrasket lykkelig græder
Norwegian: og er en et hun han ikke veldig med på som litt av trist sint trøtt redd lei overrasket lykkelig gråter
Turkish: ve bir çok ama gibi için bu biraz ile onun kadın adam üzgün kızgın mutlu korkmuş yorgun şaşkın sinirli öfkeli
  ağlıyor gülüyor gülen korku ağlayan | ğ ı
Finnish: ja hän ei hyvin mutta kuin vähän hieman surullinen vihainen iloinen peloissaan väsynyt yllättynyt itkee
Hungarian: és az egy nagyon nem kicsit szomorú dühös boldog fáradt ijedt meglepett sír | ő ű
Romanian: și este foarte cu dar nu un puțin lui ei trist tristă fericit supărat obosit speriat surprins | ă ț ș
Indonesian: dan yang sangat dengan dia tidak tapi sedikit seperti sedih marah senang takut lelah gembira terkejut
Vietnamese: và rất không nhưng hơi như anh cô ấy buồn giận vui sợ mệt | ơ ư ạ ả ấ ầ ậ ắ ặ ẹ ẻ ế ề ể ệ ị ọ ỏ ố ồ ộ ớ ờ
  ợ ụ ủ ứ ừ ự
"""

_SCRIPTS = {
    "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "CJK": "Chinese", "HANGUL": "Korean", "CYRILLIC": "Russian",
    "GREEK": "Greek", "ARABIC": "Arabic", "HEBREW": "Hebrew", "DEVANAGARI": "Hindi", "BENGALI": "Bengali",
    "TAMIL": "Tamil", "THAI": "Thai", "GEORGIAN": "Georgian", "ARMENIAN": "Armenian",
}  # fmt: skip
_UKRAINIAN = frozenset("іїєґ")


def foreign(words: Sequence[str]) -> tuple[str, int]:
    """The language other than English that most of the words speak for.

    Args:
        words: of a text, as `medtalk.features.words.split` gives them.

    Returns:
        Its name, "" where no language comes before all others; and how many words speak for it.
    """
    votes = Counter(language for word in words for language in _languages(word))
    for language, shared in (("Japanese", "Chinese"), ("Ukrainian", "Russian")):
        if language in votes:  # which has signs of its own beside those that it shares
            votes[language] += votes.pop(shared, 0)
    (best, most), (_, second) = [*votes.most_common(2), ("", 0), ("", 0)][:2]
    return (best if most > second else ""), most


def _languages(word: str) -> set[str]:
    """All that a word may be of."""
    scripts = {unicodedata.name(sign, "").split(" ")[0] for sign in word}
    if languages := {_SCRIPTS[script] for script in scripts & set(_SCRIPTS)}:
        return {"Ukrainian"} if _UKRAINIAN & set(word) else languages
    return {name for name, (common, letters) in _TABLE.items() if word in common or letters & set(word)}


def _table() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    table = {}
    for line in _WORDS.strip().replace("\n  ", " ").splitlines():
        name, _, rest = line.partition(": ")
        words, _, letters = rest.partition(" | ")
        table[name] = frozenset(words.split()), frozenset(letters.split())
    return table


_TABLE = MappingProxyType(_table())
