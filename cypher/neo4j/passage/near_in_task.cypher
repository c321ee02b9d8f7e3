// purpose: the passages of one task whose vectors are nearest to a vector; these are few, so each is compared
// params: task, model, kind, vector, limit
// returns: one row {p, score} per passage, the nearest first; score is the cosine
MATCH (p:Passage)
WHERE p.task_id = $task AND p.model = $model AND ($kind = '' OR p.kind = $kind)
WITH p, 2 * vector.similarity.cosine(p.vector, $vector) - 1 AS score
RETURN p {.task_id, .kind, .name, .number, .text, .at} AS p, score
ORDER BY score DESC
LIMIT $limit
