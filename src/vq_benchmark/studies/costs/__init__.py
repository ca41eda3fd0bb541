"""What a study will take: memory by formula, time from a rehearsal or from earlier rows."""
