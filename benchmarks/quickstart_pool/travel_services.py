"""Service dialogues about travelling: taxis, trains, hotels, flights and coaches."""

from __future__ import annotations

from quickstart_pool.services import CITIES, DAYS, STREETS, TIMES, Service

_PEOPLE = ("one person", "two people", "three people", "four people", "five people")
_PRICES = tuple(f"{price} dollars" for price in (18, 24, 31, 46, 57, 68, 79, 95, 120, 145))

TRAVEL = (
    Service(
        "taxi",
        {
            "start": STREETS,
            "goal": ("the airport", "the central station", "the opera", "the hospital", "the stadium", "the zoo"),
            "time": TIMES,
        },
        {
            "kind": ("regular", "large", "electric", "shared"),
            "price": _PRICES[:5],
            "minutes": ("five", "ten", "twelve", "twenty"),
        },
        (
            "I need a taxi from {start} to {goal}.",
            "Can you send a cab to {start}?",
            "I would like to be picked up at {time} and taken to {goal}.",
            "Please get me a ride to {goal}.",
            "I have to be at {goal} soon and have no car. I'm at {start}.",
            "Could I order a taxi for {time} at {start}, going to {goal}?",
        ),
        {
            "start": (
                "Where should the driver pick you up?",
                "What is the address for the pick-up?",
                "Where are you now?",
            ),
            "goal": ("Where would you like to go?", "What is your destination?", "And where to?"),
            "time": ("When do you need it?", "At what time should the car be there?", "For when is it?"),
        },
        {
            "start": ("I'm at {start}.", "Please come to {start}.", "From {start}."),
            "goal": ("I want to go to {goal}.", "To {goal}, please.", "Just take me to {goal}."),
            "time": ("At {time}.", "I have to leave at {time}.", "Around {time} would be good."),
        },
        (
            "I can send a {kind} car from {start} to {goal} at {time}. It costs about {price}. Shall I book it?",
            "A {kind} cab at {time} from {start} to {goal} would be {price}. Is that all right?",
            "There is a {kind} taxi free at {time}. The ride from {start} to {goal} comes to {price}. Do you want it?",
        ),
        (
            (
                "How long will the ride take?",
                "At that time of day it takes about {minutes} minutes. Would you like me to book it?",
            ),
            ("Can I pay by card?", "Yes, every driver takes cards and cash. Shall I send the car?"),
            ("Is there room for a large suitcase?", "A {kind} car has room for two suitcases. Shall I go ahead?"),
        ),
        (
            "Your taxi will be at {start} at {time}. The booking number is {code}.",
            "It is booked. The driver will call you from {phone} on arrival at {start}.",
            "Done. A {kind} car takes you to {goal} at {time}; please have the number {code} ready.",
        ),
        "Always confirm the address before a ride is booked.",
    ),
    Service(
        "train ticket",
        {"start": CITIES, "goal": CITIES, "day": DAYS},
        {
            "time": TIMES,
            "price": _PRICES[:6],
            "changes": ("no changes", "one change", "two changes"),
            "platform": ("2", "5", "7", "11"),
        },
        (
            "I want to take a train from {start} to {goal}.",
            "When does the train to {goal} leave on {day}?",
            "I'd like a train ticket to {goal}, please.",
            "Are there any trains from {start} to {goal} on {day}?",
            "Could you find me a train that goes from {start} to {goal} on {day}?",
            "I have to travel to {goal} on {day} and would rather not drive.",
        ),
        {
            "start": ("Where do you want to start from?", "From which station do you leave?", "Where will you get on?"),
            "goal": ("Where are you going?", "What is your destination?"),
            "day": ("On what day do you want to travel?", "When will you be travelling?", "Which day suits you?"),
        },
        {
            "start": ("I leave from {start}.", "From {start}, please.", "I'm starting in {start}."),
            "goal": ("To {goal}.",),
            "day": ("On {day}.", "I would like to go on {day}.", "It has to be {day}."),
        },
        (
            "There is a train from {start} to {goal} on {day} at {time} with {changes}. A ticket costs {price}. "
            "Would you like one?",
            "On {day} a train leaves {start} at {time} and goes to {goal} with {changes} for {price}. Shall I "
            "reserve a seat?",
            "I found one at {time} on {day}. It goes from {start} to {goal}, has {changes} and costs {price}. Do you "
            "want to book?",
        ),
        (
            ("Which platform does it leave from?", "It usually leaves from platform {platform}. Should I book a seat?"),
            (
                "Can I take my bicycle with me?",
                "Yes, bicycles are allowed in the last carriage. Would you like the ticket?",
            ),
            (
                "Is there anything to eat on board?",
                "There is a small café in the middle of the train. Shall I book the ticket?",
            ),
            (
                "Does it have {changes}, did you say?",
                "Exactly, {changes} on the way to {goal}. Do you want me to book it?",
            ),
        ),
        (
            "Your seat on the {time} train to {goal} is reserved. The ticket number is {code}.",
            "Done. Please be at platform {platform} in {start} ten minutes before {time}.",
            "I have booked the train from {start} to {goal} on {day}. Show the code {code} on your phone.",
        ),
        "Give the time, the price and the number of changes before you book.",
    ),
    Service(
        "hotel booking",
        {
            "city": CITIES,
            "day": DAYS,
            "nights": ("one night", "two nights", "three nights", "five nights", "a week"),
            "guests": _PEOPLE[:4],
        },
        {
            "place": (
                "the Grand Linden",
                "the Harbour Inn",
                "the Old Mill Hotel",
                "the Park House",
                "the Golden Goose",
                "the Bellevue",
            ),
            "price": _PRICES[3:],
            "stars": ("two", "three", "four"),
        },
        (
            "I'm looking for a hotel in {city} for {guests}.",
            "I need a room in {city} from {day} for {nights}.",
            "Can you book me a hotel room for {nights}? I arrive in {city} on {day}.",
            "We are coming to {city} on {day} and need a place to stay for {guests}.",
            "Find me somewhere to sleep in {city}, please: {guests}, {nights}, from {day}.",
        ),
        {
            "city": ("In which city?",),
            "day": ("When will you arrive?", "What is the day of your arrival?", "From which day on?"),
            "nights": ("How long do you want to stay?", "For how many nights?", "How long will you be there?"),
            "guests": ("How many guests will there be?", "For how many people?", "Who is coming along?"),
        },
        {
            "city": ("In {city}.",),
            "day": ("I arrive on {day}.", "From {day} on.", "On {day}, in the afternoon."),
            "nights": ("For {nights}.", "I want to stay {nights}.", "Make it {nights}."),
            "guests": ("A room for {guests}.", "We need space for {guests}.", "It is for {guests}."),
        },
        (
            "I recommend {place} in {city}. It has {stars} stars and a room for {guests} from {day} for {nights} at "
            "{price} a night. Shall I book it?",
            "In {city} there is {place}, a hotel with {stars} stars, at {price} per night. It is free from {day} for "
            "{nights}. Do you want a room for {guests}?",
            "{place} has a room for {guests}. You would pay {price} a night for {nights} from {day}. Would that be "
            "all right?",
        ),
        (
            (
                "Is breakfast included?",
                "Yes, breakfast is served from seven to ten and is part of the price. Should I reserve the room?",
            ),
            ("Do they allow pets?", "Small dogs are welcome at {place}. Shall I make the reservation?"),
            ("Is there a place to park?", "They have a free car park behind the house. Would you like the room?"),
            ("What is their phone number?", "You can reach {place} at {phone}. Shall I book a room for you?"),
        ),
        (
            "Your room at {place} is booked for {nights} from {day}. The reservation number is {code}.",
            "It is reserved. {place} expects you on {day}, and check-in starts at three in the afternoon.",
            "All set: {place}, {city}, {guests}, {nights}. You can cancel with the code {code} until the day before.",
        ),
        "Say the price per night before you reserve a room.",
    ),
    Service(
        "flight booking",
        {"start": CITIES, "goal": CITIES, "day": DAYS, "seats": ("one ticket", "two tickets", "three tickets")},
        {
            "time": TIMES,
            "airline": ("Kestrel Air", "Sunline", "Northern Wings", "Albatross"),
            "price": _PRICES[4:],
            "bags": ("one bag", "two bags"),
        },
        (
            "I want to fly from {start} to {goal} on {day}.",
            "Find me a flight to {goal}, please, {seats} from {start}.",
            "I need {seats} for a plane from {start} to {goal}.",
            "Is there a flight from {start} to {goal} on {day}? I need {seats}.",
            "My sister gets married in {goal} on {day}. Can you get me there from {start}?",
        ),
        {
            "start": ("Where do you fly from?",),
            "goal": ("Where do you want to go?",),
            "day": ("On which day?", "When do you want to leave?", "What day are you flying?"),
            "seats": ("How many tickets do you need?", "For how many passengers?", "How many seats should I look for?"),
        },
        {
            "start": ("From {start}.",),
            "goal": ("To {goal}.",),
            "day": ("On {day}, please.", "I want to leave on {day}.", "{day} would be best."),
            "seats": ("I need {seats}.", "Just {seats}.", "{seats}, please."),
        },
        (
            "{airline} has a flight from {start} to {goal} on {day} at {time}. With {seats} it is {price} each. "
            "Shall I book?",
            "I found a flight with {airline} that leaves {start} at {time} on {day}. Each seat costs {price}. Do you "
            "want {seats} to {goal}?",
            "On {day} you can fly to {goal} at {time} with {airline} for {price} a seat. Should I buy {seats}?",
        ),
        (
            ("How much luggage may I bring?", "The fare includes {bags} and a small backpack. Shall I continue?"),
            (
                "Can the ticket be refunded?",
                "Yes, up to two days before {day} you get your money back. Do you want to book?",
            ),
            ("Is it a direct flight?", "Yes, it goes to {goal} without a stop. Should I book it?"),
        ),
        (
            "Your flight with {airline} is booked: {seats}, {day}, {time}. The code is {code}.",
            "Done. Please be at the airport in {start} two hours before {time}.",
            "I bought {seats} to {goal}. {airline} will send the boarding pass to your phone.",
        ),
        "Mention the luggage rules when somebody asks for them.",
    ),
    Service(
        "coach ticket",
        {"start": CITIES, "goal": CITIES, "day": DAYS, "people": _PEOPLE},
        {"time": TIMES, "price": _PRICES[:5], "hours": ("two hours", "three hours", "four and a half hours")},
        (
            "I need a bus to {goal} for {people}.",
            "How do I get from {start} to {goal} by coach? We are {people}.",
            "Please book the bus from {start} to {goal} on {day} for {people}.",
            "I'm planning a trip to {goal} on {day} and need bus tickets.",
        ),
        {
            "start": ("Which city are you leaving from?", "Where do you get on?"),
            "goal": ("What is the destination?",),
            "day": ("On what date?", "When are you planning to leave?"),
            "people": ("How many people are travelling?", "How many tickets will that be?"),
        },
        {
            "start": ("I'm leaving from {start}.", "From {start}."),
            "goal": ("To {goal}.",),
            "day": ("On {day}.", "We want to leave on {day}."),
            "people": ("It is for {people}.", "Tickets for {people}, please."),
        },
        (
            "A bus leaves {start} for {goal} at {time} on {day}. The fare is {price} each. Shall I buy tickets for "
            "{people}?",
            "On {day} there is a coach at {time} from {start} to {goal}, {price} per person. Does that suit {people}?",
        ),
        (
            ("How long is the journey?", "It takes {hours} with one short stop. Would you like the tickets?"),
            ("Is there a toilet on the bus?", "Yes, and there is free internet as well. Shall I book it?"),
            ("Where does it stop in {goal}?", "It stops in front of the town hall of {goal}. Should I go on?"),
        ),
        (
            "Your tickets for {people} are booked. The coach leaves at {time} on {day}.",
            "I have reserved seats for {people} from {start} to {goal}. Your code is {code}.",
        ),
        "Tickets are sold per person.",
    ),
)
