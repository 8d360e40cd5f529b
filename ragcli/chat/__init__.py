"""The REPL: loop, command table, input, interrupts."""
