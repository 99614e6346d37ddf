"""Words and phrases of the seven emotions, written by hand, each with how strong a face it asks for (1: plainly felt).

A line is ``KIND STRENGTH: entry, entry, ...``; an indented one goes on with the line before. The kinds say how an entry
fits into a sentence:

    adj    after "is", before a noun: angry               noun   a feeling: anger
    verb   a verb phrase, its verb in the base form: glare at them
    be     after "is": over the moon                       cue    after "with": tears in his eyes
    event  after "has just": lost his job                  scene  what somebody is doing or lives through
    like   after "like": a kicked puppy                    say    said by the face itself: how dare you
    thing  what calls the feeling up: a funeral            fact   a whole clause that does: his dog died

"he", "him", "his" and "himself" stand for anybody. Everything here is ours; no word list or corpus was copied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from medtalk.guidance import LABELS

KINDS = ("adj", "noun", "verb", "be", "cue", "event", "scene", "like", "say", "thing", "fact")

_ANGRY = """
adj .6: annoyed, irritated, cross, grumpy, impatient, irritable, peevish, miffed, displeased, vexed, testy, snappy,
  crabby, touchy, cranky, grouchy, sulky, surly, prickly, irked, disgruntled, frustrated, exasperated, ticked off,
  petulant, curt, brusque, bothered, peeved, riled, dissatisfied
adj 1: angry, mad, hostile, bitter, resentful, indignant, aggressive, hateful, spiteful, offended, provoked, sullen,
  confrontational, defiant, belligerent, combative, accusing, threatening, vengeful, envious, jealous, hot-headed,
  bad-tempered, ill-tempered, short-tempered, aggravated, fed up, worked up, pissed off, embittered, stern, harsh,
  menacing, reproachful, antagonistic, steamed up, rebellious, unforgiving, malicious, quarrelsome, argumentative,
  fierce, fuming, seething, inflamed, riled up, ill-humoured, hot under the collar, outspoken and cutting, mean, nasty,
  cruel, ruthless, stormy, tempestuous, pushy
adj 1.7: furious, enraged, livid, infuriated, irate, raging, wrathful, outraged, incensed, apoplectic, boiling,
  murderous, ferocious, violent, ballistic, rabid, savage, explosive, maddened, bloodthirsty, vicious, hopping mad,
  raving mad, beside himself with anger, incandescent, blazing, volcanic, berserk
noun .6: annoyance, irritation, impatience, displeasure, frustration, exasperation, vexation, irritability, grumpiness,
  bad mood, aggravation
noun 1: anger, hostility, resentment, bitterness, indignation, aggression, hatred, spite, jealousy, malice, ill will,
  envy, temper, animosity, enmity, venom, defiance, acrimony, rancour, grudge, ire, menace, hate, vengeance
noun 1.7: fury, rage, wrath, outrage, blind rage, bloodlust, white-hot anger, violent hatred
verb .6: frown in irritation, roll his eyes in annoyance, grumble, mutter under his breath, nag, bicker, huff, tap his
  foot impatiently, sulk, whine about the service, complain, get annoyed, lose patience, bristle, glower quietly, get
  irritated
verb 1: glare, scowl, growl, argue, scold, snap at everybody, accuse him of lying, blame the others, threaten them,
  frown angrily, clench his fists, grit his teeth, bare his teeth, quarrel, curse, swear, lash out, tell them off, stare
  daggers, get angry, hate them, resent it, shake his fist, hold a grudge, stomp off, slam the door, lose his temper,
  insult them, snarl, confront the liar, raise his voice, demand an apology, fight, punch the wall, kick the table,
  storm out of the room, bark orders, pick a fight, point an accusing finger, berate the staff, rebuke him sharply, want
  revenge, envy them, shout at him, yell at the kids, speak sharply, clench his jaw, flare his nostrils, narrow his eyes
  in anger
verb 1.7: rage, explode, see red, hit the roof, fly off the handle, go berserk, blow a fuse, blow up, scream with anger,
  yell in fury, roar, boil over, shout at the top of his voice, go ballistic, foam at the mouth, want to kill him, smash
  everything, breathe fire, rant and rave, lose it completely, throw a tantrum, fly into a rage, go through the roof,
  erupt, attack them, throw plates at the wall, bellow, want to strangle somebody, blow his top, go mad with rage
be .6: in a bad mood, not amused by the delay, losing patience, in a huff, rubbed the wrong way, getting tired of this
  nonsense, out of patience, out of sorts
be 1: at the end of his tether, up in arms, at odds with everybody, sick and tired of it, spoiling for a fight, on the
  warpath, ready to fight, out for revenge, sick of their lies, in a foul mood, in a temper, at his wits' end with them,
  green with envy, at daggers drawn, fed up to the back teeth, hot with anger, about to snap, bad tempered this morning,
  looking for trouble, full of hate
be 1.7: in a rage, out for blood, about to explode, hopping mad, ready to kill, on fire with anger, foaming at the
  mouth, beside himself with rage, boiling inside, mad with fury, out of control with anger, ready to smash something
cue .6: a slight frown of annoyance, an irritated look, pursed lips, a sharp tone, an edge in his voice, a curt tone
cue 1: lowered brows, brows drawn together, furrowed brows, clenched teeth, a clenched jaw, a set jaw, tight lips, lips
  pressed together, narrowed eyes, flared nostrils, nostrils flaring, a hard stare, a piercing glare, a dark look, a
  scowl, a snarl, bared teeth, clenched fists, a raised fist, a red face, a furrowed brow, knitted brows, an icy stare,
  a thunderous look, a threatening gesture, eyes full of hate, gritted teeth, a harsh voice, a raised voice, balled
  fists, brows pulled down, a tense jaw, a growl in his voice, an angry glare, a wrinkled angry forehead
cue 1.7: blazing eyes, a face red with rage, bulging veins, fire in his eyes, veins standing out on his neck, eyes
  burning with hatred, steam coming out of his ears, a purple face, a face like thunder, flashing eyes, a murderous
  glare, spit flying from his mouth
event .6: missed the bus because of them, been kept waiting, been interrupted again, been put on hold, been stuck in
  traffic, stepped on a toy, been woken up too early
event 1: been insulted, been lied to, been cheated, been robbed, been treated unfairly, had his car scratched, been
  ripped off, been cut off in traffic, been falsely accused, been stood up, been humiliated by his rival, been ignored
  again, had his bike stolen, been overcharged, found his flat trashed, had an argument, been bullied, got a parking
  ticket, been passed over for promotion, been slapped in the face, been blamed for it, been tricked, been pushed
  around, found out that they lied
event 1.7: been betrayed, been stabbed in the back, caught his wife cheating, learned that they hurt his child, sworn
  revenge, found the man who killed his brother
scene .6: waiting in an endless queue, listening to the neighbours' noise again, fighting with the printer, dealing with
  a rude clerk, swatting at a fly, arguing over the remote
scene 1: having a row, arguing with the referee, shouting at the driver in front, telling off a naughty child,
  complaining to the manager, fighting with his brother, protesting against injustice, defending his honour, in a heated
  argument, quarrelling with the neighbour, giving them a piece of his mind, a drill sergeant yelling at recruits, a
  boss shouting at his staff, cursing the thief, facing his enemy, taunting an opponent, accusing the traitor, a bar
  brawl, throwing somebody out, a mother scolding her son
scene 1.7: swearing bloody revenge, charging at the enemy, in a screaming match, smashing the furniture, a tyrant in a
  fit of rage
like .6: a grumpy old man, a spoiled brat, a sulking child
like 1: an angry dog, a bear with a sore head, a drill sergeant, a bully, a strict teacher, a villain threatening the
  hero, a thundercloud, a viking in battle, a protester, a wronged man, an enemy, a gangster, a betrayed lover
like 1.7: a raging bull, a volcano, a madman with an axe, a demon of wrath, a wild beast, a bomb about to go off, a man
  possessed by hate
say .6: oh come on, leave me alone, not again, stop it, give me a break
say 1: how dare you, get out, shut up, I hate you, this is an outrage, you liar, you will pay for this, damn it, who do
  you think you are, enough is enough, go to hell, don't you dare, I've had enough
say 1.7: I'll kill you, I will destroy you, you bastard
thing .9: an insult, a betrayal, an injustice, a traitor, a liar, a thief, a parking ticket, a rude driver, a traffic
  jam, a bully, a vandal, an unfair referee, a cheat, a broken promise, a provocation, his worst enemy, his rival, an
  argument, a quarrel, a dispute, an offence, a slap in the face, a fistfight, a battle cry, a declaration of war, a
  corrupt politician, a swindler, a scam, an impertinent remark, a false accusation, a slammed door, a feud, a threat of
  revenge, an act of vandalism, a rip-off, a hateful speech, a tantrum, an ultimatum, a row, a brawl, a riot, an
  intruder in his kitchen
fact 1: somebody stole his bike, they lied to him, his brother broke his promise, the neighbours are noisy again, the
  referee cheated, somebody scratched his car, they insulted his family, nobody listens to him, the boss took all the
  credit, he wants his money back, they treated him like dirt, the train is late for the third time this week, the kids
  do not obey, somebody cut the line, he demands an explanation, he wants revenge, she cheated on him, they broke the
  contract, the internet is down again, the politician lied once more, he will make them pay, his colleague blames him
  for everything, they kept him waiting for hours, someone pushed him, he has a score to settle, he will not put up with
  it
"""

_DISGUST = """
adj .6: put off, displeased by the taste, squeamish, disapproving, distasteful, snobbish, condescending, dismissive,
  disdainful, unimpressed and snooty, averse, turned off, sniffy, queasy, picky, judgmental, haughty, supercilious,
  patronising
adj 1: disgusted, repelled, contemptuous, scornful, grossed out, nauseated, appalled by the filth, repulsed, sickened,
  sneering, mocking, derisive, nauseous, loathing, full of contempt, sarcastic, cynical, icked out, offended by the
  smell, disparaging, hateful of the stuff, insolent, snide, sardonic, holier-than-thou, arrogant, sick to the stomach,
  gross, yucky, repulsive, disgusting, gagging, bilious, icky, foul, skeeved out, creeped out by slime, superior, smug
  and contemptuous, jeering
adj 1.7: revolted, horrified by the filth, utterly sick, abhorrent, violently ill, sick to death of the smell, vomiting,
  retching, abominable, revolting, sickening, nauseating
noun .6: distaste, aversion, disapproval, disdain, dislike, squeamishness, condescension, snobbery, queasiness,
  displeasure at the taste, unease at the smell
noun 1: disgust, contempt, scorn, repugnance, nausea, derision, mockery, loathing, antipathy, repulsion, sarcasm,
  arrogance
noun 1.7: revulsion, abhorrence, detestation, intense loathing, abomination, violent nausea
verb .6: wrinkle his nose, turn up his nose, grimace at the taste, look down his nose, purse his lips in distaste, pull
  a face, make a face at the food, sniff disapprovingly, dislike the taste, push the plate away, sniff at it, roll his
  eyes with contempt, crinkle his nose, raise his upper lip
verb 1: sneer, scoff, curl his lip, spit it out, stick out his tongue in disgust, scrunch up his nose, recoil from the
  smell, cover his nose, hold his nose, turn away in disgust, shudder with disgust, despise them, loathe it, look down
  on them, mock him, find it gross, feel sick, find it disgusting, scorn him, gag, pinch his nose, deride the others,
  feel nauseous, hold his breath against the stink, wince at the stench, detest it, feel like throwing up, smell
  something rotten, taste something sour, say yuck, spit on the floor, deride, curl his upper lip, squint at the slimy
  thing, ridicule them, find him repulsive
verb 1.7: retch, vomit, throw up, puke, heave, find it unbearably foul, abhor it, want to vomit, feel sick to his
  stomach, choke on the stench, turn green
be .6: not fond of the smell, put off his food, above all this, a bit off his food, too good for this place
be 1: sick to his stomach, grossed out by it, green around the gills, turned off by it, full of disgust, close to
  gagging, disgusted with himself, dripping with contempt, beneath contempt in his eyes, thick with scorn
be 1.7: about to vomit, about to be sick, on the point of throwing up, sick with revulsion, close to puking
cue .6: a slightly wrinkled nose, a look of distaste, a sceptical sneer, a sour expression, one corner of his mouth
  raised in contempt, a disapproving look
cue 1: a wrinkled nose, a raised upper lip, a curled lip, a sneer, a sour face, the tongue sticking out, nose and mouth
  twisted, a grimace of disgust, a contemptuous look, a look of scorn, a scrunched nose, nose crinkled, a mouth twisted
  in disgust, lips curled back, squinting eyes and a wrinkled nose, a hand over his nose, a scornful laugh, a mocking
  smile, a disgusted look, an expression as if something stank, nose wrinkled, upper lip curled
cue 1.7: a green face and a hand before his mouth, a stomach turning over, bile rising in his throat, his gorge rising
event .6: tasted something sour, smelled the old fridge, touched something sticky, sipped cold coffee
event 1: stepped in dog poo, bitten into a worm, found a cockroach in his soup, smelled rotten eggs, tasted spoiled
  meat, drunk sour milk, touched slime, seen somebody pick his nose, found mould on the bread, opened a bin full of
  rotting food, swallowed a fly, found a hair in his food, smelled a dead rat, been sneezed on, licked something vile,
  eaten something rotten, put his hand in vomit, sat in chewing gum, seen a pus-filled wound
event 1.7: seen a rotting corpse full of maggots, fallen into a sewer, been vomited on, eaten a live slug
scene .6: eating something he dislikes, tasting bitter medicine, cleaning the drain, looking at a badly dressed guest
scene 1: cleaning a filthy toilet, smelling garbage, looking at mould, changing a stinking nappy, eating insects, taking
  out the stinking rubbish, looking at a slimy slug, talking about a man he despises, watching a gruesome operation,
  handling rotten meat, looking at dirty dishes, smelling sweaty socks, facing a hypocrite, watching somebody eat with
  an open mouth, removing a dead mouse, holding a worm, stuck beside a smelly passenger, mocking a beggar
scene 1.7: wading through sewage, throwing up behind the bar, smelling a decaying body
like .6: a picky eater, a snob at a cheap restaurant, a cat offered the wrong food
like 1: someone who smells something rotten, someone who bit into a lemon, someone with a bad taste in the mouth, an
  aristocrat looking at peasants, someone who found a maggot, a critic tearing a film apart, someone who stepped in
  dung, an arrogant noble
like 1.7: someone about to puke, someone who ate poison
say .6: no thanks, how tasteless, hmm that tastes odd
say 1: yuck, ew, ugh, eww gross, that's disgusting, how revolting, it stinks, pfui, bah, what a stench, you are
  pathetic, take it away, gross, that is vile
say 1.7: I'm going to be sick, I think I'm going to throw up, that makes me sick
thing .9: a cockroach, vomit, slime, mould, pus, sewage, garbage, rotten meat, a dead rat, a dirty toilet, a fat slug, a
  maggot, a bloody wound, spit, snot, manure, dung, a heap of rubbish, a clogged drain, a rancid smell, sour milk, a
  foul smell, a stinking sock, bad breath, body odour, a rotten egg, worms, a leech, a hairy spider in the soup, a
  festering sore, greasy hair, a filthy kitchen, dog mess, a decaying carcass, intestines, a used handkerchief, a swarm
  of flies on meat, stale sweat, a putrid puddle, earwax, a half-eaten rat, fish guts, vermin, lice, a fly in the soup,
  a pervert, a hypocrite, a spineless coward, a disgusting lie
fact 1: the milk is sour, the meat is full of maggots, somebody vomited on the carpet, the toilet is blocked, the fish
  has gone off, there is a rat in the pizza, it smells like rotten eggs, the dog ate its own vomit, there is a worm in
  the apple, the food tastes like soap, somebody spat in his drink, the fridge stinks, his hands are covered in slime,
  the wound is full of pus, there are flies on the meat, the cheese is crawling, he burps in her face, the bin has not
  been emptied for weeks, the room reeks of sweat, it tastes foul, he thinks they are scum, he considers them beneath
  him, people like that make him sick, the water is brown and stinks
"""

_FEAR = """
adj .6: uneasy, nervous, worried, apprehensive, concerned, tense, on edge, jittery, edgy, insecure, timid, shy, unsure,
  hesitant, wary, restless, cautious, fidgety, doubtful, troubled, intimidated, self-conscious, uncertain, shaky,
  skittish, agitated, antsy, jumpy, overwhelmed by nerves, suspicious, unsettled, sheepish
adj 1: afraid, scared, frightened, fearful, anxious, alarmed, spooked, threatened, stressed, distressed, daunted,
  paranoid, cowardly, dreading it, trembling, shaken, vulnerable, creeped out, haunted, cornered, hunted, frantic,
  unnerved, rattled, cowed, browbeaten, scared stiff of the dark, stressed out, quaking, shivering with fear, helpless
  and scared, shaking, quivering, overawed, pale with worry, chicken-hearted, faint-hearted, phobic, claustrophobic,
  anguished, desperate for help, perturbed, freaked out, worried sick, cowering
adj 1.7: terrified, petrified, horrified, panicked, panic-stricken, terror-stricken, hysterical, scared stiff, scared
  witless, aghast with fear, frozen with terror, mortally afraid, horror-struck, paralysed with fear, panicky,
  frightened to death, scared out of his mind, mortified with fear, terror-struck
noun .6: unease, nervousness, worry, apprehension, concern, tension, doubt, insecurity, uneasiness, the jitters,
  butterflies in his stomach, shyness, hesitation, misgivings, trepidation, nerves, suspicion, disquiet, uncertainty
noun 1: fear, fright, anxiety, alarm, dread, distress, stress, foreboding, angst, cowardice, paranoia, fearfulness,
  consternation, stage fright, the creeps, intimidation
noun 1.7: terror, panic, horror, mortal fear, hysteria, mortal dread, sheer terror, blind panic
verb .6: worry, hesitate, fidget, bite his nails, swallow hard, look over his shoulder, wring his hands, shift
  nervously, stammer, gulp, fret, feel uneasy, avoid eye contact, pace up and down, glance around nervously, bite his
  lip nervously, flinch, doubt himself, feel insecure, hope that nobody finds out
verb 1: fear the worst, tremble, shake, shiver with fear, back away, cower, hide, run away, dread it, shrink back, panic
  a little, quake, feel threatened, call for help, gasp in fear, get scared, whimper in fear, sweat with fear, duck for
  cover, feel afraid, hold his breath in fear, flee, beg for mercy, plead for help, cling to his mother in fear, look
  for a way out, freeze, get goosebumps, jump at every sound, stare into the dark in fear, hear a strange noise at
  night, have a nightmare, cry for help, hide under the bed, shudder, break out in a cold sweat, lose his nerve, quiver,
  quail, chicken out, get cold feet, stretch his mouth in fear
verb 1.7: panic, scream in horror, fear for his life, run for his life, freak out, beg for his life, scream for help, go
  into hysterics, shriek, freeze with terror, faint with fear, shake like a leaf, wet himself with fear, hyperventilate,
  expect to die any moment, flee in terror, lose his head with fear
be .6: on edge, ill at ease, on tenterhooks, on pins and needles, not sure about it, out of his comfort zone, lost for
  words and nervous, under pressure, on his guard, in doubt, worried about tomorrow
be 1: in fear, afraid of the dark, scared of heights, in danger, in a cold sweat, at his wits' end with worry, a bundle
  of nerves, a nervous wreck, afraid to speak, too scared to move, about to run away, on the run, sick with worry,
  shaking all over, weak at the knees with fear, short of breath with fear, being chased, being followed, white as a
  sheet, trapped
be 1.7: scared to death, scared out of his wits, frightened out of his life, in a panic, in mortal terror, in panic, in
  terror, paralysed by fear, frozen to the spot, about to die, beside himself with terror, afraid for his life
cue .6: a worried look, worried eyes, a nervous smile, shifty eyes, a nervous twitch, a shaky voice, sweaty palms, a
  lump in his throat from nerves, darting eyes, a creased worried forehead, a nervous laugh, a bitten lip
cue 1: wide frightened eyes, eyes wide with fear, trembling lips from fear, raised and drawn brows, brows raised and
  pulled together, a trembling voice, a racing heart, a pale face, cold sweat, shaking hands, a pounding heart, a
  stretched mouth, lips stretched back, chattering teeth, knees knocking, a fearful look, shallow breath, hair standing
  on end, a shiver down his spine, goosebumps, hunched shoulders in fear, a dry mouth and wide eyes, a frightened gaze,
  ashen cheeks, tense eyelids and open mouth, trembling knees, blood draining from his face, a stomach in knots, his
  heart in his mouth
cue 1.7: terror in his eyes, a scream stuck in his throat, eyes bulging with fear, a face white with terror, blood
  running cold, panic in his voice, a face distorted by fear, eyes wide open in horror
event .6: been called to the principal, forgotten his lines, heard a strange noise, lost his passport abroad, missed a
  call from the hospital, heard footsteps behind him
event 1: seen a ghost, heard a scream in the dark, been threatened, been attacked by a dog, got lost in the woods, been
  chased by a bear, seen a snake, had a nightmare, found a spider on his pillow, felt the plane drop, heard somebody
  break in, received a death threat, been told the tumour may be malignant, seen the shark, been locked in, felt the
  earth shake, noticed a stalker, smelled smoke in the house
event 1.7: looked death in the eye, seen a monster, been kidnapped, heard the killer come up the stairs, been told he
  has one day to live, been buried alive, felt the rope break
scene .6: waiting for his exam results, sitting in the dentist's waiting room, about to give a speech, waiting for the
  doctor's call, asking his boss for a favour, first day at a new school, walking home alone at night, an exam
  candidate, speaking in front of a crowd
scene 1: hiding from a murderer, walking through a haunted house, watching a horror film, hearing noises in the cellar,
  alone in a dark alley, standing on a high ledge, facing a growling dog, running from the police, waiting for the
  bombs, in a sinking ship, stuck in a lift, being interrogated, in a storm at sea, hearing a wolf howl, facing a gun,
  in a burning house, at gunpoint, a hostage, a refugee under fire, looking down from a skyscraper, about to jump with a
  parachute, being stalked
scene 1.7: falling from a cliff, running from a killer, drowning, in a plane crash, facing the firing squad, looking at
  the monster, about to be eaten
like .6: a shy schoolgirl, a nervous student, a candidate before the exam, a mouse, a worried mother
like 1: a frightened animal, a hunted rabbit, a scared child, a cornered rat, a man on the run, a victim, a lost child,
  a coward, someone who heard a noise in the dark, a prey, someone afraid of flying, a rabbit before a snake, a hostage
like 1.7: someone who faces death, a man before his execution, a victim in a horror film, someone who has seen the devil
say .6: I'm not sure about this, what if it goes wrong, is anybody there, I have a bad feeling
say 1: help, please don't hurt me, don't hurt me, who is there, we have to get out of here, please no, I'm scared, stay
  away from me, they are coming
say 1.7: we are going to die, I don't want to die, run, oh god no
thing .9: a gun, a knife, a killer, a ghost, a monster, a snake, a spider, a shark, a deep abyss, a fire, a bomb, a war,
  an earthquake, a wolf, a murderer, a burglar, a dark cellar, a nightmare, a growling dog, a scream in the night,
  footsteps in the dark, an air raid, a hurricane, a flood, a tornado, a stalker, a demon, a vampire, a zombie, a
  crocodile, a tiger, a deadly virus, a plane crash, an explosion, an operation, an exam, death, the dentist, the devil,
  a threat, danger, a haunted house, a graveyard at midnight, a lion, heights, an axe murderer, a shadow behind the
  curtain, a tsunami, an execution, a hostage taker, an attack, an ambush, an avalanche, a poisonous scorpion, a
  thunderstorm, darkness
fact 1: somebody is breaking in, the house is on fire, the plane is going down, the ship is sinking, there is a snake in
  the bed, the killer is behind the door, something moves in the dark, he hears steps behind him, the brakes do not
  work, the enemy is coming, the bombs are falling, the rope may break any moment, his child is missing, he may lose his
  job, the doctor found a tumour, the exam starts in an hour, he might not survive, there is no way out, the lights went
  out, the dog is about to bite, somebody points a gun at him, the police are after him, he cannot breathe under the
  water, they are going to find him, something is under the bed, the ground begins to shake, he does not know whether
  she is safe, the monster is coming closer
"""

_HAPPY = """
adj .6: content, pleased, amused, satisfied, friendly, comfortable and pleased, contented, hopeful, kind, gentle and
  warm, warm, grateful, thankful, at ease and smiling, polite and smiling, sympathetic and warm, pleasant, good-natured,
  affable, genial, upbeat, encouraging, welcoming, approving, reassured, benevolent, fond, affectionate, coy, smiling
  gently, flattered, obliging, amiable, mellow and pleased
adj 1: happy, glad, cheerful, joyful, merry, smiling, delighted, jolly, playful, excited, proud, enthusiastic,
  optimistic, relieved, loving, in love, lively, sunny, bubbly, cheery, grinning, laughing, joyous, good-humoured,
  carefree, light-hearted, flirty, flirtatious, charming, eager, tickled, adoring, enchanted, charmed, triumphant,
  victorious, festive, gleeful, mischievous, cheeky, witty, confident, chirpy, perky, blissful, radiant, glowing,
  chuffed, high-spirited, fun-loving, humorous, romantic, passionate, tender, motivated, energetic, inspired, exuberant,
  vivacious, gleaming, overcome with gratitude, funny, silly, giddy, buoyant, jovial, jubilant, infatuated, lucky,
  blessed, peppy
adj 1.7: ecstatic, overjoyed, elated, thrilled, euphoric, exhilarated, rapturous, exultant, wildly happy, beside himself
  with joy, delirious with joy, over-excited, rapt with joy, enraptured, madly in love, on top of the world, tickled
  pink, hysterical with laughter, hyped, stoked, pumped, blissed out, overexcited
noun .6: contentment, satisfaction, amusement, pleasure, friendliness, warmth, hope, gratitude, kindness, gentleness,
  serenity and warmth, comfort, good humour, approval, sympathy, cosiness
noun 1: happiness, joy, cheerfulness, delight, gladness, mirth, merriment, fun, excitement, pride, enthusiasm, love,
  optimism, relief, cheer, laughter, good mood, high spirits, glee, playfulness, affection, tenderness, adoration,
  passion, gaiety, jollity, fondness, confidence, zest, joie de vivre, sunshine, happy feelings, humour, devotion
noun 1.7: ecstasy, elation, euphoria, bliss, rapture, jubilation, exhilaration, triumph, exultation, boundless joy, wild
  excitement
verb .6: smile, smile politely, chuckle, smirk, nod with a smile, enjoy the sun, like it, greet a friend, smile gently,
  feel good, approve of it, smile to himself, wink, hum a tune, enjoy himself, comfort a baby with a smile, feel
  hopeful, thank her warmly, half-smile
verb 1: laugh, grin, giggle, beam, celebrate, rejoice, sing and dance, feel happy, cheer, smile broadly, love it, adore
  her, joke, have fun, burst out laughing, crack a joke, laugh out loud, flirt, welcome old friends, dance with delight,
  feel great, look forward to the holidays, raise his cheeks, light up, brighten up, show all his teeth in a smile,
  shine, glow with pride, skip along, whistle a happy tune, hug his friend, blow a kiss, toast the bride, clap his hands
  with delight, praise them, play with his kids, grin from ear to ear, sparkle, twinkle, snigger, tease her, praise the
  Lord, crow with delight, hoot
verb 1.7: jump for joy, laugh his head off, walk on air, whoop, roar with laughter, cry with joy, dance with joy, laugh
  until he cries, burst with joy, shriek with delight, crack up, scream with joy, howl with laughter, go wild with joy,
  roll on the floor laughing, shout hurrah, leap with joy, fall about laughing
be .6: in a good mood, at peace and smiling, pleased with himself, fine and cheerful, looking on the bright side, at
  home here and happy, glad of the company, feeling good
be 1: in high spirits, full of joy, full of beans, full of the joys of spring, all smiles, head over heels in love,
  happy as a lark, having the time of his life, having fun, in a great mood, proud of his son, happy to help, pleased as
  punch, happy as a clam, bright-eyed and bushy-tailed, full of life, happy to see you, full of hope, having a good
  laugh, happy with the result, in a party mood, smitten, crazy about her, wearing a big smile, full of love, in good
  cheer
be 1.7: over the moon, on cloud nine, in seventh heaven, on top of the world, beside himself with joy, bursting with
  happiness, walking on air, in raptures, bursting with pride, wild with joy, as happy as can be, out of his mind with
  joy, drunk with joy
cue .6: a small smile, a half smile, a gentle smile, a warm look, a friendly face, a twinkle in his eyes, a soft smile,
  slightly raised lip corners, a polite smile, lips curving upwards a little, a warm voice, a satisfied look, a shy
  smile, a knowing smile, the beginning of a smile, a kind look
cue 1: a smile, a big smile, a broad grin, raised cheeks, crinkled eyes, lip corners pulled up, sparkling eyes, bright
  eyes, a laugh, laughter in his eyes, dimples, shining eyes, a cheerful voice, a toothy grin, a merry laugh, rosy
  cheeks, crow's feet around his smiling eyes, a bright face, a happy face, a grin, corners of the mouth turned up, a
  loving gaze, a wide smile, a beaming face, joy in his eyes, a spring in his step, a sunny face, a Duchenne smile, eyes
  crinkled by a smile, a mischievous wink
cue 1.7: tears of joy, a huge smile, a face radiant with joy, an ear-splitting grin, a face lit up with joy, arms thrown
  up in triumph, a belly laugh
event .6: had a nice cup of tea, heard a little joke, got a compliment, found a coin, finished his work early, received
  a kind letter, been given a day off
event 1: passed the exam, got the job, won the game, met his true love, got good news, been praised, got married,
  received a wonderful gift, heard a funny joke, been promoted, fallen in love, seen his best friend again, got engaged,
  been kissed, heard that school is cancelled, scored a goal, arrived at the beach, finished a marathon, found a puppy
  under the tree, heard she said yes, made it home for Christmas, come back from a wonderful holiday, been invited to
  the ball, recovered from a long illness, paid off the house, bought his first car, been accepted at university
event 1.7: won the lottery, won the gold medal, become a father, won the championship, won a million, married the love
  of his life, found his lost child alive, been cured of cancer, won an Oscar
scene .6: enjoying a quiet cup of tea, watching children play, stroking a cat, sitting in the evening sun, greeting a
  customer, chatting with a neighbour
scene 1: celebrating a birthday, dancing at a wedding, playing with a puppy, telling a funny story, at a party with
  friends, opening a present, hosting a comedy show, on holiday, welcoming old friends, cuddling a baby, eating ice
  cream, a children's entertainer, advertising a fun product, riding a roller coaster with delight, singing a merry
  song, toasting to success, watching a comedy, praising a pupil, a game show host, reading a fairy tale to happy
  children, having a picnic in spring, laughing at a joke, meeting the love of his life
scene 1.7: celebrating the championship, jumping up and down with joy, partying all night, hugging his long-lost brother
like .6: a kind grandmother, a friendly neighbour, a good host, a satisfied cat, a polite waiter
like 1: a child at Christmas, a kid in a candy store, a game show host, a clown, a proud father, a cheerleader, a
  winner, a bride, a birthday child, a puppy greeting its master, Santa Claus, a comedian, a ray of sunshine, somebody
  in love, a radio host on a sunny morning, a child in a toy shop
like 1.7: a lottery winner, a world champion, someone who won the jackpot, the happiest man alive
say .6: that's nice, thank you, well done, good to see you
say 1: hooray, yippee, haha, I love it, that's great, congratulations, happy birthday, welcome, wonderful, I'm so glad,
  I love you, good news, this is fun, yay
say 1.7: we won, yes yes yes, I did it, best day of my life, woohoo
thing .9: a gift, a wedding, a party, a birthday cake, a puppy, a kitten, a victory, a holiday, a rainbow, a sunny day,
  a love letter, a kiss, a hug, good news, a gold medal, a newborn baby, a comedy, a joke, a bouquet of flowers, a
  carnival, Christmas Eve, a new toy, a dance, a feast, a honeymoon, a bonus, a promotion, a happy ending, a reunion,
  ice cream, a successful premiere, an applauding audience, a warm welcome, a picnic, a treasure, a favourite song, a
  day at the beach, a playground, a circus, a medal, a trophy, chocolate cake, his best friend, his sweetheart, a
  grandchild, a compliment, a proposal of marriage, a funny story, a prank among friends, spring
fact 1: his team won, she said yes, the exam is over and he passed, the sun is out, the holidays begin today, his best
  friend is back, the baby smiles at him, they won the game, everything went well, his dream came true, the war is over,
  the surgery went well, his song is number one, they are getting married, his plan worked, it is his birthday, the
  audience loves him, his son is home at last, he got the job, life is wonderful, he loves her, they are the best of
  friends, what a lovely day, the test came back clean, he is free at last, his team scored, dinner was delicious, today
  is the best day
"""

_NEUTRAL = """
adj 1: neutral, calm, relaxed, composed, plain, at ease, serene, normal, ordinary, natural, matter-of-fact, factual,
  objective, professional, businesslike, sober, level-headed, balanced, even-tempered, collected, unhurried, peaceful,
  tranquil, everyday, regular, casual, steady, patient, reserved, unexcited, unemotional, attentive, informative,
  cool-headed, placid, quiet, even, unaffected, cool, thoughtful, focused, restrained, pensive, contemplative, formal,
  clinical, conversational, civil, rational, straightforward, impartial, undisturbed, laid-back, easy-going, chilled,
  poised, measured, unruffled, unperturbed, settled, stable, awake, listening, concentrated, standard, default, average
adj .6: blank, expressionless, emotionless, indifferent, bored, deadpan, impassive, stoic, detached, unmoved, apathetic,
  monotone, monotonous, stone-faced, flat, passive, disinterested, uninterested, robotic, mechanical, lifeless,
  listless, vacant, unresponsive, unfeeling, unconcerned, aloof, distant, lethargic, sleepy, drowsy, tired, dull,
  nonchalant, inexpressive, wooden, unreadable, poker-faced, absent-minded, drained, emotionally flat, weary, inert,
  motionless, cold and unfeeling, unaroused, phlegmatic, disengaged, mute, static, unblinking
noun 1: calm, composure, calmness, neutrality, peace, balance, equanimity, serenity, objectivity, patience,
  tranquillity, self-control, poise, restraint, level-headedness, sobriety, relaxation, concentration, stillness,
  professionalism
noun .6: indifference, boredom, apathy, detachment, emptiness of expression, monotony, stoicism, disinterest,
  impassivity, blankness, nonchalance, tiredness, drowsiness, fatigue
verb 1: relax, speak normally, breathe evenly, explain the facts, listen, read the text, keep calm, talk as usual,
  report the facts, keep his composure, wait, rest, think, stay calm, give directions, nod politely, meditate, state the
  time, speak evenly, keep a level voice, keep cool, answer a routine question, read out the numbers, inform the
  passengers, describe the route, concentrate, read aloud, keep a neutral face, take it easy, remain composed, make
  small talk
verb .6: yawn, shrug, stare blankly, show no emotion, keep a straight face, show nothing, feel nothing, drone on, shrug
  it off, hide all feeling, speak in a monotone, gaze into space, doze, not react, give nothing away, look bored, keep a
  poker face, stay indifferent, recite the numbers, betray no feeling
be 1: at rest, at ease, at peace, in a normal mood, in control of himself, as usual, his normal self, okay, all right,
  fine, in no particular mood, cool as a cucumber, calm and collected, in balance, down to earth, his usual self, in
  neutral, unfazed, in a meditative state, in thought, lost in thought
be .6: bored, bored to death, half asleep, without emotion, without feeling, cold as stone, unmoved by it all, neither
  here nor there, numb, out to lunch, devoid of emotion, dead inside, on autopilot, void of any feeling, past caring,
  free of emotion
cue 1: a relaxed face, a calm voice, a face at rest, a steady gaze, a neutral expression, relaxed brows and mouth, a
  normal voice, an even tone, a calm look, a still face, lips closed and relaxed, a composed face, a level tone, smooth
  forehead and soft eyes, a matter-of-fact tone, brows and mouth at rest, an ordinary face, a resting face, regular
  breathing, relaxed jaw and cheeks, a closed mouth, a level gaze
cue .6: a blank face, a blank look, an empty stare, a straight face, a poker face, a flat voice, no expression, a stony
  face, an unreadable face, a deadpan face, half-closed eyes, no emotion on his face, no reaction, a vacant gaze, a
  mask-like face, a monotonous voice, a face like a mask, a face that shows nothing, heavy eyelids
event 1: checked the time, come home from the office, had lunch, read the weather report, put the kettle on, walked to
  the bus stop, filled in a form, woken up, finished the report, tidied the desk, brushed his teeth, parked the car,
  made a list
event .6: sat through a dull lecture, heard the same story for the tenth time, watched paint dry
scene 1: reading the news, giving a lecture, explaining the rules, reading a manual, making an announcement, at a
  business meeting, reading a list of names, talking about the weather, describing a route, answering the phone at the
  office, ordering a coffee, presenting the figures, doing yoga, narrating a documentary, dictating a letter, talking to
  a colleague, giving a weather forecast, a voice assistant, checking in a passenger, a train announcement, a phone
  menu, a tutorial, a museum guide, filling in a tax form, waiting for the bus, reading the minutes of the meeting, an
  ordinary day, a normal conversation, nothing special, an audio book, reading a recipe, a lawyer reading a contract, a
  pilot speaking to the passengers, telling somebody the time, taking a walk, washing the dishes, a job interview for
  clerks, counting the stock
scene .6: watching paint dry, sitting in a dull meeting, waiting at the bus stop in the drizzle, half asleep at the desk
like 1: a newsreader, a news anchor, a narrator, a teacher explaining something, a scientist, a monk, a receptionist, a
  doctor with a patient, a judge, an official, a bank clerk, a weatherman, a pilot, a lecturer, a tour guide, a
  professor, an announcer, any ordinary person, a call centre agent, an engineer, a Zen master, an accountant
like .6: a robot, a machine, a statue, a zombie, a computer, a wax figure, a doll, a mannequin, an android, a sphinx,
  someone who doesn't care, a poker player, a bored student
say 1: okay, noted, as I said, for your information, let's see, next please, good evening here is the news, the train
  departs at nine
say .6: whatever, I don't care, I could not care less, so what, meh, I don't mind
thing .9: a timetable, a spreadsheet, a manual, a form, a phone number, an invoice, a list, a table, a chair, a form
  letter, a schedule, a weather report, a map, a street, a building, a desk, a calendar, a clock, a wall, a text, a
  report, a document, a contract, an address, a parking space, a bus stop, a kettle, a pencil, a stapler, a file, a
  filing cabinet, the minutes, the agenda, the news bulletin, a road sign, a lamp, an empty corridor, a routine check, a
  survey, a meeting, a formula, the multiplication table, a receipt, a shelf
fact .9: the train leaves at nine, it is half past three, the meeting is on Tuesday, the file is in the folder, the shop
  closes at six, the table has four legs, water boils at a hundred degrees, the bus stops here, dinner is at seven, the
  report has ten pages, nothing happened, nothing has changed, it does not matter to him, it makes no difference to him,
  everything is as usual, it is an ordinary day, there is nothing to report, he does not mind, he takes it as it comes,
  it is all the same to him, nothing touches him, he has no opinion, nothing shows, he simply reads it out, he waits his
  turn
adj 1: brave, fearless, unafraid, courageous, unbothered, untroubled, disciplined, decided, practical, sensible, polite,
  soft-spoken, mild-mannered
verb 1: whisper, mumble, talk softly, say hello, count to ten, give a phone number, stick to the facts, introduce
  himself, reply, ask for the time
say 1: hello, hi there, good morning, yes, no, one two three, testing, to be continued
"""

_SAD = """
adj .6: disappointed, down, melancholic, melancholy, wistful, blue, low, gloomy, moody, sentimental, subdued,
  discouraged, nostalgic, pensive and sad, downbeat, sorry, let down, glum, pessimistic, crestfallen, weary and sad,
  dispirited, disheartened, dissatisfied with life, lonesome, brooding, tearful, downhearted, touched, moved, regretful,
  apologetic, bummed out, resigned, deflated, embarrassed
adj 1: sad, unhappy, sorrowful, tearful, downcast, dejected, miserable, grieving, mournful, depressed, lonely, hurt,
  homesick, heavy-hearted, guilty, ashamed, crying, weeping, woeful, doleful, upset, wounded, abandoned, rejected,
  remorseful, bereaved, defeated, hopeless, pitiful, teary-eyed, pained, sombre, morose, dismal, forlorn, lovesick,
  lovelorn, despondent, disconsolate, plaintive, suffering, humiliated, friendless, pathetic and sad, isolated,
  wretched, lamenting, contrite, in tears, rueful, unloved, helpless, self-pitying, neglected, empty, joyless,
  cheerless, in pain, downtrodden, aggrieved, chastened
adj 1.7: heartbroken, devastated, crushed, desperate, inconsolable, grief-stricken, despairing, sobbing, shattered,
  suicidal, broken, distraught, destroyed, anguished, agonised, broken-hearted, bawling, wailing, tormented, in despair,
  desolate, ruined, hysterical with grief
noun .6: disappointment, melancholy, gloom, nostalgia, wistfulness, regret, low spirits, longing, discouragement, pity,
  resignation, sentimentality, pessimism, embarrassment, dejection
noun 1: sadness, sorrow, unhappiness, grief, misery, loneliness, depression, mourning, guilt, shame, remorse, hurt,
  heartache, pain, woe, homesickness, tears, self-pity, hopelessness, mournfulness, the blues, despondency, suffering,
  dolour, heaviness of heart, lament, humiliation
noun 1.7: despair, heartbreak, anguish, desperation, agony, devastation, deep grief, desolation, torment, bottomless
  sorrow
verb .6: sigh, sniffle, hang his head, look down, regret it, pity them, sigh wistfully, feel down, apologise, feel
  sorry, mope, long for home, feel a bit lonely, look at old photographs, lower his gaze, feel disappointed, miss the
  old days, pout, brood
verb 1: cry, weep, mourn, grieve, lament, miss his mother, feel sad, shed a tear, shed tears, wipe away a tear, choke
  up, hold back tears, suffer, feel lonely, feel hurt, feel guilty, cry himself to sleep, burst into tears, fight the
  tears, bury his face in his hands, look ready to cry, say goodbye for the last time, moan, blink away tears, snivel,
  lose heart, let his shoulders sag, feel like crying, whimper, swallow his tears, drop his head in sorrow, get dumped,
  lose all hope, pull down the corners of his mouth, break down, stare sadly out of the window, feel ashamed, blubber,
  mourn a friend, lose a loved one, droop
verb 1.7: sob, wail, cry his eyes out, howl with grief, break down in tears, despair, weep bitterly, give up on life,
  cry uncontrollably, lose everything, fall apart, sob his heart out, collapse in tears, scream with grief, bawl, want
  to die of grief, cry out in pain
be .6: in low spirits, a little down, under the weather, out of spirits, close to tears, lost in sad memories, sad about
  the weather, missing home, down in the mouth
be 1: in tears, down in the dumps, on the verge of tears, near tears, close to crying, about to cry, in mourning, full
  of sorrow, feeling blue, all alone in the world, sick at heart, hurt deep inside, missing her, in pain, left all
  alone, ready to cry, in a dark place, at a low ebb, weighed down by grief, sorry for everything, full of remorse,
  alone and forgotten
be 1.7: in despair, at the end of his rope, broken inside, torn apart by grief, in agony, out of his mind with grief, in
  floods of tears, a broken man, at rock bottom, dead inside from grief, in the depths of despair, crying his heart out
cue .6: a sad little smile, a wistful look, moist eyes, a sigh, downcast eyes, slumped shoulders, a far-away sad look, a
  low soft voice, a pout, a melancholic gaze, an apologetic look
cue 1: tears in his eyes, drooping mouth corners, a trembling chin, a quivering lip, inner brows raised, wet eyes, heavy
  eyes, red swollen eyes, a lump in his throat, a tear on his cheek, sagging shoulders, the corners of his mouth turned
  down, a long face, a trembling lower lip, a broken voice, puppy eyes, a bowed head, watery eyes, oblique eyebrows, a
  heavy heart, a mournful look, a sad face, a downturned mouth, drooping eyelids and a sad mouth, pain in his eyes, a
  voice choked with tears, a quivering chin, mouth corners pulled down, glistening eyes full of sorrow, a sad voice
cue 1.7: tears streaming down his face, a face twisted with grief, a broken heart, a face drowned in tears, eyes swollen
  from crying, a heart torn to pieces, despair in his eyes
event .6: missed the last train home, lost the game, got a bad mark, said goodbye to a colleague, been left out, heard
  that the holiday is cancelled, dropped his ice cream, watched the end of a sad film, got a rejection letter
event 1: lost his job, lost his dog, been left by his girlfriend, been dumped, buried his grandmother, failed the exam,
  lost a friend, heard bad news from home, been rejected, received terrible news, lost his home, been left alone, ended
  a long relationship, broken up, been to a funeral, hurt the one he loves, lost an old friend, been divorced, been told
  that his cat died, moved away from all his friends, ruined everything, been forgotten on his birthday
event 1.7: lost his wife, lost his child, lost everything, buried his son, heard that his father died, been told that
  she will never come back, lost his whole family
scene .6: watching the rain alone, leafing through old photographs, leaving home, the last day of summer, apologising
  for a mistake, saying goodbye at the airport
scene 1: standing at a grave, at a funeral, speaking at a funeral, saying a last farewell, sitting alone on his
  birthday, confessing his guilt, remembering his dead mother, reading a farewell letter, visiting a dying friend,
  crying over a lost love, telling the family of the accident, a widow, an orphan, consoling a widow, left alone in an
  empty house, lying awake and crying, reading an obituary, drinking alone after the divorce, the end of a love, singing
  the blues, lamenting the dead, a eulogy
scene 1.7: holding his dying child, weeping at her deathbed, crying over the body of his brother, losing all hope
like .6: a rainy day, a child who was not invited, a lonely poet, a loser
like 1: a kicked puppy, a widow, an orphan, a wet dog, someone who lost a friend, a mourner, a child whose toy broke, a
  dog left in the rain, a beaten man, an abandoned child, someone who has no friends, a weeping willow, someone at a
  funeral, a jilted bride
like 1.7: a mother who lost her child, a man who has lost everything, someone with nothing left to live for
say .6: what a pity, I'm sorry, too bad, if only
say 1: I miss you, why did you leave me, I'm so sorry for your loss, it is all my fault, nobody loves me, goodbye
  forever, I feel so alone, poor thing, boohoo
say 1.7: I can't go on, my life is over, it's hopeless, all is lost, why did he have to die
thing .9: a funeral, a grave, a coffin, a farewell, a loss, a divorce, a break-up, an obituary, a death in the family, a
  dead bird, a hospice, an empty bed, a withered rose, a lonely Christmas, a rejection, a defeat, a failure, bad news, a
  dying friend, a grieving family, an orphan, an old photograph of her, a lost love, an abandoned dog, a missed chance,
  a broken toy, a suicide note, a tombstone, a war memorial, a refugee child, a long illness, an empty chair at the
  table, a broken marriage, a miscarriage, a sad song, a tragic ending, a tragedy, a hospital bed, a lonely evening,
  unrequited love, a goodbye letter, an accident, his late wife, a burnt-down home
fact 1: his dog died, his wife left him, nobody came to the party, his mother is dying, she will never come back, his
  best friend moved away, he is all alone, nobody calls any more, his dream is shattered, the house is empty without
  her, they broke up, he lost the final, the child lost its parents, he was not invited, everyone has forgotten him, his
  father passed away, all hope is gone, he failed again, the love is gone, she did not say goodbye, he cannot forgive
  himself, his team lost, nobody remembers his birthday, he has no friends, life has lost its meaning, she chose
  somebody else, he wishes he could turn back time, his son does not speak to him any more
"""

_SURPRISED = """
adj .6: puzzled, curious, confused, intrigued, perplexed, baffled, questioning, quizzical, interested, wondering,
  bemused, mystified, sceptical and surprised, disbelieving, caught out, mildly astonished, doubtful whether he heard
  right, inquisitive, disoriented, muddled
adj 1: surprised, astonished, amazed, startled, taken aback, stunned, bewildered, wide-eyed, incredulous, impressed,
  awestruck, awed, dazed, unprepared, dumbfounded, wonderstruck, nonplussed, caught off guard, open-mouthed, gaping,
  caught unawares, fascinated, jolted, bowled over, spellbound, dazzled, gobsmacked, surprised to hear it, goggle-eyed,
  gasping, marvelling, disconcerted, unsuspecting, captivated with wonder, agog, starry-eyed with wonder
adj 1.7: shocked, astounded, flabbergasted, thunderstruck, stupefied, speechless, dumbstruck, staggered, blown away,
  shell-shocked, floored, knocked sideways, overwhelmed with amazement, stunned into silence, stunned beyond belief,
  electrified, struck dumb, mind-blown
noun .6: curiosity, confusion, puzzlement, bewilderment, interest, perplexity, bemusement, bafflement, fascination
noun 1: surprise, astonishment, amazement, wonder, awe, disbelief, incredulity, wonderment, stupefaction, startlement,
  the unexpected
noun 1.7: shock, utter shock, utter amazement, total disbelief, stupor of shock, stunned silence
verb .6: raise an eyebrow, raise one eyebrow, tilt his head in question, wonder, blink, look puzzled, ask what happened,
  scratch his head, prick up his ears, look up in surprise, cock an eyebrow, widen his eyes a little
verb 1: gasp, gape, raise his eyebrows, do a double take, blink in surprise, stare in disbelief, open his mouth in
  surprise, marvel at it, drop his jaw, open his eyes wide, jump in surprise, start, wonder at the sight, get a
  surprise, rub his eyes in disbelief, not believe his eyes, not believe his ears, look twice, gawk, stare open-mouthed,
  goggle, widen his eyes, not expect it, not see it coming, find it hard to believe, look astonished, drop his cup in
  surprise, say wow, stop dead in his tracks, pause in amazement, lift his brows high
verb 1.7: stare in shock, gasp in shock, lose his tongue in amazement, be struck dumb, nearly fall off his chair, jump
  out of his skin, fall over in surprise, gasp in utter amazement, reel from the shock, do a spit take
be .6: at a loss, in two minds what happened, none the wiser, full of questions, curious to know more, all ears
be 1: lost for words, taken by surprise, in awe, all eyes, full of wonder, at a loss for words, surprised by the news,
  in disbelief, unable to believe it, hardly able to believe it, caught by surprise, caught on the wrong foot, in
  wonder, surprised out of the blue, amazed at the sight, caught napping, lost in wonder
be 1.7: in shock, stunned into silence, unable to speak with shock, struck by lightning, shocked beyond words, in a
  state of shock, knocked off his feet, stopped cold by the news
cue .6: a raised eyebrow, a questioning look, a quizzical look, brows slightly raised, a curious look, a tilted head and
  a puzzled look, one brow up, a puzzled frown
cue 1: raised eyebrows, wide eyes, an open mouth, eyebrows high, a dropped jaw, jaw dropping, mouth open, eyes wide
  open, eyes wide with surprise, raised brows and open mouth, mouth agape, mouth forming an O, arched eyebrows, eyebrows
  shooting up, a hanging jaw, a gasp, widened eyes, parted lips and high brows, round eyes, eyes like saucers, a look of
  wonder, a look of astonishment, brows up and jaw down, eyes popping, lids wide open, a hand over his open mouth in
  surprise
cue 1.7: eyes popping out of his head, jaw on the floor, eyes nearly falling out, mouth wide open in shock, a face
  frozen in shock
event .6: noticed something odd, heard an odd remark, found a strange coin, been asked an unusual question, read an odd
  headline, heard a curious tale
event 1: seen a magic trick, met an old friend by chance, been surprised by a party, seen a flying saucer, heard
  unexpected news, opened the box and found it empty, learned a secret, run into his ex in the supermarket, discovered a
  hidden door, seen something incredible, found a stranger in his kitchen, heard a sudden bang, got an unexpected call,
  seen a dog talk, heard an unbelievable story, been splashed with cold water, seen a shooting star, been told that they
  are twins, found a treasure in the attic, seen snow in July, seen the statue move, been called on without warning,
  stumbled over a secret, found out who the culprit is
event 1.7: seen a dead man walk, learned that his wife is a spy, found out that he was adopted, seen the impossible
  happen, seen a unicorn, seen an alien land in his garden
scene .6: hearing an odd noise, noticing a new haircut, listening to a strange tale, solving a riddle, trying to
  understand the question
scene 1: walking into a surprise party, watching a magician, seeing snow for the first time, at a sudden bang, at an
  unexpected turn, finding a secret passage, hearing the plot twist, getting an unexpected visit, opening the door to a
  stranger, witnessing a miracle, looking at a giant waterfall for the first time, watching an incredible stunt,
  discovering a new planet, being woken by a bucket of water, recognising a face in the crowd, seeing his twin for the
  first time
scene 1.7: seeing a ufo land, watching the dead come back to life, hearing the incredible truth
like .6: a curious cat, a child with a riddle, someone who misheard
like 1: someone who saw a miracle, someone who can't believe his eyes, a child at a magic show, someone caught off
  guard, an owl with big round eyes, someone who sees the sea for the first time, a tourist in front of the pyramids,
  someone who did not expect it, someone who bumped into an old friend
like 1.7: someone struck by lightning, someone who saw a man fly, someone who got an electric shock
say .6: really, hm interesting, oh, huh, how odd, what was that
say 1: wow, what, no way, oh my god, are you serious, I can't believe it, you must be joking, you don't say,
  unbelievable, what on earth, I didn't expect that, where did you come from, is that you, good heavens, you did what
say 1.7: what the hell, this is impossible, it can't be, oh my god I can't believe it
thing .9: a magic trick, a miracle, a plot twist, a surprise party, an unexpected visitor, an unexpected letter, a
  sudden bang, a revelation, a sensation, a flying saucer, a mystery, a talking cat, a riddle, a coincidence, a stranger
  at the door, something incredible, an alien, a wonder of nature, a hidden treasure, an optical illusion, a secret
  door, a strange object in the sky, a shooting star, an unexpected guest, a sudden turn of events, a bombshell,
  breaking news, an unbelievable story, a rabbit in a hat, a discovery, a secret, an elephant on the street, a sudden
  silence, a twin he never knew, a huge diamond, fireworks, a giant whale, a solar eclipse
fact 1: nobody expected that, he never saw it coming, the dead man is alive, the box is empty, the statue moved, she has
  a twin, the cat can talk, it snows in July, a stranger stands in the kitchen, the butler did it, he did not know that,
  it came without warning, the lights went on and everybody was there, she came back after ten years, the price is only
  one euro, his boss is the thief, the coin vanished, something fell from the sky, the old man can fly, the impossible
  has happened, he had no idea, that was not in the script, the whole town turned up for him, the door opened by itself,
  it was her all along, he learned the truth
"""

# KIND STRENGTH: entry = LABEL WEIGHT LABEL WEIGHT, ...
_MIXED = """
adj .8: bittersweet = sad .6 happy .4, crying with laughter = happy .85 sad .15, awkward = fear .5 sad .3 neutral .2
adj .8: hurt and angry = angry .5 sad .5, nervously excited = happy .5 fear .5, torn = sad .4 fear .4 neutral .2
adj 1: dismayed = sad .5 surprised .5, appalled = disgust .7 surprised .3, aghast = fear .5 surprised .5
adj 1: startled and scared = fear .55 surprised .45, pleasantly surprised = surprised .6 happy .4
adj .9: smug = happy .5 disgust .5, gloating = happy .6 disgust .4, scheming = angry .4 happy .3 disgust .3
adj .9: disturbed = fear .5 disgust .5, scandalised = surprised .4 disgust .3 angry .3, uptight = fear .5 angry .5
adj .8: determined = angry .4 neutral .6, serious = neutral .85 angry .15, strict = angry .6 neutral .4
adj .7: exhausted = neutral .55 sad .45, worn out = neutral .55 sad .45, overtired = neutral .6 sad .4
adj .7: suspicious of him = fear .45 angry .35 neutral .2, sceptical = neutral .5 surprised .25 disgust .25
adj 1.4: overwhelmed = surprised .5 fear .35 sad .15, horrified and sickened = disgust .55 fear .45
noun .8: mixed feelings = happy .3 sad .35 fear .2 neutral .15, schadenfreude = happy .6 disgust .4
noun .9: dismay = sad .5 surprised .5, righteous disgust = disgust .6 angry .4, nervous excitement = happy .5 fear .5
verb .8: smile through tears = sad .55 happy .45, laugh nervously = fear .6 happy .4, smirk contemptuously = disgust .7
  happy .3
verb .8: smile sadly = sad .65 happy .35, laugh bitterly = angry .4 sad .4 disgust .2, cry tears of rage = angry .65 sad
  .35
cue .8: a sad smile = sad .65 happy .35, a bitter smile = sad .45 angry .35 happy .2, a smile that hides the pain = sad
  .6 happy .4
cue .8: a brave smile = happy .5 sad .5, angry tears = angry .65 sad .35, a wicked grin = happy .55 angry .45
cue .7: a fake smile = happy .6 neutral .4, a forced smile = happy .55 neutral .25 sad .2, an evil smile = angry .5
  happy .5
cue .8: a frown = angry .65 sad .35, a furrowed thoughtful brow = neutral .7 angry .3, a shrug and a sigh = neutral .5
  sad .5
"""

# PARTS OF THE FACE OR BODY: WHAT IS SEEN OF THEM, after FACS; each with each
SEEN = """
angry: brows, eyebrows, forehead: lowered, drawn together, knitted, pulled down, furrowed, in a deep frown
angry: jaw, teeth, fists, lips: clenched, tight, gritted, grinding, pressed together, set
angry: eyes, gaze, stare, look: narrowed, blazing, glaring, flashing, hard, full of hate, burning, piercing, icy
angry: nostrils: flared, flaring, wide, trembling with anger
angry: a vein, the veins, his temples: bulging, throbbing, pulsing, standing out, swelling
angry: face, cheeks, neck, ears: red with anger, flushed with anger, crimson, purple, dark, hot with anger
angry: voice, tone, words: sharp, raised, cutting, snarling, booming, biting, hissing, through the teeth
disgust: nose: wrinkled, scrunched, crinkled, screwed up, turned up, pinched, buried in his sleeve
disgust: upper lip, lip, mouth: curled, pulled up on one side, sneering, twisted, puckered, drawn back in disgust
disgust: tongue: out, sticking out, stuck out, hanging out in disgust
disgust: face, features, look: screwed up, sour, green, twisted in disgust, contorted, contemptuous, scornful
disgust: stomach, guts: turning, churning, heaving, rising
fear: eyes, gaze, look: darting, frightened, wide with fear, fearful, flickering, panicked, pleading
fear: voice, hands, knees, legs, fingers: shaking, trembling, unsteady, quavering, quivering with fear, shaky
fear: heart, pulse: racing, pounding, hammering, beating fast, in his throat
fear: face, lips, cheeks: pale, white, ashen, drained of blood, bloodless
fear: breath, breathing: short, shallow, held, fast, stopping, ragged
fear: palms, forehead, skin: sweaty, sweating, clammy, cold, covered in goosebumps
fear: brows: raised and drawn together, tense and high, up and pinched
happy: eyes, look: sparkling, twinkling, shining, crinkled, bright, smiling, lit up, dancing, gleaming, laughing
happy: cheeks: raised, round, lifted, dimpled, rosy, glowing, pushed up
happy: lips, corners of the mouth, mouth: turned up, curled up, lifted, pulled up, smiling, grinning, laughing,
  in a smile
happy: teeth: showing in a smile, flashing, bared in a broad grin
happy: face, whole face, smile: lit up, glowing, radiant, beaming, shining, bright, full of joy, sunny
happy: voice, tone, laugh: cheerful, bright, warm, merry, singing, bubbly, ringing
neutral: brows, eyes, mouth, face, jaw, lips, features, cheeks, eyelids: at rest, relaxed, still, level, unmoving, calm
neutral: face, look, gaze, eyes: blank, empty, steady, unmoved, even, plain, straight ahead, without expression
neutral: voice, tone, delivery: even, flat, level, steady, normal, monotonous, factual, unexcited, calm, dry
sad: chin, lip, lower lip, mouth: quivering, wobbling, trembling, pulled down, about to cry, twitching with tears
sad: eyes, eyelids: wet, moist, filling with tears, watering, red, swollen, heavy, downcast, brimming over, glassy, sad
sad: corners of the mouth, mouth corners, lip corners: down, drooping, sagging, pulled down, turned down, falling
sad: shoulders, head: slumped, hanging, sagging, bowed, drooping, sunk
sad: voice, words: breaking, cracking, choked, low and sad, thick with tears, failing, broken
sad: inner brows, inner corners of the brows, eyebrows: raised in sorrow, drawn up in the middle, slanted, oblique
sad: tears, a tear: on his cheeks, welling up, falling, running down, streaming, rolling down his face
surprised: brows, eyebrows: raised, high, up, lifted, shooting up, climbing, arched, flying up, jumping, halfway up
surprised: eyes: wide, round, huge, popping, wide open, bulging in surprise, big, like saucers, blinking, staring
surprised: jaw, chin: dropped, dropping, hanging, falling, on the floor, slack, down to his chest
surprised: mouth, lips: open, agape, wide open, gaping, hanging open, parted, forming an O, falling open, in an oh
surprised: face, look, expression: astonished, startled, full of wonder, incredulous, stunned, questioning
"""

BLOCKS: Mapping[str, str] = MappingProxyType(
    dict(zip(LABELS, (_ANGRY, _DISGUST, _FEAR, _HAPPY, _NEUTRAL, _SAD, _SURPRISED), strict=True))
)


@dataclass(frozen=True)
class Entry:
    """A word or phrase of the lexicon."""

    text: str
    kind: str
    strength: float
    weights: tuple[float, ...]
    """Weights of the seven labels, summing to 1."""

    @property
    def label(self) -> str:
        """The strongest emotion."""
        return LABELS[max(range(len(LABELS)), key=self.weights.__getitem__)]


def rows(block: str) -> list[str]:
    """The lines of a block; one that is indented goes on with the line before."""
    return re.sub(r"\n +", " ", block.strip()).splitlines()


def one_hot(label: str) -> tuple[float, ...]:
    """Weights of one label alone."""
    return tuple(float(name == label) for name in LABELS)


def _entries() -> tuple[Entry, ...]:
    out: dict[tuple[str, str, str], Entry] = {}  # an entry said twice counts once
    for label, block in [*BLOCKS.items(), ("", _MIXED)]:
        for line in rows(block):
            head, _, rest = line.partition(": ")
            kind, strength = head.split()
            for item in rest.split(", "):
                text, _, mixture = item.partition(" = ")
                weights = one_hot(label)
                if mixture:
                    shares = re.findall(r"(\w+) (\.\d+)", mixture)
                    weights = tuple(float(dict(shares).get(name, 0.0)) for name in LABELS)
                out.setdefault((label, kind, text), Entry(text, kind, float(strength), weights))
    for line in rows(SEEN):
        label, parts, states = line.split(": ")
        for text in (f"{part} {state}" for part in parts.split(", ") for state in states.split(", ")):
            out.setdefault((label, "cue", text), Entry(text, "cue", 1.0, one_hot(label)))
    return tuple(out.values())


ENTRIES = _entries()

assert all(entry.kind in KINDS and abs(sum(entry.weights) - 1.0) < 1e-6 for entry in ENTRIES)
assert {(entry.label, entry.kind) for entry in ENTRIES} == {(label, kind) for label in LABELS for kind in KINDS}
