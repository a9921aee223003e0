package webhooks

// Waiting is how many deliveries wait for a commit.
func (in *Intake) Waiting() int { return len(in.storing) }
