"""Which language a text seems to be in: by its script, its letters and its commonest words."""

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
Catalan: és està molt amb el seu la seva però no trist trista enfadat enfadada content contenta cansat por els les ell
  ella i germà plora somriu alegre
Galician: está moi co seu triste pero non anoxado feliz cansada cando unha ela eu medo
Slovak: sa vo veľmi ako jeho jej nahnevaný nahnevaná vystrašený prekvapený bojí plače zo | ľ ĺ ŕ
Croatian: je se u i vrlo ali kao njegov ona malo tužan tužna ljut ljuta sretan sretna umoran uplašen iznenađen plače
  jako nije na s od | đ
Slovenian: je se v in zelo ampak kot njegov ona malo žalosten žalostna jezen jezna vesel vesela utrujen prestrašen
  presenečen joka ni
Latvian: ir un ļoti bet kā viņš viņa nav bēdīgs dusmīgs laimīgs noguris | ļ ņ ķ ģ ā ē ū
Lithuanian: yra ir labai bet kaip jis ji ne liūdnas piktas laimingas pavargęs išsigandęs | ė ų ū į
Estonian: ja on väga aga nagu tema ta ei kurb vihane rõõmus õnnelik väsinud hirmul üllatunud natuke nutab | õ
Icelandic: og er mjög en eins hann hún ekki leiður reiður glaður hræddur hissa þreyttur | þ ð æ
Albanian: është dhe shumë por si ai ajo nuk i e trishtuar zemëruar lumtur frikësuar lodhur | ë
Swahili: ana na sana lakini kama ni yake wake hana huzuni hasira furaha ana mwenye ameshangaa amekasirika anaogopa woga
  amechoka kidogo yeye analia anacheka kwa ya wa
Afrikaans: hy sy is baie maar soos 'n nie met en kwaad hartseer bly bang verras moeg huil lag effens
Irish: tá agus an na sé sí go ach brónach feargach sásta eagla air uirthi tuirseach
Welsh: mae ac yn iawn ond fel ei hi ddim drist ddig hapus ofnus wedi blino
Latin: est et valde sed quasi eius non tristis iratus laetus territus fessus attonitus
Esperanto: estas kaj tre sed kiel lia ŝia ne malĝoja kolera feliĉa timas laca surprizita | ŝ ĝ ĉ ĵ ŭ
Tagalog: ang ng sa at na siya ay hindi pero parang malungkot galit masaya takot pagod gulat umiiyak napaka kaunti
Basque: da eta oso baina bezala bere ez haserre triste pozik beldur nekatuta harrituta
"""

_SCRIPTS = {
    "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "CJK": "Chinese", "HANGUL": "Korean", "CYRILLIC": "Russian",
    "GREEK": "Greek", "ARABIC": "Arabic", "HEBREW": "Hebrew", "DEVANAGARI": "Hindi", "BENGALI": "Bengali",
    "TAMIL": "Tamil", "THAI": "Thai", "ETHIOPIC": "Amharic", "GUJARATI": "Gujarati", "TELUGU": "Telugu",
    "GURMUKHI": "Punjabi", "KHMER": "Khmer", "LAO": "Lao", "MYANMAR": "Burmese",
    "GEORGIAN": "Georgian", "ARMENIAN": "Armenian",
}  # fmt: skip
_SHARED = (  # a language of a script that another one is called after, by its own signs or words
    ("Japanese", "Chinese", "", ""),
    ("Ukrainian", "Russian", "іїєґ", "дуже він вона але"),
    ("Bulgarian", "Russian", "", "е съм много той тя тъжен ядосан щастлив уплашен се"),
    ("Serbian", "Russian", "ђјљњћџ", "веома али као"),
    ("Kazakh", "Russian", "әғқңөұүһ", ""),
    ("Persian", "Arabic", "پچژگ", "است و خیلی اما او از غمگین عصبانی خوشحال"),
)


def foreign(words: Sequence[str]) -> tuple[str, int]:
    """The language other than English that most of the words speak for.

    Args:
        words: of a text, as `medtalk.features.words.split` gives them.

    Returns:
        Its name, "" where no language comes before all others; and how many words speak for it.
    """
    (best, most), (_, second) = [*votes(words).most_common(2), ("", 0), ("", 0)][:2]
    return (best if most > second else ""), most


def votes(words: Sequence[str]) -> Counter[str]:
    """How many of the words speak for each language but English."""
    out = Counter(language for word in words for language in _languages(word))
    for language, shared, *_ in _SHARED:
        if out[language] > (1 if language == "Bulgarian" else 0):  # which has signs of its own beside the shared ones
            out[language] += out.pop(shared, 0)
    return +out


def _languages(word: str) -> set[str]:
    """All that a word may be of."""
    scripts = {unicodedata.name(sign, "").split(" ")[0] for sign in word}
    if languages := {_SCRIPTS[script] for script in scripts & set(_SCRIPTS)}:
        for language, shared, signs, common in _SHARED:
            if shared in languages and set(signs) & set(word):
                return {language}
            if shared in languages and word in common.split():
                languages = languages | {language}
        return languages
    return {name for name, (common, letters) in _TABLE.items() if word in common or letters & set(word)}


def _table() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    table = {}
    for line in _WORDS.strip().replace("\n  ", " ").splitlines():
        name, _, rest = line.partition(": ")
        words, _, letters = rest.partition(" | ")
        table[name] = frozenset(words.split()), frozenset(letters.split())
    return table


_TABLE = MappingProxyType(_table())
