# Shortcuts; each is one line that can be typed as well. `just` lists them.

_list:
    @just --list

# Everything but the slow tests, four to five minutes on 2 cores
test *arguments:
    uv run pytest {{arguments}}

# One module at a time, fast
unit *arguments:
    uv run pytest tests/unit {{arguments}}

# What takes longer than the five minutes
slow *arguments:
    uv run pytest -m slow {{arguments}}

# Style, docstrings, layers of imports, dependencies
lint:
    uv run ruff check .
    uv run ruff format --check .
    uv run lint-imports --no-cache
    uv run deptry .

# Format, and mend what can be mended safely
format:
    uv run ruff check --fix .
    uv run ruff format .

# The package and the tests
types:
    uv run mypy

# Write assets/options.md again, from the program
docs:
    uv run python -m tests.reference

# nnlab beside plain scripts: arith add, mnist cnn MNIST.npz, textgen TEXT, translate PAIRS, denoise cifar10
bench name *arguments:
    uv run python tests/benchmarks/{{name}}.py {{arguments}}
