"""What keeps an engine from hurting what it calls, and itself: breakers, rates, concurrency, pressure."""
