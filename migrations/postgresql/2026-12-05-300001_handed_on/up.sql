-- THREAD-2: from which e-mail a team was handed on to one that answers it; where the former loses it, the latter does, too.
ALTER TABLE email_teams ADD COLUMN handed_by BIGINT;
