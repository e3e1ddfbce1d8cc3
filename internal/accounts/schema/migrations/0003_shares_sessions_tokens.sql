ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN confirmed_us INTEGER NOT NULL DEFAULT 0;

ALTER TABLE tokens ADD COLUMN until_us INTEGER;
ALTER TABLE tokens ADD COLUMN actions INTEGER NOT NULL DEFAULT 63 CHECK (actions BETWEEN 0 AND 63);
ALTER TABLE tokens ADD COLUMN every_camera INTEGER NOT NULL DEFAULT 1 CHECK (every_camera IN (0, 1));
ALTER TABLE tokens ADD COLUMN metrics INTEGER NOT NULL DEFAULT 0 CHECK (metrics IN (0, 1));

CREATE TABLE token_cameras (
    token_id INTEGER NOT NULL REFERENCES tokens(id) ON DELETE CASCADE,
    camera   BLOB    NOT NULL CHECK (length(camera) = 16),
    PRIMARY KEY (token_id, camera)
) STRICT, WITHOUT ROWID;

CREATE TABLE former (
    name       TEXT    NOT NULL PRIMARY KEY,
    removed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Nothing could make shares before, so that what is there comes from no one: what the new rules forbid goes.
CREATE TABLE shares_new (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    camera     BLOB    NOT NULL CHECK (length(camera) = 16),
    actions    INTEGER NOT NULL CHECK (actions BETWEEN 1 AND 31),
    granted_by INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    account_id INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
    link_hash  BLOB    UNIQUE CHECK (length(link_hash) = 32),
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    until_us   INTEGER,
    from_us    INTEGER,
    to_us      INTEGER,
    CHECK ((account_id IS NULL) <> (link_hash IS NULL)),
    CHECK (link_hash IS NULL OR actions & 16 = 0),
    CHECK ((from_us IS NULL) = (to_us IS NULL)),
    CHECK (from_us IS NULL OR (link_hash IS NOT NULL AND from_us < to_us AND actions & 1 = 0))
) STRICT;
INSERT INTO shares_new (id, camera, actions, granted_by, account_id, link_hash, label, created_us, until_us)
    SELECT id, camera, actions & iif(link_hash IS NULL, 31, 15), granted_by, account_id, link_hash, '', created_us, until_us
    FROM shares WHERE actions & 15 <> 0;
DROP TABLE shares;
ALTER TABLE shares_new RENAME TO shares;
CREATE INDEX shares_by_account ON shares(account_id);
CREATE INDEX shares_by_granter ON shares(granted_by);
CREATE INDEX shares_by_camera ON shares(camera);
