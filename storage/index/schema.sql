-- A camera is known by its UUID. Rows are never deleted, so that no UUID is ever handed out again.
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

-- One camera in use has a name; retired ones may have had the same.
CREATE UNIQUE INDEX camera_name ON camera (name) WHERE retired_us IS NULL;

CREATE TRIGGER camera_keeps_identity BEFORE UPDATE OF id, uuid, folder, created_us ON camera
BEGIN
    SELECT RAISE(ABORT, 'a camera keeps its identity');
END;

CREATE TRIGGER camera_is_kept BEFORE DELETE ON camera
BEGIN
    SELECT RAISE(ABORT, 'a camera is retired, never deleted');
END;

-- What the segments of a stream add up to; the triggers below keep it.
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
    shift_us    INTEGER NOT NULL DEFAULT 0 CHECK (shift_us >= 0), -- how much later than our clock said its begin is filed
    camera_clock_us INTEGER, -- the camera's own clock less ours, when it told; never believed
    PRIMARY KEY (camera, quality, id),
    UNIQUE (camera, uuid),
    FOREIGN KEY (camera, quality) REFERENCES stream (camera, quality)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_open ON run (camera, quality, id) WHERE end_reason IS NULL;

CREATE TRIGGER run_keeps_camera BEFORE UPDATE OF camera, quality, id, uuid ON run
BEGIN
    SELECT RAISE(ABORT, 'a run stays with its camera');
END;

-- A segment's file is <camera.folder>/<quality>/<date>/<time>Z.mp4, from start_us: no row can name another file.
CREATE TABLE segment (
    camera      INTEGER NOT NULL,
    quality     INTEGER NOT NULL,
    start_us    INTEGER NOT NULL,
    end_us      INTEGER NOT NULL, -- start_us while open
    run         INTEGER NOT NULL,
    state       INTEGER NOT NULL CHECK (state IN (1, 2, 3, 4)), -- 1 open, 2 closed, 3 deleting, 4 quarantined
    size_bytes  INTEGER NOT NULL DEFAULT 0, -- 0 while open
    init_bytes  INTEGER NOT NULL,
    key_frames  BLOB, -- NULL while open; last, so that statements without it do not read it
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

-- The ledger says what holds from a moment on: footage of a run, or a gap with its reason. It holds until the next row
-- of the stream, so that the rows of a stream divide time without overlap or hole.
CREATE TABLE ledger (
    camera    INTEGER NOT NULL,
    quality   INTEGER NOT NULL,
    start_us  INTEGER NOT NULL,
    run       INTEGER, -- footage of this run; NULL in a gap
    code      TEXT,    -- why there is none, for programs; NULL over footage
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
    boot   TEXT    NOT NULL DEFAULT '', -- names the computer's life since it was switched on
    leap_us       INTEGER NOT NULL DEFAULT 0 CHECK (leap_us >= 0), -- how much later the clock is than retention believes
    leap_left_us  INTEGER NOT NULL DEFAULT 0 CHECK (leap_left_us >= 0) -- and for how long it goes on not to
) STRICT;

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

-- What somebody found to be other than it should be, until it is looked at again and settled under the store's own lock.
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

-- One row: how far the slow reading of all footage has come.
CREATE TABLE scrub (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    began_us     INTEGER NOT NULL, -- of this round
    camera       INTEGER NOT NULL, -- the segment that was read last
    quality      INTEGER NOT NULL,
    start_us     INTEGER NOT NULL,
    read_bytes   INTEGER NOT NULL, -- in this round
    found        INTEGER NOT NULL, -- doubts, in all rounds
    finished_us  INTEGER           -- end of the last full round
) STRICT;
