CREATE TABLE totp (
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    confirmed  INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    secret     BLOB    NOT NULL,
    step       INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (account_id, confirmed)
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkeys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    credential_id BLOB NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    origin     TEXT    NOT NULL,
    credential TEXT    NOT NULL CHECK (json_valid(credential)),
    label      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    used_us    INTEGER
) STRICT;
CREATE INDEX passkeys_by_account ON passkeys(account_id);
