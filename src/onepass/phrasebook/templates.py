"""Whole sentences with slots, for what people say in set phrases.

An entry is the English sentence, its slots on the same line after ` | `, and indented below it its German
alternatives. `[du|ihr|Sie]` follows the form of address. In German a slot names its case (`{x:a}`), a
preposition and case (`{x:zu+d}`), a determiner of its own and the case (`{x:no:a}`), a singular|plural pair
that agrees with it (`{x:kostet|kosten}`), or for a clause its order (`{c:last}`, `{c:zu}`); in English a
clause may be `inf` or `ing`. A slot's value is described as in `Sampler.slot`.
"""

from __future__ import annotations

from typing import NamedTuple


class Template(NamedTuple):
    """A set phrase: English, its German alternatives, and what fills each slot."""

    en: str
    de: tuple[str, ...]
    slots: dict[str, str]


RESTAURANT = """
I would like {x}, please. | x=np dish,drink a
    Ich hätte gern {x:a}, bitte.
    Ich möchte bitte {x:a}.
    Ich nehme {x:a}, bitte.
Could we have {x}, please? | x=np dish,drink a
    Könnten wir bitte {x:a} haben?
    Könnten wir bitte {x:a} bekommen?
    Können wir bitte {x:a} haben?
We would like {x} and {y}. | x=np dish a; y=np drink a
    Wir hätten gern {x:a} und {y:a}.
    Wir möchten {x:a} und {y:a}.
    Wir nehmen {x:a} und {y:a}.
Could you bring us {x} and {y}? | x=np dish,drink a; y=np tableware a
    [Könntest du|Könntet ihr|Könnten Sie] uns {x:a} und {y:a} bringen?
    [Kannst du|Könnt ihr|Können Sie] uns {x:a} und {y:a} bringen?
I have reserved a table for {n} people for {t}. | n=small; t=clock
    Ich habe für {t} einen Tisch für {n} Personen reserviert.
    Ich habe einen Tisch für {n} Personen reserviert, für {t}.
Do you have a table for {n} people? | n=small
    [Hast du|Habt ihr|Haben Sie] einen Tisch für {n} Personen?
    [Hast du|Habt ihr|Haben Sie] einen Tisch für {n} Personen frei?
Excuse me, I ordered {x}, not {y}. | x=np dish,wine,cold-drink order; y=np hot-drink,soups order
    Entschuldigung, ich habe {x:a} bestellt, nicht {y:a}.
    Entschuldigung, ich hatte {x:a} bestellt und nicht {y:a}.
I can't eat {x} because I am allergic. | x=np many bare-plural
    Ich kann {x:no:a} essen, weil ich allergisch bin.
    Ich darf {x:no:a} essen, weil ich allergisch bin.
{x} {x:tastes|taste} {q}. | x=np dish,fruit,cooked,wine this,the plain; q=taste
    {x:n} {x:schmeckt|schmecken} {q}.
Would you like {x} with your {y}? | x=np drink a; y=np neutral-dish bare
    [Möchtest du|Möchtet ihr|Möchten Sie] zu {y:your:d} {x:a}?
    [Möchtest du|Möchtet ihr|Möchten Sie] {x:a} zu {y:your:d}?
For breakfast {s} usually {s:eats|eat} {x}. | s=family; x=np breakfast a
    Zum Frühstück {s:isst|essen} {s:n} meistens {x:a}.
    {s:n} {s:isst|essen} zum Frühstück meistens {x:a}.
"""

SHOPPING = """
How much {x:does|do} {x} cost? | x=np bought this,the
    Wie viel {x:kostet|kosten} {x:n}?
    Was {x:kostet|kosten} {x:n}?
{x} {x:costs|cost} {p}. | x=np clothes,device,furniture,tool,present,home,long-read this,the; p=price
    {x:n} {x:kostet|kosten} {p}.
Do you know how much {x} {x:costs|cost}? | x=np clothes,device,furniture,tool,present,home this,the
    [Weißt du|Wisst ihr|Wissen Sie], wie viel {x:n} {x:kostet|kosten}?
    [Weißt du|Wisst ihr|Wissen Sie], was {x:n} {x:kostet|kosten}?
I paid {p} for {x}. | p=price; x=np clothes,device,tool,present,home this,the,my
    Ich habe {p} für {x:a} bezahlt.
    Ich habe für {x:a} {p} bezahlt.
    Für {x:a} habe ich {p} bezahlt.
Do you have {x} in a smaller size? | x=np clothes this
    [Hast du|Habt ihr|Haben Sie] {x:a} auch in einer kleineren Größe?
    [Hast du|Habt ihr|Haben Sie] {x:a} eine Nummer kleiner?
    Gibt es {x:a} auch in einer kleineren Größe?
Do you have {x} in {q}? | x=np clothes,bag this plain; q=colour
    [Hast du|Habt ihr|Haben Sie] {x:a} auch in {q}?
    Gibt es {x:a} auch in {q}?
I am looking for {x} for {f}. | x=np clothes,present,home,long-read a; f=family
    Ich suche {x:a} für {f:a}.
    Ich bin auf der Suche nach {x:d} für {f:a}.
Where can I find {x}? | x=np food,drink,stationery the
    Wo finde ich {x:a}?
    Wo kann ich {x:a} finden?
    Wo gibt es {x:a}?
Can I try on {x}? | x=np clothes this,the
    Kann ich {x:a} anprobieren?
    Darf ich {x:a} anprobieren?
    Könnte ich {x:a} anprobieren?
I will take {x}, please. | x=np clothes,home,present,long-read,tool this,the
    Ich nehme {x:a}, bitte.
    Ich nehme bitte {x:a}.
I would like to exchange {x} because {it} {x:is|are} too {q}. | x=np clothes this plain; it=it x; q=fit
    Ich möchte {x:a} umtauschen, weil {it:n} zu {q} {x:ist|sind}.
    Ich würde {x:a} gern umtauschen, weil {it:n} zu {q} {x:ist|sind}.
    Ich möchte {x:a} umtauschen, denn {it:n} {x:ist|sind} zu {q}.
{x} {x:is|are} {q}, but {it} {x:is|are} too expensive. | x=np clothes,furniture,bag this,the plain; it=it x; q=praise
    {x:n} {x:ist|sind} {q}, aber {it:n} {x:ist|sind} zu teuer.
    {x:n} {x:ist|sind} zwar {q}, aber zu teuer.
{n} kilos of {x}, please. | n=small; x=np fruit,vegetable bare-plural
    {n} Kilo {x:a}, bitte.
    Bitte {n} Kilo {x:a}.
    Ich hätte gern {n} Kilo {x:a}.
A bottle of {x}, please. | x=np cold-drink,wine bare
    Eine Flasche {x:a}, bitte.
    Bitte eine Flasche {x:a}.
    Ich hätte gern eine Flasche {x:a}.
{x} {x:suits|suit} you very well. | x=np clothes this,the,your
    {x:n} {x:steht|stehen} [dir|euch|Ihnen] sehr gut.
    {x:n} {x:passt|passen} sehr gut zu [dir|euch|Ihnen].
I like {x}. | x=np clothes,home,plant,furniture this,the,your
    Mir {x:gefällt|gefallen} {x:n}.
    {x:n} {x:gefällt|gefallen} mir.
    Ich mag {x:a}.
    Ich finde {x:a} schön.
{s} {s:doesn't|don't} like {x}. | s=family; x=np clothes,home,furniture this,the
    {s:d} {x:gefällt|gefallen} {x:n} nicht.
    {x:n} {x:gefällt|gefallen} {s:d} nicht.
    {s:n} {s:mag|mögen} {x:a} nicht.
Is {x} still under guarantee? | x=np device this,my
    Ist auf {x:d} noch Garantie?
    Hat {x:n} noch Garantie?
There is a discount of {n} percent on {x}. | n=tens; x=np clothes,device,furniture,tool bare-plural
    Es gibt {n} Prozent Rabatt auf {x:a}.
    Auf {x:a} gibt es {n} Prozent Rabatt.
"""  # noqa: E501

TRAVEL = """
The train to {c} leaves at {t} from platform {n}. | c=city; t=time; n=count
    Der Zug nach {c} fährt um {t} von Gleis {n} ab.
    Um {t} fährt der Zug nach {c} von Gleis {n} ab.
    Der Zug nach {c} fährt um {t} auf Gleis {n} ab.
The bus to {c} arrives at {t}. | c=city; t=time
    Der Bus nach {c} kommt um {t} an.
    Um {t} kommt der Bus nach {c} an.
The flight from {c} to {d} lands at {t}. | c=city; d=city2; t=time
    Der Flug von {c} nach {d} landet um {t}.
    Um {t} landet der Flug von {c} nach {d}.
    Die Maschine von {c} nach {d} landet um {t}.
When does the next train to {c} leave? | c=city
    Wann fährt der nächste Zug nach {c}?
    Wann fährt der nächste Zug nach {c} ab?
    Wann geht der nächste Zug nach {c}?
When does the next {v} to {x} leave? | v=ride; x=np city the
    Wann fährt {v} {x:zu+d}?
    Wann fährt {v} {x:zu+d} ab?
    Wann geht {v} {x:zu+d}?
{n} tickets to {c}, please. | n=small; c=city
    {n} Fahrkarten nach {c}, bitte.
    Bitte {n} Fahrkarten nach {c}.
    {n} Tickets nach {c}, bitte.
A return ticket from {c} to {d}, please. | c=city; d=city2
    Eine Rückfahrkarte von {c} nach {d}, bitte.
    Einmal von {c} nach {d} und zurück, bitte.
How long does the journey from {c} to {d} take? | c=city; d=city2
    Wie lange dauert die Fahrt von {c} nach {d}?
    Wie lange dauert die Reise von {c} nach {d}?
    Wie lange braucht man von {c} nach {d}?
The journey from {c} to {d} takes {n} hours. | c=city; d=city2; n=small
    Die Fahrt von {c} nach {d} dauert {n} Stunden.
    Die Reise von {c} nach {d} dauert {n} Stunden.
    Von {c} nach {d} braucht man {n} Stunden.
Do I have to change trains in {c}? | c=city
    Muss ich in {c} umsteigen?
You have to change trains in {c} to get to {d}. | c=city; d=city2
    [Du musst|Ihr müsst|Sie müssen] in {c} umsteigen, um nach {d} zu kommen.
    Um nach {d} zu kommen, [musst du|müsst ihr|müssen Sie] in {c} umsteigen.
Our train to {c} was {n} minutes late. | c=city; n=tens
    Unser Zug nach {c} hatte {n} Minuten Verspätung.
    Unser Zug nach {c} war {n} Minuten zu spät.
    Unser Zug nach {c} kam {n} Minuten zu spät.
How do I get to {x}? | x=np city,sight the
    Wie komme ich {x:zu+d}?
How do I get from {x} to {y}? | x=np meet the; y=np sight,workshop the
    Wie komme ich {x:von+d} {y:zu+d}?
Excuse me, where is {x}? | x=np city,sight the
    Entschuldigung, wo ist {x:n}?
    [Entschuldige|Entschuldigt|Entschuldigen Sie], wo ist {x:n}?
    Entschuldigung, wo finde ich {x:a}?
Can you tell me where {x} is? | x=np city,sight the
    [Kannst du|Könnt ihr|Können Sie] mir sagen, wo {x:n} ist?
    [Weißt du|Wisst ihr|Wissen Sie], wo {x:n} ist?
Could you show me on the map where {x} is? | x=np city,sight the
    [Könntest du|Könntet ihr|Könnten Sie] mir auf der Karte zeigen, wo {x:n} ist?
    [Kannst du|Könnt ihr|Können Sie] mir auf der Karte zeigen, wo {x:n} liegt?
Is there {x} near here? | x=np amenity a
    Gibt es hier in der Nähe {x:a}?
    Ist hier in der Nähe {x:n}?
    Gibt es {x:a} in der Nähe?
Is there {x} near {y}? | x=np amenity a; y=np meet,sight the
    Gibt es in der Nähe {y:von+d} {x:a}?
    Gibt es {x:a} in der Nähe {y:von+d}?
Turn {d} {w}. | d=side; w=landmark
    [Bieg|Biegt|Biegen Sie] {w} {d} ab.
    [Du musst|Ihr müsst|Sie müssen] {w} {d} abbiegen.
Turn {d} {w} and then go straight on as far as {x}. | d=side; w=landmark; x=np city the
    [Bieg|Biegt|Biegen Sie] {w} {d} ab und [geh|geht|gehen Sie] dann geradeaus bis {x:zu+d}.
    [Bieg|Biegt|Biegen Sie] {w} {d} ab und [fahr|fahrt|fahren Sie] dann geradeaus bis {x:zu+d}.
{x} is {b}. | x=np city the; b=beside
    {x:n} ist {b}.
    {x:n} liegt {b}.
    {x:n} befindet sich {b}.
It is {n} minutes on foot from {x} to {y}. | n=tens; x=np meet the; y=np sight,workshop the
    {x:von+d} {y:zu+d} sind es {n} Minuten zu Fuß.
    Es sind {n} Minuten zu Fuß {x:von+d} {y:zu+d}.
How far is it from {x} to {y}? | x=np meet the; y=np sight,amenity the
    Wie weit ist es {x:von+d} {y:zu+d}?
I have lived in {c} for {n} years. | c=city; n=small
    Ich wohne seit {n} Jahren in {c}.
    Ich lebe seit {n} Jahren in {c}.
    Seit {n} Jahren wohne ich in {c}.
We have been waiting for {v} for {n} minutes. | v=np transport,repairer the; n=tens
    Wir warten seit {n} Minuten auf {v:a}.
    Wir warten schon {n} Minuten auf {v:a}.
    Seit {n} Minuten warten wir auf {v:a}.
{s} {s:has|have} worked in {c} since {m}. | s=adult; c=city; m=month
    {s:n} {s:arbeitet|arbeiten} seit {m} in {c}.
    Seit {m} {s:arbeitet|arbeiten} {s:n} in {c}.
I was born in {c} {w}. | c=city; w=date
    Ich bin {w} in {c} geboren.
    Ich wurde {w} in {c} geboren.
Have you ever been to {c}? | c=city
    [Warst du|Wart ihr|Waren Sie] schon einmal in {c}?
    [Bist du|Seid ihr|Sind Sie] schon einmal in {c} gewesen?
    [Warst du|Wart ihr|Waren Sie] schon mal in {c}?
We spent two weeks {l} last year. | l=country-in
    Letztes Jahr haben wir zwei Wochen {l} verbracht.
    Wir haben letztes Jahr zwei Wochen {l} verbracht.
    Letztes Jahr waren wir zwei Wochen {l}.
Would you like to go {l} with us {t}? | l=abroad; t=future
    [Möchtest du|Möchtet ihr|Möchten Sie] {t} mit uns {l} fahren?
    [Hast du|Habt ihr|Haben Sie] Lust, {t} mit uns {l} zu fahren?
Is this seat still free?
    Ist dieser Platz noch frei?
    Ist hier noch frei?
This bus doesn't stop at {x}. | x=np bus-goal the
    Dieser Bus hält nicht {x:an+d}.
Please get off at {x}. | x=np bus-goal the
    Bitte [steig|steigt|steigen Sie] {x:an+d} aus.
    [Steig|Steigt|Steigen Sie] bitte {x:an+d} aus.
"""

HOTEL = """
I would like to book {x} for {n} nights. | x=np lodging a; n=small
    Ich möchte {x:a} für {n} Nächte buchen.
    Ich möchte {x:a} für {n} Nächte reservieren.
    Ich würde gern {x:a} für {n} Nächte buchen.
    Ich möchte für {n} Nächte {x:a} buchen.
Do you have {x} from {d}? | x=np lodging a; d=period
    [Hast du|Habt ihr|Haben Sie] {d} {x:a} frei?
    [Hast du|Habt ihr|Haben Sie] {x:a} {d}?
    Ist {d} {x:n} frei?
I have booked {x} from {d}. | x=np lodging a; d=period
    Ich habe {d} {x:a} gebucht.
    Ich habe {x:a} {d} reserviert.
    Ich habe {d} {x:a} reserviert.
{x} in our room doesn't work. | x=np hotel-fault-runs the
    {x:n} in unserem Zimmer funktioniert nicht.
    In unserem Zimmer funktioniert {x:n} nicht.
    {x:n} in unserem Zimmer geht nicht.
{x} in room {n} is broken. | x=np hotel-fault the; n=room-number
    {x:n} in Zimmer {n} ist kaputt.
    {x:n} in Zimmer {n} ist defekt.
    In Zimmer {n} ist {x:n} kaputt.
Could I have another {x}, please? | x=np hotel-need bare
    Könnte ich bitte noch {x:a:a} bekommen?
    Könnte ich bitte noch {x:a:a} haben?
    Kann ich bitte noch {x:a:a} bekommen?
Breakfast is from {t} to {u}. | t=morning; u=late-morning
    Frühstück gibt es von {t} bis {u}.
    Das Frühstück ist von {t} bis {u}.
    Von {t} bis {u} gibt es Frühstück.
{x} opens at {t}. | x=np opens the; t=morning-clock
    {x:n} öffnet um {t}.
    {x:n} macht um {t} auf.
    Um {t} öffnet {x:n}.
{x} closes at {t} {w}. | x=np opens the; t=clock; w=weekday
    {x:n} schließt {w} um {t}.
    {x:n} macht {w} um {t} zu.
    {w} schließt {x:n} um {t}.
Could you wake me at {t}? | t=time
    [Könntest du|Könntet ihr|Könnten Sie] mich um {t} wecken?
    [Kannst du|Könnt ihr|Können Sie] mich um {t} wecken?
Our room is on the {f} floor. | f=floor
    Unser Zimmer ist im {f} Stock.
    Unser Zimmer liegt im {f} Stock.
    Unser Zimmer befindet sich im {f} Stock.
{x} is on the {f} floor, {b}. | x=np workplace the; f=floor; b=beside-lift
    {x:n} ist im {f} Stock, {b}.
    {x:n} befindet sich im {f} Stock, {b}.
The room has a beautiful view of {x}. | x=np sight,leisure,harbour the
    Das Zimmer hat einen schönen Blick auf {x:a}.
    Vom Zimmer aus hat man einen schönen Blick auf {x:a}.
You can leave your {x} at the reception until {t}. | x=np masc-bag bare; t=time
    [Du kannst|Ihr könnt|Sie können] {x:your:a} bis {t} an der Rezeption lassen.
    Bis {t} [kannst du|könnt ihr|können Sie] {x:your:a} an der Rezeption lassen.
Is breakfast included in the price?
    Ist das Frühstück im Preis inbegriffen?
    Ist Frühstück im Preis enthalten?
"""

DOCTOR = """
I have had {a} for {n} days. | a=ailment; n=small
    Ich habe seit {n} Tagen {a}.
    Seit {n} Tagen habe ich {a}.
    Ich habe schon seit {n} Tagen {a}.
{s} {s:has|have} {a}. | s=family; a=ailment
    {s:n} {s:hat|haben} {a}.
{s} {s:has|have} had {a} since {d}. | s=family; a=ailment; d=day
    {s:n} {s:hat|haben} seit {d} {a}.
    Seit {d} {s:hat|haben} {s:n} {a}.
{s} can't come {t} because {p} {s:has|have} {a}. | s=family; p=he s; a=ailment; t=day-future
    {s:n} {s:kann|können} {t} nicht kommen, weil {p} {a} {s:hat|haben}.
    {s:n} {s:kann|können} {t} nicht kommen, denn {p} {s:hat|haben} {a}.
    {t} {s:kann|können} {s:n} nicht kommen, weil {p} {a} {s:hat|haben}.
My {b} hurts. | b=np body bare
    {b:my:n} tut weh.
    Mir tut {b:the:n} weh.
My {b} has been hurting for {n} days. | b=np body bare; n=small
    {b:my:n} tut seit {n} Tagen weh.
    Mir tut seit {n} Tagen {b:the:n} weh.
    Seit {n} Tagen tut mir {b:the:n} weh.
I have hurt my {b}. | b=np limb bare
    Ich habe mir {b:the:a} verletzt.
    Ich habe mich {b:the:an+d} verletzt.
Take this medicine {n} times a day {w}. | n=few; w=meal-time
    [Nimm|Nehmt|Nehmen Sie] dieses Medikament {n}mal täglich {w}.
    [Nimm|Nehmt|Nehmen Sie] dieses Medikament {n}mal am Tag {w} ein.
    Bitte [nimm|nehmt|nehmen Sie] dieses Medikament {n}mal täglich {w} ein.
You should stay in bed for {n} days. | n=small
    [Du solltest|Ihr solltet|Sie sollten] {n} Tage im Bett bleiben.
    [Du solltest|Ihr solltet|Sie sollten] {n} Tage lang im Bett bleiben.
I need an appointment {t} because I have {a}. | t=day-future; a=ailment
    Ich brauche {t} einen Termin, weil ich {a} habe.
    Ich brauche {t} einen Termin, denn ich habe {a}.
    Weil ich {a} habe, brauche ich {t} einen Termin.
I have an appointment with {p} {w} at {t}. | p=np expert the,my; w=day-future; t=clock
    Ich habe {w} um {t} einen Termin {p:bei+d}.
    {w} um {t} habe ich einen Termin {p:bei+d}.
If it doesn't get better, you should call {p}. | p=np expert the,my
    Wenn es nicht besser wird, [solltest du|solltet ihr|sollten Sie] {p:a} anrufen.
    [Du solltest|Ihr solltet|Sie sollten] {p:a} anrufen, wenn es nicht besser wird.
"""

PHONE = """
Could I speak to {n}, please? | n=name-or-person
    Könnte ich bitte mit {n:d} sprechen?
    Kann ich bitte mit {n:d} sprechen?
    Könnte ich mit {n:d} sprechen, bitte?
{n} is not here at the moment. | n=name
    {n:n} ist gerade nicht da.
    {n:n} ist im Moment nicht hier.
    {n:n} ist zurzeit nicht da.
{n} will be back {t}. | n=name; t=future
    {n:n} ist {t} wieder da.
    {t} ist {n:n} wieder da.
    {n:n} wird {t} wieder da sein.
Can you tell {n} that {c}? | n=name; c=clause I will,had to,perfect
    [Kannst du|Könnt ihr|Können Sie] {n:d} sagen, dass {c:last}?
    [Könntest du|Könntet ihr|Könnten Sie] {n:d} ausrichten, dass {c:last}?
Please tell {n} that {c}. | n=name; c=clause we will,perfect,can
    Bitte [sag|sagt|sagen Sie] {n:d}, dass {c:last}.
    [Sag|Sagt|Sagen Sie] {n:d} bitte, dass {c:last}.
    [Richte|Richtet|Richten Sie] {n:d} bitte aus, dass {c:last}.
I am calling because {c}. | c=clause I want to,perfect,must,have to
    Ich rufe an, weil {c:last}.
    Ich rufe an, da {c:last}.
    Ich rufe an, denn {c:main}.
You can reach me {t} on the number {n}. | t=future; n=phone
    [Du kannst|Ihr könnt|Sie können] mich {t} unter der Nummer {n} erreichen.
    [Du erreichst|Ihr erreicht|Sie erreichen] mich {t} unter der Nummer {n}.
I tried to call you {t}, but nobody answered. | t=past
    Ich habe {t} versucht, [dich|euch|Sie] anzurufen, aber niemand hat abgenommen.
    Ich habe {t} versucht, [dich|euch|Sie] anzurufen, aber es ist niemand ans Telefon gegangen.
"""

WEATHER = """
It will {v} {t}. | v=precipitation; t=future
    {t} wird es {v}.
    Es wird {t} {v}.
It was {d} {q} in {c} {t}. | q=weather; d=degree; c=city; t=past
    {t} war es in {c} {d} {q}.
    Es war {t} in {c} {d} {q}.
    In {c} war es {t} {d} {q}.
It is {n} degrees in {c} today. | n=tens; c=city
    In {c} sind es heute {n} Grad.
    Heute sind es in {c} {n} Grad.
Take {x} along because it will {v} {t}. | x=np rainwear a,the,your; v=precipitation; t=day-part
    [Nimm|Nehmt|Nehmen Sie] {x:a} mit, weil es {t} {v} wird.
    [Nimm|Nehmt|Nehmen Sie] {x:a} mit, denn {t} wird es {v}.
    [Nimm|Nehmt|Nehmen Sie] {x:a} mit, denn es wird {t} {v}.
If it {v} {t}, {c}. | v=precipitates; t=day-part; c=plan indoors
    Wenn es {t} {v}, {c:after}.
    Falls es {t} {v}, {c:after}.
If the weather is good {t}, {c}. | t=day-part; c=plan outdoors
    Wenn das Wetter {t} gut ist, {c:after}.
    Wenn {t} gutes Wetter ist, {c:after}.
I hope that the weather will be better {t}. | t=future
    Ich hoffe, dass das Wetter {t} besser wird.
    Hoffentlich wird das Wetter {t} besser.
    Ich hoffe, das Wetter wird {t} besser.
"""

OFFICE = """
{x} starts at {t}. | x=np shown-event,work-event,home-event the; t=time
    {x:n} beginnt um {t}.
    {x:n} fängt um {t} an.
    Um {t} beginnt {x:n}.
    Um {t} fängt {x:n} an.
{x} starts {w} at {t}. | x=np shown-event,work-event,home-event the,our; w=day-future; t=clock
    {x:n} beginnt {w} um {t}.
    {w} um {t} beginnt {x:n}.
    {x:n} fängt {w} um {t} an.
{x} ends at {t}. | x=np shown-event,work-event,home-event the,our; t=time
    {x:n} endet um {t}.
    {x:n} ist um {t} zu Ende.
    Um {t} ist {x:n} zu Ende.
{x} has been moved from {d} to {e}. | x=np shown-event,work-event,home-event the,our; d=day; e=day2
    {x:n} wurde von {d} auf {e} verschoben.
    {x:n} ist von {d} auf {e} verschoben worden.
    {x:n} wurde von {d} auf {e} verlegt.
Can you send me {x} by {d}? | x=np document the,your; d=day
    [Kannst du|Könnt ihr|Können Sie] mir {x:a} bis {d} schicken?
    [Kannst du|Könnt ihr|Können Sie] mir bis {d} {x:a} schicken?
I am on holiday from {d}. | d=period
    Ich bin {d} im Urlaub.
    Ich habe {d} Urlaub.
    {d} bin ich im Urlaub.
Do you speak {l}? | l=language
    [Sprichst du|Sprecht ihr|Sprechen Sie] {l}?
    [Kannst du|Könnt ihr|Können Sie] {l}?
{s} {s:speaks|speak} {l} better than {m}. | s=adult; l=language; m=language2
    {s:n} {s:spricht|sprechen} besser {l} als {m}.
    {s:n} {s:kann|können} besser {l} als {m}.
I am learning {l} because I want to work {w}. | l=language; w=country-in
    Ich lerne {l}, weil ich {w} arbeiten möchte.
    Ich lerne {l}, weil ich {w} arbeiten will.
    Ich lerne {l}, denn ich möchte {w} arbeiten.
{n} colleagues are ill, so we have to postpone {x}. | n=small; x=np planned the,our
    {n} Kollegen sind krank, deshalb müssen wir {x:a} verschieben.
    {n} Kollegen sind krank, daher müssen wir {x:a} verschieben.
    Wir müssen {x:a} verschieben, weil {n} Kollegen krank sind.
{x} must be {v} by {d}. | x=np signed the,this; v=paperwork; d=day
    {x:n} muss bis {d} {v} werden.
    Bis {d} muss {x:n} {v} werden.
I will send you {x} as soon as I can. | x=np document the,this
    Ich schicke [dir|euch|Ihnen] {x:a}, sobald ich kann.
    Ich werde [dir|euch|Ihnen] {x:a} schicken, sobald ich kann.
    Sobald ich kann, schicke ich [dir|euch|Ihnen] {x:a}.
I have a question about {x}. | x=np signed,discussed,recipe this,your
    Ich habe eine Frage zu {x:d}.
    Ich hätte eine Frage zu {x:d}.
"""

HOME = """
We have no {x} left. | x=np food,drink bare
    Wir haben {x:no:a} mehr.
We still have {x} at home. | x=np food,drink bare
    Wir haben noch {x:a} zu Hause.
    Wir haben zu Hause noch {x:a}.
Who does {x} belong to? | x=np clothes,lost,vehicle,lent this,the
    Wem {x:gehört|gehören} {x:n}?
{x} {x:belongs|belong} to {p}. | x=np clothes,lost,vehicle,lent,animal this,the; p=owner
    {x:n} {x:gehört|gehören} {p:d}.
Whose turn is it to {c:inf}? | c=chore
    Wer ist an der Reihe, {c:zu}?
    Wer ist dran, {c:zu}?
I can't find {x} anywhere. | x=np lost my
    Ich kann {x:a} nirgends finden.
    Ich kann {x:a} nirgendwo finden.
    Ich finde {x:a} nirgends.
Have you seen {x}? | x=np lost,animal my,our
    [Hast du|Habt ihr|Haben Sie] {x:a} gesehen?
I don't remember where I put {x}. | x=np tiny my,the
    Ich weiß nicht mehr, wo ich {x:a} hingelegt habe.
    Ich erinnere mich nicht, wo ich {x:a} hingelegt habe.
    Ich weiß nicht mehr, wohin ich {x:a} gelegt habe.
{x} {x:makes|make} a strange noise. | x=np device,driven the,our
    {x:n} {x:macht|machen} ein komisches Geräusch.
    {x:n} {x:macht|machen} ein seltsames Geräusch.
{x} {x:has|have} been broken since {d}. | x=np device,installed,vehicle the,our,my; d=day
    {x:n} {x:ist|sind} seit {d} kaputt.
    Seit {d} {x:ist|sind} {x:n} kaputt.
    {x:n} {x:ist|sind} seit {d} defekt.
{x} {x:doesn't|don't} work, so I have called {p}. | x=np installed,kitchen-thing the; p=np repairer the
    {x:n} {x:funktioniert|funktionieren} nicht, deshalb habe ich {p:a} angerufen.
    {x:n} {x:funktioniert|funktionieren} nicht, also habe ich {p:a} angerufen.
    Ich habe {p:a} angerufen, weil {x:n} nicht {x:funktioniert|funktionieren}.
{x} {x:is|are} broken, so I can't use {it}. | x=np device the,my; it=it x
    {x:n} {x:ist|sind} kaputt, deshalb kann ich {it:a} nicht benutzen.
    {x:n} {x:ist|sind} kaputt, also kann ich {it:a} nicht benutzen.
    Ich kann {x:a} nicht benutzen, weil {it:n} kaputt {x:ist|sind}.
{x} was broken, but {p} has repaired {it}. | x=np device,vehicle the,our,my; it=it x; p=repairer
    {x:n} war kaputt, aber {p:n} hat {it:a} repariert.
    {x:n} war defekt, aber {p:n} hat {it:a} repariert.
How long will it take to repair {x}? | x=np device,vehicle,installed the,my
    Wie lange wird es dauern, {x:a} zu reparieren?
    Wie lange dauert die Reparatur {x:g}?
    Wie lange dauert es, {x:a} zu reparieren?
The repair of {x} will cost about {p}. | x=np device,vehicle the,my; p=price
    Die Reparatur {x:g} wird etwa {p} kosten.
    Die Reparatur {x:g} kostet ungefähr {p}.
    Die Reparatur {x:von+d} wird ungefähr {p} kosten.
{x} {x:is|are} dirty, so {it} {x:has|have} to be cleaned. | x=np clothes,kitchen-thing,driven the,your,my; it=it x
    {x:n} {x:ist|sind} schmutzig, deshalb {x:muss|müssen} {it:n} gereinigt werden.
    {x:n} {x:ist|sind} schmutzig und {x:muss|müssen} gereinigt werden.
    {x:n} {x:ist|sind} dreckig, deshalb {x:muss|müssen} {it:n} gereinigt werden.
{p} will come {t} to repair {x}. | p=repairer; t=day-future; x=np device,installed the,our
    {p:n} kommt {t}, um {x:a} zu reparieren.
    {t} kommt {p:n}, um {x:a} zu reparieren.
    {p:n} wird {t} kommen, um {x:a} zu reparieren.
{s} {s:goes|go} to bed at {t}. | s=family; t=evening-clock
    {s:n} {s:geht|gehen} um {t} ins Bett.
    {s:n} {s:geht|gehen} um {t} schlafen.
    Um {t} {s:geht|gehen} {s:n} ins Bett.
{s} {s:gets|get} up at {t} {w}. | s=family; t=morning-clock; w=habit-day
    {s:n} {s:steht|stehen} {w} um {t} auf.
    {w} {s:steht|stehen} {s:n} um {t} auf.
"""  # noqa: E501

INFINITIVES = """
I forgot to {c:inf}. | c=act I
    Ich habe vergessen, {c:zu}.
    Ich vergaß, {c:zu}.
Don't forget to {c:inf}. | c=act you
    [Vergiss|Vergesst|Vergessen Sie] nicht, {c:zu}.
    [Denk|Denkt|Denken Sie] daran, {c:zu}.
It is important to {c:inf}. | c=act one
    Es ist wichtig, {c:zu}.
I have no time to {c:inf}. | c=act I
    Ich habe keine Zeit, {c:zu}.
    Mir fehlt die Zeit, {c:zu}.
We have decided to {c:inf}. | c=act we
    Wir haben beschlossen, {c:zu}.
    Wir haben uns entschieden, {c:zu}.
{s} promised to {c:inf}. | s=family; c=act they
    {s:n} {s:hat|haben} versprochen, {c:zu}.
    {s:n} {s:versprach|versprachen}, {c:zu}.
It is time to {c:inf}. | c=act one
    Es ist Zeit, {c:zu}.
    Es wird Zeit, {c:zu}.
Is it possible to {c:inf}? | c=act one
    Ist es möglich, {c:zu}?
    Kann man {c:infinitive}?
Would you mind {c:ing}? | c=favour you
    Würde es [dir|euch|Ihnen] etwas ausmachen, {c:zu}?
    [Wärst du|Wärt ihr|Wären Sie] so nett, {c:zu}?
My boss has asked me to {c:inf}. | c=office-act I
    Mein Chef hat mich gebeten, {c:zu}.
    Meine Chefin hat mich gebeten, {c:zu}.
We plan to {c:inf}. | c=act we
    Wir haben vor, {c:zu}.
    Wir planen, {c:zu}.
I am looking forward to {c:ing}. | c=pleasure I
    Ich freue mich darauf, {c:zu}.
{s} {s:is|are} trying to {c:inf}. | s=family; c=act they
    {s:n} {s:versucht|versuchen}, {c:zu}.
    {s:n} {s:versucht|versuchen} gerade, {c:zu}.
I would rather {c:inf} than {d:inf}. | c=pleasure I; d=chore I
    Ich würde lieber {c:infinitive} als {d:infinitive}.
    Ich möchte lieber {c:infinitive} als {d:infinitive}.
Before we {c:inf}, we have to {d:inf}. | c=pleasure we; d=chore we
    Bevor {c:last}, müssen wir {d:infinitive}.
    Wir müssen {d:infinitive}, bevor {c:last}.
It is not easy to {c:inf}. | c=act one
    Es ist nicht leicht, {c:zu}.
    Es ist nicht einfach, {c:zu}.
You don't need to {c:inf}. | c=unneeded you
    [Du brauchst|Ihr braucht|Sie brauchen] {c:zu}.
    [Du musst|Ihr müsst|Sie müssen] {c:infinitive}.
Instead of {c:ing}, {s} {s:wants|want} to {d:inf}. | c=chore they; s=family; d=pleasure they
    Statt {c:zu}, {s:will|wollen} {s:n} lieber {d:infinitive}.
    Anstatt {c:zu}, {s:will|wollen} {s:n} {d:infinitive}.
"""

REPORTS = """
I think that {c}. | c=clause other past,will,can,must,want to,be
    Ich glaube, dass {c:last}.
    Ich denke, dass {c:last}.
    Ich glaube, {c:main}.
I hope that {c}. | c=clause third will,can,perfect
    Ich hoffe, dass {c:last}.
    Hoffentlich {c:after}.
    Ich hoffe, {c:main}.
I know that {c}. | c=clause third past,perfect,be,must,wanted to
    Ich weiß, dass {c:last}.
    Ich weiß, {c:main}.
{s} {s:says|say} that {c}. | s=family; c=clause other past,perfect,be,will,can
    {s:n} {s:sagt|sagen}, dass {c:last}.
    {s:n} {s:sagt|sagen}, {c:main}.
{n} told me that {c}. | n=name; c=clause other past,be,wanted to
    {n:n} hat mir erzählt, dass {c:last}.
    {n:n} hat mir gesagt, dass {c:last}.
I am sorry that {c}. | c=clause I not-past,not-could
    Es tut mir leid, dass {c:last}.
It is a pity that {c}. | c=clause other not-can,not-want to,not-past
    Es ist schade, dass {c:last}.
    Schade, dass {c:last}.
Did you know that {c}? | c=clause third past,be,habit,wanted to
    [Wusstest du|Wusstet ihr|Wussten Sie], dass {c:last}?
    [Hast du|Habt ihr|Haben Sie] gewusst, dass {c:last}?
I have heard that {c}. | c=clause third past,be,will,perfect
    Ich habe gehört, dass {c:last}.
    Ich habe gehört, {c:main}.
Do you know whether {c}? | c=clause third past,perfect,will,can,be
    [Weißt du|Wisst ihr|Wissen Sie], ob {c:last}?
    [Kannst du|Könnt ihr|Können Sie] mir sagen, ob {c:last}?
I don't know whether {c}. | c=clause third past,perfect,will,can,be
    Ich weiß nicht, ob {c:last}.
    Ich bin nicht sicher, ob {c:last}.
Can you tell me whether {c}? | c=clause third past,perfect,will,be
    [Kannst du|Könnt ihr|Können Sie] mir sagen, ob {c:last}?
    [Könntest du|Könntet ihr|Könnten Sie] mir sagen, ob {c:last}?
I wonder why {c}. | c=clause third not-past,past,not-want to
    Ich frage mich, warum {c:last}.
    Ich frage mich, wieso {c:last}.
    Ich wüsste gern, warum {c:last}.
I don't know when {c}. | c=untimed other will,can,must,past
    Ich weiß nicht, wann {c:last}.
    Keine Ahnung, wann {c:last}.
Do you know when {c}? | c=untimed other will,can,past
    [Weißt du|Wisst ihr|Wissen Sie], wann {c:last}?
    [Kannst du|Könnt ihr|Können Sie] mir sagen, wann {c:last}?
Do you know {c}? | c=who past,can,will,must
    [Weißt du|Wisst ihr|Wissen Sie], {c:last}?
I am glad that {c}. | c=clause other perfect,can,past
    Ich bin froh, dass {c:last}.
    Ich freue mich, dass {c:last}.
I am sure that {c}. | c=clause third will,perfect,past,be
    Ich bin sicher, dass {c:last}.
    Ich bin mir sicher, dass {c:last}.
"""

NAMED_TABLE = """
amenity: supermarket, pharmacy, bank, café, restaurant, petrol station, bakery, hotel, bookshop, library, swimming pool, car park, police station, bus stop, hospital, youth hostel, cinema, gym
bus-goal: station, airport, town hall, university, cathedral, market, harbour, museum, hospital, theatre, stadium, zoo, library
opens: museum, library, pharmacy, bank, supermarket, post office, restaurant, café, bookshop, department store, swimming pool, town hall, zoo, castle
rainwear: umbrella, raincoat, jacket
limb: hand, knee, foot, arm, leg, shoulder, finger
harbour: harbour
soups: soup, tomato soup, vegetable soup
breakfast: roll, egg, apple, banana, orange, pear, peach, bread
hotel-fault-runs: shower, heating, air conditioning, television, hairdryer, kettle, radio
hotel-fault: shower, heating, air conditioning, television, hairdryer, lamp, tap, lock, socket
masc-bag: suitcase, backpack, travel bag, luggage, parcel
neutral-dish: fish, chicken, soup, pizza, sausage, salad, tomato soup, vegetable soup
"""  # noqa: E501
"""Groups of nouns that only templates need."""

NAMED: dict[str, tuple[str, ...]] = {
    group: tuple(nouns.split(", "))
    for group, _, nouns in (line.partition(": ") for line in NAMED_TABLE.split("\n") if line)
}


def _templates(text: str) -> tuple[Template, ...]:
    found: list[Template] = []
    for line in filter(None, text.splitlines()):
        if line.startswith(" "):
            last = found.pop()
            found.append(last._replace(de=(*last.de, line.strip())))
        else:
            en, _, slots = line.partition(" | ")
            pairs = (slot.partition("=") for slot in slots.split("; ") if slot)
            found.append(Template(en, (), {name: kind for name, _, kind in pairs}))
    return tuple(found)


TEMPLATES: tuple[tuple[Template, ...], ...] = tuple(
    _templates(text)
    for text in (
        RESTAURANT,
        SHOPPING,
        TRAVEL,
        HOTEL,
        DOCTOR,
        PHONE,
        WEATHER,
        OFFICE,
        HOME,
        INFINITIVES,
        REPORTS,
    )
)
"""The set phrases by situation."""
