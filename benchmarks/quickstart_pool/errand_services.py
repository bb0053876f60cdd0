"""Service dialogues about errands: borrowing a book, renting a car, waiting for a parcel, finding a flat."""

from __future__ import annotations

from quickstart_pool.services import CITIES, DAYS, STREETS, TIMES, Service

_PRICES = tuple(f"{price} dollars" for price in (18, 24, 31, 46, 57, 68, 79))


ERRANDS = (
    Service(
        "car rental",
        {
            "city": CITIES,
            "day": DAYS,
            "length": ("two days", "three days", "a weekend", "a week", "ten days"),
            "car": ("small car", "van", "family car", "convertible"),
        },
        {"price": _PRICES, "time": TIMES, "street": STREETS},
        (
            "I'd like to rent a {car} in {city}.",
            "I need a car in {city} from {day} for {length}.",
            "Do you have a {car} that I could rent for {length} from {day}? I will be in {city}.",
            "We are moving house in {city} on {day} and want to hire a {car}.",
        ),
        {
            "city": ("In which city?",),
            "day": ("From what day do you need it?", "When will you pick it up?"),
            "length": ("For how long?", "How long do you want to keep it?", "For how many days would that be?"),
            "car": ("What type of car would you like?", "How big should it be?", "Which kind of car do you want?"),
        },
        {
            "city": ("In {city}.",),
            "day": ("From {day}.", "I want to pick it up on {day}."),
            "length": ("For {length}.", "I need it for {length}.", "{length} should be enough."),
            "car": ("A {car}, please.", "A {car} would be best.", "I was thinking of a {car}."),
        },
        (
            "We have a {car} in {city} from {day} for {length} at {price} a day. Would you like to reserve it?",
            "A {car} for {length} is {price} per day. You can collect it at {street} in {city} on {day}. Shall I "
            "reserve it?",
            "From {day} I can offer you a {car} for {length}. It costs {price} a day and waits at {street}, {city}. "
            "Is that fine?",
        ),
        (
            (
                "Is insurance part of the price?",
                "Basic insurance is included. Full cover is nine dollars a day more. Shall I reserve the {car}?",
            ),
            ("When does the office open?", "You can collect the {car} from {time} on. Should I reserve it?"),
            ("May my wife drive it as well?", "Yes, a second driver is free of charge. Do you want me to book?"),
        ),
        (
            "The {car} is reserved. Please bring your driving licence to {street} on {day}.",
            "Your reservation for {length} from {day} is confirmed. The number is {code}.",
            "It's yours from {time} on {day}. If you are late, call {phone}.",
        ),
        "Remind the customer to bring a driving licence.",
    ),
    Service(
        "library",
        {
            "book": (
                "The Salt Road",
                "Birds of the Northern Coast",
                "Cooking for Crowds",
                "A History of Bridges",
                "The Glass Garden",
                "First Steps in Chess",
            ),
            "branch": CITIES[:6],
            "card": ("4417", "2086", "9531", "7702", "3358"),
        },
        {"day": DAYS, "weeks": ("two weeks", "three weeks", "four weeks"), "shelf": ("A12", "C3", "F27", "K9")},
        (
            "Do you have the book {book}?",
            "I would like to borrow {book} from the branch in {branch}.",
            "Could you reserve {book} for me? My card number is {card}.",
            "I'm looking for {book}. My library card is {card} and I live near the {branch} branch.",
        ),
        {
            "book": ("Which book are you looking for?",),
            "branch": ("At which branch would you like to collect it?", "Which of our branches is nearest to you?"),
            "card": ("What is the number of your library card?", "Could you tell me your card number?"),
        },
        {
            "book": ("It is called {book}.",),
            "branch": ("The {branch} branch, please.", "I can come to {branch}."),
            "card": ("My card number is {card}.", "It's {card}."),
        },
        (
            "{book} is in the {branch} branch, shelf {shelf}. I can keep it on card {card} until {day}. Shall I?",
            "One copy of {book} comes back on {day}. Should I reserve it in {branch} for card {card}?",
        ),
        (
            ("How long can I keep it?", "You can keep it for {weeks}. Do you want me to reserve it?"),
            ("Does a reservation cost anything?", "No, reservations are free for members. Shall I make one?"),
            ("Is there a large-print copy?", "Not of this title, I'm afraid. Would you still like the normal one?"),
        ),
        (
            "{book} is reserved on card {card}. You can collect it in {branch} until {day}.",
            "Done. Please ask for the number {code} at the desk in {branch}.",
        ),
        "A reservation needs the number of a library card.",
    ),
    Service(
        "parcel",
        {"parcel": ("TR1180", "TR2946", "TR3307", "TR4058", "TR5521", "TR6893"), "street": STREETS, "day": DAYS},
        {
            "place": ("the depot in Kelby", "the sorting centre", "the post office in Marlow"),
            "slot": ("between 8 and 10 am", "between 1 and 3 pm", "after 6 pm"),
            "weight": ("2 kg", "5 kg", "11 kg"),
        },
        (
            "Where is my parcel {parcel}?",
            "I missed a delivery. The number of the parcel is {parcel}, and I live at {street}.",
            "Please bring parcel {parcel} on {day}.",
            "Could you send my package to {street} instead? I'm only at home on {day}.",
        ),
        {
            "parcel": ("What is the number of the parcel?", "Could you read me the tracking number?"),
            "street": ("To which address should we bring it?", "What is your address?"),
            "day": ("On which day will somebody be at home?", "When should we try again?"),
        },
        {
            "parcel": ("The number is {parcel}.", "It says {parcel}."),
            "street": ("To {street}.", "I live at {street}."),
            "day": ("On {day}.", "Somebody is here on {day}.", "Try {day}, please."),
        },
        (
            "Parcel {parcel} is in {place}. We can bring it to {street} on {day} {slot}. Would that be all right?",
            "I see it: {parcel}, {weight}, now in {place}. Shall we deliver it to {street} on {day} {slot}?",
        ),
        (
            ("Can I fetch it myself?", "Yes, at {place}, with your passport. Or shall we bring it on {day}?"),
            ("How heavy is it?", "It weighs {weight}. Should we bring it as planned?"),
            (
                "May the driver leave it with a neighbour?",
                "Yes, if you tell us the name later. Shall I plan the delivery?",
            ),
        ),
        (
            "The driver will come to {street} on {day} {slot}.",
            "The new delivery is planned. Please quote {code} if you call us about {parcel}.",
        ),
        "Ask for the tracking number first.",
    ),
    Service(
        "flat finding",
        {
            "rooms": ("one bedroom", "two bedrooms", "three bedrooms"),
            "city": CITIES,
            "rent": tuple(f"{rent} dollars" for rent in (700, 850, 1000, 1250, 1500)),
        },
        {
            "day": DAYS,
            "time": TIMES,
            "street": STREETS,
            "floor": ("ground floor", "second floor", "fourth floor"),
            "bus": ("three", "five", "eight"),
        },
        (
            "I'm looking for a flat with {rooms} in {city}.",
            "I want to rent an apartment in {city} for at most {rent} a month.",
            "We need a new home with {rooms}.",
            "Are there any flats with {rooms} in {city} below {rent}?",
        ),
        {
            "rooms": ("How many bedrooms do you need?", "How large should it be?"),
            "city": ("In which city?", "What area are you looking in?"),
            "rent": ("How much rent can you pay?", "What is the highest rent you would pay?"),
        },
        {
            "rooms": ("With {rooms}.", "I would like {rooms}."),
            "city": ("In {city}.", "It should be in {city}."),
            "rent": ("Not more than {rent} a month.", "I can pay {rent}.", "Up to {rent}."),
        },
        (
            "There is a flat with {rooms} at {street} in {city}, {floor}, just under {rent}. Would you like to see "
            "it on {day} at {time}?",
            "I found a place in {city} with {rooms} for a bit less than {rent}. It is on the {floor} at {street}. "
            "Shall I arrange a visit on {day} at {time}?",
        ),
        (
            ("Is it close to a bus stop?", "Yes, the bus stops {bus} minutes away. Would you like to visit it?"),
            ("Are pets allowed?", "The owner allows cats but no dogs. Shall I arrange the visit?"),
            ("Is it furnished?", "Only the kitchen is. Do you want to have a look?"),
        ),
        (
            "The visit is arranged: {street}, {day}, {time}. The agent is {staff}.",
            "Done. You will meet {staff} in front of the house on {day} at {time}. Call {phone} if you are late.",
        ),
        "Never promise a flat before it has been visited.",
    ),
)
