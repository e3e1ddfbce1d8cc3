-- The accounts database as it is today. migrations/ is the path to it; a test compares both.
-- Times are microseconds since 1970 UTC. IDs are never given out twice.

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
    until_us   INTEGER NOT NULL,
    address    TEXT    NOT NULL DEFAULT '',       -- of the login
    agent      TEXT    NOT NULL DEFAULT '',       -- what the browser called itself then, shortened
    confirmed_us INTEGER NOT NULL DEFAULT 0       -- when the password was last given
) STRICT;
CREATE INDEX sessions_by_account ON sessions(account_id, used_us);

CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER,                           -- NULL: never
    until_us   INTEGER,                           -- NULL: until it is removed
    actions    INTEGER NOT NULL DEFAULT 63 CHECK (actions BETWEEN 0 AND 63), -- of what the account may do
    every_camera INTEGER NOT NULL DEFAULT 1 CHECK (every_camera IN (0, 1)),  -- 0: those of token_cameras
    metrics    INTEGER NOT NULL DEFAULT 0 CHECK (metrics IN (0, 1))          -- may read the figures of the system
) STRICT;
CREATE INDEX tokens_by_account ON tokens(account_id);

CREATE TABLE token_cameras (
    token_id INTEGER NOT NULL REFERENCES tokens(id) ON DELETE CASCADE,
    camera   BLOB    NOT NULL CHECK (length(camera) = 16),
    PRIMARY KEY (token_id, camera)
) STRICT, WITHOUT ROWID;

-- Names of accounts that were removed and are not there again.
CREATE TABLE former (
    name       TEXT    NOT NULL PRIMARY KEY,
    removed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the configuration says about owners, by account name; '' stands for the first account ever made.
CREATE TABLE ownership (
    camera BLOB NOT NULL CHECK (length(camera) = 16),
    owner  TEXT NOT NULL,
    PRIMARY KEY (camera, owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX ownership_by_owner ON ownership(owner);

-- What is granted to an account, or to whoever holds a link. It counts while the one who granted it owns the camera, or
-- holds a share of an owner that may be passed on (16), and then for no more than that one.
CREATE TABLE shares (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    camera     BLOB    NOT NULL CHECK (length(camera) = 16),
    actions    INTEGER NOT NULL CHECK (actions BETWEEN 1 AND 31), -- bits of access.Action
    granted_by INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    account_id INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
    link_hash  BLOB    UNIQUE CHECK (length(link_hash) = 32),
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    until_us   INTEGER,                           -- NULL: until it is revoked
    from_us    INTEGER,                           -- recorded time that a link opens, [from_us, to_us); NULL: all
    to_us      INTEGER,
    CHECK ((account_id IS NULL) <> (link_hash IS NULL)),
    CHECK (link_hash IS NULL OR actions & 16 = 0),
    CHECK ((from_us IS NULL) = (to_us IS NULL)),
    CHECK (from_us IS NULL OR (link_hash IS NOT NULL AND from_us < to_us AND actions & 1 = 0))
) STRICT;
CREATE INDEX shares_by_account ON shares(account_id);
CREATE INDEX shares_by_granter ON shares(granted_by);
CREATE INDEX shares_by_camera ON shares(camera);

-- The accounts that own a camera now.
CREATE VIEW owners AS
    SELECT o.camera, a.id AS account_id FROM ownership o JOIN accounts a ON a.name = o.owner
    UNION
    SELECT o.camera, a.id FROM ownership o JOIN accounts a ON a.id = 1 WHERE o.owner = '';

-- Fingerprints: what tells the camera of each stream from others, as it was seen last. See package identity.
CREATE TABLE pins (
    camera     BLOB    NOT NULL CHECK (length(camera) = 16),
    stream     TEXT    NOT NULL CHECK (stream IN ('main', 'sub')),
    address    TEXT    NOT NULL,                  -- host:port where it was seen last
    evidence   TEXT    NOT NULL CHECK (length(evidence) <= 4096 AND json_valid(evidence)),
    since_us   INTEGER NOT NULL,                  -- first contact
    changed_us INTEGER NOT NULL,                  -- of the evidence
    PRIMARY KEY (camera, stream)
) STRICT, WITHOUT ROWID;

-- New devices: what answers in a camera's place and contradicts its fingerprint. It waits for the owner.
CREATE TABLE claims (
    camera      BLOB    NOT NULL CHECK (length(camera) = 16),
    stream      TEXT    NOT NULL CHECK (stream IN ('main', 'sub')),
    address     TEXT    NOT NULL,
    evidence    TEXT    NOT NULL CHECK (length(evidence) <= 4096 AND json_valid(evidence)),
    differences TEXT    NOT NULL CHECK (length(differences) <= 4096 AND json_valid(differences)), -- a list of sentences
    resembles   TEXT    NOT NULL,                 -- id of the configured camera that it looks like, or ''
    since_us    INTEGER NOT NULL,
    PRIMARY KEY (camera, stream)
) STRICT, WITHOUT ROWID;

-- What became of fingerprints; the newest of each camera.
CREATE TABLE pin_changes (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    camera BLOB    NOT NULL CHECK (length(camera) = 16),
    stream TEXT    NOT NULL CHECK (stream IN ('main', 'sub')),
    at_us  INTEGER NOT NULL,
    what   TEXT    NOT NULL CHECK (length(what) <= 4096),
    by     TEXT    NOT NULL                       -- account, 'console' or '' for the program itself
) STRICT;
CREATE INDEX pin_changes_by_camera ON pin_changes(camera, id);
-- The audit log: who watched what, and who changed whose rights. A chain: each entry's hash covers the one before, so
-- that none can be altered, left out or moved; no ID is missing between the two ends of record_ends.
CREATE TABLE record (
    id          INTEGER PRIMARY KEY,
    kind        INTEGER NOT NULL CHECK (kind IN (1, 2)), -- 1 view, 2 change
    written_us  INTEGER NOT NULL,
    viewer_kind INTEGER NOT NULL CHECK (viewer_kind BETWEEN 0 AND 3), -- of who did it; 0 the console or the configuration
    account_id  INTEGER NOT NULL,                        -- of who did it; 0 none
    grant_id    INTEGER NOT NULL,                        -- the session, token or link
    name        TEXT    NOT NULL,                        -- of who did it, as it was then
    camera      BLOB    CHECK (length(camera) = 16),
    action      INTEGER NOT NULL,                        -- access.Action of a view; 0
    first_us    INTEGER NOT NULL,                        -- when it was done
    last_us     INTEGER NOT NULL,
    from_us     INTEGER NOT NULL,                        -- the recorded time that was watched
    to_us       INTEGER NOT NULL,
    address     TEXT    NOT NULL,
    bytes       INTEGER NOT NULL CHECK (bytes >= 0),     -- as counted on the wire
    subject_id  INTEGER NOT NULL,                        -- account that a change is about; 0 none
    what        TEXT    NOT NULL,                        -- of a change
    detail      TEXT    NOT NULL,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    CHECK (kind <> 1 OR (camera IS NOT NULL AND viewer_kind <> 0 AND action <> 0))
) STRICT;
CREATE INDEX record_by_camera ON record(camera, kind, last_us);
CREATE INDEX record_by_account ON record(account_id, kind, last_us);
CREATE INDEX record_by_subject ON record(subject_id, last_us) WHERE kind = 2;
CREATE INDEX record_by_writing ON record(written_us);

-- Views that may still grow, or that a killed process left; they become entries when they are over.
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

-- Where the audit log begins and ends: the last entry that was pruned, and the newest. seal is an HMAC under a key that is not
-- in this database.
CREATE TABLE record_ends (
    which TEXT    NOT NULL PRIMARY KEY CHECK (which IN ('start', 'head')),
    id    INTEGER NOT NULL,
    hash  BLOB    NOT NULL CHECK (length(hash) = 32),
    seal  BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT, WITHOUT ROWID;

-- What the configuration called each camera when the program last started, for commands that run beside it.
CREATE TABLE cameras (
    camera BLOB NOT NULL PRIMARY KEY CHECK (length(camera) = 16),
    name   TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- Second factors by time (RFC 6238). One that is not confirmed waits for its first code, beside the one that counts.
CREATE TABLE totp (
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    confirmed  INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    secret     BLOB    NOT NULL,                  -- encrypted under a key that is not in this database
    step       INTEGER NOT NULL,                  -- the last one a code was taken of: none is taken twice
    created_us INTEGER NOT NULL,
    PRIMARY KEY (account_id, confirmed)
) STRICT, WITHOUT ROWID;

-- Codes for who lost the second factor; each is good once.
CREATE TABLE recovery_codes (
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;

-- Passkeys (WebAuthn, discoverable, with user verification): they log in without a password.
CREATE TABLE passkeys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    credential_id BLOB NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    origin     TEXT    NOT NULL,                  -- where it was made, and is good
    credential TEXT    NOT NULL CHECK (json_valid(credential)), -- public key, counter and flags
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER                            -- NULL: never
) STRICT;
CREATE INDEX passkeys_by_account ON passkeys(account_id);

-- How an account has arranged its live page; see package layout.
CREATE TABLE layouts (
    account_id INTEGER NOT NULL PRIMARY KEY REFERENCES accounts(id) ON DELETE CASCADE,
    layout     TEXT    NOT NULL CHECK (length(layout) <= 65536 AND json_valid(layout)), -- cameras in it by UUID
    saved_us   INTEGER NOT NULL
) STRICT;
