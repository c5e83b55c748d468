-- The comment that a kept payload is about: 0 where it has no usable number, nothing where it is about no comment. By it the
-- edits of an issue's text are found without reading those of its comments, and it stays when the payload goes.
ALTER TABLE delivery ADD COLUMN comment INTEGER;
UPDATE delivery
SET comment = CASE json_type(payload, '$.comment.id') WHEN 'integer' THEN json_extract(payload, '$.comment.id') ELSE 0 END
WHERE CASE WHEN json_valid(payload) THEN json_type(payload, '$.comment') END = 'object';
-- The new column lies behind the payload, so it is read from an index alone.
DROP INDEX delivery_issue;
CREATE INDEX delivery_issue ON delivery (repository, issue, comment, action);
CREATE INDEX delivery_comment ON delivery (comment) WHERE comment IS NOT NULL;
