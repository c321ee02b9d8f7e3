// purpose: the passages of one task whose vectors are nearest to a vector; each is compared
// params: task, model, kind, vector, limit
// returns: one row {p, score} per passage, the nearest first; score is the cosine
MATCH (p:Passage)
WHERE p.task_id = $task AND p.model = $model AND ($kind = '' OR p.kind = $kind)
WITH p, array_cosine_similarity(p.vector, CAST($vector, 'FLOAT[512]')) AS score
ORDER BY score DESC
LIMIT $limit
RETURN {task_id: p.task_id, kind: p.kind, name: p.name, number: p.number, text: p.text, at: p.at} AS p, score
