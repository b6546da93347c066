"""One file a rule: the module is named as the rule is, with _ for -. Nothing else needs to know of it."""
