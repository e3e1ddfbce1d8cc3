-- Whom each stream of a camera was recognised as.
CREATE TABLE pins (
    camera     BLOB    NOT NULL CHECK (length(camera) = 16),
    stream     TEXT    NOT NULL CHECK (stream IN ('main', 'sub')),
    address    TEXT    NOT NULL,                  -- host:port where it was seen last
    evidence   TEXT    NOT NULL CHECK (length(evidence) <= 4096 AND json_valid(evidence)),
    since_us   INTEGER NOT NULL,                  -- first contact
    changed_us INTEGER NOT NULL,                  -- of the evidence
    PRIMARY KEY (camera, stream)
) STRICT, WITHOUT ROWID;

-- What answers in a camera's place and contradicts its pin. It waits for the owner.
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

-- What became of pins; the newest of each camera.
CREATE TABLE pin_changes (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    camera BLOB    NOT NULL CHECK (length(camera) = 16),
    stream TEXT    NOT NULL CHECK (stream IN ('main', 'sub')),
    at_us  INTEGER NOT NULL,
    what   TEXT    NOT NULL CHECK (length(what) <= 4096),
    by     TEXT    NOT NULL                       -- account, 'console' or '' for the program itself
) STRICT;
CREATE INDEX pin_changes_by_camera ON pin_changes(camera, id);
