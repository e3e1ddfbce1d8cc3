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
    reason    TEXT,    -- why there is none; NULL over footage
    PRIMARY KEY (camera, quality, start_us),
    FOREIGN KEY (camera, quality) REFERENCES stream (camera, quality),
    FOREIGN KEY (camera, quality, run) REFERENCES run (camera, quality, id),
    CHECK ((run IS NULL) <> (reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_run ON ledger (camera, quality, run) WHERE run IS NOT NULL;

-- One row: when the recorder was last known to be alive.
CREATE TABLE alive (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    at_us  INTEGER NOT NULL
) STRICT;
