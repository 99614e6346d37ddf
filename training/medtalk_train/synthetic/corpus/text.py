"""What the corpus says: clean sentences of the fortunes packages and our own sentences with affect words.

Only single sentences of 4 to 16 words are taken. The text drives synthesisers and is kept in the index of the corpus;
it is no part of a trained bundle.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np

from medtalk.errors import TrainingError

FORTUNES = Path("/usr/share/games/fortunes")
LEAST_WORDS, MOST_WORDS = 4, 16

# language: (folder or file under FORTUNES, Debian package, encodings to try)
SOURCES = {
    "en": (".", "fortunes fortunes-min", ("utf-8", "latin-1")),
    "de": ("de", "fortunes-de", ("utf-8", "latin-1")),
    "es": ("es", "fortunes-es", ("utf-8", "latin-1")),
    "it": ("it", "fortunes-it", ("utf-8", "latin-1")),
    "pl": ("pl", "fortunes-pl", ("utf-8", "iso-8859-2")),
    "cs": ("cs", "fortunes-cs", ("utf-8", "iso-8859-2")),
    "pt": ("brasil", "fortunes-br", ("utf-8", "latin-1")),
}
# Packages of other languages put links beside the English files; some files hold pictures or lists.
_SKIPPED = {"brasil", "debian", "ascii-art", "art", "translate-me", "banner", "asciiart", "vornamen", "namen", "imiona"}

# Sentences of our own for languages without a fortunes package.
OWN: dict[str, tuple[str, ...]] = {
    "fr": (
        "Je ne sais pas pourquoi le chat dort sur la chaise.", "Nous avons mangé une bonne soupe au petit déjeuner.",
        "Il pleut encore, mais les enfants veulent jouer dehors.", "La vieille voiture bleue ne démarre plus ce matin.",
        "Tu peux ouvrir la fenêtre, il fait trop chaud ici.", "Ma sœur habite près du marché, au bord du fleuve.",
        "C'est une histoire vraie que personne ne veut croire.", "On a perdu deux heures à chercher les clés.",
        "Quel bonheur de revoir tous ces beaux visages !", "Un jeune homme peureux a fui dans la rue brune.",
        "Le professeur parle trop vite pour les nouveaux élèves.", "J'aime beaucoup la lumière du soir sur la mer.",
        "Vous êtes sûrs que le train part à onze heures ?", "Jeudi, le juge a jeté les vieux journaux au feu.",
    ),
    "nl": (
        "De oude man loopt elke ochtend langs het water.", "Ik heb gisteren een mooi boek over vogels gekocht.",
        "Waarom wil je niet met ons naar de stad gaan?", "Het regent hard en de straat staat vol water.",
        "Mijn buurvrouw bakt op zondag altijd heerlijke broodjes.", "Zij hebben een klein huis achter de kerk gebouwd.",
        "We moeten vandaag vroeg opstaan om de trein te halen.", "De kinderen spelen buiten tot het donker wordt.",
        "Wat een vreselijke dag was dat, zei de bakker.", "Hij gelooft nog steeds dat alles goed zal komen.",
        "Jouw broer vertelde een vrolijk verhaal over zijn hond.", "Geef mij alsjeblieft het blauwe kopje van tafel.",
    ),
    "sv": (
        "Den gamla båten ligger kvar vid bryggan hela vintern.", "Jag förstår inte varför hon blev så ledsen igår.",
        "Vi åt smörgåsar och drack kaffe under det stora trädet.", "Kan du hjälpa mig att bära in veden?",
        "Barnen sjunger glada sånger när solen äntligen kommer.", "Min bror köpte en ny cykel för sina pengar.",
        "Det är mycket kallt ute, ta på dig mössan.", "Hon skrattade högt åt det roliga brevet.",
        "Fyra små fåglar flyger över den djupa skogen.", "I morgon måste vi tyvärr åka hem igen.",
        "Läraren berättade en sorglig historia om en ensam kung.", "Pojken öppnade försiktigt dörren till rummet.",
    ),
    "tr": (
        "Bugün hava çok güzel, birlikte parka gidelim mi?", "Annem her sabah bize taze ekmek ve peynir hazırlar.",
        "Bu eski evin bahçesinde büyük bir ceviz ağacı var.", "Neden bana hiçbir şey söylemeden çıkıp gittin?",
        "Küçük kız kaybolan köpeğini bütün gün aradı.", "Yarın erken kalkıp denize doğru yürüyeceğiz.",
        "Öğretmen tahtaya uzun bir cümle yazdı.", "Ben onun doğruyu söylediğine inanmıyorum.",
        "Çocuklar yağmur altında gülerek koşuyordu.", "Pazardan iki kilo üzüm ve biraz şeker aldım.",
        "Korkunç bir rüya gördüm ve hemen uyandım.", "Gökyüzü birden karardı, rüzgâr çok sert esti.",
    ),
    "ro": (
        "Bunica mea face cele mai bune plăcinte cu mere.", "Nu înțeleg de ce ai plecat așa devreme ieri.",
        "Copiii se joacă în curte până se face seară.", "Trenul spre munte pleacă de la linia a doua.",
        "Mi-e frică de câinele mare al vecinului nostru.", "Am cumpărat pâine, lapte și o sticlă de vin.",
        "Ce frumos cântă păsările în pădure dimineața!", "El spune mereu adevărul, chiar dacă doare.",
        "Mâine vom merge împreună la piața din centru.", "Profesorul a scris o scrisoare lungă părinților.",
        "Zăpada a acoperit toate drumurile din sat.", "Fata râde tare și toată lumea se uită la ea.",
    ),
    "hu": (
        "A nagymama minden reggel friss kenyeret süt nekünk.", "Nem értem, miért haragszol rám már tegnap óta.",
        "A gyerekek egész délután a kertben játszottak.", "Holnap korán kelünk, és elmegyünk a tóhoz.",
        "Ez a legszebb könyv, amit valaha olvastam.", "Kérem, nyissa ki az ablakot, mert meleg van.",
        "A kutya félénken bújt meg az öreg asztal alatt.", "Tegnap este szörnyű vihar tört ki a városban.",
        "Örülök, hogy végre újra láthatlak téged.", "Üljön le ide mellém, és meséljen a fiúkról.",
        "Piros almát és zöld szőlőt vettem a piacon.", "A tanító lassan írta fel a hosszú mondatot.",
    ),
    # espeak-ng needs kana and spaces; particles are written as they sound.
    "ja": (
        "きょうわ とても いい てんきですね。", "わたしわ まいあさ こうえんお さんぽします。",
        "えきまえの ちいさな みせで ぱんお かいました。", "どうして もっと はやく いって くれなかったの。",
        "こどもたちが うみで たのしそうに あそんで います。", "その はなしわ だれにも いわないで ください。",
        "ゆうべわ こわい ゆめお みて ねむれなかった。", "あにわ とうきょうの だいがくで べんきょうして います。",
        "すみません、みずお いっぱい もらえますか。", "ふゆの やまわ しろい ゆきで おおわれて います。",
        "ぼくわ きみに あえて ほんとうに うれしい。", "もう にどと あんな ところえ いきたくない。",
        "ねこが まどの そばで ひるねお して いる。", "らいしゅう ともだちと りょこうに でかけます。",
        "びっくりした、きゅうに こえお かけないでよ。", "せんせいわ ゆっくり じしょの ぺーじお めくった。",
    ),
    "ru": (
        "Сегодня утром шёл сильный дождь, и мы остались дома.", "Моя бабушка печёт самые вкусные пироги с яблоками.",
        "Почему ты никогда не отвечаешь на мои письма?", "Дети весело играют во дворе до самого вечера.",
        "Поезд в Москву отходит с пятой платформы.", "Я очень рад снова видеть тебя, мой друг!",
        "Он боится большой чёрной собаки нашего соседа.", "Эта грустная история случилась много лет назад.",
        "Передай мне, пожалуйста, хлеб и солёное масло.", "Какая ужасная погода, ветер воет всю ночь.",
        "Учитель медленно писал длинное предложение на доске.", "Мы купили на рынке рыбу, сыр и свежие овощи.",
        "Ты лжёшь, и я больше тебе не верю!", "Жёлтые листья тихо падают на мокрую землю.",
        "Завтра мы поедем к морю, если будет тепло.", "Она смеялась так громко, что все обернулись.",
    ),
    "hi": (
        "आज सुबह से बहुत तेज़ बारिश हो रही है।", "मेरी दादी हमें हर शाम एक नई कहानी सुनाती हैं।",
        "तुमने मुझे पहले क्यों नहीं बताया?", "बच्चे बगीचे में फूलों के बीच खेल रहे हैं।",
        "कृपया मुझे एक गिलास ठंडा पानी दीजिए।", "हमारी गाड़ी शाम को छह बजे दिल्ली पहुँचेगी।",
        "उसकी बात सुनकर सब लोग ज़ोर से हँस पड़े।", "मुझे अँधेरे में अकेले बहुत डर लगता है।",
        "यह किताब मैंने पिछले साल बाज़ार से खरीदी थी।", "तुम झूठ बोल रहे हो, मैं तुम पर भरोसा नहीं करता!",
        "माँ ने आज खाने में दाल और चावल बनाए हैं।", "पहाड़ों पर बर्फ़ गिर रही है और हवा ठंडी है।",
        "मैं तुमसे मिलकर सचमुच बहुत खुश हूँ।", "वह बूढ़ा आदमी धीरे धीरे नदी की ओर चला गया।",
        "कल हम अपने दोस्तों के साथ गाँव जाएँगे।", "अरे वाह, तुमने तो कमाल कर दिया!",
    ),
    # Arabic is written with its vowels, which espeak-ng does not guess.
    "ar": (
        "ذَهَبَ الوَلَدُ إِلَى المَدْرَسَةِ فِي الصَّبَاحِ.", "أُحِبُّ أَنْ أَشْرَبَ القَهْوَةَ مَعَ أَصْدِقَائِي.",
        "لِمَاذَا لَمْ تَقُلْ لِي الحَقِيقَةَ؟", "البَحْرُ هَادِئٌ وَالسَّمَاءُ صَافِيَةٌ اليَوْمَ.",
        "كَتَبَتْ أُمِّي رِسَالَةً طَوِيلَةً إِلَى أُخْتِهَا.", "نَامَ القِطُّ قُرْبَ النَّافِذَةِ طُولَ النَّهَارِ.",
        "أَنَا سَعِيدٌ جِدًّا بِرُؤْيَتِكَ يَا صَدِيقِي!", "خَافَ الطِّفْلُ مِنْ صَوْتِ الرَّعْدِ فِي اللَّيْلِ.",
        "هَذَا البَيْتُ القَدِيمُ كَانَ لِجَدِّي.", "سَنُسَافِرُ غَدًا إِلَى مَدِينَةٍ بَعِيدَةٍ.",
        "مِنْ فَضْلِكَ افْتَحِ البَابَ بِسُرْعَةٍ.", "لَا أَفْهَمُ مَا تَقُولُهُ أَبَدًا.",
        "اشْتَرَيْتُ خُبْزًا وَجُبْنًا مِنَ السُّوقِ.", "بَكَتِ الفَتَاةُ لِأَنَّهَا فَقَدَتْ كِتَابَهَا.",
    ),
}  # fmt: skip

# Mandarin is written in pinyin with tone digits, which espeak-ng reads without a dictionary.
_MANDARIN_WORDS = """\
wo3 ni3 ta1 wo3men5 zhe4ge5 na4ge5 shen2me5 peng2you3 lao3shi1 xue2sheng5 hai2zi5 ma1ma5 ba4ba5 ren2 shi4jie4
shi2jian1 jin1tian1 ming2tian1 zuo2tian1 xian4zai4 wan3shang5 zao3shang5 chun1tian1 dong1tian1 bei3jing1 xue2xiao4
gong1zuo4 wen4ti2 fang1fa3 dian4ying3 yin1yue4 fan4dian4 shui3guo3 cha2 ka1fei1 mao1 gou3 niao3 hua1 shu4 yue4liang5
tai4yang2 shan1 hai3 feng1 yu3 xue3 huo3che1 fei1ji1 lu4 fang2zi5 men2 chuang1hu5 hong2se4 lü4se4 lan2se4 da4 xiao3
duo1 shao3 gao1xing4 nan2guo4 sheng1qi4 hai4pa4 xi3huan5 ai4 tao3yan4 jue2de5 zhi1dao4 kan4jian4 ting1shuo1 chi1 he1
shuo1 zou3 pao3 chang4 xie3 du2 mai3 mai4 gei3 qu4 lai2 hui2jia1 fei1chang2 hen3 tai4 bu4 mei2you3 ye3 dou1 hai2shi5
ke3shi4 yin1wei4 suo3yi3 ru2guo3 yi1ding4 neng2 hui4 yao4 xiang3 xu1yao4 jue2ding4 qi2guai4 piao4liang5 ke3pa4
kuai4le4 zhong1guo2 er4 san1 si4 wu3 liu4 qi1 ba1 jiu3 shi2 yi4bai3 qian2 nü3er2 er2zi5 jiu4ju5 quan2jia1 xiong1di4
wen1nuan3 mo4sheng1 po4huai4 bang1zhu4 bao3bei4 fu4mu3 fa1xian4 ping2guo3 pu2tao2 mei3hao3 mu4biao1"""
_MANDARIN = _MANDARIN_WORDS.split()

# About sixty patterns of emotional sentences. {x} takes any of the words listed for x.
_AFFECT = (
    "I hate {thing} more than anything.", "I love {thing} with all my heart.", "This is {bad}, absolutely {bad}!",
    "What a {good} surprise, I can hardly believe it!", "I am so {angry} about {thing} right now.",
    "She was {afraid} when she heard {thing}.", "We are {happy} to see you again, my friend.",
    "He felt {sad} after he lost {thing}.", "That smell is {disgusting}, take it away from me!",
    "How {good} it is to come home again!", "You have no right to be {angry} with me.",
    "Please help me, I am {afraid} of {thing}!", "Oh no, this is the most {bad} day of my life.",
    "I can't stop crying, everything feels {sad}.", "Wow, that is {good}, show me again!",
    "Get out of here, you {bad} little liar!", "I miss {thing} and it makes me {sad}.",
    "Don't be {afraid}, nothing {bad} will happen to you.", "My stomach turns, the food looks {disgusting}.",
    "They were {surprised} by {thing}.", "I never expected {thing}, I am {surprised}!",
    "Stop shouting, you make everybody {angry}!", "It was a {good} evening and everyone was {happy}.",
    "We laughed and danced because we were {happy}.", "The {bad} news made the whole town {sad}.",
    "How could you do such a {bad} thing to me?", "I am {happy}, {happy}, and nothing can spoil it!",
    "The monster in the dark made us {afraid}.", "Their behaviour was {disgusting} and {bad}.",
    "I'm sick of {thing}, it is {disgusting}!", "Nobody loves me, I am {sad} and alone.",
    "You are the most {good} person I have ever met.", "I feel {happy} whenever I think of {thing}.",
    "He screamed because he was {afraid} of {thing}.", "Why are you so {angry} about {thing}?",
    "What is that thing, I have never seen it before!", "My poor dog died and I am {sad}.",
    "That was a {bad} mistake and I am {angry}.", "I am {surprised}, you remembered my birthday!",
    "Everything is {good}, thank you for {thing}.", "I fear {thing} will end in {disaster}.",
    "This {disaster} breaks my heart into pieces.", "Hooray, we won, this is {good}!",
    "Leave me alone, I am tired of {thing}.", "Nothing but {disaster}, how {bad} can it get?",
    "I can't stand {thing}, it drives me mad.", "Her {good} smile made him {happy}.",
    "There is mould on the bread, how {disgusting}!", "It is only Tuesday, and nothing special happened.",
    "I adore {thing}, it is simply {good}.", "I despise {thing}, and I always will.",
    "He was {surprised} and a little {afraid}.", "Mother was {angry}, but later she was {happy}.",
    "I'm terribly sorry about {thing}, it is {sad}.", "Be careful, the {disaster} scares me to death!",
    "What joy, what delight, what a {good} gift!", "This filthy kitchen makes me sick, it is {disgusting}.",
    "I was not just upset, I was {angry}!", "You won't believe it, I am {surprised} too!",
    "Grief came over us when we heard of {thing}.", "Damn it, {thing} ruined my whole week!",
    "Perhaps we are {happy}, perhaps we are {sad}.",
)  # fmt: skip
_WORDS = {
    "thing": "this place|the truth|your brother|these people|the old house|my job|winter|that song|the storm|"
    "your voice|the war|my family|being alone|this game|the party|a broken promise|the beautiful view|money|our team|"
    "the first kiss",
    "bad": "terrible|awful|horrible|dreadful|cruel|miserable|stupid|hateful|evil|wicked|nasty",
    "good": "wonderful|amazing|fantastic|beautiful|lovely|brilliant|marvellous|great|sweet|perfect|magnificent",
    "angry": "angry|furious|mad|outraged|annoyed|bitter|enraged",
    "afraid": "afraid|scared|terrified|frightened|nervous|worried|anxious",
    "happy": "happy|glad|delighted|joyful|cheerful|thrilled|grateful|pleased",
    "sad": "sad|lonely|heartbroken|unhappy|sorrowful|hopeless|depressed|gloomy",
    "disgusting": "disgusting|revolting|gross|rotten|vile|repulsive|foul|sickening",
    "surprised": "surprised|astonished|amazed|shocked|stunned|speechless|startled",
    "disaster": "disaster|pain|death|horror|nightmare|fire|tragedy|sorrow",
}

_ENGLISH = re.compile(r"[A-Z][A-Za-z ,;:'!?.-]*[.!?]")
_FOREIGN = re.compile(r"[¿¡]?[^\W\d_][^\W\d_]*(?:[ ,;:'’!?.-]|[^\W\d_])*[.!?]")
_ABBREVIATION = re.compile(r"\b(?:[A-Z]\.|Mr|Mrs|Dr|St|Jr|vs|etc|e\.g|i\.e|z\.B)\.?$")


def clean_sentences(text: str, english: bool = True) -> list[str]:
    """Single sentences of a fortunes file: without signatures, markup, quotation marks, numbers, shouting."""
    found: list[str] = []
    for fortune in re.split(r"^%.*$", text, flags=re.MULTILINE):
        lines: list[str] = []
        for line in fortune.splitlines():
            if re.match(r"\s*(--|—|-\s)", line):
                break  # a signature, and what follows it
            lines.append(line)
        joined = re.sub(r"\s+", " ", " ".join(lines)).strip()
        for sentence in re.split(r"(?<=[.!?])[\"”»']*\s+", joined):
            sentence = re.sub(r"[\"“”„»«*]", "", sentence).strip()
            sentence = re.sub(r"\.{2,}$", ".", sentence)
            if not LEAST_WORDS <= len(sentence.split()) <= MOST_WORDS:
                continue
            if not (_ENGLISH if english else _FOREIGN).fullmatch(sentence) or _ABBREVIATION.search(sentence):
                continue
            if re.search(r"\b[^\W\d_a-z]{3,}\b|(.)\1\1|\.\S|--| -", sentence) or "www" in sentence:
                continue
            found.append(sentence)
    return found


@cache
def sentences(language: str) -> tuple[str, ...]:
    """All clean sentences of a language, each once, in a fixed order.

    Raises TrainingError, naming the Debian package, where the fortunes of that language are not installed.
    """
    if language in OWN:
        return OWN[language]
    place, package, encodings = SOURCES[language]
    root = FORTUNES / place
    if root.is_dir():
        files = [path for path in sorted(root.iterdir()) if path.is_file() and not path.is_symlink()]
        files = [path for path in files if path.suffix not in (".dat", ".u8", ".pdat") and path.name not in _SKIPPED]
    else:
        files = [root] if root.exists() else []
    found: dict[str, None] = {}
    for path in files:
        found.update(dict.fromkeys(clean_sentences(_decode(path.read_bytes(), encodings), language == "en")))
    if not found:
        raise TrainingError(f"The corpus needs text in language {language!r}.", f"Install: apt-get install {package}")
    return tuple(found)


def _decode(data: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in encodings[:-1]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(encodings[-1], "replace")


def affect_sentence(rng: np.random.Generator) -> str:
    """An emotional English sentence of our own, with affect words drawn at random."""
    pattern = _AFFECT[rng.integers(len(_AFFECT))]

    def word(match: re.Match[str]) -> str:
        choices = _WORDS[match.group(1)].split("|")
        return choices[rng.integers(len(choices))]

    return re.sub(r"\{(\w+)\}", word, pattern)


def mandarin_sentence(rng: np.random.Generator) -> str:
    """Mandarin words in pinyin in random order: real syllables and tones, no meaning."""
    count = int(rng.integers(4, 10))
    words = [_MANDARIN[i] for i in rng.integers(len(_MANDARIN), size=count)]
    syllables = " ".join(re.sub(r"(\d)(?=\w)", r"\1 ", word) for word in words)
    return syllables + "."


def draw(language: str, rng: np.random.Generator) -> str:
    """A sentence of ``language`` at random; without text of that language, an English one."""
    if language == "cmn":
        return mandarin_sentence(rng)
    choices = sentences(language if language in SOURCES or language in OWN else "en")
    return choices[rng.integers(len(choices))]
