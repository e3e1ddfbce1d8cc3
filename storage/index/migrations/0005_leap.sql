-- A doubt is something else.
ALTER TABLE alive RENAME COLUMN doubt_us TO leap_us;
ALTER TABLE alive RENAME COLUMN doubt_left_us TO leap_left_us;
