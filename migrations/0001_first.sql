-- Facts about this store itself, such as the id under which it holds clusters' locks.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Deliveries of the forge. A row is the proof that a delivery was taken; its id keeps a replay from counting twice.
-- The payload is kept where it tells who did what to an issue.
CREATE TABLE delivery (
    id          TEXT NOT NULL PRIMARY KEY,
    received_at TEXT NOT NULL,
    event       TEXT NOT NULL,
    action      TEXT NOT NULL,
    repository  TEXT NOT NULL,
    issue       INTEGER,
    sender      TEXT NOT NULL,
    payload     TEXT
) STRICT;
CREATE INDEX delivery_issue ON delivery (repository, issue);

-- Work on one maintenance issue, from discovery to closing. At most one open run an issue.
CREATE TABLE run (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    repository TEXT NOT NULL,
    issue      INTEGER NOT NULL,
    began_at   TEXT NOT NULL,
    ended_at   TEXT
) STRICT;
CREATE UNIQUE INDEX run_open ON run (repository, issue) WHERE ended_at IS NULL;

-- What happened in a run. Never changed, never deleted.
CREATE TABLE journal (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    run   INTEGER NOT NULL REFERENCES run (id),
    at    TEXT NOT NULL,
    event TEXT NOT NULL
) STRICT;
CREATE INDEX journal_run ON journal (run, id);

-- Bodies that were written: the hash, by which our own `edited` deliveries are recognised, and what is remembered of
-- them, by which a person's decision is told from an old copy of the text. Written before the forge is asked.
CREATE TABLE body_write (
    run       INTEGER NOT NULL REFERENCES run (id),
    at        TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    written   TEXT NOT NULL
) STRICT;
CREATE INDEX body_write_run ON body_write (run);
