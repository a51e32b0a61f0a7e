"""What `watch` is made of: saves, keys, a judge in the background, and a session that decides what to say."""
