-- A camera is identified by its UUID. Rows are never deleted, so that no UUID is ever reused.
CREATE TABLE camera (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid          BLOB    NOT NULL UNIQUE CHECK (length(uuid) = 16),
    name          TEXT    NOT NULL CHECK (name <> ''),
    label         TEXT    NOT NULL,
    folder        TEXT    NOT NULL UNIQUE CHECK (folder <> ''),
    created_us    INTEGER NOT NULL,
    retired_us    INTEGER,
    retain_us     INTEGER NOT NULL DEFAULT 0 CHECK (retain_us >= 0),
    retain_bytes  INTEGER NOT NULL DEFAULT 0 CHECK (retain_bytes >= 0)
) STRICT;

-- A name is unique among active cameras. Retired ones may have had the same.
CREATE UNIQUE INDEX camera_name ON camera (name) WHERE retired_us IS NULL;

CREATE TRIGGER camera_keeps_identity BEFORE UPDATE OF id, uuid, folder, created_us ON camera
BEGIN
    SELECT RAISE(ABORT, 'a camera keeps its identity');
END;

CREATE TRIGGER camera_is_kept BEFORE DELETE ON camera
BEGIN
    SELECT RAISE(ABORT, 'a camera is retired, never deleted');
END;

-- Totals of a stream's segments, maintained by the triggers below.
CREATE TABLE stream (
    camera      INTEGER NOT NULL REFERENCES camera (id),
    quality     INTEGER NOT NULL CHECK (quality IN (1, 2)),
    segments    INTEGER NOT NULL DEFAULT 0,
    size_bytes  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (camera, quality)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    camera      INTEGER NOT NULL,
    quality     INTEGER NOT NULL,
    id          INTEGER NOT NULL,
    uuid        BLOB    NOT NULL CHECK (length(uuid) = 16),
    start_us    INTEGER NOT NULL,
    end_reason  TEXT, -- NULL while the run is being recorded
    shift_us    INTEGER NOT NULL DEFAULT 0 CHECK (shift_us >= 0), -- how much later its start is filed than the server's clock said
    camera_clock_us INTEGER, -- the camera's own clock minus the server's, if known; nothing is timed by it
    PRIMARY KEY (camera, quality, id),
    UNIQUE (camera, uuid),
    FOREIGN KEY (camera, quality) REFERENCES stream (camera, quality)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_open ON run (camera, quality, id) WHERE end_reason IS NULL;

CREATE TRIGGER run_keeps_camera BEFORE UPDATE OF camera, quality, id, uuid ON run
BEGIN
    SELECT RAISE(ABORT, 'a run stays with its camera');
END;

-- A segment's file is <camera.folder>/<quality>/<date>/<time>Z.mp4, from start_us, so a row cannot name another file.
CREATE TABLE segment (
    camera      INTEGER NOT NULL,
    quality     INTEGER NOT NULL,
    start_us    INTEGER NOT NULL,
    end_us      INTEGER NOT NULL, -- start_us while open
    run         INTEGER NOT NULL,
    state       INTEGER NOT NULL CHECK (state IN (1, 2, 3, 4)), -- 1 open, 2 closed, 3 deleting, 4 quarantined
    size_bytes  INTEGER NOT NULL DEFAULT 0, -- 0 while open
    init_bytes  INTEGER NOT NULL,
    key_frames  BLOB, -- NULL while open; the last column, so that statements without it do not read it
    PRIMARY KEY (camera, quality, start_us),
    FOREIGN KEY (camera, quality, run) REFERENCES run (camera, quality, id),
    CHECK (end_us >= start_us),
    CHECK ((key_frames IS NULL) = (size_bytes = 0))
) STRICT, WITHOUT ROWID;

CREATE INDEX segment_run ON segment (camera, quality, run);
CREATE INDEX segment_unsettled ON segment (state) WHERE state IN (1, 3);

CREATE TRIGGER segment_keeps_camera BEFORE UPDATE OF camera, quality, start_us, run ON segment
BEGIN
    SELECT RAISE(ABORT, 'a segment stays with its camera');
END;

-- Invariant I4: segments of one stream never overlap.
CREATE TRIGGER segment_overlap_insert BEFORE INSERT ON segment
WHEN (SELECT s.end_us FROM segment s WHERE s.camera = NEW.camera AND s.quality = NEW.quality AND s.start_us <= NEW.start_us
        ORDER BY s.start_us DESC LIMIT 1) > NEW.start_us
    OR (SELECT s.start_us FROM segment s WHERE s.camera = NEW.camera AND s.quality = NEW.quality AND s.start_us >= NEW.start_us
        ORDER BY s.start_us LIMIT 1) < NEW.end_us
BEGIN
    SELECT RAISE(ABORT, 'segments of a stream do not overlap');
END;

CREATE TRIGGER segment_overlap_update BEFORE UPDATE OF end_us ON segment
WHEN (SELECT s.start_us FROM segment s WHERE s.camera = NEW.camera AND s.quality = NEW.quality AND s.start_us > NEW.start_us
        ORDER BY s.start_us LIMIT 1) < NEW.end_us
BEGIN
    SELECT RAISE(ABORT, 'segments of a stream do not overlap');
END;

CREATE TRIGGER segment_counted AFTER INSERT ON segment
BEGIN
    UPDATE stream SET segments = segments + 1, size_bytes = size_bytes + NEW.size_bytes
    WHERE camera = NEW.camera AND quality = NEW.quality;
END;

CREATE TRIGGER segment_recounted AFTER UPDATE OF size_bytes ON segment
BEGIN
    UPDATE stream SET size_bytes = size_bytes + NEW.size_bytes - OLD.size_bytes
    WHERE camera = NEW.camera AND quality = NEW.quality;
END;

CREATE TRIGGER segment_uncounted AFTER DELETE ON segment
BEGIN
    UPDATE stream SET segments = segments - 1, size_bytes = size_bytes - OLD.size_bytes
    WHERE camera = OLD.camera AND quality = OLD.quality;
END;

-- A row of the ledger says what begins at a moment: footage of a run, or a gap with its reason. It applies until the next
-- row of the stream, so the rows of a stream divide time without overlap or gap.
CREATE TABLE ledger (
    camera    INTEGER NOT NULL,
    quality   INTEGER NOT NULL,
    start_us  INTEGER NOT NULL,
    run       INTEGER, -- footage of this run; NULL for a gap
    code      TEXT,    -- reason of the gap, for programs; NULL for footage
    reason    TEXT,    -- the same for people
    PRIMARY KEY (camera, quality, start_us),
    FOREIGN KEY (camera, quality) REFERENCES stream (camera, quality),
    FOREIGN KEY (camera, quality, run) REFERENCES run (camera, quality, id),
    CHECK ((run IS NULL) <> (reason IS NULL)),
    CHECK ((reason IS NULL) = (code IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_run ON ledger (camera, quality, run) WHERE run IS NOT NULL;

-- One row: when the recorder was last known to be alive.
CREATE TABLE alive (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    at_us  INTEGER NOT NULL,
    boot   TEXT    NOT NULL DEFAULT '', -- id of the computer's current boot
    leap_us       INTEGER NOT NULL DEFAULT 0 CHECK (leap_us >= 0), -- clock jump that retention ignores
    leap_left_us  INTEGER NOT NULL DEFAULT 0 CHECK (leap_left_us >= 0) -- and for how much longer
) STRICT;

-- Kept clips: retention deletes no segment that overlaps one. Their files, <camera.folder>/kept/<uuid>.json, take
-- precedence, and this table is rebuilt from them. No span is longer than a day, so that few can cover a given moment.
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

-- Integrity issues: what is not as it should be, until the store has examined and resolved it under its own lock.
CREATE TABLE doubt (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    found_us    INTEGER NOT NULL,
    finder      TEXT    NOT NULL CHECK (finder IN ('serving', 'recovery', 'scrub', 'check')),
    subject     TEXT    NOT NULL CHECK (subject <> ''), -- path in recordings: a file, a camera's folder, a stream's folder
    problem     TEXT    NOT NULL,
    settled_us  INTEGER,
    outcome     TEXT, -- what was done
    CHECK ((settled_us IS NULL) = (outcome IS NULL))
) STRICT;

CREATE UNIQUE INDEX doubt_once ON doubt (subject) WHERE settled_us IS NULL;
CREATE INDEX doubt_unsettled ON doubt (id) WHERE settled_us IS NULL;
CREATE INDEX doubt_subject ON doubt (subject);

-- One row: progress of the verification pass.
CREATE TABLE scrub (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    began_us     INTEGER NOT NULL, -- start of this round
    camera       INTEGER NOT NULL, -- the segment that was read last
    quality      INTEGER NOT NULL,
    start_us     INTEGER NOT NULL,
    read_bytes   INTEGER NOT NULL, -- in this round
    found        INTEGER NOT NULL, -- integrity issues, in all rounds
    finished_us  INTEGER           -- end of the last full round
) STRICT;
