-- Which desktop rows changed, in the order of the changes: who drives desktops reads what is new instead of all. The
-- newest ones are kept; a reader that finds the last one it knows gone, or another, reads all rows.
CREATE TABLE desktop_changes (
    number @SERIAL@,
    desktop_id TEXT NOT NULL -- it may be deleted by now
);
-- It is never empty, so that a reader always has a last entry to go on from.
INSERT INTO desktop_changes (desktop_id) VALUES ('');
