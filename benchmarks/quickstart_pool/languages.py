"""Sentences in German, French and Spanish for responses that come in the wrong language.

They fit the kind of the prompt, so that nothing but the language is out of place at first sight. Those of dialogues are
in three groups: for the assistant's first turn, for those in between, and for the last.
"""

from __future__ import annotations

SENTENCES: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "German": {
        "arithmetic": (
            (
                "Zuerst multiplizieren wir die beiden Zahlen miteinander.",
                "Danach ziehen wir ab, was nicht mehr da ist.",
                "Am Ende teilen wir den Rest durch die Anzahl der Personen.",
                "Man sieht, dass die Rechnung aufgeht.",
                "Die Summe ergibt sich aus beiden Teilen.",
                "Das Ergebnis findet man Schritt für Schritt.",
                "Wir rechnen zuerst den Preis für ein Stück aus.",
                "Damit ist die Aufgabe gelöst.",
            ),
        ),
        "function": (
            (
                "Die Funktion durchläuft die Liste und prüft jedes Element.",
                "Am Anfang wird eine leere Liste angelegt.",
                "Falls die Eingabe leer ist, geben wir sofort einen Standardwert zurück.",
                "Das Ergebnis wird am Ende zurückgegeben.",
                "Man könnte dieselbe Aufgabe auch mit einer Schleife lösen.",
                "Bitte achten Sie auf die Einrückung der Zeilen.",
                "Der Name der Variablen spielt dabei keine Rolle.",
                "Zum Schluss sollte man das Programm mit einigen Beispielen testen.",
            ),
        ),
        "dialogue": (
            (
                "Guten Tag, wie kann ich Ihnen helfen?",
                "Gern, für welchen Tag soll ich das eintragen?",
                "Für wie viele Personen möchten Sie buchen?",
                "Natürlich. Um wie viel Uhr passt es Ihnen am besten?",
                "In welcher Stadt soll ich suchen?",
            ),
            (
                "Ich habe etwas Passendes gefunden. Soll ich es reservieren?",
                "Der Preis liegt bei etwa vierzig Euro. Ist das in Ordnung?",
                "Leider ist um diese Zeit nichts mehr frei, aber eine Stunde später schon.",
                "Ja, das ist im Preis enthalten. Möchten Sie buchen?",
            ),
            (
                "Ihre Buchung ist bestätigt. Einen schönen Tag noch!",
                "Alles erledigt, Sie bekommen gleich eine Nachricht mit der Nummer.",
                "Vielen Dank für Ihren Anruf und bis bald.",
                "Gern geschehen. Wir freuen uns auf Ihren Besuch.",
            ),
        ),
        "instruction": (
            (
                "Das ist eine gute Frage, auf die es mehrere Antworten gibt.",
                "Zunächst sollte man alles Nötige bereitlegen.",
                "Viele Menschen machen dabei denselben Fehler.",
                "Im Frühling geht es meistens leichter als im Winter.",
                "Wer genug Zeit hat, kann auch einen anderen Weg wählen.",
                "Am wichtigsten ist, dass man Geduld hat.",
                "Kurz gesagt hängt es davon ab, was man erreichen möchte.",
                "Ich hoffe, dass Ihnen diese Hinweise helfen.",
            ),
        ),
    },
    "French": {
        "arithmetic": (
            (
                "On multiplie d'abord les deux nombres.",
                "Ensuite, on enlève ce qui a été perdu.",
                "Il faut diviser le reste en parts égales.",
                "La somme des deux parties donne le total.",
                "On vérifie facilement que le résultat est juste.",
                "Le prix d'une seule pièce se calcule en premier.",
                "Voilà comment on arrive à la réponse.",
                "Il ne reste plus qu'à compter les jours.",
            ),
        ),
        "function": (
            (
                "La fonction parcourt la liste et examine chaque élément.",
                "On commence par créer une liste vide.",
                "Si la chaîne est vide, on renvoie tout de suite une valeur par défaut.",
                "Le résultat est renvoyé à la dernière ligne.",
                "On pourrait aussi écrire une boucle plus simple.",
                "Il faut faire attention à l'indentation.",
                "Le nom des variables n'a pas d'importance ici.",
                "Il est conseillé de tester le programme avec quelques exemples.",
            ),
        ),
        "dialogue": (
            (
                "Bonjour, comment puis-je vous aider ?",
                "Bien sûr. Pour quel jour souhaitez-vous réserver ?",
                "Pour combien de personnes, s'il vous plaît ?",
                "À quelle heure voulez-vous venir ?",
                "Dans quelle ville dois-je chercher ?",
            ),
            (
                "J'ai trouvé quelque chose qui vous conviendra. Voulez-vous que je le réserve ?",
                "Le prix est d'environ quarante euros. Cela vous va ?",
                "Malheureusement, tout est complet à cette heure-là.",
                "Oui, c'est compris dans le prix. Je confirme ?",
            ),
            (
                "Votre réservation est confirmée. Bonne journée !",
                "C'est fait, vous recevrez un message avec le numéro.",
                "Merci de votre appel et à bientôt.",
                "Je vous en prie. Nous vous attendons avec plaisir.",
            ),
        ),
        "instruction": (
            (
                "C'est une bonne question, et il y a plusieurs réponses possibles.",
                "Il faut d'abord préparer tout ce dont on a besoin.",
                "Beaucoup de gens font la même erreur au début.",
                "Au printemps, c'est souvent plus facile qu'en hiver.",
                "Si vous avez le temps, vous pouvez choisir un autre chemin.",
                "Le plus important est de rester patient.",
                "En un mot, tout dépend de ce que vous voulez faire.",
                "J'espère que ces conseils vous seront utiles.",
            ),
        ),
    },
    "Spanish": {
        "arithmetic": (
            (
                "Primero multiplicamos los dos números.",
                "Después restamos lo que se ha perdido.",
                "El resto se reparte en partes iguales.",
                "La suma de las dos partes da el total.",
                "Es fácil comprobar que el resultado es correcto.",
                "Hay que calcular antes el precio de una sola pieza.",
                "De esta manera llegamos a la respuesta.",
                "Solo falta contar los días que quedan.",
            ),
        ),
        "function": (
            (
                "La función recorre la lista y comprueba cada elemento.",
                "Al principio se crea una lista vacía.",
                "Si el texto está vacío, se devuelve enseguida un valor por defecto.",
                "El resultado se devuelve en la última línea.",
                "También se podría escribir con un bucle más sencillo.",
                "Hay que tener cuidado con la sangría de las líneas.",
                "El nombre de las variables no tiene importancia.",
                "Conviene probar el programa con algunos ejemplos.",
            ),
        ),
        "dialogue": (
            (
                "Buenos días, ¿en qué puedo ayudarle?",
                "Claro que sí. ¿Para qué día quiere la reserva?",
                "¿Para cuántas personas sería?",
                "¿A qué hora le viene bien?",
                "¿En qué ciudad debo buscar?",
            ),
            (
                "He encontrado algo que le puede gustar. ¿Quiere que lo reserve?",
                "El precio es de unos cuarenta euros. ¿Le parece bien?",
                "Lo siento, a esa hora ya no queda nada libre.",
                "Sí, está incluido en el precio. ¿Lo confirmo?",
            ),
            (
                "Su reserva está confirmada. ¡Que tenga un buen día!",
                "Ya está, recibirá un mensaje con el número.",
                "Gracias por llamar y hasta pronto.",
                "De nada. Le esperamos con mucho gusto.",
            ),
        ),
        "instruction": (
            (
                "Es una buena pregunta y hay varias respuestas posibles.",
                "Primero hay que preparar todo lo necesario.",
                "Mucha gente comete el mismo error al principio.",
                "En primavera suele ser más fácil que en invierno.",
                "Si tiene tiempo, puede elegir otro camino.",
                "Lo más importante es tener paciencia.",
                "En pocas palabras, depende de lo que uno quiera conseguir.",
                "Espero que estos consejos le sirvan de ayuda.",
            ),
        ),
    },
}
