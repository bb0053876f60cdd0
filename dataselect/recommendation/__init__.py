"""What should I train on? An audit of the pools comes first; the search over short trainings builds on it."""
