-- Hosts whose desktops' disks lie on one storage can start each other's desktops.

ALTER TABLE hosts ADD COLUMN desktop_storage TEXT NOT NULL DEFAULT ''; -- the mark found there; '': not known
