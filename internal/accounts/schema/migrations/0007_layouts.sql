CREATE TABLE layouts (
    account_id INTEGER NOT NULL PRIMARY KEY REFERENCES accounts(id) ON DELETE CASCADE,
    layout     TEXT    NOT NULL CHECK (length(layout) <= 65536 AND json_valid(layout)),
    saved_us   INTEGER NOT NULL
) STRICT;
