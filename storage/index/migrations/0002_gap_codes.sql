-- Gaps get a code beside the sentence. Until now a reason was a sentence only; what it begins with tells the code.
CREATE TABLE ledger_new (
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

INSERT INTO ledger_new (camera, quality, start_us, run, code, reason)
SELECT camera, quality, start_us, run,
    CASE
        WHEN reason IS NULL THEN NULL
        WHEN reason LIKE 'offline: %' THEN 'camera-offline'
        WHEN reason LIKE 'refused: %' THEN 'camera-refused'
        WHEN reason IN ('waiting for the first picture', 'connecting to the camera') THEN 'waiting'
        WHEN reason = 'recording is switched off' THEN 'paused'
        WHEN reason LIKE 'the camera%' THEN 'camera-stream'
        WHEN reason = 'before this camera was added' THEN 'before'
        WHEN reason = 'this stream is not recorded' THEN 'not-recorded'
        WHEN reason = 'recorder was not running' THEN 'server-down'
        WHEN reason = 'the recorder was stopped' THEN 'server-stopped'
        WHEN reason = 'this camera was removed from the configuration' THEN 'retired'
        WHEN reason = 'deleted by retention' THEN 'deleted-by-retention'
        WHEN reason = 'disk full' THEN 'disk-full'
        WHEN reason = 'disk error' THEN 'disk-error'
        WHEN reason = 'pictures were lost on the way to the disk' THEN 'disk-slow'
        WHEN reason = 'the file is missing' THEN 'missing'
        WHEN reason = 'the footage does not verify and was set aside' THEN 'damaged'
        WHEN reason = 'unknown: the index was rebuilt from the files' THEN 'unknown'
        ELSE 'other'
    END,
    reason
FROM ledger;

DROP TABLE ledger;
ALTER TABLE ledger_new RENAME TO ledger;
CREATE INDEX ledger_run ON ledger (camera, quality, run) WHERE run IS NOT NULL;

-- How the clocks stood when a run began.
ALTER TABLE run ADD COLUMN shift_us INTEGER NOT NULL DEFAULT 0 CHECK (shift_us >= 0);
ALTER TABLE run ADD COLUMN camera_clock_us INTEGER;

-- When the recorder was last known to be alive, in which life of the computer, and which time retention believes.
ALTER TABLE alive ADD COLUMN boot TEXT NOT NULL DEFAULT '';
ALTER TABLE alive ADD COLUMN doubt_us INTEGER NOT NULL DEFAULT 0 CHECK (doubt_us >= 0);
ALTER TABLE alive ADD COLUMN doubt_left_us INTEGER NOT NULL DEFAULT 0 CHECK (doubt_left_us >= 0);
