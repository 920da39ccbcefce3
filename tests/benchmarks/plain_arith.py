"""What a user would otherwise write: Keras's addition example, until 99% of the held-out sums are right.

Usage: ``python tests/benchmarks/plain_arith.py add|sub MAX_EPOCHS``. Prints one JSON line.
"""

import json
import resource
import sys
import time

import keras
import numpy as np
from keras import layers

op, max_epochs = sys.argv[1], int(sys.argv[2])
DIGITS, SAMPLES, BATCH, UNITS = 3, 50_000, 128, 128
SIGN = {"add": "+", "sub": "-"}[op]
LENGTH = 2 * DIGITS + 1
CHARACTERS = "0123456789 " + SIGN
INDEX = {character: number for number, character in enumerate(CHARACTERS)}


def encode(text, length):
    x = np.zeros((length, len(CHARACTERS)), bool)
    for position, character in enumerate(text):
        x[position, INDEX[character]] = True
    return x


def number():
    return int("".join(np.random.choice(list("0123456789")) for _ in range(np.random.randint(1, DIGITS + 1))))


questions, answers, seen = [], [], set()
while len(questions) < SAMPLES:
    a, b = number(), number()
    key = tuple(sorted((a, b)))
    if key in seen:
        continue
    seen.add(key)
    questions.append(f"{a}{SIGN}{b}".ljust(LENGTH)[::-1])
    answers.append(str(a + b if op == "add" else a - b).ljust(DIGITS + 1))
x = np.stack([encode(text, LENGTH) for text in questions])
y = np.stack([encode(text, DIGITS + 1) for text in answers])
split = SAMPLES - SAMPLES // 10

model = keras.Sequential(
    [
        keras.Input((LENGTH, len(CHARACTERS))),
        layers.LSTM(UNITS),
        layers.RepeatVector(DIGITS + 1),
        layers.LSTM(UNITS, return_sequences=True),
        layers.Dense(len(CHARACTERS), activation="softmax"),
    ]
)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
start = time.perf_counter()
reached, exact, epoch_seconds = None, 0.0, []
for epoch in range(1, max_epochs + 1):
    began = time.perf_counter()
    model.fit(x[:split], y[:split], batch_size=BATCH, epochs=1, validation_data=(x[split:], y[split:]), verbose=0)
    epoch_seconds.append(time.perf_counter() - began)
    exact = float((model.predict(x[split:], verbose=0).argmax(-1) == y[split:].argmax(-1)).all(1).mean())
    print(f"plain {op} epoch {epoch}: {100 * exact:.2f} % right", file=sys.stderr, flush=True)
    if exact >= 0.99:
        reached = time.perf_counter() - start
        break
print(
    json.dumps(
        {
            "epochs": epoch,
            "exact_match": exact,
            "seconds_to_99": reached,
            "seconds": time.perf_counter() - start,
            "epoch_seconds": float(np.median(epoch_seconds)),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
