// purpose: the passages of a namespace whose vectors are nearest to a vector, by the vector index
// params: namespace, model, kind, vector, among, limit
// returns: one row {p, score} per passage, the nearest first; score is the cosine
CALL db.index.vector.queryNodes('passage_vector', $among, $vector) YIELD node AS p, score
WHERE p.namespace = $namespace AND p.model = $model AND ($kind = '' OR p.kind = $kind)
RETURN p {.task_id, .kind, .name, .number, .text, .at} AS p, 2 * score - 1 AS score
ORDER BY score DESC
LIMIT $limit
