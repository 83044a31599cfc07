"""Names that are written alike in the languages of Europe."""

_KINDS = """
Alexandra Alice Amanda Amelia Amy Andrea Angela Anita Anja Anna Anne Annika Antonia Astrid Barbara Beate
Bella Bettina Bianca Birgit Brenda Brigitte Carla Carmen Carol Caroline Cecilia Charlotte Chloe Christina
Christine Clara Claire Claudia Cornelia Daniela Deborah Diana Doris Edith Elena Elif Elisa Elisabeth
Elizabeth Ella Ellen Elke Elsa Emily Emma Erika Esther Eva Fatima Fiona Franziska Gabriele Gisela Greta
Hanna Hannah Heidi Heike Helen Helena Helga Ida Ines Inge Ingrid Irene Iris Isabel Isabella Jana Jane
Janet Jasmin Jennifer Jessica Joanna Johanna Judith Julia Julie Karin Karla Kate Katharina Katherine
Kathrin Katja Kerstin Kim Lara Laura Lea Lena Leonie Lily Linda Lisa Louise Lucy Luisa Lydia Magdalena
Maja Manuela Margaret Maria Marie Marion Marlene Martha Martina Mary Maya Melanie Mia Michelle Mila
Miriam Monika Nadine Nancy Natalie Natasha Nicole Nina Nora Olga Olivia Pamela Patricia Paula Petra
Rachel Rebecca Regina Renate Rita Ruth Sabine Samantha Sandra Sara Sarah Silke Silvia Simone Sofia Sonja
Sophia Sophie Stella Stephanie Susan Susanne Svenja Tanja Teresa Theresa Tina Ulrike Ursula Valentina
Vanessa Vera Veronika Victoria Wendy Yasmin Yuki Zoe

Aaron Adam Adrian Ahmed Albert Alex Alexander Ali Andreas Andrew Anthony Anton Arthur Ben Benjamin Bernd
Bob Brian Bruno Carl Carlos Charles Charlie Chris Christian Christopher Daniel David Dennis Dieter Dirk
Dominik Edward Emil Eric Erik Ethan Felix Ferdinand Finn Florian Franz Frederik Fritz Gabriel Gary George
Georg Gerd Gerhard Gregor Günter Hans Harald Harry Hassan Heinrich Heinz Helmut Henry Herbert Hugo Ian
Ivan Jack Jacob Jakob James Jan Jason Jens Jeremy Jim Jimmy Joachim Joe Johannes John Jonas Jonathan
Josef Joseph Joshua Juan Jürgen Justin Kai Karl Ken Kevin Klaus Kurt Lars Leo Leon Leonard Liam Louis
Luca Lucas Ludwig Luis Lukas Manfred Manuel Marcel Marco Marcus Mario Markus Martin Matteo Matthew
Matthias Max Mehmet Michael Michel Mike Mohammed Moritz Nathan Nick Nico Niklas Noah Norbert Oliver Oscar
Oskar Otto Pablo Pascal Patrick Paul Pedro Peter Philip Philipp Pierre Rainer Ralf Ralph Richard Robert
Robin Roger Roland Roman Rudolf Ryan Sam Samuel Sascha Scott Sebastian Sergej Simon Stefan Stephan
Stephen Steve Steven Sven Ted Theo Thomas Thorsten Tim Timothy Tobias Tom Tommy Tony Udo Ulrich Uwe
Victor Viktor Vincent Walter Werner William Wolfgang

Aachen Aberdeen Adelaide Amsterdam Augsburg Barcelona Basel Belfast Berlin Bern Birmingham Bochum Bonn
Bordeaux Boston Bremen Brighton Bristol Budapest Cambridge Chicago Chile Dallas Darmstadt Denver Detroit
Dortmund Dresden Dublin Duisburg Düsseldorf Edinburgh Erfurt Florida Frankfurt Freiburg Ghana Glasgow
Graz Hamburg Hannover Heidelberg Helsinki Houston Innsbruck Istanbul Japan Jena Kansas Karlsruhe Kassel
Kiel Koblenz Kyoto Leeds Leipzig Lima Linz Liverpool London Lübeck Lyon Madrid Magdeburg Mainz Malta
Manchester Mannheim Marseille Melbourne Miami Montreal Nepal Oslo Osaka Oxford Palermo Paris Perth Peru
Porto Portugal Potsdam Regensburg Riga Rostock Rotterdam Salzburg Seattle Seoul Sheffield Stockholm
Stuttgart Sydney Taiwan Texas Tokyo Toronto Toulouse Trier Ulm Utrecht Valencia Vancouver Vietnam Weimar
Wiesbaden Würzburg York Zagreb Zürich

Adams Anderson Andersen Baker Bauer Becker Bergmann Brown Campbell Carter Clark Cooper Davis Evans
Fischer Fuchs Garcia Graham Hansen Harris Hartmann Hoffmann Huber Hughes Jackson Johansson Johnson Jones
Keller Kelly Kennedy Koch Kowalski Krause Larsen Lehmann Lewis Lopez Martinez Meyer Miller Mitchell Moore
Morgan Müller Murphy Murray Nelson Neumann Nguyen Novak Parker Patel Phillips Powell Rossi Schmidt
Schneider Schröder Schulz Silva Smith Sokolov Stewart Suzuki Tanaka Taylor Thompson Wagner Walker Watson
Weber Williams Wilson Winkler Wright Yamada Yamamoto Yilmaz Zimmermann
"""

NAMES = tuple(tuple(kind.split()) for kind in _KINDS.split("\n\n"))
"""Of women, of men, of places and of families: what takes the place of one is of the same kind."""
