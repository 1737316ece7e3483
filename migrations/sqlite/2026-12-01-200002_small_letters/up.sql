-- Each connection is taught the function: nothing of it is in the file.
SELECT 1;
