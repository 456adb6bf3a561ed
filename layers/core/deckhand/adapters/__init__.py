"""The services Deckhand talks to; the only place that imports boto3."""
