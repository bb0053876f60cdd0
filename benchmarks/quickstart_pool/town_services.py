"""Service dialogues about an evening or an afternoon in town: food, films, hair, sport and museums."""

from __future__ import annotations

from quickstart_pool.services import CITIES, DAYS, EVENINGS, STREETS, TIMES, Service

_GUESTS = ("two", "three", "four", "five", "six", "eight")

TOWN = (
    Service(
        "table booking",
        {
            "food": ("Italian", "Indian", "Mexican", "Thai", "Greek", "vegetarian", "Japanese"),
            "guests": _GUESTS,
            "day": DAYS,
            "time": EVENINGS,
        },
        {
            "place": (
                "Casa Verde",
                "The Copper Pot",
                "Little Saffron",
                "Olive and Thyme",
                "The Blue Door",
                "Nonna's Table",
                "Lotus Garden",
            ),
            "price": ("cheap", "moderately priced", "rather expensive"),
            "street": STREETS,
        },
        (
            "I want to eat {food} food with friends on {day}.",
            "Can you reserve a table for {guests} on {day}?",
            "I'm hungry. Is there a good {food} restaurant with a table for {guests}?",
            "Please find a {food} place for {guests} on {day} at {time}.",
            "We'd like to go out for dinner on {day} at {time}.",
            "My parents are visiting on {day} and love {food} food. Can you find a table at {time}?",
        ),
        {
            "food": (
                "What kind of food would you like?",
                "Do you have a cuisine in mind?",
                "What do you feel like eating?",
            ),
            "guests": (
                "How many of you will there be?",
                "For how many people is the table?",
                "How many seats do you need?",
            ),
            "day": ("On which day?", "What day are you thinking of?"),
            "time": ("At what time?", "What time would you like to eat?", "When should the table be ready?"),
        },
        {
            "food": ("I'd like something {food}.", "{food} food, please.", "We all like {food} dishes."),
            "guests": ("There will be {guests} of us.", "A table for {guests}.", "We are {guests}."),
            "day": ("On {day}.", "It should be on {day}."),
            "time": ("At {time}.", "Make it {time}.", "We would come at {time}."),
        },
        (
            "{place} is a {price} {food} restaurant at {street}. They have a table for {guests} on {day} at {time}. "
            "Shall I reserve it?",
            "How about {place}? It serves {food} food, is {price}, and can seat {guests} at {time} on {day}. Should "
            "I book?",
            "I found {place}, a {food} restaurant. A table for {guests} is free on {day} at {time}. Would you like it?",
        ),
        (
            ("Do they have live music?", "There is a pianist on most evenings. Shall I reserve the table?"),
            ("What is the address?", "{place} is at {street}. Would you like me to reserve the table?"),
            ("Is it expensive?", "No worries, guests call it {price}. Do you want the table?"),
            ("Can we sit outside?", "They have a terrace, and I can ask for a table there. Shall I do that?"),
        ),
        (
            "Your table for {guests} at {place} is reserved for {time} on {day}. Enjoy your meal!",
            "The reservation is made. If you are late, please call {place} at {phone}.",
            "Done: {place}, {street}, {day}, {time}, {guests} guests.",
        ),
        "Name the restaurant and the price range before you reserve.",
    ),
    Service(
        "film ticket",
        {
            "film": (
                "The Last Lighthouse",
                "Two Suitcases",
                "A Winter in Lorne",
                "The Clockmaker",
                "Robots Never Sleep",
                "Paper Boats",
            ),
            "day": DAYS,
            "seats": _GUESTS[:5],
        },
        {
            "time": EVENINGS,
            "place": ("the Rialto", "the Moon Palace", "Cinema Four", "the Old Lantern"),
            "price": ("9 dollars", "11 dollars", "13 dollars"),
        },
        (
            "I'd like to see {film}.",
            "Which cinema shows {film} on {day}?",
            "Can I get {seats} seats for {film}?",
            "Please book {seats} cinema tickets for {film} on {day}.",
            "My friends want to watch a film on {day}, and we need {seats} seats.",
        ),
        {
            "film": ("Which film would you like to see?", "What do you want to watch?"),
            "day": ("On what day do you want to go?", "Which day would you prefer?"),
            "seats": ("How many seats do you need?", "How many tickets should I get?"),
        },
        {
            "film": ("We want to see {film}.", "{film}, if it is still on."),
            "day": ("On {day}.", "We can all come on {day}."),
            "seats": ("We need {seats} seats.", "{seats} tickets, please."),
        },
        (
            "{film} is on at {place} on {day} at {time}. A seat costs {price}. Shall I get {seats} of them?",
            "{place} shows {film} at {time} on {day}. With {seats} seats at {price} each, should I book?",
        ),
        (
            ("How long is the film?", "It runs for almost two hours without a break. Shall I get the tickets?"),
            ("Is it suitable for children?", "Yes, from the age of eight. Do you want the seats?"),
            ("Can we sit in the back row?", "There are {seats} seats together in the back row. Shall I take those?"),
        ),
        (
            "The {seats} tickets for {film} are waiting at the counter of {place} under the number {code}.",
            "You have {seats} seats for {film} at {time}. Please come a quarter of an hour early.",
        ),
        "Read the title and the time back before you sell a ticket.",
    ),
    Service(
        "salon appointment",
        {"what": ("a haircut", "a colouring", "a wash and cut", "a trim", "a perm"), "day": DAYS, "time": TIMES},
        {
            "place": ("Salon Iris", "The Cutting Room", "Curl Up", "Studio Nine"),
            "price": ("25 dollars", "38 dollars", "52 dollars", "70 dollars"),
            "street": STREETS,
        },
        (
            "I need {what}.",
            "Can I get an appointment for {what} on {day}?",
            "I'd like {what} at {time}, please.",
            "Do you know a good salon? I want {what} on {day} at {time}.",
            "My hair is far too long. Is anything free on {day}?",
        ),
        {
            "what": ("What would you like to have done?", "What is the appointment for?"),
            "day": ("On which day would you like to come?", "What day suits you?"),
            "time": ("What time would be good?", "At what time?", "Do you prefer a certain time?"),
        },
        {
            "what": ("I'd like {what}.", "It's for {what}."),
            "day": ("On {day}.", "Could I come on {day}?"),
            "time": ("At {time}.", "{time} would be perfect.", "Some time around {time}."),
        },
        (
            "{place} has a free chair on {day} at {time}. They charge {price} for {what}. Shall I make the "
            "appointment?",
            "You could have {what} at {place}, {street}, at {time} on {day} for {price}. Is that OK?",
        ),
        (
            ("Where is that?", "{place} is at {street}. Do you want the appointment?"),
            ("How are they rated?", "Customers give them four and a half stars out of five. Shall I book?"),
            ("How long will it take?", "For {what} they plan an hour. Should I confirm it?"),
        ),
        (
            "Your appointment at {place} is on {day} at {time}.",
            "I have booked {what} with {staff}. The salon's phone number is {phone}.",
            "Confirmed. {place} expects you at {time}; the price is {price}.",
        ),
        "Say the price before an appointment is made.",
    ),
    Service(
        "sports course",
        {
            "course": ("yoga", "swimming", "climbing", "fencing", "rowing", "table tennis"),
            "level": ("a beginner", "fairly experienced", "advanced"),
            "day": DAYS[:7],
        },
        {"time": EVENINGS, "price": ("8 dollars", "12 dollars", "15 dollars", "20 dollars"), "city": CITIES},
        (
            "I want to join a {course} course.",
            "Do you offer {course} on {day}?",
            "I am {level} and would like to try {course}.",
            "Is there a {course} class on {day} for somebody who is {level}?",
        ),
        {
            "course": ("Which sport are you interested in?",),
            "level": ("How much experience do you have?", "What is your level?"),
            "day": ("On which day of the week?", "Which day would you be free?"),
        },
        {
            "course": ("{course}.",),
            "level": ("I'm {level}.", "I would say that I am {level}."),
            "day": ("On {day}.", "I'm free every {day}.", "{day} is best for me."),
        },
        (
            "Our {course} course on {day} starts at {time} and costs {price} per lesson. It fits people who are "
            "{level} or so. Shall I sign you up?",
            "There is one place left in the {course} class on {day} at {time}. A lesson is {price}. As you are "
            "{level}, it should suit you. Do you want it?",
        ),
        (
            ("What do I have to bring?", "Sports clothes and a towel are enough. Shall I put you on the list?"),
            ("Can I try it once for free?", "Yes, the first lesson costs nothing. Should I sign you up?"),
            ("Who teaches it?", "The teacher is {staff}, who has been with us for years. Would you like to join?"),
        ),
        (
            "You are on the list for {course} on {day} at {time}. Please bring the number {code} to the first lesson.",
            "Welcome to the club! The {course} course meets on {day} at {time}.",
        ),
        "The first lesson of every course is free.",
    ),
    Service(
        "museum ticket",
        {
            "place": (
                "the Science Museum",
                "the Museum of Ships",
                "the Clock Museum",
                "the Sculpture Hall",
                "the Natural History Museum",
            ),
            "day": DAYS,
            "group": ("a school class", "a family of four", "two adults", "a group of ten", "one adult"),
        },
        {
            "time": TIMES,
            "price": ("6 dollars", "10 dollars", "14 dollars"),
            "language": ("English", "French", "Spanish"),
        },
        (
            "I would like to visit {place} with {group}.",
            "Do we need tickets for {place}?",
            "Please book a tour of {place} on {day}.",
            "Is {place} open on {day}? We would be {group}.",
        ),
        {
            "place": ("Which museum would you like to visit?",),
            "day": ("When would you like to go?", "On what day will you come?"),
            "group": ("Who will be coming?", "How large is your group?", "For whom are the tickets?"),
        },
        {
            "place": ("{place}.",),
            "day": ("On {day}.", "We were thinking of {day}."),
            "group": ("We are {group}.", "It's for {group}."),
        },
        (
            "{place} is open on {day}. There is a tour at {time}, and a ticket costs {price}. Shall I book it for "
            "{group}?",
            "On {day} at {time} a guide is free at {place}. Entry is {price} a head. Do you want it for {group}?",
        ),
        (
            ("In what language is the tour?", "The tour at {time} is given in {language}. Shall I book it?"),
            ("Are we allowed to take photos?", "Yes, but without a flash. Would you like the tickets?"),
            ("Is there a lift?", "Every floor of {place} can be reached by lift. Should I book?"),
        ),
        (
            "The tour for {group} is booked for {time} on {day}. Your tickets have the number {code}.",
            "Done. Please meet the guide at the main entrance of {place} at {time}.",
        ),
        "Tell visitors when the next tour starts.",
    ),
)
