// A real kind would answer the challenge here.
