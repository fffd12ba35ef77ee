-- Until Postgres 14 everybody may create in public, and a database keeps that when it is upgraded. Who may create
-- there can have others run operators of theirs. The owner of this project's tables keeps the right.
REVOKE CREATE ON SCHEMA public FROM PUBLIC
