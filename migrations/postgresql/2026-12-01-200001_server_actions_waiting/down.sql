DROP INDEX server_actions_waiting;
