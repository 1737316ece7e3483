DROP TABLE open_cases;
