// purpose: gives waiting subtasks another place in the order of their task; one that runs or has ended meanwhile is left alone
// params: rows
// returns: one row {id} per subtask that has it; rows are [id, expected seconds or empty, rank, order key]
UNWIND $rows AS r
MATCH (s:Subtask)
WHERE s.id = r[1] AND s.status IN ['pending', 'ready', 'retrying', 'awaiting_approval']
SET s.expected = CASE WHEN r[2] = '' THEN s.expected ELSE to_double(r[2]) END, s.rank = to_double(r[3]),
    s.order_key = r[4]
RETURN s.id AS id
