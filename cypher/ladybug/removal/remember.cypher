// purpose: a task remembers the blobs that go with it
// params: id, hashes
// returns: nothing
MATCH (t:Task) WHERE t.id = $id
SET t.condemned = list_concat(coalesce(t.condemned, CAST([] AS STRING[])), $hashes)
