"""Service dialogues about things that have to be taken care of: health, money, cars and pets."""

from __future__ import annotations

from quickstart_pool.services import CITIES, DAYS, STREETS, TIMES, Service

_AMOUNTS = tuple(f"{amount} dollars" for amount in (40, 75, 120, 250, 310, 480, 600, 950))

CARE = (
    Service(
        "medical appointment",
        {
            "doctor": ("dentist", "dermatologist", "optician", "family doctor", "physiotherapist"),
            "city": CITIES,
            "day": DAYS,
        },
        {
            "time": TIMES,
            "street": STREETS,
            "new": ("yes, new patients are welcome", "yes, but new patients should come ten minutes early"),
        },
        (
            "I need an appointment with a {doctor}.",
            "Can you find a {doctor} in {city}?",
            "My back hurts, and I would like to see a {doctor} on {day}.",
            "Is there a {doctor} in {city} with something free on {day}?",
            "I just moved to {city} and need a {doctor}.",
        ),
        {
            "doctor": ("What kind of doctor do you need?",),
            "city": ("In which city should I look?", "Where do you live?", "In what area?"),
            "day": ("On what day would you like to come?", "Which day is best for you?"),
        },
        {
            "doctor": ("A {doctor}.",),
            "city": ("In {city}.", "I live in {city}.", "Somewhere in {city}, please."),
            "day": ("On {day}, if possible.", "{day} would be good.", "I can come on {day}."),
        },
        (
            "{staff} is a {doctor} in {city} and can see you on {day} at {time}. Shall I make the appointment?",
            "There is a {doctor} at {street} in {city}, {staff}. The first free appointment on {day} is at {time}. "
            "Do you want it?",
        ),
        (
            ("Do they take new patients?", "I asked, and {new}. Should I book it?"),
            ("What is the address?", "The practice is at {street} in {city}. Would you like the appointment?"),
            ("What is the phone number there?", "The number is {phone}. Shall I make the appointment?"),
        ),
        (
            "Your appointment with {staff} is on {day} at {time}. Please bring your insurance card.",
            "It is booked. If you cannot come, please call {phone} a day before.",
            "Done. The {doctor} at {street} expects you at {time} on {day}.",
        ),
        "Never give medical advice; only arrange appointments.",
    ),
    Service(
        "banking",
        {
            "amount": _AMOUNTS,
            "account": ("checking", "savings"),
            "payee": ("my landlord", "the electricity company", "my brother", "the tennis club", "the school"),
        },
        {
            "balance": ("1,240 dollars", "2,815 dollars", "3,060 dollars", "5,372 dollars"),
            "days": ("one working day", "two working days"),
            "fee": ("no fee", "a fee of one dollar"),
        },
        (
            "I want to transfer {amount}.",
            "Please send {amount} to {payee}.",
            "I have to pay {payee} from my {account} account.",
            "Could you move {amount} from my {account} account to {payee}?",
            "I need to make a payment to {payee} today.",
        ),
        {
            "amount": ("How much would you like to send?", "What is the amount?"),
            "account": ("From your checking or your savings account?", "Which account should I use?"),
            "payee": ("Who is it for?", "To whom should the money go?"),
        },
        {
            "amount": ("It's {amount}.", "Please make it {amount}.", "{amount} in all."),
            "account": ("Use the {account} account.", "From {account}, please."),
            "payee": ("It is for {payee}.", "The money goes to {payee}."),
        },
        (
            "I will send {amount} from your {account} account to the payee you named, with {fee}. Is that correct?",
            "So {amount} leave your {account} account today, with {fee}. Please confirm.",
            "Please confirm the transfer: {amount} from {account}, {fee}.",
        ),
        (
            (
                "How much money is in that account?",
                "Your {account} account holds {balance}. Do you want to go on with the {amount}?",
            ),
            ("When will it arrive?", "It takes {days}. Shall I send the {amount} now?"),
            ("Does it cost anything?", "There is {fee} for this kind of transfer. Should I go on?"),
        ),
        (
            "The transfer of {amount} is on its way. The reference is {code}.",
            "Done. You will see the {amount} on your next {account} statement.",
            "The money has been sent and should arrive within {days}.",
        ),
        "Repeat the amount and the account before any transfer.",
    ),
    Service(
        "car repair",
        {
            "fault": (
                "a flat tyre",
                "a broken headlight",
                "squeaking brakes",
                "a weak battery",
                "a strange noise in the engine",
            ),
            "car": ("a blue hatchback", "a delivery van", "an old estate car", "a scooter"),
            "day": DAYS,
        },
        {"time": TIMES, "price": _AMOUNTS[:5], "length": ("an hour", "half a day", "a whole day")},
        (
            "My car has {fault}.",
            "I drive {car}, and it has {fault}.",
            "Can somebody look at my car on {day}? It has {fault}.",
            "I need a mechanic for {car} on {day}.",
        ),
        {
            "fault": ("What is wrong with it?", "What is the matter with the vehicle?"),
            "car": ("What kind of vehicle is it?", "What do you drive?"),
            "day": ("When could you bring it in?", "On which day would you like to come?"),
        },
        {
            "fault": ("It has {fault}.", "The trouble is {fault}."),
            "car": ("It's {car}.", "I drive {car}."),
            "day": ("I could come on {day}.", "On {day}."),
        },
        (
            "For {fault} on {car} we need about {length}, and it costs around {price}. Can you be here on {day} at "
            "{time}?",
            "We have a mechanic free on {day} at {time}. Repairing {fault} on {car} usually costs {price}. Shall I "
            "put you down?",
        ),
        (
            (
                "Can I wait while you do it?",
                "It takes {length}, and there is a waiting room with coffee. Shall I write it down?",
            ),
            (
                "Do I get another car meanwhile?",
                "We lend out bicycles for free and cars for 20 dollars. Should I book the repair?",
            ),
            (
                "Can I still drive it until then?",
                "Please drive slowly and only short distances. Do you want the appointment?",
            ),
        ),
        (
            "You have an appointment on {day} at {time}. Ask for {staff}, please.",
            "It is noted: {car}, {fault}, {day}. The job number is {code}.",
        ),
        "Give an estimate of the price before a repair is planned.",
    ),
    Service(
        "veterinary",
        {
            "pet": ("cat", "dog", "rabbit", "parrot", "hamster"),
            "trouble": ("does not eat", "is limping", "needs a vaccination", "keeps scratching", "coughs at night"),
            "day": DAYS,
        },
        {"time": TIMES, "price": _AMOUNTS[:4], "street": STREETS},
        (
            "My {pet} {trouble}.",
            "I'd like to bring my {pet} in on {day}.",
            "Can a vet see my {pet}? It {trouble}.",
            "Do you have time for a {pet} that {trouble}? I could come on {day}.",
        ),
        {
            "pet": ("What animal is it?",),
            "trouble": ("What seems to be the problem?", "Why do you want to bring it in?"),
            "day": ("When could you come?", "Which day would suit you?"),
        },
        {
            "pet": ("It's a {pet}.",),
            "trouble": ("It {trouble}.", "Well, it {trouble}."),
            "day": ("I can come on {day}.", "Is {day} possible?", "On {day}."),
        },
        (
            "{staff} can see a {pet} that {trouble} on {day} at {time}. The visit costs about {price}. Shall I book "
            "it?",
            "If your {pet} {trouble}, it should be seen. There is time on {day} at {time}, for around {price}. Is "
            "that fine?",
        ),
        (
            ("Should I bring anything?", "Please bring its papers and a blanket. Shall I write you down?"),
            ("Where are you exactly?", "The practice is at {street}. Do you want the appointment?"),
            ("Could the vet come to my house?", "Only in an emergency, I'm sorry. Would you like to come on {day}?"),
        ),
        (
            "We expect you and your {pet} on {day} at {time}.",
            "The visit is booked with {staff}. Call {phone} if it gets worse before {day}.",
        ),
        "If an animal is in danger, name the emergency number.",
    ),
)
