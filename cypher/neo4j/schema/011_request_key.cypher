// purpose: the idempotency keys of callers, as durable as the tasks that they made
// returns: nothing
CREATE CONSTRAINT request_key IF NOT EXISTS FOR (n:RequestKey) REQUIRE n.key IS UNIQUE
