// purpose: nodes by label and edges by type in a namespace
// params: namespace
// returns: one row {name, number} each
MATCH (n:Task) WHERE n.namespace = $namespace RETURN 'Task' AS name, count(*) AS number
UNION ALL
MATCH (n:Subtask) WHERE n.namespace = $namespace RETURN 'Subtask' AS name, count(*) AS number
UNION ALL
MATCH (n:Attempt) WHERE n.namespace = $namespace RETURN 'Attempt' AS name, count(*) AS number
UNION ALL
MATCH (n:Result) WHERE n.namespace = $namespace RETURN 'Result' AS name, count(*) AS number
UNION ALL
MATCH (n:Event) WHERE n.namespace = $namespace RETURN 'Event' AS name, count(*) AS number
UNION ALL
MATCH (n:Engine) WHERE n.namespace = $namespace RETURN 'Engine' AS name, count(*) AS number
UNION ALL
MATCH (n:PlanTemplate) WHERE n.namespace = $namespace RETURN 'PlanTemplate' AS name, count(*) AS number
UNION ALL
MATCH (n:`Profile`) WHERE n.namespace = $namespace RETURN 'Profile' AS name, count(*) AS number
UNION ALL
MATCH (n:CacheEntry) WHERE n.namespace = $namespace RETURN 'CacheEntry' AS name, count(*) AS number
UNION ALL
MATCH (n:Callback) WHERE n.namespace = $namespace RETURN 'Callback' AS name, count(*) AS number
UNION ALL
MATCH (n:Approval) WHERE n.namespace = $namespace RETURN 'Approval' AS name, count(*) AS number
UNION ALL
MATCH (n:LogLine) WHERE n.namespace = $namespace RETURN 'LogLine' AS name, count(*) AS number
UNION ALL
MATCH (n:Passage) WHERE n.namespace = $namespace RETURN 'Passage' AS name, count(*) AS number
UNION ALL
MATCH (n:ApiKey) WHERE n.namespace = $namespace RETURN 'ApiKey' AS name, count(*) AS number
UNION ALL
MATCH (n:AgentStep) WHERE n.namespace = $namespace RETURN 'AgentStep' AS name, count(*) AS number
UNION ALL
MATCH (n:Attempt)-[:PRODUCED]->(:Result) WHERE n.namespace = $namespace RETURN 'PRODUCED' AS name, count(*) AS number
UNION ALL
MATCH (n:Attempt)-[:CONSUMED]->(:Result) WHERE n.namespace = $namespace RETURN 'CONSUMED' AS name, count(*) AS number
UNION ALL
MATCH (n:Subtask)-[:DEPENDS_ON]->(:Subtask) WHERE n.namespace = $namespace RETURN 'DEPENDS_ON' AS name, count(*) AS number
UNION ALL
MATCH (n:Task)-[:HAS_SUBTASK]->(:Subtask) WHERE n.namespace = $namespace RETURN 'HAS_SUBTASK' AS name, count(*) AS number
UNION ALL
MATCH (n:Subtask)-[:HAS_ATTEMPT]->(:Attempt) WHERE n.namespace = $namespace RETURN 'HAS_ATTEMPT' AS name, count(*) AS number
UNION ALL
MATCH (n:Subtask)-[:ASKED]->(:Approval) WHERE n.namespace = $namespace RETURN 'ASKED' AS name, count(*) AS number
UNION ALL
MATCH (n:Subtask)-[:STEPPED]->(:AgentStep) WHERE n.namespace = $namespace RETURN 'STEPPED' AS name, count(*) AS number
UNION ALL
MATCH (n:Subtask)-[:EXPANDED_FROM]->(:Subtask) WHERE n.namespace = $namespace RETURN 'EXPANDED_FROM' AS name, count(*) AS number
UNION ALL
MATCH (n:Subtask)-[:KEEPS]->(:Result) WHERE n.namespace = $namespace RETURN 'KEEPS' AS name, count(*) AS number
