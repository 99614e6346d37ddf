"""Descriptions written by hand to judge the text encoder; nothing here is trained on.

All but `LATER` were written before the lexicon and the grammar, by the same hand, which knows the same idioms: expect
less of strangers' wording. Their figures (never their errors) were looked at after five trainings: a short pilot, two
on the first lexicon, one after it was widened by things and facts for the errors in sentences that are not kept here,
one after it was widened by parts of the face. `LATER` was written between these last two, on purpose farther from the
lexicon: scenes, dialogue, literary and colloquial wording, much of which takes knowledge of the world. Its figure was
looked at twice.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

from medtalk.guidance import LABELS


class Described(NamedTuple):
    """A description with what a reader takes from it."""

    text: str
    label: str
    """The strongest emotion."""
    also: str
    """A second emotion that must be felt too, or ""."""
    strength: str
    """"low", "mid", "high", or "" where readers would differ."""
    language: str = "en"
    """Its code."""
    later: bool = False
    """Of `judged/second.txt`."""


class Negated(NamedTuple):
    """A description and its denial; the denial must not give the label as the strongest."""

    label: str
    plain: str
    denied: str


# LABEL[+SECOND] STRENGTH | TEXT; strength is l, m, h or -
_DESCRIBED = """
angry m | angry
angry h | absolutely furious
angry l | slightly annoyed
angry l | a bit irritated with the waiter
angry h | He is boiling with rage.
angry h | she wants to tear him apart
angry m | fed up with all the excuses
angry m | glaring at his brother across the table
angry h | like a bull that has seen red
angry h | yelling at the top of his lungs, veins bulging on his neck
angry m | her jaw is clenched and her nostrils flare
angry l | a little cross, but patient
angry h | The king flies into a towering rage
angry m | teeth gritted, brows pulled down
angry - | cold, controlled anger
angry h | livid. Someone has scratched his new car
angry m | scolding a dog that chewed the sofa
angry m | he has had enough of their lies
angry m | speaks through clenched teeth
angry h | seething with hatred
angry l | mildly frustrated with the printer
angry - | indignant about the unfair verdict
angry h | Play it as if you are about to explode
angry m | a hostile stare, ready for a fight
angry h | murderous look in his eyes
angry - | jealous of her sister's success
angry m | the customer is complaining loudly and demands his money back
angry l | a touch of impatience
angry h | out of his mind with fury after being betrayed
angry m | scowling, arms crossed
angry - | growls like a cornered dog
angry m | grumpy because nobody let him sleep
angry h | so mad she could scream
angry - | full of spite and resentment
angry m | threatening, leaning in close
angry h | she snaps and slams the door
angry m | as though somebody had insulted his mother
angry l | just a hint of anger in the voice
angry h | incandescent with rage
angry m | in a foul temper today
angry - | bitter, accusing, still not over what they did to him
angry m | not sad, angry
angry m | She isn't scared of him any more, she's angry.
angry+sad - | angry and hurt at the same time
angry - | more irritated than surprised
angry l | peeved
angry h | he erupts, shouting and pounding the table
disgust m | disgusted
disgust h | completely revolted
disgust l | slightly grossed out
disgust m | wrinkling her nose at the smell of old fish
disgust h | about to throw up
disgust h | it makes him sick to his stomach
disgust m | looks at the slimy thing on the plate with distaste
disgust - | full of contempt for these people
disgust m | sneering down at the beggar
disgust m | upper lip curled, nose scrunched up
disgust h | He gags at the stench.
disgust m | as if she had bitten into a rotten apple
disgust m | like someone who has just found a hair in the soup
disgust l | a faint look of aversion
disgust l | not too keen on the taste, mildly put off
disgust h | nauseated beyond words
disgust m | sour face, tongue out, yuck
disgust - | she scoffs and looks away with disdain
disgust h | utter revulsion
disgust m | he finds the whole thing repulsive
disgust m | the sewer reeks and he can hardly stand it
disgust - | scornful, superior, mocking
disgust h | recoiling in horror and disgust from the maggots
disgust m | eww, that's gross
disgust m | stepping barefoot into something wet and sticky
disgust - | loathing
disgust h | I detest him, he makes my skin crawl
disgust m | feels queasy looking at the wound
disgust - | a snobbish look of disapproval
disgust m | as if there was a bad smell in the room
disgust l | finds it a bit unpleasant to touch
disgust m | grimacing after a sip of spoiled milk
disgust - | can't stand the sight of it
disgust m | retching over the sink
disgust - | contemptuous smirk
disgust m | turning away, appalled by the filth
disgust h | extremely repelled by the cockroaches
disgust m | the food is foul and her face shows it
disgust l | a trace of distaste on his lips
disgust m | not frightened of the spider, only disgusted by it
disgust m | she curls her lip in distaste
disgust - | looks down on everyone around him
disgust+angry - | disgusted and angry about the corruption
disgust m | picking up dirty laundry with two fingers
disgust h | vomit-inducing horror of a meal, he can barely look
disgust l | slight sneer
fear m | afraid
fear h | scared to death
fear l | a bit nervous before the interview
fear h | eyes wide with terror
fear m | trembling, looking over her shoulder
fear h | She is panicking, gasping for breath
fear h | frozen with fear
fear l | slightly uneasy
fear m | worried sick about her son
fear m | as if a stranger was following him home
fear h | he thinks he is going to die
fear m | like a deer in the headlights
fear m | anxious, biting his nails
fear - | dreading the test results
fear l | somewhat apprehensive
fear h | horrified by what is coming towards them
fear h | screaming in terror as the monster approaches
fear m | voice shaking with fright
fear m | the child hides under the blanket during the thunderstorm
fear m | stage fright
fear m | cowering in the corner
fear - | paranoid, sure that somebody is listening
fear l | a little intimidated by the boss
fear m | her heart is pounding, her hands are sweating
fear h | begging for his life
fear m | alarmed by the footsteps upstairs
fear h | petrified
fear l | tense, with a hint of worry
fear m | timid, afraid to say the wrong thing
fear h | blood-curdling dread
fear m | lost alone in the dark forest
fear m | swallowing hard, backing away from the knife
fear m | being threatened with a gun
fear l | uncertain and a tad worried
fear h | beside himself with fear
fear m | pale, lips quivering, as if she had seen a ghost
fear m | trying to stay calm, but he is terrified inside
fear m | not angry, scared
fear - | she shudders, something moved in the shadows
fear m | insecure and easily frightened
fear h | hysterical with panic
fear m | stressed out, the deadline is tomorrow and nothing works
fear+surprised - | startled and frightened by the bang
fear m | his knees are knocking together
fear l | jittery
fear m | cold sweat, dry mouth, wide eyes
happy m | happy
happy h | overjoyed
happy l | quietly content
happy h | as if he had just won the lottery
happy m | smiling from ear to ear
happy h | She is over the moon about the baby
happy l | a small smile
happy m | laughing with friends
happy h | jumping for joy
happy m | cheerful, like a host of a children's show
happy m | giggling at a silly joke
happy l | mildly amused
happy m | eyes sparkling, cheeks raised
happy h | ecstatic! we did it!
happy m | proud of her daughter's graduation
happy m | warm and friendly, welcoming guests
happy h | in seventh heaven
happy m | playful, teasing, full of fun
happy - | relieved that it is all over
happy m | excited about the trip tomorrow
happy h | bursting with excitement
happy m | in love
happy m | grateful for the lovely present
happy m | a child opening presents on Christmas morning
happy m | in high spirits
happy h | she can't stop laughing
happy h | couldn't be happier
happy m | grinning like a Cheshire cat
happy l | a faint smile plays on her lips
happy m | hopeful and optimistic about the future
happy m | enthusiastic salesman
happy - | tender, loving, as a mother to her newborn
happy l | slightly pleased with himself
happy m | having a great time at the party
happy m | beaming with pride
happy h | triumphant, they have won the world cup
happy m | the sun is shining and life is good
happy m | not sad any more, she smiles again
happy m | delighted to see you again
happy h | extremely cheerful
happy m | singing in the shower, carefree
happy l | serene little smile, satisfied
happy+surprised - | pleasantly surprised by the party her friends threw
happy m | he is glad that she came
happy m | flirting and joking
happy m | just got engaged
happy - | mischievous grin
happy h | roaring with laughter
neutral - | neutral
neutral - | calm and relaxed
neutral - | like a newsreader
neutral - | no emotion at all
neutral - | poker face
neutral - | expressionless
neutral - | He reads the manual aloud in a monotone voice
neutral - | matter-of-fact
neutral - | bored and indifferent
neutral - | neither happy nor sad
neutral - | as if reading a shopping list
neutral - | composed, professional, businesslike
neutral - | not angry at all, just calm
neutral - | stating the facts without feeling
neutral - | a blank stare
neutral - | she does not care one way or the other
neutral - | normal everyday conversation
neutral - | deadpan delivery
neutral - | like a robot
neutral - | explaining the instructions to a colleague
neutral - | face at rest
neutral - | unmoved by the news
neutral - | cool, detached and objective
neutral - | no particular mood
neutral - | just talk normally
neutral - | an ordinary office worker giving directions
neutral - | stone-faced
neutral - | emotionless like a machine
neutral - | level-headed and even-tempered
neutral - | patient and composed doctor
neutral - | don't smile, don't frown, simply speak
neutral - | peaceful, as in meditation
neutral - | flat voice, nothing shows on his face
neutral - | without any expression
neutral - | unimpressed
neutral - | she keeps a straight face
neutral - | announcing the next train at the station
neutral - | no fear, no anger, nothing
neutral - | relaxed features, steady gaze
neutral - | a lecturer going through the slides
neutral - | unfazed by the noise
neutral - | apathetic shrug
neutral - | impassive judge reading the sentence
neutral - | not surprised in the least
neutral - | plain and simple, keep it natural
neutral - | he is fine, nothing special
sad m | sad
sad h | heartbroken
sad l | a little down
sad h | sobbing uncontrollably
sad m | fighting back tears
sad m | she is fighting back tears but tries to smile
sad h | devastated by the death of his father
sad m | as if her dog had died
sad m | the corners of his mouth droop
sad m | tears running down her cheeks
sad m | lonely old man on a bench
sad l | slightly disappointed
sad l | somewhat melancholic
sad h | in deep mourning
sad m | feeling blue
sad h | completely hopeless, he has given up on life
sad m | homesick
sad m | she misses him so much
sad m | disappointed that nobody came to her birthday
sad h | her world has fallen apart
sad m | giving a speech at a funeral
sad m | on the verge of tears
sad m | full of regret for what he did
sad m | gloomy and downcast
sad m | her lower lip trembles and her eyes are wet
sad m | sighing heavily, eyes on the floor
sad m | unhappy with her life
sad h | crushed by the loss
sad h | inconsolable
sad l | a touch of sorrow in his eyes
sad m | guilty and ashamed
sad m | after the break-up
sad m | he got dumped and cries into his pillow
sad h | wailing with grief
sad m | depressed
sad m | not angry with you, only very sad
sad l | wistful, remembering better days
sad m | hurt by what she said
sad m | down in the dumps
sad m | sorry to hear about your mother's illness
sad h | in utter despair
sad m | anything but happy
sad m | a defeated look, shoulders hanging
sad - | nostalgic and a bit sad
sad+angry - | more sad than angry
sad m | saying goodbye for ever to his best friend
sad l | a bit gloomy, like a rainy Sunday
sad m | weeping softly
sad+happy - | bittersweet, smiling through tears
surprised m | surprised
surprised h | completely stunned
surprised l | slightly surprised
surprised m | eyebrows shoot up, jaw drops
surprised m | mouth open in amazement
surprised h | he cannot believe what he sees
surprised m | taken aback by the question
surprised m | what?! no way!
surprised h | flabbergasted
surprised m | as if a rabbit had jumped out of a hat
surprised l | a raised eyebrow
surprised m | caught off guard
surprised m | startled by a sudden noise
surprised m | gasping at the twist in the story
surprised m | she did not expect that at all
surprised h | utterly astonished
surprised m | wide-eyed with wonder at the fireworks
surprised h | thunderstruck
surprised m | puzzled and perplexed
surprised m | in awe of the mountains
surprised - | bewildered
surprised m | it came out of the blue
surprised h | speechless with shock
surprised m | meeting an old school friend unexpectedly in the street
surprised m | astonishment
surprised l | a hint of surprise
surprised m | like someone who just saw an elephant in the kitchen
surprised h | mind blown
surprised m | incredulous: you did what?
surprised m | he blinks in disbelief
surprised h | blown away by the magic trick
surprised m | she does a double take
surprised h | shocked to the core by the revelation
surprised m | amazed at how tall he has grown
surprised l | mildly startled
surprised m | dumbstruck, mouth agape
surprised m | not afraid, just astonished
surprised m | nobody saw that coming, least of all her
surprised m | raises his brows and opens his mouth
surprised m | they jumped out and shouted surprise
surprised - | confused, trying to work out what happened
surprised m | the news hit her like a bolt from the blue
surprised m | more amazed than frightened
surprised h | she nearly fell off her chair when she heard it
surprised+happy - | amazed and delighted
surprised l | a bit taken aback
"""

_LATER = """
angry - | somebody ate his sandwich again and he has a word with the whole office
angry m | the veins on her temple throb as she listens to his excuses
angry - | spitting out every word
angry - | a father who finds his car keys flushed down the toilet
angry h | hell hath no fury like this woman
angry m | he slams his fist on the desk
angry l | slightly irked, drumming her fingers
angry - | she has had it up to here with him
angry - | barking into the telephone at the insurance company
angry - | not upset any more, just pure resentment
disgust - | she pokes the grey meat with her fork and pushes it away
disgust - | he finds a used plaster in his salad
disgust - | ugh, who left this in the fridge since March
disgust m | upper lip raised, nose all wrinkled up
disgust - | holding the nappy at arm's length
disgust - | treats the servants as though they were dirt on his shoe
disgust h | so gross he nearly brings up his breakfast
disgust - | the bathroom floor is sticky and she is barefoot
disgust - | a haughty duchess at a truck stop
disgust l | a slight grimace after tasting the soup
fear - | the floorboards creak and nobody else should be home
fear m | she clutches the armrests during the turbulence
fear h | scared silly
fear - | her voice quavers, and she keeps glancing at the exit
fear - | he has just realised that the bear has seen him
fear l | a little wobbly before going on stage
fear - | please, don't let them find me
fear m | a boy summoned to the headmaster
fear h | sheer unadulterated panic, scrambling for the door
fear - | not confident at all, rather worried about how it will end
happy - | finally Friday, and the weekend is all hers
happy - | grandma sees the kids run up the path
happy m | eyes lit up, cheeks dimpled
happy - | he could hug the whole world
happy h | dancing around the room, hollering with delight
happy l | rather pleased with how the cake turned out
happy - | she has butterflies because he smiled at her
happy - | cracking up at her brother's impression of the vicar
happy - | the crowd goes wild as he lifts the cup
happy - | not nervous any longer, she positively glows
neutral - | a clerk asking for the next number
neutral - | reads the terms and conditions
neutral - | he might as well be talking about socks
neutral - | no frills, no drama, an even delivery
neutral - | a satnav voice
neutral - | she looks at him, neither pleased nor cross
neutral - | keep it straight and level
neutral - | like somebody waiting for an elevator
neutral - | he is unaffected by her tears
neutral - | showing no sign of excitement or worry
sad - | she sets the table for two, though he has been gone a year
sad - | his voice breaks when he speaks about his late brother
sad - | the last guest has left and the phone stays silent
sad m | eyes brimming, chin wobbling
sad h | she collapses over the coffin
sad l | a bit low since the kids moved out
sad - | I should have told her that I loved her
sad - | a clown who takes off his make-up after the final show
sad - | nothing cheers him up these days
sad - | not furious, only let down by his own son
surprised - | hang on, you two are married?
surprised - | he opens the envelope and there is a cheque for a million inside
surprised m | eyebrows up to the hairline
surprised - | the last person she thought she would meet here
surprised - | she stops mid-sentence and stares at the thing hovering over the lawn
surprised h | gobsmacked, he cannot get a word out
surprised l | a tiny bit startled
surprised - | huh? since when do you speak Japanese?
surprised - | his jaw nearly hits the ground
surprised - | she didn't see it coming, not by a long shot
"""

# LABEL | PLAIN | DENIED
_NEGATED = """
happy | happy | not happy
happy | she is happy | she is not happy
happy | he looks cheerful | he doesn't look cheerful
happy | smiling | without smiling
happy | a smile | no smile
happy | delighted with the gift | not delighted with the gift at all
happy | joyful | far from joyful
happy | she laughs | she never laughs
happy | very pleased | not very pleased
happy | full of joy | without joy
happy | glad to be here | anything but glad to be here
happy | amused | not amused
happy | a trace of joy | no trace of joy
happy | he seems content | he seems anything but content
angry | angry | not angry
angry | he is angry | he isn't angry
angry | furious | not furious
angry | angry with you | not angry with you at all
angry | she was mad at him | she was never mad at him
angry | a hint of anger | not a hint of anger
angry | full of rage | without rage
angry | irritated | not in the least irritated
angry | annoyed by the question | not annoyed by the question
angry | hostile | not hostile
angry | he sounds aggressive | he doesn't sound aggressive
angry | with anger in her voice | with no anger in her voice
angry | still angry | no longer angry
sad | sad | not sad
sad | she is sad | she isn't sad
sad | he looks unhappy | he doesn't look unhappy
sad | crying | not crying
sad | heartbroken | hardly heartbroken
sad | with tears | without tears
sad | full of sorrow | without a trace of sorrow
sad | depressed | not depressed any more
sad | gloomy | far from gloomy
sad | disappointed | not disappointed
sad | I am sad | I am not sad at all
sad | she weeps | she never weeps
sad | grieving | no longer grieving
fear | afraid | not afraid
fear | she is scared | she isn't scared
fear | terrified | not terrified
fear | nervous | not nervous at all
fear | he fears them | he doesn't fear them
fear | full of fear | without fear
fear | frightened of dogs | not frightened of dogs
fear | worried | not worried
fear | anxious about it | not the least bit anxious about it
fear | a trace of panic | no trace of panic
fear | he was scared | he was never scared
fear | afraid | no longer afraid
fear | alarmed | hardly alarmed
surprised | surprised | not surprised
surprised | she is surprised | she isn't surprised
surprised | astonished | not astonished
surprised | amazed by it | not amazed by it at all
surprised | shocked | not shocked
surprised | he looks startled | he doesn't look startled
surprised | a sign of surprise | no sign of surprise
surprised | surprised by the answer | hardly surprised by the answer
surprised | stunned | far from stunned
disgust | disgusted | not disgusted
disgust | she is disgusted | she isn't disgusted
disgust | revolted | not revolted
disgust | full of contempt | without contempt
disgust | he looks repelled | he doesn't look repelled
disgust | a hint of disgust | not a hint of disgust
disgust | nauseated | not nauseated at all
disgust | disgusted by the smell | never disgusted by the smell
disgust | disdainful | far from disdainful
"""

# from the weakest to the strongest
_SCALES = """
slightly angry < angry < very angry < extremely angry
a bit sad < sad < very sad < utterly sad
mildly surprised < surprised < really surprised < completely surprised
a little afraid < afraid < very afraid < incredibly afraid
somewhat happy < happy < so happy < unbelievably happy
faintly disgusted < disgusted < deeply disgusted < absolutely disgusted
annoyed < angry < furious
irritated < mad < enraged
uneasy < afraid < terrified
nervous < scared < petrified
pleased < happy < ecstatic
content < joyful < overjoyed
disappointed < sad < devastated
gloomy < unhappy < heartbroken
surprised < astonished < flabbergasted
put off < disgusted < revolted
a hint of anger < anger < blind rage
a trace of fear < fear < sheer terror
a touch of sadness < sadness < bottomless grief
a glimmer of joy < joy < pure bliss
slightly annoyed < annoyed < very annoyed
he seems a bit worried < he seems worried < he seems extremely worried
she smiles faintly < she smiles < she laughs her head off
her eyes are moist < she cries < she sobs uncontrollably
a mild dislike < disgust < intense loathing
kind of scared < scared < scared out of his wits
a tad upset < upset < terribly upset
subtle surprise < surprise < total shock
"""


def _described(line: str) -> Described:
    head, text = line.split(" | ")
    labels, strength = head.split()
    label, _, also = labels.partition("+")
    return Described(text, label, also, {"l": "low", "m": "mid", "h": "high", "-": ""}[strength])


DESCRIBED = tuple(map(_described, _DESCRIBED.strip().splitlines()))
LATER = tuple(map(_described, _LATER.strip().splitlines()))
JUDGED = tuple(
    Described(*_described(line.partition(" ")[2])[:4], line[:2], name == "second")
    for name in ("first", "second")
    for line in files("medtalk_train.wording").joinpath("judged", f"{name}.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
)
"""Farther from any lexicon, and in twelve languages, as animators and directors write. `first.txt` was written before
any word of the phrase books, `second.txt` after the last: its figures are the honest ones."""
NEGATED = tuple(Negated(*line.split(" | ")) for line in _NEGATED.strip().splitlines())
SCALES = tuple(tuple(line.split(" < ")) for line in _SCALES.strip().splitlines())

assert {each.label for each in DESCRIBED} == set(LABELS)
assert {each.label for each in NEGATED} | {"neutral"} == set(LABELS)
