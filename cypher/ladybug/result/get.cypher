// purpose: results by content hash
// params: hashes
// returns: one row {hash, bytes, body} each; body is null when the blob store has it
UNWIND $hashes AS wanted
MATCH (r:Result) WHERE r.hash = wanted
RETURN r.hash AS hash, r.bytes AS bytes, r.body AS body
