"""Networks of any kind, by what a user calls them: what a list of names stands for, and the graph of each."""
