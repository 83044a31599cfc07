"""The adjectives, one a line: English, German words, and the kinds of noun they suit."""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.meaning import Adjective, Fixed, Noun

# English | German | kinds
QUALITIES = """
red | rot | clothes vehicle surface bag plant
blue | blau | clothes vehicle surface bag
green | grün | clothes vehicle surface bag
black | schwarz | clothes vehicle surface bag
white | weiß | clothes vehicle surface plant
grey | grau | clothes vehicle surface bag
brown | braun | clothes bag surface
yellow | gelb | clothes vehicle bag plant
dark | dunkel | clothes assembled lodging
bright | hell | clothes lodging
new | neu | clothes device vehicle furniture home carried tableware tool part stationery opened work colleague
old | alt | clothes device vehicle furniture home bag tool tableware
big | groß | furniture bag plant tableware home heavy present lodging fruit
small | klein | furniture bag plant tableware home present lodging vehicle device
heavy | schwer | heavy surface container
light | leicht | bag portable
expensive | teuer | clothes device furniture vehicle wine booking present home
cheap | billig, günstig | clothes device furniture vehicle booking tool
fresh | frisch | baked fruit vegetable
hot | heiß | hot-drink cooked
cold | kalt | cold-drink cooked hot-drink
warm | warm | hangs hot-drink cooked
ripe | reif | fruit
sweet | süß | fruit sweet hot-drink
delicious | lecker, köstlich | dish cooked sweet baked
salty | salzig | cooked
healthy | gesund | vegetable fruit
long | lang | long document ironed long-read
short | kurz | long document ironed
comfortable | bequem | surface footwear
beautiful | schön | plant clothes home sight vehicle
pretty | hübsch, schön | plant clothes home
broken | kaputt, defekt | device part
dirty | schmutzig, dreckig | clothes tableware vehicle washable
clean | sauber | tableware clothes washable
empty | leer | bag bottle
important | wichtig | document work-event
urgent | dringend | answered meeting appointment
interesting | interessant, spannend | long long-read visited magazine
boring | langweilig | long long-read
exciting | spannend, aufregend | watched
funny | lustig, witzig | film long-read
difficult | schwierig, schwer | filled
simple | einfach | recipe filled
loud | laut | runs home-event
quiet | ruhig | lodging
modern | modern | device lodging furniture sight
friendly | freundlich, nett | person
nice | nett, freundlich | person
helpful | hilfsbereit | mine staff
polite | höflich | staff client
patient | geduldig | expert repairer
young | jung | animal
practical | praktisch | device tool bag
useful | nützlich, praktisch | tool device
thin | dünn | hangs long-read
thick | dick | hangs long-read
wet | nass | clothes
dry | trocken | clothes
sharp | scharf | knife saw
elegant | elegant, schick | clothes surface
round | rund | table vase bowl
lovely | wunderschön, sehr schön | plant present sight
good | gut | dish wine tool eatery watched long-read expert repairer
excellent | ausgezeichnet, hervorragend | wine dish eatery
famous | berühmt, bekannt | sight
strong | stark | hot-drink
unusual | ungewöhnlich | present picture
complicated | kompliziert, schwierig | filled contract recipe
unripe | unreif | fruit
stylish | modisch, schick | clothes bag
tasty | schmackhaft, lecker | dish cooked
spacious | geräumig, groß | lodging container
hungry | hungrig | animal
tight | eng | clothes
reliable | zuverlässig | repairer device vehicle
experienced | erfahren | expert repairer
pleasant | angenehm, nett | guest neighbour
ugly | hässlich | furniture home
sturdy | stabil | assembled tool
"""

# English | German
FEELINGS = """
tired | müde
hungry | hungrig
thirsty | durstig
ill | krank
happy | glücklich, froh
sad | traurig
nervous | nervös, aufgeregt
satisfied | zufrieden
angry | wütend, verärgert
busy | beschäftigt
punctual | pünktlich
surprised | überrascht
disappointed | enttäuscht
ready | fertig, bereit
alone | allein, alleine
late | spät dran, zu spät dran
at home | zu Hause, daheim
in a hurry | in Eile
"""

DEGREES = (
    Fixed("very", ("sehr",)),
    Fixed("too", ("zu",)),
    Fixed("really", ("wirklich", "richtig")),
    Fixed("quite", ("ziemlich", "recht")),
    Fixed("a bit", ("ein bisschen", "etwas", "ein wenig")),
)

COMPARATIVES = {
    # English comparative and German comparative of the qualities that things are compared by
    "big": ("bigger", "größer"),
    "small": ("smaller", "kleiner"),
    "heavy": ("heavier", "schwerer"),
    "light": ("lighter", "leichter"),
    "expensive": ("more expensive", "teurer"),
    "cheap": ("cheaper", "billiger"),
    "old": ("older", "älter"),
    "new": ("newer", "neuer"),
    "long": ("longer", "länger"),
    "short": ("shorter", "kürzer"),
    "comfortable": ("more comfortable", "bequemer"),
    "beautiful": ("more beautiful", "schöner"),
    "elegant": ("more elegant", "eleganter"),
    "sweet": ("sweeter", "süßer"),
    "interesting": ("more interesting", "interessanter"),
    "modern": ("more modern", "moderner"),
    "loud": ("louder", "lauter"),
    "quiet": ("quieter", "ruhiger"),
    "practical": ("more practical", "praktischer"),
}


def _adjectives(table: str) -> tuple[Adjective, ...]:
    found = []
    for line in filter(None, table.splitlines()):
        en, de, kinds = (*line.split(" | "), "")[:3]
        found.append(Adjective(en, tuple(de.split(", ")), frozenset(kinds.split())))
    return tuple(found)


ADJECTIVES: tuple[Adjective, ...] = _adjectives(QUALITIES)
MOODS: tuple[Adjective, ...] = _adjectives(FEELINGS)


@cache
def adjectives_of(noun: Noun) -> tuple[Adjective, ...]:
    """Return the adjectives that suit a noun, by its kinds or by its own name."""
    return tuple(a for a in ADJECTIVES if a.kinds & (noun.kinds | {noun.en}))


def adjective_named(en: str) -> Adjective:
    """Return the quality with this English name."""
    return next(a for a in ADJECTIVES if a.en == en)
