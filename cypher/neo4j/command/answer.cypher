// purpose: says what became of a command; once, by the engine that it is for
// params: engine, id, answer
// returns: one row {id}; none when it was answered or is another engine's
MATCH (c:Command {id: $id}) WHERE c.owner = $engine
SET c.answer = $answer, c.answered_at = timestamp() REMOVE c.owner
RETURN c.id AS id
