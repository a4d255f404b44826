"""Pure: the counterfactual, the fix guard."""
