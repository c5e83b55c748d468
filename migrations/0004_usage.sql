-- How much of what was used, seen about once a day, so that it can be told where it goes.
CREATE TABLE usage (
    object TEXT NOT NULL,
    at     TEXT NOT NULL,
    used   INTEGER NOT NULL,
    total  INTEGER NOT NULL,
    PRIMARY KEY (object, at)
) STRICT;
