-- The current schema of the accounts database. migrations/ leads to it, and a test compares both.
-- Times are microseconds since 1970 UTC. IDs are never reused.

CREATE TABLE accounts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- 1 is the first account ever created
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
    agent      TEXT    NOT NULL DEFAULT '',       -- the browser's User-Agent, shortened
    confirmed_us INTEGER NOT NULL DEFAULT 0       -- when the password was last entered
) STRICT;
CREATE INDEX sessions_by_account ON sessions(account_id, used_us);

CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER,                           -- NULL: never
    until_us   INTEGER,                           -- NULL: no expiry
    actions    INTEGER NOT NULL DEFAULT 63 CHECK (actions BETWEEN 0 AND 63), -- those of the account that the token may use
    every_camera INTEGER NOT NULL DEFAULT 1 CHECK (every_camera IN (0, 1)),  -- 0: those of token_cameras
    metrics    INTEGER NOT NULL DEFAULT 0 CHECK (metrics IN (0, 1))          -- may read metrics
) STRICT;
CREATE INDEX tokens_by_account ON tokens(account_id);

CREATE TABLE token_cameras (
    token_id INTEGER NOT NULL REFERENCES tokens(id) ON DELETE CASCADE,
    camera   BLOB    NOT NULL CHECK (length(camera) = 16),
    PRIMARY KEY (token_id, camera)
) STRICT, WITHOUT ROWID;

-- Names of accounts that were removed and not created again.
CREATE TABLE former (
    name       TEXT    NOT NULL PRIMARY KEY,
    removed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Owners in the configuration, by account name; '' is the first account ever created.
CREATE TABLE ownership (
    camera BLOB NOT NULL CHECK (length(camera) = 16),
    owner  TEXT NOT NULL,
    PRIMARY KEY (camera, owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX ownership_by_owner ON ownership(owner);

-- Shares with an account or a link. A share is valid while its giver owns the camera, or has a share from an owner that may
-- be passed on (16); then it allows no more than that one.
CREATE TABLE shares (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    camera     BLOB    NOT NULL CHECK (length(camera) = 16),
    actions    INTEGER NOT NULL CHECK (actions BETWEEN 1 AND 31), -- bits of access.Action
    granted_by INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    account_id INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
    link_hash  BLOB    UNIQUE CHECK (length(link_hash) = 32),
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    until_us   INTEGER,                           -- NULL: no expiry
    from_us    INTEGER,                           -- window of a link, [from_us, to_us); NULL: all of time
    to_us      INTEGER,
    CHECK ((account_id IS NULL) <> (link_hash IS NULL)),
    CHECK (link_hash IS NULL OR actions & 16 = 0),
    CHECK ((from_us IS NULL) = (to_us IS NULL)),
    CHECK (from_us IS NULL OR (link_hash IS NOT NULL AND from_us < to_us AND actions & 1 = 0))
) STRICT;
CREATE INDEX shares_by_account ON shares(account_id);
CREATE INDEX shares_by_granter ON shares(granted_by);
CREATE INDEX shares_by_camera ON shares(camera);

-- The current owners of each camera.
CREATE VIEW owners AS
    SELECT o.camera, a.id AS account_id FROM ownership o JOIN accounts a ON a.name = o.owner
    UNION
    SELECT o.camera, a.id FROM ownership o JOIN accounts a ON a.id = 1 WHERE o.owner = '';

-- Fingerprints: the identity by which each stream's camera was last recognised. See package identity.
CREATE TABLE pins (
    camera     BLOB    NOT NULL CHECK (length(camera) = 16),
    stream     TEXT    NOT NULL CHECK (stream IN ('main', 'sub')),
    address    TEXT    NOT NULL,                  -- host:port where it was last seen
    evidence   TEXT    NOT NULL CHECK (length(evidence) <= 4096 AND json_valid(evidence)),
    since_us   INTEGER NOT NULL,                  -- first contact
    changed_us INTEGER NOT NULL,                  -- of the evidence
    PRIMARY KEY (camera, stream)
) STRICT, WITHOUT ROWID;

-- New devices: they answer in a camera's place, contradict its fingerprint, and wait for the owner.
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

-- Changes of fingerprints; the newest of each camera.
CREATE TABLE pin_changes (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    camera BLOB    NOT NULL CHECK (length(camera) = 16),
    stream TEXT    NOT NULL CHECK (stream IN ('main', 'sub')),
    at_us  INTEGER NOT NULL,
    what   TEXT    NOT NULL CHECK (length(what) <= 4096),
    by     TEXT    NOT NULL                       -- account, 'console' or '' for the program itself
) STRICT;
CREATE INDEX pin_changes_by_camera ON pin_changes(camera, id);
-- The audit log: who watched what, and who changed whose rights. It is a chain: each entry's hash covers the previous one, so
-- none can be altered, left out or moved. No ID is missing between the two ends in record_ends.
CREATE TABLE record (
    id          INTEGER PRIMARY KEY,
    kind        INTEGER NOT NULL CHECK (kind IN (1, 2)), -- 1 view, 2 change
    written_us  INTEGER NOT NULL,
    viewer_kind INTEGER NOT NULL CHECK (viewer_kind BETWEEN 0 AND 3), -- of the actor; 0 the console or the configuration
    account_id  INTEGER NOT NULL,                        -- of the actor; 0 none
    grant_id    INTEGER NOT NULL,                        -- the session, token or link
    name        TEXT    NOT NULL,                        -- of the actor at the time
    camera      BLOB    CHECK (length(camera) = 16),
    action      INTEGER NOT NULL,                        -- access.Action of a view; otherwise 0
    first_us    INTEGER NOT NULL,                        -- time of the view or change
    last_us     INTEGER NOT NULL,
    from_us     INTEGER NOT NULL,                        -- the recorded time that was watched
    to_us       INTEGER NOT NULL,
    address     TEXT    NOT NULL,
    bytes       INTEGER NOT NULL CHECK (bytes >= 0),     -- as sent over the network
    subject_id  INTEGER NOT NULL,                        -- account that was changed; 0 none
    what        TEXT    NOT NULL,                        -- of a change
    detail      TEXT    NOT NULL,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    CHECK (kind <> 1 OR (camera IS NOT NULL AND viewer_kind <> 0 AND action <> 0))
) STRICT;
CREATE INDEX record_by_camera ON record(camera, kind, last_us);
CREATE INDEX record_by_account ON record(account_id, kind, last_us);
CREATE INDEX record_by_subject ON record(subject_id, last_us) WHERE kind = 2;
CREATE INDEX record_by_writing ON record(written_us);

-- Views in progress, or left by a killed process. They become entries when they end.
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

-- The ends of the audit log: the last pruned entry, and the newest. seal is an HMAC under a key that is not in this database.
CREATE TABLE record_ends (
    which TEXT    NOT NULL PRIMARY KEY CHECK (which IN ('start', 'head')),
    id    INTEGER NOT NULL,
    hash  BLOB    NOT NULL CHECK (length(hash) = 32),
    seal  BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT, WITHOUT ROWID;

-- The name of each camera in the configuration at the last start, for commands that run while the server does.
CREATE TABLE cameras (
    camera BLOB NOT NULL PRIMARY KEY CHECK (length(camera) = 16),
    name   TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- Time-based second factors (RFC 6238). A new one waits for its first code while the old one stays valid.
CREATE TABLE totp (
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    confirmed  INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    secret     BLOB    NOT NULL,                  -- encrypted under a key that is not in this database
    step       INTEGER NOT NULL,                  -- of the last accepted code; no code is accepted twice
    created_us INTEGER NOT NULL,
    PRIMARY KEY (account_id, confirmed)
) STRICT, WITHOUT ROWID;

-- Recovery codes for a lost second factor; each works once.
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
    origin     TEXT    NOT NULL,                  -- where it was created; it works only there
    credential TEXT    NOT NULL CHECK (json_valid(credential)), -- public key, counter and flags
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER                            -- NULL: never
) STRICT;
CREATE INDEX passkeys_by_account ON passkeys(account_id);

-- The live layouts of accounts; see package layout.
CREATE TABLE layouts (
    account_id INTEGER NOT NULL PRIMARY KEY REFERENCES accounts(id) ON DELETE CASCADE,
    layout     TEXT    NOT NULL CHECK (length(layout) <= 65536 AND json_valid(layout)), -- cameras in it by UUID
    saved_us   INTEGER NOT NULL
) STRICT;
