-- The issues about whose text something was delivered that is forgotten. Nothing kept may tell then who wrote what stands there,
-- which is another thing than that nothing was ever delivered.
CREATE TABLE forgotten_text (
    repository TEXT NOT NULL,
    issue      INTEGER NOT NULL,
    PRIMARY KEY (repository, issue)
) STRICT, WITHOUT ROWID;
