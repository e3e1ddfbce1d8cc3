CREATE TABLE accounts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- 1 is the first account ever made
    name       TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 32 AND name NOT GLOB '*[^a-z0-9._-]*'),
    password   TEXT    NOT NULL,                  -- argon2id with its parameters, as a PHC string
    admin      INTEGER NOT NULL CHECK (admin IN (0, 1)),
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the secret
    created_us INTEGER NOT NULL,
    used_us    INTEGER NOT NULL,
    until_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_account ON sessions(account_id, used_us);

CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER                            -- NULL: never
) STRICT;
CREATE INDEX tokens_by_account ON tokens(account_id);

-- What the configuration says about owners, by account name; '' stands for the first account ever made.
CREATE TABLE ownership (
    camera BLOB NOT NULL CHECK (length(camera) = 16),
    owner  TEXT NOT NULL,
    PRIMARY KEY (camera, owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX ownership_by_owner ON ownership(owner);

-- What an owner grants to an account, or to whoever holds a link. It counts while the one who granted it owns the camera.
CREATE TABLE shares (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    camera     BLOB    NOT NULL CHECK (length(camera) = 16),
    actions    INTEGER NOT NULL CHECK (actions BETWEEN 1 AND 63), -- bits of access.Action
    granted_by INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    account_id INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
    link_hash  BLOB    UNIQUE CHECK (length(link_hash) = 32),
    created_us INTEGER NOT NULL,
    until_us   INTEGER,                           -- NULL: until it is revoked
    CHECK ((account_id IS NULL) <> (link_hash IS NULL))
) STRICT;
CREATE INDEX shares_by_account ON shares(account_id);
CREATE INDEX shares_by_granter ON shares(granted_by);

-- The accounts that own a camera now.
CREATE VIEW owners AS
    SELECT o.camera, a.id AS account_id FROM ownership o JOIN accounts a ON a.name = o.owner
    UNION
    SELECT o.camera, a.id FROM ownership o JOIN accounts a ON a.id = 1 WHERE o.owner = '';
