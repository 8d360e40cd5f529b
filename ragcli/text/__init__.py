"""Pure functions over text that more than one step needs: terms, sentences, token counts, cleaning."""
