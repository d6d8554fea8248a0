-- Which vmpool process may act: on a host ("host:ID"), on pools and images ("pools"), and that it lives
-- ("vmpool:NAME"). Its owner raises the turn again and again; whoever has seen a turn stand still for the time of
-- a lease, by a clock of its own, may take it, and the epoch rises. A boot is one start of one process.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    boot TEXT NOT NULL, -- empty: given back
    turn BIGINT NOT NULL,
    epoch BIGINT NOT NULL
);
CREATE INDEX leases_boot ON leases (boot);
