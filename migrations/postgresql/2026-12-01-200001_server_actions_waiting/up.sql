-- What is not done, given up or not, is a few rows however many were done.
CREATE INDEX server_actions_waiting ON server_actions (position_id) WHERE done_at IS NULL;
