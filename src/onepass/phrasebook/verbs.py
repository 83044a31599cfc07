"""The verbs, one a line: English frame, German frames, and the kinds of noun they take.

An English frame is the verb with `O` (object) and `R` (recipient) where they stand. A German frame lists what
the verb governs, then the infinitive: `O:a` an accusative object, `auf+O:a` one with a preposition, `sich` or
`sich:d` a reflexive pronoun, `|` after a separable prefix, a final `*` for the perfect with sein; any other
word (`Rad fahren`) stays beside the verb. Alternatives come after a semicolon.
"""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.meaning import GermanVerb, Slot, Verb

# English | German | kinds of object | kinds of recipient | kinds of place where it happens
ACTIONS = """
buy O | O:a kaufen; O:a besorgen | food drink |  | grocery
buy O | O:a kaufen; sich:d O:a kaufen | clothes |  | fashion
buy O | O:a kaufen; O:a besorgen | device tool present stationery part |  | shop
buy O | O:a kaufen; sich:d O:a kaufen | furniture vehicle
sell O | O:a verkaufen | vehicle furniture
order O | O:a bestellen | dish drink |  | eatery
order O | O:a bestellen | device furniture tool part
pay O | O:a bezahlen; O:a begleichen | paid
pay for O | O:a bezahlen; für+O:a bezahlen | dish drink booking
repair O | O:a reparieren | device vehicle installed
fix O | O:a reparieren; O:a in Ordnung bringen | vehicle device installed
clean O | O:a putzen; O:a sauber machen | room washable
clean O | O:a reinigen; O:a sauber machen | kitchen-thing
wash O | O:a waschen | clothes wash driven
wash O | O:a ab|waschen; O:a spülen | tableware |  | home-kitchen
iron O | O:a bügeln | ironed wash
cook O | O:a kochen; O:a zu|bereiten | cooked |  | home-kitchen
boil O | O:a kochen | cookable |  | home-kitchen
bake O | O:a backen | baked |  | home-kitchen
cut O | O:a schneiden | cuttable |  | home-kitchen
eat O | O:a essen | edible |  | cosy outside
eat O | O:a essen | dish |  | eatery
drink O | O:a trinken | drink |  | eatery outside
taste O | O:a probieren; O:a kosten | edible wine
try on O | O:a an|probieren | clothes |  | fashion
put on O | O:a an|ziehen | footwear ironed
exchange O | O:a um|tauschen | clothes device
borrow O from R | sich:d O:a von+R:d leihen; sich:d O:a von+R:d aus|leihen | lent | mine
lend R O | R:d O:a leihen | lent | mine
give R O | R:d O:a geben | lent tiny | person
give R O as a present | R:d O:a schenken | present | mine
bring R O | R:d O:a bringen | document hot-drink dish | mine client
show R O | R:d O:a zeigen | shown document | person
send R O | R:d O:a schicken; R:d O:a zu|schicken | sent | mine client expert
explain O to R | R:d O:a erklären | document device | mine client
recommend O to R | R:d O:a empfehlen | eatery lodging-place sight | mine client
open O | O:a öffnen; O:a auf|machen | opened
close O | O:a schließen; O:a zu|machen | shut
lock O | O:a ab|schließen; O:a zu|schließen | locked
switch on O | O:a ein|schalten; O:a an|machen | runs
switch off O | O:a aus|schalten; O:a aus|machen | runs
charge O | O:a auf|laden; O:a laden | chargeable
look for O | O:a suchen; nach+O:d suchen | lost |  | room store
find O | O:a finden | lost |  | room store city
lose O | O:a verlieren | lost |  | city
leave O behind | O:a liegen lassen; O:a vergessen | tiny |  | city workplace eatery
forget O | O:a vergessen | lost tiny
carry O | O:a tragen; O:a schleppen | heavy
take O along | O:a mit|nehmen | portable lent clothes
pack O | O:a packen | packed
pack O | O:a ein|packen | clothes present
unpack O | O:a aus|packen | packed delivered
book O | O:a buchen; O:a reservieren | booking
cancel O | O:a stornieren | booking
cancel O | O:a ab|sagen | planned
postpone O | O:a verschieben; O:a verlegen | planned
sign O | O:a unterschreiben; O:a unterzeichnen | signed
fill in O | O:a aus|füllen | filled
print O | O:a aus|drucken; O:a drucken | written filled |  | paperwork
copy O | O:a kopieren | signed recipe |  | paperwork
read O | O:a lesen | leisure-read |  | reading
read O | O:a lesen; O:a durch|lesen | document |  | paperwork
write O | O:a schreiben; O:a verfassen | written
translate O | O:a übersetzen | answered signed recipe
answer O | O:a beantworten; auf+O:a antworten | answered
check O | O:a prüfen; O:a überprüfen | checked
discuss O with R | O:a mit+R:d besprechen; mit+R:d über+O:a sprechen | discussed signed | mine work
talk to R about O | mit+R:d über+O:a sprechen; mit+R:d über+O:a reden | shown-event signed discussed | mine
call O | O:a an|rufen | person
call O back | O:a zurück|rufen | person
meet O | O:a treffen; sich mit+O:d treffen | mine |  | meet
visit O | O:a besuchen | mine
visit O | O:a besichtigen; O:a besuchen | sight
invite O | O:a ein|laden | mine
pick O up | O:a ab|holen | mine |  | meet
help O | O:d helfen | mine client |  | workplace room
thank O | O:d danken; sich bei+O:d bedanken | mine expert
wait for O | auf+O:a warten | mine |  | meet
wait for O | auf+O:a warten | transport repairer
ask O | O:a fragen | person
see O | O:a sehen | mine |  | city walk eatery
wake O up | O:a wecken; O:a auf|wecken | family
watch O | sich:d O:a an|sehen; O:a sehen | watched
look at O | sich:d O:a an|sehen; sich:d O:a an|schauen | hung furniture clothes visited shown
paint O | O:a streichen | painted
assemble O | O:a auf|bauen; O:a zusammen|bauen | assembled |  | room
hang up O | O:a auf|hängen | hung |  | room
water O | O:a gießen | plant |  | outside
feed O | O:a füttern | animal
rent O | O:a mieten | vehicle lodging
park O | O:a parken; O:a ab|stellen | driven |  | parking
throw away O | O:a weg|werfen; O:a entsorgen | home clothes
replace O | O:a aus|tauschen; O:a ersetzen; O:a aus|wechseln | replaced
take O | O:a nehmen; mit+O:d fahren* | transport
miss O | O:a verpassen | transport planned
use O | O:a benutzen; O:a verwenden | device tool
prepare O | O:a vor|bereiten | meal work-event home-event
plan O | O:a planen | home-event work-event
deliver O | O:a liefern; O:a aus|liefern | furniture delivered
tidy O | O:a auf|räumen; O:a in Ordnung bringen | room store
return O | O:a zurück|bringen; O:a zurück|geben | lent device clothes
work | arbeiten |  |  | workplace outside
rest | sich aus|ruhen |  |  | cosy outside
sleep | schlafen |  |  | bed-place
get up early | früh auf|stehen*
fall asleep | ein|schlafen* |  |  | cosy
have breakfast | frühstücken |  |  | eatery cosy outside lodging-place
have lunch | zu Mittag essen |  |  | eatery workplace outside
have dinner | zu Abend essen |  |  | eatery cosy outside
swim | schwimmen* |  |  | swim
go for a walk | spazieren gehen* |  |  | walk
go shopping | ein|kaufen gehen*; ein|kaufen |  |  | shop
cycle | Rad fahren*
play football | Fußball spielen |  |  | leisure
play cards | Karten spielen |  |  | cosy outside
dance | tanzen
cook | kochen
shower | duschen; sich duschen
hurry | sich beeilen
listen to music | Musik hören |  |  | cosy outside
watch television | fern|sehen |  |  | cosy
learn German | Deutsch lernen |  |  | reading
move house | um|ziehen*
relax | sich entspannen; sich erholen |  |  | outside leisure
chat with O | mit+O:d plaudern; sich mit+O:d unterhalten | mine |  | eatery outside
apologise to O | sich bei+O:d entschuldigen | mine client
take a photo of O | O:a fotografieren | sight animal
complain to O | sich bei+O:d beschweren | staff
"""

# A verb of motion always says where to, its sixth column.
MOTIONS = """
go | gehen*; fahren* |  |  |  | goal
go | gehen* |  |  |  | room outside
walk | zu Fuß gehen*; laufen* |  |  |  | goal
drive | fahren* |  |  |  | goal
cycle | mit dem Rad fahren*; mit dem Fahrrad fahren* |  |  |  | goal
take O | O:a bringen | luggage |  |  | lodging-place
take O | O:a bringen | vehicle |  |  | workshop
drive O | O:a fahren; O:a bringen | family |  |  | goal
accompany O | O:a begleiten | family |  |  | goal
carry O | O:a tragen; O:a bringen | heavy |  |  | room store
come | kommen* |  |  |  | goal
return | zurück|kommen*; zurück|kehren* |  |  |  | lodging-place workplace
"""

TRIPS = """
go | fahren*
travel | reisen*; fahren*
fly | fliegen*
drive | fahren*
"""

# What one says of oneself to explain or excuse something.
CIRCUMSTANCES = """
have no time | keine Zeit haben
have little time | wenig Zeit haben
have a headache | Kopfschmerzen haben
have a lot of work | viel Arbeit haben; viel zu tun haben
have visitors | Besuch haben
have a day off | einen freien Tag haben; frei haben
"""

STATES = """
need O | O:a brauchen; O:a benötigen | carried tool stationery hotel-need device
have O | O:a haben | vehicle furniture device animal
know O | O:a kennen | mine sight
like O | O:a mögen | clothes animal eatery sight
understand O | O:a verstehen | document shown-event
"""

BE = Verb("be", (GermanVerb("sein", auxiliary="sein"),), stative=True)


def _german(frame: str) -> GermanVerb:
    """Parse one German frame."""
    *parts, verb = frame.split()
    slots, literal, reflexive = [], [], ""
    for part in parts:
        if part in ("sich", "sich:d"):
            reflexive = "d" if part.endswith(":d") else "a"
        elif ":" in part:
            preposition, _, slot = part.rpartition("+")
            slots.append(Slot(slot[0], slot[2], preposition))
        else:
            literal.append(part)
    prefix, _, infinitive = verb.rstrip("*").rpartition("|")
    if literal and literal[0].find("|") >= 0:  # einkaufen gehen: the infinitive keeps its prefix
        literal[0] = literal[0].replace("|", "")
    auxiliary = "sein" if verb.endswith("*") else "haben"
    return GermanVerb(infinitive, prefix, " ".join(literal), auxiliary, reflexive, tuple(slots))


def _verbs(table: str, *, stative: bool = False) -> tuple[Verb, ...]:
    return tuple(_verb(line, stative=stative) for line in filter(None, table.splitlines()))


def _verb(line: str, *, stative: bool) -> Verb:
    cells = [cell.strip() for cell in line.split(" | ")]
    en, de, objects, recipients, at, to = (*cells, "", "", "", "")[:6]
    return Verb(
        en,
        tuple(_german(frame) for frame in de.split("; ")),
        frozenset(objects.split()),
        frozenset(recipients.split()),
        frozenset(at.split()),
        frozenset(to.split()),
        stative,
    )


VERBS: tuple[Verb, ...] = (*_verbs(ACTIONS), *_verbs(MOTIONS), *_verbs(STATES, stative=True))
TRAVELS: tuple[Verb, ...] = _verbs(TRIPS)
EXCUSES: tuple[Verb, ...] = _verbs(CIRCUMSTANCES, stative=True)


@cache
def verb(en: str) -> Verb:
    """Return the first verb with this English frame."""
    return next(verb for verb in (*VERBS, BE) if verb.en == en)
