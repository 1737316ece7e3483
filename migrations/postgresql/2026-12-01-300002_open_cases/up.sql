-- How many open cases each user has (DIST-3): counting them takes the longer the more there are.
CREATE TABLE open_cases (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    cases BIGINT NOT NULL
);
INSERT INTO open_cases (user_id, cases)
    SELECT assigned_user_id, COUNT(*) FROM records
    WHERE status IN ('new', 'assigned', 'pending') AND assigned_user_id IS NOT NULL GROUP BY assigned_user_id;
