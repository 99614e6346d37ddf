"""Words of degree, people, things, places, and the frames of sentences that the entries of the lexicon are put into."""

from __future__ import annotations

from medtalk_train.wording.english import Subject
from medtalk_train.wording.lexicon import rows


def _pairs(text: str) -> tuple[tuple[str, float], ...]:
    return tuple(
        (words.strip(), float(head))
        for head, _, rest in (line.partition(": ") for line in rows(text))
        for words in rest.split(",")
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(" ".join(text.split()).split(", "))


DEGREES = _pairs("""
.35: ever so slightly, barely noticeably, only just a little, just the tiniest bit
.45: slightly, a little, a bit, a little bit, a tad, a touch, faintly, just a little, vaguely, a wee bit, only
  slightly, only a little, subtly
.6: somewhat, mildly, kind of, sort of, a little too, lightly, gently, modestly, almost, nearly, vaguely, in a
  way, partly
.8: rather, fairly, moderately, pretty much, more or less, mostly, reasonably
1: clearly, plainly, visibly, openly, obviously, noticeably, simply, just, genuinely, honestly, still, suddenly,
  again
1.15: quite, pretty, rightly, properly, increasingly, more and more
1.3: very, really, so, deeply, truly, seriously, strongly, all, terribly, awfully, highly, greatly, heavily, damn,
  too
1.45: very very, really very, so very, totally, completely, utterly, absolutely, intensely, immensely, hugely,
  wildly, super, fiercely, dreadfully, entirely, violently
1.6: extremely, incredibly, unbelievably, insanely, overwhelmingly, exceedingly, enormously, beyond all measure,
  tremendously, extraordinarily, impossibly, bloody, more than ever
""")
ADDED_DEGREES = _pairs("""
.4: but only slightly, but only a little, ever so slightly, just a hint, a tiny bit
.5: a little, a bit, slightly, somewhat, to some degree, in a subtle way, but subtle
1.45: beyond words, as hell, like never before, to the core, through and through, like mad, as can be, as anything
1.6: beyond measure, out of his mind, to the extreme, more than ever before, as never before
""")
VERB_DEGREES = _pairs("""
.4: a tiny bit, almost imperceptibly, ever so slightly, the least bit
.5: a little, faintly, slightly, a bit, weakly
.7: softly, quietly, gently, briefly, in silence, to himself
1.3: hard, loudly, a lot, strongly, openly and loudly, again and again, heavily
1.6: wildly, uncontrollably, like mad, with all his might, violently, like crazy, madly, without restraint,
  hysterically
""")
NOUN_DEGREES = _pairs("""
.35: a hint of, a trace of, the faintest trace of, just a hint of, a flicker of, a whiff of, a glimmer of, the
  slightest
.45: a touch of, a bit of, a little, slight, faint, subtle, a pinch of, a spark of, a shade of, a note of, a dash
  of, barely visible
.6: some, mild, gentle, quiet, a certain, moderate, vague
1: clear, plain, real, open, visible, honest, simple, cold, dull, growing, obvious
1.35: deep, great, strong, a lot of, much, intense, heavy, full of, bitter, burning, a great deal of, bottled-up
1.6: extreme, pure, utter, sheer, overwhelming, boundless, blind, absolute, total, uncontrollable, immense, wild,
  unbridled, incredible, nothing but, raw, bottomless, endless, unspeakable
""")
NOTES = _pairs("""
.45: keep it subtle, subtle, very subtle, underplayed, low intensity, restrained, dialled down, hold it back,
  barely show it, play it small, at low strength, keep it low, only a hint, light
.65: not too much, not too strong, gently, softly, in a quiet way, half strength, tone it down
1: medium, normal strength, clearly, natural, medium intensity
1.45: strong, very strong, intense, high intensity, play it big, theatrical, at full strength, with full force, do
  not hold back, go big, dial it up, make it strong
1.7: exaggerated, over the top, to the maximum, as strong as possible, cartoonish, maximum intensity, turned up to
  eleven
""")

PRONOUNS = {
    "he": ("he", "him", "his", "himself"),
    "she": ("she", "her", "her", "herself"),
    "they": ("they", "them", "their", "themselves"),
    "it": ("it", "it", "its", "itself"),
    "i": ("I", "me", "my", "myself"),
    "you": ("you", "you", "your", "yourself"),
}
_MEN = _list("""
    he, he, he, the man, the king, the boss, my brother, the soldier, the old man, the boy, the actor, the
    captain, the priest, our father, John, Peter, Ahmed, Li Wei, the uncle, the knight, grandpa, the prince, the
    detective, my husband, the thief, Tom, Hamlet, Pavel, the sailor, Diego, Mr Brown, the landlord, the waiter
""")
_WOMEN = _list("""
    she, she, she, the woman, the queen, the girl, my sister, the nurse, the actress, the mother, the witch, Anna,
    Maria, Fatima, Yuki, the widow's friend, the singer, grandma, the princess, the teacher, my wife, Mrs Miller,
    the landlady, Juliet, Chloe, the countess, Ines, the waitress, the clerk
""")
_BOTH = _list("""
    the speaker, the character, the person, the customer, the child, someone, somebody, this person, the hero, the
    student, the patient, the robot guard, the doctor, the neighbour, the guest, the player, the officer, the
    narrator, the driver, a passer-by, the voice, the whole face
""")
SUBJECTS = (
    *(Subject(name, "s", PRONOUNS["he"]) for name in _MEN),
    *(Subject(name, "s", PRONOUNS["she"]) for name in _WOMEN),
    *(Subject(name, "s", PRONOUNS[("he", "she", "they")[i % 3]]) for i, name in enumerate(_BOTH)),
    *(Subject(name, "p", PRONOUNS["they"]) for name in ("they", "the parents", "the twins", "both")),
    *(Subject("I", "i", PRONOUNS["i"]) for _ in range(3)),
    *(Subject("you", "p", PRONOUNS["you"]) for _ in range(2)),
    *(Subject("we", "p", ("we", "us", "our", "ourselves")) for _ in range(2)),
)  # fmt: skip
THINGS = _list("""
    the news, the letter, his brother, the dinner, the result, the weather, the question, the printer, the
    meeting, the plan, the answer, his boss, the neighbours, the car, the book, what she said, what happened, the
    photo, the other team, the phone call, the price, the visit, the new house, that man, the children, the dog,
    the picture, his work, the school, the computer, the train, the message, her words, the show, the offer, the
    gift, the song, the garden, the decision, everything, it, this, that, them, us, the whole thing, the dress,
    the test, the trip, the food, his haircut, the rules
""")
PLACES = _list("""
    in the kitchen, on the phone, at the office, in the garden, by the window, on stage, at the table, in the car,
    in front of the mirror, on the stairs, at home, in the second scene, in the close-up, at school, in a long red
    dress, with a hat on, after lunch, before dinner, this morning, on Monday, during the meeting, at the end of
    the scene, in the third take, on the way home, since yesterday, in the street, all day long, for a moment,
    right now, at the counter, in the corner of the room, across the table, in the film, today, in front of the
    camera, at the door, with a cup in one hand, in the background, at night, in the morning, as usual, on the
    bus, in the hallway, over there, in this shot, while he talks, when he speaks, while speaking, as he turns
    around, walking down the road
""")
ORDINARY = """
    apple arm bag ball bank basket bed bell bench bicycle bird boat bottle bowl box branch bread bridge brush bucket
    button camera candle card carpet cheese church city cloth cloud coat coffee coin corner country cousin cow cup
    curtain customer date desk dinner dish doctor door drawer drum engine envelope factory farm fence field finger
    fish flag floor flower fork forest fruit glass glove grass hair hall hammer hand harbour hat hill horse hotel
    house island jacket jar journey key kitchen ladder lake lamp language leaf leg letter library line lunch machine
    magazine map market matter meal metal mile milk minute mirror moment money month mountain museum music name neck
    needle neighbour newspaper nose notebook number office oil orange page paint paper park part pencil people
    pepper phone piano picture pillow pipe plane plant plate pocket police potato price queue rail rain record
    region rice river road roof room rope route salt sand scarf school sea seat sentence shelf shirt shoe shoulder
    sister skirt sky snow soap sock soup spoon square stage stairs star station stick stone street student subject
    sugar suit summer supper system table tail tea team telephone tent theatre thread ticket tool towel tower town
    tree trousers umbrella uncle valley village wall watch water week wheel wind window wine winter wood word work
    writer year yellow brown green grey purple white black square round wide narrow early late new old young tall
    short long thick thin clean wet dry left right first second last next near far local national public private
    modern ancient digital wooden famous foreign rich usual general social medical royal wear carry bring build buy
    choose climb cook count cover cross cut deliver draw drink drive eat enter fill fly fold follow go grow hold
    hurry join jump keep kneel knock learn leave lend lift listen live lock make march measure meet mix move obey
    offer open order pack park pass pay pick plant play point pour prepare pull push put reach read ride ring roll
    row run sail save search sell send serve sew ship sing sit sleep speak spell spend stand start stay step stop
    study swim take teach think travel try turn type use visit wait wake walk wash win write accent actor anchor
    beard cowboy director emperor engineer gesture hacker host interview lawyer merchant microphone model pirate
    podcast robot samurai scene script sergeant tourist wizard whisper rhythm pause volume slow fast loud low high
    breath eyebrow cheek forehead chin lips head eyes mouth face voice
""".split()
"""Words of everyday that say nothing of a feeling; without them any word not in the lexicon would sound like one."""
PLAIN = (
    "{O}", "{O} {O}", "the {O}", "a {O} {P}", "{S} [have] a {O} and a {O}", "{S} [want] the {O}", "{O} with a {O}",
    "the {O} of the {O}",
    "{S} [be] a {O}", "the {O} is {O}", "a {O} {O}", "{S} [look] at the {O}", "like a {O}", "as if he was a {O}",
    "with {O} {O}", "{S} has the {O}",
    "{S} [walk] to the shop", "{S} [talk] about {T}", "{S} [open] the door", "{S} [sit] {P}", "a scene {P}", "{T}",
    "{S} [explain] {T}", "{S} [say] something about {T}", "{S} [look] at {T}", "{S} [stand] {P}", "{S} [speak]",
    "the camera moves to {T}", "{S} and {T}", "{S} [hold] {T}", "{S} {P}", "talking about {T}", "speaking {P}", "{W}",
    "{W} {W}", "{S} [tell] us about {T} {P}", "{S} [read] {T}", "line three", "the text {P}", "{S} [carry] {T}",
    "{S} [describe] {T}", "a man {P}", "a woman {P}", "a face", "a voice", "speak", "say the line", "just talk {P}",
)  # fmt: skip

# {X} is the entry with its degree; [verbs] agree with {S}
FRAMES: dict[str, tuple[str, ...]] = {
    "adj": (
        "{X}", "{X}", "{X}", "{X}", "{S} [be] {X}", "{S} [look] {X}", "{S} [seem] {X}", "{S} [sound] {X}",
        "{S} [feel] {X}",
        "{S} [appear] {X}", "a {X} face", "a {X} look", "a {X} expression", "a {X} voice", "{X} face", "{X} look",
        "{X} voice", "a {X} man", "a {X} woman", "{X} expression", "looking {X}", "feeling {X}", "look {X}", "be {X}",
        "someone who is {X}", "a person who seems {X}", "as if he was {X}", "like he is {X}", "very much {X}",
        "make him {X}",
        "play it {X}", "{X} tone", "in a {X} mood", "in a {X} way", "{S} [get] {X}", "{S} [become] {X}",
        "{S} [grow] {X}",
        "sounding {X}", "acting {X}", "{S} [be] {X} about {T}", "{X} about {T}", "{X} because of {T}", "{X} with {T}",
        "{S} [be] {X} {P}", "{X} {P}", "{S} {P}: {X}", "{X} at {T}", "a {X} child", "{X} {S}", "his face is {X}",
        "his face looks {X}",
        "his voice is {X}", "with a {X} face", "with a {X} look on his face", "he is {X} and it shows",
        "{T} made him {X}",
        "{T} makes him {X}", "that is why he is {X}", "so {S} [be] {X} now", "the mood is {X}", "should look {X}",
        "{S} must look {X}", "I want him to look {X}", "please make it {X}", "more {X}", "{X} again", "now {X}",
        "emotion: {X}", "mood: {X}", "tone: {X}", "expression: {X}", "the face of a {X} person", "{X} eyes",
        "a {X} stare",
        "{S} [have] a {X} look", "being {X}", "he was {X}", "they were {X} by {T}", "{X} by {T}",
        "{X} to the point of silence",
    ),
    "manner": (
        "{X}", "speaking {X}", "{S} [speak] {X}", "says it {X}", "he answers {X}", "{X} he turns to us", "talk {X}",
        "looks up {X}", "{S} [look] at {T} {X}", "whispers {X}", "he said {X}", "{S} [stare] {X}",
        "reading the line {X}",
    ),
    "noun": (
        "{X}", "{X}", "{X}", "with {X}", "full of {X}", "{S} [feel] {X}", "filled with {X}", "{X} in his voice",
        "{X} in his eyes",
        "{S} [show] {X}", "express {X}", "overcome by {X}", "trembling with {X}", "his face shows {X}", "a look of {X}",
        "an expression of {X}", "a feeling of {X}", "a face full of {X}", "out of {X}", "driven by {X}",
        "{X} all over his face",
        "{S} [speak] with {X}", "there is {X} in his face", "{S} [be] filled with {X}", "a mood of {X}",
        "overwhelmed by {X}",
        "{S} [radiate] {X}", "he is gripped by {X}", "seized by {X}", "{X} about {T}", "{X} {P}", "eyes full of {X}",
        "you can hear the {X}", "his {X} is plain to see", "the {X} of a child", "{X} rises in him", "emotion: {X}",
        "mood: {X}",
        "{S} [express] {X}", "in a state of {X}", "{S} [sense] {X}", "{X} creeps into his voice", "a wave of {X}",
        "voice of {X}",
        "{X} at {T}", "show {X}", "more {X}", "played with {X}", "{X} is written on his face",
        "{S} [be] consumed by {X}",
    ),
    "verb": (
        "{G}", "{G}", "{G}", "{S} {V}", "{S} {V}", "{S} [be] {G}", "{B}", "{S} [start] to {B}", "{S} [begin] to {B}",
        "someone who is {G}",
        "as if {G}", "{S} [keep] {G}", "ready to {B}", "{G} {P}", "{S} {V} {P}", "makes him {B}", "he could {B}",
        "{G} because of {T}",
        "{G} and {H}", "{S} {V} and {W2}", "as if he wanted to {B}", "starting to {B}", "{S} [have] to {B}",
        "a man {G}",
        "a woman {G}", "he is already {G}", "now he is {G}", "{S} {V} at {T}", "{S} [want] to {B}", "look at him {G}",
        "speaking while {G}", "{G} as he speaks", "action: {G}", "about to {B}", "so that he might {B}",
        "it makes you {B}",
    ),
    "be": (
        "{X}", "{X}", "{X}", "{S} [be] {X}", "{S} [be] {X}", "someone who is {X}", "as if he were {X}",
        "{S} [seem] {X}", "{S} [look] {X}",
        "looks as though he is {X}", "being {X}", "{X} {P}", "{S} [be] {X} {P}", "{X} because of {T}",
        "{S} [feel] {X}", "now he is {X}",
        "play it as if you were {X}", "he was {X}", "like someone who is {X}",
    ),
    "cue": (
        "{X}", "{X}", "{X}", "with {X}", "with {X}", "{S} [have] {X}", "{S} [speak] with {X}", "{X} and {Y}",
        "{X}, {Y}", "{S} with {X}",
        "there is {X}", "show {X}", "a person with {X}", "{X} {P}", "{S} [look] at {T} with {X}", "a face with {X}",
        "you can see {X}", "his {C}", "his {C} as he speaks", "his {C} and {Y}", "his {C}, {Y}",
        "{S} [get] {X}", "{X} as he speaks", "give him {X}", "visible: {X}", "{X} while he talks about {T}",
    ),
    "event": (
        "{S} [have] just {X}", "just {X}", "as if he had just {X}", "like someone who has just {X}", "having {X}",
        "as though he had {X}",
        "{S} [have] {X}", "because he has {X}", "after he has {X}", "like he just {X}", "{S} [have] {X} {P}",
        "imagine you have just {X}",
        "play it as if you had {X}", "someone who has {X}", "{X}", "now that he has {X}", "when he has {X}",
        "as though he has just {X}",
        "it feels like he has just {X}", "speaks as if he had {X}", "the look of someone who has {X}",
    ),
    "scene": (
        "{X}", "{X}", "{X}", "as if {X}", "like {X}", "like someone {X}", "while {X}", "imagine {X}", "think of {X}",
        "{S} {X}", "{S}, {X}",
        "as in {X}", "{X} {P}", "a man {X}", "a woman {X}", "situation: {X}", "the face of somebody {X}",
        "speaks as if {X}",
    ),
    "like": (
        "like {X}", "like {X}", "like {X}", "as if he was {X}", "{S} [speak] like {X}", "{S} [look] like {X}", "{X}",
        "as {X} would",
        "in the manner of {X}", "{S} [behave] like {X}", "act like {X}", "think of {X}", "like {X} {P}",
        "{S} [feel] like {X}", "be {X}",
    ),
    "thing": (
        "{X}", "{S} [see] {X}", "looking at {X}", "there is {X}", "thinking of {X}", "at the sight of {X}",
        "as if he saw {X}", "because of {X}",
        "in front of {X}", "{S} [look] at {X}", "reminded of {X}", "as if faced with {X}", "imagine {X}",
        "like someone who sees {X}",
        "{S} [talk] about {X}", "{S} [find] {X}", "watching {X}", "{S} [notice] {X} {P}",
        "{S} [have] to think of {X}", "after {X}",
        "sees {X} and {Y}", "{X} {P}", "suddenly there is {X}", "speaking about {X}", "{S} [be] thinking of {X}",
        "the thought of {X}",
    ),
    "fact": (
        "{X}", "{X}", "as if {X}", "as though {X}", "because {X}", "imagine that {X}", "{S} just heard that {X}",
        "when {X}", "now that {X}",
        "speaks as if {X}", "{X} and {Y}", "the look of someone who learns that {X}", "{X}, and he knows it",
        "{S} [think] that {X}",
        "{S} [tell] us that {X}", "the moment when {X}", "suddenly {X}", "like when {X}", "{S} [realise] that {X}",
        "play it as if {X}",
    ),
    "say": (
        "{X}!", "{X}!", "{X}", "he says: {X}", "as if to say {X}", "as if saying: {X}!", "{S} [think]: {X}",
        "{X}, {X}!", "he shouts {X}!",
        "{X}...", "a face that says {X}", "{S}: {X}!", "the look of {X}",
    ),
}  # fmt: skip
# What denies an entry: how much of the denial is left in doubt follows from the group.
DENIALS: dict[str, dict[str, tuple[str, ...]]] = {
    "adj": {
        "plain": (
            "not {X}", "not {X}", "{S} [be] not {X}", "{S} [isn't] {X}", "{S} [isn't] {X}", "{S} [don't] look {X}",
            "{S} [don't] seem {X}",
            "{S} [don't] sound {X}", "{S} [don't] feel {X}", "never {X}", "{S} [be] never {X}", "he was never {X}",
            "was not {X}", "wasn't {X}",
            "not {X} about {T}", "not {X} by {T}", "not {X} with {T}", "{S} [isn't] {X} about {T}",
            "{S} [be] not {X} by {T}", "without being {X}",
            "without looking {X}", "not even {X}", "not really {X}", "not exactly {X}", "not particularly {X}",
            "neither {X} nor {Y}",
            "don't look {X}", "don't be {X}", "hardly {X}", "scarcely {X}", "barely {X}", "rarely {X}",
            "hardly {X} at {T}", "cannot be called {X}",
            "not a {X} face", "not a {X} person", "nobody would call him {X}", "he is not feeling {X}",
            "not looking {X}", "hardly {X} by {T}",
            "never {X} about {T}", "never {X} by {T}", "isn't {X} {P}", "not {X} {P}", "{S} [don't] appear {X}",
        ),
        "firm": (
            "not at all {X}", "not {X} at all", "not in the least {X}", "not the least bit {X}", "far from {X}",
            "far from being {X}",
            "anything but {X}", "by no means {X}", "nowhere near {X}", "not remotely {X}", "not a bit {X}",
            "not {X} in the slightest",
            "in no way {X}", "{S} [be] not {X} at all", "{S} [isn't] {X} at all", "{S} [be] anything but {X}",
            "{S} [look] anything but {X}",
            "{S} [be] far from {X}", "{S} [isn't] the least bit {X}", "not {X} about {T} at all", "not one bit {X}",
            "never ever {X}",
            "{S} [don't] look {X} at all", "not the slightest bit {X}", "not {X} by {T} at all",
            "{S} [seem] far from {X}", "nothing {X} about him",
            "not in the slightest {X}", "absolutely not {X}", "definitely not {X}", "not {X}, not even a little",
            "the opposite of {X}",
            "not in the least {X} about {T}", "not {X} with {T} at all", "anything but {X} about {T}",
            "{S} [seem] anything but {X}",
        ),
        "past": (
            "no longer {X}", "{S} [be] no longer {X}", "not {X} any more", "{S} [isn't] {X} any more",
            "not {X} anymore", "stopped being {X}",
            "had been {X} before but is over it", "he used to be {X}, not now",
        ),
        "partly": (
            "not very {X}", "not too {X}", "not that {X}", "{S} [isn't] very {X}", "{S} [be] not so {X}",
            "not overly {X}", 
            "don't be so {X}", "don't look so {X}", "stop being so {X}", "not as {X} as before", "{S} [isn't] that {X}",
            "{S} [don't] look very {X}", "not all that {X}", "not especially {X}",
        ),
    },
    "noun": {
        "plain": (
            "no {N}", "no {N}", "without {N}", "without any {N}", "{S} [feel] no {N}", "{S} [don't] feel {N}",
            "{S} [don't] feel any {N}",
            "{S} [don't] show any {N}", "{S} [show] no {N}", "with no {N}", "with no {N} in his voice",
            "no {N} in his eyes", "lacking {N}",
            "not out of {N}", "{S} [speak] without {N}", "not with {N}", "there is no {N} in his face",
            "his {N} has faded", "all {N} is gone",
            "free of {N}", "no more {N}", "no {N} about {T}", "{S} [have] no {N}", "not {N}",
        ),
        "firm": (
            "not a trace of {N}", "no trace of {N}", "no hint of {N}", "not a hint of {N}", "no sign of {N}",
            "devoid of {N}", "devoid of any {N}",
            "zero {N}", "absence of {N}", "without a trace of {N}", "without the slightest {N}", "not a spark of {N}",
            "not the least {N}",
            "anything but {N}", "not the slightest sign of {N}", "without a hint of {N}", "not an ounce of {N}",
            "without a sign of {N}",
            "no {N} at all", "no {N} whatsoever", "completely without {N}", "not a bit of {N}", "nothing of {N}",
            "far from any {N}",
        ),
    },
    "verb": {
        "plain": (
            "not {G}", "without {G}", "{S} [don't] {B}", "{S} never {V3}", "{S} [be] not {G}", "{S} [isn't] {G}",
            "stops {G}", "don't {B}",
            "{S} [refuse] to {B}", "no longer {G}", "no {G}", "won't {B}", "must not {B}", "he did not {B}",
            "never {G}", "{S} [do] not {B}",
            "nobody has to {B}", "no need to {B}", "without having to {B}", "he has stopped {G}", "hardly {G}",
            "don't {B}, please",
        ),
    },
    "cue": {
        "plain": ("no {C}", "without {X}", "not {X}", "{S} [don't] have {X}", "with no {C}", "without any {C}",
                  "{S} [have] no {C}",
                  "without a {C}", "there is no {C}", "not a {C}", "no sign of {X}"),
    },
}  # fmt: skip
DENIALS["be"] = {
    group: tuple(frame for frame in frames if "face" not in frame) for group, frames in DENIALS["adj"].items()
}
# Words of denial that deny nothing, with their strength.
AFFIRMED: dict[str, tuple[tuple[str, float], ...]] = {
    "adj": (
        ("couldn't be {M}", 1.7), ("{S} couldn't be {M}", 1.7), ("couldn't be more {X}", 1.7),
        ("never been so {X}", 1.6),
        ("I have never seen him so {X}", 1.6), ("never before was he so {X}", 1.6),
        ("nobody has ever been so {X}", 1.7),
        ("not just {X} but {Y}", 1.3), ("not only {X}, also {Y}", 1.1), ("not merely {X}, {Y}", 1.3),
        ("not only {X} but {Y}", 1.3),
        ("no doubt he is {X}", 1.0), ("so {X} he cannot speak", 1.6), ("so {X} that he can hardly breathe", 1.6),
        ("no one could be {M}", 1.7),
        ("cannot hide that he is {X}", 1.0), ("{M} than ever", 1.5), ("{M} than ever before", 1.5),
        ("as {X} as can be", 1.6),
        ("too {X} to speak", 1.5), ("too {X} to say anything", 1.5), ("isn't he {X}?", 1.0), ("why is he so {X}?", 1.2),
        ("as {X} as never before", 1.6), ("it is no wonder that he is {X}", 1.0), ("never felt so {X}", 1.6),
        ("never so {X} in his life", 1.6),
        ("he was never so {X} in all his life", 1.6), ("he has never been so {X} before", 1.6),
        ("don't be afraid to look {X}", 1.0), ("not a little {X}", 1.3),
    ),
    "noun": (
        ("cannot hide his {N}", 1.1), ("doesn't hide his {N}", 1.1), ("barely contained {N}", 1.3),
        ("can barely contain his {N}", 1.4),
        ("unable to contain his {N}", 1.5), ("nothing but {N}", 1.4), ("can hardly hide his {N}", 1.2),
        ("not without {N}", 0.7),
        ("no longer able to hide his {N}", 1.2), ("without hiding his {N}", 1.2),
        ("{N} he has never known before", 1.5),
        ("not trying to hide his {N}", 1.1), ("can't contain his {N}", 1.4), ("{N}, no doubt", 1.0),
        ("{N} without end", 1.5),
        ("{N} beyond words", 1.6), ("speechless with {N}", 1.5), ("mad with {N}", 1.6),
        ("beside himself with {N}", 1.7),
    ),
    "verb": (
        ("can't stop {G}", 1.4), ("cannot help {G}", 1.1), ("can't help but {B}", 1.1), ("doesn't stop {G}", 1.3),
        ("never stops {G}", 1.3),
        ("unable to stop {G}", 1.4), ("can't keep from {G}", 1.2), ("can't resist the urge to {B}", 1.0),
        ("won't stop {G}", 1.3),
        ("nothing could keep him from {G}", 1.3), ("could not stop {G}", 1.4),
    ),
    "be": (("never been so {X}", 1.5), ("not just {X}", 1.1), ("no doubt {X}", 1.0), ("more {X} than ever", 1.5)),
}  # fmt: skip
# {A} wins over {B}; shares of A, of B, and a factor for the strength of A
CONTRASTS: tuple[tuple[str, float, float, float], ...] = (
    ("not {B} but {A}", 1, 0, 1), ("not {B}, {A}", 1, 0, 1), ("not {B}, just {A}", 1, 0, 1),
    ("not {B}, only {A}", 1, 0, 1), ("{A}, not {B}", 1, 0, 1),
    ("{A} rather than {B}", 0.93, 0.07, 1), ("more {A} than {B}", 0.75, 0.25, 1),
    ("more {A} than {B}", 0.75, 0.25, 1), ("less {B} than {A}", 0.75, 0.25, 1),
    ("no longer {B}, now {A}", 1, 0, 1), ("not {B} any more, {A} again", 1, 0, 1),
    ("{A} instead of {B}", 0.95, 0.05, 1),
    ("neither {B} nor {C}, just {A}", 1, 0, 1), ("not {B} or {C}, {A}", 1, 0, 1),
    ("he was {B} at first, now he is {A}", 0.95, 0.05, 1),
    ("{S} [isn't] {B}, {S} [be] {A}", 1, 0, 1), ("{S} [be] not {B}, only {A}", 1, 0, 1),
    ("{S} [isn't] {B} any more, {S} [be] {A}", 1, 0, 1),
    ("used to be {B}, but now {A}", 0.95, 0.05, 1), ("not at all {B}, rather {A}", 1, 0, 1),
    ("not {B} at all, just {A}", 1, 0, 1),
    ("{A} but not {B}", 1, 0, 1), ("{A}, though not {B}", 1, 0, 1), ("anything but {B}: {A}", 1, 0, 1),
    ("{A} without being {B}", 1, 0, 1),
    ("far from {B}, {A}", 1, 0, 1), ("he looks {B}, but he is really {A}", 0.75, 0.25, 1),
    ("pretends to be {B} but is {A}", 0.7, 0.3, 1),
    ("trying to look {B}, but {A}", 0.75, 0.25, 1), ("trying to stay {B}, but {A} inside", 0.75, 0.25, 1),
    ("{A} behind a {B} mask", 0.7, 0.3, 0.9),
    ("seems {B} but is {A} underneath", 0.7, 0.3, 1), ("{A}, pretending to be {B}", 0.65, 0.35, 1),
    ("{A} though he tries to seem {B}", 0.75, 0.25, 1),
    ("not {B} with {T}, {A}", 1, 0, 1), ("not {B} of {T}, only {A} by it", 1, 0, 1), ("{B}? no, {A}!", 0.97, 0.03, 1),
    ("from {B} to {A}", 0.7, 0.3, 1),
    ("{S} [isn't] {B} of {T} any more, {S} [be] {A}", 1, 0, 1), ("first {B}, then {A}", 0.7, 0.3, 1),
    ("not {B} about {T}, only very {A}", 1, 0, 1.3),
    ("don't be {B}, be {A}", 1, 0, 1), ("don't look {B}, look {A}", 1, 0, 1), ("stop being {B}, be {A}", 1, 0, 1),
    ("at first {B}, then more and more {A}", 0.7, 0.3, 1), ("{B} turning into {A}", 0.65, 0.35, 1),
    ("{A} despite being {B}", 0.75, 0.25, 1),
    ("more {A} than {B} about {T}", 0.75, 0.25, 1), ("{S} [be] more {A} than {B}", 0.75, 0.25, 1),
    ("rather {A} than {B}", 0.93, 0.07, 1),
)  # fmt: skip
MIXTURES: tuple[tuple[str, float], ...] = (
    ("{A} and {B}", 0.5), ("{A} and {B}", 0.5), ("both {A} and {B}", 0.5), ("half {A}, half {B}", 0.5),
    ("{A}, {B}", 0.5), ("{A} and {B} at the same time", 0.5),
    ("a mix of {a} and {b}", 0.5), ("a mixture of {a} and {b}", 0.5), ("torn between {a} and {b}", 0.5),
    ("{a} mixed with {b}", 0.55),
    ("{A} with a touch of {b}", 0.78), ("{A} with a hint of {b}", 0.8), ("{A}, a little {B}", 0.72),
    ("mostly {A}, a bit {B}", 0.78),
    ("{A} and slightly {B}", 0.75), ("mainly {A} but also {B}", 0.7), ("{a} with a trace of {b}", 0.8),
    ("{A} but also {B}", 0.55), ("{A} yet {B}", 0.5),
    ("{S} [be] {A} and {B}", 0.5), ("{S} [be] {A} and a bit {B}", 0.72), ("{a} and {b}", 0.5),
    ("between {a} and {b}", 0.5), ("{A}, with {b} in his eyes", 0.65),
)  # fmt: skip
# an emotion that is held back: frame, share of it (the rest is neutral), factor of strength
HIDDEN: dict[str, tuple[tuple[str, float, float], ...]] = {
    "noun": (
        ("trying to hide his {N}", 0.75, 0.7), ("hiding his {N}", 0.75, 0.7), ("suppressed {N}", 0.8, 0.7),
        ("concealed {N}", 0.75, 0.6),
        ("holding back his {N}", 0.8, 0.7), ("masking his {N}", 0.7, 0.6), ("controlled {N}", 0.8, 0.8),
        ("fighting his {N}", 0.8, 0.8),
        ("restrained {N}", 0.8, 0.6), ("secret {N}", 0.8, 0.7), ("hidden {N}", 0.75, 0.6), ("quiet {N}", 0.85, 0.7),
        ("swallowing his {N}", 0.8, 0.7),
    ),
    "adj": (
        ("secretly {X}", 0.8, 0.7), ("almost {X}", 0.85, 0.7), ("close to being {X}", 0.85, 0.75),
        ("quietly {X}", 0.9, 0.7),
        ("trying not to look {X}", 0.75, 0.7), ("doesn't want to show that he is {X}", 0.75, 0.7),
        ("on the verge of being {X}", 0.9, 0.85),
        ("pretending to be {X}", 0.65, 0.7), ("he would never admit it but he is {X}", 0.8, 0.7),
    ),
    "verb": (
        ("trying not to {B}", 0.8, 0.75), ("about to {B}", 0.95, 0.9), ("almost {G}", 0.85, 0.75),
        ("on the verge of {G}", 0.95, 0.9),
        ("struggling not to {B}", 0.85, 0.85), ("close to {G}", 0.95, 0.9), ("fighting the urge to {B}", 0.85, 0.85),
        ("nearly {G}", 0.85, 0.75),
    ),
}  # fmt: skip
JOINTS = (", ", ", ", "; ", ". ", " and ", " - ", ": ", ", because ", ", so ", " as ", " while ", ", almost ", " with ")
KIND_SHARES = {"adj": 0.3, "manner": 0.02, "noun": 0.12, "verb": 0.14, "be": 0.08, "cue": 0.11, "event": 0.05,
               "scene": 0.05, "like": 0.03, "say": 0.03, "thing": 0.04, "fact": 0.03}  # fmt: skip
# The first words that come to mind are asked for most.
BASIC = {
    "angry": ("angry", "anger", "mad", "furious", "rage", "annoyed"),
    "disgust": ("disgusted", "disgust", "contempt", "revolted", "repelled", "contemptuous"),
    "fear": ("afraid", "fear", "scared", "fearful", "terrified", "nervous", "worried", "anxious"),
    "happy": ("happy", "joy", "happiness", "smile", "cheerful", "joyful", "laugh", "glad", "pleased"),
    "neutral": ("neutral", "calm", "relaxed", "bored", "expressionless"),
    "sad": ("sad", "sadness", "unhappy", "cry", "sorrow", "depressed", "disappointed", "grief"),
    "surprised": ("surprised", "surprise", "astonished", "amazed", "startled", "shocked"),
}
NOTHING: dict[str, tuple[str, ...]] = {
    "adj": (
        "neither {A} nor {B}", "neither {A} nor {B} nor {C}", "not {A}, not {B}, just normal", "not {A} and not {B}",
        "not {A} or {B}",
        "not {A}, not {B}, not {C}", "{S} [isn't] {A} or {B}", "{S} [be] neither {A} nor {B}",
        "don't look {A}, don't look {B}", "not {A} nor {B}",
    ),
    "noun": (
        "no {A}, no {B}", "no {A}, no {B}, nothing", "without {A} or {B}", "no {A} and no {B}", "neither {A} nor {B}",
        "no {A} nor {B} in his face",
        "devoid of {A} and {B}", "{S} [show] neither {A} nor {B}",
    ),
}  # fmt: skip
CONFLICTS = (
    ("{G} but trying to {B}", 0.65), ("{S} [be] {G} but [try] to {B}", 0.65), ("trying to {B} while {G}", 0.6),
    ("{G} while {H}", 0.5),
    ("{G} and {H} at the same time", 0.5), ("{G}, yet {H}", 0.5), ("tries to {B} although he {V}", 0.65),
    ("{X} but trying to {B}", 0.7),
    ("{X}, although he tries to {B}", 0.7), ("{X} but {H}", 0.5), ("{S} [be] {X} but {H}", 0.5),
    ("trying to {B}, but {X}", 0.7),
)  # fmt: skip
