CREATE TABLE record (
    id          INTEGER PRIMARY KEY,
    kind        INTEGER NOT NULL CHECK (kind IN (1, 2)),
    written_us  INTEGER NOT NULL,
    viewer_kind INTEGER NOT NULL CHECK (viewer_kind BETWEEN 0 AND 3),
    account_id  INTEGER NOT NULL,
    grant_id    INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    camera      BLOB    CHECK (length(camera) = 16),
    action      INTEGER NOT NULL,
    first_us    INTEGER NOT NULL,
    last_us     INTEGER NOT NULL,
    from_us     INTEGER NOT NULL,
    to_us       INTEGER NOT NULL,
    address     TEXT    NOT NULL,
    bytes       INTEGER NOT NULL CHECK (bytes >= 0),
    subject_id  INTEGER NOT NULL,
    what        TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    CHECK (kind <> 1 OR (camera IS NOT NULL AND viewer_kind <> 0 AND action <> 0))
) STRICT;
CREATE INDEX record_by_camera ON record(camera, kind, last_us);
CREATE INDEX record_by_account ON record(account_id, kind, last_us);
CREATE INDEX record_by_subject ON record(subject_id, last_us) WHERE kind = 2;
CREATE INDEX record_by_writing ON record(written_us);

CREATE TABLE viewing (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    viewer_kind INTEGER NOT NULL CHECK (viewer_kind BETWEEN 1 AND 3),
    account_id  INTEGER NOT NULL,
    grant_id    INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    camera      BLOB    NOT NULL CHECK (length(camera) = 16),
    action      INTEGER NOT NULL,
    first_us    INTEGER NOT NULL,
    last_us     INTEGER NOT NULL,
    from_us     INTEGER NOT NULL,
    to_us       INTEGER NOT NULL,
    address     TEXT    NOT NULL,
    bytes       INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

CREATE TABLE record_ends (
    which TEXT    NOT NULL PRIMARY KEY CHECK (which IN ('start', 'head')),
    id    INTEGER NOT NULL,
    hash  BLOB    NOT NULL CHECK (length(hash) = 32),
    seal  BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT, WITHOUT ROWID;
