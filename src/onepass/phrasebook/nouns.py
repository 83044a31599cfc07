"""The nouns, one a line, in groups that share kinds.

A line is English singular | English plural | German words | more kinds than the group's. German is
`article singular/plural`, alternatives after a comma; `-` is a form that does not exist and a final `*`
marks a weak masculine (der Kollege, den Kollegen). A place goes on with English at | English to | German at
| German to.
"""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.meaning import GermanNoun, Noun

NOUN_TABLE = """
[food edible bought]
bread | - | das Brot/- | cuttable baked
roll | rolls | das Brötchen/Brötchen, die Semmel/Semmeln | baked dish
cheese | - | der Käse/- | cuttable
ham | - | der Schinken/- | cuttable
egg | eggs | das Ei/Eier | cookable counted
apple | apples | der Apfel/Äpfel | fruit counted cuttable
pear | pears | die Birne/Birnen | fruit counted cuttable
orange | oranges | die Orange/Orangen, die Apfelsine/Apfelsinen | fruit counted
banana | bananas | die Banane/Bananen | fruit counted
lemon | lemons | die Zitrone/Zitronen | counted cuttable
strawberry | strawberries | die Erdbeere/Erdbeeren | fruit many
cherry | cherries | die Kirsche/Kirschen | fruit many
plum | plums | die Pflaume/Pflaumen | fruit many
peach | peaches | der Pfirsich/Pfirsiche | fruit counted
potato | potatoes | die Kartoffel/Kartoffeln | vegetable cookable many cuttable
tomato | tomatoes | die Tomate/Tomaten | vegetable counted many cuttable
carrot | carrots | die Karotte/Karotten, die Möhre/Möhren | vegetable cookable many cuttable
onion | onions | die Zwiebel/Zwiebeln | vegetable counted many cuttable
cucumber | cucumbers | die Gurke/Gurken | vegetable counted cuttable
mushroom | mushrooms | der Pilz/Pilze | vegetable cookable many cuttable
bean | beans | die Bohne/Bohnen | vegetable cookable many
salad | salads | der Salat/Salate | dish
cake | cakes | der Kuchen/Kuchen | cuttable baked sweet
apple cake | apple cakes | der Apfelkuchen/Apfelkuchen | cuttable baked dish sweet
chocolate cake | chocolate cakes | der Schokoladenkuchen/Schokoladenkuchen | cuttable baked sweet
rice | - | der Reis/- | cookable
noodle | noodles | die Nudel/Nudeln | cookable many dish
fish | - | der Fisch/- | cookable dish
meat | - | das Fleisch/- | cuttable
chicken | - | das Hähnchen/- | dish
sausage | sausages | die Wurst/Würste | dish counted cuttable
pizza | pizzas | die Pizza/Pizzen | dish cuttable baked
sandwich | sandwiches | das Sandwich/Sandwiches | dish counted
chocolate | - | die Schokolade/- | sweet
biscuit | biscuits | der Keks/Kekse | baked many sweet

[food bought]
butter | - | die Butter/-
sugar | - | der Zucker/-
salt | - | das Salz/-
honey | - | der Honig/- | sweet
jam | - | die Marmelade/- | sweet

[dish edible cooked]
soup | soups | die Suppe/Suppen
tomato soup | tomato soups | die Tomatensuppe/Tomatensuppen
vegetable soup | vegetable soups | die Gemüsesuppe/Gemüsesuppen

[meal cooked]
lunch | - | das Mittagessen/-
dinner | - | das Abendessen/-

[drink bought]
water | - | das Wasser/- | cold-drink
mineral water | - | das Mineralwasser/- | cold-drink
milk | - | die Milch/- | cold-drink
coffee | - | der Kaffee/- | hot-drink
tea | - | der Tee/- | hot-drink
green tea | - | der Grüntee/- | hot-drink
cocoa | - | der Kakao/- | hot-drink
orange juice | - | der Orangensaft/- | cold-drink
apple juice | - | der Apfelsaft/- | cold-drink
beer | - | das Bier/- | cold-drink
red wine | - | der Rotwein/- | wine
white wine | - | der Weißwein/- | cold-drink wine
lemonade | - | die Limonade/- | cold-drink

[clothes bought lost lies]
jacket | jackets | die Jacke/Jacken | hangs
leather jacket | leather jackets | die Lederjacke/Lederjacken | hangs
coat | coats | der Mantel/Mäntel | hangs
winter coat | winter coats | der Wintermantel/Wintermäntel | hangs
raincoat | raincoats | der Regenmantel/Regenmäntel | hangs
shirt | shirts | das Hemd/Hemden | ironed
T-shirt | T-shirts | das T-Shirt/T-Shirts | ironed
blouse | blouses | die Bluse/Blusen | ironed
dress | dresses | das Kleid/Kleider | ironed hangs
skirt | skirts | der Rock/Röcke | ironed
sweater | sweaters | der Pullover/Pullover, der Pulli/Pullis
hat | hats | der Hut/Hüte | hangs
cap | caps | die Mütze/Mützen
scarf | scarves | der Schal/Schals
belt | belts | der Gürtel/Gürtel
suit | suits | der Anzug/Anzüge | hangs
swimsuit | swimsuits | der Badeanzug/Badeanzüge
tie | ties | die Krawatte/Krawatten
- | trousers | die Hose/- | ironed
- | jeans | die Jeans/-
- | shoes | der -/Schuhe | footwear
- | boots | der -/Stiefel | footwear
- | sandals | die -/Sandalen | footwear
- | gloves | der -/Handschuhe
- | socks | die -/Socken

[device bought repaired]
washing machine | washing machines | die Waschmaschine/Waschmaschinen | runs kitchen-thing
dishwasher | dishwashers | die Spülmaschine/Spülmaschinen, der Geschirrspüler/Geschirrspüler | runs kitchen-thing
fridge | fridges | der Kühlschrank/Kühlschränke | kitchen-thing
oven | ovens | der Backofen/Backöfen, der Ofen/Öfen | runs kitchen-thing
computer | computers | der Computer/Computer, der Rechner/Rechner | runs office-thing
laptop | laptops | der Laptop/Laptops | runs chargeable portable office-thing
printer | printers | der Drucker/Drucker | runs office-thing
copier | copiers | der Kopierer/Kopierer | runs office-thing
mobile phone | mobile phones | das Handy/Handys, das Mobiltelefon/Mobiltelefone | runs chargeable portable
television | televisions | der Fernseher/Fernseher | runs
radio | radios | das Radio/Radios | runs
camera | cameras | die Kamera/Kameras | chargeable portable
vacuum cleaner | vacuum cleaners | der Staubsauger/Staubsauger
coffee machine | coffee machines | die Kaffeemaschine/Kaffeemaschinen | runs kitchen-thing
iron | irons | das Bügeleisen/Bügeleisen | runs
hairdryer | hairdryers | der Föhn/Föhne, der Haartrockner/Haartrockner
alarm clock | alarm clocks | der Wecker/Wecker
lamp | lamps | die Lampe/Lampen | runs hung
desk lamp | desk lamps | die Schreibtischlampe/Schreibtischlampen | runs office-thing
kettle | kettles | der Wasserkocher/Wasserkocher | runs kitchen-thing
toaster | toasters | der Toaster/Toaster | kitchen-thing
microwave | microwaves | die Mikrowelle/Mikrowellen | runs kitchen-thing
screen | screens | der Bildschirm/Bildschirme, der Monitor/Monitore | runs office-thing
keyboard | keyboards | die Tastatur/Tastaturen | office-thing

[installed repaired]
heating | - | die Heizung/- | runs hotel-fault
air conditioning | - | die Klimaanlage/- | runs hotel-fault
lift | - | der Aufzug/-, der Fahrstuhl/- | hotel-fault
shower | - | die Dusche/- | hotel-fault washable
doorbell | - | die Klingel/-
tap | - | der Wasserhahn/- | hotel-fault
lock | - | das Schloss/- | hotel-fault
socket | - | die Steckdose/- | hotel-fault

[vehicle repaired washable]
car | cars | das Auto/Autos, der Wagen/Wagen | driven locked
bicycle | bicycles | das Fahrrad/Fahrräder, das Rad/Räder | locked
motorbike | motorbikes | das Motorrad/Motorräder | driven
delivery van | delivery vans | der Lieferwagen/Lieferwagen | driven locked
caravan | caravans | der Wohnwagen/Wohnwagen | locked

[transport]
bus | - | der Bus/- | on-road
train | - | der Zug/- | on-rail
night train | - | der Nachtzug/- | on-rail
tram | - | die Straßenbahn/- | on-road
underground | - | die U-Bahn/-
ferry | - | die Fähre/-

[furniture bought heavy stands]
table | tables | der Tisch/Tische | surface
kitchen table | kitchen tables | der Küchentisch/Küchentische | surface
chair | chairs | der Stuhl/Stühle | surface
sofa | sofas | das Sofa/Sofas, die Couch/Couchs | surface
bed | beds | das Bett/Betten | surface assembled
wardrobe | wardrobes | der Kleiderschrank/Kleiderschränke | container assembled
cupboard | cupboards | der Schrank/Schränke | container assembled
shelf | shelves | das Regal/Regale | assembled
bookcase | bookcases | das Bücherregal/Bücherregale | assembled
desk | desks | der Schreibtisch/Schreibtische | surface assembled
armchair | armchairs | der Sessel/Sessel | surface
chest of drawers | chests of drawers | die Kommode/Kommoden | surface assembled

[home bought]
mirror | mirrors | der Spiegel/Spiegel | hung washable
picture | pictures | das Bild/Bilder | hung
calendar | calendars | der Kalender/Kalender | hung
carpet | carpets | der Teppich/Teppiche
mattress | mattresses | die Matratze/Matratzen
pillow | pillows | das Kissen/Kissen | lies hotel-need
blanket | blankets | die Decke/Decken | lies hotel-need
towel | towels | das Handtuch/Handtücher | lies hotel-need
vase | vases | die Vase/Vasen | stands

[carried]
key | keys | der Schlüssel/Schlüssel | lies lost tiny
house key | house keys | der Hausschlüssel/Hausschlüssel | lies lost tiny
car key | car keys | der Autoschlüssel/Autoschlüssel | lies lost tiny
room key | room keys | der Zimmerschlüssel/Zimmerschlüssel | lies lost tiny
wallet | wallets | die Brieftasche/Brieftaschen, der Geldbeutel/Geldbeutel, das Portemonnaie/Portemonnaies | lies lost tiny bought
passport | passports | der Reisepass/Reisepässe, der Pass/Pässe | lies lost tiny shown
train ticket | train tickets | die Fahrkarte/Fahrkarten, das Zugticket/Zugtickets | lies lost tiny shown bought
credit card | credit cards | die Kreditkarte/Kreditkarten | lies lost tiny
identity card | identity cards | der Personalausweis/Personalausweise, der Ausweis/Ausweise | lies lost tiny shown
umbrella | umbrellas | der Regenschirm/Regenschirme, der Schirm/Schirme | lies lost bought portable
- | glasses | die Brille/- | lies lost tiny
- | sunglasses | die Sonnenbrille/- | lies lost tiny bought
watch | watches | die Armbanduhr/Armbanduhren, die Uhr/Uhren | lies lost tiny bought
handbag | handbags | die Handtasche/Handtaschen | lies stands lost bought bag
backpack | backpacks | der Rucksack/Rucksäcke | lies lost bought bag packed
suitcase | suitcases | der Koffer/Koffer | stands lost bought bag packed heavy
travel bag | travel bags | die Reisetasche/Reisetaschen | stands lost bought bag packed heavy
ring | rings | der Ring/Ringe | lies lost tiny bought
toothbrush | toothbrushes | die Zahnbürste/Zahnbürsten | lies bought tiny
charger | chargers | das Ladegerät/Ladegeräte | lies bought tiny
torch | torches | die Taschenlampe/Taschenlampen | lies bought tiny portable tool
parcel | parcels | das Paket/Pakete | lies sent heavy delivered
box | boxes | die Kiste/Kisten | stands heavy

[read leisure-read]
book | books | das Buch/Bücher | lies bought long-read lent
cookbook | cookbooks | das Kochbuch/Kochbücher | lies bought lent
guidebook | guidebooks | der Reiseführer/Reiseführer | lies bought lent
dictionary | dictionaries | das Wörterbuch/Wörterbücher | lies bought lent
newspaper | newspapers | die Zeitung/Zeitungen | lies bought
magazine | magazines | die Zeitschrift/Zeitschriften | lies bought lent
timetable | timetables | der Fahrplan/Fahrpläne | shown

[stationery bought]
pen | pens | der Kugelschreiber/Kugelschreiber, der Stift/Stifte | lies lost tiny lent
pencil | pencils | der Bleistift/Bleistifte | lies lost tiny lent
notebook | notebooks | das Notizbuch/Notizbücher | lies lost tiny
map | maps | die Landkarte/Landkarten | lies lent shown
city map | city maps | der Stadtplan/Stadtpläne | lies lent shown
stamp | stamps | die Briefmarke/Briefmarken | many
envelope | envelopes | der Briefumschlag/Briefumschläge, der Umschlag/Umschläge | many lies
- | scissors | die Schere/- | lies lent
battery | batteries | die Batterie/Batterien | many
postcard | postcards | die Postkarte/Postkarten, die Ansichtskarte/Ansichtskarten | many lies sent

[tableware]
bottle | bottles | die Flasche/Flaschen | stands opened
cup | cups | die Tasse/Tassen | stands
glass | glasses | das Glas/Gläser | stands
wine glass | wine glasses | das Weinglas/Weingläser | stands
plate | plates | der Teller/Teller | stands
bowl | bowls | die Schüssel/Schüsseln | stands
knife | knives | das Messer/Messer | lies
fork | forks | die Gabel/Gabeln | lies
spoon | spoons | der Löffel/Löffel | lies
pan | pans | die Pfanne/Pfannen | stands
pot | pots | der Topf/Töpfe | stands

[document read]
letter | letters | der Brief/Briefe | lies written sent answered opened
email | emails | die E-Mail/E-Mails, die Mail/Mails | written sent answered
message | messages | die Nachricht/Nachrichten | written sent answered
contract | contracts | der Vertrag/Verträge | lies signed checked
rental contract | rental contracts | der Mietvertrag/Mietverträge | lies signed checked
invoice | invoices | die Rechnung/Rechnungen | lies paid checked sent
report | reports | der Bericht/Berichte | lies written checked sent discussed
form | forms | das Formular/Formulare | lies signed filled sent
application | applications | die Bewerbung/Bewerbungen | written sent checked
offer | offers | das Angebot/Angebote | checked sent discussed
shopping list | shopping lists | die Einkaufsliste/Einkaufslisten, der Einkaufszettel/Einkaufszettel | lies written
recipe | recipes | das Rezept/Rezepte | sent recipe
receipt | receipts | die Quittung/Quittungen | lies signed

[tool bought lent]
hammer | hammers | der Hammer/Hämmer | lies
screwdriver | screwdrivers | der Schraubenzieher/Schraubenzieher, der Schraubendreher/Schraubendreher | lies
ladder | ladders | die Leiter/Leitern
saw | saws | die Säge/Sägen | lies
drill | drills | die Bohrmaschine/Bohrmaschinen | lies
brush | brushes | der Pinsel/Pinsel | lies
bucket | buckets | der Eimer/Eimer | stands
rope | ropes | das Seil/Seile | lies
toolbox | toolboxes | der Werkzeugkasten/Werkzeugkästen | stands

[part bought replaced]
light bulb | light bulbs | die Glühbirne/Glühbirnen
tyre | tyres | der Reifen/Reifen | checked
brake | brakes | die Bremse/Bremsen | checked
filter | filters | der Filter/Filter | checked

[event]
meeting | meetings | die Besprechung/Besprechungen, die Sitzung/Sitzungen | planned work-event long
appointment | appointments | der Termin/Termine | planned
concert | concerts | das Konzert/Konzerte | shown-event long
film | films | der Film/Filme | shown-event watched long
football match | football matches | das Fußballspiel/Fußballspiele | shown-event watched
party | parties | die Party/Partys, die Feier/Feiern | planned home-event
birthday party | birthday parties | die Geburtstagsfeier/Geburtstagsfeiern, die Geburtstagsparty/Geburtstagspartys | planned home-event
German course | German courses | der Deutschkurs/Deutschkurse | shown-event
exhibition | exhibitions | die Ausstellung/Ausstellungen | visited
guided tour | guided tours | die Führung/Führungen | shown-event long
lecture | lectures | der Vortrag/Vorträge | shown-event work-event long
job interview | job interviews | das Vorstellungsgespräch/Vorstellungsgespräche | planned work-event
wedding | weddings | die Hochzeit/Hochzeiten | home-event
training course | training courses | die Schulung/Schulungen | work-event shown-event

[built]
window | windows | das Fenster/Fenster | opened washable shut
door | doors | die Tür/Türen | opened painted locked shut
front door | - | die Haustür/- | opened painted locked shut
balcony door | - | die Balkontür/- | opened shut
wall | walls | die Wand/Wände | painted
fence | fences | der Zaun/Zäune | painted
ceiling | - | die Decke/- | painted

[booking]
single room | single rooms | das Einzelzimmer/Einzelzimmer | lodging
double room | double rooms | das Doppelzimmer/Doppelzimmer | lodging
hotel room | hotel rooms | das Hotelzimmer/Hotelzimmer | lodging
holiday flat | holiday flats | die Ferienwohnung/Ferienwohnungen | lodging
flight | flights | der Flug/Flüge
window seat | window seats | der Fensterplatz/Fensterplätze

[plant bought]
flower | flowers | die Blume/Blumen | present
plant | plants | die Pflanze/Pflanzen | present
rose | roses | die Rose/Rosen | present
tree | trees | der Baum/Bäume

[animal]
dog | dogs | der Hund/Hunde
cat | cats | die Katze/Katzen
rabbit | rabbits | das Kaninchen/Kaninchen
horse | horses | das Pferd/Pferde

[body]
head | - | der Kopf/-
back | - | der Rücken/-
stomach | - | der Bauch/-
throat | - | der Hals/-
knee | - | das Knie/-
foot | - | der Fuß/-
hand | - | die Hand/-
arm | - | der Arm/-
leg | - | das Bein/-
shoulder | - | die Schulter/-
finger | - | der Finger/-
ear | - | das Ohr/-

[present bought]
present | presents | das Geschenk/Geschenke | opened
bunch of flowers | bunches of flowers | der Blumenstrauß/Blumensträuße
football | footballs | der Fußball/Fußbälle
toy | toys | das Spielzeug/-
box of chocolates | boxes of chocolates | die Schachtel Pralinen/Schachteln Pralinen
gift voucher | gift vouchers | der Geschenkgutschein/Geschenkgutscheine

[person]
colleague | colleagues | der Kollege/Kollegen*, die Kollegin/Kolleginnen | mine work
friend | friends | der Freund/Freunde, die Freundin/Freundinnen | mine
neighbour | neighbours | der Nachbar/Nachbarn*, die Nachbarin/Nachbarinnen | mine
boss | - | der Chef/Chefs, die Chefin/Chefinnen | mine work
doctor | doctors | der Arzt/Ärzte, die Ärztin/Ärztinnen | expert
dentist | dentists | der Zahnarzt/Zahnärzte, die Zahnärztin/Zahnärztinnen | expert
teacher | teachers | der Lehrer/Lehrer, die Lehrerin/Lehrerinnen | mine
waiter | waiters | der Kellner/Kellner | staff
receptionist | - | die Empfangsdame/-, der Rezeptionist/Rezeptionisten* | staff
shop assistant | shop assistants | der Verkäufer/Verkäufer, die Verkäuferin/Verkäuferinnen | staff
customer | customers | der Kunde/Kunden*, die Kundin/Kundinnen | work client
guest | guests | der Gast/Gäste | client
landlord | - | der Vermieter/Vermieter | mine
plumber | - | der Klempner/Klempner, der Installateur/Installateure | repairer
electrician | - | der Elektriker/Elektriker | repairer
mechanic | - | der Mechaniker/Mechaniker | repairer
caretaker | - | der Hausmeister/Hausmeister | repairer

[family person mine]
father | - | der Vater/-
mother | - | die Mutter/-
brother | brothers | der Bruder/Brüder
sister | sisters | die Schwester/Schwestern
son | sons | der Sohn/Söhne | young
daughter | daughters | die Tochter/Töchter | young
uncle | - | der Onkel/-
aunt | - | die Tante/-
grandfather | - | der Großvater/-, der Opa/-
grandmother | - | die Großmutter/-, die Oma/-
- | parents | die -/Eltern
- | grandparents | die -/Großeltern
- | children | das -/Kinder | young
cousin | cousins | der Cousin/Cousins, die Cousine/Cousinen
husband | - | der Mann/-, der Ehemann/-
wife | - | die Frau/-, die Ehefrau/-

[mass]
luggage | - | das Gepäck/- | heavy luggage
furniture | - | die -/Möbel | heavy
laundry | - | die Wäsche/- | wash

[place]
kitchen | - | die Küche/- | room cosy home-kitchen | in | to | in+d | in+a
bathroom | - | das Badezimmer/-, das Bad/- | room | in | to | in+d | in+a
bedroom | - | das Schlafzimmer/- | room cosy bed-place | in | to | in+d | in+a
living room | - | das Wohnzimmer/- | room cosy | in | to | in+d | in+a
dining room | - | das Esszimmer/- | room cosy | in | to | in+d | in+a
children's room | - | das Kinderzimmer/- | room cosy bed-place | in | to | in+d | in+a
cellar | - | der Keller/- | room store | in | to | in+d | in+a
attic | - | der Dachboden/- | store | in | to | auf+d | auf+a
garage | - | die Garage/- | store parking | in | to | in+d | in+a
hall | - | der Flur/- | store | in | to | in+d | in+a
garden | - | der Garten/- | outside leisure | in | to | in+d | in+a
balcony | - | der Balkon/- | outside | on | to | auf+d | auf+a
terrace | - | die Terrasse/- | outside | on | to | auf+d | auf+a
office | - | das Büro/- | workplace paperwork goal | in | to | in+d | in+a
meeting room | - | der Besprechungsraum/- | workplace paperwork | in | to | in+d | in+a
canteen | - | die Kantine/- | workplace eatery | in | to | in+d | in+a
station | - | der Bahnhof/- | goal city meet | at | to | an+d | zu+d
airport | - | der Flughafen/- | goal city meet | at | to | an+d | zu+d
bus stop | - | die Bushaltestelle/-, die Haltestelle/- | goal city meet | at | to | an+d | zu+d
hotel | - | das Hotel/- | goal city meet lodging-place bed-place | at | to | in+d | zu+d
youth hostel | - | die Jugendherberge/- | goal city lodging-place bed-place | at | to | in+d | zu+d
restaurant | - | das Restaurant/- | goal city eatery meet | at | to | in+d | in+a
café | - | das Café/- | goal city eatery meet | at | to | in+d | in+a
supermarket | - | der Supermarkt/- | goal city shop grocery | at | to | in+d | in+a, zu+d
market | - | der Markt/- | goal city shop grocery | at | to | auf+d | auf+a, zu+d
bakery | - | die Bäckerei/- | goal city | at | to | in+d | in+a, zu+d
department store | - | das Kaufhaus/- | goal city shop fashion | in | to | in+d | in+a, zu+d
shopping centre | - | das Einkaufszentrum/- | goal city shop fashion | in | to | in+d | in+a, zu+d
bookshop | - | die Buchhandlung/-, der Buchladen/- | goal city bookish | in | to | in+d | in+a, zu+d
pharmacy | - | die Apotheke/- | goal city | at | to | in+d | in+a, zu+d
bank | - | die Bank/- | goal city | at | to | bei+d, auf+d | zu+d
post office | - | die Post/- | goal city | at | to | bei+d, auf+d | zu+d
library | - | die Bibliothek/-, die Bücherei/- | goal city reading bookish | in | to | in+d | in+a, zu+d
museum | - | das Museum/- | goal city sight meet | at | to | in+d | in+a, zu+d
cinema | - | das Kino/- | goal city meet | at | to | in+d | in+a, zu+d
theatre | - | das Theater/- | goal city meet | at | to | in+d | in+a, zu+d
university | - | die Universität/-, die Uni/- | goal city meet | at | to | an+d | zu+d
hospital | - | das Krankenhaus/- | goal city | at | to | in+d | in+a
park | - | der Park/- | goal city walk reading meet leisure | in | to | in+d | in+a, zu+d
zoo | - | der Zoo/- | goal city walk | in | to | in+d | in+a
swimming pool | - | das Schwimmbad/- | goal city swim | at | to | in+d | in+a
lake | - | der See/- | goal walk leisure | by | to | an+d | an+a, zu+d
beach | - | der Strand/- | goal walk leisure reading | on | to | an+d | an+a, zu+d
town hall | - | das Rathaus/- | goal city sight meet | at | to | an+d | zu+d
castle | - | das Schloss/-, die Burg/- | sight goal | at | to | an+d, bei+d | zu+d
cathedral | - | der Dom/- | sight goal city meet | at | to | an+d | zu+d
old town | - | die Altstadt/- | sight walk | in | to | in+d | in+a
city centre | - | die Innenstadt/-, das Stadtzentrum/- | goal walk | in | to | in+d | in+a
stadium | - | das Stadion/- | goal city | at | to | in+d | in+a, zu+d
gym | - | das Fitnessstudio/- | goal city | at | to | in+d | in+a
petrol station | - | die Tankstelle/- | goal city | at | to | an+d | zu+d
car park | - | der Parkplatz/- | goal city parking | in | to | auf+d | auf+a, zu+d
repair shop | - | die Werkstatt/- | goal workshop | at | to | in+d | in+a, zu+d
police station | - | die Polizeiwache/-, das Polizeirevier/- | goal city | at | to | auf+d | zu+d
embassy | - | die Botschaft/- | goal city | at | to | in+d | zu+d
harbour | - | der Hafen/- | goal walk | at | to | an+d | zu+d
school | - | die Schule/- | goal city | at | to | in+d | in+a, zu+d
kindergarten | - | der Kindergarten/- | goal city | at | to | in+d | in+a, zu+d
"""  # noqa: E501


def _german(words: str) -> tuple[GermanNoun, ...]:
    """Parse `der Apfel/Äpfel, die ...`."""
    found = []
    for word in words.split(", "):
        article, _, forms = word.partition(" ")
        singular, plural = forms.rstrip("*").split("/")
        gender = {"der": "m", "die": "f", "das": "n"}[article]
        if singular == "-":
            gender, singular = "p", ""
        found.append(GermanNoun(gender, singular, plural.replace("-", "", plural == "-"), word.endswith("*")))
    return tuple(found)


def _noun(line: str, kinds: str) -> Noun:
    en, en_plural, de, *rest = (cell.strip() for cell in line.split(" | "))
    more, at, to, at_de, to_de = (*rest, "", "", "", "", "")[:5]
    return Noun(
        en="" if en == "-" else en,
        en_plural="" if en_plural == "-" else en_plural,
        de=_german(de),
        kinds=frozenset(f"{kinds} {more}".split()),
        at=at,
        to=to,
        at_de=tuple(at_de.split(", ")),
        to_de=tuple(to_de.split(", ")),
    )


def _nouns() -> tuple[Noun, ...]:
    found, kinds = [], ""
    for line in filter(None, NOUN_TABLE.splitlines()):
        if line.startswith("["):
            kinds = line.strip("[]")
        else:
            found.append(_noun(line, kinds))
    return tuple(found)


NOUNS: tuple[Noun, ...] = _nouns()


@cache
def nouns_of(kinds: str) -> tuple[Noun, ...]:
    """Return the nouns that belong to any of the kinds named."""
    wanted = set(kinds.split())
    found = tuple(noun for noun in NOUNS if noun.kinds & wanted)
    if not found:
        raise ValueError(f"no noun of kind {kinds!r}")
    return found


@cache
def noun(en: str) -> Noun:
    """Return the noun with this English singular or plural."""
    return next(noun for noun in NOUNS if en in (noun.en, noun.en_plural))
