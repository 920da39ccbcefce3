"""What a trained network is worth: metrics, intervals over runs, and the baselines it has to beat."""
