-- What somebody found to be other than it should be, until it is looked at again and settled under the store's own lock.
CREATE TABLE doubt (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    found_us    INTEGER NOT NULL,
    finder      TEXT    NOT NULL CHECK (finder IN ('serving', 'recovery', 'scrub', 'check')),
    subject     TEXT    NOT NULL CHECK (subject <> ''), -- path in recordings: a file, a camera's folder, a stream's folder
    problem     TEXT    NOT NULL,
    settled_us  INTEGER,
    outcome     TEXT, -- what was done
    CHECK ((settled_us IS NULL) = (outcome IS NULL))
) STRICT;

CREATE UNIQUE INDEX doubt_once ON doubt (subject) WHERE settled_us IS NULL;
CREATE INDEX doubt_unsettled ON doubt (id) WHERE settled_us IS NULL;
CREATE INDEX doubt_subject ON doubt (subject);

-- One row: how far the slow reading of all footage has come.
CREATE TABLE scrub (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    began_us     INTEGER NOT NULL, -- of this round
    camera       INTEGER NOT NULL, -- the segment that was read last
    quality      INTEGER NOT NULL,
    start_us     INTEGER NOT NULL,
    read_bytes   INTEGER NOT NULL, -- in this round
    found        INTEGER NOT NULL, -- doubts, in all rounds
    finished_us  INTEGER           -- end of the last full round
) STRICT;
