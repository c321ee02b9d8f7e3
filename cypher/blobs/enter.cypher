// purpose: the id of the blob store of a namespace, entered by its first engine
// params: namespace, id
// returns: one row {id}: the one that counts
MERGE (b:BlobStore {namespace: $namespace})
ON CREATE SET b.id = $id
RETURN b.id AS id
