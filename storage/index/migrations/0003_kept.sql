-- A kept span: retention deletes nothing that it touches. What counts is its file, <camera.folder>/kept/<uuid>.json;
-- this is made again from the files. No span is longer than a day, so that few can reach into a given moment.
CREATE TABLE kept (
    camera      INTEGER NOT NULL REFERENCES camera (id),
    start_us    INTEGER NOT NULL,
    uuid        BLOB    NOT NULL CHECK (length(uuid) = 16),
    end_us      INTEGER NOT NULL,
    streams     INTEGER NOT NULL CHECK (streams IN (1, 2, 3)), -- 1 main, 2 sub, 3 both
    note        TEXT    NOT NULL,
    kept_by     TEXT    NOT NULL, -- name of the account
    created_us  INTEGER NOT NULL,
    PRIMARY KEY (camera, start_us, uuid),
    UNIQUE (camera, uuid),
    CHECK (end_us > start_us AND end_us - start_us <= 86400000000)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER kept_is_fixed BEFORE UPDATE ON kept
BEGIN
    SELECT RAISE(ABORT, 'a kept span is let go and kept anew, never changed');
END;
