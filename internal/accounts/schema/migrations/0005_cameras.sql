-- What the configuration called each camera when the program last started, for commands that run beside it.
CREATE TABLE cameras (
    camera BLOB NOT NULL PRIMARY KEY CHECK (length(camera) = 16),
    name   TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
