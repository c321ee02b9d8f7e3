// purpose: takes the answer to a command away, and the command with it
// params: id
// returns: one row {answer}; none while there is no answer
MATCH (c:Command {id: $id}) WHERE c.answer IS NOT NULL
WITH c, c.answer AS answer
DELETE c
RETURN answer
