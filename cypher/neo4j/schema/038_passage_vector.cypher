// purpose: the nearest passages to a vector
// returns: nothing
CREATE VECTOR INDEX passage_vector IF NOT EXISTS FOR (n:Passage) ON (n.vector) OPTIONS {indexConfig: {`vector.dimensions`: 512, `vector.similarity_function`: 'cosine'}}
