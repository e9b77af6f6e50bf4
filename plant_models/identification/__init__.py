"""From measurements of a cell to its parameter set: open-circuit voltage, circuit, heat."""
