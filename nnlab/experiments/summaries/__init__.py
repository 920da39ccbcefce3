"""What each of the longer experiments shows at the end of a run: tables, sentences, figures."""
