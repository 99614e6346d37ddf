"""Descriptions by hand, never trained on, to judge what `--text` says that it has not understood.

`DIRECTIONS` tell of a feeling, a face or a gesture: nothing should be said of them. `NONSENSE` tells of none, `FOREIGN`
does in another language. They were written before the rule that they judge; some words of the languages' table were
added for sentences that are not kept here.
"""

from __future__ import annotations


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.strip().splitlines())


DIRECTIONS = _lines("""
slightly annoyed, hides it
furious, but fighting back tears
Tired after a long shift, but still polite to the customer
she is about to cry and tries to keep it together
cold fury, barely contained
nervous job candidate, forcing a smile
proud dad at graduation
deeply suspicious of the stranger
warm and reassuring, like a nurse
he's lying and afraid of being caught
sarcastic, rolling her eyes
bored out of his mind
an exhausted soldier, hollow and numb
playful teasing between siblings
quiet desperation
horrified by what she found in the basement
relieved to hear that everybody is safe
heartbroken after reading the letter
smug, he knows he has won
shy, blushing, can't look at him
The villain gloats over his captured enemy
gentle sadness, a wistful smile
panicked, out of breath, being chased
stern schoolteacher scolding a pupil
dry, deadpan humour
overjoyed to see her brother again
confused, trying to follow the conversation
disgusted by the smell of the alley
calm but threatening
trembling with rage
defeated. He has nothing left.
Excited like a kid on Christmas Eve!
pleading with the guard to let her go
embarrassed by the compliment
determined, jaw set, ready to fight
in shock after the crash
grieving widow at the cemetery
cheerful radio host in the morning
impatient, drumming his fingers on the counter
terrified of the dark corridor ahead
a hint of a smirk
worried about Captain Reynolds
Elena looks at Marcus with contempt
angry at Sir Percival
Commander Shepard is disappointed in the crew
the blacksmith greets the traveller with a broad grin
An orc chieftain, roaring with fury
whispers in fear so that the goblins won't hear
smiling politely while the tourists complain
the astronaut stares at Jupiter in awe
weary sigh, then a faint smile
very angry, shouting at the referee
not angry, just disappointed
neither happy nor sad
mildly amused by the whole thing
more curious than scared
hopeful, eyes shining
cynical detective, seen it all
mad with jealousy
laughs nervously
on the verge of tears
choking back sobs
hysterical laughter
gritting his teeth through the pain
guilt-ridden, avoiding her gaze
smiling through tears
ashamed of himself
incredulous: you did what?
stunned silence
eyes wide, mouth open
eyebrows raised in disbelief
furrowed brow, thinking hard
wrinkles her nose
lips pressed together, jaw clenched
a forced smile that does not reach the eyes
frowning slightly
grinning from ear to ear
bites her lip, uneasy
shrugs indifferently
flirty wink
neutral newsreader voice
as relaxed as possible
a bit sad
super happy!!!
extremely surprised
50% angry, 50% sad
strong disgust, subtle fear
happy but tired
serious
melancholic
irritated
ecstatic
apprehensive
gloomy and withdrawn
menacing
tender and loving
resentful of his younger brother's success
begging for forgiveness on her knees
delighted by the fireworks over the harbour
he has just lost his best friend in the battle
She can hardly believe her luck
sneering at the peasants
utterly devastated by the news of the earthquake
speaks calmly, as if nothing had happened
startled by a loud bang behind him
childlike wonder at the snowfall
sulking because she was not invited
suprised and a litle scared
angrily pounding the keyboard
bursting with pride as the rocket lifts off
contemptuous aristocrat addressing a servant
uncomfortable, wants to leave the banquet
vengeful ghost, whispering threats
""")

NONSENSE = _lines("""
qwerty asdf
the quick brown fox
The quick brown fox jumps over the lazy dog
lorem ipsum dolor sit amet
flibber flabber
xkcd 42
foo bar baz
asdfghjkl
blorptastic wumbo
twas brillig and the slithy toves
SELECT * FROM users
npm install
https://example.com/clip.wav
line_014_take_03
MH_Ada_Body
version 2.1 final
quarterly revenue grew by twelve percent
photosynthesis converts carbon dioxide
boil the potatoes and add butter
two tickets to Chicago
Microsoft released an update
turn left at the second junction
a bicycle with a flat tyre
Venus orbits inside Earth
the mitochondria are organelles
install the graphics driver
quantum chromodynamics
Paris is in France
Pythagorean theorem
hexagonal steel bolts
download the spreadsheet
asphalt and gravel
chess opening theory
a triangular prism
iPhone charger cable
recycle cardboard
knitting patterns for scarves
carburettor maintenance
zzzzzz
hjkl mnbv
""")

FOREIGN = {
    "German": _lines("""
traurig und müde
Er ist sehr wütend auf seinen Bruder
leicht genervt, versucht es zu verbergen
sie weint vor Freude
ängstlich
die Frau lacht über ihn
ganz ruhig und ernst, nicht böse
"""),
    "French": _lines("""
triste et fatigué
il est très en colère contre son frère
elle sourit malgré les larmes
un peu gêné, mais content
la peur dans les yeux
heureuse
"""),
    "Spanish": _lines("""
triste y cansado
está muy enojado con su hermano
una sonrisa llena de alegría
ella tiene mucho miedo
feliz pero nerviosa
"""),
    "Italian": _lines("""
è molto arrabbiato con suo fratello
felice ma stanca
lei piange di gioia
ha paura del buio
un po' triste, ma sorride
"""),
    "Portuguese": _lines("""
ele está muito zangado com o irmão
feliz mas cansada
ela não consegue parar de chorar
com medo do escuro
"""),
    "Dutch": _lines("""
verdrietig en moe
hij is erg boos op zijn broer
een beetje bang, maar vriendelijk
"""),
    "Polish": _lines("""
smutny i zmęczony
jest bardzo zły na swojego brata
boi się ciemności
"""),
    "Czech": _lines("""
smutný a unavený
je velmi naštvaný na svého bratra
bojí se tmy
"""),
    "Swedish": _lines("""
ledsen och trött
hon är mycket arg på sin bror
lite rädd men glad
"""),
    "Danish": _lines("""
ked af det og træt
hun er meget vred på sin bror
"""),
    "Turkish": _lines("""
üzgün ve yorgun
kardeşine çok kızgın
biraz korkmuş ama mutlu
"""),
    "Finnish": _lines("""
surullinen ja väsynyt
hän on hyvin vihainen veljelleen
"""),
    "Hungarian": _lines("""
szomorú és fáradt
nagyon dühös a testvérére
"""),
    "Romanian": _lines("""
trist și obosit
este foarte supărat pe fratele lui
"""),
    "Indonesian": _lines("""
sedih dan lelah
dia sangat marah kepada saudaranya
"""),
    "Vietnamese": _lines("""
buồn và mệt mỏi
anh ấy rất tức giận
"""),
    "Russian": _lines("""
Очень злой
грустный и усталый
"""),
    "Ukrainian": _lines("""
він дуже злий і втомлений
"""),
    "Chinese": _lines("""
我很生气!
又悲伤又疲惫
"""),
    "Japanese": _lines("""
とても悲しい
彼は怒っている
"""),
    "Korean": _lines("""
슬프고 피곤하다
"""),
    "Greek": _lines("""
ΘΥΜΟΣ
λυπημένος και κουρασμένος
"""),
    "Arabic": _lines("""
حزين ومتعب
"""),
    "Hebrew": _lines("""
עצוב ועייף
"""),
    "Hindi": _lines("""
दुखी और थका हुआ
"""),
    "Thai": _lines("""
เศร้าและเหนื่อย
"""),
}
"""Sentences by the language that they are in."""
